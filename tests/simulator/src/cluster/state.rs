//! What AKS knows of a cluster: its document, what its API servers were given, what goes on.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::Instant,
};

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{
    data_encryption::Experience, document, document::new_etag, initial, kms::Profile,
    version::Version,
};
use crate::{
    backend::{EncryptionConfig, KeyRef, KmsVersion, KubernetesBackend},
    command::Commands,
    given::Given,
    key_id::KeyId,
    names::{ClusterNames, Names},
    vault::material::{KeyMaterial, KeySpec, RsaSize},
};

/// A managed cluster.
pub(crate) struct Cluster {
    pub(crate) names: ClusterNames,
    pub(crate) commands: Commands,
    /// Held while somebody changes what the API servers encrypt with.
    pub(crate) encryption: tokio::sync::Mutex<()>,
    state: Mutex<ManagedCluster>,
    backend: RwLock<Option<Arc<dyn KubernetesBackend>>>,
}

/// What changes of a cluster.
#[derive(Debug, Default)]
pub(crate) struct ManagedCluster {
    /// The resource as ARM answers it.
    pub(crate) document: Value,
    /// What the API servers were last given.
    pub(crate) rolled_out: EncryptionConfig,
    /// When they were; `None`: before the case began.
    pub(crate) rolled_out_at: Option<Instant>,
    /// Which keys they were told to reach over the public way.
    pub(crate) public_keys: BTreeSet<String>,
    /// Which keys without a version KMS data encryption has used, and whether it passes their vault's
    /// firewall as a trusted service.
    pub(crate) customer_keys: BTreeMap<String, bool>,
    /// The platform's keys for this cluster, the one in use last.
    pub(crate) platform_keys: Vec<PlatformKey>,
    /// When AKS last looked for a newer version of a customer's key.
    pub(crate) looked_at: Option<Instant>,
    /// Whether it looks from time to time.
    pub(crate) watched: bool,
    /// How many times AKS is rewriting the secrets now.
    pub(crate) rewrites: usize,
    /// The versions that AKS offers from a version, where the case says so.
    pub(crate) offers: BTreeMap<String, Vec<String>>,
    /// Whether all of them were given it.
    pub(crate) uniform: bool,
    /// How many operations go on.
    pub(crate) running: usize,
    /// Id of the operation that was begun last.
    pub(crate) latest_operation: Option<String>,
    /// How often somebody looked at the cluster while an operation went on on it as a whole.
    looks: usize,
    /// Aborts the operation that goes on on the cluster as a whole.
    pub(crate) abort: Option<CancellationToken>,
}

/// A key of the platform.
#[derive(Clone, Debug)]
pub(crate) struct PlatformKey {
    pub(crate) key: KeyRef,
    pub(crate) material: KeyMaterial,
}

impl Cluster {
    /// The cluster that a case starts with. `key_ids`: the versions of its keys, oldest first.
    pub(crate) fn from_given(
        given: &Given,
        names: &Names,
        key_ids: &[String],
    ) -> Result<Self, String> {
        let document = document::of_given(given, names);
        let offers = given.cluster.upgrades.clone();
        let mut state = ManagedCluster { document, offers, uniform: true, ..Default::default() };
        state.rolled_out = initial::rolled_out(given, &mut state, key_ids)?;
        state.note_ways();
        state.note_way_of_customer_key();
        Ok(Self::with(names.own_cluster(), state))
    }

    /// A cluster that is about to be created.
    pub(crate) fn new(names: ClusterNames, document: Value) -> Self {
        Self::with(names, ManagedCluster { document, uniform: true, ..Default::default() })
    }

    fn with(names: ClusterNames, state: ManagedCluster) -> Self {
        let (commands, backend) = (Commands::default(), RwLock::default());
        let encryption = tokio::sync::Mutex::default();
        Self { names, commands, encryption, state: Mutex::new(state), backend }
    }

    /// What is known of it; never hold the guard across an await.
    pub(crate) fn state(&self) -> MutexGuard<'_, ManagedCluster> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its document.
    pub(crate) fn document(&self) -> Value {
        self.state().document.clone()
    }

    /// Its document for who asks the service for it. While an operation goes on on the cluster as a whole, the
    /// next look shows another eTag, but for one in four: the service writes to it all the time.
    pub(crate) fn look(&self) -> Value {
        let mut state = self.state();
        let document = state.document.clone();
        if state.abort.is_some() {
            state.looks += 1;
            if !state.looks.is_multiple_of(4) {
                state.touch();
            }
        }
        document
    }

