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
    /// A key in a vault.
    Key(KeyId),
    /// No encryption.
    Plaintext,
}

impl ExpectedKey {
    /// The key.
    pub(crate) fn key_id(&self) -> Option<&KeyId> {
        match self {
            Self::Key(key_id) => Some(key_id),
            Self::Plaintext => None,
        }
    }
}

impl fmt::Display for ExpectedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key_id) => write!(f, "{key_id}"),
            Self::Plaintext => f.write_str("plaintext"),
        }
    }
}
