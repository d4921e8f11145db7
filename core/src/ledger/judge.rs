//! Which keys are still needed, and why.

use super::{
    reconcile::{Fit, Reconciled},
    record::{Entry, Ledger, Record},
};
use crate::{
    ids::{ExpectedKey, KeyId},
    report::{Evidence, Experience, KeyLedger, LedgerEntry},
};

const NOT_NEEDED: &str = "this cluster no longer needs it; other clusters and backups of etcd may: disable the version, watch \
                          for a day, then delete it, with purge protection on";

const THE_PLATFORMS: &str =
    "this cluster no longer needs it; it is a key of the platform's, which keeps it";

/// Whether a cluster still needs a key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Need {
    /// It does: why.
    Needed(String),
    /// It may: what is missing to tell.
    Unknown(String),
    /// It does not, as far as can be seen.
    NotNeeded {
        /// What to know before it is removed.
        reason: String,
    },
}

/// The ledger as callers see it: every key with whether it may be removed, and why not.
pub(crate) fn judge(reconciled: &Reconciled) -> KeyLedger {
    let needs = KeyNeeds { reconciled };
    let view = |entry: &Entry| view(entry, needs.of_entry(entry));
    let ledger = &reconciled.record.ledger;
    let unsealed = reconciled.unsealed.iter().flat_map(|text| &text.keys);
    let only_named = unsealed.filter(|key_id| ledger.key_ids().all(|known| known != *key_id));
    KeyLedger {
        current: ledger.current.as_ref().and_then(view),
        pending: ledger.pending.as_ref().and_then(view),
        previous: ledger.previous.as_ref().and_then(view),
        retired: ledger.retired.iter().filter_map(view).chain(only_named.map(unknown)).collect(),
    }
}

/// A key that only a text without a valid seal names.
fn unknown(key_id: &KeyId) -> LedgerEntry {
    LedgerEntry {
        key_id: Some(key_id.clone()),
        experience: None,
        key_id_hash: None,
        key_id_hash_since: None,
        since: None,
        proven_at: None,
        evidence: None,
        removable: false,
        reason: "a record without a valid seal names it, and nothing is known of it".to_owned(),
    }
}

/// `None`: plaintext.
fn view(entry: &Entry, need: Need) -> Option<LedgerEntry> {
    let key = entry.key();
    let (removable, reason) = match need {
        Need::NotNeeded { .. } if key == ExpectedKey::Platform => (false, THE_PLATFORMS.to_owned()),
        Need::Needed(reason) | Need::Unknown(reason) => (false, reason),
        Need::NotNeeded { reason } => (true, reason),
    };
    let experience = entry.experience.unwrap_or(Experience::KeyVault);
    key.is_encryption().then(|| LedgerEntry {
        key_id: entry.key_id.clone(),
        experience: Some(experience),
        key_id_hash: entry.key_id_hash_seen.clone(),
        key_id_hash_since: entry.key_id_hash_since,
        since: entry.since,
        proven_at: entry.proven_at,
        evidence: entry.evidence,
        removable,
        reason,
    })
}

/// What a cluster needs of its keys.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyNeeds<'a> {
    pub(crate) reconciled: &'a Reconciled,
}

