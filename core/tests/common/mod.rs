//! A manager for a case of the simulator.
#![allow(dead_code, reason = "each test binary uses a part of it")]

pub(crate) mod az;
pub(crate) mod puppet;
pub(crate) mod world;

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

/// A manager of the case's cluster.
pub(crate) fn manager(case: &Case) -> KmsManager {
    builder(case).build().unwrap()
}
