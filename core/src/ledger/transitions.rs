//! What happens to keys: one comes, one goes before, the rest is retired.

use time::OffsetDateTime;

use super::record::{Entry, Ledger, Operation, Record, Slot};
use crate::{
    ids::{ExpectedKey, KeyId, VersionInUse},
    report::{Evidence, KmsChange, ReencryptReport},
};

/// That every secret of the cluster is under a key.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Proof {
    pub(crate) at: OffsetDateTime,
    pub(crate) evidence: Evidence,
    pub(crate) watermark: String,
    /// The version of a customer-managed key that all secrets are under.
    pub(crate) version: Option<VersionInUse>,
    /// The hash that the API servers count the key under, where it cannot be computed.
    pub(crate) key_id_hash_seen: Option<String>,
    pub(crate) given_up: Vec<String>,
}

impl Proof {
    /// The proof that a pass came to, if it came to one.
    pub(crate) fn of(
        report: &ReencryptReport,
        version: Option<VersionInUse>,
        key_id_hash_seen: Option<String>,
    ) -> Option<Self> {
        report.complete.then(|| Self {
            at: report.finished_at,
            evidence: report.evidence,
            watermark: report.watermark.clone(),
            version,
            key_id_hash_seen,
            given_up: report.given_up.clone(),
        })
    }
}

/// What is known of the change that set a key.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Certainty {
    /// A change of ours from the current key, seen to succeed: the API servers read with the new
    /// key and with the one before it.
    Seen,
    /// The API servers have the key; what else they read with is not known.
    InUse,
}

impl Ledger {
    /// The pending key came into use. The API servers read with it and the one before it.
    fn promote(&mut self, at: OffsetDateTime) {
        let Some(mut entry) = self.pending.take() else { return };
        entry.since.get_or_insert(at);
        self.move_unknown_key();
        self.previous_uncertain = false;
        let before = self.current.replace(entry);
        if let Some(older) = std::mem::replace(&mut self.previous, before) {
            self.retire(older);
        }
        self.dedup_retired();
    }

    /// Every API server was heard to write with this version of the customer-managed key that is configured.
    /// AKS moves from one to the next by itself: that changes no eTag.
    pub(super) fn taken_up(&mut self, key: &ExpectedKey, version: &KeyId, at: OffsetDateTime) {
        let Some(current) = self.current.as_mut().filter(|entry| entry.is(key)) else { return };
        if current.key_id.as_ref() == Some(version) {
            return;
        }
        let is_known = current.version().is_some();
        let made = self.pending.take_if(|entry| entry.key_id.as_ref() == Some(version));
        let entry = Entry {
            since: Some(at),
            network_mode: current.network_mode,
            key_vault_id: current.key_vault_id.clone(),
            ..made.unwrap_or_else(|| Entry::taken_up(version))
        };
        let before = std::mem::replace(current, entry);
        if is_known && let Some(older) = self.previous.replace(before) {
            self.retire(older);
        }
        self.dedup_retired();
    }

    /// The current key is replaced. AKS keeps the last key over a time without KMS.
    fn move_unknown_key(&mut self) {
        let replaces_a_key = self.current.as_ref().is_some_and(Entry::is_encryption);
        self.unknown_key = match self.unknown_key {
            Some(Slot::Current) => Some(Slot::Previous),
            Some(Slot::Previous) if replaces_a_key => None,
            kept => kept,
        };
    }

    /// The change to the pending key came into force, and nobody saw it end.
    pub(super) fn pending_in_use(&mut self, key: &ExpectedKey, at: OffsetDateTime) {
        self.move_unknown_key();
        self.in_use(key, at);
    }

    /// A key is in use, and what was before it is not known: every other key may be read with.
    pub(super) fn in_use(&mut self, key: &ExpectedKey, at: OffsetDateTime) {
        self.previous_uncertain = true;
        self.unknown_key = self.unknown_key.map(|_| Slot::Previous);
        if let Some(other) = self.pending.take_if(|pending| !pending.is(key)) {
            self.retire(Entry { abandoned: true, ..other });
        }
        if self.current.as_ref().is_some_and(|entry| entry.is(key)) {
            self.dedup_retired();
            return;
        }
        let pending = self.pending.take();
        // A version of a customer-managed key that was in use before need not be the one in use now.
        let retired = || {
            let named = self.retired.iter().find(|entry| entry.is(key));
            named.filter(|_| !key.is_data_encryption()).cloned()
        };
        let mut entry = pending.or_else(retired).unwrap_or_else(|| Entry::unproven(key));
        entry.since.get_or_insert(at);
        entry.abandoned = false;
        for before in [self.previous.take(), self.current.replace(entry)].into_iter().flatten() {
            self.retire(before);
        }
        self.dedup_retired();
    }

