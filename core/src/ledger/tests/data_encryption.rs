//! Platform-managed keys, and customer-managed ones, whose versions AKS takes up by itself.

use super::*;
use crate::{ids::VersionInUse, report::Experience};

fn any_version() -> ExpectedKey {
    ExpectedKey::AnyVersion(key_id(1).without_version())
}

/// A version of the customer-managed key.
fn version(number: u8) -> Entry {
    Entry { key_id: Some(key_id(number)), since: Some(NOW), ..Entry::unproven(&any_version()) }
}

fn in_use(number: u8, is_newest: bool) -> VersionInUse {
    VersionInUse { key_id: key_id(number), is_newest }
}

fn proven_version(number: u8) -> Entry {
    Entry { experience: version(number).experience, ..proven(number) }
}

/// On with a customer-managed key, whose second version is in use and proven; the first was before.
fn customer_managed() -> Record {
    let (current, previous) = (Some(proven_version(2)), Some(proven_version(1)));
    Record { ledger: Ledger { current, previous, ..Ledger::default() }, ..settled() }
}

fn platform() -> Record {
    let current = Entry { key_id: None, ..proven(1) };
    let current =
        Entry { experience: Entry::unproven(&ExpectedKey::Platform).experience, ..current };
    Record {
        ledger: Ledger { current: Some(current), previous: Some(proven(2)), ..Ledger::default() },
        ..settled()
    }
}

fn seen_with(key: ExpectedKey, etag: &str) -> ObservedCluster {
    ObservedCluster { key, ..seen(1, etag) }
}

fn need(record: Record, number: u8) -> Need {
    let reconciled = Reconciled { record, fit: Fit::Unbroken, unsealed: None, changed_from: None };
    let needs = KeyNeeds { reconciled: &reconciled };
    match reconciled.record.ledger.entry(&key_id(number)) {
        Some(entry) => needs.of_entry(entry),
        None => needs.of_others(),
    }
}

#[test]
fn a_version_that_is_taken_up_goes_before_the_one_in_use() {
    let mut record = customer_managed();
    record.awaits(&key_id(3));
    assert_eq!(shown(&record.ledger), "current 2+ pending 3 previous 1+ retired []");
    record.taken_up(&key_id(3), NOW);
    assert_eq!(shown(&record.ledger), "current 3 pending - previous 2+ retired [1+]");
    let current = record.ledger.current.as_ref().unwrap();
    assert_eq!((current.since, current.key()), (Some(NOW), any_version()));
    assert_eq!(record.cluster.etag.as_deref(), Some("a"), "the cluster is not changed");
}

#[test]
fn a_version_that_somebody_else_made_is_taken_up_too() {
    let mut record = customer_managed();
    record.awaits(&key_id(3));
    record.taken_up(&key_id(4), NOW);
    assert_eq!(shown(&record.ledger), "current 4 pending 3 previous 2+ retired [1+]");
}

#[test]
fn a_version_that_is_in_use_is_taken_up_once() {
    let mut record = customer_managed();
    record.taken_up(&key_id(2), NOW);
    record.awaits(&key_id(2));
    assert_eq!(record, customer_managed());
    record.awaits(&key_id(3));
    let once = record.clone();
    record.awaits(&key_id(3));
    assert_eq!(record, once);
}

#[test]
fn the_first_version_that_is_heard_takes_the_place_of_one_without_a_name() {
    let mut record = customer_managed();
    record.ledger = Ledger {
        current: Some(Entry { since: Some(NOW), ..Entry::unproven(&any_version()) }),
        previous: Some(proven(5)),
        ..Ledger::default()
    };
    record.taken_up(&key_id(1), NOW);
    assert_eq!(shown(&record.ledger), "current 1 pending - previous 5+ retired []");
}

#[test]
fn versions_of_another_key_are_not_taken_up() {
    let other = KeyId::parse(&key_id(9).as_str().replace("/etcd/", "/other/")).unwrap();
    let mut record = customer_managed();
    record.taken_up(&other, NOW);
    assert_eq!(record, customer_managed());
    let mut record = platform();
    record.taken_up(&key_id(1), NOW);
    assert_eq!(record, platform());
}

#[test]
fn a_version_that_is_awaited_in_vain_may_still_come() {
    let mut record = customer_managed();
    record.awaits(&key_id(3));
    record.awaits(&key_id(4));
    assert_eq!(shown(&record.ledger), "current 2+ pending 4 previous 1+ retired [3?]");
    record.abandon();
    assert_eq!(shown(&record.ledger), "current 2+ pending - previous 1+ retired [4? 3?]");
    assert!(matches!(need(record, 4), Need::Unknown(_)));
}

