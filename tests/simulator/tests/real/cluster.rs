//! A real cluster for a test, and a client of it.

use std::sync::Arc;

use aks_kms_simulator::{
    backend::{ApiEndpoint, BackendSpec, EncryptionConfig, KeyRef, KmsVersion, KubernetesBackend},
    clock::TimeScale,
    given::Given,
    real::RealCluster,
    tls::Authority,
    writes::Recorder,
};
use reqwest::{Certificate, Method, StatusCode, header::CONTENT_TYPE};
use serde_json::{Value, json};

use crate::vault::MemoryVault;

/// A cluster with what a test asks it by.
pub(crate) struct TestCluster {
    pub(crate) real: RealCluster,
    pub(crate) vault: Arc<MemoryVault>,
    pub(crate) recorder: Arc<Recorder>,
    endpoint: ApiEndpoint,
    http: reqwest::Client,
}

pub(crate) fn key(number: usize) -> String {
    format!("https://vault.vault.azure.net/keys/key/{number:032}")
}

/// Keys 0 are none.
pub(crate) fn config(current: usize, previous: usize) -> EncryptionConfig {
    versioned(KmsVersion::V2, current, previous)
}

pub(crate) fn versioned(
    kms_version: KmsVersion,
    current: usize,
    previous: usize,
) -> EncryptionConfig {
    let key = |number| (number > 0).then(|| KeyRef { key_id: key(number), kms_version });
    EncryptionConfig {
        current: key(current),
        previous: key(previous),
        ..EncryptionConfig::default()
    }
}

impl TestCluster {
    /// A cluster as given; `{{key.1}}` and so on are the keys of this module.
    pub(crate) async fn start(given: Value, config: EncryptionConfig) -> Self {
        let mut given = given.to_string();
        for number in 1..=4 {
            given = given.replace(&format!("{{{{key.{number}}}}}"), &key(number));
        }
        let given: Given = serde_json::from_str(&given).unwrap();
        let vault = Arc::new(MemoryVault::default());
        let recorder = Arc::new(Recorder::default());
        let spec = BackendSpec {
            given,
            config,
            key_ids: (1..=4).map(key).collect(),
            node_resource_group: "MC_group_cluster_region".to_owned(),
            subscription_id: "11111111-2222-3333-4444-555555555555".to_owned(),
            recorder: Arc::clone(&recorder),
            vault: vault.clone(),
            entra: Arc::new(|token| token == "entra"),
            authority: Arc::new(Authority::new().unwrap()),
            scale: TimeScale(1.0),
        };
        let real = RealCluster::start(spec).await.unwrap();
        let endpoint = real.endpoint();
        let ca = Certificate::from_pem(endpoint.ca_pem.as_bytes()).unwrap();
        let http = reqwest::Client::builder()
            .tls_certs_only([ca])
            .no_proxy()
            // Fresh connections see every API server, and outlive none.
            .pool_max_idle_per_host(0)
            .build()
            .unwrap();
        Self { real, vault, recorder, endpoint, http }
    }

    pub(crate) async fn apply(&self, config: EncryptionConfig) {
        self.real.apply(config, None).await.unwrap();
    }

    pub(crate) async fn get(&self, path: &str) -> (StatusCode, String) {
        self.request(Method::GET, path, &self.endpoint.admin_token, None).await
    }

    pub(crate) async fn status_for_user(&self, path: &str) -> u16 {
        self.request(Method::GET, path, &self.endpoint.user_token, None).await.0.as_u16()
    }

    pub(crate) async fn status_with_token(&self, path: &str, token: &str) -> u16 {
        self.request(Method::GET, path, token, None).await.0.as_u16()
    }

    /// Whether anybody answers.
    pub(crate) async fn answers(&self) -> bool {
        self.http.get(format!("{}/livez", self.endpoint.server)).send().await.is_ok()
    }

    /// Status and resource version of the answer to an empty patch.
    pub(crate) async fn patch(&self, secret: &str) -> (u16, u64) {
        let patch = Some(("application/merge-patch+json", json!({})));
        let token = &self.endpoint.admin_token;
        let (status, body) = self.request(Method::PATCH, &path(secret), token, patch).await;
        let body: Value = serde_json::from_str(&body).unwrap();
        let version = body["metadata"]["resourceVersion"].as_str().unwrap_or("0");
        (status.as_u16(), version.parse().unwrap())
    }

    pub(crate) async fn create(&self, namespace: &str, name: &str) -> u16 {
        let secret = json!({"metadata": {"name": name}, "stringData": {"value": "something"}});
        let secrets = format!("/api/v1/namespaces/{namespace}/secrets");
        let body = Some(("application/json", secret));
        let token = &self.endpoint.admin_token;
        self.request(Method::POST, &secrets, token, body).await.0.as_u16()
    }

    /// How many secrets stand in etcd in plaintext, under key 1, under key 2, under key 3, and
    /// how many nobody can read.
    pub(crate) async fn counts(&self) -> ([usize; 4], usize) {
        let truth = self.real.ground_truth().await.unwrap();
        let by_key = |number| truth.by_key.get(&key(number)).copied().unwrap_or_default();
        let counts = [truth.plaintext, by_key(1), by_key(2), by_key(3)];
        (counts, truth.unreadable)
    }

    async fn request(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: Option<(&str, Value)>,
    ) -> (StatusCode, String) {
        let url = format!("{}{path}", self.endpoint.server);
        let mut request = self.http.request(method, url).bearer_auth(token);
        if let Some((content_type, body)) = body {
            request = request.header(CONTENT_TYPE, content_type).body(body.to_string());
        }
        let response = request.send().await.unwrap();
        (response.status(), response.text().await.unwrap())
    }
}

/// The path of `namespace/name` in the API.
pub(crate) fn path(secret: &str) -> String {
    let (namespace, name) = secret.split_once('/').unwrap();
    format!("/api/v1/namespaces/{namespace}/secrets/{name}")
}
