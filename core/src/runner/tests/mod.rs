//! Changes of the KMS profile as recorded operations of Azure went, on virtual time.
//!
//! `recorded_operations.json` has a row for each: what changes and polls were answered with, and when; what
//! must come of it, within how many seconds and requests, and of the same call made again.

mod recorded_azure;

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use tokio::time::{Instant, timeout};

use super::*;
use crate::{
    azure::cluster_id,
    ids::{NetworkMode, Verb},
    plan::Plan,
    report::{KmsConfiguration, Step},
};
use recorded_azure::{Put, RecordedAzure};

const BEFORE: &str = "https://shop.vault.azure.net/keys/etcd/0123456789abcdef0123456789abcdef";
const AFTER: &str = "https://shop.vault.azure.net/keys/etcd/fedcba9876543210fedcba9876543210";
const ROWS: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/src/runner/tests/recorded_operations.json");
/// How many times a call looks at everything again.
const ROUNDS: usize = 5;
/// Nobody is asked more often in a minute.
const BUSIEST: usize = 20;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: String,
    puts: Vec<Put>,
    /// The caller's time limit, in seconds.
    #[serde(default = "two_hours")]
    limit: f64,
    comes: Comes,
    /// What comes of the same call, made again.
    #[serde(default)]
    again: Option<Comes>,
}

fn two_hours() -> f64 {
    7_200.0
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Comes {
    /// `done`, `at work`, or the code of an error's kind.
    outcome: String,
    /// The service's code, with an error.
    #[serde(default)]
    code: Option<String>,
    /// What the error says, among others.
    #[serde(default)]
    says: String,
    /// Whether the same call may succeed later with nothing else changed.
    #[serde(default)]
    retryable: bool,
    seconds: (f64, f64),
    /// At most.
    requests: usize,
    /// How many changes are sent.
    changes: usize,
}

fn on(key_id: &str) -> KmsChange {
    KmsChange::On(KmsConfiguration {
        key_id: KeyId::parse(key_id).unwrap(),
        network_mode: NetworkMode::Public,
        key_vault_id: None,
    })
}

/// One call: it looks, and runs the plan, again where the cluster was changed meanwhile.
async fn call(azure: &Azure) -> Result<()> {
    let (cluster, timing, target) = (cluster_id(), Timing::default(), on(AFTER));
    let reporter = Reporter::new(Verb::Rotate, None);
    for _ in 0..ROUNDS {
        let seen = settled(azure, &cluster, &timing, &reporter).await?;
        if seen.facts.is_succeeded() && seen.facts.has(&target) {
            return Ok(());
        }
        let log = RunLog::new(Verb::Rotate, cluster.clone(), false, Vec::new(), "2026-01-01");
        let half_way = HalfWay::new(false);
        let runner = Runner {
            azure,
            cluster: &cluster,
            engine: None,
            timing: &timing,
            reporter: &reporter,
            log: &log,
            allow: &[],
            give_up_secrets: &[],
            recording: None,
            key_in_use: None,
            made: &tokio::sync::OnceCell::new(),
            before: Some(on(BEFORE)),
            off_and_on: false,
            kms_is_off: false,
            is_new_cluster: false,
            half_way: &half_way,
            closed: &tokio::sync::OnceCell::new(),
            wrote: &AtomicBool::new(false),
            waited: &Waited::default(),
        };
        let steps = vec![Step::new(StepKind::SetKms { target: target.clone() })];
        let plan = Plan { findings: Vec::new(), steps };
        match Box::pin(runner.run(&plan, seen.facts.etag.clone())).await? {
            RunOutcome::Done(_) => return Ok(()),
            RunOutcome::Replan(_) => {}
        }
    }
    Err(Error::new(ErrorKind::Unexpected, "it is planned again and again"))
}

/// Makes a call, and compares what comes of it.
async fn comes(recorded: &RecordedAzure, limit: f64, expected: &Comes) -> Result<(), String> {
    let azure = recorded.client();
    let (before, puts_before) = recorded.asked();
    let began = Instant::now();
    let outcome = timeout(Duration::from_secs_f64(limit), call(&azure)).await;
    let seconds = began.elapsed().as_secs_f64();
    let (requests, puts) = recorded.asked();
    let (requests, puts) = (requests - before, puts - puts_before);
    let is_expected = match &outcome {
        Err(_) => expected.outcome == "at work",
        Ok(Ok(())) => expected.outcome == "done",
        Ok(Err(error)) => {
            expected.outcome == error.code()
                && expected.code.as_deref() == error.service_code()
                && expected.retryable == error.is_retryable()
                && error.to_string().contains(&expected.says)
        }
    };
    let (least, most) = expected.seconds;
    let holds = is_expected
        && (least..=most).contains(&seconds)
        && requests <= expected.requests
        && puts == expected.changes
        && recorded.busiest_minute() <= BUSIEST;
    let told = || {
        format!(
            "{outcome:?} after {seconds:.1} s, {requests} requests, {} in a minute, {puts} changes; expected is \
             {expected:?}",
            recorded.busiest_minute()
        )
    };
    if holds { Ok(()) } else { Err(told()) }
}

#[tokio::test(start_paused = true)]
async fn recorded_operations_come_to_their_end() {
    let rows: Vec<Row> = serde_json::from_str(&std::fs::read_to_string(ROWS).unwrap()).unwrap();
    assert!(rows.len() >= 30, "{}", rows.len());
    let profile = json!({"enabled": true, "keyId": BEFORE, "keyVaultNetworkAccess": "Public"});
    let mut wrong = Vec::new();
    for row in &rows {
        let recorded = RecordedAzure::new(&row.puts, profile.clone());
        if let Err(why) = comes(&recorded, row.limit, &row.comes).await {
            wrong.push(format!("{}: {why}", row.name));
        }
        if let Some(again) = &row.again
            && let Err(why) = comes(&recorded, two_hours(), again).await
        {
            wrong.push(format!("{}, again: {why}", row.name));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
