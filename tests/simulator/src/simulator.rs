//! The simulator as tests hold it.

mod fleets;
mod shared;

use std::{collections::BTreeSet, sync::Arc, time::Instant};

use serde_json::{Map, Value};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_rustls::TlsAcceptor;

pub(crate) use self::shared::Shared;
use crate::{
    admin,
    backend::{EncryptionConfig, GroundTruth, KubernetesBackend},
    backends::{self, BackendFactory},
    bearer::Bearer,
    case::Case,
    clock::TimeScale,
    given::{Access, Faults, Given, OperationFault},
    http::{
        host::Hosts,
        listener::{self, Service},
        proxy,
    },
    key_id::KeyId,
    names::VAULT_SUFFIX,
    region::Region,
    requests::Seen,
    tls::Authority,
    vault::Refusal,
    writes::{Use, Write},
};

/// Where and how fast the simulator runs.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Port of Azure on 127.0.0.1; 0: any free one.
    pub port: u16,
    /// Port of the administration on 127.0.0.1; 0: any free one.
    pub admin_port: u16,
    /// Scales every duration.
    pub scale: TimeScale,
    /// Whether `runCommand` runs commands: on this machine, as the user of this process.
    pub run_command: bool,
}

/// Why the simulator could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A port could not be bound.
    #[error("the simulator could not listen: {0}")]
    Listen(#[from] std::io::Error),
    /// A certificate could not be made.
    #[error("the simulator's certificate could not be made: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The `given` makes no sense.
    #[error("the given is wrong: {0}")]
    Given(String),
    /// The cluster's Kubernetes failed.
    #[error("the cluster's Kubernetes failed: {0}")]
    Backend(String),
    /// No such case, or nothing of that name in it.
    #[error("there is no {0}")]
    NotFound(String),
}

/// An Azure region on loopback. Dropping it ends it.
pub struct Simulator {
    pub(crate) shared: Arc<Shared>,
    // Ends the listeners and their connections when it is dropped.
    _tasks: JoinSet<()>,
}

impl Simulator {
    /// Starts a simulator.
    pub async fn start(options: Options) -> Result<Self, Error> {
        Self::start_with(options, Arc::new(backends::start)).await
    }

    /// Starts a simulator whose clusters get their Kubernetes from `factory`.
    pub async fn start_with(options: Options, factory: BackendFactory) -> Result<Self, Error> {
        let azure = TcpListener::bind(("127.0.0.1", options.port)).await?;
        let proxy_listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let identities = TcpListener::bind(("127.0.0.1", 0)).await?;
        let admin_listener = TcpListener::bind(("127.0.0.1", options.admin_port)).await?;
        let authority = Arc::new(Authority::new()?);
        let vaults = format!("*.{VAULT_SUFFIX}");
        let acceptor =
            TlsAcceptor::from(authority.server_config(&["127.0.0.1", "localhost", &vaults])?);
        let port = |listener: &TcpListener| listener.local_addr().map(|address| address.port());
        let (azure_hosts, identity_hosts, admin_hosts) = (
            Hosts::azure(port(&azure)?),
            Hosts::loopback(port(&identities)?),
            Hosts::loopback(port(&admin_listener)?),
        );
        let region = Arc::new(Region::new(azure.local_addr()?.port(), options.run_command));
        let shared = Arc::new(Shared {
            region: region.clone(),
            authority,
            scale: options.scale,
            proxy: format!("http://{}", proxy_listener.local_addr()?),
            identities: format!("http://{}", identities.local_addr()?),
            admin: format!("http://{}", admin_listener.local_addr()?),
            admin_token: Bearer::new()?,
            factory,
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(listener::serve(azure, Service::Azure(acceptor), azure_hosts, region.clone()));
        let service = Service::ManagedIdentities;
        tasks.spawn(listener::serve(identities, service, identity_hosts, region.clone()));
        tasks.spawn(proxy::serve(proxy_listener, region));
        tasks.spawn(admin::serve(admin_listener, admin_hosts, shared.clone()));
        Ok(Self { shared, _tasks: tasks })
    }

    /// PEM of the certificate authority of everything that is served.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        self.shared.authority.ca_pem()
    }

    /// Endpoint of Resource Manager: `https://127.0.0.1:<port>`.
    #[must_use]
    pub fn arm(&self) -> &str {
        self.shared.region.arm()
    }

    /// Endpoint of Entra; a tenant's authority is `<authority>/<tenant>`.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.shared.region.arm()
    }

