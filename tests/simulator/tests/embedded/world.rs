//! A cluster and its clients.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use aks_kms_simulator::{
    backend::{
        BackendSpec, EncryptionConfig, KeyRef, KmsVersion, KubernetesBackend, VaultCrypto,
        VaultRefusal,
    },
    clock::TimeScale,
    embedded::Embedded,
    given::Given,
    tls::Authority,
    writes::Recorder,
};
use async_trait::async_trait;
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::Value;

pub(crate) const TABLE: &str = "application/json;as=Table;g=meta.k8s.io;v=v1";
pub(crate) const MERGE_PATCH: &str = "application/merge-patch+json";

/// A vault in which some keys cannot be used.
#[derive(Default)]
pub(crate) struct Vault {
    pub(crate) refused: Mutex<HashSet<String>>,
}

#[async_trait]
impl VaultCrypto for Vault {
    async fn encrypt(&self, key_id: &str, plaintext: &[u8]) -> Result<Vec<u8>, VaultRefusal> {
        self.usable(key_id).await.map(|()| plaintext.to_vec())
    }

    async fn decrypt(&self, key_id: &str, ciphertext: &[u8]) -> Result<Vec<u8>, VaultRefusal> {
        self.usable(key_id).await.map(|()| ciphertext.to_vec())
    }

    async fn usable(&self, key_id: &str) -> Result<(), VaultRefusal> {
        if self.refused.lock().unwrap().contains(key_id) {
            let message = "the key is disabled".to_owned();
            return Err(VaultRefusal { code: "KeyDisabled".to_owned(), message });
        }
        Ok(())
    }

    async fn can_decrypt(&self, key_id: &str) -> Result<(), VaultRefusal> {
        self.usable(key_id).await
    }
}

/// The key id of the case's key of this number.
pub(crate) fn key_id(number: usize) -> String {
    format!("https://vault.vault.azure.net/keys/etcd/{number:032}")
}

pub(crate) fn key(number: usize, kms_version: KmsVersion) -> KeyRef {
    KeyRef { key_id: key_id(number), kms_version }
}

/// An encryption configuration of KMS v2 keys; 0: none.
pub(crate) fn v2(current: usize, previous: usize) -> EncryptionConfig {
    let some = |number| (number > 0).then(|| key(number, KmsVersion::V2));
    EncryptionConfig {
        current: some(current),
        previous: some(previous),
        ..EncryptionConfig::default()
    }
}

pub(crate) struct World {
    pub(crate) api: Embedded,
    pub(crate) vault: Arc<Vault>,
    pub(crate) recorder: Arc<Recorder>,
    authority: Arc<Authority>,
    servers: usize,
    connections: AtomicUsize,
}

impl World {
    /// `given` is JSON; keys are written out.
    pub(crate) fn new(given: Value, config: EncryptionConfig, scale: f64) -> Self {
        let given: Given = serde_json::from_value(given).unwrap();
        let servers = given.cluster.api_servers;
        let vault = Arc::new(Vault::default());
        let recorder = Arc::new(Recorder::default());
        let authority = Arc::new(Authority::new().unwrap());
        let spec = BackendSpec {
            given,
            config,
            key_ids: (1..=3).map(key_id).collect(),
            node_resource_group: "MC_group_cluster_westeurope".to_owned(),
            subscription_id: "00000000-0000-0000-0000-000000000001".to_owned(),
            recorder: Arc::clone(&recorder),
            vault: Arc::clone(&vault) as Arc<dyn VaultCrypto>,
            entra: Arc::new(|token| token == "entra"),
            authority: Arc::clone(&authority),
            scale: TimeScale(scale),
        };
        let api = Embedded::start(spec).unwrap();
        Self { api, vault, recorder, authority, servers, connections: AtomicUsize::new(0) }
    }

    /// A client with one connection, to the next server.
    pub(crate) fn client(&self) -> Api {
        self.connections.fetch_add(1, Ordering::Relaxed);
        let ca = reqwest::Certificate::from_pem(self.authority.ca_pem().as_bytes()).unwrap();
        let client = Client::builder()
            .tls_certs_only([ca])
            .no_proxy()
            .timeout(Duration::from_secs(20))
            .build()
            .unwrap();
        let endpoint = self.api.endpoint();
        Api { client, server: endpoint.server, token: endpoint.admin_token }
    }

    /// A client whose connection is pinned to a server (from 1). It must be used before another
    /// client is made.
    pub(crate) async fn server(&self, number: usize) -> Api {
        loop {
            let next = self.connections.load(Ordering::Relaxed) % self.servers + 1;
            let client = self.client();
            client.get("/version").await;
            if next == number {
                return client;
            }
        }
    }

    pub(crate) fn version_of(&self, namespace: &str, name: &str) -> u64 {
        self.api.stored(namespace, name).unwrap().resource_version
    }

    /// Under which key a secret is, as its number; 0: plaintext.
    pub(crate) fn key_of(&self, namespace: &str, name: &str) -> usize {
        let stored = self.api.stored(namespace, name).unwrap();
        stored.key_id.map_or(0, |key| key.rsplit('/').next().unwrap().parse().unwrap())
    }
}

pub(crate) struct Api {
    client: Client,
    server: String,
    pub(crate) token: String,
}

impl Api {
    pub(crate) fn with_token(mut self, token: &str) -> Self {
        token.clone_into(&mut self.token);
        self
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.server)).bearer_auth(&self.token)
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    pub(crate) async fn json(&self, path: &str) -> Value {
        self.get(path).await.json().await.unwrap()
    }

    pub(crate) async fn text(&self, path: &str) -> String {
        self.get(path).await.text().await.unwrap()
    }

    pub(crate) async fn table(&self, path: &str) -> Response {
        self.request(Method::GET, path).header("accept", TABLE).send().await.unwrap()
    }

    /// Sends a merge patch as the library does.
    pub(crate) async fn patch(&self, namespace: &str, name: &str, body: &str) -> Response {
        let path = format!("/api/v1/namespaces/{namespace}/secrets/{name}?includeObject=None");
        self.request(Method::PATCH, &path)
            .header("accept", TABLE)
            .header("content-type", MERGE_PATCH)
            .body(body.to_owned())
            .send()
            .await
            .unwrap()
    }

    /// Sends an empty merge patch: the resource version in the answer.
    pub(crate) async fn rewrite(&self, namespace: &str, name: &str) -> u64 {
        let response = self.patch(namespace, name, "{}").await;
        assert_eq!(response.status(), 200);
        version(&response.json().await.unwrap())
    }

    /// Values of the series of `/metrics` whose text contains all of `parts`.
    async fn series(&self, parts: &[&str]) -> Vec<String> {
        let text = self.text("/metrics").await;
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let fits = lines.filter(|line| parts.iter().all(|part| line.contains(part)));
        fits.map(|line| line.rsplit(' ').next().unwrap().to_owned()).collect()
    }

    /// The sum of counters.
    pub(crate) async fn count(&self, parts: &[&str]) -> u64 {
        self.series(parts).await.iter().map(|value| value.parse::<u64>().unwrap()).sum()
    }

    /// The value of the one gauge.
    pub(crate) async fn gauge(&self, parts: &[&str]) -> f64 {
        let series = self.series(parts).await;
        assert_eq!(series.len(), 1, "{series:?}");
        series[0].parse().unwrap()
    }
}

/// `metadata.resourceVersion`.
pub(crate) fn version(object: &Value) -> u64 {
    object["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap()
}
