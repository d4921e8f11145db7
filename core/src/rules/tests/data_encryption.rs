//! KMS data encryption: what it asks of the cluster and its surroundings.

use super::*;
use crate::{
    catalogue::RuleId::*,
    facts::{Fact, IdentityKind},
    ids::{KubernetesVersion, NetworkMode, Verb},
    options::CustomerManagedKey,
    rules::{
        customer_managed,
        testing::{KEY, KEY_1, KEY_3, VAULT, unknown},
    },
};

const OTHER_KEY: &str = "https://shop-keys.vault.azure.net/keys/other";

/// `set_data_encryption` of a customer-managed key on a cluster that has one.
fn switched() -> World {
    let mut world = World::customer_managed();
    world.ask_platform();
    world.ask_customer_managed(KEY, NetworkMode::Public);
    world
}

/// `set_data_encryption` with a platform-managed key on a cluster with a versioned key.
fn from_versioned_key() -> World {
    let mut world = World::status();
    world.ask_platform();
    world
}

/// A verb of KMS with a versioned key on a cluster with a customer-managed one.
fn versioned(verb: Verb) -> World {
    let mut world = World::customer_managed();
    world.verb = verb;
    world.target = World::rotate().target;
    (world.gate, world.rewrites) = (true, true);
    world
}

#[test]
fn turning_it_on() {
    check(&[
        (
            "it is for good",
            World::to_platform,
            |_| {},
            DataEncryptionIrreversible,
            REFUSED_UNLESS_ALLOWED,
        ),
        (
            "a cluster that has it stays with it",
            switched,
            |_| {},
            DataEncryptionIrreversible,
            Answer::Holds,
        ),
        (
            "a key without a version is a sign of it too",
            switched,
            |world| world.cluster().infrastructure_encryption = false,
            DataEncryptionIrreversible,
            Answer::Holds,
        ),
        ("it is a preview", World::to_customer_managed, |_| {}, DataEncryptionPreview, WARNED),
        ("a switch turns nothing on", switched, |_| {}, DataEncryptionPreview, Answer::Holds),
        (
            "the last change did not succeed",
            switched,
            |world| world.cluster().provisioning_state = "Failed".to_owned(),
            DataEncryptionRetry,
            REFUSED_UNLESS_ALLOWED,
        ),
        ("the last change succeeded", switched, |_| {}, DataEncryptionRetry, Answer::Holds),
    ]);
}

#[test]
fn what_the_cluster_must_be() {
    check(&[
        ("1.33 is late enough", World::to_platform, |_| {}, DataEncryptionVersion, Answer::Holds),
        (
            "1.32 is too early",
            World::to_platform,
            |world| world.cluster().kubernetes_version = "1.32.9".parse().unwrap(),
            DataEncryptionVersion,
            REFUSED,
        ),
        (
            "from KMS v1 there is no way",
            from_versioned_key,
            |world| world.cluster().kubernetes_version = KubernetesVersion::parse("1.26").unwrap(),
            DataEncryptionFromKmsV1,
            REFUSED,
        ),
        (
            "from KMS v2 there is",
            from_versioned_key,
            |_| {},
            DataEncryptionFromKmsV1,
            Answer::Holds,
        ),
        (
            "a service principal is no managed identity",
            World::to_platform,
            |world| world.cluster().identity_kind = IdentityKind::None,
            DataEncryptionIdentity,
            REFUSED,
        ),
        (
            "a system-assigned identity will do for a platform-managed key",
            World::to_platform,
            |world| world.cluster().identity_kind = IdentityKind::SystemAssigned,
            DataEncryptionIdentity,
            Answer::Holds,
        ),
        (
            "nothing is said of its kind then",
            World::to_platform,
            |world| world.cluster().identity_kind = IdentityKind::SystemAssigned,
            ClusterIdentitySystemAssigned,
            Answer::Holds,
        ),
        (
            "a customer-managed key needs a user-assigned one",
            World::to_customer_managed,
            |world| world.cluster().identity_kind = IdentityKind::SystemAssigned,
            ClusterIdentitySystemAssigned,
            REFUSED,
        ),
        ("a cluster that runs is not busy", World::to_platform, |_| {}, ClusterBusy, Answer::Holds),
        (
            "a busy cluster is waited for",
            World::to_platform,
            |world| world.cluster().provisioning_state = "ProvisioningControlPlane".to_owned(),
            ClusterBusy,
            REFUSED,
        ),
        (
            "a stopped cluster is refused",
            World::to_platform,
            |world| world.cluster().power_state = "Stopped".to_owned(),
            ClusterStopped,
            REFUSED,
        ),
        (
            "it is busy with the very change that is asked for",
            World::platform,
            |world| {
                world.ask_platform();
                world.cluster().provisioning_state = "Updating".to_owned();
            },
            ClusterBusy,
            Answer::Holds,
        ),
    ]);
}

#[test]
fn what_may_be_in_the_way() {
    check(&[
        (
            "the feature is registered",
            World::to_platform,
            |_| {},
            PreviewFeatureUnregistered,
            Answer::Holds,
        ),
        (
            "the feature is not registered",
            World::to_customer_managed,
            |world| world.observed.preview_feature = Some(Fact::Known(false)),
            PreviewFeatureUnregistered,
            WARNED,
        ),
        (
            "whether it is may not be read",
            World::to_platform,
            |world| world.observed.preview_feature = Some(unknown()),
            PreviewFeatureUnregistered,
            UNDETERMINED_NOTED,
        ),
        (
            "nothing is to be migrated",
            World::to_platform,
            |_| {},
            BlocksOlderMigrations,
            Answer::Holds,
        ),
        (
            "a pool is an availability set",
            World::to_platform,
            |world| world.cluster().node_pools[0].availability_set = true,
            BlocksOlderMigrations,
            WARNED,
        ),
        (
            "the load balancer is a Basic one",
            World::to_customer_managed,
            |world| world.cluster().basic_load_balancer = true,
            BlocksOlderMigrations,
            WARNED,
        ),
        (
            "it is on already",
            switched,
            |world| world.cluster().basic_load_balancer = true,
            BlocksOlderMigrations,
            Answer::Holds,
        ),
    ]);
}