    /// The CONNECT proxy: `http://127.0.0.1:<port>`.
    #[must_use]
    pub fn proxy(&self) -> &str {
        &self.shared.proxy
    }

    /// The administration: `http://127.0.0.1:<port>`.
    #[must_use]
    pub fn admin(&self) -> &str {
        &self.shared.admin
    }

    /// What requests to the administration show: `Authorization: Bearer <token>`.
    #[must_use]
    pub fn admin_token(&self) -> &str {
        self.shared.admin_token.text()
    }

    /// Seconds that tokens issued from now on are valid for; an hour if nobody says.
    pub fn set_token_lifetime(&self, seconds: u64) {
        self.shared.region.tokens.set_lifetime(seconds);
    }

    /// A token of another issuer, which the case's application takes for a secret: what a pod with
    /// workload identity has. `subject` instead of the one that the application trusts.
    pub fn assertion(&self, case: &str, subject: Option<&str>) -> Result<String, Error> {
        self.shared.assertion(case, subject)
    }

    /// Makes a case.
    pub async fn put_case(&self, given: Given) -> Result<Case, Error> {
        self.shared.put_case(given).await
    }

    /// Ends a case: its Azure and its Kubernetes are gone.
    pub fn delete_case(&self, case: &str) -> Result<(), Error> {
        self.shared.delete_case(case)
    }

    /// The writes that a case saw, in order.
    pub fn writes(&self, case: &str) -> Result<Vec<Write>, Error> {
        Ok(self.shared.world(case)?.recorder.all())
    }

    /// The rights that the case's caller used: those that it was asked for and had.
    pub fn uses(&self, case: &str) -> Result<BTreeSet<Use>, Error> {
        Ok(self.shared.world(case)?.recorder.uses())
    }

    /// Forgets the writes that a case saw, and the rights that were used.
    pub fn clear_writes(&self, case: &str) -> Result<(), Error> {
        self.shared.world(case)?.recorder.clear();
        Ok(())
    }

    /// Keeps the requests that a case sees from now on, and forgets those it saw.
    pub fn watch_requests(&self, case: &str) -> Result<(), Error> {
        self.shared.world(case)?.recorder.requests.begin();
        Ok(())
    }

    /// The requests that a case saw since [`watch_requests`](Self::watch_requests), in order.
    pub fn requests(&self, case: &str) -> Result<Vec<Seen>, Error> {
        Ok(self.shared.world(case)?.recorder.requests.all())
    }

    /// Under what a case's secrets are, as read from its store.
    pub async fn secrets(&self, case: &str) -> Result<GroundTruth, Error> {
        self.shared.secrets(case, None).await
    }

    /// Under what the secrets of one of a case's clusters are: one that was created since.
    pub async fn secrets_of(&self, case: &str, cluster: &str) -> Result<GroundTruth, Error> {
        self.shared.secrets(case, Some(cluster)).await
    }

    /// Replaces the faults of a case, on the Azure and on the Kubernetes side.
    pub async fn set_faults(&self, case: &str, faults: Faults) -> Result<(), Error> {
        self.shared.set_faults(case, faults).await
    }

    /// Gives the case's caller other rights, in Azure and in Kubernetes; those of the cluster's identity stay.
    pub async fn set_rights(&self, case: &str, rights: Access) -> Result<(), Error> {
        self.shared
            .started(case)
            .await?
            .set_rights(rights.clone())
            .await
            .map_err(Error::Backend)?;
        self.shared.world(case)?.set_rights(rights);
        Ok(())
    }

    /// The document of a case's cluster.
    pub fn cluster(&self, case: &str) -> Result<Value, Error> {
        Ok(self.shared.world(case)?.cluster().document())
    }

    /// Edits the document of a case's cluster by a JSON merge patch, as another tool would: its
    /// eTag changes, its API servers do not. Gives the new document.
    pub fn patch_cluster(&self, case: &str, patch: &Value) -> Result<Value, Error> {
        let world = self.shared.world(case)?;
        let cluster = world.cluster();
        let mut state = cluster.state();
        crate::merge::merge(&mut state.document, patch);
        state.touch();
        Ok(state.document.clone())
    }

    /// Scales an agent pool, as another tool would: only the pool's eTag changes.
    pub fn scale_agent_pool(&self, case: &str, pool: &str, count: u32) -> Result<(), Error> {
        let world = self.shared.world(case)?;
        let cluster = world.cluster();
        let mut state = cluster.state();
        let profile =
            state.agent_pool(pool).ok_or_else(|| Error::NotFound(format!("agent pool {pool}")))?;
        profile["count"] = count.into();
        profile["eTag"] = crate::cluster::new_etag();
        Ok(())
    }

