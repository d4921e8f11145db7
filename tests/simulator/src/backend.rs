//! The seam between the simulated Azure and a cluster's Kubernetes API.
//!
//! AKS changes what the API servers of a cluster encrypt with; this is all it does to them, so
//! this is all that the seam has. Two things stand behind it: the embedded model and a real
//! kube-apiserver with etcd.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use async_trait::async_trait;
use serde::Serialize;

use crate::{
    clock::TimeScale,
    given::{Given, ReadableVersions},
    tls::Authority,
    writes::Recorder,
};

/// The keys that AKS configures a cluster's API servers with: with legacy KMS two at most.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct EncryptionConfig {
    /// The key that secrets are written with; `None`: plaintext.
    pub current: Option<KeyRef>,
    /// The key that secrets can also be read with.
    pub previous: Option<KeyRef>,
    /// Others that they can be read with, which only KMS data encryption has.
    pub retained: Vec<KeyRef>,
}

impl EncryptionConfig {
    /// The keys that secrets can be read with.
    pub fn keys(&self) -> impl Iterator<Item = &KeyRef> {
        self.current.iter().chain(&self.previous).chain(&self.retained)
    }
}

/// A key as an encryption configuration names it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeyRef {
    /// The key id as configured, character by character: `https://<vault host>/keys/<name>/<version>`;
    /// of a key of the platform: `platform/` and what nobody can guess.
    pub key_id: String,
    /// KMS version of the provider.
    pub kms_version: KmsVersion,
}

/// What the ids of the platform's keys begin with.
const PLATFORM: &str = "platform/";

impl KeyRef {
    /// A new key of the platform.
    pub(crate) fn of_platform() -> Self {
        let key_id = format!("{PLATFORM}{}", uuid::Uuid::new_v4().simple());
        Self { key_id, kms_version: KmsVersion::V2Plus }
    }

    /// Whether it is a key of the platform.
    #[must_use]
    pub fn is_platform(&self) -> bool {
        self.key_id.starts_with(PLATFORM)
    }

    /// Whether it is a key of KMS data encryption.
    #[must_use]
    pub fn is_data_encryption(&self) -> bool {
        self.kms_version == KmsVersion::V2Plus
    }

    /// The key without its version, which all its versions have in common.
    pub(crate) fn source(&self) -> &str {
        self.key_id.rsplit_once('/').map_or(&*self.key_id, |(source, _)| source)
    }

    /// What the plugin reports as `key_id` to a KMS v2 API server: hex(sha256(configured key id)).
    #[must_use]
    pub fn plugin_key_id(&self) -> String {
        use sha2::{Digest, Sha256};
        Sha256::digest(self.key_id.as_bytes())
            .iter()
            .fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
    }
}

/// KMS plugin API version.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KmsVersion {
    /// Kubernetes before 1.27.
    V1,
    /// Kubernetes 1.27 and later.
    V2,
    /// The same API, but the plugin of KMS data encryption, which knows many versions of a key.
    V2Plus,
}

impl KmsVersion {
    /// The version of the API that API servers speak with the plugin: 1 or 2.
    #[must_use]
    pub fn api(self) -> Self {
        match self {
            Self::V1 => Self::V1,
            Self::V2 | Self::V2Plus => Self::V2,
        }
    }

    /// How many of its keys a plugin must be able to use, the one in use first, to be healthy.
    pub(crate) fn needed_keys(self, readable: ReadableVersions) -> usize {
        match (self, readable) {
            (Self::V1 | Self::V2, _) | (_, ReadableVersions::CurrentAndPrevious) => usize::MAX,
            (Self::V2Plus, ReadableVersions::All) => 1,
        }
    }
}

