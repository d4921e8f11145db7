use super::*;
use crate::{
    catalogue::RuleId::*,
    facts::{Fact, IdentityKind, Lookup, NodePoolFacts},
    ids::{KubernetesVersion, NetworkMode},
    rules::testing::{KEY_1, kms_on, unknown},
};

fn at_version(world: &mut World, version: &str) {
    world.cluster().kubernetes_version = KubernetesVersion::parse(version).unwrap();
}

fn on(world: &mut World, key_id: &str, network_mode: NetworkMode) {
    world.cluster().kms = Some(kms_on(key_id, network_mode));
}

#[test]
fn identity_and_state() {
    check(&[
        (
            "a user-assigned identity is what KMS needs",
            World::enable,
            |_| {},
            ClusterIdentitySystemAssigned,
            Answer::Holds,
        ),
        (
            "a system-assigned identity is refused",
            World::enable,
            |world| world.cluster().identity_kind = IdentityKind::SystemAssigned,
            ClusterIdentitySystemAssigned,
            REFUSED,
        ),
        (
            "a service principal is refused",
            World::enable,
            |world| world.cluster().identity_kind = IdentityKind::None,
            ClusterIdentitySystemAssigned,
            REFUSED,
        ),
        (
            "an identity type of the future is refused",
            World::enable,
            |world| world.cluster().identity_kind = IdentityKind::Other("Federated".to_owned()),
            ClusterIdentitySystemAssigned,
            REFUSED,
        ),
        (
            "without KMS, status finds nothing wrong with a system-assigned identity",
            World::status,
            |world| {
                world.cluster().kms = None;
                world.cluster().identity_kind = IdentityKind::SystemAssigned;
            },
            ClusterIdentitySystemAssigned,
            Answer::Holds,
        ),
    ]);
}

#[test]
fn a_busy_cluster() {
    check(&[
        ("a cluster at rest is not busy", World::enable, |_| {}, ClusterBusy, Answer::Holds),
        (
            "a cluster that is being updated is busy",
            World::enable,
            |world| world.cluster().provisioning_state = "Updating".to_owned(),
            ClusterBusy,
            REFUSED,
        ),
        (
            "a node pool that is being scaled makes its cluster busy",
            World::enable,
            |world| {
                world.cluster().node_pools.push(NodePoolFacts {
                    name: "blue".to_owned(),
                    provisioning_state: "Scaling".to_owned(),
                    kubernetes_version: None,
                    availability_set: false,
                });
            },
            ClusterBusy,
            REFUSED,
        ),
        (
            "a failed node pool does not make its cluster busy",
            World::enable,
            |world| world.cluster().node_pools[0].provisioning_state = "failed".to_owned(),
            ClusterBusy,
            Answer::Holds,
        ),
        (
            "a cluster is not busy for the operation that made it so",
            World::enable,
            |world| {
                on(world, KEY_1, NetworkMode::Public);
                world.cluster().provisioning_state = "Updating".to_owned();
            },
            ClusterBusy,
            Answer::Holds,
        ),
        (
            "secrets are not rewritten while the cluster is busy",
            World::reencrypt_secrets,
            |world| world.cluster().provisioning_state = "Upgrading".to_owned(),
            ClusterBusy,
            REFUSED,
        ),
    ]);
}

#[test]
fn a_cluster_that_failed_or_stopped() {
    check(&[
        (
            "an aborted operation is over",
            World::enable,
            |world| world.cluster().provisioning_state = "Canceled".to_owned(),
            ClusterBusy,
            Answer::Holds,
        ),
        (
            "an aborted operation is worth a warning",
            World::enable,
            |world| world.cluster().provisioning_state = "Canceled".to_owned(),
            ClusterFailed,
            WARNED,
        ),
        (
            "a failed cluster is worth a warning",
            World::status,
            |world| world.cluster().provisioning_state = "Failed".to_owned(),
            ClusterFailed,
            WARNED,
        ),
        ("a succeeded cluster is not", World::status, |_| {}, ClusterFailed, Answer::Holds),
        (
            "a stopped cluster cannot be changed",
            World::enable,
            |world| world.cluster().power_state = "Stopped".to_owned(),
            ClusterStopped,
            REFUSED,
        ),
        ("a running cluster can", World::reencrypt_secrets, |_| {}, ClusterStopped, Answer::Holds),
    ]);
}