    /// Edits the document of one of a case's vaults by a JSON merge patch, as another tool would.
    /// Gives the new document.
    pub fn patch_vault(&self, case: &str, vault: &str, patch: &Value) -> Result<Value, Error> {
        let world = self.shared.world(case)?;
        world.patch_vault(vault, patch).ok_or_else(|| Error::NotFound(format!("vault {vault}")))
    }

    /// Edits a version of a key, as another tool would. `change` is the body of the vault's own
    /// PATCH: `{"attributes": {"enabled": false, "exp": 1}, "key_ops": […], "tags": {…}}`.
    pub fn patch_key(&self, case: &str, key_id: &str, change: &Value) -> Result<(), Error> {
        let world = self.shared.world(case)?;
        let missing = || Error::NotFound(format!("key {key_id}"));
        let id = KeyId::parse(key_id).ok_or_else(missing)?;
        let version = id.version.as_deref().ok_or_else(missing)?;
        world
            .with_vault_at_mut(&id.host, |vault| {
                vault.update_version(&id.name, Some(version), change)
            })
            .and_then(|updated| updated)
            .map_err(|_: Refusal| missing())
    }

    /// Restarts a case's API servers, one after the other, as AKS does when it maintains a cluster:
    /// what they had in memory is gone.
    pub async fn restart_api_servers(&self, case: &str) -> Result<(), Error> {
        self.shared.started(case).await?.restart_api_servers().await.map_err(Error::Backend)
    }

    /// What the API servers of a case's cluster were last given, and whether all of them were.
    pub fn rolled_out(&self, case: &str) -> Result<(EncryptionConfig, bool), Error> {
        let world = self.shared.world(case)?;
        let cluster = world.cluster();
        let state = cluster.state();
        Ok((state.rolled_out.clone(), state.uniform))
    }

    /// When they were last given anything; `None`: before the case began.
    pub fn rolled_out_at(&self, case: &str) -> Result<Option<Instant>, Error> {
        Ok(self.shared.world(case)?.cluster().state().rolled_out_at)
    }

    /// Somebody else asks for a KMS profile, for the cluster with this eTag if one is named; gives
    /// whether that was accepted. It ends as `ends` says; absent: well, if nothing is in the way.
    /// The faults of the case are not for this operation, and no write is recorded.
    pub fn ask_for_kms(
        &self,
        case: &str,
        profile: &Value,
        etag: Option<&str>,
        ends: Option<OperationFault>,
    ) -> Result<bool, Error> {
        let members = [("azureKeyVaultKms".to_owned(), profile.clone())].into_iter().collect();
        self.ask_for_security(case, &members, etag, ends)
    }

    /// The same for members of `securityProfile`; null takes one away.
    pub fn ask_for_security(
        &self,
        case: &str,
        members: &Map<String, Value>,
        etag: Option<&str>,
        ends: Option<OperationFault>,
    ) -> Result<bool, Error> {
        let world = self.shared.world(case)?;
        let cluster = world.cluster();
        Ok(crate::cluster::update::ask_for_security(&world, &cluster, members, etag, ends).is_ok())
    }

    /// Whether AKS is rewriting the secrets of a case's cluster, as it does after it changed the key of KMS data
    /// encryption.
    pub fn is_rewriting(&self, case: &str) -> Result<bool, Error> {
        Ok(self.shared.world(case)?.cluster().state().rewrites > 0)
    }

    /// The six hours are over: AKS looks for a newer version of the customer's key now.
    pub async fn look_for_key_versions(&self, case: &str) -> Result<(), Error> {
        let world = self.shared.world(case)?;
        crate::cluster::rewrite::look(&world, &world.cluster()).await;
        Ok(())
    }

    /// The platform takes another key of its own, if the cluster has one of it.
    pub async fn rotate_platform_key(&self, case: &str) -> Result<(), Error> {
        let world = self.shared.world(case)?;
        crate::cluster::rewrite::rotate_platform_key(&world, &world.cluster()).await;
        Ok(())
    }

    /// The Kubernetes of a case's cluster. Of a fleet's cluster: once it has started, which [`case`](Self::case) sees
    /// to.
    pub fn kubernetes(&self, case: &str) -> Result<Arc<dyn KubernetesBackend>, Error> {
        self.shared.backend(case)
    }
}
