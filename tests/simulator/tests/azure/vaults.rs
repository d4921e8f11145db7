//! Key Vault: management plane, data plane, and the vault as the cluster sees it.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Fixture, KEY_VAULT, code};

fn inner(body: &Value) -> &str {
    body["error"]["innererror"]["code"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn the_first_request_without_token_is_challenged() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({})).await;
    let url = format!("{}?api-version=7.4", client.case.key_ids[0]);
    let response = client.http.get(url).send().await.unwrap();
    assert_eq!(response.status(), 401);
    assert_eq!(
        response.headers()["www-authenticate"],
        format!(
            "Bearer authorization=\"{}/{}\", resource=\"https://vault.azure.net\"",
            client.case.authority, client.case.tenant_id
        )
    );
}

#[tokio::test]
async fn a_key_encrypts_and_decrypts_and_new_versions_are_made() {
    let fixture = Fixture::start().await;
    let (client, backend) = fixture.case(json!({ "key": { "versions": 1 } })).await;
    let key_id = client.case.key_ids[0].clone();
    let secret = URL_SAFE_NO_PAD.encode("a data encryption key");
    let body = json!({ "alg": "RSA-OAEP-256", "value": secret });
    let (status, encrypted) =
        client.vault(Method::POST, &format!("{key_id}/encrypt"), Some(&body)).await;
    assert_eq!((status, &encrypted["kid"]), (200, &json!(key_id)));
    let body = json!({ "alg": "RSA-OAEP-256", "value": encrypted["value"] });
    let (_, decrypted) =
        client.vault(Method::POST, &format!("{key_id}/decrypt"), Some(&body)).await;
    assert_eq!(decrypted["value"], secret);
    let ciphertext = URL_SAFE_NO_PAD.decode(encrypted["value"].as_str().unwrap()).unwrap();
    assert_eq!(
        backend.vault.decrypt(&key_id, &ciphertext).await.unwrap(),
        b"a data encryption key"
    );

    let url = client.key_url();
    let create = json!({ "kty": "RSA", "tags": { "aks-kms-operation": "1" } });
    let (_, created) = client.vault(Method::POST, &format!("{url}/create"), Some(&create)).await;
    let (_, rotated) = client.vault(Method::POST, &format!("{url}/rotate"), None).await;
    let (_, newest) = client.vault(Method::GET, &url, None).await;
    assert_eq!(newest["key"], rotated["key"]);
    assert_eq!(created["tags"], json!({ "aks-kms-operation": "1" }));
    let (_, versions) = client.vault(Method::GET, &format!("{url}/versions"), None).await;
    let mut versions = versions["value"].as_array().unwrap().clone();
    versions.sort_by_key(|version| version["attributes"]["created"].as_i64());
    let ids: Vec<&Value> = versions.iter().map(|version| &version["kid"]).collect();
    assert_eq!(ids, [&json!(key_id), &created["key"]["kid"], &rotated["key"]["kid"]]);
    let new_id = rotated["key"]["kid"].as_str().unwrap();
    let (status, body) =
        client.vault(Method::POST, &format!("{new_id}/decrypt"), Some(&body)).await;
    assert_eq!((status, code(&body)), (400, "BadParameter"), "each version is another key");
    let writes = fixture.simulator.writes(&client.case.id).unwrap();
    assert_eq!(writes.len(), 2, "key operations are no writes: {writes:?}");
}

#[tokio::test]
async fn the_vault_says_why_it_refuses() {
    let fixture = Fixture::start().await;
    for (given, status, expected) in [
        (json!({ "vault": { "public_access": false } }), 403, "ForbiddenByConnection"),
        (json!({ "vault": { "firewall": true } }), 403, "ForbiddenByFirewall"),
        (json!({ "key": { "enabled": false } }), 403, "KeyDisabled"),
        (json!({ "key": { "expires_in_days": -1 } }), 403, "KeyExpired"),
        (
            json!({ "access": { "caller_lacks": ["Microsoft.KeyVault/vaults/keys/encrypt/action"] } }),
            403,
            "ForbiddenByRbac",
        ),
        (json!({ "key": { "exists": false } }), 404, ""),
    ] {
        let (client, _) = fixture.case(given.clone()).await;
        let url = format!("{}/encrypt", client.case.key_ids[0]);
        let body = json!({ "alg": "RSA-OAEP-256", "value": "AAAA" });
        let (seen, body) = client.vault(Method::POST, &url, Some(&body)).await;
        assert_eq!((seen, inner(&body)), (status, expected), "{given}: {body}");
    }
}

