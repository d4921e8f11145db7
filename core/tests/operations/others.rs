//! Somebody else changes the cluster meanwhile.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use aks_kms::{
    ErrorKind, Evidence, Phase, Purpose, ResumeOptions, RotateOptions, RuleId, RunOptions,
};
use serde_json::json;

use crate::common::world::{WIRINGS, World, assert_complete, is, is_all_proven};

#[tokio::test(flavor = "multi_thread")]
async fn sequence_04_az_rotates_away_and_back_then_rotate() {
    for wiring in WIRINGS {
        let world = World::embedded(wiring, json!({})).await;
        world.enable(1).await.unwrap();
        let az = world.az().await;
        az.set_key(world.key(2)).await;
        let kubectl = world.kubectl();
        // until every API server writes with the second key
        loop {
            assert!(kubectl.create("team-1", "written-meanwhile", "x").await);
            if world.truth().await.by_key.contains_key(world.key(2)) {
                break;
            }
            assert!(kubectl.delete("team-1", "written-meanwhile").await);
        }
        az.set_key(world.key(1)).await;
        let report = world.rotate(3).await.unwrap();
        assert_complete(&report, &[Purpose::Gate, Purpose::Rewrite]);
        assert_eq!(report.reencryption[0].evidence, Evidence::Metrics, "the proof is broken");
        assert_eq!(report.reencryption[0].counts.rewritten, 1, "{wiring}");
        world.all_under(3).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sequence_11_az_rotates_in_the_middle_of_our_rotation_then_resume() {
    for wiring in WIRINGS {
        let world = World::embedded(wiring, json!({})).await;
        world.enable(1).await.unwrap();
        let mut ours = world.subprocess("rotate", Some(2));
        assert!(
            ours.run_until_phase("reencrypt", 1).await.is_none(),
            "the rewrite after the change"
        );
        ours.kill().await;
        world.az().await.set_key(world.key(3)).await;
        let writes = world.simulator.writes(&world.case.id).unwrap().len();
        let error = world.manager().resume(ResumeOptions::default()).await.unwrap_err();
        assert_eq!(world.simulator.writes(&world.case.id).unwrap().len(), writes, "nothing");

        // the way out
        if error.kind() == ErrorKind::Conflict {
            assert!(error.to_string().contains(world.key(3)), "{error}");
            world.manager().abandon().await.unwrap();
        } else {
            // What was not under the second key yet is lost, and the seal's key may be among it.
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
            assert!(error.to_string().contains("kubectl delete configmap aks-kms"), "{error}");
            world.kubectl().forget_record().await;
        }
        let ledger = world.ledger().await;
        assert!(is(ledger.current.as_ref(), world.key(3)) && ledger.previous.is_none());
        for number in 1..=3 {
            assert!(!world.is_removable(&ledger, number), "{ledger:#?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sequence_11_az_rotates_between_our_gate_and_our_change() {
    for wiring in WIRINGS {
        let world =
            World::embedded(wiring, json!({"cluster": {"kms": {"key": "{{key.1}}"}}})).await;
        let mut ours = world.subprocess("rotate", Some(2));
        assert!(ours.run_until_phase("cluster", 1).await.is_none());
        world.az().await.set_key(world.key(3)).await;
        let outcome = ours.end().await;
        assert_eq!(outcome.code.as_deref(), Some("conflict"), "{}", outcome.message);
        assert_eq!(world.configured().as_deref(), Some(world.key(3)), "never overwritten");
        world.nothing_is_lost().await;
    }
}

/// The version that was made is nobody's target any more: a dry run shows what a new rotation does.
#[tokio::test(flavor = "multi_thread")]
async fn sequence_11_a_dry_run_after_az_rotated_in_the_middle_plans_from_its_key() {
    let world = World::embedded("one-provider", json!({})).await;
    world.enable(1).await.unwrap();
    let mut ours = world.subprocess("rotate", None);
    assert!(ours.run_until_phase("cluster", 1).await.is_none());
    ours.kill().await;
    world.az().await.set_key(world.key(3)).await;
    let run = RunOptions { dry_run: true, ..RunOptions::default() };
    let resume = ResumeOptions::from(run);
    let report = world.manager().resume(resume).await.unwrap();
    let gate = format!("Prove that every secret is under {}", world.key(3));
    assert!(report.plan.to_string().contains(&gate), "{}", report.plan);
    // and judges that key, not the version that was made
    let other_key = report.findings.iter().any(|it| it.rule == RuleId::KeyIdNotCanonical);
    assert!(!other_key, "{:#?}", report.findings);
}

#[tokio::test(flavor = "multi_thread")]
async fn az_disables_in_the_middle_of_our_rotation() {
    for wiring in WIRINGS {
        let world =
            World::embedded(wiring, json!({"cluster": {"kms": {"key": "{{key.1}}"}}})).await;
        let mut ours = world.subprocess("rotate", Some(2));
        assert!(ours.run_until_phase("cluster", 1).await.is_none());
        world.az().await.disable().await;
        let outcome = ours.end().await;
        assert_eq!(outcome.code.as_deref(), Some("conflict"), "{}", outcome.message);
        assert_eq!(world.configured(), None, "never overwritten");
        world.nothing_is_lost().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sequence_21_a_node_pool_that_is_scaled_between_look_and_change_keeps_its_size() {
    for wiring in WIRINGS {
        let world = Arc::new(
            World::embedded(wiring, json!({"cluster": {"kms": {"key": "{{key.1}}"}}})).await,
        );
        let (scaled, hand) = (AtomicBool::new(false), Arc::clone(&world));
        let on_progress: aks_kms::OnProgress = Arc::new(move |now| {
            if now.phase == Phase::Cluster && !scaled.swap(true, Ordering::Relaxed) {
                let pool = hand.simulator.cluster(&hand.case.id).unwrap()["properties"]
                    ["agentPoolProfiles"][0]["name"]
                    .as_str()
                    .unwrap()
                    .to_owned();
                hand.simulator.scale_agent_pool(&hand.case.id, &pool, 7).unwrap();
            }
        });
        let options = RotateOptions { on_progress: Some(on_progress), ..RotateOptions::default() };
        let report = world.manager().rotate(world.key(2), options).await.unwrap();
        assert!(is_all_proven(&report));
        let cluster = world.simulator.cluster(&world.case.id).unwrap();
        assert_eq!(cluster["properties"]["agentPoolProfiles"][0]["count"], 7);
        world.all_under(2).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sequence_25_the_profile_was_dropped_by_another_tool_then_enable() {
    for wiring in WIRINGS {
        let world = World::embedded(wiring, json!({})).await;
        world.enable(1).await.unwrap();
        world.az().await.set_kms(json!(null)).await;
        let truth = world.nothing_is_lost().await;
        assert_eq!(truth.by_key.get(world.key(1)), Some(&truth.total), "still under the key");
        let report = world.enable(2).await.unwrap();
        assert_complete(&report, &[Purpose::Gate, Purpose::Rewrite]);
        assert_eq!(report.reencryption[0].counts.rewritten, truth.total as u64);
        world.all_under(2).await;
        // AKS keeps it for reading over the time without KMS, until another key comes.
        assert!(!world.is_removable(&world.ledger().await, 1));
        world.rotate(3).await.unwrap();
        assert!(world.is_removable(&world.ledger().await, 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_is_stopped_meanwhile_is_not_changed() {
    let world =
        World::embedded("one-provider", json!({"cluster": {"kms": {"key": "{{key.1}}"}}})).await;
    let mut ours = world.subprocess("rotate", Some(2));
    assert!(ours.run_until_phase("cluster", 1).await.is_none());
    let stopped = json!({"properties": {"powerState": {"code": "Stopped"}}});
    world.simulator.patch_cluster(&world.case.id, &stopped).unwrap();
    let outcome = ours.end().await;
    assert_eq!(outcome.code.as_deref(), Some("preflight_failed"), "{}", outcome.message);
    assert!(outcome.message.contains(RuleId::ClusterStopped.as_str()), "{}", outcome.message);
    assert_eq!(world.configured().as_deref(), Some(world.key(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_is_upgraded_meanwhile_is_looked_at_again_and_its_upgrade_stays() {
    for wiring in WIRINGS {
        let given = json!({"cluster": {"kms": {"key": "{{key.1}}"}}});
        let world = World::embedded(wiring, given).await;
        let mut ours = world.subprocess("rotate", Some(2));
        assert!(ours.run_until_phase("cluster", 1).await.is_none());
        let upgraded = json!({"properties": {
            "kubernetesVersion": "1.35.1", "currentKubernetesVersion": "1.35.1",
        }});
        world.simulator.patch_cluster(&world.case.id, &upgraded).unwrap();
        let outcome = ours.end().await;
        assert_eq!(outcome.code, None, "{}", outcome.message);
        let gates = outcome.report["reencryption"].as_array().unwrap().iter();
        assert_eq!(gates.filter(|pass| pass["purpose"] == "gate").count(), 2, "asked again");
        assert_eq!(outcome.report["after"]["kubernetes_version"], "1.35.1");
        world.all_under(2).await;
    }
}
