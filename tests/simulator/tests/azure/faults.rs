//! Faults, and the proxy.

use reqwest::{Method, Proxy};
use serde_json::json;

use aks_kms_simulator::writes::Write;

use crate::support::{Fixture, code};

#[tokio::test]
async fn an_operation_that_goes_on_says_when_to_look_again_where_the_case_says_so() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture
        .case(json!({ "faults": { "operation_seconds": 0.2, "operation_retry_after": 3 } }))
        .await;
    let path = client.cluster_path();
    let document = client.cluster().await;
    let etag = document["eTag"].as_str().unwrap();
    let put = client.arm_with(Method::PUT, &path, &[("if-match", etag)], Some(&document)).await;
    let poll = put.headers()["azure-asyncoperation"].to_str().unwrap().to_owned();
    let poll_path = &poll[client.case.arm.len()..];
    let running = client.arm_with(Method::GET, poll_path, &[], None).await;
    assert_eq!(running.headers()["retry-after"], "3");
    client.wait(&poll).await;
    let ended = client.arm_with(Method::GET, poll_path, &[], None).await;
    assert!(!ended.headers().contains_key("retry-after"));

    let writes = fixture.simulator.writes(&client.case.id).unwrap();
    assert!(
        matches!(&writes[..], [Write::Request { api_version: Some(version), if_match: Some(sent), .. }]
            if version == "2026-08-01" && sent == etag),
        "{writes:?}"
    );
}

#[tokio::test]
async fn requests_fail_as_the_case_says() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture
        .case(json!({ "faults": { "azure": [
            { "method": "GET", "path": "managedClusters", "status": 429, "retry_after": 7, "times": 1 },
            { "method": "GET", "path": "managedClusters", "status": 502, "times": 1 },
            { "method": "PUT", "path": "managedClusters", "status": 409, "code": "AKSOperationPreempted", "times": 1 },
            { "path": "/keys/", "status": 0, "times": 1 },
        ]}}))
        .await;
    let path = client.cluster_path();
    let response = client.arm_with(Method::GET, &path, &[], None).await;
    assert_eq!(response.status(), 429);
    assert_eq!(response.headers()["retry-after"], "7");
    let response = client.arm_with(Method::GET, &path, &[], None).await;
    assert_eq!(response.status(), 502);
    assert_eq!(response.headers()["content-type"], "text/html");
    let document = client.cluster().await;
    let (status, body) = client.arm(Method::PUT, &path, Some(&document)).await;
    assert_eq!((status, code(&body)), (409, "AKSOperationPreempted"));
    let writes = fixture.simulator.writes(&client.case.id).unwrap();
    assert_eq!(writes.len(), 1, "a write that a fault answers was still sent");

    let url = format!("{}?api-version=7.4", client.key_url());
    let get = || client.http.get(&url).bearer_auth(&client.vault_token).send();
    assert!(get().await.is_err(), "the connection is dropped");
    assert_eq!(get().await.unwrap().status(), 200);
    fixture.simulator.clear_writes(&client.case.id).unwrap();
    assert!(fixture.simulator.writes(&client.case.id).unwrap().is_empty());

    let faults = json!({ "azure": [{ "path": "managedClusters", "status": 503 }] });
    let faults = serde_json::from_value(faults).unwrap();
    fixture.simulator.set_faults(&client.case.id, faults).await.unwrap();
    assert_eq!(client.arm(Method::GET, &path, None).await.0, 503);
}

#[tokio::test]
async fn the_proxy_leads_to_vaults_and_to_the_simulator_only() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({})).await;
    let refused = async |url: &str| {
        let error = client.http.get(url).send().await.unwrap_err();
        assert!(error.is_connect(), "{error}");
    };
    refused("https://example.com/").await;
    refused("https://127.0.0.1:9/").await;
    refused("https://no-such-vault.vault.azure.net/").await;
    let plain = reqwest::Client::builder()
        .proxy(Proxy::all(fixture.simulator.proxy()).unwrap())
        .build()
        .unwrap();
    let response = plain.get("http://example.com/").send().await.unwrap();
    assert_eq!(response.status(), 405, "only CONNECT");
    let localhost = client.case.arm.replace("127.0.0.1", "localhost");
    let url = format!("{localhost}/metadata/endpoints?api-version=2022-09-01");
    assert_eq!(client.http.get(url).send().await.unwrap().status(), 200);
}