#[tokio::test]
async fn a_disabled_key_is_of_no_use_to_the_cluster_until_it_is_enabled() {
    let fixture = Fixture::start().await;
    let (client, backend) = fixture.case(json!({})).await;
    let key_id = &client.case.key_ids[0];
    let body = json!({ "attributes": { "enabled": false } });
    let (status, _) = client.vault(Method::PATCH, key_id, Some(&body)).await;
    assert_eq!(status, 200);
    assert_eq!(backend.vault.usable(key_id).await.unwrap_err().code, "KeyDisabled");
    let body = json!({ "attributes": { "enabled": true } });
    fixture.simulator.patch_key(&client.case.id, key_id, &body).unwrap();
    backend.vault.usable(key_id).await.unwrap();
    let (status, _) = client.vault(Method::DELETE, &client.key_url(), None).await;
    assert_eq!(status, 200);
    assert_eq!(backend.vault.usable(key_id).await.unwrap_err().code, "KeyNotFound");
    let deleted = client.key_url().replace("/keys/", "/deletedkeys/");
    let (status, _) = client.vault(Method::GET, &deleted, None).await;
    assert_eq!(status, 200);
    client.vault(Method::POST, &format!("{deleted}/recover"), None).await;
    backend.vault.usable(key_id).await.unwrap();
}

#[tokio::test]
async fn the_management_plane_answers_about_vaults_and_keys() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({ "key": { "expires_in_days": 9 } })).await;
    let id = client.case.key_vault_id.clone();
    let vault = client.get(&format!("{id}?api-version={KEY_VAULT}")).await;
    assert_eq!(vault["properties"]["tenantId"], client.case.tenant_id);
    let key = client.get(&format!("{id}/keys/etcd?api-version={KEY_VAULT}")).await;
    assert_eq!(key["properties"]["keyUriWithVersion"], client.case.key_ids[1]);
    assert_eq!(key["properties"]["kty"], "RSA");
    assert!(key["properties"]["attributes"]["exp"].is_i64());
    let version = client.case.key_ids[0].rsplit('/').next().unwrap();
    let path = format!("{id}/keys/etcd/versions/{version}?api-version={KEY_VAULT}");
    let key = client.get(&path).await;
    assert_eq!(key["properties"]["keyUriWithVersion"], client.case.key_ids[0]);
    let path = format!("{id}/keys/etcd/versions?api-version={KEY_VAULT}");
    assert_eq!(client.get(&path).await["value"].as_array().unwrap().len(), 2);
    let settings = format!(
        "{id}/providers/Microsoft.Insights/diagnosticSettings?api-version=2021-05-01-preview"
    );
    assert_eq!(client.get(&settings).await["value"][0]["name"], "audit");

    let off = json!({ "properties": { "enablePurgeProtection": false } });
    let path = format!("{id}?api-version={KEY_VAULT}");
    let (status, _) = client.arm(Method::PATCH, &path, Some(&off)).await;
    assert_eq!(status, 400, "purge protection can't be taken back");

    let another = id.replace(client.vault_name(), &format!("b{}", client.vault_name()));
    let path = format!("{another}?api-version={KEY_VAULT}");
    assert_eq!(client.arm(Method::GET, &path, None).await.0, 404);
    let body = json!({ "location": "eastus", "properties": {
        "tenantId": client.case.tenant_id, "sku": { "family": "A", "name": "standard" },
    }});
    assert_eq!(client.arm(Method::PUT, &path, Some(&body)).await.0, 201);
    let subscription = id.split("/resourceGroups").next().unwrap();
    let path =
        format!("{subscription}/providers/Microsoft.KeyVault/vaults?api-version={KEY_VAULT}");
    assert_eq!(client.get(&path).await["value"].as_array().unwrap().len(), 2);
    let graph = "/providers/Microsoft.ResourceGraph/resources?api-version=2024-04-01";
    let query = json!({ "query": format!(
        "Resources | where type =~ 'Microsoft.KeyVault/vaults' and name =~ '{}'", client.vault_name()
    )});
    let (_, found) = client.arm(Method::POST, graph, Some(&query)).await;
    assert_eq!(found["data"][0]["id"], id);
    assert_eq!(found["count"], 1);
}

#[tokio::test]
async fn a_deleted_vault_is_only_among_the_deleted() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({ "vault": { "soft_deleted": true } })).await;
    let id = &client.case.key_vault_id;
    let (status, _) = client.arm(Method::GET, &format!("{id}?api-version={KEY_VAULT}"), None).await;
    assert_eq!(status, 404);
    let provider =
        format!("{}/providers/Microsoft.KeyVault", id.split("/resourceGroups").next().unwrap());
    for path in [
        "deletedVaults".to_owned(),
        format!("locations/eastus/deletedVaults/{}", client.vault_name()),
    ] {
        let answer = client.get(&format!("{provider}/{path}?api-version={KEY_VAULT}")).await;
        let deleted = answer.get("value").map_or(&answer, |list| &list[0]);
        assert_eq!(deleted["properties"]["vaultId"], *id);
    }
}
