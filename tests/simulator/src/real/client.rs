//! The simulator's own way to an API server: straight to one of them, with every right.

use std::{net::SocketAddr, time::Duration};

use reqwest::{Certificate, Method, header::CONTENT_TYPE};
use serde_json::{Value, json};

/// Answers of an API server come after less than this, or never.
const TIMEOUT: Duration = Duration::from_secs(40);

/// A client of one API server.
#[derive(Clone)]
pub(super) struct Client {
    http: reqwest::Client,
    server: String,
    token: String,
}

/// What an API server answered.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
}

impl Client {
    pub(super) fn new(address: SocketAddr, ca_pem: &str, token: &str) -> Result<Self, String> {
        let error = |error: reqwest::Error| format!("client: {error}");
        let http = reqwest::Client::builder()
            .tls_certs_only([Certificate::from_pem(ca_pem.as_bytes()).map_err(error)?])
            .no_proxy()
            .timeout(TIMEOUT)
            .build()
            .map_err(error)?;
        Ok(Self { http, server: format!("https://{address}"), token: token.to_owned() })
    }

    /// `https://127.0.0.1:<port>`
    pub(super) fn server(&self) -> &str {
        &self.server
    }

    /// Any answer.
    pub(super) async fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<(&str, Value)>,
    ) -> Result<Answer, String> {
        let error = |error: reqwest::Error| format!("{path}: {}", error.without_url());
        let mut request =
            self.http.request(method, format!("{}{path}", self.server)).bearer_auth(&self.token);
        if let Some((content_type, body)) = body {
            request = request.header(CONTENT_TYPE, content_type).body(body.to_string());
        }
        let response = request.send().await.map_err(error)?;
        let status = response.status().as_u16();
        Ok(Answer { status, body: response.text().await.map_err(error)? })
    }

    /// Makes an object. One that is already there is as good.
    pub(super) async fn create(&self, path: &str, object: Value) -> Result<(), String> {
        let answer = self.request(Method::POST, path, Some(("application/json", object))).await?;
        answer.expect(path, &[200, 201, 409])
    }

    /// Merges into an object, or into its status.
    pub(super) async fn merge(&self, path: &str, change: Value) -> Result<(), String> {
        let content_type = "application/merge-patch+json";
        self.request(Method::PATCH, path, Some((content_type, change))).await?.expect(path, &[200])
    }

    /// Deletes an object, or marks it as to be deleted.
    pub(super) async fn delete(&self, path: &str) -> Result<(), String> {
        self.request(Method::DELETE, path, None).await?.expect(path, &[200, 202])
    }

    /// Takes the finalizers of a namespace that was told to end: it is gone.
    pub(super) async fn finalize(&self, namespace: &str) -> Result<(), String> {
        let path = format!("/api/v1/namespaces/{namespace}/finalize");
        let object = json!({"metadata": {"name": namespace}, "spec": {"finalizers": []}});
        let body = Some(("application/json", object));
        self.request(Method::PUT, &path, body).await?.expect(&path, &[200])
    }

    /// The uid of an object.
    pub(super) async fn uid(&self, path: &str) -> Result<String, String> {
        let answer = self.request(Method::GET, path, None).await?;
        answer.expect(path, &[200])?;
        let object: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        Ok(object["metadata"]["uid"].as_str().unwrap_or_default().to_owned())
    }

    /// The status of a GET.
    pub(super) async fn status(&self, path: &str) -> Result<u16, String> {
        Ok(self.request(Method::GET, path, None).await?.status)
    }
}

impl Answer {
    fn expect(&self, path: &str, statuses: &[u16]) -> Result<(), String> {
        if statuses.contains(&self.status) {
            return Ok(());
        }
        let status: Value = serde_json::from_str(&self.body).unwrap_or_default();
        let message = status["message"].as_str().unwrap_or("no message");
        Err(format!("{path}: {} {message}", self.status))
    }
}
