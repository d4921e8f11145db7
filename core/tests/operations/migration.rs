//! A cluster moves from KMS v1 to v2 along the upgrades that are offered.

use std::time::Duration;

use aks_kms::{
    ErrorKind, KmsManager, KmsVersion, MigrateToV2Options, OperationReport, ResumeOptions, RuleId,
    StatusOptions, StepKind, StepOutcome,
};
use aks_kms_simulator::{Case, Given, Simulator};
use serde_json::{Value, json};

use crate::common;

fn given(version: &str, secrets: usize) -> Given {
    serde_json::from_value(json!({
        "cluster": {
            "kubernetes_version": version,
            "kms": {"key": "{{key.1}}"},
            "upgrades": {"1.24.9": ["1.27.3", "1.28.3"]},
        },
        "secrets": {"namespaces": 20, "each": secrets / 20},
    }))
    .unwrap()
}

fn options() -> MigrateToV2Options {
    MigrateToV2Options { allow: vec![RuleId::KeyInUseUnproven], ..MigrateToV2Options::default() }
}

/// Versions of the upgrades that were performed.
fn upgrades(report: &OperationReport) -> Vec<String> {
    let done = report.steps.iter().filter(|step| step.outcome == StepOutcome::Done);
    done.filter_map(|step| match &step.step.kind {
        StepKind::UpgradeControlPlane { version } => Some(version.to_string()),
        _ => None,
    })
    .collect()
}

/// The key of the record's seal is one secret more.
const SEAL: usize = 1;

