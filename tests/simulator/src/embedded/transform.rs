//! How a value is stored, and what an API server's encryption configuration makes of it.

use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::plugin::Plugin;
use crate::{
    backend::{KeyRef, KmsVersion},
    clock::TimeScale,
};

/// A KMS v2 write key may be used this long after the plugin's last good status.
const WRITE_KEY_SECONDS: f64 = 180.0;

/// What a KMS v2 provider says until its plugin has answered well once.
const NO_STATUS: &str = "got unexpected nil transformer";

/// A key of the vault, as configured and as the API server knows it.
#[derive(Debug, Eq, PartialEq)]
#[expect(clippy::struct_field_names, reason = "a key id is what the field calls it")]
pub(super) struct Key {
    /// As configured: `https://…`.
    pub(super) key_id: String,
    /// What the plugin calls it.
    pub(super) plugin_key_id: String,
    /// What the API server's metrics call it.
    pub(super) hash: String,
}

impl Key {
    pub(super) fn new(key_id: &str) -> Arc<Self> {
        let reference = KeyRef { key_id: key_id.to_owned(), kms_version: KmsVersion::V2 };
        let plugin_key_id = reference.plugin_key_id();
        let hash = sha256_label(&plugin_key_id);
        Arc::new(Self { key_id: key_id.to_owned(), plugin_key_id, hash })
    }
}

/// `sha256:` and the hexadecimal digest, as the metrics name what they do not want to show.
pub(super) fn sha256_label(text: &str) -> String {
    use std::fmt::Write;
    let mut label = "sha256:".to_owned();
    for byte in Sha256::digest(text.as_bytes()) {
        // writing to a string cannot fail
        let _ = write!(label, "{byte:02x}");
    }
    label
}

/// What stands in front of a stored value, and the key that its data key is encrypted with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Seal {
    /// No encryption.
    Plaintext,
    /// `k8s:enc:kms:<version>:<provider>:`.
    Kms { version: KmsVersion, provider: Arc<str>, key: Arc<Key> },
}

impl Seal {
    /// The prefix as it is stored, empty for plaintext.
    pub(super) fn prefix(&self) -> String {
        match self {
            Self::Plaintext => String::new(),
            Self::Kms { version, provider, .. } => {
                let version = match version.api() {
                    KmsVersion::V1 => "v1",
                    KmsVersion::V2 | KmsVersion::V2Plus => "v2",
                };
                format!("k8s:enc:kms:{version}:{provider}:")
            }
        }
    }

    /// The key, if any.
    pub(super) fn key(&self) -> Option<&Arc<Key>> {
        match self {
            Self::Plaintext => None,
            Self::Kms { key, .. } => Some(key),
        }
    }
}

/// A provider of an encryption configuration, in the memory of one API server process.
pub(super) enum Provider {
    /// `identity: {}`.
    Identity(Arc<Seal>),
    /// `kms: {…}`.
    Kms(KmsProvider),
}

impl Provider {
    pub(super) fn identity() -> Self {
        Self::Identity(Arc::new(Seal::Plaintext))
    }
}

/// A KMS provider: a plugin, and what the process remembers of its answers.
pub(super) struct KmsProvider {
    pub(super) name: Arc<str>,
    /// Of the API.
    pub(super) version: KmsVersion,
    plugin: Arc<Plugin>,
    scale: TimeScale,
    view: Mutex<View>,
}

/// What a process remembers of its plugin.
struct View {
    /// What is written; `None` until the plugin has answered once.
    seal: Option<Arc<Seal>>,
    last_good: Instant,
    /// When the plugin was last asked, and whether it was well.
    asked: Option<(Instant, Result<(), String>)>,
    /// Keys whose data keys are in memory: the plugin is not asked again.
    remembered: Vec<Arc<Key>>,
    /// Keys that the plugin named in a status, with the time of the last (Unix seconds).
    named: Vec<(Arc<Key>, f64)>,
}

impl KmsProvider {
    /// A provider whose process has just started and knows nothing yet.
    pub(super) fn new(
        name: Arc<str>,
        version: KmsVersion,
        plugin: Arc<Plugin>,
        scale: TimeScale,
    ) -> Self {
        let view = View {
            seal: None,
            last_good: Instant::now(),
            asked: None,
            remembered: Vec::new(),
            named: Vec::new(),
        };
        Self { name, version: version.api(), plugin, scale, view: Mutex::new(view) }
    }

    /// Gives it the memory of a process that has been running under its plugin's keys.
    pub(super) fn remember_all(&self) {
        let keys = self.plugin.keys();
        let mut view = self.view();
        view.seal = keys.first().map(|key| self.seal_under(key));
        view.remembered = keys;
    }

    fn view(&self) -> std::sync::MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn seal_under(&self, key: &Arc<Key>) -> Arc<Seal> {
        Arc::new(Seal::Kms {
            version: self.version,
            provider: Arc::clone(&self.name),
            key: Arc::clone(key),
        })
    }

