//! A customer-managed key: its vault, and the access to it.

use super::*;
use crate::{
    catalogue::RuleId::*,
    facts::{ConnectionState, Fact, PrivateEndpointConnection},
    rules::testing::{crypto_user, key_vault_reader, unknown},
};

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

#[test]
fn a_healthy_cluster_has_nothing_to_hear() {
    let healthy: [fn() -> World; 5] = [
        World::platform,
        World::customer_managed,
        World::customer_managed_private,
        World::new_version,
        switched_away,
    ];
    for world in healthy {
        let world = world();
        assert!(world.judge().is_empty(), "{:?}: {:#?}", world.verb, world.judge());
    }
    let turned_on: [fn() -> World; 3] =
        [World::to_platform, World::to_customer_managed, World::to_customer_managed_private];
    for world in turned_on {
        assert_eq!(world().rules(), [DataEncryptionIrreversible, DataEncryptionPreview]);
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
    ]);
}

#[test]
fn the_network_around_its_vault() {
    check(&[
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
