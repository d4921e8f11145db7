//! A cluster in a region of its own, as the reference page treats it: `az aks update`, then
//! `kubectl get secrets | kubectl replace`.

use std::time::{Duration, Instant};

use aks_kms_simulator::{
    Case, Options, Simulator,
    backend::{ApiEndpoint, GroundTruth},
    clock::TimeScale,
};
use reqwest::{Certificate, Method};
use serde_json::{Value, json};

use crate::{
    Backend,
    common::{AKS, VAULT_SCOPE, http, send, token},
};

const PATIENCE: Duration = Duration::from_secs(100);
/// Secrets of a cluster, all in one namespace.
pub(crate) const SECRETS: usize = 4;

/// A cluster with [`SECRETS`] secrets and a key of four versions.
pub(crate) struct Cluster {
    pub(crate) simulator: Simulator,
    pub(crate) case: Case,
    azure: reqwest::Client,
    kubernetes: reqwest::Client,
    endpoint: ApiEndpoint,
    arm_token: String,
    vault_token: String,
}

impl Cluster {
    /// Makes it as given, with one API server, KMS on and every secret under the first key.
    pub(crate) async fn start(backend: Backend, given: Value) -> Self {
        let scale = if backend == Backend::Embedded { 0.001 } else { 1.0 };
        Self::start_at(backend, given, scale).await
    }

    /// The same at another pace.
    pub(crate) async fn start_at(backend: Backend, given: Value, scale: f64) -> Self {
        let options = Options { scale: TimeScale(scale), ..Options::default() };
        let simulator = Simulator::start(options).await.unwrap();
        let mut all = json!({
            "cluster": {
                "backend": backend.name(), "api_servers": 1, "kms": { "key": "{{key.1}}" },
            },
            "key": { "versions": 4 },
            "secrets": { "namespaces": 1, "each": SECRETS },
        });
        merge(&mut all, given);
        let case = simulator.put_case(serde_json::from_value(all).unwrap()).await.unwrap();
        let endpoint = simulator.kubernetes(&case.id).unwrap().endpoint();
        let azure = http(&case);
        let arm_token = token(&azure, &case, &format!("{}/.default", case.arm)).await;
        let vault_token = token(&azure, &case, VAULT_SCOPE).await;
        let kubernetes = reqwest::Client::builder()
            .tls_certs_only([Certificate::from_pem(endpoint.ca_pem.as_bytes()).unwrap()])
            .no_proxy()
            .pool_max_idle_per_host(0)
            .build()
            .unwrap();
        Self { simulator, case, azure, kubernetes, endpoint, arm_token, vault_token }
    }

    /// The id of the key's version of this number, from 1.
    pub(crate) fn key(&self, number: usize) -> &str {
        &self.case.key_ids[number - 1]
    }

