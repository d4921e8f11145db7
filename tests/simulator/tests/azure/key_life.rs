//! The life of a key through the data plane.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Client, Fixture, code};

fn inner(body: &Value) -> &str {
    body["error"]["innererror"]["code"].as_str().unwrap_or_default()
}

/// URL of a path of the case's vault.
fn url(client: &Client, path: &str) -> String {
    format!("https://{}.vault.azure.net/{path}", client.vault_name())
}

#[tokio::test]
async fn keys_of_every_size_wrap_and_encrypt_and_curves_do_not() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({})).await;
    for (size, bytes) in [(2048, 256), (3072, 384), (4096, 512)] {
        let create = json!({ "kty": "RSA-HSM", "key_size": size });
        let path = url(&client, &format!("keys/K{size}/create"));
        let (status, made) = client.vault(Method::POST, &path, Some(&create)).await;
        assert_eq!((status, &made["key"]["kty"]), (200, &json!("RSA-HSM")));
        let modulus = URL_SAFE_NO_PAD.decode(made["key"]["n"].as_str().unwrap()).unwrap();
        assert_eq!(modulus.len(), bytes);
        let id = made["key"]["kid"].as_str().unwrap();
        assert!(id.contains(&format!("/keys/K{size}/")), "the name as it was written: {id}");
        for (there, back) in [("encrypt", "decrypt"), ("wrapkey", "unwrapkey")] {
            for algorithm in ["RSA-OAEP-256", "RSA-OAEP"] {
                let body = json!({ "alg": algorithm, "value": "c2VjcmV0" });
                let path = format!("{id}/{there}");
                let (_, output) = client.vault(Method::POST, &path, Some(&body)).await;
                let body = json!({ "alg": algorithm, "value": output["value"] });
                let path = format!("{id}/{back}");
                let (_, output) = client.vault(Method::POST, &path, Some(&body)).await;
                assert_eq!(output, json!({ "kid": id, "value": "c2VjcmV0" }));
            }
        }
    }
    let create = json!({ "kty": "EC", "crv": "P-384" });
    let (_, made) =
        client.vault(Method::POST, &url(&client, "keys/curve/create"), Some(&create)).await;
    assert_eq!((&made["key"]["kty"], &made["key"]["crv"]), (&json!("EC"), &json!("P-384")));
    assert!(made["key"]["x"].is_string() && made["key"]["y"].is_string());
    let body = json!({ "alg": "RSA-OAEP-256", "value": "c2VjcmV0" });
    let path = url(&client, "keys/curve/encrypt");
    let (status, refusal) = client.vault(Method::POST, &path, Some(&body)).await;
    assert_eq!((status, code(&refusal)), (400, "BadParameter"));
}

#[tokio::test]
async fn without_a_version_the_newest_one_is_meant() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({})).await;
    let newest = &client.case.key_ids[1];
    let key = client.key_url();
    // Clients leave an empty segment where the version would be.
    let (_, got) = client.vault(Method::GET, &format!("{key}/"), None).await;
    assert_eq!(got["key"]["kid"], *newest);
    let body = json!({ "alg": "RSA-OAEP-256", "value": "c2VjcmV0" });
    let (_, output) = client.vault(Method::POST, &format!("{key}//encrypt"), Some(&body)).await;
    assert_eq!(output["kid"], *newest);
    let body = json!({ "attributes": { "enabled": false }, "tags": { "a": "b" } });
    let (_, updated) = client.vault(Method::PATCH, &format!("{key}/"), Some(&body)).await;
    assert_eq!(updated["key"]["kid"], *newest);
    assert_eq!(updated["attributes"]["enabled"], false);
    let (_, other) = client.vault(Method::GET, &client.case.key_ids[0], None).await;
    assert_eq!(other["attributes"]["enabled"], true, "each version has its own attributes");
    let (_, policy) = client.vault(Method::GET, &format!("{key}/rotationpolicy"), None).await;
    assert_eq!(policy["lifetimeActions"][0]["action"]["type"], "Notify");
}

