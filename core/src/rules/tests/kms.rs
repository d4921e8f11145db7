use super::*;
use crate::{
    catalogue::RuleId::*,
    ids::{KubernetesVersion, NetworkMode, Verb},
    rules::testing::{KEY_1, KEY_2, KEY_3, kms_on, target_of, unknown},
};

fn at_version(world: &mut World, version: &str) {
    world.cluster().kubernetes_version = KubernetesVersion::parse(version).unwrap();
}

fn on(world: &mut World, key_id: &str, network_mode: NetworkMode) {
    world.cluster().kms = Some(kms_on(key_id, network_mode));
}

#[test]
fn kms_that_is_on_already() {
    check(&[
        ("KMS is off", World::enable, |_| {}, KmsAlreadyEnabled, Answer::Holds),
        (
            "KMS is on with the same key and mode",
            World::enable,
            |world| on(world, KEY_1, NetworkMode::Public),
            KmsAlreadyEnabled,
            Answer::Holds,
        ),
        (
            "KMS is on with the same key in capitals",
            World::enable,
            |world| on(world, &KEY_1.to_uppercase(), NetworkMode::Public),
            KmsAlreadyEnabled,
            Answer::Holds,
        ),
        (
            "KMS is on with another version",
            World::enable,
            |world| on(world, KEY_2, NetworkMode::Public),
            KmsAlreadyEnabled,
            REFUSED,
        ),
        (
            "KMS is on with another vault",
            World::enable,
            |world| on(world, KEY_3, NetworkMode::Public),
            KmsAlreadyEnabled,
            REFUSED,
        ),
        (
            "KMS is on with the same key in another mode",
            World::enable,
            |world| on(world, KEY_1, NetworkMode::Private),
            KmsAlreadyEnabled,
            REFUSED,
        ),
        (
            "KMS is on with the same key and another vault resource",
            World::enable_private,
            |world| {
                on(world, KEY_1, NetworkMode::Private);
                world.cluster().kms.as_mut().unwrap().vault =
                    Some("/subscriptions/elsewhere".to_owned().into());
            },
            KmsAlreadyEnabled,
            REFUSED,
        ),
        (
            "KMS is on and the cluster names no key",
            World::enable,
            |world| {
                on(world, KEY_1, NetworkMode::Public);
                world.cluster().kms.as_mut().unwrap().key = None;
            },
            KmsAlreadyEnabled,
            REFUSED,
        ),
        (
            "a profile that is turned off does not count",
            World::enable,
            |world| {
                on(world, KEY_2, NetworkMode::Public);
                world.cluster().kms.as_mut().unwrap().enabled = false;
            },
            KmsAlreadyEnabled,
            Answer::Holds,
        ),
    ]);
}

#[test]
fn the_mode_of_the_vault_in_use() {
    check(&[
        (
            "the mode of the vault in use would change",
            World::enable_private,
            |world| on(world, KEY_1, NetworkMode::Public),
            VaultNetworkModeLocked,
            REFUSED,
        ),
        (
            "the mode would change with another version of the same vault's key",
            World::enable_private,
            |world| on(world, KEY_2, NetworkMode::Public),
            VaultNetworkModeLocked,
            REFUSED,
        ),
        (
            "another vault may have another mode",
            World::enable_private,
            |world| on(world, KEY_3, NetworkMode::Public),
            VaultNetworkModeLocked,
            Answer::Holds,
        ),
        (
            "the mode stays",
            World::enable,
            |world| on(world, KEY_2, NetworkMode::Public),
            VaultNetworkModeLocked,
            Answer::Holds,
        ),
        (
            "the cluster does not say which mode it uses",
            World::enable,
            |world| {
                on(world, KEY_1, NetworkMode::Public);
                world.cluster().kms.as_mut().unwrap().network_mode = None;
            },
            VaultNetworkModeLocked,
            UNDETERMINED_REFUSED,
        ),
        (
            "the cluster does not say which vault it uses",
            World::enable_private,
            |world| {
                on(world, KEY_1, NetworkMode::Public);
                world.cluster().kms.as_mut().unwrap().key = None;
            },
            VaultNetworkModeLocked,
            UNDETERMINED_REFUSED,
        ),
    ]);
}