    /// Somebody else changed the cluster, which is set to the current key all the same; perhaps
    /// there and back.
    pub(super) fn changed_by_others(&mut self, in_force: bool) {
        self.previous_uncertain = true;
        if in_force {
            // What had failed was asked for again, and another key took its place.
            self.unknown_key = self.unknown_key.map(|_| Slot::Previous);
        }
    }

    /// Others changed the cluster while KMS was off: they may have turned it on and off again, and AKS
    /// keeps the key of that.
    pub(super) fn changed_while_off(&mut self) {
        self.unknown_key.get_or_insert(Slot::Previous);
    }

    /// Somebody else's change did not succeed: the current key may still be the one in use, and
    /// the API servers may have that of the change.
    pub(super) fn doubt(&mut self, configured: &ExpectedKey) {
        self.previous_uncertain = true;
        if configured.is_encryption() {
            self.unknown_key = Some(Slot::Current);
        }
        if let Some(entry) = self.pending.take() {
            self.retire(Entry { abandoned: true, ..entry });
        }
        self.retire(Entry { abandoned: true, ..Entry::unproven(configured) });
        self.dedup_retired();
        self.unprove();
    }

    /// Nothing is proven any more, and the key before the current one is not known.
    pub(super) fn invalidate(mut self, now: &ExpectedKey) -> Self {
        let known = [self.current.take(), self.previous.take()].into_iter().flatten();
        for entry in known.collect::<Vec<_>>() {
            self.retire(entry);
        }
        if let Some(entry) = self.pending.take() {
            self.retire(Entry { abandoned: true, ..entry });
        }
        self.current = Some(Entry::unproven(now));
        self.previous_uncertain = true;
        self.unknown_key = Some(Slot::Previous);
        self.dedup_retired();
        self.unprove();
        self
    }

    /// Nothing is proven any more.
    fn unprove(&mut self) {
        let entries = [&mut self.current, &mut self.pending, &mut self.previous];
        for entry in entries.into_iter().flatten().chain(&mut self.retired) {
            entry.unprove();
        }
    }

    fn retire(&mut self, entry: Entry) {
        if entry.key_id.is_some() {
            self.retired.insert(0, entry);
        }
    }

    /// A key that came back is no longer retired, and each is retired once.
    fn dedup_retired(&mut self) {
        let mut seen: Vec<_> = [&self.current, &self.pending, &self.previous]
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.key_id.clone())
            .collect();
        self.retired.retain(|entry| {
            let Some(key_id) = &entry.key_id else { return false };
            let is_new = !seen.contains(key_id);
            if is_new {
                seen.push(key_id.clone());
            }
            is_new
        });
    }
}

impl Record {
    /// An operation begins, or somebody else takes it over.
    pub(crate) fn begin(&mut self, operation: Operation) {
        self.operation = Some(operation);
    }

    /// What the operation ends with, and the profile that it turns off to turn it on again, by the
    /// plan that is performed now. `None`: as it was.
    pub(crate) fn plans(&mut self, ends_with: Option<&KmsChange>, turns_off: Option<&KmsChange>) {
        let Some(operation) = &mut self.operation else { return };
        operation.target = ends_with.cloned().or(operation.target.take());
        if let Some(before) = turns_off {
            operation.before = before.clone();
        }
    }

    /// The cluster is about to be set to a key, by a request that needs this eTag.
    pub(crate) fn intend(&mut self, key: &ExpectedKey, etag: Option<&str>) {
        self.cluster.etag = etag.map(str::to_owned);
        let ledger = &mut self.ledger;
        let is = |entry: &Option<Entry>| entry.as_ref().is_some_and(|entry| entry.is(key));
        if is(&ledger.current) {
            return;
        }
        if let Some(other) = ledger.pending.take_if(|pending| !pending.is(key)) {
            ledger.retire(Entry { abandoned: true, ..other });
        }
        ledger.pending.get_or_insert_with(|| Entry::unproven(key));
        ledger.dedup_retired();
    }