#[test]
fn a_customer_managed_key_that_is_changed() {
    check(&[
        ("the same key in the same mode", switched, |_| {}, DataEncryptionKeyChange, Answer::Holds),
        (
            "another key",
            switched,
            |world| world.ask_customer_managed(OTHER_KEY, NetworkMode::Public),
            DataEncryptionKeyChange,
            REFUSED_UNLESS_ALLOWED,
        ),
        (
            "from a platform-managed key",
            World::platform,
            |world| {
                world.ask_platform();
                world.ask_customer_managed(OTHER_KEY, NetworkMode::Public);
            },
            DataEncryptionKeyChange,
            Answer::Holds,
        ),
        (
            "the key in use cannot be named",
            switched,
            |world| {
                world.cluster().kms.as_mut().unwrap().key = Some("nonsense".to_owned().into());
            },
            DataEncryptionKeyChange,
            UNDETERMINED,
        ),
        ("the same mode", switched, |_| {}, DataEncryptionModeChange, Answer::Holds),
        (
            "another mode of the same vault",
            switched,
            |world| world.ask_customer_managed(KEY, NetworkMode::Private),
            DataEncryptionModeChange,
            REFUSED_UNLESS_ALLOWED,
        ),
        (
            "another mode of another vault",
            switched,
            |world| {
                let other = KEY_3.rsplit_once('/').unwrap().0.to_owned();
                world.ask_customer_managed(&other, NetworkMode::Private);
            },
            DataEncryptionModeChange,
            Answer::Holds,
        ),
        (
            "the mode in use is not told",
            switched,
            |world| world.cluster().kms.as_mut().unwrap().network_mode = None,
            DataEncryptionModeChange,
            UNDETERMINED,
        ),
    ]);
}

#[test]
fn verbs_of_kms_with_a_versioned_key() {
    check(&[
        (
            "rotate to a key",
            || versioned(Verb::Rotate),
            |_| {},
            NewerExperienceIrreversible,
            REFUSED,
        ),
        (
            "rotate on a platform-managed key",
            World::platform,
            |world| world.verb = Verb::Rotate,
            NewerExperienceIrreversible,
            REFUSED,
        ),
        (
            "KMS is not off then",
            World::platform,
            |world| world.verb = Verb::Rotate,
            KmsNotEnabled,
            Answer::Holds,
        ),
        (
            "rotate without a key id",
            World::new_version,
            |_| {},
            NewerExperienceIrreversible,
            Answer::Holds,
        ),
        (
            "enable, where the key without a version is the only sign",
            || versioned(Verb::Enable),
            |world| world.cluster().infrastructure_encryption = false,
            NewerExperienceIrreversible,
            REFUSED,
        ),
        (
            "set_data_encryption is meant for it",
            switched,
            |_| {},
            NewerExperienceIrreversible,
            Answer::Holds,
        ),
        (
            "it cannot be disabled",
            || versioned(Verb::Disable),
            |_| {},
            DataEncryptionCannotDisable,
            REFUSED,
        ),
        (
            "nor with a platform-managed key",
            World::platform,
            |world| world.verb = Verb::Disable,
            DataEncryptionCannotDisable,
            REFUSED,
        ),
        (
            "KMS with a versioned key can",
            World::disable,
            |_| {},
            DataEncryptionCannotDisable,
            Answer::Holds,
        ),
    ]);
}

#[test]
fn what_cannot_be_had_is_not_judged_besides() {
    for verb in [Verb::Enable, Verb::Rotate, Verb::Disable, Verb::ChangeNetworkMode] {
        let mut world = versioned(verb);
        world.key().enabled = false;
        world.vault().firewall = true;
        let refused = world.judge().into_iter().filter(|finding| finding.refuses(&[]));
        let rules: Vec<RuleId> = refused.map(|finding| finding.rule).collect();
        let expected = match verb {
            Verb::Disable => vec![DataEncryptionCannotDisable],
            _ => vec![NewerExperienceIrreversible],
        };
        assert_eq!(rules, expected, "{verb}");
    }
}

#[test]
fn a_customer_managed_key_is_named_without_a_version() {
    for (name, key_id, rule, expected) in [
        ("without", KEY, KeyIdVersionForbidden, Answer::Holds),
        ("with one", KEY_1, KeyIdVersionForbidden, REFUSED),
        ("without its vault", KEY, KeyVaultIdRequired, REFUSED),
    ] {
        let key = CustomerManagedKey {
            key_id: key_id.to_owned(),
            key_vault_id: if rule == KeyVaultIdRequired { "" } else { VAULT }.to_owned(),
            network_mode: NetworkMode::Public,
        };
        let findings = customer_managed(&key, "vault.azure.net").err().unwrap_or_default();
        let found = findings.iter().find(|finding| finding.rule == rule);
        let found = found.map_or(Answer::Holds, |it| Answer::Violated(it.level, it.overridable));
        assert_eq!(found, expected, "{name}: {findings:#?}");
    }
}
