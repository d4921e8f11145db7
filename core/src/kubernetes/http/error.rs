//! Why there is no response, or no way to ask for one.

use std::error::Error as StdError;

use kube::client::AuthError;

use crate::error::{Error, ErrorKind};

/// Why there is no response. What became of the request is not known, unless it is
/// [`Credential`](Self::Credential).
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    /// No response in time.
    #[error("no response in time")]
    Timeout,
    /// No connection, or it broke off.
    #[error("{0}")]
    Connection(String),
    /// No credential could be obtained: nothing was sent.
    #[error("{0}")]
    Credential(Error),
    /// The response is longer than what is read whole.
    #[error("the response is too long")]
    TooLarge,
}

pub(super) fn connection_error(error: &hyper::Error) -> SendError {
    SendError::Connection(error_chain(error))
}

/// An error and its causes in one line.
pub(super) fn error_chain(error: &(dyn StdError + 'static)) -> String {
    let mut words = error.to_string();
    for cause in std::iter::successors(error.source(), |&cause| cause.source()) {
        let cause_words = cause.to_string();
        // Many errors repeat their cause.
        if !words.contains(&cause_words) {
            words.push_str(": ");
            words.push_str(&cause_words);
        }
    }
    words
}

/// Why a configuration cannot be used, in words that repeat nothing of it.
pub(super) fn setup_error(error: &kube::Error) -> Error {
    match error {
        kube::Error::Auth(error) => plugin_error(Some(error)),
        kube::Error::RustlsTls(_) | kube::Error::InferKubeconfig(_) => Error::new(
            ErrorKind::InvalidInput,
            "the Kubernetes configuration's certificates or key cannot be used",
        ),
        _ => Error::new(ErrorKind::InvalidInput, "the Kubernetes configuration cannot be used"),
    }
}

/// Why no credential could be obtained. A plugin's output is never repeated: it may hold the token.
pub(super) fn plugin_error(error: Option<&AuthError>) -> Error {
    let what = match error {
        Some(AuthError::AuthExecStart(error)) => {
            format!("the kubeconfig's credential plugin could not be started: {error}")
        }
        Some(AuthError::AuthExecRun { out, .. }) => {
            format!("the kubeconfig's credential plugin failed ({})", out.status)
        }
        Some(AuthError::ReadTokenFile(error, path)) => {
            format!("the token file {} cannot be read: {error}", path.display())
        }
        _ => "the Kubernetes configuration gives no usable credential".to_owned(),
    };
    Error::new(ErrorKind::Unauthenticated, what)
}
