use super::*;

fn reconciled(record: Record, seen: &ObservedCluster) -> Reconciled {
    Reconciled::new(Some(record), seen)
}

#[test]
fn nothing_recorded_is_a_key_of_which_nothing_is_known() {
    let found = Reconciled::new(None, &seen(2, "a"));
    assert_eq!(found.fit, Fit::Unrelated);
    assert_eq!(shown(&found.record.ledger), "current 2 pending - previous - retired []");
    assert_eq!(found.record.cluster, marks("a"));
    assert_eq!(found.standing_proof(), None);
}

#[test]
fn nothing_recorded_of_before_a_change_that_failed_leaves_the_key_in_use_unknown() {
    let failed = ObservedCluster { in_force: false, ..seen(2, "a") };
    let found = Reconciled::new(None, &failed);
    assert_eq!(found.fit, Fit::Unrelated);
    assert_eq!(shown(&found.record.ledger), "current - pending - previous - retired [2?]");
    // and stays so until the change succeeds: an operation that was recorded meanwhile goes on
    for etag in ["a", "b"] {
        let failed = ObservedCluster { in_force: false, ..seen(2, etag) };
        let again = reconciled(found.record.clone(), &failed);
        assert_eq!(again.fit, Fit::Changed);
        assert_eq!(shown(&again.record.ledger), "current - pending - previous - retired [2?]");
        let set = reconciled(again.record, &seen(2, "c"));
        assert_eq!(set.fit, Fit::Changed);
        assert_eq!(shown(&set.record.ledger), "current 2 pending - previous - retired []");
    }
    let other = ObservedCluster { in_force: false, ..seen(4, "b") };
    assert_eq!(reconciled(found.record, &other).fit, Fit::Superseded);
}

#[test]
fn a_cluster_that_nobody_changed_keeps_its_proof() {
    let found = reconciled(settled(), &seen(2, "a"));
    assert_eq!(found.fit, Fit::Unbroken);
    assert_eq!(found.standing_proof(), Some(proof()));
}

#[test]
fn the_mode_in_which_the_vault_is_reached_is_remembered() {
    let found = reconciled(settled(), &seen(2, "a"));
    assert_eq!(found.record.ledger.current.unwrap().network_mode, Some(NetworkMode::Public));
    let found = Reconciled::new(None, &seen(0, "a"));
    assert_eq!(found.record.ledger.current.unwrap().network_mode, None);
}

#[test]
fn another_etag_breaks_the_proof_but_not_the_keys() {
    let found = reconciled(settled(), &seen(2, "b"));
    assert_eq!(found.fit, Fit::Changed);
    assert_eq!(shown(&found.record.ledger), shown(&settled().ledger));
    assert!(found.record.ledger.previous_uncertain);
    assert_eq!(found.standing_proof(), None);
}

#[test]
fn without_an_etag_nobody_can_tell() {
    let mut record = settled();
    record.cluster.etag = None;
    let mut without = seen(2, "a");
    without.marks.etag = None;
    assert_eq!(reconciled(record, &without).fit, Fit::Changed);
}

#[test]
fn before_anything_was_recorded_there_may_be_a_key_until_another_is_replaced() {
    let fresh = |key| Reconciled::new(None, &seen(key, "a")).record;
    for current in [0, 2] {
        let mut record = fresh(current);
        assert_eq!(record.ledger.unknown_key, Some(Slot::Previous));
        record.intend(&key(3), Some("a"));
        let found = reconciled(record, &seen(3, "b"));
        // AKS keeps the last key over a time without KMS
        let stays = (current == 0).then_some(Slot::Previous);
        assert_eq!(found.record.ledger.unknown_key, stays, "{current}");
    }
}

#[test]
fn what_others_did_while_kms_was_off_may_have_left_a_key() {
    for (etag, left) in [("b", None), ("c", Some(Slot::Previous))] {
        let mut record = settled();
        record.intend(&key(0), Some("a"));
        record.settled(&key(0), Some("b"), NOW, Certainty::Seen);
        let mut record = reconciled(record, &seen(0, etag)).record;
        record.intend(&key(3), Some(etag));
        record.settled(&key(3), Some("d"), NOW, Certainty::Seen);
        assert_eq!(record.ledger.unknown_key, left, "{etag}");
    }
}

