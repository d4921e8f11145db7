//! Does the record fit what was observed?

use time::OffsetDateTime;

use super::{
    record::{ClusterIdentity, Entry, Ledger, Operation, Record},
    transitions::Proof,
};
use crate::{
    ids::{ExpectedKey, KeyId, NetworkMode, VaultId},
    report::{Evidence, OperationInProgress},
};

/// What was observed, as far as the record is about it.
#[derive(Clone, Debug)]
pub(crate) struct ObservedCluster {
    /// The identity of the cluster as it is now.
    pub(crate) marks: ClusterIdentity,
    /// What the cluster is configured with.
    pub(crate) key: ExpectedKey,
    /// How the vault of that key is reached.
    pub(crate) network_mode: Option<NetworkMode>,
    /// That vault, where the profile names it.
    pub(crate) key_vault_id: Option<VaultId>,
    /// The cluster's last change succeeded: what it is configured with is in force.
    pub(crate) in_force: bool,
    /// The cluster's resource version.
    pub(crate) resource_version: u64,
    pub(crate) at: OffsetDateTime,
}

/// How well the record fits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fit {
    /// Nobody but us changed the cluster since the record was written.
    Unbroken,
    /// The key is the recorded one; something about the cluster was changed since.
    Changed,
    /// The key was changed by somebody else: nothing is proven any more.
    Superseded,
    /// There is no record, or it is another cluster's, or etcd was restored: nothing is known.
    Unrelated,
}

/// A record that says the truth of what was observed.
#[derive(Clone, Debug)]
pub(crate) struct Reconciled {
    pub(crate) record: Record,
    pub(crate) fit: Fit,
    /// There is a text without a valid seal.
    pub(crate) unsealed: Option<Unsealed>,
    /// The key that the record had as the one in use, where somebody else changed it.
    pub(crate) changed_from: Option<ExpectedKey>,
}

/// A text that lies where the record should, and has no valid seal: anybody's. It is shown, so that
/// somebody can look into it, and nothing in it is believed or recorded again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Unsealed {
    pub(crate) operation: Option<OperationInProgress>,
    pub(crate) keys: Vec<KeyId>,
}

/// How many keys of a text without a seal are shown.
const UNSEALED_KEYS: usize = 50;

impl Unsealed {
    fn new(text: Option<&Record>) -> Self {
        let Some(record) = text else { return Self::default() };
        let mut keys: Vec<KeyId> = Vec::new();
        for key_id in record.ledger.key_ids() {
            if keys.len() < UNSEALED_KEYS && !keys.contains(key_id) {
                keys.push(key_id.clone());
            }
        }
        Self { operation: record.operation.as_ref().map(Operation::in_progress), keys }
    }
}

impl Reconciled {
    /// What is known where the text has no valid seal: nothing.
    pub(crate) fn unsealed(text: Option<&Record>, seen: &ObservedCluster) -> Self {
        Self { unsealed: Some(Unsealed::new(text)), ..Self::new(None, seen) }
    }

    /// Brings a record in line with what was observed.
    pub(crate) fn new(record: Option<Record>, seen: &ObservedCluster) -> Self {
        let mut reconciled = Self::of_key(record, seen);
        let ledger = &mut reconciled.record.ledger;
        let named = [&mut ledger.current, &mut ledger.pending].into_iter().flatten();
        for entry in named.filter(|entry| entry.is(&seen.key)) {
            // What did not come into force says nothing of how the vault is reached.
            if !seen.in_force && entry.network_mode.is_some() {
                continue;
            }
            entry.network_mode = seen.network_mode;
            entry.key_vault_id.clone_from(&seen.key_vault_id);
        }
        reconciled
    }

    fn of_key(record: Option<Record>, seen: &ObservedCluster) -> Self {
        let Some(mut record) = record else { return Self::fresh(Ledger::default(), seen) };
        if !is_of(&record, seen) {
            // Its keys are still worth naming: nobody may call them removable.
            return Self::fresh(record.ledger, seen);
        }
        let is = |entry: &Option<Entry>| entry.as_ref().is_some_and(|entry| entry.is(&seen.key));
        let same_etag = seen.marks.etag.is_some() && record.cluster.etag == seen.marks.etag;
        let recorded = record.ledger.current.as_ref().map(Entry::key);
        let ledger = &mut record.ledger;
        let fit = if is(&ledger.current) && same_etag {
            Fit::Unbroken
        } else if is(&ledger.current) {
            ledger.changed_by_others(seen.in_force);
            if !seen.key.is_encryption() {
                ledger.changed_while_off();
            }
            Fit::Changed
        } else if is(&ledger.pending) {
            // Our own change, as it seems. But nobody saw it end, so others may have changed the
            // key since, there and back; and one that failed is not in force.
            if seen.in_force {
                ledger.pending_in_use(&seen.key, seen.at);
            } else {
                ledger.previous_uncertain = true;
            }
            Fit::Changed
        } else if ledger.current.is_none() && (same_etag || has_failed_to_set(ledger, &seen.key)) {
            // What is in use was not known when it was recorded; nobody has set another key since.
            if seen.in_force {
                ledger.in_use(&seen.key, seen.at);
            }
            Fit::Changed
        } else if seen.in_force {
            record.ledger = record.ledger.invalidate(&seen.key);
            Fit::Superseded
        } else {
            ledger.doubt(&seen.key);
            Fit::Superseded
        };
        let changed_from = recorded.filter(|_| fit == Fit::Superseded);
        Self { record, fit, unsealed: None, changed_from }
    }

