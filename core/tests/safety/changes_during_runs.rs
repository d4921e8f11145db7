//! A concurrent change by others, while a run of ours is under way.

use std::{sync::Arc, time::Duration};

use aks_kms::{
    ErrorKind, Evidence, Phase, Progress, Purpose, RotateOptions, Timing, VerifySecretsOptions,
};
use serde_json::{Value, json};

use crate::{
    common::{
        block_on, once, once_when,
        subprocess::{Outcome, Subprocess},
        watched,
        world::{WIRINGS, World, assert_complete, is},
    },
    world::{PERMISSION_ERROR, failing},
};

/// Leads our process until its key is set, and it is about to wait for the API servers.
async fn until_its_key_is_set(world: &World, verb: &str, number: usize) -> Subprocess {
    let mut ours = world.subprocess(verb, Some(number));
    assert!(ours.run_until_phase("cluster", 1).await.is_none());
    ours.go_on().await;
    assert!(ours.run_until_phase("converge", 1).await.is_none(), "the key is set");
    assert_eq!(world.configured().as_deref(), Some(world.key(number)));
    ours
}

/// A pass that is called complete names the key that all secrets are under.
async fn complete_is_true(world: &World, report: &Value) {
    let truth = world.truth().await;
    for pass in report["reencryption"].as_array().into_iter().flatten() {
        if pass["purpose"] == "rewrite" && pass["complete"] == true {
            let there = match pass["key_id"].as_str() {
                Some(key) => truth.by_key.get(key).copied().unwrap_or(0),
                None => truth.plaintext,
            };
            assert_eq!(there, truth.total, "{pass}: {truth:?}");
        }
    }
}

/// Our run ends with an error, nothing is lost, and nothing is believed of the third key.
async fn the_third_key_is_not_taken_for_ours(world: &World, outcome: &Outcome) {
    // The eTag tells of the change; API servers that show the third key sooner are waited for in vain.
    let code = outcome.code.as_deref();
    assert!(matches!(code, Some("conflict" | "kms_unavailable")), "{outcome:?}");
    assert_eq!(world.configured().as_deref(), Some(world.key(3)), "never overwritten");
    world.nothing_is_lost().await;
    complete_is_true(world, &outcome.report).await;
    let ledger = world.ledger().await;
    assert!(is(ledger.current.as_ref(), world.key(3)), "{ledger:#?}");
    let parts = [&ledger.current, &ledger.pending, &ledger.previous];
    for entry in parts.into_iter().flatten().chain(&ledger.retired) {
        assert!(!entry.removable, "{entry:#?}");
    }
    assert_eq!(ledger.current.unwrap().proven_at, None);
}

/// Others set a third key while our rewrite waits for the API servers to write with ours. They lose
/// nothing by it: everything is plaintext still. Their key must not be taken for ours.
#[tokio::test(flavor = "multi_thread")]
async fn p01_az_sets_another_key_while_enable_waits_for_its_own() {
    for wiring in WIRINGS {
        let world = World::embedded(wiring, json!({})).await;
        let mut ours = until_its_key_is_set(&world, "enable", 1).await;
        world.az().await.set_key(world.key(3)).await;
        the_third_key_is_not_taken_for_ours(&world, &ours.end().await).await;
    }
}

/// The same with a rotation: others rewrite everything by hand first, as documented.
#[tokio::test(flavor = "multi_thread")]
async fn p01_az_rotates_on_while_rotate_waits_for_its_key() {
    for wiring in WIRINGS {
        let world = World::embedded(wiring, json!({})).await;
        world.enable(1).await.unwrap();
        let mut ours = until_its_key_is_set(&world, "rotate", 2).await;
        world.kubectl_replace_all(2).await;
        world.az().await.set_key(world.key(3)).await;
        the_third_key_is_not_taken_for_ours(&world, &ours.end().await).await;
    }
}

/// After that others set our key again, and Azure says Succeeded although no API server has it. The
/// hash of the third key must not be remembered as that of ours: it would open the next gate, and
/// what the API servers write with would be rotated away.
#[tokio::test(flavor = "multi_thread")]
async fn p01_the_foreign_hash_that_was_remembered_opens_a_later_gate() {
    for wiring in WIRINGS {
        let world = World::embedded(wiring, json!({})).await;
        let mut ours = until_its_key_is_set(&world, "enable", 1).await;
        let az = world.az().await;
        az.set_key(world.key(3)).await;
        the_third_key_is_not_taken_for_ours(&world, &ours.end().await).await;
        world.manager().abandon().await.unwrap();

        world.faults(json!({"operations": [{"status": "Succeeded", "applied_to": []}]})).await;
        az.set_key(world.key(1)).await;
        world.faults(json!({})).await;
        let before = world.nothing_is_lost().await;
        assert!(world.reads_with(3), "{wiring}");
        let rotated = world.impatient().rotate(world.key(2), RotateOptions::default()).await;
        let error = rotated.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::KmsUnavailable, "{wiring}: {error}");
        assert_eq!(world.configured().as_deref(), Some(world.key(1)), "{wiring}: nothing is set");
        assert_eq!(world.nothing_is_lost().await.total, before.total, "{wiring}");
    }
}

