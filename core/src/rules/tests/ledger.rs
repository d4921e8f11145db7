use super::*;
use crate::{
    catalogue::RuleId::*,
    facts::{Fact, Lookup},
    ids::NetworkMode,
    ledger::{Entry, Unsealed},
    rules::testing::{KEY_0, KEY_1, KEY_2, entry, key, kms_on, previous_key, target_of, unknown},
};

fn status() -> World {
    let mut world = World::rotate();
    let status = World::status();
    (world.verb, world.target, world.gate, world.rewrites) =
        (status.verb, status.target, status.gate, status.rewrites);
    world.observed.key = status.observed.key;
    world
}

#[test]
fn a_record_without_a_valid_seal() {
    fn unseal(world: &mut World) {
        let Some(Fact::Known(found)) = &mut world.observed.record else { panic!("no record") };
        found.unsealed = Some(Unsealed::default());
    }
    check(&[
        ("it has one", World::rotate, |_| {}, RecordUnsealed, Answer::Holds),
        (
            "there is no record",
            World::rotate,
            |it| it.observed.record = None,
            RecordUnsealed,
            Answer::Holds,
        ),
        ("it has none", World::rotate, unseal, RecordUnsealed, WARNED),
        ("it has none, and is looked at", status, unseal, RecordUnsealed, WARNED),
    ]);
}

#[test]
fn a_key_that_was_used_before() {
    check(&[
        ("it is new", World::rotate, |_| {}, KeyReused, Answer::Holds),
        ("a new version is", World::rotate_to_new_version, |_| {}, KeyReused, Answer::Holds),
        (
            "it is the one before the current one",
            World::rotate,
            |world| {
                world.ledger().previous = Some(entry(KEY_2));
                world.observed.previous = Some(previous_key(KEY_2));
            },
            KeyReused,
            WARNED,
        ),
        (
            "it was retired",
            World::rotate,
            |world| world.ledger().retired = vec![entry(KEY_2)],
            KeyReused,
            WARNED,
        ),
        (
            "it was retired, in capitals",
            World::rotate,
            |world| {
                world.ledger().retired = vec![entry(
                    &KEY_2.to_uppercase().replace("HTTPS", "https").replace("/KEYS/", "/keys/"),
                )];
            },
            KeyReused,
            WARNED,
        ),
        (
            "an operation that was to set it was abandoned",
            World::rotate,
            |world| {
                let abandoned = Entry { since: None, abandoned: true, ..entry(KEY_2) };
                world.ledger().retired = vec![abandoned];
            },
            KeyReused,
            Answer::Holds,
        ),
        (
            "it was used before, but the cluster is on with it already",
            World::rotate,
            |world| {
                world.cluster().kms = Some(kms_on(KEY_2, NetworkMode::Public));
                world.ledger().retired = vec![entry(KEY_2)];
            },
            KeyReused,
            Answer::Holds,
        ),
        (
            "KMS is turned on again with the previous key",
            World::enable,
            |world| {
                world.observed.record = World::rotate().observed.record;
                world.target = Some(target_of(KEY_0, NetworkMode::Public));
                world.observed.key = Some(Fact::Known(Lookup::Found(key(KEY_0))));
            },
            KeyReused,
            WARNED,
        ),
        (
            "there is no record",
            World::rotate,
            |world| world.observed.record = None,
            KeyReused,
            Answer::Holds,
        ),
    ]);
}

#[test]
fn a_rotation_needs_a_key_to_change() {
    check(&[
        ("KMS is on", World::rotate, |_| {}, KmsNotEnabled, Answer::Holds),
        ("KMS is off", World::rotate, |world| world.cluster().kms = None, KmsNotEnabled, REFUSED),
        (
            "KMS was turned off",
            World::rotate,
            |world| world.cluster().kms.as_mut().unwrap().enabled = false,
            KmsNotEnabled,
            REFUSED,
        ),
        (
            "to disable it is no matter",
            World::disable,
            |world| world.cluster().kms = None,
            KmsNotEnabled,
            Answer::Holds,
        ),
    ]);
}

#[test]
fn a_version_is_made_where_the_vault_can_be_reached() {
    check(&[
        (
            "it responds",
            World::rotate_to_new_version,
            |_| {},
            VaultDataPlaneUnreachable,
            Answer::Holds,
        ),
        (
            "it does not",
            World::rotate_to_new_version,
            |world| world.observed.versions = Some(unknown()),
            VaultDataPlaneUnreachable,
            REFUSED,
        ),
        (
            "no version is to be made",
            World::rotate,
            |_| {},
            VaultDataPlaneUnreachable,
            Answer::Holds,
        ),
        (
            "there is no vault at all",
            World::rotate_to_new_version,
            |world| {
                world.observed.vault = Some(Fact::Known(Lookup::NotFound));
                world.observed.versions = Some(unknown());
            },
            VaultDataPlaneUnreachable,
            Answer::Holds,
        ),
        (
            "there is no key at all",
            World::rotate_to_new_version,
            |world| {
                world.observed.key = Some(Fact::Known(Lookup::NotFound));
                world.observed.versions = Some(unknown());
            },
            VaultDataPlaneUnreachable,
            Answer::Holds,
        ),
    ]);
}

#[test]
fn a_version_that_is_yet_to_be_made_is_judged_by_the_one_in_use() {
    check(&[
        (
            "the one in use is disabled",
            World::rotate_to_new_version,
            |world| world.key().enabled = false,
            KeyDisabled,
            REFUSED,
        ),
        (
            "the one in use is spelt otherwise than by its vault",
            World::rotate_to_new_version,
            |world| {
                let spelt = format!("{KEY_1}/");
                world.cluster().kms.as_mut().unwrap().key = Some(spelt.into());
            },
            KeyIdNotCanonical,
            WARNED,
        ),
        (
            "the cluster is busy with another change",
            World::rotate_to_new_version,
            |world| "Updating".clone_into(&mut world.cluster().provisioning_state),
            ClusterBusy,
            REFUSED,
        ),
        (
            "the cluster is busy with the change to the key that is asked for",
            World::rotate,
            |world| {
                world.cluster().kms = Some(kms_on(KEY_2, NetworkMode::Public));
                "Updating".clone_into(&mut world.cluster().provisioning_state);
            },
            ClusterBusy,
            Answer::Holds,
        ),
        (
            "in another mode",
            World::rotate_to_new_version,
            |world| world.target.as_mut().unwrap().network_mode = NetworkMode::Private,
            VaultNetworkModeLocked,
            REFUSED,
        ),
    ]);
}

#[test]
fn a_healthy_rotation_or_disable_has_nothing_against_it() {
    for world in [World::rotate(), World::rotate_to_new_version(), World::disable()] {
        assert_eq!(world.rules(), [], "{}", world.verb);
    }
}
