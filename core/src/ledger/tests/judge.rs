use super::*;
use crate::ledger::judge::{Needs, judge};

/// The third key is in use and proven, the second was before, the first is retired.
fn rotated() -> Record {
    let mut record = settled();
    record.ledger.current = Some(proven(3));
    record.ledger.previous = Some(proven(2));
    record.ledger.retired = vec![proven(1)];
    record
}

fn found(record: Record, fit: Fit) -> Reconciled {
    Reconciled { record, fit, unsealed: None }
}

/// Whether the retired key is removable, and the reason.
fn retired(found: &Reconciled, standing: Standing) -> (bool, String) {
    let entry = judge(found, standing).retired.into_iter().next().unwrap();
    (entry.removable, entry.reason)
}

type Change = fn(&mut Record);

/// What a record is changed to, how it fits, and what is missing for a retired key to be removable.
const CASES: [(&str, Change, Fit, Standing, Option<&str>); 14] = [
    ("all is well", |_| {}, Fit::Unbroken, Standing::Recorded, None),
    (
        "the evidence has no name",
        |record| {
            record.ledger.current.as_mut().unwrap().evidence = Some(Evidence::MetricsUnnamed);
        },
        Fit::Unbroken,
        Standing::Recorded,
        None,
    ),
    (
        "KMS is off",
        |record| record.ledger.current = Some(proven(0)),
        Fit::Unbroken,
        Standing::Recorded,
        Some("KMS is off, and keys must be kept"),
    ),
    (
        "it was to be set by an operation that was dropped",
        |record| record.ledger.retired[0].abandoned = true,
        Fit::Unbroken,
        Standing::Recorded,
        Some("was abandoned"),
    ),
    (
        "an operation is unfinished",
        |record| record.intend(&key(4), Some("a")),
        Fit::Unbroken,
        Standing::Recorded,
        Some("call resume first"),
    ),
    (
        "the key in use is not known",
        |record| {
            record.ledger.current = None;
        },
        Fit::Unbroken,
        Standing::Recorded,
        Some("KMS is off"),
    ),
    (
        "the key before is not known",
        |record| record.ledger.previous = None,
        Fit::Unbroken,
        Standing::Recorded,
        Some("rotate once more"),
    ),
    (
        "KMS was off before the key in use",
        |record| record.ledger.previous = Some(proven(0)),
        Fit::Unbroken,
        Standing::Recorded,
        Some("rotate once more"),
    ),
    (
        "nothing is proven",
        |record| record.ledger.current = Some(entry(3)),
        Fit::Unbroken,
        Standing::Recorded,
        Some("call reencrypt_secrets"),
    ),
    (
        "the evidence is weak",
        |record| record.ledger.current.as_mut().unwrap().evidence = Some(Evidence::Weak),
        Fit::Unbroken,
        Standing::Recorded,
        Some("call reencrypt_secrets"),
    ),
    (
        "the cluster was changed since",
        |_| {},
        Fit::Changed,
        Standing::Recorded,
        Some("call verify_secrets"),
    ),
    ("the cluster was changed and verified since", |_| {}, Fit::Changed, Standing::Confirmed, None),
    (
        "nothing is proven, but verified",
        |record| record.ledger.current = Some(entry(3)),
        Fit::Changed,
        Standing::Confirmed,
        Some("call reencrypt_secrets"),
    ),
    (
        "the key before is not known, but all is verified",
        |record| record.ledger.previous = None,
        Fit::Changed,
        Standing::Confirmed,
        Some("rotate once more"),
    ),
];

#[test]
fn a_retired_key_is_removable_with_a_proof_or_what_is_missing_is_said() {
    for (name, change, fit, standing, missing) in CASES {
        let mut record = rotated();
        change(&mut record);
        let (removable, reason) = retired(&found(record, fit), standing);
        assert_eq!(removable, missing.is_none(), "{name}: {reason}");
        let expected = missing.unwrap_or("this cluster no longer needs it; other clusters");
        assert!(reason.contains(expected), "{name}: {reason}");
    }
}

#[test]
fn what_others_may_have_done_and_what_was_given_up_is_said_of_a_removable_key() {
    let mut record = rotated();
    record.ledger.changed_by_others = true;
    record.ledger.current.as_mut().unwrap().given_up = vec!["shop/old".to_owned()];
    for (fit, standing) in
        [(Fit::Unbroken, Standing::Recorded), (Fit::Changed, Standing::Confirmed)]
    {
        let (removable, reason) = retired(&found(record.clone(), fit), standing);
        assert!(removable);
        assert!(reason.contains("Others changed the cluster"), "{reason}");
        assert!(reason.ends_with("Secrets that were given up may need it: shop/old"), "{reason}");
    }
}

#[test]
fn keys_in_use_pending_and_before_are_needed_whatever_is_proven() {
    let mut record = rotated();
    record.intend(&key(4), Some("a"));
    let ledger = judge(&found(record, Fit::Unbroken), Standing::Confirmed);
    for entry in [ledger.current, ledger.pending, ledger.previous] {
        assert!(!entry.unwrap().removable);
    }
}

#[test]
fn after_disable_the_last_key_stays_needed() {
    let mut record = rotated();
    record.intend(&key(0), Some("a"));
    record.settled(&key(0), Some("b"), NOW);
    record.prove(&key(0), proof(), Some("b"));
    let ledger = judge(&found(record, Fit::Unbroken), Standing::Recorded);
    assert_eq!(ledger.current, None);
    let last = ledger.previous.unwrap();
    assert!(!last.removable && last.reason.contains("the last key must be kept"));
    assert!(ledger.retired.iter().all(|entry| !entry.removable));
}

#[test]
fn a_key_that_is_not_in_the_ledger_is_needed_by_nothing_that_is_proven() {
    let of_others = |record: Record, fit| {
        let found = found(record, fit);
        Needs { reconciled: &found, standing: Standing::Recorded }.of_others()
    };
    let safe = |need: &Need| matches!(need, Need::NotNeeded { with_caution: false, .. });
    assert!(safe(&of_others(rotated(), Fit::Unbroken)));
    assert!(!safe(&of_others(rotated(), Fit::Changed)));
    let new = Reconciled::new(None, &seen(3, "a"));
    assert!(!safe(&of_others(new.record, new.fit)));
}
