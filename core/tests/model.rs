//! Random sequences of verbs, crashes, failures and foreign changes on the modelled cluster.
//!
//! After each of ours: no secret became unreadable, no vault was closed to somebody who needed it,
//! no key that the ledger calls removable has a secret under it, and what a report calls complete
//! is so in the store. At the end whatever is recorded is gone on with until it ends.
//!
//! `AKS_KMS_MODEL_SEQUENCES` (32 by default) says how many, or `AKS_KMS_MODEL_SECONDS` for how long;
//! `AKS_KMS_MODEL_SEED` repeats a run.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod common;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use aks_kms::{
    ChangeNetworkModeOptions, DisableOptions, EnableOptions, ErrorKind, KmsManager, NetworkMode,
    OperationReport, Purpose, Reencrypt, ReencryptSecretsOptions, Result, ResumeOptions,
    RotateOptions, StatusOptions,
};
use aks_kms_simulator::{Case, Given, Simulator, given::Faults};
use common::az::Az;
use proptest::{
    prelude::*,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::json;

/// Sequences at a time: they wait more than they work.
const AT_A_TIME: usize = 8;
const KEYS: usize = 3;
const SECRETS: usize = 12;
/// Sequences of one worker before it looks whether it has done its share.
const BATCH: u64 = 4;

#[derive(Clone, Copy, Debug)]
enum Verb {
    Enable(usize),
    Rotate(usize, bool),
    Disable(bool),
    ChangeNetworkMode(NetworkMode),
    Reencrypt,
    Resume,
    Abandon,
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Calls(Verb),
    /// The call is dropped after so many milliseconds.
    Drops(Verb, u64),
    /// The next operation of the cluster fails, with so many API servers changed.
    Fails(usize),
    SetsKey(usize),
    TurnsOff,
    Tags,
}

fn verb() -> impl Strategy<Value = Verb> {
    prop_oneof![
        (0..KEYS).prop_map(Verb::Enable),
        (0..KEYS, any::<bool>()).prop_map(|(key, rewrites)| Verb::Rotate(key, rewrites)),
        any::<bool>().prop_map(Verb::Disable),
        prop_oneof![Just(NetworkMode::Private), Just(NetworkMode::Public)]
            .prop_map(Verb::ChangeNetworkMode),
        Just(Verb::Reencrypt),
        Just(Verb::Resume),
        Just(Verb::Abandon),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        5 => verb().prop_map(Act::Calls),
        3 => (verb(), 1_u64..400).prop_map(|(verb, after)| Act::Drops(verb, after)),
        1 => (0_usize..=2).prop_map(Act::Fails),
        1 => (0..KEYS).prop_map(Act::SetsKey),
        1 => Just(Act::TurnsOff),
        1 => Just(Act::Tags),
    ]
}

struct World<'a> {
    simulator: &'a Simulator,
    case: Case,
    az: Az,
    /// Secrets that others made unreadable.
    lost: usize,
    /// Others changed the key.
    foreign: bool,
}

