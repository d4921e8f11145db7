//! Namespaces that go and leave their secrets, and lists of the secrets of all namespaces.

use aks_kms_simulator::backend::KubernetesBackend;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Api, MERGE_PATCH, World, v2};

const TABLE: &str = "/api/v1/secrets?includeObject=None&limit=1";

async fn world() -> (World, Api) {
    let world = World::new(json!({"secrets": {"each": 0}}), v2(1, 0), 0.001);
    for namespace in ["ghost", "ghost-a", "team"] {
        world.api.add_secrets(namespace, 1..=1, None).await.unwrap();
    }
    let api = world.client();
    (world, api)
}

async fn finalize(api: &Api, namespace: &str) -> Value {
    let body = json!({"metadata": {"name": namespace}, "spec": {"finalizers": []}});
    let path = format!("/api/v1/namespaces/{namespace}/finalize");
    let response = api.request(Method::PUT, &path).json(&body).send().await.unwrap();
    assert_eq!(response.status(), 200);
    response.json().await.unwrap()
}

#[tokio::test]
async fn a_namespace_that_is_finalized_by_hand_leaves_secrets_that_can_be_read_and_deleted() {
    let (_world, api) = world().await;
    let path = "/api/v1/namespaces/ghost";
    let secrets = format!("{path}/secrets");
    finalize(&api, "ghost").await;
    assert_eq!(api.get(path).await.status(), 200, "it was not deleted");
    let deleted = api.request(Method::DELETE, path).send().await.unwrap();
    assert_eq!(deleted.status(), 200);
    assert_eq!(api.json(path).await["status"]["phase"], "Terminating");
    let body = json!({"metadata": {"name": "late"}});
    let late = api.request(Method::POST, &secrets).json(&body).send().await.unwrap();
    assert_eq!(late.status(), 403, "nothing new is made in it");
    finalize(&api, "ghost").await;
    assert_eq!(api.get(path).await.status(), 404);

    assert_eq!(api.get(&format!("{secrets}/secret-1")).await.status(), 200);
    assert_eq!(api.json(&secrets).await["items"].as_array().unwrap().len(), 1);
    let patched = api.patch("ghost", "secret-1", "{}").await;
    assert_eq!(patched.status(), 404);
    let status: Value = patched.json().await.unwrap();
    assert_eq!(status["details"], json!({"name": "ghost", "kind": "namespaces"}));
    let other = api.patch("ghost", "none", "{}").await.json::<Value>().await.unwrap();
    assert_eq!(other["details"], json!({"name": "none", "kind": "secrets"}));
    let deleted = api.request(Method::DELETE, &format!("{secrets}/secret-1")).send().await;
    assert_eq!(deleted.unwrap().status(), 200);
}

#[tokio::test]
async fn since_1_37_what_a_namespace_left_can_be_changed_and_nothing_new_be_made() {
    let (world, api) = world().await;
    world.api.set_version("1.37.2").await.unwrap();
    finalize(&api, "ghost").await;
    let path = "/api/v1/namespaces/ghost";
    api.request(Method::DELETE, path).send().await.unwrap();
    finalize(&api, "ghost").await;
    assert_eq!(api.get(path).await.status(), 404);
    let change = r#"{"metadata":{"annotations":{"a":"b"}}}"#;
    assert_eq!(api.patch("ghost", "secret-1", change).await.status(), 200);
    let body = json!({"metadata": {"name": "late"}});
    let late = api.request(Method::POST, &format!("{path}/secrets")).json(&body).send().await;
    assert_eq!(late.unwrap().status(), 404);
}

/// The rows' names and the key of the continue token of a page of one.
async fn page(api: &Api, start: Option<&str>) -> (Vec<Value>, Option<String>) {
    let token = start.map_or_else(String::new, |start| {
        let token = json!({"v": "meta.k8s.io/v1", "rv": -1, "start": start});
        format!("&continue={}", URL_SAFE_NO_PAD.encode(token.to_string()))
    });
    let table: Value = api.table(&format!("{TABLE}{token}")).await.json().await.unwrap();
    let rows = table["rows"].as_array().unwrap();
    let key = table["metadata"]["continue"].as_str().map(|token| {
        let token = URL_SAFE_NO_PAD.decode(token).unwrap();
        let token: Value = serde_json::from_slice(&token).unwrap();
        token["start"].as_str().unwrap().to_owned()
    });
    (rows.iter().map(|row| row["cells"][0].clone()).collect(), key)
}

#[tokio::test]
async fn the_list_of_all_secrets_is_in_the_order_of_keys_from_any_place() {
    let (_world, api) = world().await;
    let expected = [
        (None, Some("/ghost-a/secret-1\0")),
        (Some("ghost-a/~"), Some("/ghost/secret-1\0")),
        (Some("ghost"), Some("/ghost-a/secret-1\0")),
        (Some("ghost/\0"), Some("/ghost/secret-1\0")),
        (Some("ghost0"), None),
        (Some("/team/\0"), None),
    ];
    for (start, key) in expected {
        let (rows, found) = page(&api, start).await;
        assert_eq!((rows.len(), found.as_deref()), (1, key), "{start:?}");
    }
    assert_eq!(page(&api, Some("team/~")).await, (Vec::new(), None));
}

#[tokio::test]
async fn a_secret_is_found_by_name_and_type_and_deleted_in_its_version_only() {
    let (_world, api) = world().await;
    let secrets = "/api/v1/namespaces/team/secrets";
    let body = json!({"metadata": {"name": "typed"}, "type": "a/b"});
    api.request(Method::POST, secrets).json(&body).send().await.unwrap();
    let count = async |selector: &str| {
        let path = format!("{secrets}?limit=1&fieldSelector={selector}");
        api.json(&path).await["items"].as_array().unwrap().len()
    };
    assert_eq!(count("metadata.name%3Dtyped").await, 1);
    assert_eq!(count("metadata.name%3Dtyped%2Ctype%3Da%2Fb").await, 1);
    assert_eq!(count("metadata.name%3Dtyped%2Ctype%3DOpaque").await, 0);
    assert_eq!(count("metadata.name%3Dnone").await, 0);

    let path = format!("{secrets}/typed");
    let guarded = api.request(Method::PATCH, &path).header("content-type", MERGE_PATCH);
    let guarded = guarded.body(r#"{"type":"Opaque"}"#).send().await.unwrap();
    assert_eq!(guarded.status(), 422);
    let status: Value = guarded.json().await.unwrap();
    assert_eq!(status["details"]["causes"][0]["field"], "type");
    let delete = async |version: &str| {
        let options = json!({"preconditions": {"resourceVersion": version}});
        api.request(Method::DELETE, &path).json(&options).send().await.unwrap().status()
    };
    let version = api.json(&path).await["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
    assert_eq!(delete("1").await, 409);
    assert_eq!(delete(&version).await, 200);
}
