//! KMS data encryption: what becomes of secrets and of the keys from before, and what other tools changed.

use super::*;
use crate::{
    catalogue::RuleId::*,
    facts::{DeniedPatch, Fact},
    ids::{ExpectedKey, KeyId, NetworkMode, Verb},
    ledger::Fit,
    options::ReencryptOptions,
    report::KmsChange,
    rules::testing::{
        KEY, KEY_1, KEY_3, entry, kms_on, plaintext_entry, platform_entry, previous_key, proven,
        recorded, unknown, version_entry,
    },
};

/// `set_data_encryption` of a customer-managed key on a cluster that has one.
fn switched() -> World {
    let mut world = World::customer_managed();
    world.ask_platform();
    world.ask_customer_managed(KEY, NetworkMode::Public);
    world
}

/// Somebody else changed the key from what is recorded.
fn changed_from(world: &mut World, key: &str) {
    let Some(Fact::Known(found)) = &mut world.observed.record else { panic!("no record") };
    found.fit = Fit::Superseded;
    let version = KeyId::parse(key);
    found.changed_from =
        Some(version.map_or(ExpectedKey::Platform, |version| match version.version() {
            Some(_) => ExpectedKey::Key(version),
            None => ExpectedKey::AnyVersion(version),
        }));
}

#[test]
fn secrets_that_aks_cannot_rewrite() {
    let denied = |world: &mut World| {
        world.kubernetes().denied_patches = Fact::Known(vec![DeniedPatch {
            secret: "shop/token".to_owned(),
            message: "no".to_owned(),
        }]);
    };
    for (name, world, expected) in [
        ("turning it on", World::to_platform as fn() -> World, REFUSED_UNLESS_ALLOWED),
        (
            "a switch",
            || {
                let mut world = World::customer_managed();
                world.ask_platform();
                world
            },
            REFUSED_UNLESS_ALLOWED,
        ),
        ("nothing to be set", switched, WARNED),
        ("a new version", World::new_version, WARNED),
        ("a versioned key", World::rotate, WARNED),
    ] {
        let mut world = world();
        denied(&mut world);
        let findings = world.judge();
        let finding = findings.iter().find(|it| it.rule == SecretUpdatesDenied).unwrap();
        assert_eq!(Answer::Violated(finding.level, finding.overridable), expected, "{name}");
    }
    check(&[(
        "whether updates are denied is not known",
        World::to_platform,
        |world| world.kubernetes().denied_patches = unknown(),
        SecretUpdatesDenied,
        UNDETERMINED,
    )]);
}

#[test]
fn what_other_tools_changed() {
    check(&[
        (
            "nobody else changed it",
            World::platform,
            |_| {},
            DataEncryptionChangedByOthers,
            Answer::Holds,
        ),
        (
            "KMS was turned off without us",
            World::disable,
            |world| {
                world.verb = Verb::Status;
                world.observed.record =
                    Some(Fact::Known(recorded(plaintext_entry(), Some(entry(KEY_1)), &[])));
                changed_from(world, KEY_1);
                world.cluster().kms = None;
            },
            DataEncryptionChangedByOthers,
            Answer::Holds,
        ),
        (
            "a platform-managed key is gone from the document",
            World::platform,
            |world| {
                world.cluster().infrastructure_encryption = false;
                changed_from(world, "platform");
            },
            DataEncryptionChangedByOthers,
            WARNED,
        ),
        (
            "a customer-managed key became a platform-managed one",
            World::platform,
            |world| changed_from(world, KEY),
            DataEncryptionChangedByOthers,
            WARNED,
        ),
        (
            "a versioned key became a customer-managed one",
            World::customer_managed,
            |world| changed_from(world, KEY_1),
            DataEncryptionChangedByOthers,
            WARNED,
        ),
        (
            "the profile was left out where a key without a version is left",
            World::customer_managed,
            |world| {
                world.cluster().infrastructure_encryption = false;
                let mut found = recorded(proven(version_entry(KEY_1)), None, &[]);
                found.fit = Fit::Changed;
                world.observed.record = Some(Fact::Known(found));
            },
            DataEncryptionChangedByOthers,
            WARNED,
        ),
        (
            "a verb that changes it tells too",
            World::to_platform,
            |world| {
                let found = recorded(plaintext_entry(), None, &[]);
                world.observed.record = Some(Fact::Known(found));
                changed_from(world, "platform");
            },
            DataEncryptionChangedByOthers,
            WARNED,
        ),
    ]);
    let mut world = World::platform();
    world.cluster().infrastructure_encryption = false;
    changed_from(&mut world, "platform");
    let findings = world.judge();
    let told = findings.iter().find(|it| it.rule == DataEncryptionChangedByOthers).unwrap();
    for part in ["a platform-managed key", "no encryption with KMS", "leaves the profile out"] {
        assert!(told.message.contains(part), "{part}: {}", told.message);
    }
}

