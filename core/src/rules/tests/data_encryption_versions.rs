//! The versions of a customer-managed key.

use time::Duration;

use super::*;
use crate::{
    catalogue::RuleId::*,
    facts::Fact,
    ids::{NetworkMode, Verb},
    rules::testing::{KEY_0, KEY_1, KEY_2, NOW, key_version, operation, unknown, version_entry},
};

const CAPITALS: &str = "https://Shop-Keys.vault.azure.net/keys/ETCD";

/// `set_data_encryption` with a platform-managed key on a cluster with a customer-managed one.
fn switched_away() -> World {
    let mut world = World::customer_managed();
    world.ask_platform();
    world
}

/// Nothing is proven since the newest version came.
fn unproven(world: &mut World) {
    world.ledger().current = Some(version_entry(KEY_2));
}

#[test]
fn its_newest_version() {
    check(&[
        ("it is usable", World::to_customer_managed, |_| {}, NewestVersionUnusable, Answer::Holds),
        (
            "it is disabled",
            World::to_customer_managed,
            |world| world.key().enabled = false,
            NewestVersionUnusable,
            REFUSED,
        ),
        (
            "it has expired",
            World::customer_managed,
            |world| world.key().expires = Some(NOW),
            NewestVersionUnusable,
            REFUSED,
        ),
        (
            "it is not valid yet",
            World::new_version,
            |world| world.key().not_before = Some(NOW + Duration::days(1)),
            NewestVersionUnusable,
            REFUSED,
        ),
        (
            "it cannot be read",
            World::to_customer_managed,
            |world| world.observed.key = Some(unknown()),
            NewestVersionUnusable,
            UNDETERMINED,
        ),
        (
            "the rule of a versioned key says nothing besides",
            World::customer_managed,
            |world| world.key().enabled = false,
            KeyDisabled,
            Answer::Holds,
        ),
        (
            "the id is the kid without its version",
            World::customer_managed,
            |_| {},
            KeyIdNotCanonical,
            Answer::Holds,
        ),
        (
            "the id is spelt otherwise",
            World::to_customer_managed,
            |world| world.ask_customer_managed(CAPITALS, NetworkMode::Public),
            KeyIdNotCanonical,
            REFUSED,
        ),
    ]);
}

#[test]
fn its_older_versions() {
    check(&[
        ("they are usable", World::customer_managed, unproven, OlderVersionUnusable, Answer::Holds),
        (
            "one is disabled, and everything is proven to be under the newest",
            World::customer_managed,
            |world| world.own_versions()[1].enabled = false,
            OlderVersionUnusable,
            Answer::Holds,
        ),
        (
            "one is disabled, and nothing is proven",
            World::customer_managed,
            |world| {
                unproven(world);
                world.own_versions()[1].enabled = false;
            },
            OlderVersionUnusable,
            WARNED,
        ),
        (
            "one has expired, and a new one is to be made",
            World::new_version,
            |world| {
                unproven(world);
                world.own_versions()[1].expires = Some(NOW);
            },
            OlderVersionUnusable,
            REFUSED,
        ),
        (
            "one is disabled, and the key is to be another",
            switched_away,
            |world| {
                unproven(world);
                world.own_versions()[1].enabled = false;
            },
            OlderVersionUnusable,
            REFUSED,
        ),
        (
            "the one in use is no longer the newest, and it is disabled",
            World::customer_managed,
            |world| {
                world.key().kid = KEY_0.to_owned();
                world.own_versions().insert(0, key_version(KEY_0, 1));
                world.own_versions()[1].enabled = false;
            },
            OlderVersionUnusable,
            WARNED,
        ),
        (
            "they cannot be listed",
            World::new_version,
            |world| world.observed.own_versions = Some(unknown()),
            OlderVersionUnusable,
            UNDETERMINED,
        ),
    ]);
}

#[test]
fn a_second_new_version() {
    check(&[
        (
            "the newest is in use everywhere",
            World::new_version,
            |_| {},
            NewestVersionUnproven,
            Answer::Holds,
        ),
        (
            "AKS has not taken up the one before",
            World::new_version,
            |world| {
                world.key().kid = KEY_0.to_owned();
                world.own_versions().insert(0, key_version(KEY_0, 1));
                world.ledger().pending = Some(version_entry(KEY_0));
            },
            NewestVersionUnproven,
            REFUSED_UNLESS_ALLOWED,
        ),
        (
            "somebody else made one",
            World::new_version,
            |world| {
                world.key().kid = KEY_0.to_owned();
                world.own_versions().insert(0, key_version(KEY_0, 1));
            },
            NewestVersionUnproven,
            Answer::Undetermined(Level::Block),
        ),
        (
            "nothing is recorded, and there is only one version",
            World::new_version,
            |world| {
                world.observed.record = None;
                world.own_versions().truncate(1);
            },
            NewestVersionUnproven,
            Answer::Holds,
        ),
        (
            "nothing is recorded, and there are more",
            World::new_version,
            |world| world.observed.record = None,
            NewestVersionUnproven,
            UNDETERMINED_REFUSED,
        ),
        (
            "the newest cannot be read",
            World::new_version,
            |world| world.observed.key = Some(unknown()),
            NewestVersionUnproven,
            UNDETERMINED_REFUSED,
        ),
        (
            "the version of this very operation is made",
            World::new_version,
            |world| {
                world.key().kid = KEY_0.to_owned();
                world.own_versions().insert(0, key_version(KEY_0, 1));
                world.ledger().pending = Some(version_entry(KEY_0));
                world.gate = false;
            },
            NewestVersionUnproven,
            Answer::Holds,
        ),
        (
            "a versioned key has no such rule",
            World::rotate_to_new_version,
            |_| {},
            NewestVersionUnproven,
            Answer::Holds,
        ),
    ]);
}

