//! How tests reach a case's Azure: signed in, through the proxy.

use aks_kms_simulator::Case;
use reqwest::{Certificate, Client, Proxy, RequestBuilder};
use serde_json::Value;

/// Newest api-version of managed clusters.
pub(crate) const AKS: &str = "2026-08-01";
/// Newest api-version of vaults in the management plane.
pub(crate) const KEY_VAULT: &str = "2026-05-15";
/// Scope of Resource Manager's tokens is the simulator's own address; this is the vaults'.
pub(crate) const VAULT_SCOPE: &str = "https://vault.azure.net/.default";

/// A client that trusts the simulator's authority alone, and finds the vaults.
pub(crate) fn http(case: &Case) -> Client {
    Client::builder()
        .tls_certs_only([Certificate::from_pem(case.ca.as_bytes()).unwrap()])
        .proxy(Proxy::all(&case.proxy).unwrap())
        .build()
        .unwrap()
}

/// Sends a request: status and body, null where that is not JSON.
pub(crate) async fn send(mut request: RequestBuilder, body: Option<&Value>) -> (u16, Value) {
    if let Some(body) = body {
        request = request.json(body);
    }
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap_or_default())
}

/// Asks a tenant's token endpoint, with these fields.
pub(crate) async fn post_token(
    http: &Client,
    case: &Case,
    tenant: &str,
    fields: &[(&str, &str)],
) -> (u16, Value) {
    let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let response = http
        .post(format!("{}/{tenant}/oauth2/v2.0/token", case.authority))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form)
        .send()
        .await
        .unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

/// Asks Entra for a token for the case's application.
pub(crate) async fn ask_token(
    http: &Client,
    case: &Case,
    secret: &str,
    scope: &str,
) -> (u16, Value) {
    let fields = [
        ("grant_type", "client_credentials"),
        ("client_id", &case.client_id),
        ("client_secret", secret),
        ("scope", scope),
    ];
    post_token(http, case, &case.tenant_id, &fields).await
}

/// A token for the case's application.
pub(crate) async fn token(http: &Client, case: &Case, scope: &str) -> String {
    let (status, body) = ask_token(http, case, &case.client_secret, scope).await;
    assert_eq!(status, 200, "{body}");
    body["access_token"].as_str().unwrap().to_owned()
}