impl<'a> KeyNeeds<'a> {
    fn record(self) -> &'a Record {
        &self.reconciled.record
    }

    fn ledger(self) -> &'a Ledger {
        &self.record().ledger
    }

    fn kms_is_on(self) -> bool {
        self.ledger().current.as_ref().is_some_and(Entry::is_encryption)
    }

    /// The newer experience is on: AKS looks after its keys.
    fn is_data_encryption(self) -> bool {
        self.ledger().current.as_ref().is_some_and(|entry| entry.key().is_data_encryption())
    }

    /// Every key of the ledger.
    pub(crate) fn keys(self) -> impl Iterator<Item = (&'a KeyId, &'a Entry, Need)> {
        let entries = self.ledger().entries();
        entries.filter_map(move |entry| Some((entry.key_id.as_ref()?, entry, self.of_entry(entry))))
    }

    /// Whether an entry of the ledger is needed.
    pub(crate) fn of_entry(self, entry: &Entry) -> Need {
        let ledger = self.ledger();
        // What has no key id is plaintext or a key of the platform's.
        let is_same = |it: &Entry| {
            it.key_id == entry.key_id && (it.key_id.is_some() || it.key() == entry.key())
        };
        let is = |place: &Option<Entry>| place.as_ref().is_some_and(is_same);
        let needed = |why: &str| Need::Needed(why.to_owned());
        if is(&ledger.current) {
            return needed("it is the key in use");
        }
        if self.is_whole_key_of_needed(entry) {
            return needed("a version of it is, or may be");
        }
        if is(&ledger.pending) {
            return needed("an unfinished operation changes to it; call resume, or abandon");
        }
        if ledger.current.is_none() {
            return Need::Unknown("the key in use is not known".to_owned());
        }
        if self.may_be_in_use(entry) {
            return Need::Unknown(
                "which version of the customer-managed key is in use is not known, and it may be this one"
                    .to_owned(),
            );
        }
        if self.is_data_encryption() && !entry.abandoned {
            return self.of_others();
        }
        match (is(&ledger.previous), self.kms_is_on()) {
            (true, true) => needed(
                "the API servers still read with the key before the current one; after one more rotation it is removable",
            ),
            (true, false) => needed(
                "KMS is off, and the last key must be kept: secrets written under it may be left in etcd and its backups",
            ),
            (false, false) => needed(
                "KMS is off, and keys must be kept after that; turn it on again, and rotate once more",
            ),
            (false, true) if entry.abandoned => Need::Unknown(
                "an operation that was to set it was abandoned, and its request may still be under way; it is settled by \
                 the next rotation"
                    .to_owned(),
            ),
            (false, true) => self.of_others(),
        }
    }

    /// Whether the entry is of the customer-managed key in use, whose version has no name that is known.
    fn may_be_in_use(self, entry: &Entry) -> bool {
        let current = self.ledger().current.as_ref().filter(|current| current.version().is_none());
        match (current.map(Entry::key), &entry.key_id) {
            (Some(key @ ExpectedKey::AnyVersion(_)), Some(key_id)) => key.covers(key_id),
            _ => false,
        }
    }

    /// Whether the entry names no version, and the cluster needs one, as far as is known.
    fn is_whole_key_of_needed(self, entry: &Entry) -> bool {
        let Some(key_id) = entry.key_id.as_ref().filter(|it| it.version().is_none()) else {
            return false;
        };
        let is_version = |other: &&Entry| {
            other.version().is_some_and(|version| version.without_version() == *key_id)
        };
        let mut versions = self.ledger().entries().filter(is_version);
        versions.any(|version| !matches!(self.of_entry(version), Need::NotNeeded { .. }))
    }

    /// Whether keys are needed that are neither current, pending nor previous.
    pub(crate) fn of_others(self) -> Need {
        let ledger = self.ledger();
        let unknown = |what: &str| Need::Unknown(what.to_owned());
        if ledger.pending.is_some() {
            return unknown("an operation is unfinished; call resume first");
        }
        let Some(current) = &ledger.current else {
            return unknown("the key in use is not known");
        };
        // Until the proof, AKS may be about to rewrite what is under a key from before, and nothing tells
        // when it is done. After it, nothing is left that the key would be needed for.
        if self.is_data_encryption() {
            return self.of_proof(current);
        }
        if ledger.previous.is_none() && !self.kms_is_on() {
            return unknown("which key was in use before KMS was turned off, if any, is not known");
        }
        if ledger.previous.is_none() {
            return unknown(
                "which key was in use before the current one is not known, and it may be this one; rotate once more",
            );
        }
        // AKS keeps the last key over a time without KMS, next to the one that comes after.
        if ledger.previous.as_ref().is_some_and(|entry| entry.key_id.is_none()) {
            return unknown(
                "KMS was off before the current key came into use, and the API servers may still read with a key from before \
                 that; rotate once more",
            );
        }
        if ledger.previous_uncertain || ledger.unknown_key.is_some() {
            return unknown(
                "the cluster was changed since the current key came into use, or a change of its key failed: the API servers \
                 may still read with any key that it had; rotate once more",
            );
        }
        self.of_proof(current)
    }

    /// Whether keys are needed that nothing but the proof of the current one speaks of.
    fn of_proof(self, current: &Entry) -> Need {
        let unknown = |what: &str| Need::Unknown(what.to_owned());
        if current.proven_at.is_none()
            || !matches!(current.evidence, Some(Evidence::Metrics | Evidence::MetricsUnnamed))
        {
            return unknown(
                "it is not proven that every secret is under the current key; call reencrypt_secrets",
            );
        }
        if self.reconciled.fit != Fit::Unbroken || current.etag != self.record().cluster.etag {
            return unknown(
                "the cluster was changed since the proof; call reencrypt_secrets, which proves it anew",
            );
        }
        let mut reason = NOT_NEEDED.to_owned();
        if !current.given_up.is_empty() {
            reason.push_str(". Secrets that were given up may need it: ");
            reason.push_str(&current.given_up.join(", "));
        }
        Need::NotNeeded { reason }
    }
}
