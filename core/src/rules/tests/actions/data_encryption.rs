//! What must not be done to a customer-managed key, its vault and the access to it; and what a key from before a move
//! is needed for.

use super::*;
use crate::{
    facts::{KmsProfile, RoleGrant},
    rules::testing::{
        KEY, KEY_3, PRINCIPAL, crypto_user, key_vault_reader, key_version, platform_entry,
        version_entry,
    },
};

const NEWEST: &str = "https://shop-keys.vault.azure.net/keys/etcd/99999999999999999999999999999999";

/// A newest version that nobody is recorded to use.
fn newer_made() -> World {
    let mut world = World::customer_managed();
    world.key().kid = NEWEST.to_owned();
    world.own_versions().insert(0, key_version(NEWEST, 1));
    world.own_versions().push(key_version(KEY_0, 200));
    world
}

fn unproven() -> World {
    let mut world = newer_made();
    world.ledger().current = Some(version_entry(KEY_2));
    world
}

/// Moved from the versioned key to a platform-managed one, with everything proven, or not.
fn moved_to_platform(current: crate::ledger::Entry) -> World {
    let mut world = World::platform();
    let found = recorded(current, Some(proven(entry(KEY_1))), &[proven(entry(KEY_0))]);
    world.observed.record = Some(Fact::Known(found));
    world
}

fn moved_and_proven() -> World {
    moved_to_platform(proven(platform_entry()))
}

fn moved_and_unproven() -> World {
    moved_to_platform(platform_entry())
}

/// Switched from a customer-managed key to a platform-managed one; az leaves the profile behind, turned off.
fn switched(current: crate::ledger::Entry) -> World {
    let mut world = World::platform();
    let off = KmsProfile { enabled: false, ..kms_on(KEY, NetworkMode::Private) };
    world.cluster().kms = Some(off);
    let mut before = version_entry(KEY_1);
    before.network_mode = Some(NetworkMode::Private);
    let found = recorded(current, Some(before), &[]);
    world.observed.record = Some(Fact::Known(found));
    world
}

fn disable_key(id: &str) -> Action {
    Action::DisableKey { key_id: key_id(id) }
}

fn deny_trusted_services(id: &str) -> Action {
    Action::DenyTrustedServices { key_vault_id: vault_id(id) }
}

#[test]
fn versions_of_it() {
    check_all(
        KeyStillNeeded,
        vec![
            ("all of them", newer_made, delete_key(KEY), REFUSED),
            ("the newest, which AKS may take up", newer_made, disable_key(NEWEST), REFUSED),
            (
                "the newest, which must not expire either",
                newer_made,
                Action::ExpireKey { key_id: key_id(NEWEST) },
                REFUSED,
            ),
            ("the one that is proven", newer_made, disable_key(KEY_2), REFUSED),
            ("one that was in use before the proof", newer_made, disable_key(KEY_1), Answer::Holds),
            (
                "one that is older than the proven one",
                newer_made,
                disable_key(KEY_0),
                Answer::Holds,
            ),
            (
                "one from before, without a proof",
                unproven,
                disable_key(KEY_1),
                UNDETERMINED_REFUSED,
            ),
            ("an older one, without a proof", unproven, disable_key(KEY_0), UNDETERMINED_REFUSED),
            (
                "one between the proven and the newest",
                || {
                    let mut world = newer_made();
                    world.own_versions().insert(1, key_version(&KEY_3.replace("other", "shop"), 5));
                    world
                },
                disable_key(&KEY_3.replace("other", "shop")),
                UNDETERMINED_REFUSED,
            ),
            (
                "one that is not in the list",
                newer_made,
                disable_key(&KEY_3.replace("other", "shop")),
                UNDETERMINED_REFUSED,
            ),
            (
                "an older one, where the versions cannot be listed",
                || {
                    let mut world = newer_made();
                    world.observed.own_versions = Some(unknown());
                    world
                },
                disable_key(KEY_0),
                UNDETERMINED_REFUSED,
            ),
            (
                "an older one, where the newest cannot be read",
                || {
                    let mut world = newer_made();
                    world.observed.key = Some(unknown());
                    world
                },
                disable_key(KEY_0),
                UNDETERMINED_REFUSED,
            ),
            (
                "an older one, where the version in use is not known",
                || {
                    let mut world = newer_made();
                    world.ledger().current = Some(proven(version_entry(KEY)));
                    world
                },
                disable_key(KEY_0),
                UNDETERMINED_REFUSED,
            ),
            (
                "an older one, where no ledger can be read",
                || {
                    let mut world = newer_made();
                    world.observed.record = Some(unknown());
                    world
                },
                disable_key(KEY_0),
                UNDETERMINED_REFUSED,
            ),
            ("a key of another vault", newer_made, delete_key(KEY_3), Answer::Holds),
        ],
    );
}

