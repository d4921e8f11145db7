//! An API server: the place where one process after another runs, beside its plugins.

use std::sync::{
    Arc, Mutex, PoisonError, RwLock,
    atomic::{AtomicBool, Ordering},
};

use tokio_util::sync::CancellationToken;

use super::{
    identity::{Identities, Identity, new_host},
    plugin::Plugin,
    process::{Process, unix_now},
    store::Store,
    transform::{KmsProvider, Provider, Transformers},
    wiring::{ProviderSpec, Wired},
};
use crate::{
    backend::{VaultCrypto, vault_of},
    clock::TimeScale,
    given::ReadableVersions,
};

/// How long the restart of an API server takes.
const RESTART_SECONDS: f64 = 0.05;

/// What processes are made of, the same for every server of a cluster.
pub(super) struct Workshop {
    pub(super) vault: Arc<dyn VaultCrypto>,
    pub(super) scale: TimeScale,
    pub(super) identities: Identities,
    pub(super) stop: CancellationToken,
    /// Which versions of a customer's key the plugin of KMS data encryption has.
    readable_versions: ReadableVersions,
    last_start: Mutex<f64>,
}

impl Workshop {
    pub(super) fn new(
        vault: Arc<dyn VaultCrypto>,
        scale: TimeScale,
        stop: CancellationToken,
        readable_versions: ReadableVersions,
    ) -> Self {
        let (identities, last_start) = (Identities::new(scale), Mutex::new(0.0));
        Self { vault, scale, identities, stop, readable_versions, last_start }
    }

    /// A start time that no other process has.
    fn start_time(&self) -> f64 {
        let mut last = self.last_start.lock().unwrap_or_else(PoisonError::into_inner);
        *last = ((unix_now() * 100.0).floor() / 100.0).max(*last + 0.01);
        *last
    }
}

/// An API server.
pub(super) struct Server {
    /// From 1.
    pub(super) number: usize,
    process: RwLock<Option<Arc<Process>>>,
    wired: Mutex<Wired>,
    plugins: Mutex<Vec<Arc<Plugin>>>,
    kms_down: Arc<AtomicBool>,
    /// The host that it runs on, which names its identity Lease.
    host: Mutex<String>,
}

impl Server {
    /// A server whose process has been running for days with `wired`.
    pub(super) fn running(number: usize, wired: Wired, workshop: &Workshop, revision: u64) -> Self {
        let server = Self::stopped(number);
        server.run(wired, workshop, revision);
        server
    }

    /// Starts a process that has been running for days with `wired`.
    pub(super) fn run(&self, wired: Wired, workshop: &Workshop, revision: u64) {
        let transformers = self.configure(wired, workshop);
        for provider in transformers.kms() {
            provider.remember_all();
        }
        // the number of a server is small
        #[expect(clippy::cast_precision_loss)]
        let age = 250_000.0 + 1_234.56 * self.number as f64;
        let started = ((unix_now() - age) * 100.0).floor() / 100.0;
        let process = self.process(transformers, workshop, revision, started, true);
        // servers ask their plugins at different times of the minute
        #[expect(clippy::cast_precision_loss)]
        let first = 60.0 / (1.0 + self.number as f64);
        let scale = workshop.scale;
        tokio::spawn({
            let process = Arc::clone(&process);
            async move {
                process.ask_plugins().await;
                process.poll_plugins(scale, first).await;
            }
        });
        self.serve(process);
    }

    /// A server without a process.
    pub(super) fn stopped(number: usize) -> Self {
        Self {
            number,
            process: RwLock::default(),
            wired: Mutex::default(),
            plugins: Mutex::default(),
            kms_down: Arc::default(),
            host: Mutex::new(new_host()),
        }
    }

    /// The process that takes connections now.
    pub(super) fn current(&self) -> Option<Arc<Process>> {
        self.process.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Its encryption configuration.
    pub(super) fn wired(&self) -> Wired {
        self.wired.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether its plugins answer.
    pub(super) fn set_kms_down(&self, down: bool) {
        self.kms_down.store(down, Ordering::Relaxed);
    }

    /// Its next process runs on another host, so it has another identity Lease.
    pub(super) fn move_host(&self) {
        *self.host.lock().unwrap_or_else(PoisonError::into_inner) = new_host();
    }

    /// Its next process runs on the host of another server, so both have one identity Lease.
    pub(super) fn share_host(&self, other: &Self) {
        let host = other.host.lock().unwrap_or_else(PoisonError::into_inner).clone();
        *self.host.lock().unwrap_or_else(PoisonError::into_inner) = host;
    }

    /// Ends the process; whether there was one.
    pub(super) fn stop(&self) -> bool {
        let process = self.process.write().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(process) = &process {
            process.stop.cancel();
            process.identity.end();
        }
        process.is_some()
    }

    /// Ends the process, if any, and starts one with `wired`.
    pub(super) async fn restart(&self, wired: Wired, workshop: &Workshop, store: &Store) {
        if self.stop() {
            tokio::time::sleep(workshop.scale.seconds(RESTART_SECONDS)).await;
        }
        let transformers = self.configure(wired, workshop);
        let (revision, started) = (store.advance(), workshop.start_time());
        let process = self.process(transformers, workshop, revision, started, false);
        process.ask_plugins().await;
        process.synced(&store.seals()).await;
        tokio::spawn(Arc::clone(&process).poll_plugins(workshop.scale, 60.0));
        self.serve(process);
    }

    /// Gives the running plugins the keys of `wired`, which has the same providers.
    pub(super) fn replace_keys(&self, wired: Wired) {
        let plugins = self.plugins.lock().unwrap_or_else(PoisonError::into_inner);
        let keys = wired.0.iter().filter_map(|provider| match provider {
            ProviderSpec::Identity => None,
            ProviderSpec::Kms { keys, .. } => Some(keys),
        });
        for (plugin, keys) in plugins.iter().zip(keys) {
            plugin.replace_keys(keys.clone());
        }
        *self.wired.lock().unwrap_or_else(PoisonError::into_inner) = wired;
    }

    fn configure(&self, wired: Wired, workshop: &Workshop) -> Transformers {
        let mut plugins = self.plugins.lock().unwrap_or_else(PoisonError::into_inner);
        plugins.clear();
        let providers = wired.0.iter().map(|provider| match provider {
            ProviderSpec::Identity => Provider::identity(),
            ProviderSpec::Kms { name, version, keys } => {
                let vault = vault_of(&workshop.vault, *version);
                let needed = version.needed_keys(workshop.readable_versions);
                let plugin = Plugin::new(keys.clone(), needed, vault, Arc::clone(&self.kms_down));
                plugins.push(Arc::clone(&plugin));
                Provider::Kms(KmsProvider::new(Arc::clone(name), *version, plugin, workshop.scale))
            }
        });
        let transformers = Transformers(providers.collect());
        *self.wired.lock().unwrap_or_else(PoisonError::into_inner) = wired;
        transformers
    }

    fn process(
        &self,
        transformers: Transformers,
        workshop: &Workshop,
        revision: u64,
        started: f64,
        synced: bool,
    ) -> Arc<Process> {
        let host = self.host.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let identity = Identity::new(revision, host);
        workshop.identities.add(&identity);
        tracing::debug!(server = self.number, lease = identity.name, "API server process starts");
        Process::new(identity, started, transformers, synced, workshop.stop.child_token())
    }

    fn serve(&self, process: Arc<Process>) {
        *self.process.write().unwrap_or_else(PoisonError::into_inner) = Some(process);
    }
}
