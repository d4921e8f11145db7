//! API server processes that are more than a cluster should have: they come with an older
//! configuration, take their share of the connections, and go.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{cluster::Cluster, faults::ServerFault, rollout::Rollout, server::Server};
use crate::given::ApiServerFaultKind;

/// Those that are there, each with the fault that says so.
#[derive(Default)]
pub(super) struct Visitors(Mutex<Vec<(ServerFault, Arc<Server>)>>);

impl Visitors {
    fn all(&self) -> MutexGuard<'_, Vec<(ServerFault, Arc<Server>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn servers(&self) -> Vec<Arc<Server>> {
        self.all().iter().map(|(_, server)| Arc::clone(server)).collect()
    }

    /// Ends some for good.
    pub(super) fn dismiss(&self, cluster: &Cluster, which: impl Fn(&ServerFault) -> bool) {
        let mut all = self.all();
        let (going, staying) = all.drain(..).partition(|(fault, _)| which(fault));
        *all = staying;
        for (fault, server) in going {
            fault.end();
            server.stop();
            if fault.fault.kind == ApiServerFaultKind::OlderOnFirstHost {
                cluster.renew_lease_of_first();
            }
        }
    }

    fn has(&self, fault: &ServerFault) -> bool {
        self.all().iter().any(|(known, _)| known.is(fault))
    }

    fn add(&self, fault: ServerFault, server: Server) {
        self.all().push((fault, Arc::new(server)));
    }
}

impl Cluster {
    /// The visitors that a case begins with.
    pub(super) fn receive_visitors_at_start(&self) -> Result<(), String> {
        let rollout = self.rollout.try_lock().map_err(|error| error.to_string())?;
        for fault in self.expected_visitors() {
            let server = self.visitor(&fault);
            server.run(rollout.before(), &self.workshop, self.store.advance());
            self.visitors.add(fault, server);
        }
        Ok(())
    }

    /// Lets those come that the faults tell of, and those go that they do not.
    pub(super) async fn settle_visitors(&self, rollout: &Rollout) {
        let faults = self.script.servers();
        let told = |fault: &ServerFault| faults.iter().any(|known| known.is(fault));
        self.visitors.dismiss(self, |fault| !fault.lasts() || !told(fault));
        for fault in self.expected_visitors() {
            if self.visitors.has(&fault) {
                continue;
            }
            let server = self.visitor(&fault);
            server.restart(rollout.before(), &self.workshop, &self.store).await;
            self.visitors.add(fault, server);
        }
    }

    fn visitor(&self, fault: &ServerFault) -> Server {
        let visitor = Server::stopped(fault.fault.server);
        if fault.fault.kind == ApiServerFaultKind::OlderOnFirstHost
            && let Some(first) = self.servers().first()
        {
            visitor.share_host(first);
        }
        visitor
    }

    fn expected_visitors(&self) -> Vec<ServerFault> {
        let faults = self.script.servers().into_iter();
        faults.filter(|fault| fault.fault.kind.is_visitor() && fault.lasts()).collect()
    }

    /// The first server goes on with the identity Lease that it shared.
    fn renew_lease_of_first(&self) {
        if let Some(process) = self.servers().first().and_then(|server| server.current()) {
            self.workshop.identities.add(&process.identity);
        }
    }
}
