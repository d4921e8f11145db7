//! The check that no vault is closed while something still needs the public way to it.
//!
//! It is made at every request to Resource Manager, at every use of a key by a KMS plugin and at the
//! end of every operation, so that a moment is enough to be noticed: the ground truth tells.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};

use crate::{
    backend::KeyRef,
    cluster::Cluster,
    key_id::KeyId,
    vault::{Vault, network},
    world::World,
};

/// What was seen.
#[derive(Debug, Default)]
pub(crate) struct ClosedVaults {
    seen: Mutex<Vec<String>>,
    /// What the case started with is not anybody's doing.
    excused: Mutex<BTreeSet<String>>,
}

impl ClosedVaults {
    /// Everything that was seen, in order.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn excuse(&self, text: String) {
        self.excused.lock().unwrap_or_else(PoisonError::into_inner).insert(text);
    }

    fn note(&self, text: String) {
        let excused = self.excused.lock().unwrap_or_else(PoisonError::into_inner);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if !excused.contains(&text) && !seen.contains(&text) {
            seen.push(text);
        }
    }
}

impl World {
    /// Takes what plugins are cut off from already for given.
    pub(crate) fn excuse_plugins(&self) {
        for text in self.plugins_cut_off() {
            self.closed_vaults.excuse(text);
        }
    }

    /// Takes what is closed already for given.
    pub(crate) async fn excuse_closed_vaults(&self) {
        for text in self.plugins_cut_off().into_iter().chain(self.secrets_cut_off().await) {
            self.closed_vaults.excuse(text);
        }
    }

    /// Looks at what the API servers' plugins need.
    pub(crate) fn check_plugins(&self) {
        for text in self.plugins_cut_off() {
            self.closed_vaults.note(text);
        }
    }

    /// Looks at what plugins and secrets need.
    pub(crate) async fn check_closed_vaults(&self) {
        self.check_plugins();
        for text in self.secrets_cut_off().await {
            self.closed_vaults.note(text);
        }
    }

    fn plugins_cut_off(&self) -> Vec<String> {
        let mut cut_off = Vec::new();
        for cluster in self.clusters() {
            let (keys, public) = {
                let state = cluster.state();
                let keys: Vec<KeyRef> = state.rolled_out.keys().cloned().collect();
                (keys, state.public_keys.clone())
            };
            for key in keys {
                if key.is_data_encryption() {
                    if self.is_cut_off_from_customer_key(&cluster, &key.key_id) {
                        cut_off.push(format!(
                            "a vault was closed while KMS data encryption needed {} in it",
                            key.key_id
                        ));
                    }
                    continue;
                }
                let public = public.contains(&key.key_id);
                if self.is_cut_off(&cluster, &key.key_id, public) {
                    cut_off.push(format!(
                        "a vault was closed while a plugin needed {} in it ({} way)",
                        key.key_id,
                        if public { "public" } else { "private" }
                    ));
                }
            }
        }
        cut_off
    }

    async fn secrets_cut_off(&self) -> Vec<String> {
        let closed = |vault: &Vault| network::admits(vault, network::CLUSTER_ADDRESS).is_err();
        if !self.vaults().values().any(|vault| vault.deleted.is_none() && closed(vault)) {
            return Vec::new();
        }
        let mut cut_off = Vec::new();
        for cluster in self.clusters() {
            let Some(backend) = cluster.backend() else { continue };
            let by_key: BTreeMap<String, usize> =
                backend.ground_truth().await.map(|truth| truth.by_key).unwrap_or_default();
            for key_id in by_key.into_keys() {
                let (public, legacy) = {
                    let state = cluster.state();
                    let is_it = |key: &KeyRef| key.key_id == key_id && !key.is_data_encryption();
                    (state.public_keys.contains(&key_id), state.rolled_out.keys().any(is_it))
                };
                let of_customer = cluster.state().is_version_of_customer_key(&key_id);
                let is_cut_off = if of_customer && !legacy {
                    self.is_cut_off_from_customer_key(&cluster, &key_id)
                } else {
                    self.is_cut_off(&cluster, &key_id, public)
                };
                if is_cut_off {
                    cut_off
                        .push(format!("a vault was closed while a secret needed {key_id} in it"));
                }
            }
        }
        cut_off
    }

    /// Whether the plugin of KMS data encryption finds the vault of a key's version closed.
    fn is_cut_off_from_customer_key(&self, cluster: &Cluster, key_id: &str) -> bool {
        let Some(key) = KeyId::parse(key_id) else { return false };
        let trusted = cluster.state().customer_keys.get(&key.source()).copied().unwrap_or_default();
        self.with_vault_at(&key.host, |vault| {
            let admitted = if trusted {
                network::admits_trusted_services(vault)
            } else {
                network::admits(vault, network::CLUSTER_ADDRESS)
            };
            admitted.is_err()
        })
        .unwrap_or(false)
    }

    /// Whether API servers that reach a key over the public way, or else privately, find its vault
    /// closed.
    fn is_cut_off(&self, cluster: &Cluster, key_id: &str, public: bool) -> bool {
        let Some(key) = KeyId::parse(key_id) else { return false };
        let node_group = &cluster.names.node_group;
        self.with_vault_at(&key.host, |vault| {
            let open = network::admits(vault, network::CLUSTER_ADDRESS).is_ok();
            !open && (public || !vault.has_private_connection(node_group))
        })
        .unwrap_or(false)
    }
}
