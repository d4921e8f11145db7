//! What is wrong with which API server, and until when.

use tokio::time::Instant;

use crate::{
    clock::TimeScale,
    given::{ApiServerFaultKind, Faults},
};

/// The faults of the API servers.
#[derive(Clone, Debug, Default)]
pub(super) struct ApiServerFaults {
    faults: Vec<(usize, ApiServerFaultKind, Option<Instant>)>,
    /// The API servers do not serve streaming lists.
    pub(super) no_streaming_lists: bool,
}

impl ApiServerFaults {
    /// Those of a case from now on. Refuses those that only the embedded backend has.
    pub(super) fn new(faults: &Faults, servers: usize, scale: TimeScale) -> Result<Self, String> {
        for (name, given) in [
            ("kubernetes", !faults.kubernetes.is_empty()),
            ("continue_expires_after", faults.continue_expires_after.is_some()),
            ("continue_without_token", faults.continue_without_token),
            ("streaming_breaks_after", faults.streaming_breaks_after.is_some()),
            ("behind_undecryptable_names", !faults.behind_undecryptable_names.is_empty()),
            ("streaming_end_unmarked", faults.streaming_end_unmarked),
            ("no_identity_leases", faults.no_identity_leases),
            ("kubernetes_latency_ms", faults.kubernetes_latency_ms > 0),
        ] {
            if given {
                return Err(format!("a real API server has no fault {name}"));
            }
        }
        if faults.api_servers.iter().any(|fault| fault.kind.is_visitor()) {
            return Err("a real cluster has no API servers that come and go".to_owned());
        }
        if let Some(fault) = faults.api_servers.iter().find(|fault| fault.server > servers) {
            return Err(format!("there is no API server {}", fault.server));
        }
        let now = Instant::now();
        let until = |seconds: f64| now + scale.seconds(seconds);
        let faults_of_servers = faults
            .api_servers
            .iter()
            .map(|fault| (fault.server, fault.kind, fault.seconds.map(until)))
            .collect();
        Ok(Self { faults: faults_of_servers, no_streaming_lists: faults.no_streaming_list })
    }

    /// Whether an API server, counted from 1, has this now.
    pub(super) fn has(&self, server: usize, kind: ApiServerFaultKind) -> bool {
        self.faults.iter().any(|&(faulty, what, until)| {
            faulty == server && what == kind && until.is_none_or(|until| Instant::now() < until)
        })
    }

    /// When they change by themselves.
    pub(super) fn ends(&self) -> impl Iterator<Item = Instant> {
        self.faults.iter().filter_map(|&(_, _, until)| until)
    }
}
