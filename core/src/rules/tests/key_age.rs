use std::time::Duration;

use time::Duration as Days;

use super::*;
use crate::{
    facts::{Fact, Lookup},
    ids::NetworkMode,
    rules::{
        Due, rotation_due,
        testing::{
            KEY, KEY_1, KEY_2, NOW, entry, key_version, kms_on, previous_key, proven, recorded,
            unknown, version_entry,
        },
    },
};

const DAY: u64 = 24 * 60 * 60;

fn due(world: &World, days: u64) -> Option<Due> {
    rotation_due(&world.observed, Duration::from_secs(days * DAY))
}

fn why_unknown(world: &World) -> String {
    match due(world, 1) {
        Some(Due::Unknown(finding)) => finding.message,
        other => panic!("{other:?}"),
    }
}

/// The key in use was made 30 days ago.
#[test]
fn a_key_is_due_once_it_is_as_old_as_asked() {
    let world = World::status();
    assert_eq!(due(&world, 31), Some(Due::No));
    let Some(Due::Yes(finding)) = due(&world, 30) else { panic!("it is due") };
    let message = format!(
        "key {KEY_1} was made on 2026-07-02, 30 days ago, and when_older_than is 30 days: a rotation is due since \
         2026-08-01"
    );
    assert_eq!((finding.level, finding.message), (Level::Info, message));
    assert!(matches!(due(&world, 0), Some(Due::Yes(_))));
    assert_eq!(rotation_due(&world.observed, Duration::MAX), Some(Due::No));
}

/// A vault's clock may be ahead of Resource Manager's.
#[test]
fn a_key_from_the_future_is_young() {
    let mut world = World::status();
    world.key().created = Some(NOW + Days::MINUTE);
    assert_eq!(due(&world, 1), Some(Due::No));
}

#[test]
fn it_is_the_key_in_use_that_counts() {
    let mut world = World::rotate();
    world.key().created = Some(NOW);
    let mut in_use = previous_key(KEY_1);
    if let Fact::Known(Lookup::Found(key)) = &mut in_use.key {
        key.created = Some(NOW - Days::days(400));
    }
    world.observed.in_use = Some(in_use);
    assert!(matches!(due(&world, 365), Some(Due::Yes(_))), "the new one is young");
}

#[test]
fn what_cannot_be_read_is_not_young() {
    type Change = fn(&mut World);
    let cases: [(&str, Change); 5] = [
        ("reading it was forbidden", |world| world.observed.key = Some(unknown())),
        ("is not in its vault", |world| world.observed.key = Some(Fact::Known(Lookup::NotFound))),
        ("does not say when", |world| world.key().created = None),
        ("in place of", |world| world.key().kid = KEY_2.to_owned()),
        ("which key is in use is not known", |world| {
            world.cluster().provisioning_state = "Failed".to_owned();
        }),
    ];
    for (why, change) in cases {
        let mut world = World::status();
        change(&mut world);
        assert!(why_unknown(&world).contains(why), "{why}: {}", why_unknown(&world));
        let Some(Due::Unknown(finding)) = due(&world, 1).map(Due::refusing) else { panic!() };
        assert_eq!((finding.level, finding.overridable), (Level::Block, false));
    }
}

#[test]
fn after_a_change_that_failed_the_recorded_key_is_in_use() {
    let mut world = World::status();
    world.cluster().provisioning_state = "Failed".to_owned();
    world.observed.record = Some(Fact::Known(recorded(proven(entry(KEY_1)), None, &[])));
    assert_eq!(due(&world, 31), Some(Due::No));
    world.observed.record = Some(Fact::Known(recorded(proven(entry(KEY_2)), None, &[])));
    assert!(why_unknown(&world).contains("which key is in use is not known"));
}

#[test]
fn without_a_key_of_a_vault_there_is_nothing_to_tell() {
    let mut world = World::status();
    world.cluster().kms = None;
    assert_eq!(due(&world, 1), None);
}

/// AKS takes up newer versions by itself, hours later.
#[test]
fn of_a_customer_managed_key_the_version_in_use_counts() {
    let mut world = World::status();
    world.cluster().kms = Some(kms_on(KEY, NetworkMode::Public));
    world.observed.own_versions =
        Some(Fact::Known(vec![key_version(KEY_2, 1), key_version(KEY_1, 400)]));
    assert!(why_unknown(&world).contains("which version"), "none is recorded or heard");
    for (version, days) in [(KEY_1, 400), (KEY_2, 1)] {
        let found = recorded(proven(version_entry(version)), None, &[]);
        world.observed.record = Some(Fact::Known(found));
        assert!(matches!(due(&world, days), Some(Due::Yes(_))), "{version}");
        assert_eq!(due(&world, days + 1), Some(Due::No), "{version}");
    }
    // API servers were heard to write with a newer one than is recorded.
    let found = recorded(proven(version_entry(KEY_1)), None, &[]);
    world.observed.record = Some(Fact::Known(found));
    let seen = crate::ids::KeyId::parse(KEY_2).unwrap().metrics_hash();
    world.kubernetes().written_hashes = Fact::Known(vec![seen]);
    assert_eq!(due(&world, 365), Some(Due::No));
    world.observed.own_versions = Some(unknown());
    assert!(why_unknown(&world).contains("reading it was forbidden"));
}
