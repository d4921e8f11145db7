//! Somebody else: requests to Kubernetes as kubectl sends them.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::sync::{Mutex, PoisonError};

use aks_kms_simulator::{Case, Simulator};
use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

const RECORD: &str = "/api/v1/namespaces/kube-system/configmaps/aks-kms";
const BACKUPS_KEPT: usize = 1000;
/// Each record that was read, and all that lay in its `ConfigMap`: what a backup holds.
static BACKUPS: Mutex<Vec<(Value, Value)>> = Mutex::new(Vec::new());

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

    /// `kubectl get`, which asks for a table: status and text.
    pub(crate) async fn get_table(&self, path: &str) -> (StatusCode, String) {
        let request = self.client.get(format!("{}{path}", self.server)).bearer_auth(&self.token);
        let request = request.header("accept", "application/json;as=Table;g=meta.k8s.io;v=v1");
        let answer = request.send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }

    /// Deletes a Namespace and takes its finalizers away, as one does with a Namespace that hangs: its
    /// secrets stay.
    pub(crate) async fn end_namespace(&self, namespace: &str) {
        let path = format!("/api/v1/namespaces/{namespace}");
        let (deleted, _) = self.ask(Method::DELETE, &path, None).await.unwrap();
        let body = json!({"metadata": {"name": namespace}, "spec": {"finalizers": []}});
        let finalize = format!("{path}/finalize");
        let (finalized, _) = self.ask(Method::PUT, &finalize, Some(&body)).await.unwrap();
        let (left, _) = self.ask(Method::GET, &path, None).await.unwrap();
        assert_eq!((deleted.as_u16(), finalized.as_u16(), left.as_u16()), (200, 200, 404));
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