#[test]
fn of_a_pending_key_that_came_unseen_nobody_knows_what_was_before() {
    let mut record = settled();
    record.intend(&key(3), Some("a"));
    let found = reconciled(record, &seen(3, "b"));
    assert_eq!(found.fit, Fit::Changed);
    assert_eq!(shown(&found.record.ledger), "current 3 pending - previous - retired [2+ 1+]");
    assert!(found.record.ledger.previous_uncertain);
    assert_eq!(found.standing_proof(), None);
}

#[test]
fn a_pending_key_whose_change_failed_is_not_in_force() {
    let mut record = settled();
    record.intend(&key(3), Some("a"));
    let found = reconciled(record, &ObservedCluster { in_force: false, ..seen(3, "b") });
    assert_eq!(found.fit, Fit::Changed);
    assert_eq!(shown(&found.record.ledger), "current 2+ pending 3 previous 1+ retired []");
    assert!(found.record.ledger.previous_uncertain);
    assert_eq!(found.standing_proof(), None);
}

#[test]
fn a_key_that_others_failed_to_set_is_not_in_force_and_may_be_read_with() {
    let found = reconciled(settled(), &ObservedCluster { in_force: false, ..seen(4, "b") });
    assert_eq!(found.fit, Fit::Superseded);
    assert_eq!(shown(&found.record.ledger), "current 2 pending - previous 1 retired [4?]");
    assert!(found.record.ledger.previous_uncertain);
}

#[test]
fn a_key_that_others_failed_to_set_is_read_with_next_once_another_is_in_force() {
    let mut off = settled();
    off.intend(&key(0), Some("a"));
    off.settled(&key(0), Some("a"), NOW, Certainty::Seen);
    let slot = |record: &Record, seen: &ObservedCluster| {
        reconciled(record.clone(), seen).record.ledger.unknown_key
    };
    assert_eq!(slot(&off, &seen(0, "a")), None, "nobody changed it");
    assert_eq!(slot(&off, &seen(0, "b")), Some(Slot::Previous), "a tag, or a key there and back");
    let mut unfinished = off.clone();
    unfinished.begin(operation());
    assert_eq!(slot(&unfinished, &seen(0, "b")), Some(Slot::Previous));
    assert_eq!(slot(&settled(), &seen(2, "b")), None);
    let failed = ObservedCluster { in_force: false, ..seen(4, "b") };
    assert_eq!(slot(&off, &failed), Some(Slot::Current));
    let found = reconciled(off, &failed).record;
    assert_eq!(slot(&found, &seen(0, "c")), Some(Slot::Previous), "somebody took it back");
}

#[test]
fn an_intent_does_not_make_an_older_proof_valid_again() {
    let mut record = reconciled(settled(), &seen(2, "b")).record;
    record.intend(&key(3), Some("b"));
    let found = reconciled(record, &seen(2, "b"));
    assert_eq!(found.fit, Fit::Unbroken);
    assert_eq!(found.standing_proof(), None);
}

#[test]
fn a_pending_key_that_did_not_come_is_still_pending() {
    let mut record = settled();
    record.intend(&key(3), Some("a"));
    let found = reconciled(record, &seen(2, "a"));
    assert_eq!(found.fit, Fit::Unbroken);
    assert_eq!(shown(&found.record.ledger), "current 2+ pending 3 previous 1+ retired []");
}

#[test]
fn a_key_that_somebody_else_set_voids_everything() {
    let mut record = settled();
    record.begin(operation());
    record.intend(&key(3), Some("a"));
    let found = reconciled(record, &seen(4, "b"));
    assert_eq!(found.fit, Fit::Superseded);
    assert_eq!(shown(&found.record.ledger), "current 4 pending - previous - retired [3? 1 2]");
    assert!(found.record.operation.is_some(), "it is to be abandoned by whoever reads this");
}

#[test]
fn kms_that_somebody_else_turned_off_voids_everything() {
    let found = reconciled(settled(), &seen(0, "b"));
    assert_eq!(found.fit, Fit::Superseded);
    assert_eq!(shown(&found.record.ledger), "current plaintext pending - previous - retired [1 2]");
}

#[test]
fn a_dropped_key_that_came_after_all_is_somebody_elses() {
    let mut record = settled();
    record.intend(&key(3), Some("a"));
    record.abandon();
    let found = reconciled(record, &seen(3, "b"));
    assert_eq!(found.fit, Fit::Superseded);
    assert_eq!(shown(&found.record.ledger), "current 3 pending - previous - retired [1 2]");
}