#[test]
fn a_proof_names_the_version_that_it_is_of() {
    let mut record = customer_managed();
    let proof = Proof { version: Some(in_use(3, true)), ..proof() };
    record.prove(&any_version(), proof, Some("a"));
    assert_eq!(shown(&record.ledger), "current 3+ pending - previous 2+ retired [1+]");
}

#[test]
fn older_keys_are_needed_until_the_proof_and_not_after_it() {
    assert!(matches!(need(customer_managed(), 2), Need::Needed(_)));
    assert!(matches!(need(customer_managed(), 1), Need::NotNeeded { .. }));
    assert!(matches!(need(platform(), 2), Need::NotNeeded { .. }));
    let unproven = |mut record: Record| {
        record.ledger.current.as_mut().unwrap().proven_at = None;
        record
    };
    assert!(matches!(need(unproven(customer_managed()), 1), Need::Unknown(_)));
    assert!(matches!(need(unproven(platform()), 2), Need::Unknown(_)));
    let mut awaited = customer_managed();
    awaited.awaits(&key_id(3));
    assert!(matches!(need(awaited.clone(), 3), Need::Needed(_)));
    assert!(matches!(need(awaited, 1), Need::Unknown(_)), "the operation is unfinished");
}

#[test]
fn the_record_of_a_key_that_nobody_changed_is_unbroken_whichever_version_is_in_use() {
    let found = Reconciled::new(Some(customer_managed()), &seen_with(any_version(), "a"));
    assert_eq!((found.fit, found.changed_from), (Fit::Unbroken, None));
    assert_eq!(shown(&found.record.ledger), "current 2+ pending - previous 1+ retired []");
    let found = Reconciled::new(Some(platform()), &seen_with(ExpectedKey::Platform, "a"));
    assert_eq!((found.fit, found.changed_from), (Fit::Unbroken, None));
}

#[test]
fn another_etag_breaks_the_proof_and_leaves_the_version() {
    let found = Reconciled::new(Some(customer_managed()), &seen_with(any_version(), "b"));
    assert_eq!((found.fit, found.changed_from.clone()), (Fit::Changed, None));
    assert_eq!(found.standing_proof(), None);
    assert_eq!(shown(&found.record.ledger), "current 2+ pending - previous 1+ retired []");
}

#[test]
fn what_another_tool_changed_is_told_with_what_was_recorded() {
    for (record, before) in
        [(customer_managed(), any_version()), (platform(), ExpectedKey::Platform)]
    {
        for now in [ExpectedKey::Plaintext, ExpectedKey::Platform, any_version(), key(1)] {
            if now == before {
                continue;
            }
            for in_force in [true, false] {
                let seen = ObservedCluster { in_force, ..seen_with(now.clone(), "b") };
                let found = Reconciled::new(Some(record.clone()), &seen);
                assert_eq!(found.fit, Fit::Superseded, "{before} {now}");
                assert_eq!(found.changed_from.as_ref(), Some(&before), "{now} {in_force}");
                let named = found.record.ledger.key_ids().filter(|id| **id == key_id(2)).count();
                assert_eq!(named, 1, "no key is forgotten");
            }
        }
    }
}

#[test]
fn a_move_is_reconciled_as_any_change_of_the_key() {
    let mut record = settled();
    record.intend(&ExpectedKey::Platform, Some("a"));
    let found = Reconciled::new(Some(record.clone()), &seen_with(ExpectedKey::Platform, "b"));
    assert_eq!((found.fit, found.changed_from.clone()), (Fit::Changed, None));
    let current = found.record.ledger.current.unwrap();
    assert_eq!((current.key(), current.proven_at), (ExpectedKey::Platform, None));
    record.settled(&ExpectedKey::Platform, Some("b"), NOW, Certainty::Seen);
    let previous = record.ledger.previous.as_ref().unwrap();
    assert_eq!(previous.key_id, Some(key_id(2)));
    assert!(matches!(need(record, 2), Need::Unknown(_)));
}

#[test]
fn the_version_before_a_restored_etcd_is_not_taken_for_the_one_in_use() {
    let old = ObservedCluster { resource_version: 10, ..seen_with(any_version(), "a") };
    let found = Reconciled::new(Some(customer_managed()), &old);
    assert_eq!(found.fit, Fit::Unrelated);
    assert_eq!(found.record.ledger.current.unwrap().key_id, any_version().key_id().cloned());
}