#[test]
fn the_way_to_the_vault() {
    check(&[
        (
            "a private vault with VNet integration",
            World::enable_private,
            |_| {},
            PrivateVaultNeedsVnetIntegration,
            Answer::Holds,
        ),
        (
            "a public vault needs none",
            World::enable,
            |_| {},
            PrivateVaultNeedsVnetIntegration,
            Answer::Holds,
        ),
        (
            "from 1.31 a private vault without it is refused",
            World::enable_private,
            |world| {
                at_version(world, "1.31.0");
                world.cluster().vnet_integration = false;
            },
            PrivateVaultNeedsVnetIntegration,
            REFUSED,
        ),
        (
            "below 1.31 it can be allowed",
            World::enable_private,
            |world| {
                at_version(world, "1.30.9");
                world.cluster().vnet_integration = false;
            },
            PrivateVaultNeedsVnetIntegration,
            REFUSED_UNLESS_ALLOWED,
        ),
        (
            "where it is so already it is worth a warning",
            World::status,
            |world| on(world, KEY_1, NetworkMode::Private),
            PrivateVaultNeedsVnetIntegration,
            WARNED,
        ),
        (
            "a private cluster with a private vault has a security group to look at",
            World::enable_private,
            |world| world.cluster().private_cluster = true,
            PrivateEndpointNsg,
            NOTED,
        ),
        (
            "a public vault has none",
            World::enable,
            |world| {
                world.cluster().private_cluster = true;
                world.cluster().vnet_integration = true;
            },
            PrivateEndpointNsg,
            Answer::Holds,
        ),
        (
            "a public cluster has none",
            World::enable_private,
            |_| {},
            PrivateEndpointNsg,
            Answer::Holds,
        ),
        ("Konnectivity is a tunnel", World::enable, |_| {}, TunnelUnsupported, Answer::Holds),
        (
            "neither Konnectivity nor VNet integration",
            World::enable,
            |world| world.kubernetes().konnectivity = crate::facts::Fact::Known(false),
            TunnelUnsupported,
            WARNED,
        ),
        (
            "with VNet integration no agent is needed",
            World::enable_private,
            |world| world.kubernetes().konnectivity = crate::facts::Fact::Known(false),
            TunnelUnsupported,
            Answer::Holds,
        ),
        (
            "pods cannot be listed",
            World::enable,
            |world| world.kubernetes().konnectivity = unknown(),
            TunnelUnsupported,
            UNDETERMINED,
        ),
        (
            "without KMS, status asks for no tunnel",
            World::status,
            |world| {
                world.cluster().kms = None;
                world.kubernetes().konnectivity = crate::facts::Fact::Known(false);
            },
            TunnelUnsupported,
            Answer::Holds,
        ),
    ]);
}

#[test]
fn each_busy_part_is_named() {
    let mut world = World::enable();
    world.cluster().provisioning_state = "Updating".to_owned();
    world.cluster().node_pools[0].provisioning_state = "Upgrading".to_owned();
    let messages: Vec<String> = world.judge().into_iter().map(|finding| finding.message).collect();
    assert_eq!(messages, ["cluster prod is Updating", "node pool system is Upgrading"]);
}

fn identity_gone(world: &mut World) {
    world.access().identity_missing = Some("identity /identities/prod does not exist".to_owned());
    world.access().principal_id = unknown();
    world.access().tenant_id = unknown();
    world.access().roles = unknown();
}

#[test]
fn an_identity_that_was_deleted_is_the_only_thing_that_is_told() {
    for world in [World::enable, World::rotate, World::disable, World::status] {
        let mut world = world();
        identity_gone(&mut world);
        assert_eq!(world.rules(), [ClusterIdentityMissing], "{}", world.verb);
        assert_eq!(world.judge()[0].level, Level::Block);
    }
    check(&[
        ("it is there", World::enable, |_| {}, ClusterIdentityMissing, Answer::Holds),
        ("it was deleted", World::enable, identity_gone, ClusterIdentityMissing, REFUSED),
    ]);
}

#[test]
fn after_a_change_that_failed_nothing_calls_its_key_the_one_in_force() {
    let mut world = World::status();
    world.cluster().provisioning_state = "Failed".to_owned();
    let failed = |world: &World| {
        let findings = world.judge();
        findings.into_iter().find(|it| it.rule == ClusterFailed).unwrap()
    };
    assert!(failed(&world).message.ends_with("is configured, and perhaps not in force"));
    assert!(failed(&world).message.contains(KEY_1));
    assert!(!failed(&world).remedy.contains("az aks update"), "it would apply the change");
    world.cluster().kms.as_mut().unwrap().enabled = false;
    assert!(failed(&world).message.contains("KMS off is configured"));
    world.cluster().kms = None;
    assert_eq!(failed(&world).message, "the cluster's provisioning state is Failed");
}

#[test]
fn kms_can_be_turned_off_although_the_key_that_failed_to_be_set_is_no_good() {
    let mut world = World::disable();
    world.observed.key = Some(Fact::Known(Lookup::NotFound));
    let level = |world: &World| {
        let findings = world.judge();
        findings.iter().find(|it| it.rule == KeyNotFound).unwrap().level
    };
    assert_eq!(level(&world), Level::Block);
    world.cluster().provisioning_state = "Failed".to_owned();
    assert_eq!(level(&world), Level::Warn);
}
