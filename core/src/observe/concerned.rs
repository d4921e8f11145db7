//! The keys that a change concerns besides the one that it sets: the one in use, which becomes the
//! one before, and those that the API servers read with until then.

use futures::future::{OptionFuture, join_all};

use super::{Wanted, observe_key};
use crate::{
    azure::Azure,
    ledger::{Entry, Ledger},
    model::{ClusterFacts, KeyId, VaultId},
    observed::PreviousKey,
};

/// The keys that are concerned besides the one that the verb is about.
pub(super) struct Concerned {
    in_use: Option<Wanted>,
    previous: Option<KeyId>,
    perhaps: Vec<KeyId>,
}

impl Concerned {
    pub(super) fn of(
        cluster: &ClusterFacts,
        wanted: Option<&Wanted>,
        ledger: Option<&Ledger>,
    ) -> Self {
        let mut seen: Vec<KeyId> = wanted.map(|wanted| wanted.key_id.clone()).into_iter().collect();
        let in_use = Wanted::in_use(cluster).filter(|now| !seen.contains(&now.key_id));
        seen.extend(in_use.as_ref().map(|now| now.key_id.clone()));
        let mut new = |key_id: &KeyId| {
            let is_new = !seen.contains(key_id);
            seen.push(key_id.clone());
            is_new
        };
        let previous = ledger
            .and_then(|ledger| ledger.previous.as_ref()?.key_id.clone())
            .filter(|key_id| new(key_id));
        let mut perhaps = ledger.map_or_else(Vec::new, perhaps_read);
        perhaps.retain(new);
        Self { in_use, previous, perhaps }
    }

    pub(super) async fn observe(
        self,
        azure: &Azure,
        cluster: &ClusterFacts,
    ) -> (Option<PreviousKey>, Option<PreviousKey>, Vec<PreviousKey>) {
        let look = |key_id: KeyId, vault_id: Option<VaultId>| async move {
            let seen = observe_key(azure, cluster, &key_id, vault_id.as_ref()).await;
            PreviousKey { key_id, vault: seen.vault, key: seen.key, access: seen.access }
        };
        let in_use = self.in_use.map(|now| look(now.key_id, now.vault_id));
        let previous = self.previous.map(|key_id| look(key_id, None));
        let perhaps = self.perhaps.into_iter().map(|key_id| look(key_id, None));
        futures::join!(OptionFuture::from(in_use), OptionFuture::from(previous), join_all(perhaps))
    }
}

/// Keys that the API servers may read with although the record does not say so for certain: one
/// that an operation was about to set, and, where no key is known to be the one before, the last
/// that was used.
fn perhaps_read(ledger: &Ledger) -> Vec<KeyId> {
    let has_previous = ledger.previous.as_ref().is_some_and(|entry| entry.key_id.is_some());
    let last_used = ledger.retired.first().filter(|_| !has_previous);
    [ledger.pending.as_ref(), last_used]
        .into_iter()
        .flatten()
        .filter_map(|entry: &Entry| entry.key_id.clone())
        .collect()
}
