use super::*;
use crate::{
    ids::{KeyId, NetworkMode, VaultId},
    report::KmsConfiguration,
    rules::testing::{KEY_1, KEY_2, KEY_3, VAULT, cluster, entry, kms_on, recorded},
};

fn key(number: u8) -> ExpectedKey {
    if number == 0 {
        return ExpectedKey::Plaintext;
    }
    let id = format!("https://shop-keys.vault.azure.net/keys/etcd/{number:032}");
    ExpectedKey::Key(KeyId::parse(&id).unwrap())
}

fn target(number: u8) -> KmsChange {
    match key(number) {
        ExpectedKey::AnyVersion(_) | ExpectedKey::Platform | ExpectedKey::Plaintext => {
            KmsChange::Off
        }
        ExpectedKey::Key(key_id) => KmsChange::On(KmsConfiguration {
            key_id,
            network_mode: NetworkMode::Public,
            key_vault_id: None,
        }),
    }
}

/// A cluster at rest with the eTag of the plan, configured with this key.
fn configured(number: u8) -> Look {
    Look {
        etag: Some("a".to_owned()),
        busy: false,
        succeeded: true,
        has_target: false,
        configured: Some(key(number)),
        data_encryption: false,
    }
}

fn heard(numbers: &[u8]) -> InUse {
    InUse::Heard(numbers.iter().map(|number| key(*number)).collect())
}

fn next_of(to: u8, in_use: &InUse, progress: Progress, look: &Look) -> Next {
    next(&target(to), Some("a"), in_use, progress, look, false)
}

#[test]
fn a_change_is_intended_then_sent_for_the_etag_of_the_plan() {
    let cases = [
        (Progress::Begun, Next::Intend),
        (Progress::Intended, Next::Put),
        (Progress::Sent, Next::Put),
        (Progress::Refused, Next::Put),
    ];
    for (progress, expected) in cases {
        let look = configured(1);
        assert_eq!(next_of(2, &heard(&[1]), progress, &look), expected, "{progress:?}");
        let busy = Look { busy: true, ..look.clone() };
        assert_eq!(next_of(2, &heard(&[1]), progress, &busy), Next::Wait, "{progress:?}");
        let changed = Look { etag: Some("b".to_owned()), ..look.clone() };
        assert_eq!(next_of(2, &heard(&[1]), progress, &changed), Next::Replan, "{progress:?}");
        let without = Look { etag: None, ..look };
        let next = next(&target(2), None, &heard(&[1]), progress, &without, false);
        assert_eq!(next, Next::Replan, "without an eTag nobody can tell: {progress:?}");
    }
}

#[test]
fn what_is_set_needs_no_change_unless_its_operation_failed() {
    let set = Look { has_target: true, ..configured(2) };
    assert_eq!(next_of(2, &InUse::NotHeard, Progress::Begun, &set), Next::Done);
    let failed = Look { succeeded: false, ..set };
    assert_eq!(next_of(2, &heard(&[2]), Progress::Begun, &failed), Next::Intend);
}

#[test]
fn the_key_that_the_api_servers_write_with_stays_readable() {
    let may = |to, in_use: &InUse, now| {
        next_of(to, in_use, Progress::Begun, &configured(now)) == Next::Intend
    };
    assert!(may(2, &heard(&[1]), 1), "they write with what is configured");
    assert!(may(0, &heard(&[1]), 1), "and KMS is turned off");
    assert!(!may(3, &heard(&[1]), 2), "they write with another key");
    assert!(!may(0, &heard(&[1]), 2), "and KMS is turned off");
    assert!(may(1, &heard(&[1]), 2), "but back to it is the way out");
    assert!(may(0, &heard(&[0]), 2), "also where that is plaintext");
    assert!(may(1, &heard(&[1, 2]), 2), "of two keys, back to the one that is not configured");
    assert!(!may(2, &heard(&[1, 3]), 2), "not to one that none of them writes with");
    assert!(!may(3, &heard(&[1, 2]), 2), "nor to a third");
    assert!(!may(1, &heard(&[1, 3]), 2), "nor while a third key is configured");
    assert!(!may(2, &InUse::NotHeard, 1), "nothing was heard");
    assert!(!may(2, &heard(&[]), 1), "nobody was heard");
    assert!(may(1, &InUse::Vouched, 2), "they are down, and somebody vouches");
    let unnamed = Look { configured: None, ..configured(1) };
    assert_eq!(next_of(2, &heard(&[1]), Progress::Begun, &unnamed), Next::Refuse);
    assert_eq!(next_of(1, &heard(&[1]), Progress::Begun, &unnamed), Next::Intend);
}

