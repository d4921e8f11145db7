//! Signing in with another issuer's token and as a managed identity, and how Entra refuses.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    common::post_token,
    support::{Client, Fixture, code},
};

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Asks a tenant's token endpoint, with these fields besides the grant type.
async fn ask(client: &Client, tenant: &str, fields: &[(&str, &str)]) -> (u16, Value) {
    let mut fields = fields.to_vec();
    if !fields.iter().any(|(name, _)| *name == "grant_type") {
        fields.insert(0, ("grant_type", "client_credentials"));
    }
    post_token(&client.http, &client.case, tenant, &fields).await
}

fn claims(token: &Value) -> Value {
    let claims = token.as_str().unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap()
}

/// A GET from Resource Manager with this token.
async fn arm_status(client: &Client, token: &Value, path: &str) -> (u16, Value) {
    let request = client.http.get(format!("{}{path}", client.case.arm));
    let response = request.bearer_auth(token.as_str().unwrap()).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap_or_default())
}

#[tokio::test]
async fn another_issuers_token_takes_the_place_of_a_secret() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({})).await;
    let case = &client.case;
    let scope = format!("{}/.default", case.arm);
    let sign_in = async |id: &str, assertion: &str| {
        let fields = [
            ("client_id", id),
            ("scope", scope.as_str()),
            ("client_assertion_type", JWT_BEARER),
            ("client_assertion", assertion),
        ];
        ask(&client, &case.tenant_id, &fields).await
    };
    let assertion = fixture.simulator.assertion(&case.id, None).unwrap();
    let (status, body) = sign_in(&case.client_id, &assertion).await;
    assert_eq!(status, 200, "{body}");
    let claims = claims(&body["access_token"]);
    assert_eq!(
        (&claims["appid"], &claims["tid"]),
        (&json!(case.client_id), &json!(case.tenant_id))
    );
    assert_eq!(arm_status(&client, &body["access_token"], &client.cluster_path()).await.0, 200);

    let other = fixture.simulator.assertion(&case.id, Some("system:serviceaccount:x:y")).unwrap();
    let (head, _) = assertion.rsplit_once('.').unwrap();
    let forged = format!("{head}.AAAA");
    for (assertion, number) in [
        (other.as_str(), 700_213),
        (forged.as_str(), 50013),
        ("no token", 50027),
        (client.vault_token.as_str(), 700_211),
    ] {
        let (status, body) = sign_in(&case.client_id, assertion).await;
        assert!(status == 400 || status == 401, "{body}");
        assert_eq!(body["error_codes"], json!([number]), "{body}");
    }

    let identity = client.get(&format!("{}?api-version=2024-11-30", case.identity_id)).await;
    let id = identity["properties"]["clientId"].as_str().unwrap();
    let (_, body) = sign_in(id, &assertion).await;
    assert_eq!(body["error_codes"], json!([700_211]), "it trusts nobody yet");
    let record = json!({ "properties": {
        "issuer": format!("{}/federation", case.authority),
        "subject": "system:serviceaccount:x:y",
        "audiences": ["api://AzureADTokenExchange"],
    }});
    let path =
        format!("{}/federatedIdentityCredentials/pod?api-version=2024-11-30", case.identity_id);
    client.arm(Method::PUT, &path, Some(&record)).await;
    let (status, body) = sign_in(id, &other).await;
    assert_eq!(status, 200, "{body}");
    let (status, refusal) =
        arm_status(&client, &body["access_token"], &client.cluster_path()).await;
    assert_eq!((status, code(&refusal)), (403, "AuthorizationFailed"), "it has no role there");
    let vault = format!("{}?api-version=2026-05-15", case.key_vault_id);
    let (status, _) = arm_status(&client, &body["access_token"], &vault).await;
    assert_eq!(status, 200, "Key Vault Contributor may read it");
}

#[tokio::test]
async fn a_machine_gets_tokens_from_its_identity_endpoint() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({})).await;
    let case = &client.case;
    let get = async |query: &str, header: Option<&str>| {
        let url = format!("{}?api-version=2019-08-01{query}", case.identity_endpoint);
        let mut request = reqwest::Client::new().get(url);
        if let Some(header) = header {
            request = request.header("X-IDENTITY-HEADER", header);
        }
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json::<Value>().await.unwrap())
    };
    let header = Some(case.identity_header.as_str());
    let vaults = "&resource=https://vault.azure.net";
    let (status, body) = get(vaults, header).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(claims(&body["access_token"])["appid"], case.client_id);
    assert!(body["expires_on"].as_str().unwrap().parse::<i64>().is_ok());
    let identity = format!("{vaults}&mi_res_id={}", case.identity_id);
    let (_, body) = get(&identity, header).await;
    assert_eq!(claims(&body["access_token"])["oid"], case.principal_id);
    let by_principal = format!("{vaults}&principal_id={}", case.principal_id);
    let (_, same) = get(&by_principal, header).await;
    assert_eq!(same["client_id"], body["client_id"]);
    for (query, header, status) in [
        (vaults, None, 401),
        (vaults, Some("guess"), 401),
        ("", header, 400),
        ("&resource=https://vault.azure.net&client_id=none", header, 400),
    ] {
        let (seen, body) = get(query, header).await;
        assert_eq!((seen, &body["statusCode"]), (status, &json!(status)), "{query}");
    }
    let (status, body) = get("&resource=https://unheard.example", header).await;
    assert_eq!((status, &body["error"]), (400, &json!("invalid_resource")));
}