#[test]
fn a_record_that_is_not_of_this_cluster_counts_for_nothing_but_its_names() {
    type Change = fn(&mut Record);
    let cases: [(&str, Change); 6] = [
        ("of another etcd", |record| record.cluster.uid = "another".to_owned()),
        ("of another managed cluster", |record| record.cluster.resource_uid = None),
        ("proven after the etcd of now", |record| {
            record.ledger.current.as_mut().unwrap().watermark = Some("101".to_owned());
        }),
        ("with a key before that was proven after the etcd of now", |record| {
            record.ledger.previous.as_mut().unwrap().watermark = Some("101".to_owned());
        }),
        ("with an operation that began after the etcd of now", |record| {
            record.begin(Operation { watermark: "101".to_owned(), ..operation() });
        }),
        ("with a watermark that is none", |record| {
            record.ledger.current.as_mut().unwrap().watermark = Some("soon".to_owned());
        }),
    ];
    for (name, change) in cases {
        let mut record = settled();
        change(&mut record);
        let found = reconciled(record, &seen(2, "a"));
        assert_eq!(found.fit, Fit::Unrelated, "{name}");
        assert_eq!(
            shown(&found.record.ledger),
            "current 2 pending - previous - retired [1]",
            "{name}"
        );
        assert_eq!(found.record.operation, None, "{name}");
        assert_eq!(found.record.cluster, marks("a"), "{name}");
    }
}

#[test]
fn a_record_is_of_this_cluster_up_to_its_own_resource_version() {
    let mut record = settled();
    record.ledger.current.as_mut().unwrap().watermark = Some("100".to_owned());
    assert_eq!(reconciled(record, &seen(2, "a")).fit, Fit::Unbroken);
}

#[test]
fn only_evidence_of_the_api_servers_own_with_nothing_given_up_replaces_a_gate() {
    type Change = fn(&mut Entry);
    let cases: [(&str, Change, bool); 5] = [
        ("metrics", |_| {}, true),
        ("unnamed", |entry| entry.evidence = Some(Evidence::MetricsUnnamed), true),
        ("weak", |entry| entry.evidence = Some(Evidence::Weak), false),
        ("given up", |entry| entry.given_up = vec!["shop/old".to_owned()], false),
        ("no watermark", |entry| entry.watermark = None, false),
    ];
    for (name, change, stands) in cases {
        let mut record = settled();
        change(record.ledger.current.as_mut().unwrap());
        let proof = reconciled(record, &seen(2, "a")).standing_proof();
        assert_eq!(proof.is_some(), stands, "{name}");
    }
}

#[test]
fn the_rollback_is_to_the_key_before_from_one_that_is_not_proven() {
    let back = |change: fn(&mut Record), etag: &str, to: u8| {
        let mut record = settled();
        record.ledger.current = Some(entry(2));
        change(&mut record);
        reconciled(record, &seen(2, etag)).is_rollback_to(&key(to))
    };
    assert!(back(|_| {}, "a", 1));
    assert!(!back(|_| {}, "a", 3), "another key");
    assert!(!back(|_| {}, "b", 1), "others changed the cluster");
    assert!(!back(|record| record.ledger.current = Some(proven(2)), "a", 1), "it is proven");
    assert!(!back(|record| record.ledger.previous = None, "a", 1), "the key before is not known");
    assert!(
        !back(|record| record.ledger.previous_uncertain = true, "a", 1),
        "others changed the cluster before"
    );
}

/// A text without a valid seal is shown, and nothing in it is believed.
#[test]
fn what_has_no_seal_makes_nothing_known() {
    let text = Record { operation: Some(operation()), ..settled() };
    let found = Reconciled::unsealed(Some(&text), &seen(2, "a"));
    assert_eq!(found.fit, Fit::Unrelated);
    assert_eq!(found.record.operation, None);
    assert_eq!(shown(&found.record.ledger), "current 2 pending - previous - retired []");
    assert!(found.standing_proof().is_none() && !found.is_rollback_to(&key(1)));
    let unsealed = found.unsealed.as_ref().unwrap();
    assert_eq!(unsealed.operation.as_ref().unwrap().by, "aks-kms on laptop");
    let ledger = judge(&found);
    assert_eq!(ledger.retired.len(), 1, "{ledger:#?}");
    assert!(
        !ledger.retired[0].removable && ledger.retired[0].key_id == Some(key_id(1)),
        "{ledger:#?}"
    );
}
