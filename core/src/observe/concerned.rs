//! The keys that a change concerns besides the one that it sets: the one in use, which becomes the
//! one before, and those that the API servers read with until then.

use futures::future::{OptionFuture, join_all};

use super::{key::KeySeen, key_to_observe::KeyToObserve};
use crate::{
    facts::ClusterFacts,
    ids::{KeyId, VaultId},
    ledger::{Entry, Ledger},
    observed::PreviousKey,
};

/// The keys that are concerned besides the one that the verb is about.
pub(super) struct Concerned {
    in_use: Option<KeyToObserve>,
    previous: Option<KeyId>,
    perhaps: Vec<KeyId>,
}

impl Concerned {
    pub(super) fn of(
        cluster: &ClusterFacts,
        wanted: Option<&KeyToObserve>,
        ledger: Option<&Ledger>,
    ) -> Self {
        let mut seen: Vec<KeyId> = wanted.map(|wanted| wanted.key_id.clone()).into_iter().collect();
        let in_use = KeyToObserve::in_use(cluster).filter(|now| !seen.contains(&now.key_id));
        seen.extend(in_use.as_ref().map(|now| now.key_id.clone()));
        let mut new = |key_id: &KeyId| {
            let is_new = !seen.contains(key_id);
            seen.push(key_id.clone());
            is_new
        };
        let before = ledger.and_then(|ledger| ledger.previous.as_ref()?.key_id.clone());
        let is_certain = ledger.is_some_and(|ledger| !ledger.previous_uncertain);
        let previous = before.clone().filter(|key_id| is_certain && new(key_id));
        let mut perhaps: Vec<KeyId> = before.into_iter().filter(|_| !is_certain).collect();
        perhaps.extend(ledger.map_or_else(Vec::new, perhaps_read));
        perhaps.extend(turned_off(cluster));
        perhaps.retain(new);
        Self { in_use, previous, perhaps }
    }

    /// Looks at them, each as `look` does.
    pub(super) async fn observe<F: Future<Output = KeySeen>>(
        self,
        look: impl Fn(KeyId, Option<VaultId>) -> F,
    ) -> (Option<PreviousKey>, Option<PreviousKey>, Vec<PreviousKey>) {
        let look = |key_id: KeyId, vault_id: Option<VaultId>| {
            let looking = look(key_id.clone(), vault_id);
            async move {
                let seen = looking.await;
                PreviousKey { key_id, vault: seen.vault, key: seen.key, access: seen.access }
            }
        };
        let in_use = self.in_use.map(|now| look(now.key_id, now.vault_id));
        let previous = self.previous.map(|key_id| look(key_id, None));
        let perhaps = self.perhaps.into_iter().map(|key_id| look(key_id, None));
        futures::join!(OptionFuture::from(in_use), OptionFuture::from(previous), join_all(perhaps))
    }
}

/// The key that KMS was turned off with: AKS keeps it next to the one that comes after.
fn turned_off(cluster: &ClusterFacts) -> Option<KeyId> {
    let profile = cluster.kms.as_ref().filter(|profile| !profile.enabled)?;
    profile.key_id().cloned()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ids::NetworkMode,
        rules::testing::{
            KEY_0, KEY_1, KEY_2, KEY_3, cluster, entry, kms_on, plaintext_entry, proven, recorded,
        },
    };

    fn key(key_id: &str) -> KeyId {
        KeyId::parse(key_id).unwrap()
    }

    fn wanted(key_id: &str) -> KeyToObserve {
        let mut cluster = cluster();
        cluster.kms = Some(kms_on(key_id, NetworkMode::Public));
        KeyToObserve::in_use(&cluster).unwrap()
    }

    fn on(key_id: &str) -> ClusterFacts {
        let mut cluster = cluster();
        cluster.kms = Some(kms_on(key_id, NetworkMode::Public));
        cluster
    }

    /// The ids of the key in use, the one before and those that may be read with.
    fn of(
        cluster: &ClusterFacts,
        wanted: Option<&KeyToObserve>,
        ledger: Option<&Ledger>,
    ) -> (Option<KeyId>, Option<KeyId>, Vec<KeyId>) {
        let Concerned { in_use, previous, perhaps } = Concerned::of(cluster, wanted, ledger);
        (in_use.map(|now| now.key_id), previous, perhaps)
    }

    #[test]
    fn the_key_in_use_is_looked_at_where_another_one_is_wanted() {
        let ledger = recorded(proven(entry(KEY_1)), Some(proven(entry(KEY_0))), &[]).record.ledger;
        let (now, next) = (wanted(KEY_1), wanted(KEY_2));
        assert_eq!(
            of(&on(KEY_1), Some(&next), Some(&ledger)),
            (Some(key(KEY_1)), Some(key(KEY_0)), vec![])
        );
        assert_eq!(of(&on(KEY_1), Some(&now), Some(&ledger)), (None, Some(key(KEY_0)), vec![]));
        assert_eq!(of(&on(KEY_1), Some(&next), None), (Some(key(KEY_1)), None, vec![]));
        let back = wanted(KEY_0);
        assert_eq!(of(&on(KEY_1), Some(&back), Some(&ledger)), (Some(key(KEY_1)), None, vec![]));
    }

    #[test]
    fn keys_that_may_be_read_with_are_looked_at_too() {
        let now = wanted(KEY_1);
        // KMS was off before the key came into use.
        let retired = [entry(KEY_0), entry(KEY_3)];
        let off_before = recorded(entry(KEY_1), Some(plaintext_entry()), &retired).record.ledger;
        assert_eq!(of(&on(KEY_1), Some(&now), Some(&off_before)).2, [key(KEY_0)]);
        // Somebody else changed the key.
        let changed = recorded(entry(KEY_1), None, &retired).record.ledger;
        assert_eq!(of(&on(KEY_1), Some(&now), Some(&changed)).2, [key(KEY_0)]);
        // An operation was about to set a key, and died.
        let mut killed = recorded(entry(KEY_1), Some(entry(KEY_0)), &[]).record.ledger;
        killed.pending = Some(entry(KEY_2));
        assert_eq!(of(&on(KEY_1), Some(&now), Some(&killed)).2, [key(KEY_2)]);
        let going_on = wanted(KEY_2);
        assert!(of(&on(KEY_1), Some(&going_on), Some(&killed)).2.is_empty());
        // KMS is off, and nothing is recorded.
        let mut off = on(KEY_1);
        off.kms.as_mut().unwrap().enabled = false;
        assert_eq!(of(&off, Some(&going_on), None), (None, None, vec![key(KEY_1)]));
    }
}
