//! How a cluster reaches its key vault.

use super::text_enum::text_enum;

text_enum! {
    /// How the API servers reach the key vault.
    #[derive(Default)]
    pub enum NetworkMode("network_mode") {
        /// Over the vault's public endpoint.
        #[default]
        Public = "public",
        /// Over a private endpoint that AKS makes.
        Private = "private",
    }
}

impl NetworkMode {
    /// The value of ARM's `keyVaultNetworkAccess`.
    pub(crate) const fn as_arm(self) -> &'static str {
        match self {
            Self::Public => "Public",
            Self::Private => "Private",
        }
    }
}