    /// A request to Resource Manager: status and body.
    pub(crate) async fn arm(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> (u16, Value) {
        let url = format!("{}{path}", self.case.arm);
        send(self.azure.request(method, url).bearer_auth(&self.arm_token), body).await
    }

    /// A request to the vault's data plane: status and body.
    pub(crate) async fn vault(
        &self,
        method: Method,
        url: &str,
        body: Option<&Value>,
    ) -> (u16, Value) {
        let url = format!("{url}?api-version=7.6");
        send(self.azure.request(method, url).bearer_auth(&self.vault_token), body).await
    }

    fn path(&self) -> String {
        format!("{}?api-version={AKS}", self.case.cluster_id)
    }

    /// The cluster's `provisioningState`.
    pub(crate) async fn state(&self) -> String {
        let (_, document) = self.arm(Method::GET, &self.path(), None).await;
        document["properties"]["provisioningState"].as_str().unwrap().to_owned()
    }

    /// `az aks update` to a key, or, without one, with KMS off. Does not wait.
    pub(crate) async fn begin_update(&self, key: Option<usize>) -> u16 {
        let (_, mut document) = self.arm(Method::GET, &self.path(), None).await;
        let profile = &mut document["properties"]["securityProfile"]["azureKeyVaultKms"];
        *profile = match key {
            Some(number) => json!({
                "enabled": true, "keyId": self.key(number),
                "keyVaultNetworkAccess": "Public", "keyVaultResourceId": "",
            }),
            None => json!({ "enabled": false }),
        };
        self.arm(Method::PUT, &self.path(), Some(&document)).await.0
    }

    /// `az aks update` to a security profile. Does not wait.
    pub(crate) async fn begin_security(&self, security: &Value) -> u16 {
        let (_, mut document) = self.arm(Method::GET, &self.path(), None).await;
        document["properties"]["securityProfile"] = security.clone();
        self.arm(Method::PUT, &self.path(), Some(&document)).await.0
    }

    /// `az aks operation-abort`.
    pub(crate) async fn abort(&self) {
        let path = format!("{}/abort?api-version={AKS}", self.case.cluster_id);
        let (status, answer) = self.arm(Method::POST, &path, None).await;
        assert_eq!(status, 202, "{answer}");
    }

    /// `az aks update`, which waits for the operation's end: the state that it ended in.
    pub(crate) async fn update(&self, key: Option<usize>) -> String {
        assert_eq!(self.begin_update(key).await, 200);
        self.ended().await
    }

    /// Waits for the operation's end: the state that it ended in.
    pub(crate) async fn ended(&self) -> String {
        let started = Instant::now();
        loop {
            let state = self.state().await;
            if state != "Updating" {
                return state;
            }
            assert!(started.elapsed() < PATIENCE, "still {state}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// A rotation that succeeds, and is in force.
    pub(crate) async fn rotate(&self, key: usize) {
        assert_eq!(self.update(Some(key)).await, "Succeeded");
        self.wait_until_in_force(key).await;
    }

    /// Where the plugin's key changed under a running API server, that notices within a minute.
    async fn wait_until_in_force(&self, key: usize) {
        let secrets = "/api/v1/namespaces/default/secrets";
        let mut number = 0;
        self.until(&format!("key {key} is not in force"), async || {
            number += 1;
            let name = format!("probe-{key}-{number}");
            let before = self.under(key).await;
            let probe = json!({ "metadata": { "name": name } });
            let (status, _) = self.ask(Method::POST, secrets, Some(&probe)).await;
            let written = status == 201 && self.under(key).await > before;
            self.ask(Method::DELETE, &format!("{secrets}/{name}"), None).await;
            // This makes an API server ask its plugin.
            self.ask(Method::GET, "/readyz/kms-providers", None).await;
            written
        })
        .await;
    }

    /// Waits for something to come true.
    pub(crate) async fn until(&self, otherwise: &str, mut holds: impl AsyncFnMut() -> bool) {
        let started = Instant::now();
        while !holds().await {
            assert!(started.elapsed() < PATIENCE, "{otherwise}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// A request to Kubernetes: status and text.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> (u16, String) {
        let kind = match method {
            Method::PATCH => "application/merge-patch+json",
            _ => "application/json",
        };
        let url = format!("{}{path}", self.endpoint.server);
        let mut request =
            self.kubernetes.request(method, url).bearer_auth(&self.endpoint.admin_token);
        if let Some(body) = body {
            request = request.header("content-type", kind).body(body.to_string());
        }
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// Status and text of the answer to a GET of a secret, by its number from 1.
    pub(crate) async fn get(&self, number: usize) -> (u16, String) {
        self.ask(Method::GET, &secret(number), None).await
    }

    /// How many secrets can be read, each asked for by itself.
    pub(crate) async fn readable(&self) -> usize {
        let mut readable = 0;
        for number in 1..=SECRETS {
            readable += usize::from(self.get(number).await.0 == 200);
        }
        readable
    }

    /// `kubectl get secrets -A -o json | kubectl replace -f -`: whether all of it worked.
    pub(crate) async fn replace_all(&self) -> bool {
        let (status, list) = self.ask(Method::GET, "/api/v1/secrets", None).await;
        if status != 200 {
            return false;
        }
        let list: Value = serde_json::from_str(&list).unwrap();
        let mut all = true;
        for item in list["items"].as_array().unwrap() {
            let mut item = item.clone();
            item["apiVersion"] = json!("v1");
            item["kind"] = json!("Secret");
            let text = |name: &str| item["metadata"][name].as_str().unwrap();
            let path = format!("/api/v1/namespaces/{}/secrets/{}", text("namespace"), text("name"));
            all &= self.ask(Method::PUT, &path, Some(&item)).await.0 == 200;
        }
        all
    }

    pub(crate) async fn truth(&self) -> GroundTruth {
        self.simulator.secrets(&self.case.id).await.unwrap()
    }

    /// How many secrets are stored under the key of this number.
    pub(crate) async fn under(&self, key: usize) -> usize {
        self.truth().await.by_key.get(self.key(key)).copied().unwrap_or_default()
    }

    pub(crate) async fn restart(&self) {
        assert!(self.gets_ready_again().await);
    }

    /// Whether the API servers get ready after a restart. A real one does not where it cannot decrypt a single
    /// secret.
    pub(crate) async fn gets_ready_again(&self) -> bool {
        self.simulator.restart_api_servers(&self.case.id).await.is_ok()
    }
}

/// Path of a secret, by its number from 1.
pub(crate) fn secret(number: usize) -> String {
    format!("/api/v1/namespaces/team-1/secrets/secret-{number}")
}

fn merge(target: &mut Value, with: Value) {
    match (target, with) {
        (Value::Object(target), Value::Object(with)) => {
            for (name, value) in with {
                merge(target.entry(name).or_insert(Value::Null), value);
            }
        }
        (target, with) => *target = with,
    }
}
