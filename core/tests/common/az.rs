//! Somebody else: requests to Resource Manager, Key Vault and Kubernetes as az and kubectl send them.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use aks_kms::KeyId;
use aks_kms_simulator::{Case, Simulator};
use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

const RECORD: &str = "/api/v1/namespaces/kube-system/configmaps/aks-kms";
const BACKUPS_KEPT: usize = 1000;
/// Each record that was read, and all that lay in its `ConfigMap`: what a backup holds.
static BACKUPS: Mutex<Vec<(Value, Value)>> = Mutex::new(Vec::new());

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

    /// `kubectl create --filename`.
    pub(crate) async fn create_from_yaml(&self, path: &str, yaml: &str) -> (StatusCode, Value) {
        let url = format!("{}{path}", self.server);
        let request = self.client.post(url).bearer_auth(&self.token);
        let request = request.header("content-type", "application/yaml").body(yaml.to_owned());
        let answer = request.send().await.unwrap();
        let status = answer.status();
        (status, answer.json().await.unwrap_or_default())
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
        let (status, map) = self.ask(Method::GET, RECORD, None).await?;
        let text = map["data"]["state.json"].as_str().filter(|_| status.is_success())?;
        let record: Value = serde_json::from_str(text).ok()?;
        let mut backups = BACKUPS.lock().unwrap_or_else(PoisonError::into_inner);
        backups.truncate(BACKUPS_KEPT);
        backups.insert(0, (record.clone(), map["data"].clone()));
        Some(record)
    }

    /// `kubectl replace configmap aks-kms`, or create: from a backup, as it was, with its seal. A
    /// record that was never read so has none: somebody wrote it himself.
    pub(crate) async fn restore_record(&self, record: &Value) {
        assert!(self.try_restore_record(record).await, "the record cannot be restored");
    }

    /// The same; whether it was done.
    pub(crate) async fn try_restore_record(&self, record: &Value) -> bool {
        let backup = {
            let backups = BACKUPS.lock().unwrap_or_else(PoisonError::into_inner);
            backups.iter().find(|(seen, _)| seen == record).map(|(_, data)| data.clone())
        };
        let data = backup.unwrap_or_else(|| json!({"state.json": record.to_string()}));
        self.put_record(&data).await
    }

    /// A record with a valid seal: by somebody who may also read the seal's Secret.
    pub(crate) async fn seal_record(&self, record: &Value) {
        let text = record.to_string();
        let secret = "/api/v1/namespaces/kube-system/secrets/aks-kms-seal";
        let (_, secret) = self.ask(Method::GET, secret, None).await.unwrap();
        let (_, namespace) =
            self.ask(Method::GET, "/api/v1/namespaces/kube-system", None).await.unwrap();
        let key = STANDARD.decode(secret["data"]["key"].as_str().unwrap()).unwrap();
        let sealed =
            format!("aks-kms record 1\n{}\n{text}", namespace["metadata"]["uid"].as_str().unwrap());
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        let seal = STANDARD.encode(hmac::sign(&key, sealed.as_bytes()));
        let data = json!({"state.json": text, "seal": seal});
        assert!(self.put_record(&data).await, "the record cannot be written");
    }

    /// Writes the record's data, whatever it is; whether it was done.
    pub(crate) async fn put_record(&self, data: &Value) -> bool {
        self.forget_record().await;
        let map = json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": "aks-kms", "namespace": "kube-system"},
            "data": data,
        });
        let path = "/api/v1/namespaces/kube-system/configmaps";
        let answer = self.ask(Method::POST, path, Some(&map)).await;
        answer.is_some_and(|(status, _)| status.is_success())
    }

    /// `kubectl delete configmap aks-kms`.
    pub(crate) async fn forget_record(&self) {
        self.ask(Method::DELETE, RECORD, None).await;
    }
}