/// What the KMS plugin of a cluster asks of the vault, with the rights of the cluster's identity.
#[async_trait]
pub trait VaultCrypto: Send + Sync {
    /// RSA-OAEP-256 encryption by the key version.
    async fn encrypt(&self, key_id: &str, plaintext: &[u8]) -> Result<Vec<u8>, VaultRefusal>;
    /// RSA-OAEP-256 decryption by the key version.
    async fn decrypt(&self, key_id: &str, ciphertext: &[u8]) -> Result<Vec<u8>, VaultRefusal>;
    /// Whether the identity could encrypt and decrypt now, without the cost of a key operation.
    async fn usable(&self, key_id: &str) -> Result<(), VaultRefusal>;
    /// Whether it could decrypt now: an expired key still does.
    async fn can_decrypt(&self, key_id: &str) -> Result<(), VaultRefusal>;
    /// The same as the plugin of KMS data encryption has it, which passes a vault's firewall as a trusted
    /// service and has the platform's keys; `None`: no otherwise.
    fn of_data_encryption(&self) -> Option<Arc<dyn VaultCrypto>> {
        None
    }
}

/// The vault as a plugin of this version has it.
pub(crate) fn vault_of(vault: &Arc<dyn VaultCrypto>, version: KmsVersion) -> Arc<dyn VaultCrypto> {
    let own = if version == KmsVersion::V2Plus { vault.of_data_encryption() } else { None };
    own.unwrap_or_else(|| Arc::clone(vault))
}

/// Why the vault refused a key operation.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct VaultRefusal {
    /// The vault's code, such as `KeyDisabled` or `ForbiddenByRbac`.
    pub code: String,
    /// In words.
    pub message: String,
}

/// How a client reaches a cluster's API.
#[derive(Clone, Debug)]
pub struct ApiEndpoint {
    /// `https://127.0.0.1:<port>`.
    pub server: String,
    /// PEM of the certificate authority that signed its certificate.
    pub ca_pem: String,
    /// Bearer token of a cluster admin (`system:masters`).
    pub admin_token: String,
    /// Bearer token of the cluster user, whose rights `given.access.kubernetes_lacks` reduces.
    pub user_token: String,
}

/// The secret by which the library makes API servers write; nobody's, so not recorded.
pub const CANARY: &str = "aks-kms-canary";
/// The Secret with the key that seals the library's record: made once, and then a secret like any.
pub const SEAL: &str = "aks-kms-seal";
/// Secrets of the library itself.
pub const OWN_SECRETS: [&str; 2] = [CANARY, SEAL];

/// How [`GroundTruth::own`] calls what is stored without encryption.
const PLAINTEXT: &str = "plaintext";

/// Under what the secrets in the store are, as read from the store itself: every one of them,
/// whatever lists show.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct GroundTruth {
    /// Number of secrets, those of the library and of namespaces that are gone among them.
    pub total: usize,
    /// Stored without encryption.
    pub plaintext: usize,
    /// Number by configured key id (`https://…`, `platform/…`); a plugin key id that nobody knows as
    /// itself.
    pub by_key: BTreeMap<String, usize>,
    /// Number by name of the provider in the encryption configuration, which tells keys apart that
    /// two providers have.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub by_provider: BTreeMap<String, usize>,
    /// Number that no API server with the present configuration can read.
    pub unreadable: usize,
    /// Number of those whose namespace is gone.
    #[serde(skip_serializing_if = "is_zero")]
    pub orphans: usize,
    /// Number of those that are the library's own ([`OWN_SECRETS`]), by key id; `plaintext` for
    /// those without.
    pub own: BTreeMap<String, usize>,
    /// The highest resource version under `/registry/secrets/`, the library's own left out: between
    /// two equal ones nobody's secret was written.
    pub newest_resource_version: u64,
    /// When a vault was closed while an API server or a secret needed the public way to it: never,
    /// if all is well. Filled in by the simulator, not by a backend.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub violations: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl GroundTruth {
    /// Counts secrets that are stored in the same way. `key`: as in [`by_key`](Self::by_key).
    pub(crate) fn count(&mut self, key: Option<&str>, secrets: usize) {
        self.total += secrets;
        match key {
            None => self.plaintext += secrets,
            Some(key) => *self.by_key.entry(key.to_owned()).or_default() += secrets,
        }
    }

    /// Notes that one that was counted is the library's.
    pub(crate) fn note_own(&mut self, key: Option<&str>) {
        *self.own.entry(key.unwrap_or(PLAINTEXT).to_owned()).or_default() += 1;
    }

    /// The same without the library's own secrets, which come and go, and without the providers. What is
    /// unreadable counts whosever it is.
    #[must_use]
    pub fn of_others(mut self) -> Self {
        for (key, own) in std::mem::take(&mut self.own) {
            self.total = self.total.saturating_sub(own);
            if key == PLAINTEXT {
                self.plaintext = self.plaintext.saturating_sub(own);
            } else if let Some(count) = self.by_key.get_mut(&key) {
                *count = count.saturating_sub(own);
            }
        }
        self.by_key.retain(|_, count| *count > 0);
        // Whose secrets these are is not told.
        self.by_provider.clear();
        self
    }
}

