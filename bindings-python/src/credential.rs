//! A credential that Python asks for tokens.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use azure_core::{
    Error,
    credentials::{AccessToken, TokenCredential, TokenRequestOptions},
    error::ErrorKind,
};
use pyo3::prelude::*;
use time::OffsetDateTime;

/// Asks a callable for a token, with a list of scopes; it gives the token and when it expires, in seconds
/// since 1970. It may take its time: it is called on a thread for that.
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
        let source = Arc::clone(&self.0);
        let scopes: Vec<String> = scopes.iter().map(|&scope| scope.to_owned()).collect();
        let asked = tokio::task::spawn_blocking(move || {
            Python::try_attach(|py| {
                let token = source.call1(py, (scopes,));
                // the exception itself is kept by the callable, for the caller
                token.and_then(|it| it.extract::<(String, i64)>(py)).map_err(|it| it.to_string())
            })
        });
        let (token, expires_on) = asked
            .await
            .map_err(|error| failed(error.to_string()))?
            .ok_or_else(|| failed("the interpreter is ending"))?
            .map_err(failed)?;
        let expires_on = OffsetDateTime::from_unix_timestamp(expires_on)
            .map_err(|_| failed("the token's expires_on is no number of seconds since 1970"))?;
        Ok(AccessToken::new(token, expires_on))
    }
}
