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
    let is_given = vault_id.is_some();
    let vault_id = match azure.vault_id(key_id, vault_id, &cluster.id).await {
        Ok(vault_id) => vault_id,
        Err(vault) => return observe_without_vault(azure, cluster, key_id, vault).await,
    };
    let vault = Box::pin(async {
        if is_given {
            azure.vault_by_id(&vault_id).await
        } else {
            azure.vault_found_at(&vault_id, key_id, &cluster.id).await
        }
    });
    let (vault, in_vault) =
        match select(vault, Box::pin(observe_in_vault(azure, cluster, key_id, &vault_id))).await {
            Either::Left((vault, in_vault)) => {
                // What does not exist there has nothing in it. What is under way may hold what the next requests wait
                // for, so it is dropped before them.
                let is_there = place(&vault) == Some(&vault_id);
                let in_vault = if is_there {
                    Some(in_vault.await)
                } else {
                    drop(in_vault);
                    None
                };
                (vault, in_vault)
            }
            Either::Right((in_vault, vault)) => (vault.await, Some(in_vault)),
        };
    let in_vault = match (place(&vault), in_vault) {
        (None, _) => return observe_without_vault(azure, cluster, key_id, vault).await,
        (Some(now), Some(in_vault)) if *now == vault_id => in_vault,
        (Some(now), _) => observe_in_vault(azure, cluster, key_id, now).await,
    };
    let (key, access, diagnostics) = in_vault;
    KeySeen { vault, key, access, diagnostics: Some(diagnostics) }
}

/// Where a vault is that could be read.
fn place(vault: &Fact<Lookup<VaultFacts>>) -> Option<&VaultId> {
    vault.known().and_then(Lookup::found).map(|vault| &vault.id)
}

/// What is in a vault or at it, all of which is read by its resource id alone.
async fn observe_in_vault(
    azure: &Azure,
    cluster: &ClusterFacts,
    key_id: &KeyId,
    vault_id: &VaultId,
) -> (Fact<Lookup<KeyFacts>>, AccessFacts, Fact<bool>) {
    futures::join!(
        azure.key(key_id, Some(vault_id)),
        azure.access_at(cluster, Ok(vault_id), key_id.name()),
        azure.has_diagnostics(vault_id)
    )
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

#[cfg(test)]
mod tests {
    use azure_core::http::Method;
    use serde_json::json;

    use super::*;
    use crate::{
        azure::{FakeAzure, json_reply},
        rules::testing::cluster,
    };

    /// Resource Graph tells where the vault was.
    #[tokio::test]
    async fn what_is_at_a_vault_is_read_where_the_vault_is_now() {
        const FORMER: &str = "/resourceGroups/former/providers/Microsoft.KeyVault/vaults/shop";
        const NOW: &str = "/resourceGroups/now/providers/Microsoft.KeyVault/vaults/shop";
        const SUBSCRIPTION: &str = "/subscriptions/8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8";
        let at = |place: &str| json!({"id": format!("{SUBSCRIPTION}{place}")});
        let fake = FakeAzure::default();
        for method in [Method::Get, Method::Post] {
            fake.on(
                method,
                "",
                [json_reply(403, json!({"error": {"code": "AuthorizationFailed"}}))],
            );
        }
        fake.on(
            Method::Post,
            "/providers/Microsoft.ResourceGraph/resources",
            [FORMER, NOW].map(|place| json_reply(200, json!({"data": [at(place)]}))),
        );
        fake.on(
            Method::Get,
            FORMER,
            [json_reply(404, json!({"error": {"code": "ResourceNotFound"}}))],
        );
        fake.on(
            Method::Get,
            "/providers/Microsoft.KeyVault/deletedVaults",
            [json_reply(200, json!({"value": []}))],
        );
        let vault = json!({"id": at(NOW)["id"], "properties": {"tenantId": "t"}});
        fake.on(Method::Get, NOW, [json_reply(200, vault)]);
        let key_id =
            KeyId::parse("https://shop.vault.azure.net/keys/etcd/0123456789abcdef0123456789abcdef")
                .unwrap();
        let seen = observe_key(&fake.client(), &cluster(), &key_id, None).await;
        assert!(place(&seen.vault).unwrap().to_string().ends_with(NOW));
        let asked = fake.seen();
        for part in ["/keys/etcd", "diagnosticSettings", "roleAssignments"] {
            let of_now = |url: &str| url.contains(NOW) && url.contains(part);
            assert!(asked.iter().any(|it| of_now(it.url.as_str())), "{part}");
        }
    }
}