#[tokio::test]
async fn the_metadata_service_knows_a_machine_by_its_identity() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({})).await;
    let case = &client.case;
    let url = format!("{}/metadata/identity/oauth2/token", case.metadata_endpoint);
    let get = async |query: &str, metadata: bool| {
        let mut request = reqwest::Client::new().get(format!("{url}?{query}"));
        if metadata {
            request = request.header("Metadata", "true");
        }
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json::<Value>().await.unwrap())
    };
    let query = format!("api-version=2018-02-01&resource={}/", case.arm);
    let (status, body) = get(&query, true).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(arm_status(&client, &body["access_token"], &client.cluster_path()).await.0, 200);
    assert!(body["expires_in"].is_string() && body["not_before"].is_string());
    let description = async |query: &str, metadata| {
        let (status, body) = get(query, metadata).await;
        assert_eq!((status, &body["error"]), (400, &json!("invalid_request")));
        body["error_description"].as_str().unwrap().to_owned()
    };
    assert!(description(&query, false).await.contains("metadata header"));
    assert!(description("api-version=2018-02-01", true).await.contains("'resource'"));
    let unknown = format!("{query}&client_id=none");
    assert_eq!(description(&unknown, true).await, "Identity not found");
    let named = format!("{query}&object_id={}", case.principal_id);
    assert_eq!(get(&named, true).await.0, 200);
    let (other, _) = fixture.case(json!({})).await;
    let others = format!("{query}&object_id={}", other.case.principal_id);
    assert_eq!(description(&others, true).await, "Identity not found");
}

#[tokio::test]
async fn the_metadata_service_is_for_who_knows_the_machine() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({})).await;
    let case = &client.case;
    let port = case.identity_endpoint.strip_suffix("/msi/token").unwrap();
    let almost = &case.metadata_endpoint[..case.metadata_endpoint.len() - 1];
    for base in [port, almost, &format!("{port}/guess")] {
        for named in ["", "&object_id=", "&client_id="] {
            let value = if named.contains("client") { &case.client_id } else { &case.principal_id };
            let named = if named.is_empty() { String::new() } else { format!("{named}{value}") };
            let url = format!(
                "{base}/metadata/identity/oauth2/token?api-version=2018-02-01&resource={}{named}",
                case.arm
            );
            let request = reqwest::Client::new().get(url).header("Metadata", "true");
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), 401);
            let body: Value = response.json().await.unwrap();
            let description = body["error_description"].as_str().unwrap();
            assert!(description.contains("IDENTITY_HEADER"), "{description}");
            assert!(body["access_token"].is_null());
        }
    }
}

#[tokio::test]
async fn entra_refuses_in_its_own_words_and_numbers() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({})).await;
    let case = &client.case;
    let scope = "https://vault.azure.net/.default";
    let (id, secret) = (case.client_id.as_str(), case.client_secret.as_str());
    let signed = [("client_id", id), ("client_secret", secret)];
    for (fields, status, error, number) in [
        (
            vec![("client_id", "none"), ("client_secret", secret)],
            400,
            "unauthorized_client",
            700_016,
        ),
        (vec![("client_id", id), ("client_secret", "x")], 401, "invalid_client", 7_000_215),
        (vec![("client_id", id)], 401, "invalid_client", 7_000_216),
        (vec![signed[0], ("client_assertion", "a.b.c")], 400, "invalid_request", 90023),
        (
            vec![signed[0], signed[1], ("grant_type", "authorization_code")],
            400,
            "unsupported_grant_type",
            70003,
        ),
    ] {
        let fields: Vec<_> = fields.into_iter().chain([("scope", scope)]).collect();
        let (seen, body) = ask(&client, &case.tenant_id, &fields).await;
        assert_eq!((seen, &body["error"]), (status, &json!(error)), "{fields:?}");
        assert_eq!(body["error_codes"], json!([number]));
        let description = body["error_description"].as_str().unwrap();
        assert!(description.starts_with(&format!("AADSTS{number}: ")), "{description}");
        assert!(body["trace_id"].is_string() && body["timestamp"].is_string());
    }
    for (scope, error, number) in [
        (None, "invalid_request", 900_144),
        (Some("https://vault.azure.net/user"), "invalid_scope", 1_002_012),
        (Some("https://unheard.example/.default"), "invalid_resource", 500_011),
    ] {
        let scope = scope.map(|scope| ("scope", scope));
        let fields: Vec<_> = signed.into_iter().chain(scope).collect();
        let (status, body) = ask(&client, &case.tenant_id, &fields).await;
        assert_eq!((status, &body["error"]), (400, &json!(error)), "{fields:?}");
        assert_eq!(body["error_codes"], json!([number]));
    }
    let fields = [signed[0], signed[1], ("scope", scope)];
    let (status, body) = ask(&client, "11111111-1111-1111-1111-111111111111", &fields).await;
    assert_eq!((status, &body["error_codes"]), (400, &json!([90002])));
}
