//! A Secret of our own, without a value, that makes an API server write.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use serde_json::json;

use super::requests::{is_decryption, send, stop_if_out_of_space};
use crate::{
    error::{Error, ErrorKind, Result},
    kubernetes::{
        Accept, CANARY, CANARY_TYPE, KubernetesApi, Request, Response, SendError, Status,
        canary_object, denial, describe, object_resource_version, secret_path, secrets_path,
    },
};

/// Names that are tried when others have secrets of that name.
const NAMES: usize = 3;

/// Fresh connections that are tried to find an API server that can read the canary.
const ELSEWHERE: usize = 24;

/// The canary: `aks-kms-canary` in the state namespace. It is made at the first write and removed
/// before the last look and at the end.
///
/// What makes it ours is its type: each write names it, and the API server refuses a write that
/// would change a secret's type. So a secret of somebody else's by that name is never touched, and
/// another name is taken. One that a run left behind when it died is a secret like any other.
#[derive(Debug)]
pub(super) struct Canary {
    namespace: String,
    state: Mutex<State>,
}

#[derive(Clone, Debug)]
struct State {
    name: String,
    /// This run wrote it, as far as known: a response that was lost counts as made, so that it is
    /// removed.
    exists: bool,
    /// The version of our last write, as far as known: no other is removed.
    version: Option<u64>,
}

/// What became of a write to the canary.
pub(super) enum CanaryWrite {
    /// The API server wrote it.
    Written,
    /// The API server could not encrypt or store it, in its own words, or did not respond, and why.
    Failed(String),
}

