//! `az aks command invoke`: a command that runs in the cluster.

use std::time::Duration;

use aks_kms_simulator::{Given, Options, Simulator, real::Binaries};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    common::AKS,
    support::{Client, Fixture, code},
};

const PATIENCE: Duration = Duration::from_secs(60);

fn run_command(client: &Client) -> String {
    format!("{}/runCommand?api-version={AKS}", client.case.cluster_id)
}

/// Runs a command to its end: the result's properties.
async fn invoke(client: &Client, body: Value) -> Value {
    let result = begin(client, body).await;
    end(client, &result).await
}

/// Starts a command: where its result is.
async fn begin(client: &Client, body: Value) -> String {
    let response = client.arm_with(Method::POST, &run_command(client), &[], Some(&body)).await;
    assert_eq!(response.status(), 202);
    let location = response.headers()["location"].to_str().unwrap();
    location.strip_prefix(&client.case.arm).unwrap().to_owned()
}

/// Waits for the end of a command: the result's properties.
async fn end(client: &Client, result: &str) -> Value {
    let looking = async {
        loop {
            let (status, result) = client.arm(Method::GET, result, None).await;
            if status != 202 {
                assert_eq!(status, 200, "{result}");
                return result["properties"].clone();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.unwrap()
}

#[tokio::test]
async fn where_kubernetes_is_a_model_it_is_refused_by_name() {
    let options = Options { run_command: true, ..Options::default() };
    let simulator = Simulator::start(options).await.unwrap();
    let case = simulator.put_case(Given::default()).await.unwrap();
    let client = Client::sign_in(case).await;
    let body = json!({ "command": "kubectl get secrets" });
    let (status, answer) = client.arm(Method::POST, &run_command(&client), Some(&body)).await;
    assert_eq!((status, code(&answer)), (400, "RunCommandNotAvailable"));
}

/// Where there is a kubectl, so that a command could be run.
#[tokio::test]
async fn nothing_is_run_unless_the_simulator_is_told_to() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({})).await;
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("it-ran");
    let body = json!({ "command": format!("touch {}", mark.display()) });
    let (status, answer) = client.arm(Method::POST, &run_command(&client), Some(&body)).await;
    assert_eq!((status, code(&answer)), (400, "RunCommandNotAvailable"), "{answer}");
    let message = answer["message"].as_str().unwrap();
    assert!(message.contains("--run-command"), "{message}");

    let options = Options { run_command: true, ..Options::default() };
    let fixture = Fixture::start_with(options).await;
    let (client, _) = fixture.case(json!({})).await;
    let result = invoke(&client, body).await;
    assert_eq!(result["exitCode"], 0, "{result}");
    assert!(mark.exists());
}

#[tokio::test]
async fn who_may_not_run_commands_is_refused() {
    let fixture = Fixture::start().await;
    let action = "Microsoft.ContainerService/managedClusters/runCommand/action";
    let (client, _) = fixture.case(json!({ "access": { "caller_lacks": [action] } })).await;
    let body = json!({ "command": "kubectl get secrets" });
    let (status, answer) = client.arm(Method::POST, &run_command(&client), Some(&body)).await;
    assert_eq!((status, code(&answer)), (403, "AuthorizationFailed"));
}

#[tokio::test]
async fn what_is_no_command_is_refused() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({})).await;
    for body in [
        json!({}),
        json!({ "command": " " }),
        json!({ "command": 7 }),
        json!({ "command": "true", "context": "no base64!" }),
        json!({ "command": "true", "context": "bm8gemlw" }),
    ] {
        let (status, answer) = client.arm(Method::POST, &run_command(&client), Some(&body)).await;
        assert_eq!((status, code(&answer)), (400, "InvalidParameter"), "{body}");
    }
    let unknown = format!("{}/commandResults/none?api-version={AKS}", client.case.cluster_id);
    assert_eq!(client.arm(Method::GET, &unknown, None).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_real_api_server_it_runs_with_kubectl() {
    if !Binaries::available_with_kubectl() {
        return;
    }
    let options = Options { run_command: true, ..Options::default() };
    let simulator = Simulator::start(options).await.unwrap();
    let given = json!({
        "cluster": { "backend": "real", "api_servers": 1 },
        "secrets": { "namespaces": 1, "each": 3 },
    });
    let case = simulator.put_case(serde_json::from_value(given).unwrap()).await.unwrap();
    let client = Client::sign_in(case).await;

    let command = "kubectl get secrets --namespace team-1 --output name";
    let result = invoke(&client, json!({ "command": command, "context": "" })).await;
    assert_eq!(
        (&result["provisioningState"], &result["exitCode"]),
        (&json!("Succeeded"), &json!(0))
    );
    assert_eq!(result["logs"], "secret/secret-1\nsecret/secret-2\nsecret/secret-3\n");
    assert!(result["startedAt"].is_string() && result["finishedAt"].is_string(), "{result}");

    let result = invoke(&client, json!({ "command": "kubectl get secret none" })).await;
    assert_eq!(
        (&result["provisioningState"], &result["exitCode"]),
        (&json!("Succeeded"), &json!(1))
    );
    assert!(result["logs"].as_str().unwrap().contains("not found"), "{result}");

    let sleeps = begin(&client, json!({ "command": "sleep 600" })).await;
    let stop = format!("{}/stop?api-version={AKS}", client.case.cluster_id);
    assert_eq!(client.arm(Method::POST, &stop, None).await.0, 202);
    let result = end(&client, &sleeps).await;
    assert_eq!(result["provisioningState"], "Failed");
    assert_eq!(result["reason"], "The cluster was stopped.");
    let body = json!({ "command": "true" });
    let (status, answer) = client.arm(Method::POST, &run_command(&client), Some(&body)).await;
    assert_eq!((status, code(&answer)), (409, "OperationNotAllowed"));
}
