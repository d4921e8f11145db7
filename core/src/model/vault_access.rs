//! What becomes of a vault's public network access.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind};

/// What `change_network_mode` does with the vault's public network access.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum VaultAccess {
    /// It is closed once the private way is proven, and opened before the public way is taken.
    #[default]
    Change,
    /// It is left to its owner.
    Keep,
}

impl VaultAccess {
    /// The name: `change` or `keep`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Change => "change",
            Self::Keep => "keep",
        }
    }
}

impl fmt::Display for VaultAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for VaultAccess {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "change" => Ok(Self::Change),
            "keep" => Ok(Self::Keep),
            _ => Err(Error::new(
                ErrorKind::InvalidInput,
                format!("vault_access is {text:?}; pass \"change\" or \"keep\""),
            )),
        }
    }
}
