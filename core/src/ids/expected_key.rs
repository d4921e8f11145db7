//! What API servers write secrets with.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::KeyId;

/// What API servers are expected to write secrets with.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ExpectedKey {
    /// A key in a vault, in this version.
    Key(KeyId),
    /// A key in a vault, in whichever of its versions AKS has taken up: a customer-managed key.
    AnyVersion(KeyId),
    /// A key of the platform's, which nobody can name.
    Platform,
    /// No encryption.
    Plaintext,
}

impl ExpectedKey {
    /// The key; without a version where it may be any.
    pub(crate) fn key_id(&self) -> Option<&KeyId> {
        match self {
            Self::Key(key_id) | Self::AnyVersion(key_id) => Some(key_id),
            Self::Platform | Self::Plaintext => None,
        }
    }

    /// Whether secrets are encrypted with it.
    pub(crate) fn is_encryption(&self) -> bool {
        *self != Self::Plaintext
    }

    /// Whether it is one that AKS looks after: of the newer experience.
    pub(crate) fn is_data_encryption(&self) -> bool {
        matches!(self, Self::AnyVersion(_) | Self::Platform)
    }

    /// Whether this key, in this version, is it.
    pub(crate) fn covers(&self, version: &KeyId) -> bool {
        match self {
            Self::Key(key_id) => key_id == version,
            Self::AnyVersion(key_id) => *key_id == version.without_version(),
            Self::Platform | Self::Plaintext => false,
        }
    }
}

impl fmt::Display for ExpectedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key_id) => write!(f, "{key_id}"),
            Self::AnyVersion(key_id) => write!(f, "a version of {key_id}"),
            Self::Platform => f.write_str("a platform-managed key"),
            Self::Plaintext => f.write_str("plaintext"),
        }
    }
}