#[test]
fn a_key_from_before_a_move() {
    check_all(
        KeyStillNeeded,
        vec![
            ("until the proof", moved_and_unproven, delete_key(KEY_1), UNDETERMINED_REFUSED),
            (
                "an older one until the proof",
                moved_and_unproven,
                delete_key(KEY_0),
                UNDETERMINED_REFUSED,
            ),
            ("after the proof", moved_and_proven, delete_key(KEY_1), Answer::Holds),
            (
                "the customer-managed one, which the profile still names, until the proof",
                || switched(platform_entry()),
                delete_key(KEY),
                UNDETERMINED_REFUSED,
            ),
            ("and after it", || switched(proven(platform_entry())), delete_key(KEY), Answer::Holds),
        ],
    );
    check_all(
        VaultStillNeeded,
        vec![
            (
                "its vault until the proof",
                moved_and_unproven,
                delete_vault(VAULT),
                UNDETERMINED_REFUSED,
            ),
            ("its vault after the proof", moved_and_proven, delete_vault(VAULT), Answer::Holds),
            ("the vault in use", World::customer_managed, delete_vault(VAULT), REFUSED),
        ],
    );
    let identity = World::platform().cluster().identities[0].resource_id.clone();
    check_all(
        IdentityStillNeeded,
        vec![
            ("the identity in use", World::customer_managed, delete_identity(&identity), REFUSED),
            (
                "until the proof",
                moved_and_unproven,
                delete_identity(&identity),
                UNDETERMINED_REFUSED,
            ),
        ],
    );
    check_all(
        TenantMove,
        vec![("with a customer-managed key", World::customer_managed, Action::MoveTenant, REFUSED)],
    );
}

#[test]
fn roles_of_a_group() {
    let with = |role: RoleGrant| {
        let mut world = World::customer_managed();
        let of_group = RoleGrant { principal_id: GROUP.to_owned(), ..role };
        world.access().roles = Fact::Known(vec![crypto_user(), of_group]);
        answers(&alone(&world, &remove_role(VAULT, GROUP)))
    };
    let refused = vec![(AccessStillNeeded, REFUSED)];
    assert_eq!(with(key_vault_reader()), refused, "it follows the key with it");
    assert_eq!(with(crypto_user()), refused);
    let mut versioned = rotated();
    let of_group = RoleGrant { principal_id: GROUP.to_owned(), ..key_vault_reader() };
    versioned.access().roles = Fact::Known(vec![crypto_user(), of_group]);
    assert!(alone(&versioned, &remove_role(VAULT, GROUP)).is_empty());
    let own = alone(&World::customer_managed(), &remove_role(VAULT, PRINCIPAL));
    assert_eq!(answers(&own), refused);
}

#[test]
fn the_network_of_its_vault() {
    check_all(
        VaultClosingInPublicUse,
        vec![
            ("public", World::customer_managed, close_vault(VAULT), REFUSED),
            ("private", World::customer_managed_private, close_vault(VAULT), Answer::Holds),
        ],
    );
}

type NetworkCase = (&'static str, fn() -> World, &'static str, RuleId, Answer);

#[test]
fn trusted_services_and_its_vault() {
    let cases: &[NetworkCase] = &[
        (
            "in private mode AKS has no other way",
            World::customer_managed_private,
            VAULT,
            TrustedServicesStillNeeded,
            REFUSED,
        ),
        (
            "in public mode it is no trusted service",
            World::customer_managed,
            VAULT,
            TrustedServicesStillNeeded,
            Answer::Holds,
        ),
        (
            "another vault",
            World::customer_managed_private,
            OTHER_VAULT,
            TrustedServicesStillNeeded,
            Answer::Holds,
        ),
        (
            "its mode is not known",
            || {
                let mut world = World::customer_managed();
                world.cluster().kms.as_mut().unwrap().network_mode = None;
                world
            },
            VAULT,
            TrustedServicesStillNeeded,
            UNDETERMINED_REFUSED,
        ),
        ("a versioned key", rotated, VAULT, TrustedServicesStillNeeded, Answer::Holds),
        (
            "a customer-managed key before, until the proof",
            || switched(platform_entry()),
            VAULT,
            TrustedServicesStillNeeded,
            UNDETERMINED_REFUSED,
        ),
        (
            "and after it",
            || switched(proven(platform_entry())),
            VAULT,
            TrustedServicesStillNeeded,
            Answer::Holds,
        ),
    ];
    for (name, world, vault, rule, expected) in cases {
        check_all(*rule, vec![(*name, *world, deny_trusted_services(vault), *expected)]);
    }
}

#[test]
fn another_cluster_with_it() {
    let other = |network_mode| ClusterWithKms {
        id: "/subscriptions/s/other".to_owned(),
        key_id: KEY.to_owned(),
        network_mode: Some(network_mode),
        identities: Vec::new(),
    };
    let world = World::platform();
    let others = Fact::Known(vec![other(NetworkMode::Private)]);
    for id in [KEY, KEY_1] {
        let findings = judge(&world, &delete_key(id), &others);
        assert!(answers(&findings).contains(&(KeyStillNeeded, REFUSED)), "{id}: {findings:#?}");
    }
    let findings = judge(&world, &deny_trusted_services(VAULT), &others);
    assert!(answers(&findings).contains(&(TrustedServicesStillNeeded, REFUSED)), "{findings:#?}");
    let others = Fact::Known(vec![other(NetworkMode::Public)]);
    let findings = judge(&world, &deny_trusted_services(VAULT), &others);
    assert!(findings.is_empty(), "{findings:#?}");
}

#[test]
fn stopping_needs_no_vnet_integration() {
    assert!(alone(&World::customer_managed_private(), &Action::StopCluster).is_empty());
}
