//! The record is a hint: lost, restored, somebody else's, or not to be had.

use aks_kms::{
    ErrorKind, Evidence, Journal, Purpose, ResumeOptions, RotateOptions, RuleId, StatusOptions,
    VerifySecretsOptions,
};
use serde_json::json;

use crate::{
    common,
    common::world::{WIRINGS, World, assert_complete},
};

#[tokio::test(flavor = "multi_thread")]
async fn sequence_12_a_record_restored_into_a_rebuilt_cluster_proves_nothing() {
    for wiring in WIRINGS {
        let world = World::embedded(wiring, json!({})).await;
        world.enable(1).await.unwrap();
        world.rotate(2).await.unwrap();
        let backup = world.kubectl().record().await.unwrap();
        // The rebuilt cluster has the same key, and secrets that no proof ever covered.
        let given = json!({
            "cluster": {"wiring": wiring, "kms": {"key": "{{key.2}}", "previous": "{{key.1}}"}},
            "key": {"versions": 5},
            "secrets": {"under": "{{key.1}}"},
        });
        let rebuilt = World::with(common::simulator().await, json!({}), given, common::SCALE).await;
        let ids: serde_json::Value =
            serde_json::from_str(&(1..=5).fold(backup.to_string(), |text, number| {
                text.replace(world.key(number), rebuilt.key(number))
            }))
            .unwrap();
        rebuilt.kubectl().restore_record(&ids).await;
        let error =
            rebuilt.manager().verify_secrets(VerifySecretsOptions::default()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ReencryptIncomplete, "{error}");
        let report = rebuilt.rotate(3).await.unwrap();
        assert_complete(&report, &[Purpose::Gate, Purpose::Rewrite]);
        assert_eq!(report.reencryption[0].evidence, Evidence::Metrics);
        assert_eq!(report.reencryption[0].counts.rewritten, 10, "by the gate");
        rebuilt.all_under(3).await;
    }
}

