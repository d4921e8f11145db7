//! A credential that Python asks for tokens.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use azure_core::{
    Error,
    credentials::{AccessToken, TokenCredential, TokenRequestOptions},
    error::ErrorKind,
};
use pyo3::prelude::*;
use time::OffsetDateTime;
use tokio::sync::oneshot::{self, Sender};

use crate::{process, relay::Message};

/// Asks a callable for a token: with a list of scopes, and with a [`Reply`] that it answers when it is ready. It
/// is called on the thread that talks to Python, and must not wait there.
pub(crate) struct PythonCredential(Arc<Py<PyAny>>);

impl PythonCredential {
    pub(crate) fn new(source: Py<PyAny>) -> Self {
        Self(Arc::new(source))
    }
}

impl fmt::Debug for PythonCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PythonCredential")
    }
}

/// A token and when it expires, in seconds since 1970; or what the credential raised, in words.
type Outcome = Result<(String, i64), String>;

/// Where a token is answered, once.
#[pyclass(frozen, module = "aks_kms._native")]
pub(crate) struct Reply(Mutex<Option<Sender<Outcome>>>);

#[pymethods]
impl Reply {
    /// The token, and when it expires, in seconds since 1970.
    fn token(&self, token: String, expires_on: i64) {
        self.answer(Ok((token, expires_on)));
    }

    /// Why there is none. The exception itself is kept by the callable, for the caller.
    fn failed(&self, why: String) {
        self.answer(Err(why));
    }
}

impl Reply {
    fn answer(&self, outcome: Outcome) {
        let sender = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        // who asked may be gone
        let _ = sender.map(|sender| sender.send(outcome));
    }
}

fn failed(why: impl Into<String>) -> Error {
    Error::with_message(ErrorKind::Credential, why.into())
}

#[async_trait]
impl TokenCredential for PythonCredential {
    async fn get_token(
        &self,
        scopes: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        let (sender, answer) = oneshot::channel();
        let asked = process::relay().and_then(|relay| {
            let source = Arc::clone(&self.0);
            let scopes = scopes.iter().map(|&scope| scope.to_owned()).collect();
            let reply = Reply(Mutex::new(Some(sender)));
            relay.send(Message::Token { source, scopes, reply }).ok()
        });
        asked.ok_or_else(|| failed("the interpreter is ending"))?;
        let outcome = answer.await.map_err(|_| failed("the credential was not asked"))?;
        let (token, expires_on) = outcome.map_err(failed)?;
        let expires_on = OffsetDateTime::from_unix_timestamp(expires_on)
            .map_err(|_| failed("the token's expires_on is no number of seconds since 1970"))?;
        Ok(AccessToken::new(token, expires_on))
    }
}