/// What a backend starts from.
#[derive(Clone)]
pub struct BackendSpec {
    /// The case, with every `{{…}}` placeholder replaced.
    pub given: Given,
    /// What the API servers are configured with at the start.
    pub config: EncryptionConfig,
    /// Every key id of the case, to name keys in the ground truth.
    pub key_ids: Vec<String>,
    /// `nodeResourceGroup` and subscription id, for the nodes' `spec.providerID`.
    pub node_resource_group: String,
    /// The case's subscription.
    pub subscription_id: String,
    /// Where writes are recorded; the Azure side of the case records to the same.
    pub recorder: Arc<Recorder>,
    /// The vault, with the rights of the cluster's identity.
    pub vault: Arc<dyn VaultCrypto>,
    /// Decides whether a bearer token is a valid Entra token for the Kubernetes API.
    pub entra: Arc<dyn Fn(&str) -> bool + Send + Sync>,
    /// Signs the API's certificate.
    pub authority: Arc<Authority>,
    /// Scales every duration.
    pub scale: TimeScale,
}

/// The Kubernetes side of one cluster. Dropping it ends it: listeners close, processes are killed.
#[async_trait]
pub trait KubernetesBackend: Send + Sync {
    /// How clients reach it.
    fn endpoint(&self) -> ApiEndpoint;

    /// Gives the API servers a new encryption configuration, as AKS does in the cluster's wiring.
    /// `applied_to` limits it to some API servers (from 1): an operation that failed half-way.
    /// Returns when the rollout is over, as an AKS operation does; in the one-provider wiring the
    /// API servers may notice later.
    async fn apply(
        &self,
        config: EncryptionConfig,
        applied_to: Option<Vec<usize>>,
    ) -> Result<(), String>;

    /// Restarts every API server, one after the other, as AKS does when it maintains a cluster.
    /// Returns when they answer; one that can't read every secret is not ready then.
    async fn restart_api_servers(&self) -> Result<(), String>;

    /// Stops the API servers, or starts them again: in between nobody is answered, and the store
    /// keeps what it has. Not called while [`apply`](Self::apply) is under way.
    async fn set_running(&self, running: bool) -> Result<(), String>;

    /// The API servers are told that the cluster's Kubernetes version changed.
    async fn set_version(&self, version: &str) -> Result<(), String>;

    /// The program that commands which are run in the cluster reach it with. `Err`: none can be run
    /// (they would run on this machine), and why.
    fn kubectl(&self) -> Result<PathBuf, String> {
        Err("its Kubernetes is a model. Use the Kubernetes API, or the real backend".to_owned())
    }

    /// Reads the store.
    async fn ground_truth(&self) -> Result<GroundTruth, String>;

    /// The keys that an API server is configured with and that secrets are under.
    async fn keys_in_use(&self) -> Result<Vec<KeyRef>, String> {
        Ok(Vec::new())
    }

    /// Rewrites secrets through an API server, as AKS does after it changed the key: the
    /// `part`-th (from 0) of `of` parts of them. What admission denies stays as it is.
    async fn rewrite_secrets(&self, _part: usize, _of: usize) -> Result<(), String> {
        Ok(())
    }

    /// Makes the library's record with this content, in which `{{cluster_uid}}` stands for the uid
    /// of `kube-system`.
    async fn set_record(&self, _record: &str) -> Result<(), String> {
        Err("its Kubernetes keeps no records".to_owned())
    }

    /// Gives the cluster user other rights.
    async fn set_rights(&self, _rights: crate::given::Access) -> Result<(), String> {
        Err("its Kubernetes keeps the rights that it began with".to_owned())
    }

    /// Replaces the faults of the Kubernetes side.
    async fn set_faults(&self, faults: crate::given::Faults) -> Result<(), String>;
}
