//! A manager for a case of the simulator.
#![allow(dead_code, reason = "each test binary uses a part of it")]

pub(crate) mod az;
pub(crate) mod embedded;
pub(crate) mod puppet;
pub(crate) mod world;

use std::time::Duration;

use aks_kms::{ClusterId, KmsManager, KmsManagerBuilder, Timing};
use aks_kms_simulator::{Case, Options, Simulator, clock::TimeScale};

/// Both sides wait this much shorter than in Azure.
pub(crate) const SCALE: f64 = 0.01;

/// A simulator whose durations are scaled.
pub(crate) async fn simulator() -> Simulator {
    Simulator::start(Options { scale: TimeScale(SCALE), ..Options::default() }).await.unwrap()
}

/// A builder for the case's cluster, with waits scaled as the simulator's are.
pub(crate) fn builder(case: &Case) -> KmsManagerBuilder {
    KmsManager::builder(ClusterId::parse(&case.cluster_id).unwrap())
        .cloud(case.arm.parse().unwrap())
        .credential(case.credential())
        .transport(case.transport())
        .timing(Timing::scaled(SCALE))
}

/// Waits for real API servers on a machine of their own: no write is under way for a minute there, and
/// an operation takes seconds.
pub(crate) fn real_timing() -> Timing {
    Timing {
        operation_poll_first: Duration::from_millis(200),
        operation_poll_longest: Duration::from_secs(1),
        weak_convergence: Duration::from_secs(5),
        fence: Duration::from_secs(1),
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
