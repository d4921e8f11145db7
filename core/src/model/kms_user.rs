//! What is known of the other clusters that may use the same keys.

use crate::model::{KeyId, NetworkMode, VaultId};

/// A managed cluster that has, or had, KMS with a key in a vault, as Resource Graph tells.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct KmsUser {
    /// Its resource id.
    pub(crate) id: String,
    pub(crate) key_id: String,
    pub(crate) network_mode: Option<NetworkMode>,
    /// Resource ids of its user-assigned identities, and their principals.
    pub(crate) identities: Vec<(String, Option<String>)>,
}

impl KmsUser {
    /// Whether its key is in this vault. Names of vaults are unique in a cloud.
    pub(crate) fn uses(&self, vault: &VaultId) -> bool {
        KeyId::parse(&self.key_id)
            .is_ok_and(|key_id| key_id.vault_name().eq_ignore_ascii_case(vault.name()))
    }

    /// Whether it needs the vault to be open to the public; also where its mode is not known.
    pub(crate) fn uses_publicly(&self, vault: &VaultId) -> bool {
        self.network_mode != Some(NetworkMode::Private) && self.uses(vault)
    }
}
