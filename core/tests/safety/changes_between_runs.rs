//! What others changed between two runs, and the record does not know.

use aks_kms::{ErrorKind, Evidence, OperationReport, Purpose, ResumeOptions, RuleId, RunOptions};
use serde_json::json;

use crate::common::{
    allowing,
    world::{WIRINGS, World, assert_complete},
};

/// Our process dies while Azure works on its change, which comes through. Days later others rotate
/// by hand, as documented: each rotation is followed by the rewrite of all secrets; then back to our
/// key, without one.
async fn others_set_our_key_again(world: &World, ours: usize, others: usize) {
    let az = world.az().await;
    az.settled().await;
    world.faults(json!({})).await;
    let record = world.kubectl().record().await.unwrap();
    assert_eq!(record["ledger"]["pending"]["key_id"], world.key(ours), "{record}");
    world.kubectl_replace_all(ours).await;
    az.set_key(world.key(others)).await;
    world.kubectl_replace_all(others).await;
    az.set_key(world.key(ours)).await;
    world.all_under(others).await;
}

/// From the first key ours goes to the second, and others to the third and back.
async fn second_key_that_others_set_again(wiring: &str) -> World {
    let world = World::embedded(wiring, json!({})).await;
    world.enable(1).await.unwrap();
    world.faults(json!({"operation_seconds": 60})).await;
    world.dies_while_azure_works("rotate", Some(2)).await;
    others_set_our_key_again(&world, 2, 3).await;
    world
}

/// The change had a gate, at which every secret was found under the key of the others.
fn assert_gate_for_all(report: &OperationReport) {
    assert_complete(report, &[Purpose::Gate, Purpose::Rewrite]);
    let gate = &report.reencryption[0];
    assert_eq!(gate.evidence, Evidence::Metrics, "{report:#?}");
    assert_eq!((gate.counts.rewritten, gate.counts.current), (11, 0), "{report:#?}");
}

/// A rotation to the key before the pending one must not be taken for a rollback, which needs no
/// gate: others have changed the key since.
#[tokio::test(flavor = "multi_thread")]
async fn p03_the_rollback_from_a_key_that_others_set_is_no_rollback() {
    for wiring in WIRINGS {
        let world = second_key_that_others_set_again(wiring).await;
        let report = world.rotate(1).await.unwrap();
        assert_gate_for_all(&report);
        world.all_under(1).await;
    }
}

/// `resume` finishes our rotation; the third key, with which the API servers still read, must not be
/// called removable.
#[tokio::test(flavor = "multi_thread")]
async fn p03_after_resume_the_key_that_the_api_servers_read_with_may_not_be_deleted() {
    for wiring in WIRINGS {
        let world = second_key_that_others_set_again(wiring).await;
        let report = world.manager().resume(ResumeOptions::default()).await.unwrap();
        world.all_under(2).await;
        assert!(world.reads_with(3), "{wiring}");
        let ledger = report.ledger.unwrap();
        assert!(!world.is_removable(&ledger, 3), "{wiring}: {ledger:#?}");
        let against = world.refuses(world.delete_key(3)).await;
        assert_eq!(against[0].rule, RuleId::KeyStillNeeded, "{wiring}: {against:#?}");
    }
}

/// The same with `enable`, whose rollback is `disable`: it must have a gate, too.
#[tokio::test(flavor = "multi_thread")]
async fn p03_disable_as_the_rollback_from_a_first_key_that_others_set_again() {
    for wiring in WIRINGS {
        let world = World::embedded(wiring, json!({"faults": {"operation_seconds": 60}})).await;
        world.dies_while_azure_works("enable", Some(1)).await;
        others_set_our_key_again(&world, 1, 2).await;
        let report = world.disable().await.unwrap();
        assert_gate_for_all(&report);
        world.all_plaintext().await;
    }
}

/// Others set another key and ours again, which breaks our proof. Then a run of ours records what it
/// is about to change, and cannot reach Azure: the proof must not be valid again by that, and what
/// that run gave up is given up by no other.
#[tokio::test(flavor = "multi_thread")]
async fn p09_a_proof_that_somebody_elses_change_broke_is_not_valid_again_after_a_failed_run() {
    for wiring in WIRINGS {
        let world = World::embedded(wiring, json!({})).await;
        world.enable(1).await.unwrap();
        world.others_there_and_back(3, 1).await;
        world.have_noticed().await;
        // Somebody who may not read /metrics, and gives up a secret that a policy denies.
        world
            .faults(json!({
                "kubernetes": [
                    {"path": "/metrics", "status": 403},
                    {"method": "PATCH", "path": "/secrets/secret-1?", "status": 403},
                ],
                "azure": [{"method": "PUT", "path": "managedClusters", "status": 0}],
            }))
            .await;
        let run = RunOptions {
            give_up_secrets: vec!["team-1/secret-1".to_owned(), "team-2/secret-1".to_owned()],
            ..allowing(RuleId::KeyInUseUnproven)
        };
        let error = world.rotate_with(2, run).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{wiring}: {error}");
        world.faults(json!({})).await;
        world.manager().abandon().await.unwrap();
        let record = world.kubectl().record().await.unwrap();
        let (proof, cluster) =
            (&record["ledger"]["current"]["etag"], world.az().await.show().await);
        assert_ne!(*proof, cluster["eTag"], "{wiring}: {record}");
        let truth = world.nothing_is_lost().await;
        assert_eq!(world.under(&truth, 3), 1, "{wiring}: it was given up: {truth:?}");

        // A new operation, by somebody with all rights, who gives up nothing.
        let report = world.rotate(4).await.unwrap();
        assert_complete(&report, &[Purpose::Gate, Purpose::Rewrite]);
        let gate = &report.reencryption[0];
        assert_eq!((gate.evidence, gate.counts.rewritten), (Evidence::Metrics, 1), "{wiring}");
        world.all_under(4).await;
    }
}