#[test]
fn the_newer_experience() {
    check(&[
        (
            "the newer experience is on",
            World::enable,
            |world| world.cluster().infrastructure_encryption = true,
            NewerExperienceIrreversible,
            REFUSED,
        ),
        (
            "the newer experience is off",
            World::enable,
            |_| {},
            NewerExperienceIrreversible,
            Answer::Holds,
        ),
        (
            "rewriting changes nothing about the newer experience",
            World::reencrypt_secrets,
            |world| world.cluster().infrastructure_encryption = true,
            NewerExperienceIrreversible,
            Answer::Holds,
        ),
    ]);
}

#[test]
fn versions() {
    check(&[
        (
            "1.27 has KMS v2",
            World::enable,
            |world| at_version(world, "1.27"),
            KmsV1OnEnable,
            Answer::Holds,
        ),
        (
            "1.27.0 has KMS v2",
            World::enable,
            |world| at_version(world, "1.27.0"),
            KmsV1OnEnable,
            Answer::Holds,
        ),
        (
            "1.26 has KMS v1",
            World::enable,
            |world| at_version(world, "1.26.10"),
            KmsV1OnEnable,
            WARNED,
        ),
        (
            "KMS v1 that is on already is not turned on",
            World::enable,
            |world| {
                at_version(world, "1.26.10");
                on(world, KEY_1, NetworkMode::Public);
            },
            KmsV1OnEnable,
            Answer::Holds,
        ),
        (
            "status warns of KMS v1",
            World::status,
            |world| at_version(world, "1.26.10"),
            KmsV1UpgradeBlocked,
            WARNED,
        ),
        (
            "status does not warn of KMS v1 that is off",
            World::status,
            |world| {
                at_version(world, "1.26.10");
                world.cluster().kms = None;
            },
            KmsV1UpgradeBlocked,
            Answer::Holds,
        ),
        (
            "status does not warn of KMS v2",
            World::status,
            |_| {},
            KmsV1UpgradeBlocked,
            Answer::Holds,
        ),
    ]);
}

#[test]
fn the_number_of_secrets() {
    check(&[
        (
            "1,799 secrets are fine",
            World::enable,
            |world| secrets_at_1_26(world, 1_799),
            KmsV1SecretLimit,
            Answer::Holds,
        ),
        (
            "1,800 secrets are close to the limit",
            World::enable,
            |world| secrets_at_1_26(world, 1_800),
            KmsV1SecretLimit,
            WARNED,
        ),
        (
            "2,000 secrets are at the limit",
            World::enable,
            |world| secrets_at_1_26(world, 2_000),
            KmsV1SecretLimit,
            WARNED,
        ),
        (
            "2,001 secrets are too many",
            World::enable,
            |world| secrets_at_1_26(world, 2_001),
            KmsV1SecretLimit,
            REFUSED,
        ),
        (
            "KMS v2 has no limit",
            World::enable,
            |world| world.kubernetes().secrets = crate::facts::Fact::Known(1_000_000),
            KmsV1SecretLimit,
            Answer::Holds,
        ),
        (
            "the number of secrets is unknown",
            World::enable,
            |world| {
                at_version(world, "1.26.10");
                world.kubernetes().secrets = unknown();
            },
            KmsV1SecretLimit,
            UNDETERMINED,
        ),
        (
            "status that does not count secrets does not ask for their number",
            World::status,
            |world| {
                at_version(world, "1.26.10");
                world.kubernetes().secrets = unknown();
            },
            KmsV1SecretLimit,
            Answer::Holds,
        ),
        (
            "status that counts secrets reports the limit",
            World::status,
            |world| secrets_at_1_26(world, 2_001),
            KmsV1SecretLimit,
            REFUSED,
        ),
    ]);
}

fn secrets_at_1_26(world: &mut World, secrets: u64) {
    at_version(world, "1.26.10");
    world.kubernetes().secrets = crate::facts::Fact::Known(secrets);
}

#[test]
fn another_mode_of_the_vault_in_use_violates_both_rules() {
    let mut world = World::enable();
    world.cluster().vnet_integration = true;
    on(&mut world, KEY_1, NetworkMode::Public);
    world.target = Some(target_of(KEY_1, NetworkMode::Private));
    assert_eq!(world.verb, Verb::Enable);
    assert_eq!(world.rules(), [KmsAlreadyEnabled, VaultNetworkModeLocked]);
}