/// Others set another key and ours again while a change of ours, which was refused for the key's
/// permission, waits to be tried again. What they wrote meanwhile must go through a gate.
#[tokio::test(flavor = "multi_thread")]
async fn p08_az_there_and_back_between_two_tries_breaks_the_gate() {
    for wiring in WIRINGS {
        let world = Arc::new(World::embedded(wiring, json!({})).await);
        world.enable(1).await.unwrap();
        world.faults(failing(PERMISSION_ERROR)).await;
        let others = Arc::clone(&world);
        let on_progress = once_when(
            |now| now.message.ends_with("trying again"),
            move || block_on(others.others_there_and_back(3, 1)),
        );
        let report = world.rotate_with(2, watched(on_progress)).await.unwrap();
        assert_complete(&report, &[Purpose::Gate, Purpose::Gate, Purpose::Rewrite]);
        let gate = &report.reencryption[1];
        assert_eq!((gate.evidence, gate.counts.rewritten), (Evidence::Metrics, 1), "{wiring}");
        world.all_under(2).await;
    }
}

/// Others set a key from before and ours again during our last pass, and write one secret meanwhile.
/// The pass must find it, `verify_secrets` must tell the truth, and a key that the API servers read
/// with is not removable, though it was retired.
#[tokio::test(flavor = "multi_thread")]
async fn p13_a_key_that_came_and_went_during_the_last_pass_is_not_removable_after_verify_secrets() {
    for wiring in WIRINGS {
        let world = World::embedded(wiring, json!({})).await;
        world.enable(5).await.unwrap();
        world.rotate(4).await.unwrap();
        world.rotate(1).await.unwrap();
        assert!(world.is_removable(&world.ledger().await, 5), "{wiring}: it was retired");
        let mut ours = world.subprocess("rotate", Some(2));
        assert!(ours.run_until_phase("cluster", 1).await.is_none());
        ours.go_on().await;
        assert!(ours.run_until_phase("verify", 1).await.is_none(), "about to verify");
        world.all_under(2).await;
        world.others_there_and_back(5, 2).await;
        world.have_noticed().await;
        let outcome = ours.end().await;
        assert_eq!(outcome.code, None, "{wiring}: {}", outcome.message);
        world.all_under(2).await;
        let verified = world.manager().verify_secrets(VerifySecretsOptions::default()).await;
        let verified = verified.unwrap();
        assert_complete(&verified, &[Purpose::Verify]);
        assert!(world.reads_with(5), "{wiring}");
        let ledger = verified.ledger.unwrap();
        assert!(!world.is_removable(&ledger, 5), "{wiring}: {ledger:#?}");
    }
}

/// The same while `verify_secrets` compares: its report must not be called complete.
#[tokio::test(flavor = "multi_thread")]
async fn p19_a_key_that_came_and_went_during_verify_secrets_is_no_proof() {
    for wiring in WIRINGS {
        let world = Arc::new(World::embedded(wiring, json!({})).await);
        world.enable(1).await.unwrap();
        let others = Arc::clone(&world);
        let on_progress = once(Phase::Verify, 0, move || {
            block_on(async {
                others.others_there_and_back(3, 1).await;
                others.have_noticed().await;
            });
        });
        let options = VerifySecretsOptions {
            on_progress: Some(on_progress),
            ..VerifySecretsOptions::default()
        };
        let error = world.manager().verify_secrets(options).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{wiring}: {error}");
        assert!(error.is_retryable(), "{wiring}");
        let passes = &error.report().unwrap().reencryption;
        assert_eq!(passes.len(), 1, "{wiring}");
        assert!(!passes[0].complete, "{wiring}: {passes:#?}");
    }
}

/// The machine sleeps while Azure sets our key. Others rewrite everything, set a retired key and ours
/// again, and then we look: the cluster is as we want it, and what the API servers read with besides is not known.
#[tokio::test(flavor = "multi_thread")]
async fn p20_a_change_that_is_seen_late_makes_no_retired_key_removable() {
    let given = json!({"faults": {"operation_seconds": 100}});
    for wiring in WIRINGS {
        let world = Arc::new(World::embedded(wiring, given.clone()).await);
        world.enable(5).await.unwrap();
        world.rotate(4).await.unwrap();
        world.rotate(1).await.unwrap();
        assert!(world.is_removable(&world.ledger().await, 5), "{wiring}: it was retired");
        let others = Arc::clone(&world);
        let is_asked =
            |now: &Progress| now.phase == Phase::Cluster && now.message.contains("operation is");
        let sleep = once_when(is_asked, move || {
            block_on(async {
                others.comes_to_be("Succeeded").await;
                others.kubectl_replace_all(2).await;
                others.others_there_and_back(5, 2).await;
            });
        });
        let others_need = Duration::from_millis(500);
        let manager = world.builder_timing(Timing { others_need, ..world.timing() });
        let options = RotateOptions::from(watched(sleep));
        let report = manager.rotate(world.key(2), options).await.unwrap();
        assert_complete(&report, &[Purpose::Gate, Purpose::Rewrite]);
        world.all_under(2).await;
        assert!(world.reads_with(5), "{wiring}: others did not come");
        let ledger = report.ledger.unwrap();
        assert!(!world.is_removable(&ledger, 5), "{wiring}: {ledger:#?}");
        assert!(!world.refuses(world.delete_key(5)).await.is_empty(), "{wiring}");
    }
}
