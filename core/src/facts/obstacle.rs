//! What is in the way of an API server.

use crate::error::{Error, ErrorKind};

/// What is in the way of an API server, as far as that has a remedy of its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Obstacle {
    /// The Kubernetes configuration cannot be used.
    Configuration,
    /// The credential was refused, or there is none.
    Credential,
    /// A permission is missing.
    Permission,
    /// The certificate is not by the authority that the configuration names.
    Certificate,
    /// Nobody responded as an API server does.
    Network,
}

impl Obstacle {
    /// `is_untrusted`: its certificate was not accepted.
    pub(crate) fn of(error: &Error, is_untrusted: bool) -> Self {
        match error.kind() {
            _ if is_untrusted => Self::Certificate,
            ErrorKind::InvalidInput => Self::Configuration,
            ErrorKind::Unauthenticated => Self::Credential,
            ErrorKind::Forbidden => Self::Permission,
            _ => Self::Network,
        }
    }
}
