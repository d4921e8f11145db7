//! Tags, stop and start, abort, run command, agent pools, and what goes on at the same time.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{AKS, Client, Fixture, code, with_kms};

fn part(client: &Client, part: &str) -> String {
    format!("{}/{part}?api-version={AKS}", client.case.cluster_id)
}

/// Sends a request that starts an operation and gives its status and the operation's last body.
async fn operate(
    client: &Client,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> (u16, Value) {
    let response = client.arm_with(method, path, &[], body).await;
    let status = response.status().as_u16();
    match response.headers().get("azure-asyncoperation").cloned() {
        Some(poll) => (status, client.wait(poll.to_str().unwrap()).await),
        None => (status, response.json().await.unwrap_or_default()),
    }
}

#[tokio::test]
async fn a_patch_changes_tags_and_nothing_else() {
    let fixture = Fixture::start().await;
    let (client, backend) = fixture.case(json!({})).await;
    let before = client.cluster().await;
    let body = json!({ "tags": { "owner": "platform" } });
    let (status, ended) =
        operate(&client, Method::PATCH, &client.cluster_path(), Some(&body)).await;
    assert_eq!((status, &ended["status"]), (200, &json!("Succeeded")));
    let after = client.cluster().await;
    assert_eq!(after["tags"], body["tags"]);
    assert_eq!(after["properties"], before["properties"]);
    assert_ne!(after["eTag"], before["eTag"]);
    for body in [json!({}), json!({ "tags": "none" }), json!({ "tags": {}, "properties": {} })] {
        let (status, answer) = client.arm(Method::PATCH, &client.cluster_path(), Some(&body)).await;
        assert_eq!((status, code(&answer)), (400, "InvalidParameter"), "{body}");
    }
    assert!(backend.applied.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_stopped_cluster_takes_no_changes_until_it_is_started() {
    let fixture = Fixture::start().await;
    let (client, backend) = fixture.case(json!({})).await;
    let (status, ended) = operate(&client, Method::POST, &part(&client, "stop"), None).await;
    assert_eq!((status, &ended["status"]), (202, &json!("Succeeded")));
    let stopped = client.cluster().await;
    assert_eq!(stopped["properties"]["powerState"]["code"], "Stopped");
    let body = with_kms(stopped, &client.case.key_ids[0]);
    let tags = json!({ "tags": {} });
    for (method, path, body) in [
        (Method::PUT, client.cluster_path(), Some(&body)),
        (Method::PATCH, client.cluster_path(), Some(&tags)),
        (Method::POST, part(&client, "stop"), None),
    ] {
        let (status, answer) = client.arm(method, &path, body).await;
        assert_eq!((status, code(&answer)), (409, "OperationNotAllowed"), "{path}");
    }
    let (status, ended) = operate(&client, Method::POST, &part(&client, "start"), None).await;
    assert_eq!((status, &ended["status"]), (202, &json!("Succeeded")));
    assert_eq!(*backend.running.lock().unwrap(), [false, true]);
    assert_eq!(client.put_cluster(&body).await["status"], "Succeeded");
    let (status, answer) = client.arm(Method::POST, &part(&client, "start"), None).await;
    assert_eq!((status, code(&answer)), (409, "OperationNotAllowed"));

    let private = json!({ "cluster": {
        "kubernetes_version": "1.30.3", "kms": { "key": "{{key.1}}", "network_mode": "private" },
    }});
    let (client, _) = fixture.case(private).await;
    let (status, answer) = client.arm(Method::POST, &part(&client, "stop"), None).await;
    assert_eq!((status, code(&answer)), (400, "OperationNotAllowed"), "not without integration");
}

#[tokio::test]
async fn an_operation_that_goes_on_can_be_aborted() {
    let fixture = Fixture::start().await;
    let (client, backend) = fixture.case(json!({ "faults": { "operation_seconds": 60.0 } })).await;
    let (status, answer) = client.arm(Method::POST, &part(&client, "abort"), None).await;
    assert_eq!((status, code(&answer)), (409, "OperationNotAllowed"), "nothing goes on");
    let document = with_kms(client.cluster().await, &client.case.key_ids[0]);
    let response = client.arm_with(Method::PUT, &client.cluster_path(), &[], Some(&document)).await;
    let poll = response.headers()["azure-asyncoperation"].to_str().unwrap().to_owned();
    let (status, ended) = operate(&client, Method::POST, &part(&client, "abort"), None).await;
    assert_eq!((status, &ended["status"]), (202, &json!("Succeeded")));
    assert_eq!(client.wait(&poll).await["status"], "Canceled");
    assert_eq!(client.cluster().await["properties"]["provisioningState"], "Canceled");
    assert!(backend.applied.lock().unwrap().is_empty());
}

#[tokio::test]
async fn agent_pools_are_added_scaled_upgraded_and_deleted() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({ "cluster": { "kubernetes_version": "1.33.3" } })).await;
    let pool = part(&client, "agentPools/extra");
    let etag = client.cluster().await["eTag"].clone();
    let body = json!({ "properties": { "count": 2, "orchestratorVersion": "1.32.3" } });
    let (status, ended) = operate(&client, Method::PUT, &pool, Some(&body)).await;
    assert_eq!((status, &ended["status"]), (201, &json!("Succeeded")), "{ended}");
    let made = client.get(&pool).await;
    assert_eq!(made["properties"]["currentOrchestratorVersion"], "1.32.3");
    assert_eq!(made["properties"]["provisioningState"], "Succeeded");
    assert_eq!(made["properties"]["maxPods"], 110);
    let pools = client.get(&part(&client, "agentPools")).await;
    assert_eq!(pools["value"].as_array().unwrap().len(), 2);
    let offered = client.get(&part(&client, "agentPools/extra/upgradeProfiles/default")).await;
    let upgrades = offered["properties"]["upgrades"].as_array().unwrap();
    let newest =
        upgrades.iter().map(|upgrade| upgrade["kubernetesVersion"].as_str().unwrap()).max();
    assert_eq!(newest, Some("1.33.3"), "no further than the control plane");
    let versions = client.get(&part(&client, "availableAgentPoolVersions")).await;
    assert!(!versions["properties"]["agentPoolVersions"].as_array().unwrap().is_empty());

    let body = json!({ "properties": { "count": 4, "orchestratorVersion": "1.33.3" } });
    let (status, ended) = operate(&client, Method::PUT, &pool, Some(&body)).await;
    assert_eq!((status, &ended["status"]), (200, &json!("Succeeded")));
    let changed = client.get(&pool).await;
    assert_eq!(changed["properties"]["count"], 4);
    assert_eq!(changed["properties"]["currentOrchestratorVersion"], "1.33.3");
    assert_ne!(changed["properties"]["eTag"], made["properties"]["eTag"]);
    assert_eq!(client.cluster().await["eTag"], etag, "the cluster's own eTag stays");
    for (body, status, expected) in [
        (json!({ "count": -1 }), 400, "InvalidParameter"),
        (json!({ "count": "many" }), 400, "InvalidParameter"),
        (json!({ "orchestratorVersion": "1.34.3" }), 400, "NodePoolMcVersionIncompatible"),
        (json!({ "orchestratorVersion": "1.32.3" }), 400, "K8sVersionNotSupported"),
    ] {
        let body = json!({ "properties": body });
        let (seen, answer) = client.arm(Method::PUT, &pool, Some(&body)).await;
        assert_eq!((seen, code(&answer)), (status, expected), "{body}");
    }
    let old = made["properties"]["eTag"].as_str().unwrap();
    let response = client.arm_with(Method::PUT, &pool, &[("if-match", old)], Some(&body)).await;
    assert_eq!(response.status(), 412);
    let bad = part(&client, "agentPools/Not_A_Name");
    let (status, answer) = client.arm(Method::PUT, &bad, Some(&body)).await;
    assert_eq!((status, code(&answer)), (400, "InvalidParameter"));

    let (status, ended) = operate(&client, Method::DELETE, &pool, None).await;
    assert_eq!((status, &ended["status"]), (202, &json!("Succeeded")));
    let (status, answer) = client.arm(Method::GET, &pool, None).await;
    assert_eq!((status, code(&answer)), (404, "NotFound"));
    let last = part(&client, "agentPools/nodepool1");
    let (status, answer) = client.arm(Method::DELETE, &last, None).await;
    assert_eq!((status, code(&answer)), (400, "BadRequest"), "the last system pool stays");
}

#[tokio::test]
async fn a_cluster_is_busy_while_one_of_its_pools_is() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({ "faults": { "operation_seconds": 0.2 } })).await;
    let nodes = part(&client, "agentPools/nodepool1");
    let document = client.cluster().await;
    let body = json!({ "properties": { "count": 5 } });
    let response = client.arm_with(Method::PUT, &nodes, &[], Some(&body)).await;
    assert_eq!(response.status(), 200);
    let poll = response.headers()["azure-asyncoperation"].to_str().unwrap().to_owned();
    assert_eq!(client.get(&nodes).await["properties"]["provisioningState"], "Scaling");
    assert_eq!(client.cluster().await["properties"]["provisioningState"], "Succeeded");
    let (status, answer) = client.arm(Method::PUT, &client.cluster_path(), Some(&document)).await;
    assert_eq!((status, code(&answer)), (409, "OperationNotAllowed"));
    client.wait(&poll).await;
    let mut document = client.cluster().await;
    assert_eq!(document["properties"]["agentPoolProfiles"][0]["count"], 5);
    let pools = document["properties"]["agentPoolProfiles"].as_array_mut().unwrap();
    pools.push(json!({ "name": "second", "count": 1 }));
    assert_eq!(client.put_cluster(&document).await["status"], "Succeeded", "a PUT can add one");
    let second = client.get(&part(&client, "agentPools/second")).await;
    assert_eq!(second["properties"]["provisioningState"], "Succeeded");
}

#[tokio::test]
async fn the_versions_of_a_region_are_listed() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({})).await;
    let path = format!(
        "{}/providers/Microsoft.ContainerService/locations/eastus/kubernetesVersions?api-version={AKS}",
        client.subscription()
    );
    let versions = client.get(&path).await;
    let of = |minor: &str| {
        let values = versions["values"].as_array().unwrap();
        values.iter().find(|version| version["version"] == minor).unwrap()
    };
    assert_eq!(of("1.34")["isDefault"], true);
    let upgrades = &of("1.33")["patchVersions"]["1.33.7"]["upgrades"];
    assert_eq!(*upgrades, json!(["1.34.3", "1.34.7"]));
}
