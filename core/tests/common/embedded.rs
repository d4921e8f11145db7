//! A cluster whose embedded API servers can be reached beyond their API.

use std::sync::{Arc, Mutex};

use aks_kms::{KmsManager, Timing};
use aks_kms_simulator::{
    BackendFactory, Case, Options, Simulator, TimeScale,
    backend::{GroundTruth, KubernetesBackend},
    embedded::Embedded,
    given::Faults,
};
use futures::future::{FutureExt, ready};
use serde_json::Value;

/// A case, its cluster's Kubernetes, and a way to do things to it in the middle of a run.
pub(crate) struct EmbeddedWorld {
    pub(crate) simulator: Simulator,
    pub(crate) case: Case,
    pub(crate) embedded: Arc<Embedded>,
}

impl EmbeddedWorld {
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
        let options = Options { scale: TimeScale(super::SCALE), ..Options::default() };
        let simulator = Simulator::start_with(options, factory).await.unwrap();
        let case = simulator.put_case(serde_json::from_value(given).unwrap()).await.unwrap();
        let embedded = made.lock().unwrap().take().unwrap();
        Self { simulator, case, embedded }
    }

    pub(crate) fn manager(&self) -> KmsManager {
        super::manager(&self.case)
    }

    /// A manager with some waits of its own.
    pub(crate) fn with_timing(&self, change: impl FnOnce(&mut Timing)) -> KmsManager {
        let mut timing = Timing::scaled(super::SCALE);
        change(&mut timing);
        super::builder(&self.case).timing(timing).build().unwrap()
    }

    pub(crate) async fn truth(&self) -> GroundTruth {
        self.simulator.secrets(&self.case.id).await.unwrap()
    }

    pub(crate) async fn faults(&self, faults: Value) {
        let faults: Faults = serde_json::from_value(faults).unwrap();
        self.simulator.set_faults(&self.case.id, faults).await.unwrap();
    }
}
