//! Stopping, scaling, upgrading and moving the cluster itself.

use super::*;
use crate::ids::KubernetesVersion;

#[test]
fn stopping_the_cluster() {
    fn with(mode: Option<NetworkMode>, vnet_integration: bool) -> World {
        let mut world = rotated();
        let mut profile = kms_on(KEY_2, NetworkMode::Private);
        profile.network_mode = mode;
        world.cluster().kms = Some(profile);
        world.cluster().vnet_integration = vnet_integration;
        world
    }
    check_all(
        StopWithPrivateVault,
        vec![
            ("the vault is public", rotated, Action::StopCluster, Answer::Holds),
            ("KMS is off", disabled, Action::StopCluster, Answer::Holds),
            (
                "the vault is private",
                || with(Some(NetworkMode::Private), false),
                Action::StopCluster,
                REFUSED,
            ),
            (
                "the vault is private, with VNet integration",
                || with(Some(NetworkMode::Private), true),
                Action::StopCluster,
                Answer::Holds,
            ),
            (
                "the cluster does not say",
                || with(None, false),
                Action::StopCluster,
                UNDETERMINED_REFUSED,
            ),
        ],
    );
}

#[test]
fn scaling_upgrading_and_moving() {
    fn v1() -> World {
        let mut world = rotated();
        world.cluster().kubernetes_version = KubernetesVersion::parse("1.26.6").unwrap();
        world
    }
    let to_zero = || Action::ScaleToZero { node_pool: "system".to_owned() };
    check_all(
        ScaleToZero,
        vec![
            ("KMS is on", rotated, to_zero(), REFUSED),
            ("KMS is off", disabled, to_zero(), Answer::Holds),
        ],
    );
    let upgrade =
        |to: &str| Action::Upgrade { kubernetes_version: KubernetesVersion::parse(to).unwrap() };
    check_all(
        KmsV1UpgradeBlocked,
        vec![
            ("KMS v1 to 1.27", v1, upgrade("1.27"), REFUSED),
            ("KMS v1 to a patch of 1.27", v1, upgrade("1.27.3"), REFUSED),
            ("KMS v1 within 1.26", v1, upgrade("1.26.10"), Answer::Holds),
            ("KMS v2", rotated, upgrade("1.34"), Answer::Holds),
            ("KMS is off", disabled, upgrade("1.27"), Answer::Holds),
        ],
    );
    check_all(
        TenantMove,
        vec![
            ("KMS is on", rotated, Action::MoveTenant, REFUSED),
            ("KMS is off and there is a last key", disabled, Action::MoveTenant, REFUSED),
            ("nothing is known of the cluster", plain, Action::MoveTenant, UNDETERMINED_REFUSED),
        ],
    );
}
