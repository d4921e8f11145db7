//! Keys that a change concerns besides the one that it sets.

use time::Duration;

use super::*;
use crate::{
    catalogue::RuleId::*,
    facts::{Fact, Lookup},
    ids::NetworkMode,
    rules::testing::{KEY_0, KEY_1, KEY_3, NOW, key, previous_key, unknown, vault},
};

fn status() -> World {
    let mut world = World::rotate();
    let status = World::status();
    (world.verb, world.target, world.gate, world.rewrites) =
        (status.verb, status.target, status.gate, status.rewrites);
    world.observed.key = status.observed.key;
    world
}

fn close_previous_vault(world: &mut World, network_mode: Option<NetworkMode>) {
    let mut closed = vault();
    closed.public_network_access = false;
    world.previous().vault = Fact::Known(Lookup::Found(closed));
    world.ledger().previous.as_mut().unwrap().network_mode = network_mode;
}

fn previous_expires_in(world: &mut World, left: Duration) {
    world.previous_version().expires = Some(NOW + left);
}

#[test]
fn the_key_before_the_current_one() {
    check(&[
        ("it is in good order", World::rotate, |_| {}, PreviousKeyUnusable, Answer::Holds),
        (
            "which one it is is not known",
            World::rotate,
            |world| world.observed.previous = None,
            PreviousKeyUnusable,
            Answer::Holds,
        ),
        (
            "it is disabled",
            World::rotate,
            |world| world.previous_version().enabled = false,
            PreviousKeyUnusable,
            REFUSED_UNLESS_ALLOWED,
        ),
        (
            "it is disabled, and a new version of the key in use is to be made",
            World::rotate_to_new_version,
            |world| world.previous_version().enabled = false,
            PreviousKeyUnusable,
            REFUSED_UNLESS_ALLOWED,
        ),
        (
            "it is disabled, and nothing is to be set",
            status,
            |world| world.previous_version().enabled = false,
            PreviousKeyUnusable,
            WARNED,
        ),
        (
            "it has expired",
            World::rotate,
            |world| previous_expires_in(world, -Duration::HOUR),
            PreviousKeyUnusable,
            REFUSED_UNLESS_ALLOWED,
        ),
        (
            "it expires before a rotation may be over",
            World::rotate,
            |world| previous_expires_in(world, Duration::HOUR),
            PreviousKeyUnusable,
            REFUSED_UNLESS_ALLOWED,
        ),
        (
            "it expires in ten days, and a rotation is what helps",
            World::rotate,
            |world| previous_expires_in(world, Duration::days(10)),
            PreviousKeyUnusable,
            WARNED,
        ),
        (
            "it expires in a year",
            World::rotate,
            |world| previous_expires_in(world, Duration::days(365)),
            PreviousKeyUnusable,
            Answer::Holds,
        ),
        (
            "it was deleted",
            World::rotate,
            |world| world.previous().key = Fact::Known(Lookup::SoftDeleted),
            PreviousKeyUnusable,
            REFUSED_UNLESS_ALLOWED,
        ),
        (
            "it was purged",
            status,
            |world| world.previous().key = Fact::Known(Lookup::NotFound),
            PreviousKeyUnusable,
            WARNED,
        ),
    ]);
}

#[test]
fn the_vault_of_the_key_before_the_current_one_and_the_access_to_it() {
    check(&[
        (
            "its vault was deleted",
            World::rotate,
            |world| world.previous().vault = Fact::Known(Lookup::SoftDeleted),
            PreviousKeyUnusable,
            REFUSED_UNLESS_ALLOWED,
        ),
        (
            "its vault is closed and it is used in public mode",
            World::rotate,
            |world| close_previous_vault(world, Some(NetworkMode::Public)),
            PreviousKeyUnusable,
            REFUSED_UNLESS_ALLOWED,
        ),
        (
            "its vault is closed and it is used in private mode",
            World::rotate,
            |world| close_previous_vault(world, Some(NetworkMode::Private)),
            PreviousKeyUnusable,
            Answer::Holds,
        ),
        (
            "its vault is closed, and how it is used is not known",
            World::rotate,
            |world| close_previous_vault(world, None),
            PreviousKeyUnusable,
            UNDETERMINED,
        ),
        (
            "the identity has no role on its vault any more",
            World::rotate,
            |world| world.previous().access.roles = Fact::Known(Vec::new()),
            PreviousKeyUnusable,
            REFUSED_UNLESS_ALLOWED,
        ),
        (
            "it cannot be read",
            World::rotate,
            |world| world.previous().key = unknown(),
            PreviousKeyUnusable,
            UNDETERMINED,
        ),
        (
            "KMS was turned off, and the last key is disabled",
            status,
            |world| {
                world.cluster().kms = None;
                world.previous_version().enabled = false;
            },
            PreviousKeyUnusable,
            WARNED,
        ),
    ]);
}

#[test]
fn everything_that_is_wrong_with_the_previous_key_is_one_finding() {
    let mut world = World::rotate();
    world.previous_version().enabled = false;
    close_previous_vault(&mut world, Some(NetworkMode::Public));
    let findings = world.judge();
    let found: Vec<_> =
        findings.iter().filter(|finding| finding.rule == PreviousKeyUnusable).collect();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].resource, KEY_0);
    insta::assert_snapshot!(found[0].message, @"of the key before the current one: its vault shop-keys is closed, and it is used in public mode; the key version is disabled");
}

