//! The API server: whose it is, whether it can be reached, and what may be done there.

use super::*;
use crate::{
    catalogue::RuleId::*,
    facts::{DeniedPatch, Fact, Obstacle, Permission},
    ids::KubernetesVersion,
    options::Pace,
    rules::testing::{HOST, unknown},
};

fn permission(verb: &str, resource: &str, namespace: Option<&str>) -> Permission {
    Permission {
        verb: verb.to_owned(),
        resource: resource.to_owned(),
        namespace: namespace.map(str::to_owned),
    }
}

fn elsewhere(world: &mut World) {
    world.kubernetes().host = "10.0.0.1".to_owned();
}

#[test]
fn the_api_server_is_this_clusters() {
    check(&[
        (
            "its host is the cluster's, in capitals",
            World::enable,
            |world| {
                world.kubernetes().host = HOST.to_uppercase();
                world.kubernetes().node_resource_groups = unknown();
            },
            KubernetesClusterMismatch,
            Answer::Holds,
        ),
        (
            "its nodes are the cluster's",
            World::enable,
            elsewhere,
            KubernetesClusterMismatch,
            Answer::Holds,
        ),
        (
            "its nodes are another cluster's",
            World::enable,
            |world| {
                elsewhere(world);
                world.kubernetes().node_resource_groups =
                    Fact::Known(vec!["/subscriptions/8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8/resourceGroups/MC_shop_dev_westeurope".to_owned()]);
            },
            KubernetesClusterMismatch,
            REFUSED,
        ),
        (
            "its nodes are those of a cluster of the same name in another subscription",
            World::enable,
            |world| {
                elsewhere(world);
                world.kubernetes().node_resource_groups = Fact::Known(vec![
                    "/subscriptions/11111111-d1a3-4ea4-b844-0d9f87e4d7c8/resourceGroups/MC_shop_prod_westeurope".to_owned(),
                ]);
            },
            KubernetesClusterMismatch,
            REFUSED,
        ),
        (
            "it has no nodes",
            World::status,
            |world| {
                elsewhere(world);
                world.kubernetes().node_resource_groups = Fact::Known(Vec::new());
            },
            KubernetesClusterMismatch,
            REFUSED,
        ),
        (
            "its nodes cannot be listed, and guessing could lose data",
            World::reencrypt_secrets,
            |world| {
                elsewhere(world);
                world.kubernetes().node_resource_groups = unknown();
            },
            KubernetesClusterMismatch,
            UNDETERMINED_REFUSED,
        ),
    ]);
}

#[test]
fn the_api_server_can_be_reached() {
    check(&[
        ("it can", World::enable, |_| {}, KubernetesUnreachable, Answer::Holds),
        (
            "it cannot, and secrets must be rewritten",
            World::enable,
            |world| world.observed.kubernetes = unknown(),
            KubernetesUnreachable,
            REFUSED,
        ),
        (
            "it cannot, and a gate is needed",
            World::enable,
            |world| {
                world.rewrites = false;
                world.observed.kubernetes = unknown();
            },
            KubernetesUnreachable,
            REFUSED,
        ),
        (
            "it cannot, and status only looks",
            World::status,
            |world| world.observed.kubernetes = unknown(),
            KubernetesUnreachable,
            WARNED,
        ),
        (
            "a stopped cluster has none to reach",
            World::reencrypt_secrets,
            |world| {
                world.cluster().power_state = "Stopped".to_owned();
                world.observed.kubernetes = unknown();
            },
            KubernetesUnreachable,
            Answer::Holds,
        ),
    ]);
}

#[test]
fn an_api_server_out_of_reach_is_said_once() {
    let mut world = World::enable();
    world.reencrypt.pace = Pace::Fast;
    world.cluster().kubernetes_version = KubernetesVersion::parse("1.26.3").unwrap();
    world.observed.kubernetes = unknown();
    assert_eq!(world.rules(), [KubernetesUnreachable, KmsV1OnEnable]);
}

#[test]
fn what_is_in_the_way_of_the_api_server_has_its_own_remedy() {
    let remedy = |obstacle| {
        let mut world = World::enable();
        world.observed.kubernetes = unknown();
        world.observed.obstacle = Some(obstacle);
        world.judge().swap_remove(0).remedy
    };
    for (obstacle, part) in [
        (Obstacle::Configuration, "Kubernetes configuration"),
        (Obstacle::Credential, "Renew the credential"),
        (Obstacle::Permission, "Grant the permission"),
        (Obstacle::Certificate, "certificate-authority"),
        (Obstacle::Network, "Run where it can be"),
    ] {
        let remedy = remedy(obstacle);
        assert!(remedy.contains(part), "{obstacle:?}: {remedy}");
    }
}

