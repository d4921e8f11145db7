use super::*;
use crate::{
    catalogue::RuleId::*,
    facts::{Fact, Lookup},
    ids::NetworkMode,
    rules::testing::{KEY_1, TENANT, kms_on, unknown},
};

#[test]
fn the_vault_itself() {
    check(&[
        ("the vault is there", World::enable, |_| {}, VaultNotFound, Answer::Holds),
        (
            "there is no vault",
            World::enable,
            |world| world.observed.vault = Some(Fact::Known(Lookup::NotFound)),
            VaultNotFound,
            REFUSED,
        ),
        (
            "the vault cannot be looked for",
            World::enable,
            |world| world.observed.vault = Some(unknown()),
            VaultNotFound,
            UNDETERMINED,
        ),
        ("the vault is not deleted", World::enable, |_| {}, VaultSoftDeleted, Answer::Holds),
        (
            "the vault was deleted",
            World::enable,
            |world| world.observed.vault = Some(Fact::Known(Lookup::SoftDeleted)),
            VaultSoftDeleted,
            REFUSED,
        ),
        (
            "deleted vaults cannot be listed",
            World::enable,
            |world| world.observed.vault = Some(unknown()),
            VaultSoftDeleted,
            UNDETERMINED,
        ),
        (
            "status tells that the vault in use was deleted",
            World::status,
            |world| world.observed.vault = Some(Fact::Known(Lookup::SoftDeleted)),
            VaultSoftDeleted,
            REFUSED,
        ),
        (
            "the tenant is the same in capitals",
            World::enable,
            |world| world.vault().tenant_id = TENANT.to_uppercase(),
            VaultOtherTenant,
            Answer::Holds,
        ),
        (
            "the vault is in another tenant",
            World::enable,
            |world| world.vault().tenant_id = "11111111-2222-3333-4444-555555555555".to_owned(),
            VaultOtherTenant,
            REFUSED,
        ),
        (
            "the identity's tenant is unknown",
            World::enable,
            |world| world.access().tenant_id = unknown(),
            VaultOtherTenant,
            UNDETERMINED,
        ),
        (
            "purge protection is off",
            World::enable,
            |world| world.vault().purge_protection = false,
            VaultPurgeProtectionOff,
            WARNED,
        ),
        (
            "soft delete is off",
            World::status,
            |world| world.vault().soft_delete = false,
            VaultPurgeProtectionOff,
            WARNED,
        ),
        ("both are on", World::enable, |_| {}, VaultPurgeProtectionOff, Answer::Holds),
        (
            "the vault's protection cannot be read",
            World::enable,
            |world| world.observed.vault = Some(unknown()),
            VaultPurgeProtectionOff,
            UNDETERMINED,
        ),
        (
            "the vault keeps no logs",
            World::enable,
            |world| world.observed.diagnostics = Some(Fact::Known(false)),
            VaultDiagnosticsOff,
            NOTED,
        ),
        ("the vault keeps logs", World::enable, |_| {}, VaultDiagnosticsOff, Answer::Holds),
        (
            "diagnostic settings cannot be read",
            World::enable,
            |world| world.observed.diagnostics = Some(unknown()),
            VaultDiagnosticsOff,
            Answer::Undetermined(Level::Info),
        ),
    ]);
}

#[test]
fn the_vaults_network() {
    check(&[
        ("the vault is open", World::enable, |_| {}, VaultFirewall, Answer::Holds),
        (
            "the firewall denies",
            World::enable,
            |world| world.vault().firewall = true,
            VaultFirewall,
            REFUSED,
        ),
        (
            "in private mode a firewall does no harm",
            World::enable_private,
            |world| world.vault().firewall = true,
            VaultFirewall,
            Answer::Holds,
        ),
        (
            "the firewall cannot be read",
            World::enable,
            |world| world.observed.vault = Some(unknown()),
            VaultFirewall,
            UNDETERMINED,
        ),
        (
            "public access is enabled",
            World::enable,
            |_| {},
            VaultPublicAccessDisabled,
            Answer::Holds,
        ),
        (
            "public access is disabled",
            World::enable,
            |world| world.vault().public_network_access = false,
            VaultPublicAccessDisabled,
            REFUSED,
        ),
        (
            "in private mode it may be",
            World::enable_private,
            |world| world.vault().public_network_access = false,
            VaultPublicAccessDisabled,
            Answer::Holds,
        ),
        (
            "whether it is cannot be read, and guessing could lose data",
            World::enable,
            |world| world.observed.vault = Some(unknown()),
            VaultPublicAccessDisabled,
            UNDETERMINED_REFUSED,
        ),
        (
            "status tells that the vault in use was closed",
            World::status,
            |world| world.vault().public_network_access = false,
            VaultPublicAccessDisabled,
            REFUSED,
        ),
        (
            "status finds nothing wrong with a closed vault in private use",
            World::status,
            |world| {
                world.cluster().vnet_integration = true;
                world.cluster().kms = Some(kms_on(KEY_1, NetworkMode::Private));
                world.vault().public_network_access = false;
            },
            VaultPublicAccessDisabled,
            Answer::Holds,
        ),
        (
            "rewriting needs no right to read the vault",
            World::reencrypt_secrets,
            |world| world.observed.vault = Some(unknown()),
            VaultPublicAccessDisabled,
            Answer::Holds,
        ),
    ]);
}

#[test]
fn of_a_vault_that_is_missing_nothing_else_is_said() {
    for (lookup, rule) in
        [(Lookup::NotFound, VaultNotFound), (Lookup::SoftDeleted, VaultSoftDeleted)]
    {
        let mut world = World::enable_private();
        world.observed.vault = Some(Fact::Known(lookup));
        world.observed.key = Some(unknown());
        world.observed.diagnostics = Some(unknown());
        world.access().roles = unknown();
        world.access().tenant_id = unknown();
        assert_eq!(world.rules(), [rule]);
    }
}

#[test]
fn without_kms_status_says_nothing_of_a_vault() {
    let mut world = World::status();
    world.cluster().kms = None;
    world.vault().firewall = true;
    world.key().enabled = false;
    world.access().roles = Fact::Known(Vec::new());
    assert_eq!(world.rules(), []);
}