/// A rotation, with the key in use looked at.
fn rotate_away() -> World {
    let mut world = World::rotate();
    world.observed.in_use = Some(previous_key(KEY_1));
    world
}

fn in_use(world: &mut World, change: impl FnOnce(&mut crate::facts::KeyFacts)) {
    let mut facts = key(KEY_1);
    change(&mut facts);
    world.observed.in_use.as_mut().unwrap().key = Fact::Known(Lookup::Found(facts));
}

#[test]
fn the_key_in_use_becomes_the_one_before() {
    check(&[
        ("it is in good order", rotate_away, |_| {}, PreviousKeyUnusable, Answer::Holds),
        (
            "it is disabled",
            rotate_away,
            |world| in_use(world, |key| key.enabled = false),
            PreviousKeyUnusable,
            REFUSED_UNLESS_ALLOWED,
        ),
        (
            "it has expired",
            rotate_away,
            |world| in_use(world, |key| key.expires = Some(NOW - Duration::HOUR)),
            PreviousKeyUnusable,
            REFUSED_UNLESS_ALLOWED,
        ),
        (
            "it expires in ten hours, and waiting does not help",
            rotate_away,
            |world| in_use(world, |key| key.expires = Some(NOW + Duration::hours(10))),
            PreviousKeyUnusable,
            WARNED,
        ),
        (
            "it was purged",
            rotate_away,
            |world| world.observed.in_use.as_mut().unwrap().key = Fact::Known(Lookup::NotFound),
            PreviousKeyUnusable,
            REFUSED_UNLESS_ALLOWED,
        ),
        (
            "its vault was deleted",
            rotate_away,
            |world| {
                world.observed.in_use.as_mut().unwrap().vault = Fact::Known(Lookup::SoftDeleted);
            },
            PreviousKeyUnusable,
            REFUSED_UNLESS_ALLOWED,
        ),
        (
            "its vault is closed, and it is used in public mode",
            rotate_away,
            |world| {
                let mut closed = vault();
                closed.firewall = true;
                world.observed.in_use.as_mut().unwrap().vault = Fact::Known(Lookup::Found(closed));
            },
            PreviousKeyUnusable,
            REFUSED_UNLESS_ALLOWED,
        ),
        (
            "it cannot be read",
            rotate_away,
            |world| world.observed.in_use.as_mut().unwrap().key = unknown(),
            PreviousKeyUnusable,
            UNDETERMINED,
        ),
        (
            "it is disabled, and the change to it failed",
            rotate_away,
            |world| {
                in_use(world, |key| key.enabled = false);
                world.cluster().provisioning_state = "Failed".to_owned();
            },
            PreviousKeyUnusable,
            WARNED,
        ),
        (
            "the rollback from it needs no gate",
            rotate_away,
            |world| {
                in_use(world, |key| key.enabled = false);
                world.gate = false;
            },
            PreviousKeyUnusable,
            WARNED,
        ),
    ]);
}

#[test]
fn a_key_that_may_be_read_with_never_refuses() {
    for (what, change) in
        [("disabled", Fact::Known(Lookup::SoftDeleted)), ("gone", Fact::Known(Lookup::NotFound))]
    {
        let mut world = World::rotate();
        let mut perhaps = previous_key(KEY_3);
        perhaps.key = change;
        world.observed.perhaps = vec![perhaps];
        let findings = world.judge();
        assert_eq!(findings.len(), 1, "{what}: {findings:#?}");
        assert_eq!((findings[0].rule, findings[0].level), (PreviousKeyUnusable, Level::Warn));
        assert_eq!(findings[0].resource, KEY_3);
        assert!(
            findings[0].message.starts_with("of a key that the API servers may still read with")
        );
    }
}

#[test]
fn every_verb_that_changes_the_key_looks_at_the_one_before() {
    use crate::ids::Verb;
    for verb in
        [Verb::Enable, Verb::Rotate, Verb::Disable, Verb::ChangeNetworkMode, Verb::MigrateToV2]
    {
        let mut world = World::rotate();
        world.verb = verb;
        world.previous_version().enabled = false;
        let findings = world.judge();
        let found = findings.iter().find(|it| it.rule == PreviousKeyUnusable).unwrap();
        assert_eq!((found.level, found.overridable), (Level::Block, true), "{verb}");
    }
}

#[test]
fn what_is_gone_for_good_has_a_way_out_by_name() {
    let mut world = rotate_away();
    world.previous().key = Fact::Known(Lookup::NotFound);
    world.observed.in_use.as_mut().unwrap().vault = Fact::Known(Lookup::NotFound);
    let findings = world.judge();
    let found: Vec<_> = findings.iter().filter(|it| it.rule == PreviousKeyUnusable).collect();
    assert_eq!(found.len(), 2, "{findings:#?}");
    for finding in found {
        assert!(finding.remedy.contains("name previous-key-unusable in allow"), "{finding}");
        assert!(finding.remedy.contains("--vault-name shop-keys"), "{finding}");
    }
}
