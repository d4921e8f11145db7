//! What a vault answers to requests that are wrong: Key Vault's status, code and shape.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Client, Fixture, VAULT_SCOPE, code, token};

fn inner(body: &Value) -> &str {
    body["error"]["innererror"]["code"].as_str().unwrap_or_default()
}

fn url(client: &Client, path: &str) -> String {
    format!("https://{}.vault.azure.net/{path}", client.vault_name())
}

#[tokio::test]
async fn every_operation_takes_its_own_right() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({})).await;
    let key = client.case.key_ids[0].clone();
    let name = client.key_url();
    let deleted = name.replace("/keys/", "/deletedkeys/");
    let value = json!({ "alg": "RSA-OAEP-256", "value": "AAAA" });
    let rights = [
        (Method::GET, name.clone(), None, "keys/read", "get"),
        (Method::GET, url(&client, "keys"), None, "keys/read", "list"),
        (Method::GET, format!("{name}/versions"), None, "keys/read", "list"),
        (
            Method::POST,
            format!("{name}/create"),
            Some(json!({ "kty": "RSA" })),
            "keys/create/action",
            "create",
        ),
        (Method::POST, format!("{name}/rotate"), None, "keys/rotate/action", "rotate"),
        (
            Method::GET,
            format!("{name}/rotationpolicy"),
            None,
            "keyrotationpolicies/read",
            "getrotationpolicy",
        ),
        (Method::PATCH, key.clone(), Some(json!({})), "keys/update/action", "update"),
        (Method::DELETE, name.clone(), None, "keys/delete", "delete"),
        (Method::GET, deleted.clone(), None, "keys/read", "get"),
        (Method::POST, format!("{deleted}/recover"), None, "keys/recover/action", "recover"),
        (Method::DELETE, deleted.clone(), None, "keys/purge/action", "purge"),
        (
            Method::POST,
            format!("{key}/encrypt"),
            Some(value.clone()),
            "keys/encrypt/action",
            "encrypt",
        ),
        (
            Method::POST,
            format!("{key}/decrypt"),
            Some(value.clone()),
            "keys/decrypt/action",
            "decrypt",
        ),
        (
            Method::POST,
            format!("{key}/wrapkey"),
            Some(value.clone()),
            "keys/wrap/action",
            "wrapKey",
        ),
        (Method::POST, format!("{key}/unwrapkey"), Some(value), "keys/unwrap/action", "unwrapKey"),
    ];
    for (method, url, body, action, permission) in rights {
        let action = format!("Microsoft.KeyVault/vaults/{action}");
        let given = json!({ "access": { "caller_lacks": [action] } });
        let (other, _) = fixture.case(given).await;
        let here = |client: &Client| {
            let host = format!("{}.vault", client.vault_name());
            let version = key.rsplit('/').next().unwrap();
            let own = client.case.key_ids[0].rsplit('/').next().unwrap();
            url.replace(
                &key.split('/').nth(2).unwrap().replace(".vault.azure.net", ".vault"),
                &host,
            )
            .replace(version, own)
        };
        let (status, refusal) = other.vault(method.clone(), &here(&other), body.as_ref()).await;
        assert_eq!(
            (status, inner(&refusal)),
            (403, "ForbiddenByRbac"),
            "{method} {url}: {refusal}"
        );
        assert!(refusal["error"]["message"].as_str().unwrap().contains(&action), "{refusal}");

        // Where policies decide, only what a policy gives is allowed.
        let (other, _) =
            fixture.case(json!({ "vault": { "authorization": "access-policy" } })).await;
        let mine = async |keys: &[&str]| {
            let vault = fixture.simulator.patch_vault(
                &other.case.id,
                other.vault_name(),
                &json!({ "properties": { "accessPolicies": [{
                    "tenantId": other.case.tenant_id,
                    "objectId": object_id(&other.vault_token),
                    "permissions": { "keys": keys },
                }]}}),
            );
            vault.unwrap();
            other.vault(method.clone(), &here(&other), body.as_ref()).await
        };
        let (status, refusal) = mine(&[]).await;
        assert_eq!((status, inner(&refusal)), (403, "AccessDenied"), "{method} {url}");
        assert!(refusal["error"]["message"].as_str().unwrap().contains(permission), "{refusal}");
        let (status, answer) = mine(&[permission]).await;
        assert!(status != 403, "{method} {url} with {permission}: {answer}");
    }
}

