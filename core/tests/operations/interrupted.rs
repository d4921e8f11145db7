//! Interruption and foreign hands: whatever happens in the middle, calling the verb again ends
//! right, and nothing is lost.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use aks_kms::{EnableOptions, ErrorKind, Phase, RuleId};
use aks_kms_simulator::{Given, Simulator, writes::Write};
use serde_json::json;

use crate::common;

fn given() -> Given {
    serde_json::from_value(json!({
        "cluster": {"wiring": "one-provider"},
        "secrets": {"namespaces": 4, "each": 25},
        "faults": {"kubernetes_latency_ms": 1, "operation_seconds": 5},
    }))
    .unwrap()
}

/// Drops `enable` after a time, then calls it again to its end.
async fn dropped_after(simulator: &Simulator, milliseconds: u64) {
    let case = simulator.put_case(given()).await.unwrap();
    let manager = common::manager(&case);
    let key = &case.key_ids[0];
    let dropped = manager.enable(key, EnableOptions::default());
    let limit = Duration::from_millis(milliseconds);
    let first = tokio::time::timeout(limit, dropped).await;
    let between = simulator.secrets(&case.id).await.unwrap().of_others();
    assert_eq!((between.total, between.unreadable), (100, 0), "after {milliseconds} ms");

    // what was begun may still go on: a busy cluster is a conflict, which passes
    let report = loop {
        match manager.enable(key, EnableOptions::default()).await {
            Ok(report) => break report,
            Err(error) if error.is_retryable() => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(error) => panic!("after {milliseconds} ms: {error:?}"),
        }
    };
    let passes = &report.reencryption;
    assert!(passes.iter().all(|pass| pass.complete), "after {milliseconds} ms: {passes:#?}");
    let end = simulator.secrets(&case.id).await.unwrap();
    assert_eq!((end.total, end.plaintext, end.unreadable), (101, 0, 0), "after {milliseconds} ms");
    assert_eq!(end.by_key[key], 101, "after {milliseconds} ms, first {:?}", first.is_ok());
    let puts = simulator
        .writes(&case.id)
        .unwrap()
        .into_iter()
        .filter(|write| matches!(write, Write::Request { .. }))
        .count();
    assert_eq!(puts, 1, "the key is set once, whenever the first call ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_dropped_at_any_moment_is_finished_by_the_next_one() {
    let simulator = common::simulator().await;
    let moments = (0..30).map(|step| step * 13 + 1);
    for group in moments.collect::<Vec<u64>>().chunks(6) {
        futures::future::join_all(group.iter().map(|&moment| dropped_after(&simulator, moment)))
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_by_somebody_else_before_the_put_is_kept_and_the_gate_runs_again() {
    let simulator = Arc::new(common::simulator().await);
    let case = simulator.put_case(Given::default()).await.unwrap();
    let (changed, hand, id) = (AtomicBool::new(false), Arc::clone(&simulator), case.id.clone());
    let on_progress: aks_kms::OnProgress = Arc::new(move |now| {
        if now.phase == Phase::Verify && !changed.swap(true, Ordering::Relaxed) {
            hand.patch_cluster(&id, &json!({"tags": {"owner": "somebody-else"}})).unwrap();
        }
    });
    let options = EnableOptions { on_progress: Some(on_progress), ..EnableOptions::default() };
    let report = common::manager(&case).enable(&case.key_ids[0], options).await.unwrap();
    assert_eq!(report.reencryption.len(), 3, "gate, gate again, rewrite");
    let complete: Vec<bool> = report.reencryption.iter().map(|pass| pass.complete).collect();
    assert_eq!(complete, [false, true, true], "the cluster was changed during the first gate");
    let cluster = simulator.cluster(&case.id).unwrap();
    assert_eq!(cluster["tags"]["owner"], "somebody-else");
    assert_eq!(simulator.secrets(&case.id).await.unwrap().by_key[&case.key_ids[0]], 11);
}

/// While a failed change is about to be tried again, somebody else sets another key.
#[tokio::test(flavor = "multi_thread")]
async fn another_key_set_by_somebody_else_between_two_tries_is_never_overwritten() {
    let simulator = Arc::new(common::simulator().await);
    let given: Given = serde_json::from_value(json!({"faults": {"operations": [{
        "status": "Failed",
        "code": "AzureKeyVaultKmsValidateIdentityPermissionCustomerError",
    }]}}))
    .unwrap();
    let case = simulator.put_case(given).await.unwrap();
    let (hand, it) = (Arc::clone(&simulator), case.clone());
    let somebody = tokio::spawn(async move {
        while hand.cluster(&it.id).unwrap()["properties"]["provisioningState"] != "Failed" {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let profile = json!({"azureKeyVaultKms": {"enabled": true, "keyId": it.key_ids[1]}});
        let patch =
            json!({"properties": {"provisioningState": "Succeeded", "securityProfile": profile}});
        hand.patch_cluster(&it.id, &patch).unwrap();
    });
    let enabled = common::manager(&case).enable(&case.key_ids[0], EnableOptions::default()).await;
    somebody.await.unwrap();
    let error = enabled.unwrap_err();
    // noticed by the record, or by the rule when the plan is made anew
    let refused = error.findings().iter().any(|finding| finding.rule == RuleId::KmsAlreadyEnabled);
    assert!(refused || error.kind() == ErrorKind::Conflict, "{error:?}");
    let puts = simulator.writes(&case.id).unwrap();
    let puts = puts.iter().filter(|write| matches!(write, Write::Request { .. })).count();
    assert_eq!(puts, 1, "only the first try was sent");
    let profile = &simulator.cluster(&case.id).unwrap()["properties"]["securityProfile"];
    assert_eq!(profile["azureKeyVaultKms"]["keyId"], case.key_ids[1].as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_comes_in_order_and_ends_once() {
    let simulator = common::simulator().await;
    let case = simulator.put_case(given()).await.unwrap();
    let (sender, receiver) = std::sync::mpsc::channel();
    let options = EnableOptions {
        on_progress: Some(Arc::new(move |now| sender.send(now).unwrap())),
        ..EnableOptions::default()
    };
    common::manager(&case).enable(&case.key_ids[0], options).await.unwrap();
    let seen: Vec<_> = receiver.try_iter().collect();
    let finished = seen.iter().filter(|now| now.finished).count();
    assert!(finished == 1 && seen.last().unwrap().finished);
    assert!(seen.iter().all(|now| now.total.is_none_or(|total| now.done <= total)));
    assert!(seen.is_sorted_by_key(|now| now.step));
    let phases: Vec<Phase> = seen.iter().map(|now| now.phase).collect();
    for phase in [
        Phase::Observe,
        Phase::Plan,
        Phase::Converge,
        Phase::Reencrypt,
        Phase::Verify,
        Phase::Cluster,
    ] {
        assert!(phases.contains(&phase), "{phase} in {phases:?}");
    }
}
