//! The ledger without a cluster: transitions, reconciliation, removability, the format, and random
//! sequences of all of them.

mod data_encryption;
mod format;
mod judge;
mod reconcile;
mod sequences;
mod transitions;

use time::{OffsetDateTime, macros::datetime};

use super::{
    record::{ClusterIdentity, Entry, Ledger, Operation, Record, Slot},
    *,
};
use crate::{
    ids::{ExpectedKey, KeyId, NetworkMode},
    options::{Disable, Intent},
    report::{Evidence, KmsChange},
};

const NOW: OffsetDateTime = datetime!(2026-08-01 12:00 UTC);
const UID: &str = "0c8a4a6e-6f5b-4f0a-9d0e-5b1c9d4f7a10";
const RESOURCE_UID: &str = "66b9f0a5c2d4e10001a1b2c3";

/// The key with this number; 0 is plaintext.
fn key(number: u8) -> ExpectedKey {
    if number == 0 { ExpectedKey::Plaintext } else { ExpectedKey::Key(key_id(number)) }
}

fn key_id(number: u8) -> KeyId {
    KeyId::parse(&format!("https://shop-keys.vault.azure.net/keys/etcd/{number:032}")).unwrap()
}

fn entry(number: u8) -> Entry {
    Entry { since: Some(NOW), ..Entry::unproven(&key(number)) }
}

fn proven(number: u8) -> Entry {
    Entry {
        proven_at: Some(NOW),
        evidence: Some(Evidence::Metrics),
        watermark: Some("90".to_owned()),
        etag: Some("a".to_owned()),
        ..entry(number)
    }
}

fn proof() -> Proof {
    Proof {
        at: NOW,
        evidence: Evidence::Metrics,
        watermark: "90".to_owned(),
        version: None,
        key_id_hash_seen: None,
        given_up: Vec::new(),
    }
}

fn marks(etag: &str) -> ClusterIdentity {
    ClusterIdentity {
        uid: UID.to_owned(),
        resource_uid: Some(RESOURCE_UID.to_owned()),
        etag: Some(etag.to_owned()),
    }
}

/// The cluster is on with the second key, all of it proven; the first was before.
fn settled() -> Record {
    Record {
        cluster: marks("a"),
        ledger: Ledger { current: Some(proven(2)), previous: Some(proven(1)), ..Ledger::default() },
        operation: None,
    }
}

/// What is observed of a cluster with this key.
fn seen(number: u8, etag: &str) -> ObservedCluster {
    ObservedCluster {
        marks: marks(etag),
        key: key(number),
        network_mode: (number > 0).then_some(NetworkMode::Public),
        key_vault_id: None,
        in_force: true,
        resource_version: 100,
        at: NOW,
    }
}

fn operation() -> Operation {
    Operation {
        id: "4b1f6a0e-3a52-4c0e-9d0b-6f2f8a7f1c11".to_owned(),
        intent: Intent::Disable(Disable { reencrypt: true }),
        before: KmsChange::Off,
        target: None,
        closed_vault: None,
        newest_version: None,
        watermark: "80".to_owned(),
        by: "aks-kms on laptop".to_owned(),
        since: NOW,
    }
}

/// The ledger in one line, by the keys' numbers.
fn shown(ledger: &Ledger) -> String {
    let one = |entry: &Entry| {
        let number = match &entry.key_id {
            None => "plaintext".to_owned(),
            Some(key_id) => key_id.as_str().chars().last().unwrap().to_string(),
        };
        let proven = if entry.proven_at.is_some() { "+" } else { "" };
        let abandoned = if entry.abandoned { "?" } else { "" };
        format!("{number}{proven}{abandoned}")
    };
    let place = |entry: &Option<Entry>| entry.as_ref().map_or_else(|| "-".to_owned(), one);
    let retired: Vec<String> = ledger.retired.iter().map(one).collect();
    format!(
        "current {} pending {} previous {} retired [{}]",
        place(&ledger.current),
        place(&ledger.pending),
        place(&ledger.previous),
        retired.join(" ")
    )
}
