//! A Secret of our own, without a value, that makes an API server write.

use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use serde_json::json;

use super::requests::{stop_if_out_of_space, transient};
use crate::{
    error::{Error, ErrorKind, Result},
    kubernetes::{
        Accept, Answer, CANARY, KubernetesApi, Request, in_words, secret_path, secrets_path,
    },
};

/// The canary: `aks-kms-canary` in the state namespace. It is made at the first write and removed
/// at the end; one that a crash left behind is used again.
#[derive(Debug)]
pub(super) struct Canary {
    namespace: String,
    /// As far as known: an answer that was lost counts as made, so that it is removed.
    exists: AtomicBool,
}

/// What became of a write to the canary.
pub(super) enum CanaryWrite {
    /// The API server wrote it.
    Written,
    /// The API server could not encrypt or store it, in its own words, or did not answer, and why.
    Failed(String),
}

impl Canary {
    pub(super) fn new(namespace: String) -> Self {
        Self { namespace, exists: AtomicBool::new(false) }
    }

    /// The namespace it lives in.
    pub(super) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Makes the API server behind `connection` write a secret.
    pub(super) async fn write(&self, connection: &KubernetesApi) -> Result<CanaryWrite> {
        if !self.exists.load(Ordering::Relaxed) {
            let answer = match self.create(connection).await? {
                Ok(answer) => answer,
                Err(why) => {
                    self.exists.store(true, Ordering::Relaxed);
                    return Ok(CanaryWrite::Failed(why));
                }
            };
            match answer.status {
                201 => {
                    self.exists.store(true, Ordering::Relaxed);
                    return Ok(CanaryWrite::Written);
                }
                409 => self.exists.store(true, Ordering::Relaxed),
                _ => return self.refused(&answer, "create"),
            }
        }
        let answer = match self.patch(connection).await? {
            Ok(answer) => answer,
            Err(why) => return Ok(CanaryWrite::Failed(why)),
        };
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

    async fn create(&self, connection: &KubernetesApi) -> Result<Result<Answer, String>> {
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
        let path =
            format!("{}?fieldManager=aks-kms&includeObject=None", secrets_path(&self.namespace));
        let request = Request::post(path, Accept::Table, Bytes::from(body.to_string()));
        self.send(connection, &request).await
    }

    async fn patch(&self, connection: &KubernetesApi) -> Result<Result<Answer, String>> {
        let mark = uuid::Uuid::new_v4();
        let body = json!({"metadata": {"annotations": {"aks-kms/write": mark}}});
        let path = format!("{}?fieldManager=aks-kms&includeObject=None", self.path());
        let request = Request::merge_patch(path, Accept::Table, Bytes::from(body.to_string()));
        self.send(connection, &request).await
    }

    fn path(&self) -> String {
        secret_path(&self.namespace, CANARY)
    }

    /// The inner error: no answer, for a reason that may pass.
    async fn send(
        &self,
        connection: &KubernetesApi,
        request: &Request,
    ) -> Result<Result<Answer, String>> {
        match connection.send(request).await {
            Ok(answer) => Ok(Ok(answer)),
            Err(error) => transient(connection, error, "write the canary secret").map(Err),
        }
    }

    fn refused(&self, answer: &Answer, verb: &str) -> Result<CanaryWrite> {
        let message = in_words(answer);
        stop_if_out_of_space(&message)?;
        match answer.status {
            401 | 403 | 422 => Err(Error::new(
                if answer.status == 401 {
                    ErrorKind::Unauthenticated
                } else {
                    ErrorKind::Forbidden
                },
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
        let request = Request::delete(format!("{}?includeObject=None", self.path()));
        match api.send(&request).await {
            Ok(answer) if matches!(answer.status, 200 | 202 | 404) => {}
            Ok(answer) => {
                tracing::warn!(status = answer.status, "the canary secret was not removed");
            }
            Err(error) => tracing::warn!(%error, "the canary secret was not removed"),
        }
    }
}
