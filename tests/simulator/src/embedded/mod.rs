//! The Kubernetes API of a cluster, modelled: API servers with encryption configurations, over a
//! store with the semantics of etcd.
//!
//! Secrets are stored, listed, watched and rewritten as kube-apiserver does it: what it writes
//! with, what it can read, and when it takes a stored value for stale depends on the process that
//! a connection is pinned to. The key material itself is not modelled: a stored value carries the
//! name of its key.

mod admission;
mod answer;
mod authz;
mod body;
mod call;
mod cluster;
mod documents;
mod faults;
mod forms;
mod health;

mod identity;
mod list;
mod listener;
mod metrics;
mod namespaces;
mod plugin;
mod process;
mod rewrite;
mod rollout;
mod route;
mod seals;
mod secret;
mod seed;
mod server;
mod status;
mod store;
mod transform;
mod undecryptable;
mod versions;
mod visitors;
mod watch;
mod watchers;
mod wiring;
mod write;

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, TcpListener},
    sync::{Arc, atomic::Ordering},
};

use async_trait::async_trait;
use tokio_util::sync::{CancellationToken, DropGuard};

use self::{cluster::Cluster, seed::Seeder, transform::Seal};
use crate::{
    backend::{
        ApiEndpoint, BackendSpec, EncryptionConfig, GroundTruth, KeyRef, KubernetesBackend,
        OWN_SECRETS,
    },
    given::{Access, Faults, Secrets},
    http::host::Hosts,
};

/// Starts the Kubernetes API of a cluster. Needs a tokio runtime.
///
/// # Errors
/// No loopback port, no certificate, or secrets in the case that make no sense.
pub fn start(spec: BackendSpec) -> Result<Arc<dyn KubernetesBackend>, String> {
    Ok(Arc::new(Embedded::start(spec)?))
}

/// The modelled Kubernetes API of one cluster, with what tests do to it beyond its API.
pub struct Embedded {
    cluster: Arc<Cluster>,
    endpoint: ApiEndpoint,
    _stop: DropGuard,
}

/// How a secret is stored.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Stored {
    /// `k8s:enc:kms:v2:<provider>:`; empty: plaintext.
    pub prefix: String,
    /// The key as configured, `https://…`.
    pub key_id: Option<String>,
    /// Its resource version.
    pub resource_version: u64,
}

/// The secrets of a cluster at one revision.
pub struct Backup(store::Backup);

/// How busy the API was.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Load {
    /// Requests so far.
    pub requests: usize,
    /// The most that were answered at the same time.
    pub most_in_flight: usize,
}

impl Embedded {
    /// Starts it. Needs a tokio runtime.
    ///
    /// # Errors
    /// As [`start`].
    pub fn start(spec: BackendSpec) -> Result<Self, String> {
        let failed = |what: &str, error: &dyn std::fmt::Display| format!("{what}: {error}");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
            .map_err(|error| failed("no loopback port", &error))?;
        let port =
            listener.local_addr().map_err(|error| failed("no loopback port", &error))?.port();
        let listener = tokio::net::TcpListener::from_std(listener)
            .map_err(|error| failed("no loopback port", &error))?;
        let tls =
            spec.authority.loopback_config().map_err(|error| failed("no certificate", &error))?;

        let stop = CancellationToken::new();
        let guard = stop.clone().drop_guard();
        let (secrets, ca_pem) = (spec.given.secrets.clone(), spec.authority.ca_pem().to_owned());
        let cluster = Cluster::new(spec, stop);
        cluster.seed(&secrets)?;
        cluster.receive_visitors_at_start()?;
        tokio::spawn(listener::listen(Arc::clone(&cluster), listener, Hosts::loopback(port), tls));
        let endpoint = ApiEndpoint {
            server: format!("https://127.0.0.1:{port}"),
            ca_pem,
            admin_token: cluster.access.admin_token.clone(),
            user_token: cluster.access.user_token.clone(),
        };
        Ok(Self { cluster, endpoint, _stop: guard })
    }

