//! Somebody else: requests to Resource Manager, Key Vault and Kubernetes as az and kubectl send them.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::time::Duration;

use aks_kms::KeyId;
use aks_kms_simulator::{Case, Simulator};
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

    async fn arm(&self, method: Method, path: &str, body: Option<&Value>) -> (StatusCode, Value) {
        let url = format!("{}{path}?api-version=2026-08-01", self.case.arm);
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
        let body = json!({"kty": "RSA", "key_size": 2048, "key_ops": ["encrypt", "decrypt"]});
        let (status, key) =
            self.vault(Method::POST, &format!("/keys/{name}/create"), Some(&body)).await;
        assert!(status.is_success(), "{status}: {key}");
        key["key"]["kid"].as_str().unwrap().to_owned()
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

/// A cluster admin with kubectl.
#[derive(Clone)]
pub(crate) struct Kubectl {
    client: Client,
    server: String,
    token: String,
}

impl Kubectl {
    pub(crate) fn new(simulator: &Simulator, case: &Case) -> Self {
        let endpoint = simulator.kubernetes(&case.id).unwrap().endpoint();
        let authority = reqwest::Certificate::from_pem(endpoint.ca_pem.as_bytes()).unwrap();
        let client = Client::builder().tls_certs_only([authority]).no_proxy().build().unwrap();
        Self { client, server: endpoint.server, token: endpoint.admin_token }
    }

    /// Status and answer; `None`: no answer.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Option<(StatusCode, Value)> {
        let url = format!("{}{path}", self.server);
        let merges = method == Method::PATCH;
        let mut request = self.client.request(method, url).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.body(body.to_string()).header(
                "content-type",
                if merges { "application/merge-patch+json" } else { "application/json" },
            );
        }
        let answer = request.send().await.ok()?;
        let status = answer.status();
        Some((status, answer.json().await.unwrap_or_default()))
    }

    /// `kubectl create secret generic`.
    pub(crate) async fn create(&self, namespace: &str, name: &str, value: &str) -> bool {
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": name, "namespace": namespace},
            "stringData": {"value": value},
        });
        let path = format!("/api/v1/namespaces/{namespace}/secrets");
        let answer = self.ask(Method::POST, &path, Some(&secret)).await;
        answer.is_some_and(|(status, _)| status.is_success())
    }

    /// `kubectl patch secret`.
    pub(crate) async fn update(&self, namespace: &str, name: &str, value: &str) -> bool {
        let path = format!("/api/v1/namespaces/{namespace}/secrets/{name}");
        let change = json!({"stringData": {"value": value}});
        let answer = self.ask(Method::PATCH, &path, Some(&change)).await;
        answer.is_some_and(|(status, _)| status.is_success())
    }

    /// `kubectl delete secret`.
    pub(crate) async fn delete(&self, namespace: &str, name: &str) -> bool {
        let path = format!("/api/v1/namespaces/{namespace}/secrets/{name}");
        let answer = self.ask(Method::DELETE, &path, None).await;
        answer.is_some_and(|(status, _)| status.is_success())
    }

    /// `kubectl get configmap aks-kms`: the record, if there is one.
    pub(crate) async fn record(&self) -> Option<Value> {
        let path = "/api/v1/namespaces/kube-system/configmaps/aks-kms";
        let (status, map) = self.ask(Method::GET, path, None).await?;
        status
            .is_success()
            .then(|| serde_json::from_str(map["data"]["state.json"].as_str()?).ok())?
    }

    /// `kubectl replace configmap aks-kms`, or create: from a backup.
    pub(crate) async fn restore_record(&self, record: &Value) {
        assert!(self.put_record(record).await, "the record cannot be restored");
    }

    /// The same; whether it was done.
    pub(crate) async fn put_record(&self, record: &Value) -> bool {
        self.forget_record().await;
        let map = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "aks-kms", "namespace": "kube-system"},
            "data": {"state.json": record.to_string()},
        });
        let path = "/api/v1/namespaces/kube-system/configmaps";
        let answer = self.ask(Method::POST, path, Some(&map)).await;
        answer.is_some_and(|(status, _)| status.is_success())
    }

    /// `kubectl delete configmap aks-kms`.
    pub(crate) async fn forget_record(&self) {
        let path = "/api/v1/namespaces/kube-system/configmaps/aks-kms";
        self.ask(Method::DELETE, path, None).await;
    }
}
