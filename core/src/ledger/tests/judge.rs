use super::*;
use crate::ledger::judge::{KeyNeeds, judge};

/// The third key is in use and proven, the second was before, the first is retired.
fn rotated() -> Record {
    let mut record = settled();
    record.ledger.current = Some(proven(3));
    record.ledger.previous = Some(proven(2));
    record.ledger.retired = vec![proven(1)];
    record
}

fn found(record: Record, fit: Fit) -> Reconciled {
    Reconciled { record, fit, unsealed: None, changed_from: None }
}

/// Whether the retired key is removable, and the reason.
fn retired(found: &Reconciled) -> (bool, String) {
    let entry = judge(found).retired.into_iter().next().unwrap();
    (entry.removable, entry.reason)
}

type Change = fn(&mut Record);

/// What a record is changed to, how it fits, and what is missing for a retired key to be removable.
const CASES: [(&str, Change, Fit, Option<&str>); 13] = [
    ("all is well", |_| {}, Fit::Unbroken, None),
    (
        "the evidence has no name",
        |record| {
            record.ledger.current.as_mut().unwrap().evidence = Some(Evidence::MetricsUnnamed);
        },
        Fit::Unbroken,
        None,
    ),
    (
        "KMS is off",
        |record| record.ledger.current = Some(proven(0)),
        Fit::Unbroken,
        Some("KMS is off, and keys must be kept"),
    ),
    (
        "it was to be set by an operation that was dropped",
        |record| record.ledger.retired[0].abandoned = true,
        Fit::Unbroken,
        Some("was abandoned"),
    ),
    (
        "an operation is unfinished",
        |record| record.intend(&key(4), Some("a")),
        Fit::Unbroken,
        Some("call resume first"),
    ),
    (
        "the key in use is not known",
        |record| {
            record.ledger.current = None;
        },
        Fit::Unbroken,
        Some("the key in use is not known"),
    ),
    (
        "the key before is not known",
        |record| record.ledger.previous = None,
        Fit::Unbroken,
        Some("rotate once more"),
    ),
    (
        "KMS was off before the key in use",
        |record| record.ledger.previous = Some(proven(0)),
        Fit::Unbroken,
        Some("rotate once more"),
    ),
    (
        "nothing is proven",
        |record| record.ledger.current = Some(entry(3)),
        Fit::Unbroken,
        Some("call reencrypt_secrets"),
    ),
    (
        "the evidence is weak",
        |record| record.ledger.current.as_mut().unwrap().evidence = Some(Evidence::Weak),
        Fit::Unbroken,
        Some("call reencrypt_secrets"),
    ),
    ("the cluster was changed since", |_| {}, Fit::Changed, Some("call reencrypt_secrets")),
    (
        "the proof is from before the last change",
        |record| record.cluster.etag = Some("b".to_owned()),
        Fit::Unbroken,
        Some("call reencrypt_secrets"),
    ),
    (
        "others changed the cluster, or a change failed",
        |record| record.ledger.previous_uncertain = true,
        Fit::Unbroken,
        Some("any key that it had; rotate once more"),
    ),
];

#[test]
fn a_retired_key_is_removable_with_a_proof_or_what_is_missing_is_said() {
    for (name, change, fit, missing) in CASES {
        let mut record = rotated();
        change(&mut record);
        let (removable, reason) = retired(&found(record, fit));
        assert_eq!(removable, missing.is_none(), "{name}: {reason}");
        let expected = missing.unwrap_or("this cluster no longer needs it; other clusters");
        assert!(reason.contains(expected), "{name}: {reason}");
    }
}

#[test]
fn what_was_given_up_is_said_of_a_removable_key() {
    let mut record = rotated();
    record.ledger.current.as_mut().unwrap().given_up = vec!["shop/old".to_owned()];
    let (removable, reason) = retired(&found(record, Fit::Unbroken));
    assert!(removable);
    assert!(reason.ends_with("Secrets that were given up may need it: shop/old"), "{reason}");
}

#[test]
fn keys_in_use_pending_and_before_are_needed_whatever_is_proven() {
    let mut record = rotated();
    record.intend(&key(4), Some("a"));
    let ledger = judge(&found(record, Fit::Unbroken));
    for entry in [ledger.current, ledger.pending, ledger.previous] {
        assert!(!entry.unwrap().removable);
    }
}

#[test]
fn after_disable_the_last_key_stays_needed() {
    let mut record = rotated();
    record.intend(&key(0), Some("a"));
    record.settled(&key(0), Some("b"), NOW, Certainty::Seen);
    record.prove(&key(0), proof(), Some("b"));
    let ledger = judge(&found(record, Fit::Unbroken));
    assert_eq!(ledger.current, None);
    let last = ledger.previous.unwrap();
    assert!(!last.removable && last.reason.contains("the last key must be kept"));
    assert!(ledger.retired.iter().all(|entry| !entry.removable));
}

#[test]
fn a_key_that_is_not_in_the_ledger_is_needed_by_nothing_that_is_proven() {
    let of_others = |record: Record, fit| {
        let found = found(record, fit);
        KeyNeeds { reconciled: &found }.of_others()
    };
    let safe = |need: &Need| matches!(need, Need::NotNeeded { .. });
    assert!(safe(&of_others(rotated(), Fit::Unbroken)));
    assert!(!safe(&of_others(rotated(), Fit::Changed)));
    let new = Reconciled::new(None, &seen(3, "a"));
    assert!(!safe(&of_others(new.record, new.fit)));
}
