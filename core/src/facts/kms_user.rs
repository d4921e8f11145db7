//! What is known of the other clusters that may use the same keys.

use url::Url;

use crate::ids::{KeyId, NetworkMode, VaultId};

/// A managed cluster that has, or had, KMS with a key in a vault, as Resource Graph tells.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct ClusterWithKms {
    /// Its resource id.
    pub(crate) id: String,
    pub(crate) key_id: String,
    pub(crate) network_mode: Option<NetworkMode>,
    /// Resource ids of its user-assigned identities, and their principals.
    pub(crate) identities: Vec<(String, Option<String>)>,
}

impl ClusterWithKms {
    /// Whether its key is in this vault. Names of vaults are unique in a cloud.
    pub(crate) fn uses(&self, vault: &VaultId) -> bool {
        self.host().is_some_and(|host| {
            host.split('.').next().is_some_and(|name| name.eq_ignore_ascii_case(vault.name()))
        })
    }

    /// Whether its key is in the vault of this one.
    pub(crate) fn shares_vault(&self, key_id: &KeyId) -> bool {
        self.host().is_some_and(|host| host.eq_ignore_ascii_case(key_id.host()))
    }

    /// The vault's host, also of a key id that is none to this crate.
    fn host(&self) -> Option<String> {
        Url::parse(&self.key_id).ok()?.host_str().map(str::to_owned)
    }

    /// Whether it needs the vault to be open to the public; also where its mode is not known.
    pub(crate) fn uses_publicly(&self, vault: &VaultId) -> bool {
        self.network_mode != Some(NetworkMode::Private) && self.uses(vault)
    }
}