    /// Its Kubernetes, while it has one.
    pub(crate) fn backend(&self) -> Option<Arc<dyn KubernetesBackend>> {
        self.backend.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Gives it its Kubernetes.
    pub(crate) fn set_backend(&self, backend: Arc<dyn KubernetesBackend>) {
        *self.backend.write().unwrap_or_else(PoisonError::into_inner) = Some(backend);
    }

    /// Ends its Kubernetes.
    pub(crate) fn end_backend(&self) {
        self.backend.write().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Whether its API server listens on this port.
    pub(crate) fn serves_kubernetes_at(&self, port: u16) -> bool {
        let server = self.backend().map(|backend| backend.endpoint().server);
        server.is_some_and(|server| server.ends_with(&format!(":{port}")))
    }

    /// Object id of the identity that its control plane runs as.
    pub(crate) fn principal(&self) -> String {
        let state = self.state();
        let identities = state.document["identity"]["userAssignedIdentities"].as_object();
        identities
            .and_then(|identities| identities.values().next())
            .and_then(|identity| identity["principalId"].as_str())
            .map_or_else(|| self.names.own_principal.clone(), str::to_owned)
    }
}

impl ManagedCluster {
    /// Whether an operation goes on.
    pub(crate) fn is_busy(&self) -> bool {
        self.running > 0
    }

    /// A string property.
    pub(crate) fn property(&self, name: &str) -> &str {
        self.document["properties"][name].as_str().unwrap_or_default()
    }

    /// Whether it was stopped.
    pub(crate) fn is_stopped(&self) -> bool {
        self.document["properties"]["powerState"]["code"] == "Stopped"
    }

    /// Name of the vault that holds the key in use of legacy KMS, and whether it is reached privately.
    pub(crate) fn vault_in_use(&self) -> Option<(String, bool)> {
        let profile = Profile::of(&self.document);
        let legacy = Experience::of(&self.document) == Experience::Legacy;
        let key = profile.key_id.as_deref().filter(|_| legacy)?;
        Some((KeyId::parse(key)?.vault().to_owned(), profile.private()))
    }

    /// Remembers how the keys that the API servers were given are reached: a key that is not the
    /// one in use, as it was before.
    pub(crate) fn note_ways(&mut self) {
        let private = Profile::of(&self.document).private();
        if let Some(key) = self.rolled_out.current.as_ref().filter(|key| !key.is_data_encryption())
        {
            if private {
                self.public_keys.remove(&key.key_id);
            } else {
                self.public_keys.insert(key.key_id.clone());
            }
        }
    }

    /// Remembers how the plugin of KMS data encryption reaches the key that the document names.
    pub(crate) fn note_way_of_customer_key(&mut self) {
        if Experience::of(&self.document) != Experience::Customer {
            return;
        }
        let profile = Profile::of(&self.document);
        if let Some(key) = profile.key_id.as_deref().and_then(KeyId::parse) {
            self.customer_keys.insert(key.source(), profile.private());
        }
    }

    /// Whether it is a version of a customer's key of KMS data encryption.
    pub(crate) fn is_version_of_customer_key(&self, key_id: &str) -> bool {
        key_id.rsplit_once('/').is_some_and(|(source, _)| self.customer_keys.contains_key(source))
    }

    /// Takes note of what the API servers have been given, and whether all of them have.
    pub(crate) fn note_rolled_out(&mut self, config: EncryptionConfig, uniform: bool) {
        self.rolled_out = config;
        self.rolled_out_at = Some(Instant::now());
        self.note_ways();
        self.uniform = uniform;
    }

    /// The platform's key.
    pub(crate) fn platform_key(&mut self) -> KeyRef {
        let key = self.platform_keys.last().map(|key| key.key.clone());
        key.unwrap_or_else(|| self.new_platform_key())
    }

    /// Another key of the platform, which is the one from now on.
    pub(crate) fn new_platform_key(&mut self) -> KeyRef {
        let key = KeyRef::of_platform();
        let spec = KeySpec::Rsa { size: RsaSize::Bits2048, hsm: true };
        self.platform_keys.push(PlatformKey { key: key.clone(), material: KeyMaterial::new(spec) });
        key
    }

    /// The versions that AKS offers from one.
    pub(crate) fn upgrades(&self, version: Version) -> Vec<Version> {
        match self.offers.get(&version.to_string()) {
            Some(offers) => offers.iter().filter_map(|offer| Version::parse(offer)).collect(),
            None => version.upgrades(),
        }
    }

    /// The document as the answer to an accepted change has it: its eTag is still the old one, which
    /// the cluster does not have any more.
    pub(crate) fn accept(&mut self) -> Value {
        let answer = self.document.clone();
        self.touch();
        answer
    }

    /// Gives the document a new eTag: it has changed.
    pub(crate) fn touch(&mut self) {
        self.document["eTag"] = new_etag();
    }

    /// The agent pools in the document, to change.
    pub(crate) fn agent_pools(&mut self) -> &mut Vec<Value> {
        let pools = &mut self.document["properties"]["agentPoolProfiles"];
        if !pools.is_array() {
            *pools = Value::Array(Vec::new());
        }
        pools.as_array_mut().expect("it was just made an array")
    }

    /// The same, to read.
    pub(crate) fn pools(&self) -> impl Iterator<Item = &Value> {
        self.document["properties"]["agentPoolProfiles"].as_array().into_iter().flatten()
    }

    /// An agent pool's part of the document.
    pub(crate) fn agent_pool(&mut self, name: &str) -> Option<&mut Value> {
        self.agent_pools().iter_mut().find(|pool| {
            pool["name"].as_str().is_some_and(|candidate| candidate.eq_ignore_ascii_case(name))
        })
    }
}

/// Which KMS version AKS uses when it enables KMS on this Kubernetes version.
pub(crate) fn kms_version(kubernetes_version: &str) -> KmsVersion {
    match Version::parse(kubernetes_version) {
        Some(version) if !version.at_least(27) => KmsVersion::V1,
        _ => KmsVersion::V2,
    }
}
