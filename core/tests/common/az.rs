//! Somebody else: requests to Resource Manager and Key Vault as az sends them.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::time::Duration;

use aks_kms::KeyId;
use aks_kms_simulator::Case;
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

/// Signed in as the case's application.
pub(crate) struct Az {
    client: Client,
    case: Case,
    token: String,
}

impl Az {
    pub(crate) async fn login(case: &Case) -> Self {
        let authority = reqwest::Certificate::from_pem(case.ca.as_bytes()).unwrap();
        let client = Client::builder()
            .tls_certs_only([authority])
            .proxy(reqwest::Proxy::https(&case.proxy).unwrap())
            .build()
            .unwrap();
        let token = token(&client, case, &format!("{}/.default", case.arm)).await;
        Self { client, case: case.clone(), token }
    }

    pub(crate) fn cluster_id(&self) -> &str {
        &self.case.cluster_id
    }

    /// `az aks show`.
    pub(crate) async fn show(&self) -> Value {
        self.arm(Method::GET, &self.case.cluster_id, None).await.1
    }

    /// `az aks update --enable-azure-keyvault-kms --azure-keyvault-kms-key-id …`, to its end.
    pub(crate) async fn set_key(&self, key_id: &str) {
        let mode = json!({"enabled": true, "keyId": key_id, "keyVaultNetworkAccess": "Public", "keyVaultResourceId": ""});
        self.set_kms(mode).await;
    }

    /// `az aks update --disable-azure-keyvault-kms`, to its end.
    pub(crate) async fn disable(&self) {
        self.set_kms(json!({"enabled": false})).await;
    }

    pub(crate) async fn set_kms(&self, profile: Value) {
        let (status, answer) = self.ask_for_kms(profile).await;
        assert!(status.is_success(), "{status}: {answer}");
        self.settled().await;
    }

    /// Asks for a KMS profile, and does not wait for it.
    pub(crate) async fn ask_for_kms(&self, profile: Value) -> (StatusCode, Value) {
        let mut cluster = self.show().await;
        cluster["properties"]["securityProfile"]["azureKeyVaultKms"] = profile;
        self.arm(Method::PUT, &self.case.cluster_id, Some(&cluster)).await
    }