/// Its marks fit, but it is from a future that this etcd has not seen.
#[tokio::test(flavor = "multi_thread")]
async fn sequence_12_a_record_from_before_etcd_was_restored_proves_nothing() {
    let world = World::embedded("one-provider", json!({})).await;
    world.enable(1).await.unwrap();
    let mut record = world.kubectl().record().await.unwrap();
    record["ledger"]["current"]["watermark"] = json!("99999999");
    world.kubectl().seal_record(&record).await;
    let report = world.rotate(2).await.unwrap();
    assert_eq!(report.reencryption[0].evidence, Evidence::Metrics);
    world.all_under(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sequence_22_a_lost_record_makes_nothing_removable() {
    for wiring in WIRINGS {
        let world = World::embedded(wiring, json!({})).await;
        world.enable(1).await.unwrap();
        world.rotate(2).await.unwrap();
        world.kubectl().forget_record().await;
        let ledger = world.ledger().await;
        assert!(ledger.previous.is_none() && ledger.retired.is_empty(), "{ledger:#?}");
        let ledger = world.rotate(3).await.unwrap().ledger.unwrap();
        assert!(ledger.retired.is_empty(), "the first key is not known any more: {ledger:#?}");
        let ledger = world.rotate(4).await.unwrap().ledger.unwrap();
        assert!(world.is_removable(&ledger, 2), "{ledger:#?}");
        world.all_under(4).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_of_another_format_is_refused_and_left_alone() {
    let world = World::embedded("one-provider", json!({})).await;
    world.enable(1).await.unwrap();
    let mut record = world.kubectl().record().await.unwrap();
    record["format"] = json!(2);
    world.kubectl().seal_record(&record).await;
    let error = world.rotate(2).await.unwrap_err();
    assert!(error.to_string().contains("its format is 2"), "{error}");
    assert_eq!(world.kubectl().record().await, Some(record));
    assert_eq!(world.configured().as_deref(), Some(world.key(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn state_that_cannot_be_written_is_refused_before_any_write() {
    let lacks = json!([{"verb": "create", "resource": "configmaps"}]);
    let world =
        World::embedded("one-provider", json!({"access": {"kubernetes_lacks": lacks}})).await;
    let error = world.enable(1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PreflightFailed, "{error}");
    assert!(error.findings().iter().any(|it| it.rule == RuleId::KubernetesPermissionMissing));
    assert_eq!(world.simulator.writes(&world.case.id).unwrap(), []);

    // asked for, it goes without
    let manager = common::builder(&world.case).journal(Journal::None).build().unwrap();
    let report = manager.enable(world.key(1), aks_kms::EnableOptions::default()).await.unwrap();
    assert_eq!(report.ledger, None);
    assert_eq!(world.kubectl().record().await, None);
    world.all_under(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sequence_23_without_metrics_a_key_that_was_half_applied_is_not_rotated_away() {
    for wiring in WIRINGS {
        let given = json!({
            "cluster": {"kms": {"key": "{{key.1}}"}},
            "access": {"kubernetes_lacks": [{"verb": "get", "resource": "/metrics"}]},
        });
        let world = World::embedded(wiring, given).await;
        let error =
            world.manager().rotate(world.key(2), RotateOptions::default()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PreflightFailed, "{error}");
        let refused = error.findings().iter().any(|it| it.rule == RuleId::KeyInUseUnproven);
        assert!(refused, "{error}");
        assert_eq!(world.configured().as_deref(), Some(world.key(1)));
    }
}

/// The Secret with the key of the seal is lost: nothing is known, and the next operation makes a new
/// one.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_whose_seal_is_lost_is_told_and_proves_nothing() {
    let world = World::embedded("one-provider", json!({})).await;
    world.enable(1).await.unwrap();
    world.rotate(2).await.unwrap();
    assert!(world.kubectl().delete("kube-system", "aks-kms-seal").await);
    let status = world.manager().status(StatusOptions::default()).await.unwrap();
    assert!(status.findings.iter().any(|it| it.rule == RuleId::RecordUnsealed), "{status:#?}");
    let report = world.rotate(3).await.unwrap();
    assert_complete(&report, &[Purpose::Gate, Purpose::Rewrite]);
    assert_eq!(report.reencryption[0].evidence, Evidence::Metrics, "no proof replaces the gate");
    assert!(!world.is_removable(report.ledger.as_ref().unwrap(), 1), "{report:#?}");
    let status = world.manager().status(StatusOptions::default()).await.unwrap();
    assert!(!status.findings.iter().any(|it| it.rule == RuleId::RecordUnsealed), "{status:#?}");
    assert!(world.is_removable(&world.rotate(4).await.unwrap().ledger.unwrap(), 2));
    world.all_under(4).await;
}

/// An operation that a text without a seal names is shown, and neither gone on with nor in the
/// way for good.
#[tokio::test(flavor = "multi_thread")]
async fn an_operation_without_a_seal_is_dropped_by_abandon() {
    let world = World::embedded("one-provider", json!({})).await;
    world.enable(1).await.unwrap();
    let mut record = world.kubectl().record().await.unwrap();
    record["operation"] = json!({
        "id": "1", "verb": "disable", "options": {"reencrypt": true}, "before": "off",
        "target": "off", "watermark": "1", "by": "somebody", "since": "2026-11-28T00:00:00Z",
    });
    world.kubectl().restore_record(&record).await;
    for error in [
        world.rotate(2).await.unwrap_err(),
        world.manager().resume(ResumeOptions::default()).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
        assert!(error.to_string().contains("abandon"), "{error}");
    }
    let report = world.manager().abandon().await.unwrap();
    assert_eq!(report.after.operation_in_progress, None);
    let report = world.rotate(2).await.unwrap();
    assert_eq!(report.reencryption[0].evidence, Evidence::Metrics);
    world.all_under(2).await;
}
