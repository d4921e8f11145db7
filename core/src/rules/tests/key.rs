use time::Duration;

use super::*;
use crate::{
    catalogue::RuleId::*,
    facts::{Fact, Lookup},
    ids::NetworkMode,
    rules::testing::{KEY_1, NOW, key, kms_on, unknown},
};

#[test]
fn the_key_version() {
    check(&[
        ("the key is there", World::enable, |_| {}, KeyNotFound, Answer::Holds),
        (
            "there is no such key",
            World::enable,
            |world| world.observed.key = Some(Fact::Known(Lookup::NotFound)),
            KeyNotFound,
            REFUSED,
        ),
        (
            "the key was deleted",
            World::enable,
            |world| world.observed.key = Some(Fact::Known(Lookup::SoftDeleted)),
            KeySoftDeleted,
            REFUSED,
        ),
        ("the key was not deleted", World::enable, |_| {}, KeySoftDeleted, Answer::Holds),
        (
            "the key is disabled",
            World::enable,
            |world| world.key().enabled = false,
            KeyDisabled,
            REFUSED,
        ),
        (
            "status reports a disabled key",
            World::status,
            |world| world.key().enabled = false,
            KeyDisabled,
            REFUSED,
        ),
        ("the key is enabled", World::enable, |_| {}, KeyDisabled, Answer::Holds),
    ]);
}

#[test]
fn the_time_that_a_key_is_valid() {
    check(&[
        (
            "the key expired just now",
            World::enable,
            |world| world.key().expires = Some(NOW),
            KeyExpired,
            REFUSED,
        ),
        (
            "the key expires in a moment",
            World::enable,
            |world| world.key().expires = Some(NOW + Duration::SECOND),
            KeyExpired,
            Answer::Holds,
        ),
        (
            "the key never expires",
            World::enable,
            |world| world.key().expires = None,
            KeyExpired,
            Answer::Holds,
        ),
        (
            "the key expires within 30 days",
            World::status,
            |world| world.key().expires = Some(NOW + Duration::days(30)),
            KeyExpiresSoon,
            WARNED,
        ),
        (
            "the key expires later than that",
            World::status,
            |world| world.key().expires = Some(NOW + Duration::days(31)),
            KeyExpiresSoon,
            Answer::Holds,
        ),
        (
            "a key that expired does not expire soon",
            World::status,
            |world| world.key().expires = Some(NOW - Duration::DAY),
            KeyExpiresSoon,
            Answer::Holds,
        ),
        (
            "the key is not valid yet",
            World::enable,
            |world| world.key().not_before = Some(NOW + Duration::SECOND),
            KeyNotYetValid,
            REFUSED,
        ),
        (
            "the key is valid from now on",
            World::enable,
            |world| world.key().not_before = Some(NOW),
            KeyNotYetValid,
            Answer::Holds,
        ),
    ]);
}

#[test]
fn what_a_key_can_do() {
    check(&[
        (
            "an elliptic curve key",
            World::enable,
            |world| world.key().kind = "EC".to_owned(),
            KeyTypeUnsupported,
            REFUSED,
        ),
        (
            "a key in an HSM",
            World::enable,
            |world| world.key().kind = "RSA-HSM".to_owned(),
            KeyTypeUnsupported,
            Answer::Holds,
        ),
        (
            "the key may only encrypt",
            World::enable,
            |world| world.key().operations = vec!["encrypt".to_owned()],
            KeyOpsMissing,
            REFUSED,
        ),
        (
            "the key may do what is needed and no more",
            World::enable,
            |world| world.key().operations = vec!["decrypt".to_owned(), "encrypt".to_owned()],
            KeyOpsMissing,
            Answer::Holds,
        ),
    ]);
}

#[test]
fn a_key_that_cannot_be_read_leaves_each_of_its_rules_undetermined() {
    let rules = [
        KeyIdNotCanonical,
        KeyNotFound,
        KeySoftDeleted,
        KeyDisabled,
        KeyExpired,
        KeyNotYetValid,
        KeyExpiresSoon,
        KeyTypeUnsupported,
        KeyOpsMissing,
    ];
    for rule in rules {
        check(&[(
            "the key cannot be read",
            World::enable,
            |world| world.observed.key = Some(unknown()),
            rule,
            UNDETERMINED,
        )]);
    }
    let mut world = World::enable();
    world.observed.key = Some(unknown());
    assert_eq!(world.rules(), rules);
}

#[test]
fn the_id_is_the_vaults_own() {
    check(&[
        ("the id is the kid", World::enable, |_| {}, KeyIdNotCanonical, Answer::Holds),
        (
            "the vault spells it with a capital",
            World::enable,
            |world| world.key().kid = KEY_1.replace("keys/etcd", "keys/Etcd"),
            KeyIdNotCanonical,
            REFUSED,
        ),
        (
            "what is in use already is judged as it is configured",
            World::enable,
            |world| {
                let configured = KEY_1.replace("shop-keys", "Shop-Keys");
                world.cluster().kms = Some(kms_on(&configured, NetworkMode::Public));
            },
            KeyIdNotCanonical,
            WARNED,
        ),
    ]);
}

#[test]
fn the_remedy_for_another_spelling_is_the_vaults_own() {
    let mut world = World::enable();
    let kid = KEY_1.replace("etcd", "ETCD");
    world.observed.key = Some(Fact::Known(Lookup::Found(key(&kid))));
    let findings = world.judge();
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].remedy, format!("Pass it exactly so: {kid}."));
}

#[test]
fn of_a_key_that_is_missing_nothing_else_is_said() {
    for (lookup, rule) in [(Lookup::NotFound, KeyNotFound), (Lookup::SoftDeleted, KeySoftDeleted)] {
        let mut world = World::enable();
        world.observed.key = Some(Fact::Known(lookup));
        assert_eq!(world.rules(), [rule]);
    }
}
