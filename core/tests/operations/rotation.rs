//! Ordinary lives: keys come, go before, and retire.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use aks_kms::{
    EnableOptions, Evidence, Finding, Phase, Purpose, ReencryptSecretsOptions, RotateOptions,
    RuleId, RunOptions, StepOutcome, VerifySecretsOptions,
};
use serde_json::json;

use crate::common::world::{WIRINGS, World, assert_complete, is, is_all_proven};

#[tokio::test(flavor = "multi_thread")]
async fn a_life_from_enable_over_rotations_to_disable() {
    for wiring in WIRINGS {
        let world = World::embedded(wiring, json!({})).await;
        let report = world.enable(1).await.unwrap();
        assert_complete(&report, &[Purpose::Gate, Purpose::Rewrite]);
        world.all_under(1).await;
        let ledger = report.ledger.unwrap();
        assert!(is(ledger.current.as_ref(), world.key(1)), "{ledger:#?}");
        assert!(ledger.pending.is_none() && ledger.previous.is_none(), "{ledger:#?}");
        assert_eq!(ledger.current.unwrap().evidence, Some(Evidence::Metrics));

        let report = world.rotate(2).await.unwrap();
        assert_complete(&report, &[Purpose::Gate, Purpose::Rewrite]);
        assert_eq!(report.reencryption[0].evidence, Evidence::Ledger, "its proof still stands");
        let skipped = report.steps.iter().filter(|step| step.outcome == StepOutcome::Skipped);
        assert_eq!(skipped.count(), 1, "{:#?}", report.steps);
        world.all_under(2).await;
        let ledger = report.ledger.unwrap();
        assert!(is(ledger.previous.as_ref(), world.key(1)), "{ledger:#?}");
        assert!(!world.is_removable(&ledger, 1), "the API servers still read with it");

        let report = world.rotate(3).await.unwrap();
        world.all_under(3).await;
        let ledger = report.ledger.unwrap();
        assert!(world.is_removable(&ledger, 1), "{ledger:#?}");
        assert!(!world.is_removable(&ledger, 2) && !world.is_removable(&ledger, 3), "{ledger:#?}");

        let report = world.disable().await.unwrap();
        world.all_plaintext().await;
        let ledger = report.ledger.unwrap();
        for number in 1..=3 {
            assert!(!world.is_removable(&ledger, number), "{wiring} {number}: {ledger:#?}");
        }
        assert_eq!(world.ledger().await, ledger, "status shows what the report showed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rotate_without_a_key_makes_one_new_version_and_says_for_what() {
    let world = World::embedded("one-provider", json!({})).await;
    world.enable(1).await.unwrap();
    let report = world.manager().rotate(None, RotateOptions::default()).await.unwrap();
    let made = report.after.key_id.unwrap();
    assert!(!world.case.key_ids.contains(&made.to_string()), "{made}");
    world.all_under_key(made.as_str()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_again_changes_nothing_and_verifies() {
    for wiring in WIRINGS {
        let world = World::embedded(wiring, json!({})).await;
        world.enable(1).await.unwrap();
        let before = world.truth().await;
        world.simulator.clear_writes(&world.case.id).unwrap();
        let report = world.rotate(1).await.unwrap();
        assert_complete(&report, &[Purpose::Rewrite]);
        assert_eq!(world.truth().await, before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_secrets_reads_the_proof_and_writes_nothing() {
    for wiring in WIRINGS {
        let world = World::embedded(wiring, json!({})).await;
        world.enable(1).await.unwrap();
        let record = world.kubectl().record().await;
        world.simulator.clear_writes(&world.case.id).unwrap();
        let report = world.manager().verify_secrets(VerifySecretsOptions::default()).await;
        let report = report.unwrap();
        assert_complete(&report, &[Purpose::Verify]);
        assert_eq!(report.reencryption[0].evidence, Evidence::Ledger);
        assert_eq!(world.simulator.writes(&world.case.id).unwrap(), []);
        assert_eq!(world.kubectl().record().await, record);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sequence_02_rights_to_one_namespace_only_are_refused_before_any_write() {
    for wiring in WIRINGS {
        let lacks = json!([
            {"verb": "list", "resource": "secrets", "namespace": "team-2"},
            {"verb": "patch", "resource": "secrets", "namespace": "team-2"},
        ]);
        let world = World::embedded(
            wiring,
            json!({
                "cluster": {"kms": {"key": "{{key.1}}"}},
                "access": {"kubernetes_lacks": lacks},
            }),
        )
        .await;
        for _ in 0..2 {
            let error = world.rotate(2).await.unwrap_err();
            assert_eq!(error.code(), "preflight_failed", "{error}");
            let rules: Vec<RuleId> = error.findings().iter().map(|finding| finding.rule).collect();
            assert!(rules.contains(&RuleId::KubernetesPermissionMissing), "{error}");
        }
        assert_eq!(world.simulator.writes(&world.case.id).unwrap(), []);
        world.all_under(1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sequence_03_rotate_without_rewriting_then_disable_then_enable_with_a_third_key() {
    for wiring in WIRINGS {
        let world = World::embedded(wiring, json!({})).await;
        third_key_after_disable(&world).await;
    }
}

pub(crate) async fn third_key_after_disable(world: &World) {
    world.enable(1).await.unwrap();
    world.rotate_only(2).await.unwrap();
    let truth = world.nothing_is_lost().await;
    assert_eq!(truth.by_key.get(world.key(1)), Some(&truth.total), "left where they were");
    assert!(!world.is_removable(&world.ledger().await, 1));
    let report = world.disable().await.unwrap();
    assert_complete(&report, &[Purpose::Gate, Purpose::Rewrite]);
    assert_eq!(report.reencryption[0].counts.rewritten, truth.total as u64, "by the gate");
    world.all_plaintext().await;
    world.enable(3).await.unwrap();
    world.all_under(3).await;
}

/// Old keys go, one after the other, as soon as the ledger says so.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_the_ledger_calls_removable_is_not_needed() {
    for wiring in WIRINGS {
        let world = World::embedded(wiring, json!({})).await;
        world.enable(1).await.unwrap();
        for number in 2..=5 {
            let ledger = world.rotate(number).await.unwrap().ledger.unwrap();
            for old in 1..number {
                let expected = old + 1 < number;
                assert_eq!(world.is_removable(&ledger, old), expected, "{old}: {ledger:#?}");
                if expected {
                    let disabled = json!({"attributes": {"enabled": false}});
                    world.simulator.patch_key(&world.case.id, world.key(old), &disabled).unwrap();
                }
            }
            world.all_under(number).await;
        }
        // and the API servers answer for each secret
        let report =
            world.manager().reencrypt_secrets(ReencryptSecretsOptions::default()).await.unwrap();
        assert_eq!(report.reencryption[0].counts.current, 11, "ten, and the seal");
    }
}

/// The first sequence, a kubeconfig of another cluster, is in `tests/access.rs`.
///
/// On KMS v1 the metrics name no keys: an ordinary rotation is refused, and one that is allowed
/// writes every secret anew where a new key looks like the old one, before the change and after it.
#[tokio::test(flavor = "multi_thread")]
async fn sequence_07_kms_v1_where_a_new_key_looks_like_the_old_one() {
    for wiring in WIRINGS {
        let given = json!({
            "cluster": {"kubernetes_version": "1.26.6", "kms": {"key": "{{key.1}}"}},
        });
        let world = World::embedded(wiring, given).await;
        let error = world.rotate(2).await.unwrap_err();
        let unproven = error.findings().iter().find(|it| it.rule == RuleId::KeyInUseUnproven);
        says_what_helps_on_kms_v1(unproven.expect("it is refused"), &error.to_string());
        assert_eq!(world.configured().as_deref(), Some(world.key(1)));

        for number in 2..=4 {
            let allow = vec![RuleId::KeyInUseUnproven];
            let run = RunOptions { allow, ..RunOptions::default() };
            let options = RotateOptions::from(run);
            let report = world.manager().rotate(world.key(number), options).await.unwrap();
            world.all_under(number).await;
            // Another provider's name is seen in the metrics; another key behind one name is not.
            if wiring == "two-providers" {
                continue;
            }
            for pass in &report.reencryption {
                assert_eq!((pass.counts.rewritten, pass.evidence), (11, Evidence::Weak));
            }
            let told = report.findings.iter().find(|it| it.rule == RuleId::KeyInUseUnproven);
            let told = told.expect("what was allowed is still reported");
            says_what_helps_on_kms_v1(told, &told.to_string());
            let ledger = report.ledger.unwrap();
            for old in 1..number {
                assert!(!world.is_removable(&ledger, old), "{ledger:#?}");
            }
        }
    }
}

/// Nothing proves the key, so access to metrics is not what the reader is sent for.
fn says_what_helps_on_kms_v1(finding: &Finding, shown: &str) {
    assert!(finding.message.contains("the metrics of KMS v1 name no keys"), "{finding}");
    for helps in ["`reencrypt_secrets`", "key-in-use-unproven in allow", "`migrate_to_v2`"] {
        assert!(finding.remedy.contains(helps) && shown.contains(helps), "{shown}");
    }
    assert!(!finding.remedy.contains("/metrics"), "{finding}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sequence_19_a_change_that_was_accepted_is_not_taken_for_done() {
    for wiring in WIRINGS {
        let given = json!({"faults": {"operation_seconds": 60}});
        let world = Arc::new(World::embedded(wiring, given).await);
        let (hand, early) = (Arc::clone(&world), Arc::new(AtomicBool::new(false)));
        let seen = Arc::clone(&early);
        let on_progress: aks_kms::OnProgress = Arc::new(move |now| {
            let cluster = hand.simulator.cluster(&hand.case.id).unwrap();
            let settled = cluster["properties"]["provisioningState"] == "Succeeded";
            if now.phase != Phase::Cluster && now.phase != Phase::Record && !settled {
                seen.store(true, Ordering::Relaxed);
            }
        });
        let run = RunOptions { on_progress: Some(on_progress), ..RunOptions::default() };
        let options = EnableOptions::from(run);
        let report = world.manager().enable(world.key(1), options).await.unwrap();
        assert!(is_all_proven(&report));
        assert!(!early.load(Ordering::Relaxed), "{wiring}: secrets were touched in the middle");
        world.all_under(1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sequence_26_clocks_that_differ_by_hours() {
    for wiring in WIRINGS {
        for hours in [-5, 5] {
            let given = json!({"faults": {"clock_shift_seconds": hours * 3_600}});
            let world = World::embedded(wiring, given).await;
            world.enable(1).await.unwrap();
            for number in 2..=3 {
                let report = world.rotate(number).await.unwrap();
                assert!(is_all_proven(&report), "{report:#?}");
                world.all_under(number).await;
            }
            assert!(world.is_removable(&world.ledger().await, 1), "{wiring}, {hours} h");
        }
    }
}

/// Enabling shows a provider that was not there before, which proves the first key; the next key
/// comes behind the same name.
#[tokio::test(flavor = "multi_thread")]
async fn sequence_07_a_first_key_that_was_proven_on_kms_v1_then_a_second_behind_its_name() {
    for wiring in WIRINGS {
        let given = json!({"cluster": {"kubernetes_version": "1.26.6"}});
        let world = World::embedded(wiring, given).await;
        world.enable(1).await.unwrap();
        for number in 2..=3 {
            let allow = vec![RuleId::KeyInUseUnproven];
            let run = RunOptions { allow, ..RunOptions::default() };
            let options = RotateOptions::from(run);
            world.manager().rotate(world.key(number), options).await.unwrap();
            world.all_under(number).await;
        }
    }
}
