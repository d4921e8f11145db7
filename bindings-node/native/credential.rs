//! A credential that JavaScript asks for tokens.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use aks_kms_bindings::default_credential;
use async_trait::async_trait;
use azure_core::{
    Error,
    credentials::{AccessToken, TokenCredential, TokenRequestOptions},
    error::ErrorKind,
};
use napi::{
    Result, Status,
    threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode},
};
use napi_derive::napi;
use time::OffsetDateTime;
use tokio::sync::oneshot;

use crate::failure;

/// Is called with each request. It keeps no process alive: what waits for a token does.
pub(crate) type Source = ThreadsafeFunction<TokenRequest, (), TokenRequest, Status, false, true>;

type Answer = std::result::Result<AccessToken, String>;

/// A credential that asks a function of JavaScript; none: the credential is looked for.
pub(crate) fn of(source: Option<Source>) -> Result<Arc<dyn TokenCredential>> {
    match source {
        Some(source) => Ok(Arc::new(NodeCredential(source))),
        None => default_credential(None).map_err(|error| failure(&error)),
    }
}

/// Asks JavaScript for a token, on its thread; it answers when it has one.
struct NodeCredential(Source);

impl fmt::Debug for NodeCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NodeCredential")
    }
}

fn failed(why: impl Into<String>) -> Error {
    Error::with_message(ErrorKind::Credential, why.into())
}

#[async_trait]
impl TokenCredential for NodeCredential {
    async fn get_token(
        &self,
        scopes: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let (answer, answered) = oneshot::channel();
        let request = TokenRequest {
            scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
            answer: Mutex::new(Some(answer)),
        };
        match self.0.call(request, ThreadsafeFunctionCallMode::NonBlocking) {
            Status::Ok => {}
            _ => return Err(failed("the thread of the credential has ended")),
        }
        answered
            .await
            .map_err(|_| failed("the credential gave no answer"))?
            // the error itself is kept by the source, for the caller
            .map_err(failed)
    }
}

/// A token that is asked for.
#[napi]
pub struct TokenRequest {
    scopes: Vec<String>,
    answer: Mutex<Option<oneshot::Sender<Answer>>>,
}

#[napi]
impl TokenRequest {
    /// What it is to be for.
    #[napi(getter)]
    pub fn scopes(&self) -> Vec<String> {
        self.scopes.clone()
    }

    /// Answers with a token, and when it expires in milliseconds since 1970.
    #[napi]
    pub fn give(&self, token: String, expires_on: i64) {
        let expires_on = OffsetDateTime::from_unix_timestamp(expires_on.div_euclid(1000));
        self.reply(match expires_on {
            Ok(expires_on) => Ok(AccessToken::new(token, expires_on)),
            Err(_) => {
                Err("the token's expiresOnTimestamp is no number of milliseconds since 1970".into())
            }
        });
    }

    /// Says why there is none.
    #[napi]
    pub fn refuse(&self, why: String) {
        self.reply(Err(why));
    }

    fn reply(&self, answer: Answer) {
        let waiting = self.answer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(waiting) = waiting {
            // whoever asked may be gone
            let _ = waiting.send(answer);
        }
    }
}
