//! How a new encryption configuration gets to the API servers.
//!
//! Two providers: each server restarts, one after the other, first with a configuration that
//! reads the new key and still writes with the old one, then with the final one. One provider:
//! the plugins get the new keys, and each server notices when it next asks its plugin.
//!
//! A fault of a server that lasts some seconds begins to count when it is given, or, for those
//! that concern a rollout and are given at the start, when the first rollout is over.

use std::sync::Arc;

use super::{
    cluster::Cluster,
    faults::ServerFault,
    server::Server,
    wiring::{Names, Wired},
};
use crate::{
    backend::EncryptionConfig,
    given::{ApiServerFaultKind, Wiring},
};

/// What AKS wants the API servers to have.
pub(super) struct Rollout {
    wiring: Wiring,
    pub(super) names: Names,
    pub(super) config: EncryptionConfig,
    /// The cluster is stopped: its servers get nothing until it is started.
    stopped: bool,
    /// Of each server, in their order.
    desired: Vec<EncryptionConfig>,
}

impl Rollout {
    pub(super) fn new(wiring: Wiring, config: EncryptionConfig, servers: usize) -> Self {
        let mut names = Names::new(wiring);
        names.assign(&config);
        Self { wiring, names, stopped: false, desired: vec![config.clone(); servers], config }
    }

    /// What a server has at the start, which may be half-way to what it should have.
    pub(super) fn at_start(&self, faults: &[ApiServerFaultKind]) -> Wired {
        let half_way = self.config.previous.is_some();
        if half_way && faults.contains(&ApiServerFaultKind::Behind) {
            return self.before();
        }
        let old_first = half_way && faults.contains(&ApiServerFaultKind::WritesOld);
        self.names.wire(&self.config, old_first)
    }

    /// What the servers had before the last change.
    pub(super) fn before(&self) -> Wired {
        let before = EncryptionConfig {
            current: self.config.previous.clone(),
            previous: None,
            retained: self.config.retained.clone(),
        };
        self.names.wire(&before, false)
    }

    /// Takes in a server that is not as the others.
    pub(super) fn add(&mut self, config: EncryptionConfig) {
        self.desired.push(config);
    }

    /// What a server is to have now.
    fn target(&self, server: &Server, faults: &[ApiServerFaultKind]) -> Wired {
        if faults.contains(&ApiServerFaultKind::Behind) {
            return server.wired();
        }
        let config = self.desired.get(server.number - 1).unwrap_or(&self.config);
        self.names.wire(config, faults.contains(&ApiServerFaultKind::WritesOld))
    }
}

impl Cluster {
    /// Rolls out a configuration, to all servers or to some.
    pub(super) async fn roll_out(
        self: &Arc<Self>,
        config: EncryptionConfig,
        applied_to: Option<&[usize]>,
    ) {
        {
            let mut rollout = self.rollout.lock().await;
            rollout.names.assign(&config);
            for (index, desired) in rollout.desired.iter_mut().enumerate() {
                if applied_to.is_none_or(|servers| servers.contains(&(index + 1))) {
                    desired.clone_from(&config);
                }
            }
            rollout.config = config;
            // Whatever had an older configuration is replaced.
            self.visitors.dismiss(self, |_| true);
            self.settle(&rollout).await;
        }
        for fault in self.script.servers() {
            self.arm(&fault);
        }
    }

    /// Gives every server what it is to have.
    async fn settle(&self, rollout: &Rollout) {
        if rollout.stopped {
            return;
        }
        let servers = self.servers();
        for server in &servers {
            let target = rollout.target(server, &self.script.of_server(server.number));
            let has = server.wired();
            if rollout.wiring == Wiring::OneProvider && has.same_providers(&target) {
                continue;
            }
            if let Some(step) = has.before(&target) {
                server.restart(step, &self.workshop, &self.store).await;
            }
        }
        for server in &servers {
            let target = rollout.target(server, &self.script.of_server(server.number));
            let has = server.wired();
            if has == target {
                continue;
            }
            if rollout.wiring == Wiring::OneProvider && has.same_providers(&target) {
                server.replace_keys(target);
            } else {
                server.restart(target, &self.workshop, &self.store).await;
            }
        }
    }

    /// Makes the faults of the script, and their end, come true.
    pub(super) async fn obey_script(self: &Arc<Self>) {
        self.set_plugins_down();
        {
            let rollout = self.rollout.lock().await;
            self.settle(&rollout).await;
            self.settle_visitors(&rollout).await;
        }
        for fault in self.script.servers() {
            self.arm(&fault);
        }
    }

    /// Which plugins answer nothing.
    pub(super) fn set_plugins_down(&self) {
        for server in self.servers() {
            let faults = self.script.of_server(server.number);
            server.set_kms_down(faults.contains(&ApiServerFaultKind::KmsDown));
        }
    }

    /// Sees to it that a fault ends when its time is over.
    pub(super) fn arm(self: &Arc<Self>, fault: &ServerFault) {
        let Some(seconds) = fault.arm() else { return };
        let wait = self.scale.seconds(seconds);
        let (cluster, fault) = (Arc::downgrade(self), fault.clone());
        tokio::spawn(async move {
            tokio::time::sleep(wait).await;
            fault.end();
            if let Some(cluster) = cluster.upgrade() {
                cluster.set_plugins_down();
                let rollout = cluster.rollout.lock().await;
                cluster.settle(&rollout).await;
                cluster.settle_visitors(&rollout).await;
            }
        });
    }

    /// Restarts every server with the configuration that it has.
    pub(super) async fn restart_all(&self) {
        let rollout = self.rollout.lock().await;
        if !rollout.stopped {
            self.start_all().await;
        }
    }

    /// Stops every server, or starts them with what they are to have by now.
    pub(super) async fn set_running(&self, running: bool) {
        let mut rollout = self.rollout.lock().await;
        if rollout.stopped != running {
            return;
        }
        rollout.stopped = !running;
        if running {
            self.start_all().await;
            self.settle(&rollout).await;
        } else {
            self.visitors.dismiss(self, |_| true);
            for server in self.servers() {
                server.stop();
            }
        }
    }

    async fn start_all(&self) {
        for server in self.servers() {
            server.move_host();
            server.restart(server.wired(), &self.workshop, &self.store).await;
        }
    }
}