    /// Makes `secret-<number>` for every number in a namespace, under `plaintext`, a key id, or,
    /// when absent, as the cluster writes now. Those that exist stay as they are.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub async fn add_secrets(
        &self,
        namespace: &str,
        numbers: std::ops::RangeInclusive<usize>,
        under: Option<&str>,
    ) -> Result<(), String> {
        let rollout = self.cluster.rollout.lock().await;
        let seeder = self.cluster.seeder(&rollout);
        let seal = seeder.seal(under);
        seeder.fill(namespace, numbers, &seal)
    }

    /// Stores an existing secret anew under `plaintext` or a key id, past the API servers: a write
    /// that was encrypted before and lands now.
    ///
    /// # Errors
    /// There is no such secret.
    pub async fn put_under(&self, namespace: &str, name: &str, under: &str) -> Result<(), String> {
        let rollout = self.cluster.rollout.lock().await;
        let seal = self.cluster.seeder(&rollout).seal(Some(under));
        let store = &self.cluster.store;
        loop {
            let version = store
                .get(namespace, name)
                .ok_or_else(|| format!("there is no secret {namespace}/{name}"))?;
            let secret = Arc::clone(&version.secret);
            if store.replace(namespace, name, version.revision, secret, &seal).is_ok() {
                return Ok(());
            }
        }
    }

    /// Deletes a secret without reading it, as `ignoreStoreReadErrorWithClusterBreakingPotential`
    /// does; whether it was there.
    #[must_use]
    pub fn delete_unread(&self, namespace: &str, name: &str) -> bool {
        let store = &self.cluster.store;
        let version = store.get(namespace, name);
        version.is_some_and(|version| store.delete(namespace, name, version.revision).is_ok())
    }

    /// How a secret is stored.
    #[must_use]
    pub fn stored(&self, namespace: &str, name: &str) -> Option<Stored> {
        let version = self.cluster.store.get(namespace, name)?;
        Some(Stored {
            prefix: version.seal.prefix(),
            key_id: version.seal.key().map(|key| key.key_id.clone()),
            resource_version: version.revision,
        })
    }

    /// Starts one more API server, with a configuration of its own; gives its number.
    pub async fn add_api_server(&self, config: EncryptionConfig) -> usize {
        self.cluster.add_server(config).await
    }

    /// As [`add_api_server`](Self::add_api_server), on the first server's host: they share a Lease.
    pub async fn add_api_server_on_first_host(&self, config: EncryptionConfig) -> usize {
        self.cluster.add_server_on_first_host(config).await
    }

    /// Leads every new connection to one API server, as a load balancer does that goes by the
    /// client's address; `None`: to all in turn.
    pub fn pin_connections(&self, server: Option<usize>) {
        self.cluster.only.store(server.unwrap_or(0), Ordering::Relaxed);
    }

    /// Whether every API server says that it is ready, now that each has asked its plugins.
    pub async fn all_ready(&self) -> bool {
        for server in self.cluster.servers() {
            let Some(process) = server.current() else { return false };
            process.ask_plugins().await;
            if !health::ready(&self.cluster, &process).await.status().is_success() {
                return false;
            }
        }
        true
    }

    /// How busy the API was.
    #[must_use]
    pub fn load(&self) -> Load {
        let traffic = &self.cluster.traffic;
        Load {
            requests: traffic.requests.load(Ordering::Relaxed),
            most_in_flight: traffic.most_in_flight.load(Ordering::Relaxed),
        }
    }

    /// Forgets every older version, as a compaction of etcd does: lists cannot go on.
    pub fn compact(&self) {
        self.cluster.store.compact();
    }

    /// A backup of etcd, as far as secrets are concerned.
    #[must_use]
    pub fn backup(&self) -> Backup {
        Backup(self.cluster.store.backup())
    }

    /// Restores a backup: secrets, and the revision, are what they were. The API servers restart.
    pub async fn restore(&self, backup: &Backup) {
        self.cluster.store.restore(&backup.0);
        self.cluster.restart_all().await;
    }

    /// Turns a mutating webhook on or off that changes a secret each time it sees it.
    pub fn set_mutating_webhook(&self, on: bool) {
        self.cluster.admission.set_mutating(on);
    }

    /// Whether etcd has no space left: it refuses every write.
    pub fn set_database_full(&self, full: bool) {
        self.cluster.store.set_full(full);
    }
}

impl Cluster {
    fn seeder<'a>(&'a self, rollout: &'a rollout::Rollout) -> Seeder<'a> {
        Seeder {
            store: &self.store,
            documents: &self.documents,
            admission: &self.admission,
            names: &rollout.names,
            config: &rollout.config,
        }
    }