impl Canary {
    pub(super) fn new(namespace: String) -> Self {
        let state = State { name: CANARY.to_owned(), exists: false, version: None };
        Self { namespace, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> State {
        self.state().clone()
    }

    fn made(&self, version: Option<u64>) {
        let mut state = self.state();
        state.exists = true;
        state.version = version;
    }

    fn gone(&self) {
        let mut state = self.state();
        state.exists = false;
        state.version = None;
    }

    /// Somebody else has a secret of this name.
    fn rename(&self) {
        let mut state = self.state();
        let random = uuid::Uuid::new_v4().simple().to_string();
        let name = format!("{CANARY}-{}", &random[..8]);
        tracing::warn!(foreign = state.name, name, "the canary gets another name");
        *state = State { name, exists: false, version: None };
    }

    /// Whether this is the canary that this run wrote.
    pub(super) fn is_ours(&self, namespace: &str, name: &str) -> bool {
        let state = self.state();
        state.exists && namespace == self.namespace && name == state.name
    }

    /// Makes the API server behind `connection` write a secret.
    pub(super) async fn write(&self, connection: &KubernetesApi) -> Result<CanaryWrite> {
        for _ in 0..NAMES {
            let state = self.now();
            if !state.exists {
                let response = match self.create(connection, &state.name).await? {
                    Ok(response) => response,
                    Err(why) => {
                        self.made(None);
                        return Ok(CanaryWrite::Failed(why));
                    }
                };
                match response.status {
                    201 => {
                        self.made(object_resource_version(&response.body).ok());
                        return Ok(CanaryWrite::Written);
                    }
                    409 if denial(&response).is_none() => {}
                    _ => return self.refused(&response, "create"),
                }
            }
            let response = match self.patch(connection, &state.name).await? {
                Ok(response) => response,
                Err(why) => {
                    self.made(None);
                    return Ok(CanaryWrite::Failed(why));
                }
            };
            let status = Status::parse(&response.body).unwrap_or_default();
            match response.status {
                200 => {
                    self.made(object_resource_version(&response.body).ok());
                    return Ok(CanaryWrite::Written);
                }
                // somebody removed it: made again at the next write
                404 if status.says_gone("secrets", &state.name) => {
                    self.gone();
                    return Ok(CanaryWrite::Failed("the canary secret was deleted".to_owned()));
                }
                422 if status.refuses_field("type") => self.rename(),
                // another API server wrote it with a key that this one does not have
                500 if is_decryption(&describe(&response))
                    && self.removed_elsewhere(connection).await => {}
                _ => return self.refused(&response, "patch"),
            }
        }
        Ok(CanaryWrite::Failed("others have secrets of the canary's names".to_owned()))
    }

    /// Removes it by way of an API server that can read it; whether that went.
    async fn removed_elsewhere(&self, connection: &KubernetesApi) -> bool {
        let State { name, version, .. } = self.now();
        let Some(version) = version else { return false };
        let request = Request::delete_at(self.path(&name), version);
        for _ in 0..ELSEWHERE {
            let response = connection.fresh().send(&request).await;
            if response.is_ok_and(|response| matches!(response.status, 200 | 202 | 404)) {
                self.gone();
                return true;
            }
        }
        false
    }

    async fn create(
        &self,
        connection: &KubernetesApi,
        name: &str,
    ) -> Result<Result<Response, String>> {
        let body = canary_object(&self.namespace, name);
        let path =
            format!("{}?fieldManager=aks-kms&includeObject=None", secrets_path(&self.namespace));
        let request = Request::post(path, Accept::Table, body);
        send(connection, &request, "write the canary secret").await
    }

    async fn patch(
        &self,
        connection: &KubernetesApi,
        name: &str,
    ) -> Result<Result<Response, String>> {
        let mark = uuid::Uuid::new_v4();
        let body =
            json!({"type": CANARY_TYPE, "metadata": {"annotations": {"aks-kms/write": mark}}});
        let path = format!("{}?fieldManager=aks-kms&includeObject=None", self.path(name));
        let request = Request::merge_patch(path, Accept::Table, Bytes::from(body.to_string()));
        send(connection, &request, "write the canary secret").await
    }

    fn path(&self, name: &str) -> String {
        secret_path(&self.namespace, name)
    }

    fn refused(&self, response: &Response, verb: &str) -> Result<CanaryWrite> {
        let message = describe(response);
        let denial = denial(response);
        if denial.is_none() {
            stop_if_out_of_space(&message)?;
        }
        let kind = match response.status {
            _ if denial.is_some_and(|denial| denial.denies()) => ErrorKind::Forbidden,
            401 => ErrorKind::Unauthenticated,
            403 | 422 => ErrorKind::Forbidden,
            _ => return Ok(CanaryWrite::Failed(format!("{} {message}", response.status))),
        };
        let name = self.now().name;
        let why_this_name = if name == CANARY {
            String::new()
        } else {
            format!(
                " ({CANARY} is somebody else's: delete it, or grant create, patch and delete on secrets in \
                 namespace {})",
                self.namespace
            )
        };
        let message = format!(
            "may not {verb} secret {}/{name}, which shows the key that an API server writes with{why_this_name}: \
             {message}",
            self.namespace
        );
        Err(Error::new(kind, message))
    }

    /// Removes it, in the version that was written last. Not being able to is no failure: it holds
    /// nothing, and is a secret like any other from then on.
    pub(super) async fn delete(&self, api: &KubernetesApi) {
        if let Err(why) = self.try_delete(api).await {
            tracing::warn!(why, "the canary secret was not removed");
        }
    }

    async fn try_delete(&self, api: &KubernetesApi) -> Result<(), String> {
        let in_words_of = |error: SendError| error.to_string();
        // More than once where somebody wrote it meanwhile, or a response was lost.
        for _ in 0..4 {
            let State { name, exists, version } = self.now();
            if !exists {
                return Ok(());
            }
            let Some(version) = version else {
                match self.write(api).await.map_err(|error| error.to_string())? {
                    CanaryWrite::Written => continue,
                    CanaryWrite::Failed(why) => return Err(why),
                }
            };
            let request = Request::delete_at(self.path(&name), version);
            let response = api.send(&request).await.map_err(in_words_of)?;
            match response.status {
                200 | 202 | 404 => self.gone(),
                409 => self.made(None),
                500 if self.removed_elsewhere(api).await => {}
                status => return Err(status.to_string()),
            }
        }
        Ok(())
    }
}