#[test]
fn rights_in_kubernetes() {
    check(&[
        ("all are there", World::enable, |_| {}, KubernetesPermissionMissing, Answer::Holds),
        (
            "patch is missing",
            World::enable,
            |world| {
                world.kubernetes().missing_permissions =
                    Fact::Known(vec![permission("patch", "secrets", None)]);
            },
            KubernetesPermissionMissing,
            REFUSED,
        ),
        (
            "watch is missing: there is another way",
            World::reencrypt_secrets,
            |world| {
                world.kubernetes().missing_permissions =
                    Fact::Known(vec![permission("watch", "secrets", None)]);
            },
            KubernetesPermissionMissing,
            Answer::Holds,
        ),
        (
            "they cannot be asked for",
            World::enable,
            |world| world.kubernetes().missing_permissions = unknown(),
            KubernetesPermissionMissing,
            UNDETERMINED,
        ),
        (
            "status cannot see everything",
            World::status,
            |world| {
                world.kubernetes().missing_permissions =
                    Fact::Known(vec![permission("get", "/metrics", None)]);
            },
            KubernetesPermissionMissing,
            WARNED,
        ),
        (
            "status writes nothing",
            World::status,
            |world| {
                world.kubernetes().missing_permissions =
                    Fact::Known(vec![permission("patch", "secrets", None)]);
            },
            KubernetesPermissionMissing,
            Answer::Holds,
        ),
        ("admission denies nothing", World::enable, |_| {}, SecretUpdatesDenied, Answer::Holds),
        (
            "admission denies a patch",
            World::enable,
            |world| {
                world.kubernetes().denied_patches = Fact::Known(vec![DeniedPatch {
                    secret: "team-1/token".to_owned(),
                    message: "admission webhook \"policy.example\" denied the request".to_owned(),
                }]);
            },
            SecretUpdatesDenied,
            WARNED,
        ),
        (
            "admission denies the canary",
            World::enable,
            |world| world.kubernetes().denied_canary = Fact::Known(Some(denied_canary())),
            SecretUpdatesDenied,
            REFUSED,
        ),
        (
            "admission denies the canary, which is not needed where no metrics are read",
            World::enable,
            |world| {
                world.kubernetes().denied_canary = Fact::Known(Some(denied_canary()));
                world.kubernetes().metrics = Fact::Known(false);
            },
            SecretUpdatesDenied,
            Answer::Holds,
        ),
        (
            "no patch could be tried",
            World::enable,
            |world| world.kubernetes().denied_patches = unknown(),
            SecretUpdatesDenied,
            UNDETERMINED,
        ),
    ]);
}

fn denied_canary() -> DeniedPatch {
    DeniedPatch {
        secret: "kube-system/aks-kms-canary".to_owned(),
        message: "admission webhook \"policy.example\" denied the request with code 403".to_owned(),
    }
}

#[test]
fn each_missing_right_is_named() {
    let mut world = World::enable();
    world.kubernetes().missing_permissions = Fact::Known(vec![
        permission("list", "namespaces", None),
        permission("watch", "secrets", None),
        permission("create", "secrets", Some("kube-system")),
    ]);
    let findings = world.judge();
    assert_eq!(findings.len(), 1);
    assert_eq!(
        findings[0].message,
        "missing in Kubernetes: list namespaces, create secrets in namespace kube-system"
    );
}

#[test]
fn each_denied_patch_is_named() {
    let mut world = World::enable();
    world.kubernetes().denied_patches = Fact::Known(
        ["team-1/token", "team-2/token"]
            .map(|secret| DeniedPatch { secret: secret.to_owned(), message: "no".to_owned() })
            .to_vec(),
    );
    let resources: Vec<String> =
        world.judge().into_iter().map(|finding| finding.resource).collect();
    assert_eq!(resources, ["team-1/token", "team-2/token"]);
}

#[test]
fn a_record_that_cannot_be_read_is_told_with_the_reason() {
    let mut world = World::status();
    world.observed.record = Some(unknown());
    assert_eq!(world.rules(), [RecordUnreadable]);
    assert!(world.judge()[0].message.ends_with("reading it was forbidden"));
    world.observed.kubernetes = unknown();
    assert_eq!(world.rules(), [KubernetesUnreachable], "one reason is told once");
}

#[test]
fn which_api_servers_there_are_must_be_seen() {
    fn without_leases(world: &mut World) {
        world.kubernetes().missing_permissions =
            Fact::Known(vec![permission("list", "leases", Some("kube-system"))]);
    }
    check(&[
        ("before a gate", World::rotate, without_leases, KeyInUseUnproven, REFUSED_UNLESS_ALLOWED),
        ("to rewrite", World::reencrypt_secrets, without_leases, KeyInUseUnproven, WARNED),
        (
            "it is no other missing right",
            World::rotate,
            without_leases,
            KubernetesPermissionMissing,
            Answer::Holds,
        ),
    ]);
    let mut world = World::rotate();
    without_leases(&mut world);
    let finding = &world.judge()[0];
    assert!(finding.message.contains("list leases in namespace kube-system"), "{finding}");
    assert!(finding.remedy.contains("--resource=leases"), "{finding}");
    world.kubernetes().metrics = Fact::Known(false);
    assert!(world.judge()[0].message.contains("/metrics"), "without these, leases are no use");
}
