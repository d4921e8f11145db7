//! The simulated Azure of all sequences.

use std::{collections::BTreeMap, sync::Mutex};

use aks_kms_simulator::Simulator;

use crate::common::api_servers::ApiServers;

/// Azure for many sequences at the same time.
pub(crate) struct Region {
    pub(crate) simulator: Simulator,
    pub(crate) api_servers: ApiServers,
    /// What came of calls and external actions, and how often.
    seen: Mutex<BTreeMap<String, usize>>,
}

impl Region {
    pub(crate) async fn start() -> Self {
        let (simulator, api_servers) = ApiServers::start().await;
        Self { simulator, api_servers, seen: Mutex::default() }
    }

    pub(crate) fn seen(&self) -> BTreeMap<String, usize> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn note(&self, what: String) {
        *self.seen.lock().unwrap().entry(what).or_default() += 1;
    }
}
