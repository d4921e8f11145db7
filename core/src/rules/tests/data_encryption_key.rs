//! A customer-managed key: its vault, its versions and the access to them.

use time::Duration;

use super::*;
use crate::{
    catalogue::RuleId::*,
    facts::{ConnectionState, Fact, PrivateEndpointConnection},
    ids::{NetworkMode, Verb},
    rules::testing::{
        KEY_0, KEY_1, KEY_2, NOW, crypto_user, key_vault_reader, key_version, operation, unknown,
        version_entry,
    },
};

const CAPITALS: &str = "https://Shop-Keys.vault.azure.net/keys/ETCD";

fn connected(world: &mut World) {
    world.vault().private_endpoint_connections.push(PrivateEndpointConnection {
        name: "kms".to_owned(),
        endpoint_id: "/subscriptions/s/resourceGroups/elsewhere/providers/p".to_owned(),
        state: ConnectionState::Pending,
    });
}

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
fn a_healthy_cluster_has_nothing_to_hear() {
    for world in [
        World::platform(),
        World::customer_managed(),
        World::customer_managed_private(),
        World::new_version(),
        switched_away(),
    ] {
        assert!(world.judge().is_empty(), "{:?}: {:#?}", world.verb, world.judge());
    }
    for world in
        [World::to_platform(), World::to_customer_managed(), World::to_customer_managed_private()]
    {
        assert_eq!(world.rules(), [DataEncryptionIrreversible, DataEncryptionPreview]);
    }
}

#[test]
fn rules_of_a_versioned_key_in_private_mode_are_not_for_it() {
    for mut world in [World::to_customer_managed_private(), World::customer_managed_private()] {
        world.cluster().private_cluster = true;
        world.access().roles = Fact::Known(vec![crypto_user(), key_vault_reader()]);
        connected(&mut world);
        world.kubernetes().konnectivity = Fact::Known(false);
        let rules = world.rules();
        for rule in [
            PrivateVaultNeedsVnetIntegration,
            PrivateEndpointNsg,
            PrivateLinkRoleMissing,
            PrivateEndpointNotApproved,
            TunnelUnsupported,
        ] {
            assert!(!rules.contains(&rule), "{rule}: {rules:?}");
        }
    }
}

#[test]
fn the_vault_of_it() {
    check(&[
        (
            "trusted services get in",
            World::to_customer_managed_private,
            |_| {},
            TrustedServicesOff,
            Answer::Holds,
        ),
        (
            "trusted services are kept out",
            World::to_customer_managed_private,
            |world| world.vault().trusted_services = false,
            TrustedServicesOff,
            REFUSED,
        ),
        (
            "status tells that they are",
            World::customer_managed_private,
            |world| world.vault().trusted_services = false,
            TrustedServicesOff,
            REFUSED,
        ),
        (
            "the vault cannot be read",
            World::to_customer_managed_private,
            |world| world.observed.vault = Some(unknown()),
            TrustedServicesOff,
            UNDETERMINED,
        ),
        (
            "in public mode nobody needs them",
            World::to_customer_managed,
            |world| world.vault().trusted_services = false,
            TrustedServicesOff,
            Answer::Holds,
        ),
        (
            "the vault is closed",
            World::to_customer_managed_private,
            |_| {},
            VaultNotPrivate,
            Answer::Holds,
        ),
        (
            "its firewall alone will do",
            World::to_customer_managed_private,
            |world| world.vault().public_network_access = true,
            VaultNotPrivate,
            Answer::Holds,
        ),
        (
            "the vault is open",
            World::to_customer_managed_private,
            |world| {
                let vault = world.vault();
                (vault.public_network_access, vault.firewall) = (true, false);
            },
            VaultNotPrivate,
            WARNED,
        ),
        (
            "whether it is open cannot be read",
            World::customer_managed_private,
            |world| world.observed.vault = Some(unknown()),
            VaultNotPrivate,
            UNDETERMINED,
        ),
        (
            "a public vault denies by default",
            World::to_customer_managed,
            |world| world.vault().firewall = true,
            VaultFirewall,
            REFUSED,
        ),
        (
            "a public vault is closed",
            World::customer_managed,
            |world| world.vault().public_network_access = false,
            VaultPublicAccessDisabled,
            REFUSED,
        ),
        (
            "it is in no perimeter",
            World::to_customer_managed,
            |_| {},
            VaultNetworkPerimeter,
            Answer::Holds,
        ),
        (
            "it is in a perimeter",
            World::customer_managed_private,
            |world| world.vault().perimeter = true,
            VaultNetworkPerimeter,
            WARNED,
        ),
        (
            "whether it is in one cannot be read",
            World::to_customer_managed,
            |world| world.observed.vault = Some(unknown()),
            VaultNetworkPerimeter,
            UNDETERMINED,
        ),
        (
            "it has no private endpoint",
            World::customer_managed,
            |_| {},
            PrivateEndpointUnused,
            Answer::Holds,
        ),
        ("it has one", World::customer_managed_private, connected, PrivateEndpointUnused, NOTED),
        (
            "whether it has one cannot be read",
            World::customer_managed,
            |world| world.observed.vault = Some(unknown()),
            PrivateEndpointUnused,
            UNDETERMINED_NOTED,
        ),
        (
            "a versioned key may use it",
            World::status,
            connected,
            PrivateEndpointUnused,
            Answer::Holds,
        ),
    ]);
}

#[test]
fn the_access_to_it() {
    check(&[
        (
            "Key Vault Reader reads keys",
            World::to_customer_managed_private,
            |world| {
                world.access().roles = Fact::Known(vec![crypto_user(), key_vault_reader()]);
            },
            VaultReadRoleMissing,
            Answer::Holds,
        ),
        (
            "Crypto User reads them in the vault alone",
            World::to_customer_managed_private,
            |world| world.access().roles = Fact::Known(vec![crypto_user()]),
            VaultReadRoleMissing,
            REFUSED_UNLESS_ALLOWED,
        ),
        (
            "in public mode it may do without",
            World::to_customer_managed,
            |world| world.access().roles = Fact::Known(vec![crypto_user()]),
            VaultReadRoleMissing,
            WARNED,
        ),
        (
            "roles cannot be read",
            World::to_customer_managed_private,
            |world| world.access().roles = unknown(),
            VaultReadRoleMissing,
            UNDETERMINED,
        ),
        (
            "a versioned key needs none",
            World::enable,
            |world| world.access().roles = Fact::Known(vec![crypto_user()]),
            VaultReadRoleMissing,
            Answer::Holds,
        ),
        (
            "a platform-managed key needs none",
            switched_away,
            |world| world.access().roles = Fact::Known(vec![crypto_user()]),
            VaultReadRoleMissing,
            Answer::Holds,
        ),
        (
            "encrypt and decrypt are needed as ever",
            World::to_customer_managed,
            |world| world.access().roles = Fact::Known(vec![key_vault_reader()]),
            AccessRoleMissing,
            REFUSED_UNLESS_ALLOWED,
        ),
    ]);
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