async fn is_well(simulator: &Simulator, case: &Case, manager: &KmsManager, total: usize) {
    let truth = simulator.secrets(&case.id).await.unwrap();
    assert_eq!(truth.violations, Vec::<String>::new());
    // all of them, with what the library keeps for itself
    assert_eq!(truth.by_key[&case.key_ids[0]], truth.total);
    assert_eq!((truth.unreadable, truth.of_others().total), (0, total));
    let status = manager.status(StatusOptions::default()).await.unwrap();
    assert_eq!(status.kms_version, Some(KmsVersion::V2));
    assert!(status.operation_in_progress.is_none());
    let cluster = simulator.cluster(&case.id).unwrap();
    let properties = &cluster["properties"];
    for pool in properties["agentPoolProfiles"].as_array().unwrap() {
        assert_eq!(pool["currentOrchestratorVersion"], properties["currentKubernetesVersion"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_secrets_go_from_1_25_to_v2_in_two_upgrades() {
    let simulator = common::simulator().await;
    let case = simulator.put_case(given("1.25.3", 2_000)).await.unwrap();
    let manager = common::manager(&case);
    let refused = manager.migrate_to_v2(MigrateToV2Options::default()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::PreflightFailed);
    let report = manager.migrate_to_v2(options()).await.unwrap();
    assert_eq!(upgrades(&report), ["1.26.3", "1.27"]);
    assert_eq!(report.after.kms_version, Some(KmsVersion::V2));
    // the gate cannot be proven on KMS v1
    let mut rest = report.reencryption.iter().skip(1);
    assert!(report.is_proven() && rest.all(|pass| pass.complete), "{report:#?}");
    is_well(&simulator, &case, &manager, 2_000).await;

    simulator.clear_writes(&case.id).unwrap();
    let again = manager.migrate_to_v2(options()).await.unwrap();
    assert!(again.steps.is_empty() && again.reencryption.is_empty());
    assert!(simulator.writes(&case.id).unwrap().is_empty(), "on v2 there is nothing to do");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_out_of_support_takes_the_skip_that_is_offered() {
    let simulator = common::simulator().await;
    let case = simulator.put_case(given("1.24.9", 100)).await.unwrap();
    let manager = common::manager(&case);
    let report = manager.migrate_to_v2(options()).await.unwrap();
    assert_eq!(upgrades(&report), ["1.27.3"]);
    let rules: Vec<RuleId> = report.findings.iter().map(|finding| finding.rule).collect();
    assert!(rules.contains(&RuleId::UpgradeSkipsVersions), "{rules:?}");
    is_well(&simulator, &case, &manager, 100).await;
}

async fn resumed(manager: &KmsManager) -> OperationReport {
    loop {
        // What is allowed is not remembered: it is named again.
        let resume = ResumeOptions { allow: options().allow, ..ResumeOptions::default() };
        let outcome = match manager.resume(resume).await {
            Ok(report) if report.steps.is_empty() => manager.migrate_to_v2(options()).await,
            outcome => outcome,
        };
        match outcome {
            Ok(report) => return report,
            Err(error) if error.is_retryable() => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(error) => panic!("{error:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_that_fails_is_told_clearly_and_resumed() {
    let simulator = common::simulator().await;
    for (after, name) in [("nothing", "before it began"), ("control-plane", "at the node pools")] {
        let mut given = given("1.25.3", 100);
        // off, the upgrade of the control plane, and that of the pools
        given.faults = serde_json::from_value(json!({"operations": [
            {"status": "Succeeded"},
            {"status": "Failed", "code": "QuotaExceeded", "message": "vCPUs", "after": after},
        ]}))
        .unwrap();
        let case = simulator.put_case(given).await.unwrap();
        let manager = common::manager(&case);
        let error = manager.migrate_to_v2(options()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OperationFailed, "{name}: {error:?}");
        assert_eq!(error.service_code(), Some("QuotaExceeded"), "{name}");
        let text = error.to_string();
        assert!(text.contains("resume") && text.contains(&case.key_ids[0]), "{name}: {text}");
        let between = simulator.secrets(&case.id).await.unwrap();
        assert_eq!((between.plaintext, between.unreadable), (100 + SEAL, 0), "{name}");
        resumed(&manager).await;
        is_well(&simulator, &case, &manager, 100).await;
    }
}

async fn dropped_after(simulator: &Simulator, milliseconds: u64) {
    let mut given = given("1.25.3", 100);
    given.faults.operation_seconds = Some(5.0);
    given.faults.kubernetes_latency_ms = 1;
    let case = simulator.put_case(given).await.unwrap();
    let first = common::manager(&case);
    let limit = Duration::from_millis(milliseconds);
    let _ = tokio::time::timeout(limit, first.migrate_to_v2(options())).await;
    let between = simulator.secrets(&case.id).await.unwrap().of_others();
    assert_eq!((between.total, between.unreadable), (100, 0), "after {milliseconds} ms");
    drop(first);
    let second = common::manager(&case);
    resumed(&second).await;
    is_well(simulator, &case, &second, 100).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_dropped_at_any_moment_is_resumed_to_its_end() {
    let simulator = common::simulator().await;
    let moments = (0..24).map(|step| step * 149 + 1);
    for group in moments.collect::<Vec<u64>>().chunks(6) {
        let calls = group.iter().map(|&moment| dropped_after(&simulator, moment));
        futures::future::join_all(calls).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_leads_nowhere_is_refused_before_anything_is_done() {
    let simulator = common::simulator().await;
    let mut nowhere = given("1.25.3", 20);
    nowhere.cluster.upgrades.insert("1.25.3".to_owned(), vec!["1.25.7".to_owned()]);
    let case = simulator.put_case(nowhere).await.unwrap();
    let error = common::manager(&case).migrate_to_v2(options()).await.unwrap_err();
    let rules: Vec<RuleId> = error.findings().iter().map(|finding| finding.rule).collect();
    assert!(rules.contains(&RuleId::UpgradeNotOffered), "{error:?}");
    assert!(simulator.writes(&case.id).unwrap().is_empty());
    let profile: Value = simulator.cluster(&case.id).unwrap();
    assert_eq!(profile["properties"]["securityProfile"]["azureKeyVaultKms"]["enabled"], true);
}
