//! The same on a real kube-apiserver and etcd: the truth is read from etcd.

use aks_kms::{ResumeOptions, RuleId};
use serde_json::json;

use crate::{common::world::World, rollback, rotation, two_machines};

/// One cluster for both: each begins with KMS off and versions of the key of its own.
#[tokio::test(flavor = "multi_thread")]
async fn sequences_03_and_08() {
    let Some(world) = World::real(1, json!({})).await else { return };
    rotation::third_key_after_disable(&world).await;
    world.renew(3).await;
    two_machines::writes_at_the_watermark(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sequences_10_and_20() {
    let Some(world) = World::real(1, json!({})).await else { return };
    two_machines::a_sleeps_and_b_goes_on(&world).await;
    world.renew(3).await;
    world.enable(1).await.unwrap();
    a_bad_key_and_no_api_server(&world).await;
}

/// Sequence 20: the new key is disabled, and the API server restarts with it.
async fn a_bad_key_and_no_api_server(world: &World) {
    let mut ours = world.subprocess("rotate", Some(2));
    assert!(ours.run_until_phase("converge", 2).await.is_none());
    ours.kill().await;
    let disabled = json!({"attributes": {"enabled": false}});
    world.simulator.patch_key(&world.case.id, world.key(2), &disabled).unwrap();
    // Whether it gets ready is the API server's business: it tells what it can. As long as it responds
    // it is not down, and the disabled key that it will read with is a reason to refuse.
    let _ = world.simulator.restart_api_servers(&world.case.id).await;
    let allow = [RuleId::RollbackUnproven, RuleId::PreviousKeyUnusable];
    rollback::back_to_the_first_key(world, &allow).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sequences_05_06_and_24() {
    let Some(world) = World::real(2, json!({})).await else { return };
    world.enable(1).await.unwrap();
    rollback::one_server_writes_old(&world).await;
    world.renew(2).await;
    world.enable(1).await.unwrap();
    rollback::a_change_fails(&world, &json!([1])).await;
    world.renew(2).await;
    world.enable(1).await.unwrap();
    rollback::a_server_starts_with_the_old_key(&world, 6.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sequences_02_and_23() {
    let lacks = json!([
        {"verb": "list", "resource": "secrets", "namespace": "team-2"},
        {"verb": "patch", "resource": "secrets", "namespace": "team-2"},
        {"verb": "get", "resource": "/metrics"},
    ]);
    let given = json!({"access": {"kubernetes_lacks": lacks}});
    let Some(world) = World::real(1, given).await else { return };
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
    let Some(world) = World::real(1, json!({"secrets": {"namespaces": 5, "each": 100}})).await
    else {
        return;
    };
    world.enable(1).await.unwrap();
    let mut kills = 0;
    for boundary in 0.. {
        let mut ours = world.subprocess("rotate", Some(2));
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