/// `oid` of a token.
fn object_id(token: &str) -> String {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    claims["oid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn wrong_tokens_are_challenged_with_the_reason() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({})).await;
    let (other, _) = fixture.case(json!({})).await;
    let case = &client.case;
    let arm = token(&client.http, case, &format!("{}/.default", case.arm)).await;
    let mut forged = client.vault_token.clone();
    forged.replace_range(forged.len() - 8.., "AAAAAAAA");
    fixture.simulator.set_token_lifetime(0);
    let expired = token(&client.http, case, VAULT_SCOPE).await;
    for (header, expected) in [
        (None, "AKV10000"),
        (Some("Bearer".to_owned()), "AKV10000"),
        (Some("Basic YTpi".to_owned()), "AKV10000"),
        (Some(format!("Bearer {arm}")), "AKV10022"),
        (Some(format!("Bearer {expired}")), "AKV10006"),
        (Some(format!("Bearer {forged}")), "AKV10005"),
        (Some("Bearer x.y.z".to_owned()), "AKV10005"),
        (Some(format!("Bearer {}", other.vault_token)), "AKV10032"),
    ] {
        let mut request = client.http.get(format!("{}?api-version=7.4", client.key_url()));
        if let Some(header) = &header {
            request = request.header("authorization", header);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 401);
        let challenge = response.headers()["www-authenticate"].to_str().unwrap().to_owned();
        assert!(challenge.contains("resource=\"https://vault.azure.net\""), "{challenge}");
        let refusal: Value = response.json().await.unwrap();
        assert_eq!(code(&refusal), "Unauthorized");
        let message = refusal["error"]["message"].as_str().unwrap();
        assert!(message.starts_with(expected), "{header:?}: {message}");
    }
}

#[tokio::test]
async fn api_versions_are_a_list_and_others_are_refused_with_the_newest() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({})).await;
    let get = async |query: &str| {
        let url = format!("{}{query}", client.key_url());
        let response = client.http.get(url).bearer_auth(&client.vault_token).send().await.unwrap();
        (response.status().as_u16(), response.json::<Value>().await.unwrap())
    };
    for version in ["2025-07-01", "7.6", "7.6-preview.2", "7.5", "7.4", "7.0", "2016-10-01"] {
        assert_eq!(get(&format!("?api-version={version}")).await.0, 200, "{version}");
    }
    for (query, expected) in [
        ("?api-version=9.9", "(9.9) is not recognized"),
        ("?api-version=2026-05-15", "latest supported version (2025-07-01)"),
        ("?api-version=", "must be specified"),
        ("", "must be specified"),
    ] {
        let (status, refusal) = get(query).await;
        assert_eq!((status, code(&refusal)), (400, "BadParameter"), "{query}");
        assert!(refusal["error"]["message"].as_str().unwrap().contains(expected), "{refusal}");
    }
}

#[tokio::test]
async fn wrong_bodies_and_paths_are_named_in_key_vaults_shape() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({})).await;
    let key = &client.case.key_ids[0];
    let create = url(&client, "keys/new/create");
    let encrypt = format!("{key}/encrypt");
    let long = url(&client, &format!("keys/{}/create", "a".repeat(128)));
    let rsa = || json!({ "kty": "RSA" });
    for (method, url, body, status, expected) in [
        (Method::POST, create.clone(), None, 400, "BadParameter"),
        (Method::POST, create.clone(), Some(json!([])), 400, "BadParameter"),
        (Method::POST, create.clone(), Some(json!({ "kty": "oct" })), 400, "BadParameter"),
        (Method::POST, create.clone(), Some(json!({ "kty": 1 })), 400, "BadParameter"),
        (
            Method::POST,
            create.clone(),
            Some(json!({ "kty": "RSA", "key_size": 1024 })),
            400,
            "BadParameter",
        ),
        (
            Method::POST,
            create.clone(),
            Some(json!({ "kty": "RSA", "key_ops": ["fly"] })),
            400,
            "BadParameter",
        ),
        (
            Method::POST,
            create,
            Some(json!({ "kty": "EC", "key_ops": ["encrypt"] })),
            400,
            "BadParameter",
        ),
        (Method::POST, long, Some(rsa()), 400, "BadParameter"),
        (Method::POST, url(&client, "keys/a_b/create"), Some(rsa()), 400, "BadParameter"),
        (
            Method::POST,
            encrypt.clone(),
            Some(json!({ "alg": "RSA-OAEP-257", "value": "AA" })),
            400,
            "BadParameter",
        ),
        (
            Method::POST,
            encrypt.clone(),
            Some(json!({ "alg": "RSA-OAEP-256", "value": "*" })),
            400,
            "BadParameter",
        ),
        (
            Method::POST,
            encrypt,
            Some(json!({ "alg": "RSA-OAEP-256", "value": "A".repeat(600) })),
            400,
            "BadParameter",
        ),
        (
            Method::PATCH,
            key.clone(),
            Some(json!({ "attributes": { "exp": "x" } })),
            400,
            "BadParameter",
        ),
        (Method::GET, url(&client, "keys/none"), None, 404, "KeyNotFound"),
        (Method::GET, format!("{}/{}", client.key_url(), "0".repeat(32)), None, 404, "KeyNotFound"),
        (Method::POST, url(&client, "keys/none/rotate"), None, 404, "KeyNotFound"),
        (Method::POST, url(&client, "deletedkeys/etcd/recover"), None, 404, "KeyNotFound"),
        (Method::DELETE, url(&client, "deletedkeys/etcd"), None, 404, "KeyNotFound"),
        (Method::GET, url(&client, "other"), None, 404, "NotFound"),
        (Method::GET, url(&client, ""), None, 404, "NotFound"),
        (Method::PUT, url(&client, "keys"), None, 405, "MethodNotAllowed"),
        (Method::GET, url(&client, "keys/etcd/create"), None, 405, "MethodNotAllowed"),
    ] {
        let (seen, refusal) = client.vault(method.clone(), &url, body.as_ref()).await;
        assert_eq!(
            (seen, code(&refusal)),
            (status, expected),
            "{method} {url} {body:?}: {refusal}"
        );
        assert!(refusal["error"]["message"].is_string(), "{refusal}");
    }
}
