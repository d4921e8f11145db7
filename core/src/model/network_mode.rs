//! How a cluster reaches its key vault.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind};

/// How the API servers reach the key vault.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NetworkMode {
    /// Over the vault's public endpoint.
    #[default]
    Public,
    /// Over a private endpoint that AKS makes.
    Private,
}

impl NetworkMode {
    /// The name: `public` or `private`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
        }
    }

    /// The value of ARM's `keyVaultNetworkAccess`.
    pub(crate) const fn as_arm(self) -> &'static str {
        match self {
            Self::Public => "Public",
            Self::Private => "Private",
        }
    }
}

impl fmt::Display for NetworkMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for NetworkMode {
    type Err = Error;

    /// Any case, as Azure does.
    fn from_str(text: &str) -> Result<Self, Error> {
        if text.eq_ignore_ascii_case("public") {
            Ok(Self::Public)
        } else if text.eq_ignore_ascii_case("private") {
            Ok(Self::Private)
        } else {
            Err(Error::new(
                ErrorKind::InvalidInput,
                format!("network_mode is {text:?}; pass \"public\" or \"private\""),
            ))
        }
    }
}
