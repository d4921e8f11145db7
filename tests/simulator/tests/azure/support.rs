//! A client, and a Kubernetes that only remembers what AKS told it.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
};

use aks_kms_simulator::{
    BackendFactory, Case, Given, Options, Simulator,
    backend::{
        ApiEndpoint, BackendSpec, EncryptionConfig, GroundTruth, KubernetesBackend, VaultCrypto,
    },
    given::Faults,
};
use async_trait::async_trait;
use futures::FutureExt;
use reqwest::{Method, Response};
use serde_json::{Value, json};

pub(crate) use crate::common::{AKS, KEY_VAULT, VAULT_SCOPE, ask_token, token};
use crate::common::{http, send};

/// Remembers what AKS told the API servers.
pub(crate) struct Remembering {
    pub(crate) applied: Mutex<Vec<(EncryptionConfig, Option<Vec<usize>>)>>,
    pub(crate) versions: Mutex<Vec<String>>,
    pub(crate) running: Mutex<Vec<bool>>,
    pub(crate) vault: Arc<dyn VaultCrypto>,
    pub(crate) entra: Arc<dyn Fn(&str) -> bool + Send + Sync>,
    pub(crate) spec_config: EncryptionConfig,
}

#[async_trait]
impl KubernetesBackend for Remembering {
    fn endpoint(&self) -> ApiEndpoint {
        ApiEndpoint {
            server: "https://127.0.0.1:1".to_owned(),
            ca_pem: "a certificate".to_owned(),
            admin_token: "admin-token".to_owned(),
            user_token: "user-token".to_owned(),
        }
    }

    async fn apply(
        &self,
        config: EncryptionConfig,
        applied_to: Option<Vec<usize>>,
    ) -> Result<(), String> {
        self.applied.lock().unwrap().push((config, applied_to));
        Ok(())
    }

    async fn restart_api_servers(&self) -> Result<(), String> {
        Ok(())
    }

    async fn set_running(&self, running: bool) -> Result<(), String> {
        self.running.lock().unwrap().push(running);
        Ok(())
    }

    async fn set_version(&self, version: &str) -> Result<(), String> {
        self.versions.lock().unwrap().push(version.to_owned());
        Ok(())
    }

    /// A program that a command finds and does not use.
    fn kubectl(&self) -> Result<PathBuf, String> {
        Ok(PathBuf::from("/bin/true"))
    }

    async fn ground_truth(&self) -> Result<GroundTruth, String> {
        Ok(GroundTruth { total: 7, ..GroundTruth::default() })
    }

    async fn set_faults(&self, _faults: Faults) -> Result<(), String> {
        Ok(())
    }
}

/// A running simulator and what its clusters' Kubernetes were told.
pub(crate) struct Fixture {
    pub(crate) simulator: Simulator,
    backends: Arc<Mutex<Vec<Arc<Remembering>>>>,
}

impl Fixture {
    pub(crate) async fn start() -> Self {
        Self::start_with(Options::default()).await
    }

    pub(crate) async fn start_with(options: Options) -> Self {
        let backends: Arc<Mutex<Vec<Arc<Remembering>>>> = Arc::default();
        let started = backends.clone();
        let factory: BackendFactory = Arc::new(move |spec: BackendSpec| {
            let backend = Arc::new(Remembering {
                applied: Mutex::default(),
                versions: Mutex::default(),
                vault: spec.vault,
                entra: spec.entra,
                running: Mutex::default(),
                spec_config: spec.config,
            });
            started.lock().unwrap().push(backend.clone());
            async move { Ok(backend as Arc<dyn KubernetesBackend>) }.boxed()
        });
        let simulator = Simulator::start_with(options, factory).await.unwrap();
        Self { simulator, backends }
    }

    /// What was told to the Kubernetes that was started last.
    pub(crate) fn last_backend(&self) -> Arc<Remembering> {
        self.backends.lock().unwrap().last().unwrap().clone()
    }

    /// Makes a case and a signed-in client for it.
    pub(crate) async fn case(&self, given: Value) -> (Client, Arc<Remembering>) {
        let given: Given = serde_json::from_value(given).unwrap();
        let case = self.simulator.put_case(given).await.unwrap();
        let backend = self.last_backend();
        (Client::sign_in(case).await, backend)
    }
}

