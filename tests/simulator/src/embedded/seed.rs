//! The secrets that a cluster begins with.

use std::sync::Arc;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    admission::Admission,
    documents::Documents,
    secret::{LAST_APPLIED, Rest, Secret},
    store::Store,
    transform::{Key, Seal},
    wiring::Names,
};
use crate::{
    backend::{EncryptionConfig, KeyRef, KmsVersion},
    given::{Secrets, Special, SpecialKind},
};

/// Bytes of the value of an ordinary secret.
const VALUE_BYTES: usize = 32;

/// Bytes of the value of a large one: in base64 it is just within the limit.
const LARGE_BYTES: usize = 1_048_000;

/// The key of an unreadable secret, which no configuration has.
const LOST_KEY: &str = "https://lost.vault.azure.net/keys/lost/0123456789abcdef0123456789abcdef";

/// Random bytes, taken from the system in large portions.
struct Entropy {
    random: SystemRandom,
    buffer: Box<[u8; 8192]>,
    used: usize,
}

impl Entropy {
    fn new() -> Self {
        Self { random: SystemRandom::new(), buffer: Box::new([0; 8192]), used: 8192 }
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], String> {
        if self.used + N > self.buffer.len() {
            self.random
                .fill(&mut self.buffer[..])
                .map_err(|_| "no random bytes from the system".to_owned())?;
            self.used = 0;
        }
        let mut bytes = [0; N];
        bytes.copy_from_slice(&self.buffer[self.used..self.used + N]);
        self.used += N;
        Ok(bytes)
    }
}

/// Makes secrets in a store.
pub(super) struct Seeder<'a> {
    pub(super) store: &'a Store,
    pub(super) documents: &'a Documents,
    pub(super) admission: &'a Admission,
    pub(super) names: &'a Names,
    pub(super) config: &'a EncryptionConfig,
}

impl Seeder<'_> {
    /// The secrets of a case.
    pub(super) fn seed(&self, secrets: &Secrets) -> Result<(), String> {
        let seal = self.seal(secrets.under.as_deref());
        for namespace in 1..=secrets.namespaces {
            self.fill(&format!("team-{namespace}"), 1..=secrets.each, &seal)?;
        }
        for special in &secrets.special {
            self.special(special, &seal)?;
        }
        Ok(())
    }

    /// How values are stored under `plaintext` or a key id; absent: as the cluster writes now.
    pub(super) fn seal(&self, under: Option<&str>) -> Arc<Seal> {
        let key = match under {
            Some("plaintext") => None,
            Some("platform") => self.platform_key(),
            Some(key_id) => Some(self.key(key_id)),
            None => self.config.current.clone(),
        };
        Arc::new(key.map_or(Seal::Plaintext, |key| Seal::Kms {
            version: key.kms_version.api(),
            provider: self.names.provider_of(&key),
            key: Key::new(&key.key_id),
        }))
    }

    /// The key as it is configured, or would have been.
    fn key(&self, key_id: &str) -> KeyRef {
        let mut configured = self.config.keys().filter(|key| key.key_id == key_id);
        let version =
            self.config.current.as_ref().map_or(KmsVersion::V2, |current| current.kms_version);
        configured
            .next()
            .cloned()
            .unwrap_or_else(|| KeyRef { key_id: key_id.to_owned(), kms_version: version })
    }

    /// The platform's key that is configured; a key that nobody has where none is.
    fn platform_key(&self) -> Option<KeyRef> {
        let key = self.config.keys().find(|key| key.is_platform()).cloned();
        Some(key.unwrap_or_else(KeyRef::of_platform))
    }

    /// `secret-<number>` for every number, in one namespace.
    pub(super) fn fill(
        &self,
        namespace: &str,
        numbers: std::ops::RangeInclusive<usize>,
        seal: &Arc<Seal>,
    ) -> Result<(), String> {
        self.documents.add_namespace(namespace, self.store);
        let mut entropy = Entropy::new();
        let created = created();
        let mut failed = None;
        let secrets = numbers.map_while(|number| {
            let parts =
                entropy.take::<VALUE_BYTES>().and_then(|value| Ok((value, entropy.take()?)));
            let (value, uid) = parts.map_err(|error| failed = Some(error)).ok()?;
            let secret = Secret {
                uid: uuid::Builder::from_random_bytes(uid).into_uuid(),
                created,
                entries: 1,
                data: format!("{{\"password\":\"{}\"}}", STANDARD.encode(value)).into_boxed_str(),
                rest: None,
            };
            Some((format!("secret-{number}").into_boxed_str(), Arc::new(secret)))
        });
        self.store.create_all(namespace, seal, secrets);
        failed.map_or(Ok(()), Err)
    }

    fn special(&self, special: &Special, others: &Arc<Seal>) -> Result<(), String> {
        let (namespace, name) = special
            .name
            .split_once('/')
            .ok_or_else(|| format!("{:?} is not namespace/name", special.name))?;
        let seal = match (&special.under, special.kind) {
            (Some(under), _) => self.seal(Some(under)),
            (None, SpecialKind::Unreadable) => self.seal(Some(LOST_KEY)),
            (None, _) => Arc::clone(others),
        };
        let bytes =
            if special.kind == SpecialKind::Large { LARGE_BYTES * 3 / 4 } else { VALUE_BYTES };
        let mut value = vec![0; bytes];
        SystemRandom::new()
            .fill(&mut value)
            .map_err(|_| "no random bytes from the system".to_owned())?;
        let data = json!({"password": STANDARD.encode(value)});
        let secret = Secret {
            uid: Uuid::new_v4(),
            created: created(),
            entries: 1,
            data: data.to_string().into_boxed_str(),
            rest: rest(special.kind, namespace, name, &data).map(Box::new),
        };
        if special.kind != SpecialKind::Orphan {
            self.documents.add_namespace(namespace, self.store);
        }
        self.admission.refuse(namespace, name, special.kind);
        self.store
            .create(namespace, name, Arc::new(secret), &seal)
            .map_err(|refused| format!("{}: {refused:?}", special.name))?;
        Ok(())
    }
}

/// Clusters have secrets for some time before anybody thinks of their keys.
fn created() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp() - 40 * 86_400
}

fn rest(kind: SpecialKind, namespace: &str, name: &str, data: &Value) -> Option<Rest> {
    let mut rest = Rest::default();
    match kind {
        SpecialKind::Immutable => rest.immutable = true,
        // made when validation did not ask for a certificate yet
        SpecialKind::Invalid => rest.kind = Some("kubernetes.io/tls".to_owned()),
        SpecialKind::Terminating => {
            rest.finalizers = vec!["example.com/keep".to_owned()];
            rest.deletion = Some(created() + 86_400);
        }
        SpecialKind::Applied => {
            let applied = json!({
                "apiVersion": "v1",
                "data": data,
                "kind": "Secret",
                "metadata": {"annotations": {}, "name": name, "namespace": namespace},
                "type": "Opaque",
            });
            rest.annotations.insert(LAST_APPLIED.to_owned(), json!(format!("{applied}\n")));
        }
        SpecialKind::Canary => {
            rest.labels.insert("app.kubernetes.io/managed-by".to_owned(), json!("aks-kms"));
            rest.kind = Some("aks-kms/canary".to_owned());
        }
        _ => return None,
    }
    Some(rest)
}
