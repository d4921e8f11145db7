//! A manager for a case of the simulator.
#![allow(dead_code, reason = "each test binary uses a part of it")]

pub(crate) mod api_servers;
pub(crate) mod az;
pub(crate) mod embedded;
pub(crate) mod kubectl;
pub(crate) mod random;
pub(crate) mod subprocess;
pub(crate) mod world;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use aks_kms::{
    ClusterId, KmsManager, KmsManagerBuilder, ListClustersOptions, OnProgress, Phase, Progress,
    RuleId, RunOptions, Timing,
};
use aks_kms_simulator::{Case, Options, Simulator, clock::TimeScale};
use serde_json::{Value, json};

/// Both sides wait this much shorter than in Azure.
pub(crate) const SCALE: f64 = 0.01;

/// An API server asks its plugin for its key once a minute; until then it writes with the old one.
pub(crate) const NOTICE_SECONDS: f64 = 65.0;

/// A test that hangs is a test that failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// A simulator whose durations are scaled.
pub(crate) async fn simulator() -> Simulator {
    Simulator::start(Options { scale: TimeScale(SCALE), ..Options::default() }).await.unwrap()
}

/// A builder for the case's cluster, with waits scaled as the simulator's are.
pub(crate) fn builder(case: &Case) -> KmsManagerBuilder {
    builder_of(case, ClusterId::parse(&case.cluster_id).unwrap())
}

/// A builder for any cluster of the case, with waits scaled as the simulator's are.
pub(crate) fn builder_of(case: &Case, cluster: ClusterId) -> KmsManagerBuilder {
    KmsManager::builder(cluster)
        .cloud(case.arm.parse().unwrap())
        .credential(case.credential())
        .transport(case.transport())
        .timing(Timing::scaled(SCALE))
}

/// Options of `list_clusters` for the case's Azure.
pub(crate) fn list_options(case: &Case) -> ListClustersOptions {
    ListClustersOptions {
        credential: Some(case.credential()),
        cloud: case.arm.parse().unwrap(),
        transport: Some(case.transport()),
        timing: Timing::scaled(SCALE),
        ..ListClustersOptions::default()
    }
}

/// What the fields of every other client look like, and one that nobody knows.
pub(crate) fn new_cluster(private: bool) -> Value {
    json!({
        "location": "eastus",
        "tags": {"team": "shop"},
        "properties": {
            "dnsPrefix": "shop",
            "kubernetesVersion": "1.34",
            "apiServerAccessProfile": {"enableVnetIntegration": private},
            "agentPoolProfiles": [
                {"name": "system", "mode": "System", "count": 2, "vmSize": "Standard_D4s_v5", "brandNew": true},
            ],
        },
    })
}

/// Waits for real API servers on a machine of their own: no write is under way for a minute there, and
/// an operation takes seconds.
pub(crate) fn real_timing() -> Timing {
    Timing {
        operation_poll_first: Duration::from_millis(200),
        operation_poll_longest: Duration::from_secs(1),
        weak_convergence: Duration::from_secs(5),
        watermark: Duration::from_secs(1),
        kms_health: Duration::from_secs(25),
        ..Timing::default()
    }
}

/// A manager of the case's cluster.
pub(crate) fn manager(case: &Case) -> KmsManager {
    builder(case).build().unwrap()
}

/// Waits for something that takes the runtime's other threads to happen.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(future))
}

/// Waits until something holds.
pub(crate) async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, waiting).await;
    assert!(waited.is_ok(), "{what}: not within {PATIENCE:?}");
}

/// Calls `act` once, when a phase has begun and so many secrets are done.
pub(crate) fn once(phase: Phase, done: u64, act: impl Fn() + Send + Sync + 'static) -> OnProgress {
    once_when(move |now| now.phase == phase && now.done >= done, act)
}

/// Calls `act` once, at the first progress that `is_time` accepts.
pub(crate) fn once_when(
    is_time: impl Fn(&Progress) -> bool + Send + Sync + 'static,
    act: impl Fn() + Send + Sync + 'static,
) -> OnProgress {
    let acted = AtomicBool::new(false);
    Arc::new(move |now| {
        if is_time(&now) && !acted.swap(true, Ordering::Relaxed) {
            act();
        }
    })
}

/// A run that is watched.
pub(crate) fn watched(on_progress: OnProgress) -> RunOptions {
    RunOptions { on_progress: Some(on_progress), ..RunOptions::default() }
}

/// A run whose caller accepts what a rule says.
pub(crate) fn allowing(rule: RuleId) -> RunOptions {
    RunOptions { allow: vec![rule], ..RunOptions::default() }
}
