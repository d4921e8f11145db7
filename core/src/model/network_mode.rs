//! How a cluster reaches its key vault.

use serde::{Deserialize, Serialize};

use super::text_enum::text_enum;

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

text_enum!(NetworkMode, "network_mode": Public = "public", Private = "private");

impl NetworkMode {
    /// The value of ARM's `keyVaultNetworkAccess`.
    pub(crate) const fn as_arm(self) -> &'static str {
        match self {
            Self::Public => "Public",
            Self::Private => "Private",
        }
    }
}
