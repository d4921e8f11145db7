//! Which keys no cluster of a run needs any more. Pure.

use std::collections::{HashMap, HashSet};

use crate::{
    ids::{ClusterId, KeyId},
    report::{KeyLedger, KmsStatus, LedgerEntry},
};

/// What the clusters of a run said of their keys.
///
/// A key is removable when each cluster that has to do with it says so: of one that uses another version of the same
/// key nobody knows whether it once used this one. And a cluster that could not say which keys it needs may need any.
#[derive(Default)]
pub(super) struct KeysOfClusters {
    /// By the key without a version: the clusters that have to do with it.
    users: HashMap<KeyId, HashSet<ClusterId>>,
    /// The clusters that no longer need a key.
    released: HashMap<KeyId, HashSet<ClusterId>>,
    /// A cluster did not say.
    unknown: bool,
}

impl KeysOfClusters {
    /// What a cluster says.
    pub(super) fn told(&mut self, status: &KmsStatus) {
        let Some(ledger) = &status.ledger else {
            self.unknown = true;
            return;
        };
        let cluster = &status.cluster;
        for key_id in
            entries(ledger).filter_map(|entry| entry.key_id.as_ref()).chain(&status.key_id)
        {
            self.users.entry(key_id.without_version()).or_default().insert(cluster.clone());
        }
        for key_id in removable(ledger) {
            self.released.entry(key_id).or_default().insert(cluster.clone());
        }
    }

    /// A cluster could not be asked.
    pub(super) fn silent(&mut self) {
        self.unknown = true;
    }

    /// The keys that none of the clusters needs, in order.
    pub(super) fn removable(self) -> Vec<KeyId> {
        if self.unknown {
            return Vec::new();
        }
        let Self { users, released, .. } = self;
        let is_free = |key_id: &KeyId, by: &HashSet<ClusterId>| {
            users.get(&key_id.without_version()).is_none_or(|users| users.is_subset(by))
        };
        let free = released.into_iter().filter(|(key_id, by)| is_free(key_id, by));
        let mut keys: Vec<KeyId> = free.map(|(key_id, _)| key_id).collect();
        keys.sort_by(|one, other| one.as_str().cmp(other.as_str()));
        keys
    }
}

/// The keys that a cluster no longer needs.
pub(super) fn removable(ledger: &KeyLedger) -> Vec<KeyId> {
    entries(ledger)
        .filter(|entry| entry.removable)
        .filter_map(|entry| entry.key_id.clone())
        .collect()
}

fn entries(ledger: &KeyLedger) -> impl Iterator<Item = &LedgerEntry> {
    let KeyLedger { current, pending, previous, retired } = ledger;
    current.iter().chain(pending).chain(previous).chain(retired)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ids::NetworkMode,
        report::Experience,
        rules::testing::{KEY_0, KEY_1, KEY_2, cluster, kms_on},
    };

    const OTHER_KEY: &str =
        "https://other.vault.azure.net/keys/etcd/0123456789abcdef0123456789abcdef";

    fn entry(key_id: &str, removable: bool) -> LedgerEntry {
        LedgerEntry {
            key_id: Some(KeyId::parse(key_id).unwrap()),
            experience: Some(Experience::KeyVault),
            key_id_hash: None,
            key_id_hash_since: None,
            since: None,
            proven_at: None,
            evidence: None,
            removable,
            reason: String::new(),
        }
    }

    /// A cluster with this key, and keys before it.
    fn status(name: &str, key: &str, retired: &[(&str, bool)]) -> KmsStatus {
        let mut facts = cluster();
        facts.id = ClusterId::new(facts.id.subscription_id(), "shop", name).unwrap();
        facts.kms = Some(kms_on(key, NetworkMode::Public));
        let retired = retired.iter().map(|(key, removable)| entry(key, *removable)).collect();
        let current = Some(entry(key, false));
        let ledger = KeyLedger { current, pending: None, previous: None, retired };
        KmsStatus { ledger: Some(ledger), ..facts.status(Vec::new()) }
    }

    fn of(clusters: &[KmsStatus]) -> Vec<String> {
        let mut keys = KeysOfClusters::default();
        for status in clusters {
            keys.told(status);
        }
        keys.removable().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_key_goes_when_every_cluster_that_has_to_do_with_it_lets_it_go() {
        let one = status("one", KEY_2, &[(KEY_0, true), (KEY_1, false)]);
        assert_eq!(of(std::slice::from_ref(&one)), [KEY_0]);
        let apart = status("apart", OTHER_KEY, &[]);
        assert_eq!(of(&[one.clone(), apart]), [KEY_0]);
        let both = status("both", KEY_2, &[(KEY_0, true)]);
        assert_eq!(of(&[one.clone(), both]), [KEY_0]);
        let needs = status("needs", KEY_2, &[(KEY_0, false)]);
        assert!(of(&[one.clone(), needs]).is_empty());
        let in_use = status("in-use", KEY_0, &[]);
        assert!(of(&[one.clone(), in_use]).is_empty());
        let perhaps = status("perhaps", KEY_2, &[]);
        assert!(of(&[one, perhaps]).is_empty(), "it may have used the key before it was recorded");
    }

    #[test]
    fn a_cluster_that_cannot_say_may_need_any_key() {
        let one = status("one", KEY_2, &[(KEY_0, true)]);
        let unknown = KmsStatus { ledger: None, ..status("unknown", OTHER_KEY, &[]) };
        assert!(of(&[one.clone(), unknown]).is_empty());
        let mut keys = KeysOfClusters::default();
        keys.told(&one);
        keys.silent();
        assert!(keys.removable().is_empty());
    }
}