    /// The same to its end, as az follows it: what the service says to it.
    pub(crate) async fn try_kms(&self, profile: &Value, patience: Duration) -> Answer {
        let mut cluster = self.show().await;
        cluster["properties"]["securityProfile"]["azureKeyVaultKms"] = profile.clone();
        let url = format!("{}{}?api-version=2026-08-01", self.case.arm, self.case.cluster_id);
        let request = self.client.put(url).bearer_auth(&self.token).json(&cluster);
        let answer = request.send().await.unwrap();
        let accepted = answer.status().is_success();
        let operation = answer.headers().get("azure-asyncoperation").cloned();
        let body: Value = answer.json().await.unwrap_or_default();
        if !accepted {
            return Answer::Refused(message(&body));
        }
        let operation = operation.unwrap();
        let until = tokio::time::Instant::now() + patience;
        while tokio::time::Instant::now() < until {
            let request = self.client.get(operation.to_str().unwrap()).bearer_auth(&self.token);
            let body: Value = request.send().await.unwrap().json().await.unwrap();
            match body["status"].as_str() {
                Some("Succeeded") => return Answer::Accepted,
                Some("Failed" | "Canceled") => return Answer::Failed(message(&body)),
                _ => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
        Answer::Hangs
    }

    /// `az aks create`, of a cluster like ours but for its name and its KMS profile, to its end.
    pub(crate) async fn create_another(&self, name: &str, profile: Value) -> Self {
        let mut cluster = self.show().await;
        let properties = cluster["properties"].as_object_mut().unwrap();
        properties.remove("nodeResourceGroup");
        properties["securityProfile"] = json!({"azureKeyVaultKms": profile});
        let (group, _) = self.case.cluster_id.rsplit_once('/').unwrap();
        let case = Case { cluster_id: format!("{group}/{name}"), ..self.case.clone() };
        let body = json!({
            "location": cluster["location"],
            "identity": {"type": "UserAssigned", "userAssignedIdentities": {&case.identity_id: {}}},
            "properties": cluster["properties"],
        });
        let (status, response) = self.arm(Method::PUT, &case.cluster_id, Some(&body)).await;
        assert!(status.is_success(), "{status}: {response}");
        let another = Self { case, client: self.client.clone(), token: self.token.clone() };
        another.settled().await;
        another
    }

    /// What another tool does: it reads the cluster as an api-version shows it, changes that, and sends it back,
    /// to its end.
    pub(crate) async fn apply(&self, version: &str, change: impl FnOnce(&mut Value)) {
        let (status, mut cluster) =
            self.arm_at(version, Method::GET, &self.case.cluster_id, None).await;
        assert!(status.is_success(), "{status}: {cluster}");
        change(&mut cluster);
        let (status, answer) =
            self.arm_at(version, Method::PUT, &self.case.cluster_id, Some(&cluster)).await;
        assert!(status.is_success(), "{status}: {answer}");
        self.settled().await;
    }

    /// Waits until the cluster is Succeeded.
    pub(crate) async fn settled(&self) {
        loop {
            let state = self.show().await["properties"]["provisioningState"].clone();
            match state.as_str() {
                Some("Succeeded") => return,
                Some("Failed" | "Canceled") => panic!("the cluster is {state}"),
                _ => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    }

    /// `az identity delete`, of the cluster's identity.
    pub(crate) async fn delete_identity(&self) {
        let id = &self.case.identity_id;
        let (status, answer) = self.arm_at("2024-11-30", Method::DELETE, id, None).await;
        assert!(status.is_success(), "{status}: {answer}");
    }

    async fn arm(&self, method: Method, path: &str, body: Option<&Value>) -> (StatusCode, Value) {
        self.arm_at("2026-08-01", method, path, body).await
    }

    async fn arm_at(
        &self,
        version: &str,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> (StatusCode, Value) {
        let url = format!("{}{path}?api-version={version}", self.case.arm);
        let mut request = self.client.request(method, url).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        (status, answer.json().await.unwrap_or_default())
    }

    /// `az keyvault key create`: its id, in the vault of the case's key.
    pub(crate) async fn create_key(&self, name: &str) -> String {
        let (status, key) = self.try_create_key(name).await;
        assert!(status.is_success(), "{status}: {key}");
        key["key"]["kid"].as_str().unwrap().to_owned()
    }

    /// The same, where the vault may refuse it.
    pub(crate) async fn try_create_key(&self, name: &str) -> (StatusCode, Value) {
        let body = json!({"kty": "RSA", "key_size": 2048, "key_ops": ["encrypt", "decrypt"]});
        self.vault(Method::POST, &format!("/keys/{name}/create"), Some(&body)).await
    }

    /// `az keyvault key list-versions`, by Resource Manager: the versions of a key.
    pub(crate) async fn key_versions(&self, vault: &str, key: &str) -> Vec<String> {
        let path = format!("{vault}/keys/{key}/versions");
        let (status, answer) = self.arm_at("2026-05-15", Method::GET, &path, None).await;
        assert!(status.is_success(), "{status}: {answer}");
        let versions = answer["value"].as_array().unwrap().iter();
        versions.map(|version| version["name"].as_str().unwrap().to_owned()).collect()
    }

    /// `az keyvault key delete` and `az keyvault key purge`.
    pub(crate) async fn purge_key(&self, key_id: &KeyId) {
        for (method, path) in [
            (Method::DELETE, format!("/keys/{}", key_id.name())),
            (Method::DELETE, format!("/deletedkeys/{}", key_id.name())),
        ] {
            let (status, answer) = self.vault(method, &path, None).await;
            assert!(status.is_success(), "{path}: {status}: {answer}");
        }
    }

    async fn vault(&self, method: Method, path: &str, body: Option<&Value>) -> (StatusCode, Value) {
        let key = KeyId::parse(&self.case.key_ids[0]).unwrap();
        let scope = format!("https://{}/.default", key.vault_suffix());
        let token = token(&self.client, &self.case, &scope).await;
        let url = format!("https://{}{path}?api-version=7.4", key.host());
        let mut request = self.client.request(method, url).bearer_auth(&token);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        (status, answer.json().await.unwrap_or_default())
    }
}

/// What the service says to a change.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Answer {
    /// The request was refused.
    Refused(String),
    /// It was accepted, and its operation did not succeed.
    Failed(String),
    /// Its operation does not end.
    Hangs,
    /// Its operation succeeded.
    Accepted,
}

/// Of an error in either shape.
fn message(body: &Value) -> String {
    let error = if body["error"].is_object() { &body["error"] } else { body };
    let text = |name: &str| error[name].as_str().unwrap_or_default();
    format!("{}: {}", text("code"), text("message"))
}

async fn token(client: &Client, case: &Case, scope: &str) -> String {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", &case.client_id),
        ("client_secret", &case.client_secret),
        ("scope", scope),
    ];
    let body: String = form
        .iter()
        .map(|(name, value)| {
            let encoded: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
            format!("{name}={encoded}")
        })
        .collect::<Vec<_>>()
        .join("&");
    let answer = client
        .post(format!("{}/{}/oauth2/v2.0/token", case.authority, case.tenant_id))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body)
        .send()
        .await
        .unwrap();
    let answer: Value = answer.json().await.unwrap();
    answer["access_token"].as_str().unwrap().to_owned()
}