impl World<'_> {
    async fn new(simulator: &Simulator, one_provider: bool) -> World<'_> {
        let wiring = if one_provider { "one-provider" } else { "two-providers" };
        let given: Given = serde_json::from_value(json!({
            "cluster": {"wiring": wiring, "vnet_integration": true},
            "key": {"versions": KEYS},
            "secrets": {"namespaces": 3, "each": SECRETS / 3},
        }))
        .unwrap();
        let case = simulator.put_case(given).await.unwrap();
        let az = Az::login(&case).await;
        World { simulator, case, az, lost: 0, foreign: false }
    }

    async fn call(&self, manager: &KmsManager, verb: Verb) -> Result<OperationReport> {
        let rewrite = |rewrites| if rewrites { Reencrypt::default() } else { Reencrypt::Skip };
        let key = |number: usize| self.case.key_ids[number].as_str();
        match verb {
            Verb::Enable(number) => manager.enable(key(number), EnableOptions::default()).await,
            Verb::Rotate(number, rewrites) => {
                let reencrypt = rewrite(rewrites);
                let options = RotateOptions { reencrypt, ..RotateOptions::default() };
                manager.rotate(Some(key(number)), options).await
            }
            Verb::Disable(rewrites) => {
                let reencrypt = rewrite(rewrites);
                manager.disable(DisableOptions { reencrypt, ..DisableOptions::default() }).await
            }
            Verb::ChangeNetworkMode(mode) => {
                manager.change_network_mode(mode, ChangeNetworkModeOptions::default()).await
            }
            Verb::Reencrypt => manager.reencrypt_secrets(ReencryptSecretsOptions::default()).await,
            Verb::Resume => manager.resume(ResumeOptions::default()).await,
            Verb::Abandon => manager.abandon().await,
        }
    }

    async fn does(&mut self, act: Act) {
        match act {
            Act::Calls(verb) => {
                let manager = common::manager(&self.case);
                let outcome = self.call(&manager, verb).await;
                if let Ok(report) = &outcome {
                    self.is_as_reported(report).await;
                }
            }
            Act::Drops(verb, milliseconds) => {
                let manager = common::manager(&self.case);
                let limit = Duration::from_millis(milliseconds);
                let _ = tokio::time::timeout(limit, self.call(&manager, verb)).await;
            }
            Act::Fails(servers) => {
                let applied_to: Vec<usize> = (1..=servers).collect();
                let faults = json!({"operations": [{
                    "status": "Failed", "code": "InternalOperationError", "applied_to": applied_to,
                }]});
                let faults = serde_json::from_value(faults).unwrap();
                self.simulator.set_faults(&self.case.id, faults).await.unwrap();
            }
            Act::SetsKey(_) | Act::TurnsOff | Act::Tags => self.others_do(act).await,
        }
        self.is_well(&format!("{act:?}")).await;
    }

    /// Where the cluster is at rest and in public mode, as az does it.
    async fn others_do(&mut self, act: Act) {
        let cluster = self.az.show().await;
        let profile = &cluster["properties"]["securityProfile"]["azureKeyVaultKms"];
        let at_rest = cluster["properties"]["provisioningState"] == "Succeeded";
        if !at_rest || profile["keyVaultNetworkAccess"] == "Private" {
            return;
        }
        // the failure is for an operation of ours
        self.simulator.set_faults(&self.case.id, Faults::default()).await.unwrap();
        match act {
            Act::SetsKey(number) => self.az.set_key(&self.case.key_ids[number]).await,
            Act::TurnsOff => self.az.disable().await,
            _ => {
                let tag = json!({"tags": {"by": "others"}});
                self.simulator.patch_cluster(&self.case.id, &tag).unwrap();
                return;
            }
        }
        self.foreign = true;
        self.lost = self.simulator.secrets(&self.case.id).await.unwrap().unreadable;
    }

    async fn is_as_reported(&self, report: &OperationReport) {
        let last = report.reencryption.last();
        let Some(pass) = last.filter(|pass| pass.complete && pass.purpose == Purpose::Rewrite)
        else {
            return;
        };
        let truth = self.simulator.secrets(&self.case.id).await.unwrap();
        let under = match &pass.key_id {
            Some(key_id) => truth.by_key.get(key_id).copied().unwrap_or(0),
            None => truth.plaintext,
        };
        assert_eq!(under, SECRETS, "{report:#?} is called complete: {truth:?}");
    }

    async fn is_well(&self, what: &str) {
        let truth = self.simulator.secrets(&self.case.id).await.unwrap();
        assert_eq!(truth.total, SECRETS, "{what}");
        assert!(truth.unreadable <= self.lost, "{what}: {truth:?}");
        if !self.foreign {
            assert_eq!(truth.violations, Vec::<String>::new(), "{what}");
        }
        let status = common::manager(&self.case).status(StatusOptions::default()).await;
        let Some(ledger) = status.ok().and_then(|status| status.ledger) else { return };
        for entry in ledger.retired.iter().filter(|entry| entry.removable) {
            let under = truth.by_key.get(entry.key_id.as_str());
            assert_eq!(under, None, "{what}: {} is called removable", entry.key_id);
        }
    }

    /// Goes on with what is recorded, or drops it where others stand in the way.
    async fn ends(&mut self) {
        let manager = common::manager(&self.case);
        for _ in 0..20 {
            match manager.resume(ResumeOptions::default()).await {
                Ok(report) => {
                    self.is_as_reported(&report).await;
                    let status = manager.status(StatusOptions::default()).await.unwrap();
                    assert_eq!(status.operation_in_progress, None);
                    return self.is_well("at the end").await;
                }
                // an operation of a call that was dropped goes on for a moment
                Err(error) if error.is_retryable() && !self.foreign => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Err(error) if self.foreign || error.kind() == ErrorKind::OperationFailed => {
                    if self.foreign {
                        manager.abandon().await.unwrap();
                        return self.is_well("at the end, abandoned").await;
                    }
                }
                Err(error) => panic!("resume does not end: {error:?}"),
            }
        }
        panic!("resume does not end");
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

fn seed(base: u64, worker: usize, batch: u64) -> TestRng {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&base.to_le_bytes());
    bytes[8..16].copy_from_slice(&(worker as u64).to_le_bytes());
    bytes[16..24].copy_from_slice(&batch.to_le_bytes());
    TestRng::from_seed(RngAlgorithm::ChaCha, &bytes)
}

#[test]
fn whatever_is_done_in_whatever_order_nothing_is_lost() {
    let seconds = number("AKS_KMS_MODEL_SECONDS").map(Duration::from_secs);
    let sequences = number("AKS_KMS_MODEL_SEQUENCES").unwrap_or(32);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let base = number("AKS_KMS_MODEL_SEED").unwrap_or(now);
    eprintln!("AKS_KMS_MODEL_SEED={base}");
    let runtime = Arc::new(tokio::runtime::Runtime::new().unwrap());
    let simulator = runtime.block_on(common::simulator());
    let (done, began) = (AtomicUsize::new(0), Instant::now());
    std::thread::scope(|scope| {
        for worker in 0..AT_A_TIME {
            let (runtime, simulator, done) = (&runtime, &simulator, &done);
            scope.spawn(move || {
                let share = sequences.div_ceil(AT_A_TIME as u64).div_ceil(BATCH);
                let config = Config {
                    cases: BATCH.try_into().unwrap(),
                    max_shrink_iters: 40,
                    failure_persistence: None,
                    ..Config::default()
                };
                let sequence = (any::<bool>(), prop::collection::vec(act(), 1..8));
                let mut batches = 0;
                while seconds.map_or(batches < share, |limit| began.elapsed() < limit) {
                    batches += 1;
                    let rng = seed(base, worker, batches);
                    let mut runner = TestRunner::new_with_rng(config.clone(), rng);
                    let outcome = runner.run(&sequence, |(one_provider, acts)| {
                        runtime.block_on(async {
                            let mut world = World::new(simulator, one_provider).await;
                            for act in acts {
                                world.does(act).await;
                            }
                            world.ends().await;
                            simulator.delete_case(&world.case.id).unwrap();
                        });
                        done.fetch_add(1, Ordering::Relaxed);
                        Ok(())
                    });
                    assert!(
                        outcome.is_ok(),
                        "seed {base}, worker {worker}: {}",
                        outcome.unwrap_err()
                    );
                }
            });
        }
    });
    eprintln!("{} sequences in {:.0} s", done.into_inner(), began.elapsed().as_secs_f64());
}
