//! The simulated Azure of all sequences.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, Weak},
};

use aks_kms_simulator::{
    Options, Simulator, backend::KubernetesBackend, clock::TimeScale, embedded::Embedded,
};
use futures::FutureExt;

use crate::common::SCALE;

/// Azure for many sequences at the same time.
pub(crate) struct Region {
    pub(crate) simulator: Simulator,
    /// The API servers by their address.
    kubernetes: Arc<Mutex<HashMap<String, Weak<Embedded>>>>,
    /// What came of calls and external actions, and how often.
    seen: Mutex<BTreeMap<String, usize>>,
}

impl Region {
    pub(crate) async fn start() -> Self {
        let kubernetes: Arc<Mutex<HashMap<String, Weak<Embedded>>>> = Arc::default();
        let started = Arc::clone(&kubernetes);
        let factory = move |spec| {
            let started = Arc::clone(&started);
            async move {
                let embedded = Arc::new(Embedded::start(spec)?);
                let server = embedded.endpoint().server;
                started.lock().unwrap().insert(server, Arc::downgrade(&embedded));
                Ok(embedded as Arc<dyn KubernetesBackend>)
            }
            .boxed()
        };
        let options = Options { scale: TimeScale(SCALE), ..Options::default() };
        let simulator = Simulator::start_with(options, Arc::new(factory)).await.unwrap();
        Self { simulator, kubernetes, seen: Mutex::default() }
    }

    pub(crate) fn seen(&self) -> BTreeMap<String, usize> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn note(&self, what: String) {
        *self.seen.lock().unwrap().entry(what).or_default() += 1;
    }

    /// The API servers at an address.
    pub(crate) fn api_servers(&self, server: &str) -> Option<Arc<Embedded>> {
        self.kubernetes.lock().unwrap().get(server).and_then(Weak::upgrade)
    }

    pub(crate) fn forget(&self, server: &str) {
        self.kubernetes.lock().unwrap().remove(server);
    }
}
