//! Which keys no cluster of a run needs any more. Pure.

use std::collections::{HashMap, HashSet};

use crate::{
    ids::{ClusterId, KeyId},
    report::{ClusterSummary, Evidence, KeyLedger, KmsStatus, LedgerEntry},
};

/// What the clusters of a run said of their keys.
///
/// A key is removable when each cluster that has to do with it says so: of one that uses another version of the same
/// key nobody knows whether it once used this one. And a cluster that could not say which keys it needs may need any:
/// also one whose secrets are not proven to be under its key in use, for they may be under whatever it had before.
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
        if status.enabled && !ledger.current.as_ref().is_some_and(is_proven) {
            self.unknown = true;
        }
        let cluster = &status.cluster;
        let target = status
            .operation_in_progress
            .as_ref()
            .and_then(|recorded| recorded.target_key_id.as_ref());
        let recorded = ledger.entries().filter_map(|entry| entry.key_id.as_ref());
        for key_id in recorded.chain(&status.key_id).chain(target) {
            self.uses(cluster, key_id);
        }
        for key_id in removable(ledger) {
            self.released.entry(key_id).or_default().insert(cluster.clone());
        }
    }

    /// A cluster that was found and is not asked: of its keys only the one that is configured is known.
    pub(super) fn left_out(&mut self, cluster: &ClusterSummary) {
        if let Some(key_id) = &cluster.key_id {
            self.uses(&cluster.id, key_id);
        }
    }

    fn uses(&mut self, cluster: &ClusterId, key_id: &KeyId) {
        self.users.entry(key_id.without_version()).or_default().insert(cluster.clone());
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
    ledger
        .entries()
        .filter(|entry| entry.removable)
        .filter_map(|entry| entry.key_id.clone())
        .collect()
}

/// Every secret is under this key, and the API servers themselves said so.
fn is_proven(entry: &LedgerEntry) -> bool {
    let is_said = matches!(entry.evidence, Some(Evidence::Metrics | Evidence::MetricsUnnamed));
    entry.proven_at.is_some() && is_said
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;
    use crate::{
        ids::{NetworkMode, Verb},
        report::{Experience, OperationInProgress},
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

    fn proven(key_id: &str) -> LedgerEntry {
        let (proven_at, evidence) = (Some(OffsetDateTime::UNIX_EPOCH), Some(Evidence::Metrics));
        LedgerEntry { proven_at, evidence, ..entry(key_id, false) }
    }

    /// A cluster with this key, under which all of its secrets are, and keys before it.
    fn status(name: &str, key: &str, retired: &[(&str, bool)]) -> KmsStatus {
        let mut facts = cluster();
        facts.id = ClusterId::new(facts.id.subscription_id(), "shop", name).unwrap();
        facts.kms = Some(kms_on(key, NetworkMode::Public));
        let retired = retired.iter().map(|(key, removable)| entry(key, *removable)).collect();
        let current = Some(proven(key));
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
    fn what_a_cluster_is_about_to_change_to_is_needed() {
        let one = status("one", KEY_2, &[(KEY_0, true)]);
        let changing = OperationInProgress {
            id: "0".to_owned(),
            operation: Verb::Enable,
            by: "somebody".to_owned(),
            since: OffsetDateTime::UNIX_EPOCH,
            target_key_id: Some(KeyId::parse(KEY_0).unwrap()),
        };
        let begun = status("begun", OTHER_KEY, &[]);
        assert_eq!(of(&[one.clone(), begun.clone()]), [KEY_0]);
        let begun = KmsStatus { operation_in_progress: Some(changing), ..begun };
        assert!(of(&[one, begun]).is_empty());
    }

    #[test]
    fn a_cluster_whose_secrets_are_not_proven_to_be_under_its_key_may_need_any() {
        let one = status("one", KEY_2, &[(KEY_0, true)]);
        let elsewhere = status("elsewhere", OTHER_KEY, &[]);
        let with = |current: Option<LedgerEntry>| {
            let ledger = KeyLedger { current, ..elsewhere.ledger.clone().unwrap() };
            KmsStatus { ledger: Some(ledger), ..elsewhere.clone() }
        };
        for (current, expected) in [
            (Some(proven(OTHER_KEY)), 1),
            (Some(entry(OTHER_KEY, false)), 0),
            (Some(LedgerEntry { evidence: Some(Evidence::Weak), ..proven(OTHER_KEY) }), 0),
            (None, 0),
        ] {
            assert_eq!(of(&[one.clone(), with(current)]).len(), expected);
        }
        let off = KmsStatus { enabled: false, key_id: None, ..with(None) };
        assert_eq!(of(&[one, off]), [KEY_0]);
    }

    #[test]
    fn a_cluster_that_was_left_out_keeps_the_key_that_it_has() {
        let summary = |key: &str| {
            let mut facts = cluster();
            facts.id = ClusterId::new(facts.id.subscription_id(), "shop", "left-out").unwrap();
            facts.kms = Some(kms_on(key, NetworkMode::Public));
            facts.summary()
        };
        for (key, expected) in [(OTHER_KEY, 1), (KEY_0, 0), (KEY_1, 0)] {
            let mut keys = KeysOfClusters::default();
            keys.told(&status("one", KEY_2, &[(KEY_0, true)]));
            keys.left_out(&summary(key));
            assert_eq!(keys.removable().len(), expected, "{key}");
        }
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
