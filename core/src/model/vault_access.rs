//! What becomes of a vault's public network access.

use serde::{Deserialize, Serialize};

use super::text_enum::text_enum;

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

text_enum!(VaultAccess, "vault_access": Change = "change", Keep = "keep");
