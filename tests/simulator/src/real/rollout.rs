//! How a key change gets to the API servers.

use super::{
    api_server::{ApiServer, Settings},
    binaries::ApiServerProgram,
    chain::{Chain, Order, Wires},
    faults::ApiServerFaults,
    surroundings::Surroundings,
};
use crate::{
    backend::EncryptionConfig,
    given::ApiServerFaultKind::{Behind, KmsDown, WritesOld},
};

/// The API servers of a cluster.
pub(super) struct State {
    pub(super) wires: Wires,
    pub(super) servers: Vec<ApiServer>,
    pub(super) faults: ApiServerFaults,
    /// The cluster is stopped: its API servers get nothing until it is started.
    stopped: bool,
    /// What AKS has told each of them.
    told: Vec<EncryptionConfig>,
}

impl State {
    /// An API server of each of these programs.
    pub(super) fn new(
        wires: Wires,
        programs: Vec<ApiServerProgram>,
        config: &EncryptionConfig,
    ) -> Self {
        let told = vec![config.clone(); programs.len()];
        let servers = (1..).zip(programs);
        Self {
            wires,
            servers: servers.map(|(number, program)| ApiServer::new(number, program)).collect(),
            faults: ApiServerFaults::default(),
            stopped: false,
            told,
        }
    }

    /// The providers of each API server.
    pub(super) fn chains(&self) -> impl Iterator<Item = &Chain> {
        self.servers.iter().filter_map(ApiServer::chain)
    }

    /// Tells API servers (from 1; absent: all) a configuration, one after the other: where the
    /// order of providers changes, first so that they can read new, then so that they write new.
    pub(super) async fn apply(
        &mut self,
        surroundings: &Surroundings,
        config: &EncryptionConfig,
        servers: Option<&[usize]>,
    ) -> Result<(), String> {
        let all: Vec<usize> = (1..=self.servers.len()).collect();
        let servers = servers.unwrap_or(&all);
        if let Some(unknown) = servers.iter().find(|server| !all.contains(server)) {
            return Err(format!("there is no API server {unknown}"));
        }
        let old_first = self.wires.chain(config, Order::OldFirst);
        let new_first = self.wires.chain(config, Order::NewFirst);
        let news = servers.iter().any(|server| self.told[server - 1] != *config);
        for server in servers {
            self.told[server - 1] = config.clone();
        }
        if news && old_first.needs_restart(&new_first) {
            for &server in servers {
                self.settle(surroundings, server, Order::OldFirst).await?;
            }
        }
        for &server in servers {
            self.settle(surroundings, server, Order::NewFirst).await?;
        }
        Ok(())
    }

    /// Makes the API servers what they should be, now that faults have changed.
    pub(super) async fn settle_all(&mut self, surroundings: &Surroundings) -> Result<(), String> {
        if self.stopped {
            return Ok(());
        }
        for server in 1..=self.servers.len() {
            self.settle(surroundings, server, Order::NewFirst).await?;
        }
        Ok(())
    }

    /// Restarts the API servers as they are, one after the other.
    pub(super) async fn restart_all(&mut self, surroundings: &Surroundings) -> Result<(), String> {
        if self.stopped {
            return Ok(());
        }
        for server in &mut self.servers {
            server.restart(surroundings).await?;
        }
        Ok(())
    }

    /// Gives every API server the program of the first, one after the other.
    pub(super) async fn finish_upgrade(
        &mut self,
        surroundings: &Surroundings,
    ) -> Result<(), String> {
        let Some((first, others)) = self.servers.split_first_mut() else { return Ok(()) };
        for server in others {
            if server.program() == first.program() {
                continue;
            }
            server.set_program(first.program().clone());
            if !self.stopped {
                server.restart(surroundings).await?;
            }
        }
        Ok(())
    }

    /// Stops the API servers, or starts them with what they should be by now.
    pub(super) async fn set_running(
        &mut self,
        surroundings: &Surroundings,
        running: bool,
    ) -> Result<(), String> {
        if self.stopped != running {
            return Ok(());
        }
        self.stopped = !running;
        surroundings.balancer.set_open(running);
        if running {
            self.restart_all(surroundings).await?;
            return self.settle_all(surroundings).await;
        }
        for server in &mut self.servers {
            server.stop(surroundings).await;
        }
        Ok(())
    }

    async fn settle(
        &mut self,
        surroundings: &Surroundings,
        server: usize,
        order: Order,
    ) -> Result<(), String> {
        let api_server = &mut self.servers[server - 1];
        api_server.set_kms_down(self.faults.has(server, KmsDown));
        let chain = match api_server.chain() {
            Some(chain) if self.faults.has(server, Behind) => chain.clone(),
            _ => {
                let writes_old = self.faults.has(server, WritesOld);
                let order = if writes_old { Order::OldFirst } else { order };
                self.wires.chain(&self.told[server - 1], order)
            }
        };
        let settings = Settings { chain, streaming_lists: !self.faults.no_streaming_lists };
        api_server.settle(surroundings, settings).await
    }
}
