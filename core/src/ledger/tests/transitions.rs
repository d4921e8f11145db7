use super::*;

fn after(change: impl FnOnce(&mut Record)) -> String {
    let mut record = settled();
    change(&mut record);
    shown(&record.ledger)
}

#[test]
fn an_intent_is_pending_until_the_cluster_is_set() {
    assert_eq!(
        after(|record| record.intend(&key(3), Some("a"))),
        "current 2+ pending 3 previous 1+ retired []"
    );
}

#[test]
fn an_intent_to_turn_kms_off_is_one_too() {
    assert_eq!(
        after(|record| record.intend(&key(0), Some("a"))),
        "current 2+ pending plaintext previous 1+ retired []"
    );
}

#[test]
fn an_intent_to_set_the_key_in_use_changes_nothing_but_the_etag() {
    let mut record = settled();
    record.intend(&key(2), Some("b"));
    assert_eq!(shown(&record.ledger), shown(&settled().ledger));
    assert_eq!(record.cluster.etag.as_deref(), Some("b"));
}

#[test]
fn an_intent_to_go_back_takes_the_key_from_where_it_was() {
    assert_eq!(
        after(|record| {
            record.ledger.retired = vec![proven(4), proven(3)];
            record.intend(&key(3), Some("a"));
        }),
        "current 2+ pending 3 previous 1+ retired [4+]"
    );
}

#[test]
fn the_same_intent_twice_is_one() {
    let mut record = settled();
    record.intend(&key(3), Some("a"));
    let once = record.clone();
    record.intend(&key(3), Some("a"));
    assert_eq!(record, once);
}

#[test]
fn another_intent_leaves_the_first_as_one_that_may_still_come() {
    assert_eq!(
        after(|record| {
            record.intend(&key(3), Some("a"));
            record.intend(&key(4), Some("a"));
        }),
        "current 2+ pending 4 previous 1+ retired [3?]"
    );
}

#[test]
fn a_cluster_that_is_set_moves_each_key_by_one_place() {
    let mut record = settled();
    record.intend(&key(3), Some("a"));
    record.settled(&key(3), Some("b"), NOW, Certainty::Seen);
    assert_eq!(shown(&record.ledger), "current 3 pending - previous 2+ retired [1+]");
    assert_eq!(record.cluster.etag.as_deref(), Some("b"));
    assert_eq!(record.ledger.current.unwrap().since, Some(NOW));
}

#[test]
fn plaintext_is_a_place_but_never_retired() {
    assert_eq!(
        after(|record| {
            for number in [0, 3, 4] {
                record.intend(&key(number), Some("a"));
                record.settled(&key(number), Some("a"), NOW, Certainty::Seen);
            }
        }),
        "current 4 pending - previous 3 retired [2+ 1+]"
    );
}

#[test]
fn settling_what_was_not_intended_moves_nothing() {
    assert_eq!(
        after(|record| {
            record.intend(&key(3), Some("a"));
            record.settled(&key(4), Some("b"), NOW, Certainty::Seen);
        }),
        "current 2+ pending 3 previous 1+ retired []"
    );
}

#[test]
fn rotating_back_and_forth_retires_no_key_twice() {
    assert_eq!(
        after(|record| {
            for number in [1, 2, 1, 3, 1] {
                record.intend(&key(number), Some("a"));
                record.settled(&key(number), Some("a"), NOW, Certainty::Seen);
            }
        }),
        "current 1 pending - previous 3 retired [2]"
    );
}

#[test]
fn a_proof_is_of_the_key_in_use_and_of_the_cluster_as_it_is_now() {
    let mut record = settled();
    record.intend(&key(3), Some("a"));
    record.settled(&key(3), Some("b"), NOW, Certainty::Seen);
    record.prove(&key(3), Proof { given_up: vec!["shop/old".to_owned()], ..proof() }, Some("c"));
    assert_eq!(shown(&record.ledger), "current 3+ pending - previous 2+ retired [1+]");
    assert_eq!(record.cluster.etag.as_deref(), Some("c"));
    assert_eq!(record.ledger.current.unwrap().given_up, ["shop/old"]);
}