    fn fresh(ledger: Ledger, seen: &ObservedCluster) -> Self {
        let mut ledger = ledger.invalidate(&seen.key);
        if !seen.in_force {
            // The API servers may have what was set before, which nobody recorded.
            ledger.current = None;
            ledger.doubt(&seen.key);
        }
        let record = Record { cluster: seen.marks.clone(), ledger, operation: None };
        Self { record, fit: Fit::Unrelated, unsealed: None, changed_from: None }
    }

    /// The proof of the key in use, if it still stands: nobody changed the cluster since, its
    /// evidence is the API servers' own, and nothing was given up.
    pub(crate) fn standing_proof(&self) -> Option<Proof> {
        let entry = self.record.ledger.current.as_ref().filter(|_| self.is_unbroken())?;
        // An intent brings the record to the eTag of now, which does not make older proofs new.
        (entry.etag.is_some() && entry.etag == self.record.cluster.etag).then_some(())?;
        let evidence = entry
            .evidence
            .filter(|evidence| matches!(evidence, Evidence::Metrics | Evidence::MetricsUnnamed))?;
        entry.given_up.is_empty().then_some(())?;
        Some(Proof {
            at: entry.proven_at?,
            evidence,
            watermark: entry.watermark.clone()?,
            version: None,
            key_id_hash_seen: entry.key_id_hash_seen.clone(),
            given_up: Vec::new(),
        })
    }

    /// Whether a change to this key is the rollback from an unusable one: the API servers read with
    /// exactly these two, and nothing is proven to be under the current one.
    pub(crate) fn is_rollback_to(&self, key: &ExpectedKey) -> bool {
        let ledger = &self.record.ledger;
        self.is_unbroken()
            && !ledger.previous_uncertain
            && ledger.previous.as_ref().is_some_and(|entry| entry.is(key))
            && ledger.current.as_ref().is_some_and(|entry| entry.proven_at.is_none())
    }

    /// The keys that were set by their versions before data encryption, as long as nothing is proven under its key.
    pub(crate) fn replaced_keys(&self) -> Vec<KeyId> {
        let ledger = &self.record.ledger;
        let is_new = ledger.current.as_ref().is_some_and(|entry| entry.key().is_data_encryption())
            && self.standing_proof().is_none();
        let set = ledger.entries().filter(|entry| is_new && entry.experience.is_none());
        set.filter_map(|entry| entry.key_id.clone()).collect()
    }

    /// The key that the API servers were heard to write with before a change of ours to data encryption, whose
    /// key nobody can name: that it is another one shows the change.
    pub(crate) fn written_before(&self) -> Option<&Entry> {
        let ledger = &self.record.ledger;
        let is_certain = self.is_unbroken() && !ledger.previous_uncertain;
        let current =
            ledger.current.as_ref().filter(|_| is_certain && ledger.unknown_key.is_none())?;
        let is_new = current.proven_at.is_none() && current.key().is_data_encryption();
        ledger.previous.as_ref().filter(|_| is_new)
    }

    /// Whether it is known that nobody else changed the cluster.
    pub(crate) fn is_unbroken(&self) -> bool {
        self.fit == Fit::Unbroken
    }
}

/// Whether the last thing known of a ledger's cluster is that a change to this key did not succeed.
fn has_failed_to_set(ledger: &Ledger, key: &ExpectedKey) -> bool {
    match key {
        ExpectedKey::Key(_) | ExpectedKey::AnyVersion(_) => {
            ledger.retired.first().is_some_and(|entry| entry.abandoned && entry.is(key))
        }
        // Neither plaintext nor a key without a name is retired.
        ExpectedKey::Plaintext | ExpectedKey::Platform => false,
    }
}

/// Whether the record is of this cluster, and of its etcd as it is now: one that is from after the
/// cluster's own resource version is from before etcd was restored.
fn is_of(record: &Record, seen: &ObservedCluster) -> bool {
    let marks = &record.cluster;
    let watermarks = record.ledger.entries().filter_map(|entry| entry.watermark.as_deref());
    let watermarks = watermarks.chain(record.operation.iter().map(|it| it.watermark.as_str()));
    // A watermark that is no number is none of ours.
    let newest =
        watermarks.map(|watermark| watermark.parse().unwrap_or(u64::MAX)).max().unwrap_or(0);
    marks.uid == seen.marks.uid
        && marks.resource_uid == seen.marks.resource_uid
        && newest <= seen.resource_version
}
