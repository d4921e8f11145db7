//! A manager for a case of the simulator.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use aks_kms::{ClusterId, KmsManager, KmsManagerBuilder, Timing};
use aks_kms_simulator::{Case, Options, Simulator, clock::TimeScale, real::Binaries};

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

/// Whether there is a real API server; says so where there is none, and fails where it must be.
#[expect(clippy::print_stderr, reason = "what is left out is said where a person sees it")]
pub(crate) fn real_cluster_available() -> bool {
    let Err(missing) = Binaries::find() else { return true };
    let required = std::env::var("AKS_KMS_REQUIRE").is_ok_and(|list| list.contains("cluster"))
        || std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(!required, "{missing}");
    eprintln!("left out: {missing}");
    false
}