/// A client that has signed in to ARM and to vaults.
pub(crate) struct Client {
    pub(crate) case: Case,
    pub(crate) http: reqwest::Client,
    arm_token: String,
    pub(crate) vault_token: String,
}

impl Client {
    pub(crate) async fn sign_in(case: Case) -> Self {
        let http = http(&case);
        let arm_token = token(&http, &case, &format!("{}/.default", case.arm)).await;
        let vault_token = token(&http, &case, VAULT_SCOPE).await;
        Self { case, http, arm_token, vault_token }
    }

    /// A request to ARM with any headers.
    pub(crate) async fn arm_with(
        &self,
        method: Method,
        path: &str,
        headers: &[(&'static str, &str)],
        body: Option<&Value>,
    ) -> Response {
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.case.arm))
            .bearer_auth(&self.arm_token);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        request.send().await.unwrap()
    }

    /// A request to ARM whose body need not be JSON.
    pub(crate) async fn arm_raw(&self, method: Method, path: &str, body: &'static str) -> Response {
        let request = self.http.request(method, format!("{}{path}", self.case.arm));
        request.bearer_auth(&self.arm_token).body(body).send().await.unwrap()
    }

    /// A request to ARM, and its answer's status and body.
    pub(crate) async fn arm(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> (u16, Value) {
        let response = self.arm_with(method, path, &[], body).await;
        (response.status().as_u16(), response.json().await.unwrap_or_default())
    }

    /// A GET from ARM that must succeed.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, body) = self.arm(Method::GET, path, None).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// The cluster's document.
    pub(crate) async fn cluster(&self) -> Value {
        self.get(&self.cluster_path()).await
    }

    pub(crate) fn cluster_path(&self) -> String {
        format!("{}?api-version={AKS}", self.case.cluster_id)
    }

    /// PUTs the cluster, waits for the operation and gives its last body.
    pub(crate) async fn put_cluster(&self, document: &Value) -> Value {
        let response = self.arm_with(Method::PUT, &self.cluster_path(), &[], Some(document)).await;
        let poll = response.headers().get("azure-asyncoperation").cloned();
        let status = response.status().as_u16();
        let body: Value = response.json().await.unwrap();
        assert_eq!(status, 200, "{body}");
        assert_eq!(body["properties"]["provisioningState"], "Updating");
        self.wait(poll.unwrap().to_str().unwrap()).await
    }

    /// Polls an operation to its end and gives its last body.
    pub(crate) async fn wait(&self, url: &str) -> Value {
        loop {
            let body: Value = self
                .http
                .get(url)
                .bearer_auth(&self.arm_token)
                .send()
                .await
                .unwrap()
                .json()
                .await
                .unwrap();
            let status = body["status"].as_str().unwrap_or_default();
            if ["Succeeded", "Failed", "Canceled", ""].contains(&status) {
                return body;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }

    /// A signed request to a vault's data plane, through the proxy.
    pub(crate) async fn vault(
        &self,
        method: Method,
        url: &str,
        body: Option<&Value>,
    ) -> (u16, Value) {
        let url = format!("{url}?api-version=2025-07-01");
        send(self.http.request(method, url).bearer_auth(&self.vault_token), body).await
    }

    /// URL of the case's key, without version.
    pub(crate) fn key_url(&self) -> String {
        self.case.key_ids[0].rsplit_once('/').unwrap().0.to_owned()
    }

    /// Id of the case's subscription.
    pub(crate) fn subscription(&self) -> &str {
        self.case.cluster_id.split("/resourceGroups").next().unwrap()
    }

    /// Name of the case's vault.
    pub(crate) fn vault_name(&self) -> &str {
        self.case.key_vault_id.rsplit('/').next().unwrap()
    }
}

/// What enabling KMS with a key adds to a cluster's document.
pub(crate) fn with_kms(mut document: Value, key_id: &str) -> Value {
    document["properties"]["securityProfile"]["azureKeyVaultKms"] = json!({
        "enabled": true,
        "keyId": key_id,
        "keyVaultNetworkAccess": "Public",
        "keyVaultResourceId": "",
    });
    document
}

/// An error's code, in either shape.
pub(crate) fn code(body: &Value) -> &str {
    body["error"]["code"].as_str().or(body["code"].as_str()).unwrap_or_default()
}
