//! A real cluster: etcd and kube-apiserver as they are, with KMS plugins of this crate that use
//! the simulated vault, and what AKS does to them when a key changes.
//!
//! The programs come from `KUBEBUILDER_ASSETS` or from `tests/cluster/build`, of the newest version
//! and, for a cluster in the middle of an upgrade, of the one before, too. They listen on
//! loopback only, keep everything in one temporary folder, and end when the cluster is dropped or
//! when this process dies.

mod api_server;
mod available;
mod balancer;
mod binaries;
mod chain;
mod client;
mod cluster;
mod etcd;
mod etcd_identity;
mod faults;
mod hooks;
mod obstacles;
mod plugin;
mod process;
mod proto;
mod rewrite;
mod rights;
mod rollout;
mod seal;
mod seed;
mod start;
mod store;
mod stored;
mod surroundings;

use std::{path::PathBuf, sync::Arc};

use async_trait::async_trait;
use tempfile::TempDir;
use tokio::sync::Mutex;

pub use self::{
    binaries::{Binaries, BinariesMissing},
    etcd::{Etcd, Stored},
    stored::{SECRETS, StoredForm, StoredSecret},
};
use self::{
    chain::Chain,
    client::Client,
    rollout::State,
    start::Versions,
    surroundings::{Recording, Surroundings},
};
use crate::{
    backend::{ApiEndpoint, BackendSpec, EncryptionConfig, GroundTruth, KeyRef, KubernetesBackend},
    given::Faults,
};

/// Starts a real cluster.
pub async fn start(spec: BackendSpec) -> Result<Arc<dyn KubernetesBackend>, String> {
    let cluster: Arc<dyn KubernetesBackend> = Arc::new(RealCluster::start(spec).await?);
    Ok(cluster)
}

/// etcd and API servers.
pub struct RealCluster(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    surroundings: Surroundings,
    ca_pem: String,
    key_ids: Vec<String>,
    scale: crate::clock::TimeScale,
    /// The last, so that nobody writes there any more.
    _folder: TempDir,
}

impl RealCluster {
    /// Starts etcd and the API servers, and makes what the case has. Returns when all are ready.
    pub async fn start(spec: BackendSpec) -> Result<Self, String> {
        start::start(spec, Recording::Blocking, Versions::One).await.map(Self)
    }

    /// As [`start`](Self::start), but in the middle of an upgrade: the first API server has the newest
    /// version, all others still have the one before. [`Binaries::available_with_before`] says whether
    /// it can.
    pub async fn start_in_upgrade(spec: BackendSpec) -> Result<Self, String> {
        start::start(spec, Recording::Blocking, Versions::InUpgrade).await.map(Self)
    }

    /// Gives all API servers the newest version, one after the other. Returns when they answer.
    pub async fn finish_upgrade(&self) -> Result<(), String> {
        let mut state = self.0.state.lock().await;
        Box::pin(state.finish_upgrade(&self.0.surroundings)).await
    }

    /// The addresses of the API servers themselves, behind the load balancer:
    /// `https://127.0.0.1:<port>`.
    pub async fn api_servers(&self) -> Result<Vec<String>, String> {
        let state = self.0.state.lock().await;
        state.servers.iter().map(|server| Ok(server.client()?.server().to_owned())).collect()
    }

    /// As [`start`](Self::start), but writes are not recorded: recording keeps every one waiting,
    /// and so costs a third of the rate of patches that change nothing. For benchmarks.
    pub async fn start_unrecorded(spec: BackendSpec) -> Result<Self, String> {
        start::start(spec, Recording::Off, Versions::One).await.map(Self)
    }

    /// The store, to look at and to edit.
    #[must_use]
    pub fn etcd(&self) -> &Etcd {
        &self.0.surroundings.etcd
    }

    /// Every Secret in the store: between two equal answers nothing was
    /// written.
    pub async fn secrets(&self) -> Result<Vec<StoredSecret>, String> {
        store::secrets(self.etcd()).await
    }
}

#[async_trait]
impl KubernetesBackend for RealCluster {
    fn endpoint(&self) -> ApiEndpoint {
        let Surroundings { balancer, tokens, .. } = &self.0.surroundings;
        ApiEndpoint {
            server: format!("https://{}", balancer.address()),
            ca_pem: self.0.ca_pem.clone(),
            admin_token: tokens.admin.clone(),
            user_token: tokens.user.clone(),
        }
    }

    async fn apply(
        &self,
        config: EncryptionConfig,
        applied_to: Option<Vec<usize>>,
    ) -> Result<(), String> {
        let mut state = self.0.state.lock().await;
        Box::pin(state.apply(&self.0.surroundings, &config, applied_to.as_deref())).await
    }

    async fn restart_api_servers(&self) -> Result<(), String> {
        let mut state = self.0.state.lock().await;
        Box::pin(state.restart_all(&self.0.surroundings)).await
    }

    async fn set_running(&self, running: bool) -> Result<(), String> {
        let mut state = self.0.state.lock().await;
        Box::pin(state.set_running(&self.0.surroundings, running)).await
    }

    /// The API servers are what they are: the version in rules is Azure's.
    async fn set_version(&self, _version: &str) -> Result<(), String> {
        Ok(())
    }

    fn kubectl(&self) -> Result<PathBuf, String> {
        Binaries::kubectl().map_err(|missing| missing.to_string())
    }

    async fn ground_truth(&self) -> Result<GroundTruth, String> {
        let state = self.0.state.lock().await;
        let chains: Vec<&Chain> = state.chains().collect();
        store::ground_truth(self.etcd(), &chains, &self.0.key_ids).await
    }

    async fn keys_in_use(&self) -> Result<Vec<KeyRef>, String> {
        let state = self.0.state.lock().await;
        let chains: Vec<&Chain> = state.chains().collect();
        store::keys_in_use(self.etcd(), &chains).await
    }

    async fn rewrite_secrets(&self, part: usize, of: usize) -> Result<(), String> {
        let clients: Vec<Client> = {
            let state = self.0.state.lock().await;
            state.servers.iter().filter_map(|server| server.client().ok().cloned()).collect()
        };
        rewrite::part(self.etcd(), &clients, part, of).await
    }

    async fn set_record(&self, record: &str) -> Result<(), String> {
        let state = self.0.state.lock().await;
        let first = state.servers.first().ok_or_else(|| "there is no API server".to_owned())?;
        cluster::record(first.client()?, record).await
    }

    async fn set_faults(&self, faults: Faults) -> Result<(), String> {
        Box::pin(start::set_faults(&self.0, &faults)).await
    }
}
