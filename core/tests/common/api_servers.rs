//! The API servers of many cases, which can be reached beyond their API as long as they run.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, Weak},
};

use aks_kms_simulator::{
    Options, Simulator, backend::KubernetesBackend, clock::TimeScale, embedded::Embedded,
};
use futures::FutureExt;

/// By their address.
#[derive(Clone, Default)]
pub(crate) struct ApiServers(Arc<Mutex<HashMap<String, Weak<Embedded>>>>);

impl ApiServers {
    /// Azure, and the API servers of its clusters.
    pub(crate) async fn start() -> (Simulator, Self) {
        let all = Self::default();
        let started = all.clone();
        let factory = move |spec| {
            let started = started.clone();
            async move {
                let embedded = Arc::new(Embedded::start(spec)?);
                let server = embedded.endpoint().server;
                started.0.lock().unwrap().insert(server, Arc::downgrade(&embedded));
                Ok(embedded as Arc<dyn KubernetesBackend>)
            }
            .boxed()
        };
        let options = Options { scale: TimeScale(super::SCALE), ..Options::default() };
        let simulator = Simulator::start_with(options, Arc::new(factory)).await.unwrap();
        (simulator, all)
    }

    pub(crate) fn at(&self, server: &str) -> Option<Arc<Embedded>> {
        self.0.lock().unwrap().get(server).and_then(Weak::upgrade)
    }

    pub(crate) fn forget(&self, server: &str) {
        self.0.lock().unwrap().remove(server);
    }
}