    /// AKS has taken up this version of the customer-managed key that is configured.
    pub(crate) fn taken_up(&mut self, version: &KeyId, at: OffsetDateTime) {
        let key = ExpectedKey::AnyVersion(version.without_version());
        self.ledger.taken_up(&key, version, at);
    }

    /// AKS is going to take up this version of the customer-managed key that is configured.
    pub(crate) fn awaits(&mut self, version: &KeyId) {
        let ledger = &mut self.ledger;
        let is = |entry: &Option<Entry>| {
            entry.as_ref().is_some_and(|entry| entry.key_id.as_ref() == Some(version))
        };
        if is(&ledger.current) || is(&ledger.pending) {
            return;
        }
        if let Some(other) = ledger.pending.replace(Entry::taken_up(version)) {
            ledger.retire(Entry { abandoned: true, ..other });
        }
        ledger.dedup_retired();
    }

    /// The cluster is set, and this is its eTag now.
    pub(crate) fn settled(
        &mut self,
        key: &ExpectedKey,
        etag: Option<&str>,
        at: OffsetDateTime,
        certainty: Certainty,
    ) {
        self.cluster.etag = etag.map(str::to_owned);
        let is_pending = self.ledger.pending.as_ref().is_some_and(|pending| pending.is(key));
        match certainty {
            Certainty::InUse if is_pending => self.ledger.pending_in_use(key, at),
            Certainty::InUse => self.ledger.in_use(key, at),
            Certainty::Seen if is_pending => {
                self.ledger.promote(at);
                // A request of an abandoned operation had the eTag of before: it can no longer land.
                for retired in &mut self.ledger.retired {
                    retired.abandoned = false;
                }
            }
            Certainty::Seen => {}
        }
    }

    /// Every secret is proven to be under the current key, with the cluster in this state.
    pub(crate) fn prove(&mut self, key: &ExpectedKey, proof: Proof, etag: Option<&str>) {
        if self.ledger.current.is_none() {
            // Every API server was heard to write with it.
            self.ledger.in_use(key, proof.at);
        }
        if let Some(version) = &proof.version {
            self.ledger.taken_up(key, &version.key_id, proof.at);
        }
        let Some(entry) = self.ledger.current.as_mut().filter(|entry| entry.is(key)) else {
            return;
        };
        entry.proven_at = Some(proof.at);
        entry.evidence = Some(proof.evidence);
        entry.watermark = Some(proof.watermark);
        entry.etag = etag.map(str::to_owned);
        entry.named(proof.key_id_hash_seen, proof.at);
        entry.given_up = proof.given_up;
        self.cluster.etag = etag.map(str::to_owned);
        if proof.version.is_some_and(|version| version.is_newest) {
            // AKS takes up the newest version: an older one that was to be taken up will not be any more.
            let versions = self.ledger.retired.iter_mut().filter(|retired| retired.is(key));
            versions.for_each(|retired| retired.abandoned = false);
        }
    }

    /// The caller vouches that this is the hash under which the API servers count the current key.
    /// That proves nothing of it.
    pub(crate) fn learn(&mut self, key: &ExpectedKey, hash: &str, at: OffsetDateTime) {
        if let Some(entry) = self.ledger.current.as_mut().filter(|entry| entry.is(key)) {
            if entry.key_id_hash_seen.as_deref() != Some(hash) {
                // What was proven was proven under another.
                entry.unprove();
            }
            entry.named(Some(hash.to_owned()), at);
        }
    }

    /// The operation is over.
    pub(crate) fn finish(&mut self) {
        self.operation = None;
    }

    /// The operation is dropped. What it was changing to may still come.
    pub(crate) fn abandon(&mut self) {
        self.operation = None;
        if let Some(entry) = self.ledger.pending.take() {
            self.ledger.retire(Entry { abandoned: true, ..entry });
            self.ledger.dedup_retired();
        }
    }
}
