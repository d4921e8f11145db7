//! A Secret of our own, without a value, that makes an API server write.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use serde_json::json;

use super::CANARY;
use crate::{
    error::{Error, ErrorKind, Result},
    kubernetes::{Accept, Answer, KubernetesApi, Request},
};

/// The canary: `aks-kms-canary` in the state namespace. It is made at the first write and removed
/// at the end; one that a crash left behind is used again.
#[derive(Debug)]
pub(super) struct Canary {
    namespace: String,
    exists: AtomicBool,
    writes: AtomicU64,
}

/// What became of a write to the canary.
pub(super) enum CanaryWrite {
    /// The API server wrote it.
    Written,
    /// The API server could not encrypt or store it, in its own words.
    Failed(String),
}

impl Canary {
    pub(super) fn new(namespace: String) -> Self {
        Self { namespace, exists: AtomicBool::new(false), writes: AtomicU64::new(0) }
    }

    /// The namespace it lives in.
    pub(super) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Makes the API server behind `connection` write a secret.
    pub(super) async fn write(&self, connection: &KubernetesApi) -> Result<CanaryWrite> {
        if !self.exists.load(Ordering::Relaxed) {
            let answer = self.create(connection).await?;
            match answer.status {
                201 => {
                    self.exists.store(true, Ordering::Relaxed);
                    return Ok(CanaryWrite::Written);
                }
                409 => self.exists.store(true, Ordering::Relaxed),
                _ => return self.refused(&answer, "create"),
            }
        }
        let answer = self.patch(connection).await?;
        match answer.status {
            200 => Ok(CanaryWrite::Written),
            // somebody removed it: made again at the next write
            404 => {
                self.exists.store(false, Ordering::Relaxed);
                Ok(CanaryWrite::Failed("the canary secret was deleted".to_owned()))
            }
            _ => self.refused(&answer, "patch"),
        }
    }

    async fn create(&self, connection: &KubernetesApi) -> Result<Answer> {
        let body = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": CANARY,
                "namespace": self.namespace,
                "labels": {"app.kubernetes.io/managed-by": "aks-kms"},
            },
            "type": "aks-kms/canary",
        });
        let request = Request {
            method: http::Method::POST,
            path_and_query: format!(
                "/api/v1/namespaces/{}/secrets?fieldManager=aks-kms&includeObject=None",
                self.namespace
            ),
            accept: Accept::Table,
            body: Some(("application/json", Bytes::from(body.to_string()))),
        };
        Ok(connection.send(request).await?)
    }

    async fn patch(&self, connection: &KubernetesApi) -> Result<Answer> {
        let write = self.writes.fetch_add(1, Ordering::Relaxed);
        let mark = format!("{}-{write}", uuid::Uuid::new_v4());
        let body = json!({"metadata": {"annotations": {"aks-kms/write": mark}}});
        let request = Request {
            method: http::Method::PATCH,
            path_and_query: format!(
                "/api/v1/namespaces/{}/secrets/{CANARY}?fieldManager=aks-kms&includeObject=None",
                self.namespace
            ),
            accept: Accept::Table,
            body: Some(("application/merge-patch+json", Bytes::from(body.to_string()))),
        };
        Ok(connection.send(request).await?)
    }

    fn refused(&self, answer: &Answer, verb: &str) -> Result<CanaryWrite> {
        let message = answer.status_message();
        match answer.status {
            401 | 403 | 422 => Err(Error::new(
                if answer.status == 401 { ErrorKind::Unauthenticated } else { ErrorKind::Forbidden },
                format!(
                    "may not {verb} secret {}/{CANARY}, which shows the key that an API server writes with: {message}",
                    self.namespace
                ),
            )),
            _ => Ok(CanaryWrite::Failed(format!("{} {message}", answer.status))),
        }
    }

    /// Removes it. Not being able to is no failure: it holds nothing, and the next run uses it.
    pub(super) async fn delete(&self, api: &KubernetesApi) {
        if !self.exists.swap(false, Ordering::Relaxed) {
            return;
        }
        let request = Request {
            method: http::Method::DELETE,
            path_and_query: format!("/api/v1/namespaces/{}/secrets/{CANARY}", self.namespace),
            accept: Accept::Table,
            body: None,
        };
        match api.send(request).await {
            Ok(answer) if matches!(answer.status, 200 | 202 | 404) => {}
            Ok(answer) => tracing::warn!(status = answer.status, "the canary secret was not removed"),
            Err(error) => tracing::warn!(%error, "the canary secret was not removed"),
        }
    }
}
