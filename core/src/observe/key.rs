//! A key, its vault and the access to them.

use futures::future::{Either, join_all, select};

use super::key_to_observe::KeyToObserve;
use crate::{
    azure::Azure,
    facts::{AccessFacts, ClusterFacts, Fact, KeyFacts, Lookup, VaultFacts},
    ids::{KeyId, VaultId},
};

/// A key, its vault, and the access to them.
#[derive(Clone)]
pub(super) struct KeySeen {
    pub(super) vault: Fact<Lookup<VaultFacts>>,
    pub(super) key: Fact<Lookup<KeyFacts>>,
    pub(super) access: AccessFacts,
    pub(super) diagnostics: Option<Fact<bool>>,
}

/// Keys that were looked at already.
pub(super) struct KeysSeen(Vec<(KeyId, Option<VaultId>, KeySeen)>);

impl KeysSeen {
    /// Looks at the key that a verb is about, as far as the cluster alone tells, and at the one in use.
    pub(super) async fn observe(
        azure: &Azure,
        cluster: &ClusterFacts,
        wanted: Option<KeyToObserve>,
    ) -> Self {
        let mut keys: Vec<(KeyId, Option<VaultId>)> = Vec::new();
        for KeyToObserve { key_id, vault_id, .. } in
            wanted.into_iter().chain(KeyToObserve::in_use(cluster))
        {
            if !keys.iter().any(|(seen, _)| *seen == key_id) {
                keys.push((key_id, vault_id));
            }
        }
        let look = |(key_id, vault_id): (KeyId, Option<VaultId>)| async move {
            let seen = observe_key(azure, cluster, &key_id, vault_id.as_ref()).await;
            (key_id, vault_id, seen)
        };
        Self(join_all(keys.into_iter().map(look)).await)
    }

    /// What was seen of a key, or is seen now.
    pub(super) async fn or_observe(
        &self,
        azure: &Azure,
        cluster: &ClusterFacts,
        key_id: &KeyId,
        vault_id: Option<&VaultId>,
    ) -> KeySeen {
        let mut seen = self.0.iter();
        match seen.find(|(key, vault, _)| key == key_id && vault.as_ref() == vault_id) {
            Some((.., seen)) => seen.clone(),
            None => observe_key(azure, cluster, key_id, vault_id).await,
        }
    }
}

/// Looks at a key, its vault and the access to them. What is awaited is large, so it is on the heap.
pub(super) async fn observe_key(
    azure: &Azure,
    cluster: &ClusterFacts,
    key_id: &KeyId,
    vault_id: Option<&VaultId>,
) -> KeySeen {
    Box::pin(observe_key_and_vault(azure, cluster, key_id, vault_id)).await
}

async fn observe_key_and_vault(
    azure: &Azure,
    cluster: &ClusterFacts,
    key_id: &KeyId,
    vault_id: Option<&VaultId>,
) -> KeySeen {
    let vault_id = match azure.vault_id(key_id, vault_id, &cluster.id).await {
        Ok(vault_id) => vault_id,
        Err(vault) => return observe_without_vault(azure, cluster, key_id, vault).await,
    };
    // All that is in the vault or at it is read by its resource id alone.
    let in_vault = Box::pin(async {
        futures::join!(
            azure.key(key_id, Some(&vault_id)),
            azure.access_at(cluster, Ok(&vault_id), key_id.name()),
            azure.has_diagnostics(&vault_id)
        )
    });
    let (vault, in_vault) = match select(Box::pin(azure.vault_by_id(&vault_id)), in_vault).await {
        Either::Left((vault, in_vault)) => {
            if vault.known().and_then(Lookup::found).is_none() {
                // What does not exist has nothing in it. What is under way may hold what the next
                // requests wait for, so it is dropped before them.
                drop(in_vault);
                return observe_without_vault(azure, cluster, key_id, vault).await;
            }
            (vault, in_vault.await)
        }
        Either::Right((in_vault, vault)) => (vault.await, in_vault),
    };
    if vault.known().and_then(Lookup::found).is_none() {
        return observe_without_vault(azure, cluster, key_id, vault).await;
    }
    let (key, access, diagnostics) = in_vault;
    KeySeen { vault, key, access, diagnostics: Some(diagnostics) }
}

/// The vault does not exist, or cannot be read.
async fn observe_without_vault(
    azure: &Azure,
    cluster: &ClusterFacts,
    key_id: &KeyId,
    vault: Fact<Lookup<VaultFacts>>,
) -> KeySeen {
    let (key, access) =
        futures::join!(azure.key(key_id, None), azure.access(cluster, &vault, key_id.name()));
    KeySeen { vault, key, access, diagnostics: None }
}
