//! What is recorded of the cluster's keys.

use time::Duration;

use super::{NOW, cluster};
use crate::{
    ids::{ExpectedKey, KeyId, NetworkMode},
    ledger::{ClusterIdentity, Entry, Fit, Ledger, Operation, Reconciled, Record},
    options::Intent,
    report::{Evidence, KmsChange},
};

/// A key in the ledger, used in public mode, of which nothing is proven.
pub(crate) fn entry(key_id: &str) -> Entry {
    Entry {
        since: Some(NOW - Duration::days(90)),
        network_mode: Some(NetworkMode::Public),
        ..Entry::unproven(&ExpectedKey::Key(KeyId::parse(key_id).unwrap()))
    }
}

/// A version of a customer-managed key in the ledger, of which nothing is proven.
pub(crate) fn version_entry(version: &str) -> Entry {
    let version = KeyId::parse(version).unwrap();
    let key = ExpectedKey::AnyVersion(version.without_version());
    Entry {
        key_id: Some(version),
        since: Some(NOW - Duration::days(90)),
        network_mode: Some(NetworkMode::Public),
        ..Entry::unproven(&key)
    }
}

/// A platform-managed key in the ledger, of which nothing is proven.
pub(crate) fn platform_entry() -> Entry {
    Entry { since: Some(NOW - Duration::days(90)), ..Entry::unproven(&ExpectedKey::Platform) }
}

/// Plaintext in the ledger, of which nothing is proven.
pub(crate) fn plaintext_entry() -> Entry {
    Entry { since: Some(NOW - Duration::days(90)), ..Entry::unproven(&ExpectedKey::Plaintext) }
}

/// Every secret is proven to be under it.
pub(crate) fn proven(entry: Entry) -> Entry {
    Entry {
        proven_at: Some(NOW - Duration::days(89)),
        evidence: Some(Evidence::Metrics),
        watermark: Some("1000".to_owned()),
        etag: cluster().etag,
        ..entry
    }
}

/// The record of a cluster that nobody else changed.
pub(crate) fn recorded(current: Entry, previous: Option<Entry>, retired: &[Entry]) -> Reconciled {
    let cluster = cluster();
    Reconciled {
        record: Record {
            cluster: ClusterIdentity {
                uid: "0c8a4a6e-6f5b-4f0a-9d0e-5b1c9d4f7a10".to_owned(),
                resource_uid: cluster.resource_uid,
                etag: cluster.etag,
            },
            ledger: Ledger {
                current: Some(current),
                pending: None,
                previous,
                retired: retired.to_vec(),
                previous_uncertain: false,
                unknown_key: None,
            },
            operation: None,
        },
        fit: Fit::Unbroken,
        unsealed: None,
        changed_from: None,
    }
}

/// An unfinished operation, before which the cluster's KMS was like this.
pub(crate) fn operation(intent: Intent, before: KmsChange) -> Operation {
    Operation {
        id: "1".to_owned(),
        intent,
        before,
        target: None,
        newest_version: None,
        closed_vault: None,
        watermark: "1".to_owned(),
        by: "a test".to_owned(),
        since: NOW,
    }
}
