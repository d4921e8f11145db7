//! The same on a real kube-apiserver and etcd: the truth is read from etcd.

use aks_kms::{ResumeOptions, RuleId};
use aks_kms_simulator::{Options, Simulator, real::Binaries};
use serde_json::{Value, json};

use crate::{common::world::World, machines, rotation, way_back};

/// Real API servers take real time; the library's own waits need not.
const SCALE: f64 = 0.1;

async fn real(api_servers: usize, given: Value) -> Option<World> {
    if !Binaries::available() {
        return None;
    }
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let cluster = json!({"backend": "real", "api_servers": api_servers});
    let mut whole = json!({"key": {"versions": 16}});
    whole.as_object_mut().unwrap().extend(given.as_object().cloned().unwrap_or_default());
    Some(World::with(simulator, cluster, whole, SCALE).await)
}

/// One cluster for all of them: each begins with KMS off and versions of the key of its own.
#[tokio::test(flavor = "multi_thread")]
async fn sequences_03_08_10_and_20() {
    let Some(world) = real(1, json!({})).await else { return };
    rotation::third_key_after_disable(&world).await;
    world.renew(3).await;
    machines::writes_at_the_fence(&world).await;
    world.renew(4).await;
    machines::a_sleeps_and_b_goes_on(&world).await;
    world.renew(3).await;
    world.enable(1).await.unwrap();
    a_bad_key_and_no_api_server(&world).await;
}

/// Sequence 20: the new key is disabled, and the API server restarts with it.
async fn a_bad_key_and_no_api_server(world: &World) {
    let mut ours = world.puppet("rotate", Some(2));
    assert!(ours.lead_to("converge", 1).await.is_none());
    ours.kill().await;
    let disabled = json!({"attributes": {"enabled": false}});
    world.simulator.patch_key(&world.case.id, world.key(2), &disabled).unwrap();
    // Whether it gets ready is the API server's business: it tells what it can.
    let _ = world.simulator.restart_api_servers(&world.case.id).await;
    way_back::back_to_the_first_key(world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sequences_05_06_and_24() {
    let Some(world) = real(2, json!({})).await else { return };
    world.enable(1).await.unwrap();
    way_back::one_server_writes_old(&world).await;
    world.renew(2).await;
    world.enable(1).await.unwrap();
    way_back::a_change_fails(&world, &json!([1])).await;
    world.renew(2).await;
    world.enable(1).await.unwrap();
    way_back::a_server_starts_with_the_old_key(&world, 6.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sequences_02_and_23() {
    let lacks = json!([
        {"verb": "list", "resource": "secrets", "namespace": "team-2"},
        {"verb": "patch", "resource": "secrets", "namespace": "team-2"},
        {"verb": "get", "resource": "/metrics"},
    ]);
    let given = json!({"access": {"kubernetes_lacks": lacks}});
    let Some(world) = real(1, given).await else { return };
    world.az().await.set_key(world.key(1)).await;
    for _ in 0..2 {
        let error = world.rotate(2).await.unwrap_err();
        let refused: Vec<RuleId> = error.findings().iter().map(|finding| finding.rule).collect();
        assert!(refused.contains(&RuleId::KubernetesPermissionMissing), "{error}");
        assert!(refused.contains(&RuleId::KeyInUseUnproven), "{error}");
        assert_eq!(world.configured().as_deref(), Some(world.key(1)));
    }
}

/// One rotation, killed at each step boundary in turn, each time gone on with by another process.
#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_that_is_killed_again_and_again_ends_right() {
    let Some(world) = real(1, json!({"secrets": {"namespaces": 5, "each": 100}})).await else {
        return;
    };
    world.enable(1).await.unwrap();
    let mut kills = 0;
    for boundary in 0.. {
        let mut ours = world.puppet("rotate", Some(2));
        if ours.lead_past(boundary).await.is_some() {
            break;
        }
        ours.kill().await;
        kills += 1;
        world.nothing_is_lost().await;
    }
    assert!(kills > 5, "{kills}");
    world.rotate(2).await.unwrap();
    let report = world.manager().resume(ResumeOptions::default()).await.unwrap();
    assert!(report.plan.is_empty(), "nothing is left to do: {report:#?}");
    world.all_under(2).await;
}
