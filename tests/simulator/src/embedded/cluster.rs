//! The parts of a cluster's Kubernetes side, together.

use std::sync::{
    Arc, PoisonError, RwLock,
    atomic::{AtomicUsize, Ordering},
};

use tokio_util::sync::CancellationToken;

use super::{
    admission::Admission,
    authz::Access,
    documents::Documents,
    faults::Script,
    process::Process,
    rollout::Rollout,
    server::{Server, Workshop},
    store::Store,
    transform::Seal,
    visitors::Visitors,
};
use crate::{
    backend::{BackendSpec, EncryptionConfig},
    clock::TimeScale,
    given::ApiServerFaultKind,
    writes::Recorder,
};

/// Older versions are kept this long, as API servers have etcd compacted every five minutes.
const RETENTION_SECONDS: f64 = 300.0;

/// Not less than this, whatever the time scale: clients do not run faster for it.
const RETENTION_FLOOR: std::time::Duration = std::time::Duration::from_secs(60);

/// How many requests there were.
#[derive(Default)]
pub(super) struct Traffic {
    pub(super) requests: AtomicUsize,
    pub(super) in_flight: AtomicUsize,
    pub(super) most_in_flight: AtomicUsize,
}

impl Traffic {
    /// Counts a request until the guard is dropped.
    pub(super) fn enter(&self) -> InFlight<'_> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let now = self.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        self.most_in_flight.fetch_max(now, Ordering::Relaxed);
        InFlight(self)
    }
}

/// A request that is being answered.
pub(super) struct InFlight<'a>(&'a Traffic);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A cluster's Kubernetes side.
pub(super) struct Cluster {
    pub(super) store: Store,
    pub(super) documents: Documents,
    pub(super) admission: Admission,
    pub(super) access: Access,
    pub(super) script: Script,
    pub(super) recorder: Arc<Recorder>,
    pub(super) scale: TimeScale,
    pub(super) workshop: Workshop,
    pub(super) rollout: tokio::sync::Mutex<Rollout>,
    pub(super) traffic: Traffic,
    pub(super) key_ids: Vec<String>,
    servers: RwLock<Vec<Arc<Server>>>,
    pub(super) visitors: Visitors,
    version: RwLock<String>,
    next: AtomicUsize,
    /// The only server that connections are led to; 0: to all in turn.
    pub(super) only: AtomicUsize,
}

impl Cluster {
    /// The cluster of a case, without its secrets.
    pub(super) fn new(spec: BackendSpec, stop: CancellationToken) -> Arc<Self> {
        let given = &spec.given.cluster;
        let half_way = spec.config.previous.is_some();
        let store = Store::new(spec.scale.seconds(RETENTION_SECONDS).max(RETENTION_FLOOR));
        let readable = spec.given.data_encryption.readable_versions;
        let workshop = Workshop::new(Arc::clone(&spec.vault), spec.scale, stop, readable);
        let script = Script::new(spec.given.faults.clone());
        let count = given.api_servers.max(1);
        let rollout = Rollout::new(given.wiring, spec.config.clone(), count);
        let servers = (1..=count).map(|number| {
            let wired = rollout.at_start(&script.of_server(number));
            Arc::new(Server::running(number, wired, &workshop, store.advance()))
        });
        let servers = servers.collect();
        let cluster = Arc::new(Self {
            documents: Documents::of_case(&spec, &store),
            store,
            admission: Admission::default(),
            access: Access::new(&spec),
            script,
            recorder: spec.recorder,
            scale: spec.scale,
            workshop,
            rollout: tokio::sync::Mutex::new(rollout),
            traffic: Traffic::default(),
            key_ids: spec.key_ids,
            servers: RwLock::new(servers),
            visitors: Visitors::default(),
            version: RwLock::new(given.kubernetes_version.clone()),
            next: AtomicUsize::new(0),
            only: AtomicUsize::new(0),
        });
        cluster.set_plugins_down();
        for fault in cluster.script.servers() {
            let begins_now = fault.fault.kind == ApiServerFaultKind::KmsDown;
            if half_way || begins_now || fault.fault.kind.is_visitor() {
                cluster.arm(&fault);
            }
        }
        cluster
    }

    /// Its API servers.
    pub(super) fn servers(&self) -> Vec<Arc<Server>> {
        self.servers.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Starts one more API server with a configuration of its own.
    pub(super) async fn add_server(&self, config: EncryptionConfig) -> usize {
        let mut rollout = self.rollout.lock().await;
        let wired = rollout.names.wire(&config, false);
        rollout.add(config);
        let number = self.servers().len() + 1;
        let server = Arc::new(Server::stopped(number));
        server.restart(wired, &self.workshop, &self.store).await;
        self.servers.write().unwrap_or_else(PoisonError::into_inner).push(server);
        number
    }

    /// The same on the host of the first server.
    pub(super) async fn add_server_on_first_host(&self, config: EncryptionConfig) -> usize {
        let mut rollout = self.rollout.lock().await;
        let wired = rollout.names.wire(&config, false);
        rollout.add(config);
        let number = self.servers().len() + 1;
        let server = Arc::new(Server::stopped(number));
        server.share_host(&self.servers()[0]);
        server.restart(wired, &self.workshop, &self.store).await;
        self.servers.write().unwrap_or_else(PoisonError::into_inner).push(server);
        number
    }

    /// Its API servers, and those that are more than it should have.
    fn all_servers(&self) -> Vec<Arc<Server>> {
        let mut servers = self.servers();
        servers.extend(self.visitors.servers());
        servers
    }

    /// The process that the next connection is pinned to; `None`: no server is running.
    pub(super) fn pin(&self) -> Option<Arc<Process>> {
        let only = self.only.load(Ordering::Relaxed);
        let servers = self.all_servers().into_iter().filter(|it| only == 0 || it.number == only);
        let running: Vec<_> = servers.filter_map(|server| server.current()).collect();
        if running.is_empty() {
            return None;
        }
        let next = self.next.fetch_add(1, Ordering::Relaxed) % running.len();
        running.into_iter().nth(next)
    }

    /// Every process's watch cache is told of a write.
    pub(super) async fn tell_caches(&self, seal: &Arc<Seal>) {
        for server in self.all_servers() {
            if let Some(process) = server.current() {
                process.cache(seal).await;
            }
        }
    }

    /// `major.minor.patch`.
    pub(super) fn version(&self) -> String {
        self.version.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_version(&self, version: &str) {
        version.clone_into(&mut self.version.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// The minor version.
    pub(super) fn minor(&self) -> u32 {
        let version = self.version();
        version.split('.').nth(1).and_then(|minor| minor.parse().ok()).unwrap_or_default()
    }
}