#[tokio::test]
async fn a_key_can_be_used_only_in_its_time() {
    let fixture = Fixture::start().await;
    let (client, backend) = fixture.case(json!({})).await;
    let id = &client.case.key_ids[0];
    let ciphertext = backend.vault.encrypt(id, b"secret").await.unwrap();
    for (attributes, expected) in [
        (json!({ "exp": 1 }), "KeyExpired"),
        (json!({ "exp": null, "nbf": 4_102_444_800_u64 }), "KeyNotYetValid"),
    ] {
        let body = json!({ "attributes": attributes });
        assert_eq!(client.vault(Method::PATCH, id, Some(&body)).await.0, 200);
        let body = json!({ "alg": "RSA-OAEP-256", "value": "c2VjcmV0" });
        let (status, refusal) =
            client.vault(Method::POST, &format!("{id}/encrypt"), Some(&body)).await;
        assert_eq!((status, inner(&refusal)), (403, expected));
        assert_eq!(backend.vault.usable(id).await.unwrap_err().code, expected);
        assert_eq!(backend.vault.decrypt(id, &ciphertext).await.unwrap(), b"secret");
    }
}

#[tokio::test]
async fn a_deleted_key_is_recovered_or_purged() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({ "vault": { "purge_protection": false } })).await;
    let key = client.key_url();
    let deleted = key.replace("/keys/", "/deletedkeys/");
    let (status, bundle) = client.vault(Method::DELETE, &key, None).await;
    assert_eq!((status, &bundle["recoveryId"]), (200, &json!(deleted)));
    assert!(bundle["scheduledPurgeDate"].as_i64() > bundle["deletedDate"].as_i64());
    assert_eq!(client.vault(Method::GET, &key, None).await.0, 404);
    assert_eq!(client.vault(Method::DELETE, &key, None).await.0, 404);
    let create = json!({ "kty": "RSA" });
    let (status, refusal) =
        client.vault(Method::POST, &format!("{key}/create"), Some(&create)).await;
    assert_eq!((status, inner(&refusal)), (409, "ObjectIsDeletedButRecoverable"));
    let (_, list) = client.vault(Method::GET, &url(&client, "deletedkeys"), None).await;
    assert_eq!(list["value"][0]["recoveryId"], deleted);
    let (_, list) = client.vault(Method::GET, &url(&client, "keys"), None).await;
    assert_eq!(list["value"], json!([]));

    let (_, back) = client.vault(Method::POST, &format!("{deleted}/recover"), None).await;
    assert_eq!(back["key"]["kid"], client.case.key_ids[1]);
    client.vault(Method::DELETE, &key, None).await;
    assert_eq!(client.vault(Method::DELETE, &deleted, None).await.0, 204);
    assert_eq!(client.vault(Method::GET, &deleted, None).await.0, 404);
    let (_, made) = client.vault(Method::POST, &format!("{key}/create"), Some(&create)).await;
    assert!(!client.case.key_ids.iter().any(|id| made["key"]["kid"] == *id), "another key");
}

#[tokio::test]
async fn purge_protection_keeps_deleted_keys() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({})).await;
    let key = client.key_url();
    let deleted = key.replace("/keys/", "/deletedkeys/");
    client.vault(Method::DELETE, &key, None).await;
    let (status, refusal) = client.vault(Method::DELETE, &deleted, None).await;
    assert_eq!((status, inner(&refusal)), (403, "ForbiddenByPolicy"));
    assert_eq!(client.vault(Method::POST, &format!("{deleted}/recover"), None).await.0, 200);
}

#[tokio::test]
async fn lists_come_in_pages_that_lead_to_the_next() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({ "key": { "versions": 27 } })).await;
    let get = async |url: &str| -> Value {
        let request = client.http.get(url).bearer_auth(&client.vault_token);
        request.send().await.unwrap().json().await.unwrap()
    };
    let versions = format!("{}/versions?api-version=7.6-preview.2", client.key_url());
    for (query, expected) in [("", vec![25, 2]), ("&maxresults=10", vec![10, 10, 7])] {
        let mut sizes = Vec::new();
        let mut seen = Vec::new();
        let mut next = Some(format!("{versions}{query}"));
        while let Some(url) = next {
            let page = get(&url).await;
            let items = page["value"].as_array().unwrap();
            sizes.push(items.len());
            seen.extend(items.iter().map(|item| item["kid"].as_str().unwrap().to_owned()));
            next = page["nextLink"].as_str().map(str::to_owned);
        }
        assert_eq!(sizes, expected);
        assert_eq!(seen, client.case.key_ids);
    }
    for wrong in ["maxresults=0", "maxresults=26", "maxresults=x", "$skiptoken=x"] {
        let refusal = get(&format!("{versions}&{wrong}")).await;
        assert_eq!(code(&refusal), "BadParameter", "{wrong}");
    }
}
