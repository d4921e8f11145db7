//! Faults, and the proxy.

use std::time::{Duration, Instant};

use aks_kms_simulator::writes::Write;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::{Method, Proxy};
use serde_json::{Value, json};
use time::{
    OffsetDateTime,
    format_description::well_known::{Rfc2822, Rfc3339},
};

use crate::support::{Fixture, code, token, with_kms};

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

#[tokio::test]
async fn an_accepted_request_may_not_say_where_to_poll() {
    let fixture = Fixture::start().await;
    let given = json!({ "faults": { "no_poll_header": true, "operation_seconds": 0.1 } });
    let (client, _) = fixture.case(given).await;
    let document = with_kms(client.cluster().await, &client.case.key_ids[0]);
    let response = client.arm_with(Method::PUT, &client.cluster_path(), &[], Some(&document)).await;
    assert_eq!(response.status(), 200);
    for header in ["azure-asyncoperation", "location"] {
        assert!(!response.headers().contains_key(header));
    }
    let state = async || {
        client.cluster().await["properties"]["provisioningState"].as_str().unwrap().to_owned()
    };
    assert_eq!(state().await, "Updating");
    while state().await == "Updating" {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(state().await, "Succeeded");
    let response = client.arm_with(Method::DELETE, &client.cluster_path(), &[], None).await;
    assert_eq!(response.status(), 202);
    assert!(!response.headers().contains_key("location"));
}

#[tokio::test]
async fn a_request_may_take_effect_although_its_answer_is_lost() {
    let fixture = Fixture::start().await;
    let (client, backend) = fixture
        .case(json!({ "faults": { "azure": [
            { "method": "PUT", "path": "managedClusters", "status": 0, "takes_effect": true, "times": 1 },
            { "method": "POST", "path": "/create", "status": 504, "takes_effect": true, "times": 1 },
        ]}}))
        .await;
    let document = with_kms(client.cluster().await, &client.case.key_ids[0]);
    let request = client.http.put(format!("{}{}", client.case.arm, client.cluster_path()));
    let scope = format!("{}/.default", client.case.arm);
    let token = token(&client.http, &client.case, &scope).await;
    let sent = request.bearer_auth(token).json(&document).send().await;
    assert!(sent.is_err(), "the connection is dropped");
    let after = client.cluster().await;
    assert_eq!(after["properties"]["securityProfile"]["azureKeyVaultKms"]["enabled"], true);
    assert_eq!(backend.applied.lock().unwrap().len(), 1);
    let create = json!({ "kty": "RSA" });
    let url = format!("{}/create", client.key_url());
    assert_eq!(client.vault(Method::POST, &url, Some(&create)).await.0, 504);
    let (_, versions) =
        client.vault(Method::GET, &format!("{}/versions", client.key_url()), None).await;
    assert_eq!(versions["value"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn answers_come_late() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture
        .case(json!({ "faults": {
            "azure_latency_ms": 60,
            "azure": [{ "path": "managedClusters", "status": 503, "latency_ms": 150, "times": 1 }],
        }}))
        .await;
    for (least, status) in [(210, 503), (60, 200)] {
        let sent = Instant::now();
        assert_eq!(client.arm(Method::GET, &client.cluster_path(), None).await.0, status);
        assert!(sent.elapsed() >= Duration::from_millis(least), "{:?}", sent.elapsed());
    }
    let sent = Instant::now();
    assert_eq!(client.vault(Method::GET, &client.key_url(), None).await.0, 200);
    assert!(sent.elapsed() >= Duration::from_millis(60));
}

#[tokio::test]
async fn the_services_clock_may_be_wrong() {
    let fixture = Fixture::start().await;
    let shift = 7200;
    let (client, backend) =
        fixture.case(json!({ "faults": { "clock_shift_seconds": -shift } })).await;
    let response = client.arm_with(Method::GET, &client.cluster_path(), &[], None).await;
    assert_eq!(response.status(), 200, "its own tokens are valid by its own clock");
    let date = response.headers()["date"].to_str().unwrap().to_owned();
    let date = OffsetDateTime::parse(&date, &Rfc2822).unwrap();
    let behind = (OffsetDateTime::now_utc() - date).whole_seconds();
    assert!((shift..shift + 60).contains(&behind), "{behind}");
    let document = with_kms(client.cluster().await, &client.case.key_ids[0]);
    let ended = client.put_cluster(&document).await;
    let start = ended["startTime"].as_str().unwrap();
    let behind = OffsetDateTime::now_utc() - OffsetDateTime::parse(start, &Rfc3339).unwrap();
    assert!(behind.whole_seconds() >= shift, "{start}");
    let claims = client.vault_token.split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    assert!(claims["exp"].as_i64().unwrap() < OffsetDateTime::now_utc().unix_timestamp());
    assert_eq!(client.vault(Method::GET, &client.key_url(), None).await.0, 200);
    assert!(!backend.applied.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_operation_fails_after_the_step_that_the_case_names() {
    let fixture = Fixture::start().await;
    for (step, applied, upgraded, pool) in [
        ("nothing", 0, false, false),
        ("encryption", 1, false, false),
        ("control-plane", 1, true, false),
        ("node-pools", 1, true, true),
    ] {
        let (client, backend) = fixture
            .case(json!({ "faults": { "operations": [
                { "status": "Failed", "code": "QuotaExceeded", "after": step },
            ]}}))
            .await;
        let mut document = with_kms(client.cluster().await, &client.case.key_ids[0]);
        document["properties"]["kubernetesVersion"] = json!("1.35.3");
        document["properties"]["agentPoolProfiles"][0]["orchestratorVersion"] = json!("1.35.3");
        let path = client.cluster_path();
        let response = client.arm_with(Method::PUT, &path, &[], Some(&document)).await;
        let poll = response.headers()["azure-asyncoperation"].to_str().unwrap().to_owned();
        let ended = client.wait(&poll).await;
        assert_eq!((&ended["status"], code(&ended)), (&json!("Failed"), "QuotaExceeded"));
        let after = client.cluster().await["properties"].clone();
        assert_eq!(after["provisioningState"], "Failed");
        assert_eq!(backend.applied.lock().unwrap().len(), applied, "{step}");
        assert_eq!(after["currentKubernetesVersion"] == "1.35.3", upgraded, "{step}");
        let version = &after["agentPoolProfiles"][0]["currentOrchestratorVersion"];
        assert_eq!(*version == "1.35.3", pool, "{step}");
    }
}
