//! Convergence is honest: as long as one API server writes with something else than the expected
//! key, no report says complete, the error says what the servers write with, and nothing is lost.

use std::{collections::BTreeSet, time::Duration};

use aks_kms::{
    EnableOptions, Error, ErrorKind, Journal, KmsManager, OperationReport, Purpose,
    ReencryptSecretsOptions, Timing,
};
use aks_kms_simulator::{
    Case, Simulator,
    backend::{GroundTruth, KeyRef, KmsVersion},
    given::Faults,
    writes::Write,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::common::{self, world::is_all_proven};

/// How AKS may wire two keys: everything must hold for both.
const WIRINGS: [&str; 2] = ["one-provider", "two-providers"];

/// Secrets that a case has unless it says otherwise.
const SECRETS: usize = 10;
/// The key of the record's seal is one secret more.
const SEAL: usize = 1;

/// Long enough for servers that converge, short enough to wait for those that never do.
const CONVERGENCE_LIMIT: Duration = Duration::from_secs(1);

/// A manager that does not wait long for API servers.
fn impatient(case: &Case) -> KmsManager {
    let timing = Timing { convergence_limit: CONVERGENCE_LIMIT, ..Timing::scaled(common::SCALE) };
    common::builder(case).timing(timing).build().unwrap()
}

/// The same, without the record of operations.
fn without_record(case: &Case) -> KmsManager {
    let timing = Timing { convergence_limit: CONVERGENCE_LIMIT, ..Timing::scaled(common::SCALE) };
    common::builder(case).timing(timing).journal(Journal::None).build().unwrap()
}

async fn put(simulator: &Simulator, given: Value) -> Case {
    simulator.put_case(serde_json::from_value(given).unwrap()).await.unwrap()
}

/// A cluster in the middle of a change of its key: on with the second, all secrets under the first.
fn rotated(wiring: &str, api_servers: &Value) -> Value {
    json!({
        "cluster": {"wiring": wiring, "kms": {"key": "{{key.2}}", "previous": "{{key.1}}"}},
        "secrets": {"under": "{{key.1}}"},
        "faults": {"api_servers": api_servers},
    })
}

async fn enable(manager: &KmsManager, case: &Case) -> Result<OperationReport, Error> {
    manager.enable(&case.key_ids[0], EnableOptions::default()).await
}

async fn reencrypt(manager: &KmsManager) -> Result<OperationReport, Error> {
    manager.reencrypt_secrets(ReencryptSecretsOptions::default()).await
}

/// How an API server's metrics name a key.
fn metrics_hash(key_id: &str) -> String {
    let key = KeyRef { key_id: key_id.to_owned(), kms_version: KmsVersion::V2 };
    let digest = Sha256::digest(key.plugin_key_id().as_bytes());
    digest.iter().fold("sha256:".to_owned(), |hash, byte| format!("{hash}{byte:02x}"))
}

/// The error is about convergence, and no pass of its report proves anything under a key.
fn assert_not_converged(error: &Error, what: &str) {
    assert_eq!(error.kind(), ErrorKind::KmsUnavailable, "{what}: {error:?}");
    assert!(error.is_retryable(), "{what}: {error:?}");
    assert_nothing_proven_under_a_key(error, what);
}

fn assert_nothing_proven_under_a_key(error: &Error, what: &str) {
    let report = error.report().unwrap_or_else(|| panic!("{what}: no report with {error:?}"));
    for pass in &report.reencryption {
        let proves = pass.complete && (pass.purpose != Purpose::Gate || pass.key_id.is_some());
        assert!(!proves, "{what}: {pass:#?}");
    }
}

/// The message says with what the servers that were heard write, in whatever order.
fn assert_says(error: &Error, expected: &[&str], what: &str) {
    let message = error.to_string();
    assert_eq!(said(&message), expected.iter().copied().collect(), "{what}: {message}");
}

/// As long as the canary is stored by the other, a server that is behind cannot be made to write.
fn assert_says_one_of(error: &Error, expected: &[&str], what: &str) {
    let message = error.to_string();
    let said = said(&message);
    assert!(!said.is_empty(), "{what}: {message}");
    assert!(said.iter().all(|one| expected.contains(one)), "{what}: {message}");
}

fn said(message: &str) -> BTreeSet<&str> {
    let said =
        message.split("those heard write with ").nth(1).and_then(|rest| rest.split(';').next());
    said.map(|said| said.split(", ").collect()).unwrap_or_default()
}

/// All secrets are there and can be read; gives under what they are.
async fn nothing_is_lost(simulator: &Simulator, case: &Case, what: &str) -> GroundTruth {
    let truth = simulator.secrets(&case.id).await.unwrap();
    assert_eq!(
        (truth.clone().of_others().total, truth.unreadable),
        (SECRETS, 0),
        "{what}: {truth:?}"
    );
    truth
}

/// All secrets, with the seal or without: it lies under what the server wrote with that made it, and
/// while none can write there is none.
fn is_all(count: usize) -> bool {
    (SECRETS..=SECRETS + SEAL).contains(&count)
}

/// Once what was wrong is over, the verb finishes what was begun.
async fn ends_right(simulator: &Simulator, case: &Case, what: &str) {
    simulator.set_faults(&case.id, Faults::default()).await.unwrap();
    let report = enable(&common::manager(case), case)
        .await
        .unwrap_or_else(|error| panic!("{what}: {error:?}, {:#?}", error.report()));
    // Where API servers were left on two keys, the first gate is under both.
    let last = report.reencryption.last().unwrap();
    assert!(last.complete && last.purpose != Purpose::Gate, "{what}: {report:#?}");
    let truth = nothing_is_lost(simulator, case, what).await;
    assert_eq!(truth.by_key.get(&case.key_ids[0]), Some(&truth.total), "{what}: {truth:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_enable_one_server_that_writes_without_the_key_is_detected() {
    let simulator = common::simulator().await;
    for wiring in WIRINGS {
        for kind in ["writes-old", "behind"] {
            let what = format!("{wiring}, {kind}");
            let given = json!({
                "cluster": {"wiring": wiring},
                "faults": {"api_servers": [{"server": 1, "kind": kind}]},
            });
            let case = put(&simulator, given).await;
            let error = enable(&impatient(&case), &case).await.unwrap_err();
            assert_not_converged(&error, &what);
            let key = format!("the key {}", metrics_hash(&case.key_ids[0]));
            match kind {
                "writes-old" => assert_says(&error, &["no encryption", &key], &what),
                _ => assert_says_one_of(&error, &["no encryption", &key], &what),
            }
            let truth = nothing_is_lost(&simulator, &case, &what).await;
            assert!(is_all(truth.plaintext), "{what}: not rewritten: {truth:?}");
            ends_right(&simulator, &case, &what).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_server_that_writes_with_the_old_key_is_detected_by_reencrypt_secrets() {
    let simulator = common::simulator().await;
    for wiring in WIRINGS {
        for kind in ["writes-old", "behind"] {
            let what = format!("{wiring}, {kind}");
            let given = rotated(wiring, &json!([{"server": 2, "kind": kind}]));
            let case = put(&simulator, given).await;
            let error = reencrypt(&impatient(&case)).await.unwrap_err();
            assert_not_converged(&error, &what);
            let [old, new] =
                [0, 1].map(|key| format!("the key {}", metrics_hash(&case.key_ids[key])));
            match kind {
                "writes-old" => assert_says(&error, &[&old, &new], &what),
                _ => assert_says_one_of(&error, &[&old, &new], &what),
            }
            let truth = nothing_is_lost(&simulator, &case, &what).await;
            assert!(is_all(truth.by_key[&case.key_ids[0]]), "{what}: not rewritten: {truth:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_operation_that_failed_what_the_profile_names_is_not_believed() {
    let simulator = common::simulator().await;
    for wiring in WIRINGS {
        for applied_to in [json!([]), json!([1]), json!([2])] {
            let what = format!("{wiring}, applied to {applied_to}");
            let given = json!({
                "cluster": {"wiring": wiring},
                "faults": {"operations": [{
                    "status": "Failed",
                    "code": "InternalOperationError",
                    "applied_to": applied_to,
                }]},
            });
            let case = put(&simulator, given).await;
            let failed = enable(&impatient(&case), &case).await.unwrap_err();
            assert_eq!(failed.kind(), ErrorKind::OperationFailed, "{what}: {failed:?}");
            assert_nothing_proven_under_a_key(&failed, &what);
            let after = &failed.report().unwrap().after;
            let named = after.key_id.as_ref().map(ToString::to_string);
            assert_eq!(named.as_ref(), Some(&case.key_ids[0]), "{what}: {after:?}");

            // The record says that enable is unfinished, so this looks past it.
            let outcome = reencrypt(&without_record(&case)).await;
            let truth = nothing_is_lost(&simulator, &case, &what).await;
            if applied_to == json!([]) {
                // proven under what the API servers write with, which is not what is configured
                let pass = outcome.unwrap().reencryption.remove(0);
                assert!(pass.complete && pass.key_id.is_none(), "{what}: {pass:#?}");
                assert!(is_all(truth.plaintext), "{what}: not rewritten: {truth:?}");
            } else {
                let error = outcome.unwrap_err();
                assert_not_converged(&error, &what);
                assert!(error.to_string().contains("write with two keys"), "{what}: {error}");
            }
            ends_right(&simulator, &case, &what).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_that_ends_by_itself_is_waited_for() {
    let simulator = common::simulator().await;
    for wiring in WIRINGS {
        for kind in ["writes-old", "behind"] {
            let what = format!("{wiring}, {kind}");
            let given = json!({
                "cluster": {"wiring": wiring},
                "faults": {"api_servers": [{"server": 2, "kind": kind, "seconds": 60}]},
            });
            let case = put(&simulator, given).await;
            let report = enable(&common::manager(&case), &case)
                .await
                .unwrap_or_else(|error| panic!("{what}: {error:?}"));
            assert!(is_all_proven(&report), "{what}: {report:#?}");
            let truth = nothing_is_lost(&simulator, &case, &what).await;
            assert!(is_all(truth.by_key[&case.key_ids[0]]), "{what}: {truth:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_whose_plugin_is_down_are_not_taken_for_converged() {
    let simulator = common::simulator().await;
    // A server goes on with its data key for three minutes after its plugin's last answer.
    let data_key_expires = Duration::from_secs(240).mul_f64(common::SCALE);
    for down in [json!([1, 2]), json!([1])] {
        let what = format!("down: {down}");
        let case = put(&simulator, rotated("one-provider", &json!([]))).await;
        let servers = down.as_array().unwrap().iter();
        let faults: Vec<Value> =
            servers.map(|server| json!({"server": server, "kind": "kms-down"})).collect();
        let faults = serde_json::from_value(json!({"api_servers": faults})).unwrap();
        simulator.set_faults(&case.id, faults).await.unwrap();
        tokio::time::sleep(data_key_expires).await;
        let error = reencrypt(&impatient(&case)).await.unwrap_err();
        assert_not_converged(&error, &what);
        assert!(error.to_string().contains("a write failed: "), "{what}: {error}");
        let truth = nothing_is_lost(&simulator, &case, &what).await;
        assert!(is_all(truth.by_key[&case.key_ids[0]]), "{what}: not rewritten: {truth:?}");

        simulator.set_faults(&case.id, Faults::default()).await.unwrap();
        let report = reencrypt(&common::manager(&case)).await.unwrap();
        assert!(report.reencryption[0].complete, "{what}: {report:#?}");
        let truth = nothing_is_lost(&simulator, &case, &what).await;
        assert!(is_all(truth.by_key[&case.key_ids[1]]), "{what}: {truth:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_enable_changes_nothing() {
    let simulator = common::simulator().await;
    for wiring in WIRINGS {
        let case = put(&simulator, json!({"cluster": {"wiring": wiring}})).await;
        let manager = common::manager(&case);
        enable(&manager, &case).await.unwrap();
        let first = simulator.secrets(&case.id).await.unwrap();
        let cluster = simulator.cluster(&case.id).unwrap();
        simulator.clear_writes(&case.id).unwrap();

        let report = enable(&manager, &case).await.unwrap();
        let counts = report.reencryption[0].counts;
        assert!(report.reencryption[0].complete, "{wiring}: {report:#?}");
        assert_eq!((counts.current, counts.rewritten), ((SECRETS + SEAL) as u64, 0), "{wiring}");
        assert_eq!(simulator.secrets(&case.id).await.unwrap(), first, "{wiring}");
        assert_eq!(simulator.cluster(&case.id).unwrap(), cluster, "{wiring}");
        let asked = vec![Write::PatchSecrets { patch_secrets: (SECRETS + SEAL) as u64 }];
        assert_eq!(simulator.writes(&case.id).unwrap(), asked, "{wiring}: asked, none written");
    }
}