#[test]
fn a_version_that_may_be_the_one_in_use_is_never_removable() {
    let mut record = customer_managed();
    let current = record.ledger.current.as_mut().unwrap();
    current.key_id = Some(key_id(2).without_version());
    record.ledger.previous = Some(proven(1));
    record.ledger.retired = vec![version(3)];
    for number in [1, 3] {
        let need = need(record.clone(), number);
        assert!(matches!(&need, Need::Unknown(why) if why.contains("may be this one")), "{need:?}");
    }
}

#[test]
fn a_hash_that_the_caller_vouches_for_ends_the_proof_under_another() {
    let mut record = platform();
    let current = record.ledger.current.as_mut().unwrap();
    current.key_id_hash_seen = Some("one".to_owned());
    record.learn(&ExpectedKey::Platform, "one", NOW);
    assert!(record.ledger.current.as_ref().unwrap().proven_at.is_some());
    record.learn(&ExpectedKey::Platform, "other", NOW);
    let current = record.ledger.current.as_ref().unwrap();
    assert_eq!((current.proven_at, current.watermark.as_deref()), (None, None));
    assert_eq!(current.key_id_hash_seen.as_deref(), Some("other"));
    assert!(current.is(&ExpectedKey::Platform));
}

#[test]
fn a_version_that_was_abandoned_does_not_come_once_a_newer_one_is_proven() {
    let mut record = customer_managed();
    record.awaits(&key_id(3));
    record.abandon();
    assert!(matches!(need(record.clone(), 3), Need::Unknown(_)));
    let newer = Proof { version: Some(in_use(4, true)), ..proof() };
    record.prove(&any_version(), newer, Some("a"));
    assert!(matches!(need(record, 3), Need::NotNeeded { .. }));
}

#[test]
fn a_version_that_was_abandoned_still_comes_while_an_older_one_is_proven() {
    let mut record = customer_managed();
    record.awaits(&key_id(3));
    record.abandon();
    for version in [Some(in_use(2, false)), Some(in_use(4, false)), None] {
        record.prove(&any_version(), Proof { version, ..proof() }, Some("a"));
        assert!(matches!(need(record.clone(), 3), Need::Unknown(_)), "AKS may take it up yet");
    }
}

#[test]
fn what_was_set_by_its_version_is_told_from_what_is_taken_up_until_the_proof() {
    let replaced = |record: Record| {
        let found = Reconciled { record, fit: Fit::Unbroken, unsealed: None, changed_from: None };
        found.replaced_keys()
    };
    let mut record = customer_managed();
    record.ledger.previous = Some(proven(1));
    assert_eq!(replaced(record.clone()), [], "it is proven");
    record.ledger.current = Some(version(2));
    assert_eq!(replaced(record), [key_id(1)]);
}

#[test]
fn a_key_of_the_platforms_is_shown_without_a_name_and_never_removable() {
    let later = NOW + time::Duration::HOUR;
    let named = |at| Proof { at, key_id_hash_seen: Some("sha256:ab".to_owned()), ..proof() };
    let mut record = platform();
    record.prove(&ExpectedKey::Platform, named(NOW), Some("a"));
    record.prove(&ExpectedKey::Platform, named(later), Some("a"));
    let found =
        |record| Reconciled { record, fit: Fit::Unbroken, unsealed: None, changed_from: None };
    let current = judge(&found(record.clone())).current.unwrap();
    assert_eq!((current.key_id, current.experience), (None, Some(Experience::PlatformManaged)));
    let learned = (current.key_id_hash.as_deref(), current.key_id_hash_since);
    assert_eq!(learned, (Some("sha256:ab"), Some(NOW)), "it was learned once");
    assert_eq!(current.proven_at, Some(later));
    assert!(!current.removable && current.reason.contains("in use"), "{}", current.reason);

    record.ledger.previous = record.ledger.current.replace(proven_version(2));
    let ledger = judge(&found(record));
    let previous = ledger.previous.unwrap();
    assert_eq!(previous.experience, Some(Experience::PlatformManaged));
    assert!(!previous.removable && previous.reason.contains("the platform"), "{}", previous.reason);
    let current = ledger.current.unwrap();
    assert_eq!(current.experience, Some(Experience::CustomerManaged));
    assert_eq!(current.key_id, Some(key_id(2)));
}

#[test]
fn plaintext_is_no_key_of_the_platforms() {
    let mut record = platform();
    record.ledger.previous = Some(proven(0));
    let ledger =
        judge(&Reconciled { record, fit: Fit::Unbroken, unsealed: None, changed_from: None });
    assert_eq!(ledger.current.unwrap().experience, Some(Experience::PlatformManaged));
    assert_eq!(ledger.previous, None);
}