    /// Asks the plugin for its status; from then on writes use the key that it named.
    pub(super) async fn ask(&self) -> Result<(), String> {
        let status = self.plugin.status().await;
        let mut view = self.view();
        let now = Instant::now();
        let outcome = match status {
            Ok(key) => {
                view.last_good = now;
                let known = view.seal.as_ref().is_some_and(|seal| seal.key() == Some(&key));
                if !known {
                    view.seal = Some(self.seal_under(&key));
                    if !view.remembered.contains(&key) {
                        view.remembered.push(Arc::clone(&key));
                    }
                }
                view.named.retain(|(named, _)| *named != key);
                view.named.push((key, super::process::unix_now()));
                Ok(())
            }
            Err(reason) => Err(format!(
                "kms{} Provider {} is not healthy, error: {reason}",
                if self.version == KmsVersion::V2 { "v2" } else { "" },
                self.name
            )),
        };
        view.asked = Some((now, outcome.clone()));
        outcome
    }

    /// The health check, behind its cache: 20 seconds for good news, 3 for bad.
    pub(super) async fn check(&self) -> Result<(), String> {
        let cached = self.view().asked.clone();
        if let Some((at, outcome)) = cached {
            let seconds = if outcome.is_ok() { 20.0 } else { 3.0 };
            if at.elapsed() < self.scale.seconds(seconds) {
                return outcome;
            }
        }
        self.ask().await
    }

    /// Whether the last answer of the plugin was a good one.
    pub(super) fn healthy(&self) -> bool {
        self.view().asked.as_ref().is_none_or(|(_, outcome)| outcome.is_ok())
    }

    /// Keys that the plugin named, with the time of the last status that named them.
    pub(super) fn named_keys(&self) -> Vec<(Arc<Key>, f64)> {
        self.view().named.clone()
    }

    /// Decrypts, by memory or by the plugin.
    async fn read(&self, key: &Arc<Key>) -> Result<(), String> {
        if self.version == KmsVersion::V2 {
            let view = self.view();
            // Until its plugin has answered well once, a provider does not even read.
            if view.seal.is_none() {
                return Err(NO_STATUS.to_owned());
            }
            if view.remembered.contains(key) {
                return Ok(());
            }
        }
        self.plugin
            .decrypt(key)
            .await
            .map_err(|reason| format!("failed to decrypt DEK, error: {reason}"))?;
        let mut view = self.view();
        if self.version == KmsVersion::V2 && !view.remembered.contains(key) {
            view.remembered.push(Arc::clone(key));
        }
        Ok(())
    }

    /// What would be written now.
    async fn write(&self) -> Result<Arc<Seal>, String> {
        if self.version == KmsVersion::V1 {
            let key = self
                .plugin
                .encrypt()
                .await
                .map_err(|reason| format!("failed to encrypt DEK, error: {reason}"))?;
            let mut view = self.view();
            return Ok(match &view.seal {
                Some(seal) if seal.key() == Some(&key) => Arc::clone(seal),
                _ => Arc::clone(view.seal.insert(self.seal_under(&key))),
            });
        }
        let view = self.view();
        let Some(seal) = &view.seal else {
            return Err(NO_STATUS.to_owned());
        };
        // a status that is late, not bad, is the simulator's own slowness on a short time scale
        let unhealthy = matches!(view.asked, Some((_, Err(_))));
        if unhealthy && view.last_good.elapsed() > self.scale.seconds(WRITE_KEY_SECONDS) {
            let hash = seal.key().map_or("", |key| &key.hash);
            return Err(format!("encryptedDEKSource with keyID hash {hash:?} expired"));
        }
        Ok(Arc::clone(seal))
    }

    /// Whether a value that this provider reads would be written otherwise now.
    fn stale(&self, key: &Arc<Key>) -> bool {
        match self.version {
            // a KMS v1 provider compares nothing: what it can read is current
            KmsVersion::V1 => false,
            KmsVersion::V2 | KmsVersion::V2Plus => {
                self.view().seal.as_ref().and_then(|seal| seal.key()).is_none_or(|now| now != key)
            }
        }
    }
}

/// The providers of a process, in order. None at all: no encryption configuration.
pub(super) struct Transformers(pub(super) Vec<Provider>);

impl Transformers {
    /// Reads a stored value: whether it is stale, or why it cannot be read.
    pub(super) async fn read(&self, seal: &Seal) -> Result<bool, String> {
        let mut failure = None;
        for (index, provider) in self.0.iter().enumerate() {
            match (provider, seal) {
                (Provider::Identity(_), Seal::Plaintext) => return Ok(index != 0),
                (Provider::Kms(kms), Seal::Kms { version, provider, key })
                    if kms.version == *version && kms.name == *provider =>
                {
                    match kms.read(key).await {
                        Ok(()) => return Ok(index != 0 || kms.stale(key)),
                        Err(reason) => failure = Some(reason),
                    }
                }
                _ => {}
            }
        }
        if !self.0.is_empty() {
            return Err(failure.unwrap_or_else(|| "no matching prefix found".to_owned()));
        }
        match seal {
            Seal::Plaintext => Ok(false),
            Seal::Kms { .. } => Err("identity transformer tried to read encrypted data".to_owned()),
        }
    }

    /// What a value is written with.
    pub(super) async fn write(&self) -> Result<Arc<Seal>, String> {
        match self.0.first() {
            None => Ok(Arc::new(Seal::Plaintext)),
            Some(Provider::Identity(seal)) => Ok(Arc::clone(seal)),
            Some(Provider::Kms(kms)) => kms.write().await,
        }
    }

    /// The KMS providers.
    pub(super) fn kms(&self) -> impl Iterator<Item = &KmsProvider> {
        self.0.iter().filter_map(|provider| match provider {
            Provider::Identity(_) => None,
            Provider::Kms(kms) => Some(kms),
        })
    }
}
