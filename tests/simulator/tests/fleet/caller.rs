//! Who has signed in to a fleet.

use std::time::Duration;

use aks_kms_simulator::Fleet;
use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::{Certificate, Client, Method, Proxy, Response};
use serde_json::{Value, json};

/// Api-version of managed clusters.
pub(crate) const AKS: &str = "2026-08-01";
/// Api-version of vaults in the management plane.
pub(crate) const KEY_VAULT: &str = "2026-05-15";

/// A signed-in caller.
pub(crate) struct Caller {
    pub(crate) fleet: Fleet,
    http: Client,
    kubernetes: Client,
    arm_token: String,
    vault_token: String,
}

impl Caller {
    pub(crate) async fn sign_in(fleet: Fleet) -> Self {
        let builder = || {
            let authority = Certificate::from_pem(fleet.ca.as_bytes()).unwrap();
            Client::builder().tls_certs_only([authority]).timeout(Duration::from_secs(60))
        };
        let http = builder().proxy(Proxy::https(&fleet.proxy).unwrap()).build().unwrap();
        // a thousand API servers: no connection is kept
        let kubernetes = builder().no_proxy().pool_max_idle_per_host(0).build().unwrap();
        let token = async |resource: &str| {
            let form = url::form_urlencoded::Serializer::new(String::new())
                .append_pair("grant_type", "client_credentials")
                .append_pair("client_id", &fleet.client_id)
                .append_pair("client_secret", &fleet.client_secret)
                .append_pair("scope", &format!("{resource}/.default"))
                .finish();
            let url = format!("{}/{}/oauth2/v2.0/token", fleet.authority, fleet.tenant_id);
            let request = http.post(url).body(form);
            let request = request.header("content-type", "application/x-www-form-urlencoded");
            let body: Value = request.send().await.unwrap().json().await.unwrap();
            body["access_token"].as_str().unwrap().to_owned()
        };
        let (arm_token, vault_token) =
            (token(&fleet.arm).await, token("https://vault.azure.net").await);
        Self { fleet, http, kubernetes, arm_token, vault_token }
    }

    /// A request to Resource Manager: a path, or a whole URL.
    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Response {
        let url = if path.starts_with('/') {
            format!("{}{path}", self.fleet.arm)
        } else {
            path.to_owned()
        };
        let mut request = self.http.request(method, url).bearer_auth(&self.arm_token);
        if let Some(body) = body {
            request = request.json(body);
        }
        request.send().await.unwrap()
    }

    /// The body of an answer that must be 200.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let response = self.send(Method::GET, path, None).await;
        assert_eq!(response.status(), 200, "{path}: {}", response.text().await.unwrap());
        response.json().await.unwrap()
    }

    /// The entries of a list, and how many pages it had.
    pub(crate) async fn list(&self, path: &str) -> (Vec<Value>, usize) {
        let (mut entries, mut pages, mut next) = (Vec::new(), 0, Some(path.to_owned()));
        while let Some(url) = next {
            let mut page = self.get(&url).await;
            entries.append(page["value"].as_array_mut().unwrap());
            pages += 1;
            next = page["nextLink"].as_str().map(str::to_owned);
        }
        (entries, pages)
    }

    /// The rows of a query to Resource Graph, and how many pages they had.
    pub(crate) async fn query(&self, query: &str, top: usize) -> (Vec<Value>, usize) {
        let path = "/providers/Microsoft.ResourceGraph/resources?api-version=2024-04-01";
        let (mut rows, mut pages) = (Vec::new(), 0);
        let mut options = json!({ "$top": top });
        loop {
            let body = json!({ "query": query, "options": options });
            let response = self.send(Method::POST, path, Some(&body)).await;
            assert_eq!(response.status(), 200);
            let mut page: Value = response.json().await.unwrap();
            rows.append(page["data"].as_array_mut().unwrap());
            pages += 1;
            match page.get("$skipToken") {
                Some(token) => options["$skipToken"] = token.clone(),
                None => return (rows, pages),
            }
        }
    }

    /// A cluster's document.
    pub(crate) async fn cluster(&self, id: &str) -> Value {
        self.get(&format!("{id}?api-version={AKS}")).await
    }

    /// A request to the data plane of a vault.
    pub(crate) async fn vault(&self, method: Method, url: &str) -> Response {
        let url = format!("{url}?api-version=7.6");
        let request = self.http.request(method, url).bearer_auth(&self.vault_token);
        request.header("content-length", "0").send().await.unwrap()
    }

    /// URL and token of a cluster's API server.
    pub(crate) async fn credential(&self, id: &str) -> (String, String) {
        let path = format!("{id}/listClusterUserCredential?api-version={AKS}");
        let response = self.send(Method::POST, &path, None).await;
        assert_eq!(response.status(), 200);
        let body: Value = response.json().await.unwrap();
        let config = STANDARD.decode(body["kubeconfigs"][0]["value"].as_str().unwrap()).unwrap();
        let config = String::from_utf8(config).unwrap();
        let value = |name: &str| {
            let line = config.lines().find_map(|line| line.trim().strip_prefix(name));
            line.unwrap().trim().to_owned()
        };
        (value("server:"), value("token:"))
    }

    /// What a cluster's API server lists of its secrets, without their values.
    pub(crate) async fn secrets(
        &self,
        (server, token): &(String, String),
    ) -> reqwest::Result<Value> {
        let request = self.kubernetes.get(format!("{server}/api/v1/secrets")).bearer_auth(token);
        let form = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
        request.header("accept", form).send().await?.json().await
    }
}