    fn seed(&self, secrets: &Secrets) -> Result<(), String> {
        let rollout = self.rollout.try_lock().map_err(|error| error.to_string())?;
        self.seeder(&rollout).seed(secrets)
    }

    /// The key that a value is under, as the ground truth names it.
    fn name_of<'a>(&self, seal: &'a Seal) -> Option<&'a str> {
        let key = seal.key()?;
        Some(if self.key_ids.contains(&key.key_id) { &key.key_id } else { &key.plugin_key_id })
    }

    /// How many secrets are in namespaces that are gone.
    fn orphans(&self, namespaces: &BTreeMap<String, usize>) -> usize {
        let gone = namespaces.iter().filter(|(name, _)| !self.documents.has_namespace(name));
        gone.map(|(_, secrets)| secrets).sum()
    }

    /// Whether an API server with the present configuration can read a value.
    fn readable(&self, seal: &Seal) -> bool {
        let Seal::Kms { version, provider, key } = seal else { return true };
        self.servers().iter().any(|server| {
            server.wired().0.iter().any(|spec| match spec {
                wiring::ProviderSpec::Identity => false,
                wiring::ProviderSpec::Kms { name, version: served, keys } => {
                    name == provider && served.api() == *version && keys.contains(key)
                }
            })
        })
    }
}

#[async_trait]
impl KubernetesBackend for Embedded {
    fn endpoint(&self) -> ApiEndpoint {
        self.endpoint.clone()
    }

    async fn apply(
        &self,
        config: EncryptionConfig,
        applied_to: Option<Vec<usize>>,
    ) -> Result<(), String> {
        self.cluster.roll_out(config, applied_to.as_deref()).await;
        Ok(())
    }

    async fn restart_api_servers(&self) -> Result<(), String> {
        self.cluster.restart_all().await;
        Ok(())
    }

    async fn set_running(&self, running: bool) -> Result<(), String> {
        self.cluster.set_running(running).await;
        Ok(())
    }

    async fn set_version(&self, version: &str) -> Result<(), String> {
        self.cluster.set_version(version);
        self.cluster.restart_all().await;
        Ok(())
    }

    async fn ground_truth(&self) -> Result<GroundTruth, String> {
        let mut truth = GroundTruth::default();
        let mut seals: Vec<(Arc<Seal>, usize)> = Vec::new();
        let mut namespaces = BTreeMap::new();
        let mut own: Vec<Arc<Seal>> = Vec::new();
        self.cluster.store.for_each(|namespace, name, version| {
            *namespaces.entry(namespace.to_owned()).or_default() += 1;
            if OWN_SECRETS.contains(&name) {
                own.push(Arc::clone(&version.seal));
            } else {
                let newest = &mut truth.newest_resource_version;
                *newest = version.revision.max(*newest);
            }
            match seals.iter_mut().find(|(seal, _)| Arc::ptr_eq(seal, &version.seal)) {
                Some((_, count)) => *count += 1,
                None => seals.push((Arc::clone(&version.seal), 1)),
            }
        });
        for (seal, count) in seals {
            truth.count(self.cluster.name_of(&seal), count);
            if let Seal::Kms { provider, .. } = &*seal {
                *truth.by_provider.entry(provider.to_string()).or_default() += count;
            }
            if !self.cluster.readable(&seal) {
                truth.unreadable += count;
            }
        }
        for seal in own {
            truth.note_own(self.cluster.name_of(&seal));
        }
        truth.orphans = self.cluster.orphans(&namespaces);
        Ok(truth)
    }

    async fn keys_in_use(&self) -> Result<Vec<KeyRef>, String> {
        Ok(self.cluster.keys_in_use())
    }

    async fn rewrite_secrets(&self, part: usize, of: usize) -> Result<(), String> {
        self.cluster.rewrite(part, of).await
    }

    async fn set_record(&self, record: &str) -> Result<(), String> {
        self.cluster.documents.set_record(record, &self.cluster.store);
        Ok(())
    }

    async fn set_rights(&self, rights: Access) -> Result<(), String> {
        self.cluster.access.set(rights);
        Ok(())
    }

    async fn set_faults(&self, faults: Faults) -> Result<(), String> {
        self.cluster.script.replace(faults);
        self.cluster.obey_script().await;
        Ok(())
    }
}