#[test]
fn a_proof_of_another_key_proves_nothing() {
    let mut record = settled();
    record.ledger.current = Some(entry(2));
    record.prove(&key(3), proof(), Some("c"));
    assert_eq!(shown(&record.ledger), "current 2 pending - previous 1+ retired []");
    assert_eq!(record.cluster.etag.as_deref(), Some("a"));
}

#[test]
fn an_operation_that_is_dropped_leaves_its_key_as_one_that_may_still_come() {
    let mut record = settled();
    record.begin(operation());
    record.intend(&key(3), Some("a"));
    record.abandon();
    assert_eq!(shown(&record.ledger), "current 2+ pending - previous 1+ retired [3?]");
    assert_eq!(record.operation, None);
}

#[test]
fn dropping_an_operation_that_intended_nothing_yet_leaves_nothing() {
    assert_eq!(
        after(|record| {
            record.begin(operation());
            record.abandon();
        }),
        "current 2+ pending - previous 1+ retired []"
    );
}

#[test]
fn the_next_change_settles_what_was_dropped() {
    assert_eq!(
        after(|record| {
            record.intend(&key(3), Some("a"));
            record.abandon();
            record.intend(&key(4), Some("a"));
            record.settled(&key(4), Some("b"), NOW, Certainty::Seen);
        }),
        "current 4 pending - previous 2+ retired [1+ 3]"
    );
}

#[test]
fn an_operation_that_is_over_leaves_the_keys_as_they_are() {
    let mut record = settled();
    record.begin(operation());
    record.finish();
    assert_eq!(record, settled());
}

#[test]
fn the_key_that_the_api_servers_have_is_in_use_after_a_change_that_failed() {
    let mut record = settled();
    record.intend(&key(3), Some("a"));
    record.settled(&key(2), Some("b"), NOW, Certainty::InUse);
    assert_eq!(shown(&record.ledger), "current 2+ pending - previous 1+ retired [3?]");
    assert!(record.ledger.previous_uncertain, "they may read with the third too");
    record.intend(&key(4), Some("b"));
    record.settled(&key(4), Some("c"), NOW, Certainty::Seen);
    assert_eq!(shown(&record.ledger), "current 4 pending - previous 2+ retired [1+ 3]");
    assert!(!record.ledger.previous_uncertain);
}

#[test]
fn a_whole_pass_tells_the_key_in_use_where_none_was_known() {
    let mut record = settled();
    record.ledger.current = None;
    record.prove(&key(2), proof(), Some("a"));
    assert_eq!(shown(&record.ledger), "current 2+ pending - previous - retired [1+]");
    assert!(record.ledger.previous_uncertain);
}

#[test]
fn a_key_of_others_moves_on_as_any_key_does() {
    let changes = |numbers: &[u8]| {
        let mut record = settled();
        record.ledger.doubt(&key(5));
        let mut slots = vec![record.ledger.unknown_key];
        for number in numbers {
            record.intend(&key(*number), Some("a"));
            record.settled(&key(*number), Some("b"), NOW, Certainty::Seen);
            slots.push(record.ledger.unknown_key);
        }
        slots
    };
    let (current, previous) = (Some(Slot::Current), Some(Slot::Previous));
    assert_eq!(changes(&[3, 4]), [current, previous, None]);
    // over a time without KMS it is kept
    assert_eq!(changes(&[0, 2, 3]), [current, previous, previous, None]);
    let mut record = settled();
    record.ledger.doubt(&key(0));
    assert_eq!(record.ledger.unknown_key, None, "what others turned off has no key");
}

#[test]
fn a_key_that_turns_out_to_be_in_use_has_an_unknown_one_before_it() {
    let mut record = settled();
    record.settled(&key(1), Some("b"), NOW, Certainty::InUse);
    assert_eq!(shown(&record.ledger), "current 1 pending - previous - retired [2+]");
    assert!(record.ledger.previous_uncertain);
}
