//! A cluster to re-encrypt, with hands on its Kubernetes.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use aks_kms::{
    Error, KmsManager, OnProgress, OperationReport, Phase, ReencryptOptions, ReencryptReport,
    ReencryptSecretsOptions, RunOptions, Timing,
};
use aks_kms_simulator::{
    BackendFactory, Case, Options, Simulator, TimeScale,
    backend::{GroundTruth, KubernetesBackend},
    embedded::Embedded,
    given::Faults,
    writes::Write,
};
use futures::future::{FutureExt, ready};
use serde_json::Value;

use crate::common;

/// A case, its cluster's Kubernetes, and a way to do things to it in the middle of a run.
pub(crate) struct World {
    pub(crate) simulator: Simulator,
    pub(crate) case: Case,
    pub(crate) embedded: Arc<Embedded>,
}

impl World {
    pub(crate) async fn new(given: Value) -> Self {
        let made: Arc<Mutex<Option<Arc<Embedded>>>> = Arc::default();
        let keep = Arc::clone(&made);
        let factory: BackendFactory = Arc::new(move |spec| {
            let started = Embedded::start(spec).map(|embedded| {
                let embedded = Arc::new(embedded);
                *keep.lock().unwrap() = Some(Arc::clone(&embedded));
                let backend: Arc<dyn KubernetesBackend> = embedded;
                backend
            });
            ready(started).boxed()
        });
        let options = Options { scale: TimeScale(common::SCALE), ..Options::default() };
        let simulator = Simulator::start_with(options, factory).await.unwrap();
        let case = simulator.put_case(serde_json::from_value(given).unwrap()).await.unwrap();
        let embedded = made.lock().unwrap().take().unwrap();
        Self { simulator, case, embedded }
    }

    pub(crate) fn manager(&self) -> KmsManager {
        common::manager(&self.case)
    }

    /// A manager with some waits of its own.
    pub(crate) fn with_timing(&self, change: impl FnOnce(&mut Timing)) -> KmsManager {
        let mut timing = Timing::scaled(common::SCALE);
        change(&mut timing);
        common::builder(&self.case).timing(timing).build().unwrap()
    }

    pub(crate) async fn reencrypt(&self) -> Result<OperationReport, Error> {
        self.manager().reencrypt_secrets(ReencryptSecretsOptions::default()).await
    }

    /// The only pass of a run that succeeds.
    pub(crate) async fn pass(&self) -> ReencryptReport {
        only(self.reencrypt().await.unwrap())
    }

    pub(crate) async fn truth(&self) -> GroundTruth {
        self.simulator.secrets(&self.case.id).await.unwrap()
    }

    pub(crate) async fn faults(&self, faults: Value) {
        let faults: Faults = serde_json::from_value(faults).unwrap();
        self.simulator.set_faults(&self.case.id, faults).await.unwrap();
    }

    /// Options under which these faults come up when rewriting begins.
    pub(crate) fn faults_when_rewriting(&self, faults: Value) -> ReencryptSecretsOptions {
        let embedded = Arc::clone(&self.embedded);
        during(Phase::Reencrypt, 0, move || set_faults(&embedded, &faults))
    }

    /// How many patches of secrets were sent, dry runs and the canary left out.
    pub(crate) fn patches(&self) -> u64 {
        let writes = self.simulator.writes(&self.case.id).unwrap();
        writes
            .iter()
            .map(|write| match write {
                Write::PatchSecrets { patch_secrets } => *patch_secrets,
                Write::Request { .. } => 0,
            })
            .sum()
    }

    /// All secrets are under this key, and none is lost.
    pub(crate) async fn assert_all_under(&self, key: usize) {
        let truth = self.truth().await;
        assert_eq!(truth.by_key.get(&self.case.key_ids[key]), Some(&truth.total), "{truth:?}");
        assert_eq!(truth.unreadable, 0, "{truth:?}");
    }
}

/// The only pass of a report.
pub(crate) fn only(report: OperationReport) -> ReencryptReport {
    let [pass] = <[ReencryptReport; 1]>::try_from(report.reencryption).unwrap();
    pass
}

/// Replaces the faults of a cluster's Kubernetes, from within a run.
pub(crate) fn set_faults(embedded: &Embedded, faults: &Value) {
    let faults = serde_json::from_value(faults.clone()).unwrap();
    block_on(embedded.set_faults(faults)).unwrap();
}

/// Options with which `act` is called once, when a phase has begun and so many secrets are done.
pub(crate) fn during(
    phase: Phase,
    done: u64,
    act: impl Fn() + Send + Sync + 'static,
) -> ReencryptSecretsOptions {
    with_progress(once(phase, done, act), ReencryptOptions::default())
}

pub(crate) fn with_progress(
    on_progress: OnProgress,
    reencrypt: ReencryptOptions,
) -> ReencryptSecretsOptions {
    ReencryptSecretsOptions {
        run: RunOptions { on_progress: Some(on_progress), ..RunOptions::default() },
        reencrypt,
    }
}

fn once(phase: Phase, done: u64, act: impl Fn() + Send + Sync + 'static) -> OnProgress {
    let acted = AtomicBool::new(false);
    Arc::new(move |now| {
        if now.phase == phase && now.done >= done && !acted.swap(true, Ordering::Relaxed) {
            act();
        }
    })
}

/// Waits for something that takes the runtime's other threads to happen.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(future))
}