#[test]
fn what_is_said_of_proofs() {
    let message = |world: &World| {
        let findings = world.judge();
        let finding = findings.into_iter().find(|finding| finding.rule == SecretsUnproven);
        finding.map(|finding| finding.message)
    };
    let mut world = World::platform();
    assert_eq!(message(&world), None);
    world.ledger().current = Some(platform_entry());
    let told = message(&world).unwrap();
    assert!(told.contains("under a platform-managed key"), "{told}");
    // Of a cluster that was made so, nothing needs to be proven.
    world.ledger().current.as_mut().unwrap().since = None;
    assert_eq!(message(&world), None);
    let mut world = World::customer_managed();
    world.ledger().current = Some(version_entry(KEY_1));
    let told = message(&world).unwrap();
    assert!(told.contains(&format!("under a version of {KEY}")), "{told}");
}

#[test]
fn what_was_before_and_is_proven_to_be_over_needs_not_work() {
    let gone = |mut world: World| {
        world.observed.previous = Some(previous_key(KEY_3));
        world.previous_version().enabled = false;
        world
    };
    let rules = gone(World::platform()).rules();
    assert!(!rules.contains(&PreviousKeyUnusable), "{rules:?}");
    let mut world = World::platform();
    world.ledger().current = Some(platform_entry());
    let rules = gone(world).rules();
    assert!(rules.contains(&PreviousKeyUnusable), "{rules:?}");
}

#[test]
fn a_move_from_a_versioned_key_needs_that_key() {
    let mut world = World::to_customer_managed();
    world.cluster().kms = Some(kms_on(KEY_1, NetworkMode::Public));
    world.observed.in_use = Some(previous_key(KEY_1));
    let rules = world.rules();
    assert!(!rules.contains(&PreviousKeyUnusable), "{rules:?}");
    let Some(in_use) = &mut world.observed.in_use else { panic!() };
    in_use.vault = Fact::Known(crate::facts::Lookup::NotFound);
    let findings = world.judge();
    let finding = findings.iter().find(|it| it.rule == PreviousKeyUnusable).unwrap();
    assert_eq!((finding.level, finding.overridable), (Level::Block, true), "{finding:?}");
}

#[test]
fn the_question_of_a_new_version_comes_from_the_plan() {
    let world = World::new_version();
    let reencrypt = ReencryptOptions::default();
    let asked = crate::options::Rotate {
        key_id: None,
        network_mode: None,
        key_vault_id: None,
        reencrypt: true,
        made: false,
    };
    let intent = crate::options::Intent::Rotate(asked);
    let plan = crate::verbs::plan(&world.observed, &intent, &reencrypt, &[]).unwrap();
    let refused: Vec<_> = plan.findings.iter().filter(|it| it.refuses(&[])).collect();
    assert!(refused.is_empty(), "{refused:#?}");
    assert!(matches!(world.observed.cluster.configured(), Ok(KmsChange::CustomerManaged(_))));
}