#[test]
fn its_expiry() {
    check(&[
        (
            "no version expires soon",
            World::customer_managed,
            |_| {},
            KeyRotationExpiry,
            Answer::Holds,
        ),
        (
            "the newest expires soon",
            World::customer_managed,
            |world| world.key().expires = Some(NOW + Duration::days(20)),
            KeyRotationExpiry,
            WARNED,
        ),
        (
            "the policy ends new versions",
            World::to_customer_managed,
            |world| world.key().rotation_expiry = Fact::Known(Some("P90D".to_owned())),
            KeyRotationExpiry,
            WARNED,
        ),
        (
            "the policy cannot be read",
            World::new_version,
            |world| world.key().rotation_expiry = unknown(),
            KeyRotationExpiry,
            UNDETERMINED,
        ),
        (
            "the key cannot be read",
            World::to_customer_managed,
            |world| world.observed.key = Some(unknown()),
            KeyRotationExpiry,
            UNDETERMINED,
        ),
        (
            "the rule of a versioned key says nothing besides",
            World::customer_managed,
            |world| world.key().expires = Some(NOW + Duration::days(20)),
            KeyExpiresSoon,
            Answer::Holds,
        ),
        (
            "a versioned key has its own rule",
            World::status,
            |world| world.key().rotation_expiry = Fact::Known(Some("P90D".to_owned())),
            KeyRotationExpiry,
            Answer::Holds,
        ),
    ]);
}

#[test]
fn commands_name_the_version() {
    let mut world = World::customer_managed();
    world.key().enabled = false;
    let findings = world.judge();
    let finding = findings.iter().find(|it| it.rule == NewestVersionUnusable).unwrap();
    let version = KEY_2.rsplit('/').next().unwrap();
    assert!(finding.remedy.contains(&format!("--version {version} ")), "{}", finding.remedy);
    let mut world = World::customer_managed();
    unproven(&mut world);
    world.own_versions()[1].enabled = false;
    let findings = world.judge();
    let finding = findings.iter().find(|it| it.rule == OlderVersionUnusable).unwrap();
    let version = KEY_1.rsplit('/').next().unwrap();
    assert!(finding.remedy.contains(&format!("--version {version} ")), "{}", finding.remedy);
    assert_eq!(finding.resource, KEY_1);
}

#[test]
fn a_recorded_rotation_is_gone_on_with() {
    let mut world = World::new_version();
    let intent = crate::options::Intent::Rotate(crate::options::Rotate {
        key_id: None,
        network_mode: None,
        key_vault_id: None,
        reencrypt: true,
        made: false,
    });
    let before = world.observed.cluster.configured().unwrap();
    let Some(Fact::Known(found)) = &mut world.observed.record else { panic!() };
    found.record.operation = Some(operation(intent, before));
    assert_eq!(world.verb, Verb::Rotate);
    assert!(world.judge().is_empty(), "{:#?}", world.judge());
}

#[test]
fn what_is_advised_is_a_call_that_data_encryption_has() {
    for (world, to) in
        [(World::platform as fn() -> World, "platform"), (World::customer_managed, "key")]
    {
        let mut world = world();
        world.cluster().provisioning_state = "Failed".to_owned();
        let findings = world.judge();
        let finding = findings.iter().find(|it| it.rule == ClusterFailed).unwrap();
        let says = |word: &str| finding.remedy.contains(word);
        assert!(says("`set_data_encryption`") && says("data-encryption-retry"), "{to}: {finding}");
        assert!(!says("`enable`") && !says("`disable`") && !says("`rotate`"), "{to}: {finding}");
        assert!(says("az monitor activity-log list"), "{to}: {finding}");
    }
    let mut world = World::new_version();
    world.observed.versions = Some(unknown());
    let findings = world.judge();
    let finding = findings.iter().find(|it| it.rule == VaultDataPlaneUnreachable).unwrap();
    let says = |word: &str| finding.remedy.contains(word);
    assert!(says("six hours") && says("`reencrypt_secrets`") && !says("key_id"), "{finding}");
    // `key create` would make an RSA key of 2048 bits, whatever the key is.
    assert!(says("`az keyvault key rotate --vault-name shop-keys --name etcd`"), "{finding}");
}
