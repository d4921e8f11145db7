//! Which keys are still needed, and why.

use super::{
    reconcile::{Fit, Reconciled},
    record::Entry,
};
use crate::model::{Evidence, KeyLedger, LedgerEntry};

const NOT_NEEDED: &str = "this cluster no longer needs it; other clusters and backups of etcd may: disable the version, watch \
                          for a day, then delete it, with purge protection on";

/// What is known besides the record.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Standing {
    /// Only the record.
    #[default]
    Recorded,
    /// A verification has just confirmed the recorded proof.
    Confirmed,
}

/// The ledger as callers see it: every key with whether it may be removed, and why not.
pub(crate) fn judge(reconciled: &Reconciled, standing: Standing) -> KeyLedger {
    let ledger = &reconciled.record.ledger;
    let kms_on = ledger.current.as_ref().is_some_and(|entry| entry.key_id.is_some());
    let needed = |entry: &Option<Entry>, reason: &str| {
        entry.as_ref().and_then(|entry| view(entry, Err(reason.to_owned())))
    };
    let previous = if kms_on {
        "the API servers still read with the key before the current one; after one more rotation it is removable"
    } else {
        "KMS is off, and the last key must be kept: secrets written under it may be left in etcd and its backups"
    };
    KeyLedger {
        current: needed(&ledger.current, "it is the key in use"),
        pending: needed(
            &ledger.pending,
            "an unfinished operation changes to it; call resume, or abandon",
        ),
        previous: needed(&ledger.previous, previous),
        retired: ledger
            .retired
            .iter()
            .filter_map(|entry| view(entry, removable(entry, reconciled, standing, kms_on)))
            .collect(),
    }
}

/// Why a retired key may be removed, or what is missing.
fn removable(
    entry: &Entry,
    reconciled: &Reconciled,
    standing: Standing,
    kms_on: bool,
) -> Result<String, String> {
    let ledger = &reconciled.record.ledger;
    let missing = |what: &str| Err(what.to_owned());
    if !kms_on {
        return missing(
            "KMS is off, and keys must be kept after that; turn it on again and prove every secret under the new key first",
        );
    }
    if entry.abandoned {
        return missing(
            "an operation that was to set it was abandoned, and its request may still be under way; it is settled by the \
             next rotation",
        );
    }
    if ledger.pending.is_some() {
        return missing("an operation is unfinished; call resume first");
    }
    let Some(current) = &ledger.current else { return missing("the key in use is not known") };
    if ledger.previous.is_none() {
        return missing(
            "which key was in use before the current one is not known, and it may be this one; rotate once more",
        );
    }
    if current.proven_at.is_none()
        || !matches!(current.evidence, Some(Evidence::Metrics | Evidence::MetricsUnnamed))
    {
        return missing(
            "it is not proven that every secret is under the current key; call reencrypt_secrets",
        );
    }
    match (reconciled.fit, standing) {
        (Fit::Unbroken, _) => {}
        (_, Standing::Confirmed) => {
            return Ok(format!(
                "{NOT_NEEDED}. The cluster was changed by others since the proof, which the verification cannot see into"
            ));
        }
        _ => {
            return missing(
                "the cluster was changed since the proof; call verify_secrets, or reencrypt_secrets, which proves it anew",
            );
        }
    }
    if current.given_up.is_empty() {
        return Ok(NOT_NEEDED.to_owned());
    }
    Ok(format!(
        "{NOT_NEEDED}. Secrets that were given up may need it: {}",
        current.given_up.join(", ")
    ))
}

fn view(entry: &Entry, removable: Result<String, String>) -> Option<LedgerEntry> {
    let is_removable = removable.is_ok();
    Some(LedgerEntry {
        key_id: entry.key_id.clone()?,
        since: entry.since,
        proven_at: entry.proven_at,
        evidence: entry.evidence,
        removable: is_removable,
        reason: removable.unwrap_or_else(|reason| reason),
    })
}
