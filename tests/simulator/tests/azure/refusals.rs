//! What Resource Manager answers to requests that make no sense: its status, code and shape.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{AKS, Fixture, code};

#[tokio::test]
async fn unknown_routes_have_azures_answer() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({})).await;
    let cluster = &client.case.cluster_id;
    let subscription = client.subscription();
    for (method, path) in [
        (Method::GET, "/".to_owned()),
        (Method::GET, "/unheard".to_owned()),
        (Method::DELETE, subscription.to_owned()),
        (Method::GET, format!("{subscription}/providers/Contoso.Unheard/things")),
        (Method::POST, format!("{cluster}/explode")),
        (Method::PUT, format!("{cluster}/upgradeProfiles/default")),
        (Method::GET, format!("{cluster}/agentPools/nodepool1/unheard")),
        (Method::PATCH, format!("{cluster}/agentPools/nodepool1")),
        (Method::POST, client.case.identity_id.clone()),
        (Method::GET, format!("{cluster}/providers/Microsoft.Authorization/unheard")),
    ] {
        let path = format!("{path}?api-version={AKS}");
        let (status, body) = client.arm(method, &path, None).await;
        assert_eq!((status, code(&body)), (404, "InvalidResourceType"), "{path}");
    }
}

#[tokio::test]
async fn api_versions_are_the_providers_own() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({})).await;
    let (status, body) = client.arm(Method::GET, &client.case.cluster_id, None).await;
    assert_eq!((status, code(&body)), (400, "MissingApiVersionParameter"));
    for (path, wrong, known) in [
        (client.case.cluster_id.clone(), "2026-05-15", AKS),
        (client.case.key_vault_id.clone(), AKS, "2026-05-15"),
        (client.case.identity_id.clone(), AKS, "2025-05-31-preview"),
        (client.subscription().to_owned(), AKS, "2022-12-01"),
    ] {
        let (status, body) =
            client.arm(Method::GET, &format!("{path}?api-version={wrong}"), None).await;
        assert_eq!((status, code(&body)), (400, "InvalidApiVersionParameter"), "{path}");
        assert!(body["error"]["message"].as_str().unwrap().contains(known), "{body}");
        client.get(&format!("{path}?api-version={known}")).await;
    }
}

#[tokio::test]
async fn bodies_that_make_no_sense_are_refused_and_change_nothing() {
    let fixture = Fixture::start().await;
    let (client, backend) = fixture.case(json!({})).await;
    let path = client.cluster_path();
    let before = client.cluster().await;
    for body in ["", "{", "[]", "\"text\"", "null", "\u{0}"] {
        let response = client.arm_raw(Method::PUT, &path, body).await;
        assert_eq!(response.status(), 400, "{body:?}");
        let answer: Value = response.json().await.unwrap();
        assert_eq!(code(&answer), "InvalidRequestContent");
    }
    let with = |pointer: &str, value: Value| {
        let mut body = before.clone();
        *body.pointer_mut(pointer).unwrap() = value;
        body
    };
    for (body, expected) in [
        (with("/location", json!(7)), "LocationRequired"),
        (with("/properties", json!("text")), "InvalidParameter"),
        (with("/properties/agentPoolProfiles", json!({})), "InvalidParameter"),
        (with("/properties/agentPoolProfiles", json!(["text"])), "InvalidParameter"),
        (with("/properties/agentPoolProfiles/0/name", json!(7)), "InvalidParameter"),
        (with("/properties/kubernetesVersion", json!({})), "K8sVersionNotSupported"),
        (with("/properties/kubernetesVersion", json!("latest")), "K8sVersionNotSupported"),
        (with("/properties/dnsPrefix", json!("other")), "PropertyChangeNotAllowed"),
        (with("/identity/type", json!("Magic")), "InvalidParameter"),
        (with("/identity/userAssignedIdentities", json!("text")), "BadRequest"),
    ] {
        let (status, answer) = client.arm(Method::PUT, &path, Some(&body)).await;
        assert_eq!((status, code(&answer)), (400, expected), "{answer}");
    }
    assert_eq!(client.cluster().await, before);
    assert!(backend.applied.lock().unwrap().is_empty());
}

#[tokio::test]
async fn errors_of_aks_are_flat_and_those_of_resource_manager_nested() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({})).await;
    let mut document = client.cluster().await;
    document["properties"]["kubernetesVersion"] = json!("1.99.0");
    let (_, flat) = client.arm(Method::PUT, &client.cluster_path(), Some(&document)).await;
    assert!(flat["code"].is_string() && flat["message"].is_string() && flat["error"].is_null());
    let missing = client.cluster_path().replace('?', "x?");
    let (_, nested) = client.arm(Method::GET, &missing, None).await;
    assert!(nested["error"]["code"].is_string() && nested["error"]["message"].is_string());
    assert!(nested["code"].is_null());
}