#[test]
fn a_permission_error_is_met_again_only_by_our_own_failure() {
    let other = || Some("b".to_owned());
    let failed = Look { etag: other(), succeeded: false, has_target: true, ..configured(2) };
    assert_eq!(next_of(2, &heard(&[1]), Progress::Refused, &failed), Next::Put);
    let there_and_back = Look { etag: other(), ..configured(1) };
    assert_eq!(next_of(2, &heard(&[1]), Progress::Refused, &there_and_back), Next::Replan);
    let foreign_failure = Look { etag: other(), succeeded: false, ..configured(3) };
    assert_eq!(next_of(2, &heard(&[1]), Progress::Refused, &foreign_failure), Next::Replan);
    let came_through = Look { etag: other(), has_target: true, ..configured(2) };
    assert_eq!(next_of(2, &heard(&[1]), Progress::Refused, &came_through), Next::Replan);
}

#[test]
fn a_request_without_an_outcome_is_not_sent_for_a_cluster_that_changed() {
    for succeeded in [true, false] {
        for has_target in [true, false] {
            let look = Look { etag: Some("b".to_owned()), succeeded, has_target, ..configured(2) };
            assert_eq!(next_of(2, &heard(&[1]), Progress::Sent, &look), Next::Replan);
        }
    }
}

#[test]
fn a_cluster_is_settled_on_what_its_api_servers_write_with() {
    let settles = |in_use: &InUse, now: u8| key_to_settle_on(in_use, Some(&key(now))).cloned();
    assert_eq!(settles(&heard(&[1]), 2), Some(key(1)));
    assert_eq!(settles(&heard(&[2]), 2), Some(key(2)));
    assert_eq!(settles(&heard(&[1, 2]), 2), Some(key(1)));
    assert_eq!(settles(&heard(&[1, 2]), 1), Some(key(2)));
    assert_eq!(settles(&heard(&[1, 2]), 3), None);
    assert_eq!(settles(&InUse::NotHeard, 1), None);
    assert_eq!(settles(&InUse::Vouched, 1), None);
}

#[test]
fn a_vault_is_reached_as_the_cluster_is_configured_with_it() {
    let key = |text: &str| ExpectedKey::Key(KeyId::parse(text).unwrap());
    let on = |text: &str, network_mode| {
        let vault = VaultId::parse(VAULT).unwrap();
        let key_vault_id = (network_mode == NetworkMode::Private).then_some(vault);
        KmsChange::On(KmsConfiguration {
            key_id: KeyId::parse(text).unwrap(),
            network_mode,
            key_vault_id,
        })
    };
    let (public, private) = (NetworkMode::Public, NetworkMode::Private);
    let mut now = cluster();
    now.kms = Some(kms_on(KEY_2, private));
    let before = on(KEY_1, public);
    let target = profile_of(&key(KEY_1), &now, None, Some(&before), None);
    assert_eq!(target, Some(on(KEY_1, private)), "Azure refuses the other way while KMS is on");
    // a key in another vault, or with KMS off: as it was before, is recorded, or is to be
    let ledger = recorded(entry(KEY_3), None, &[]).record.ledger;
    let of = |before, later, ledger| profile_of(&key(KEY_3), &now, later, before, ledger);
    let (was, later) = (on(KEY_3, private), on(KEY_3, public));
    assert_eq!(of(Some(&was), Some(&later), Some(&ledger)), Some(was.clone()));
    assert_eq!(of(None, Some(&was), Some(&ledger)), Some(later.clone()), "as it is recorded");
    assert_eq!(of(None, Some(&later), None), Some(later.clone()));
    assert_eq!(of(Some(&before), None, None), None, "nobody knows");
    now.kms = None;
    let off = profile_of(&key(KEY_1), &now, None, Some(&before), None);
    assert_eq!(off, Some(before));
    assert_eq!(profile_of(&ExpectedKey::Plaintext, &now, None, None, None), Some(KmsChange::Off));
}
