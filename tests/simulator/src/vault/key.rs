//! Keys, their versions and the RSA behind them.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rsa::{
        KeyPair as RsaKeyPair, KeySize, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey,
        OaepPublicEncryptingKey, PrivateDecryptingKey,
    },
    signature::KeyPair,
};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::entra::public_numbers;

/// A key with its versions, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Key {
    pub(crate) soft_deleted: bool,
    pub(crate) versions: Vec<KeyVersion>,
}

/// A version of a key.
#[derive(Clone, Debug)]
pub(crate) struct KeyVersion {
    pub(crate) version: String,
    /// `RSA`, `RSA-HSM`, `EC` or `EC-HSM`.
    pub(crate) kind: String,
    pub(crate) size: u32,
    pub(crate) operations: Vec<String>,
    pub(crate) enabled: bool,
    pub(crate) expires: Option<i64>,
    pub(crate) not_before: Option<i64>,
    pub(crate) created: i64,
    pub(crate) updated: i64,
    pub(crate) tags: Value,
    pub(crate) material: Arc<KeyMaterial>,
}

impl KeyVersion {
    /// A new, enabled version.
    pub(crate) fn new(kind: &str, size: u32, operations: Vec<String>, created: i64) -> Self {
        Self {
            version: Uuid::new_v4().simple().to_string(),
            kind: kind.to_owned(),
            size,
            operations,
            enabled: true,
            expires: None,
            not_before: None,
            created,
            updated: created,
            tags: json!({}),
            material: Arc::new(KeyMaterial::new(size)),
        }
    }

    /// Whether the key is RSA, whatever protects it.
    pub(crate) fn is_rsa(&self) -> bool {
        self.kind.starts_with("RSA")
    }

    /// `attributes` as both planes answer them.
    pub(crate) fn attributes(&self, purge_protection: bool) -> Value {
        let level = if purge_protection { "Recoverable" } else { "Recoverable+Purgeable" };
        let mut attributes = json!({
            "enabled": self.enabled,
            "created": self.created,
            "updated": self.updated,
            "recoveryLevel": level,
            "exportable": false,
        });
        for (name, time) in [("exp", self.expires), ("nbf", self.not_before)] {
            if let Some(time) = time {
                attributes[name] = json!(time);
            }
        }
        attributes
    }

    /// Takes over the attributes, operations and tags of a request.
    pub(crate) fn update(&mut self, request: &Value) {
        let attributes = request.get("attributes").and_then(Value::as_object);
        let empty = Map::new();
        let attributes = attributes.unwrap_or(&empty);
        if let Some(enabled) = attributes.get("enabled").and_then(Value::as_bool) {
            self.enabled = enabled;
        }
        if let Some(expires) = attributes.get("exp") {
            self.expires = expires.as_i64();
        }
        if let Some(not_before) = attributes.get("nbf") {
            self.not_before = not_before.as_i64();
        }
        if let Some(Value::Array(operations)) = request.get("key_ops") {
            self.operations =
                operations.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        }
        if let Some(tags @ Value::Object(_)) = request.get("tags") {
            self.tags = tags.clone();
        }
        self.updated = now();
    }
}

/// Seconds since the epoch.
pub(crate) fn now() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp()
}

/// An RSA key, generated when it is first used: most cases never use theirs.
pub(crate) struct KeyMaterial {
    size: u32,
    keys: OnceLock<Option<Rsa>>,
}

struct Rsa {
    encrypting: OaepPublicEncryptingKey,
    decrypting: OaepPrivateDecryptingKey,
    numbers: Option<(String, String)>,
}

impl fmt::Debug for KeyMaterial {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("KeyMaterial").field("size", &self.size).finish_non_exhaustive()
    }
}

impl KeyMaterial {
    fn new(size: u32) -> Self {
        Self { size, keys: OnceLock::new() }
    }

    /// RSA-OAEP-256 encryption.
    pub(crate) fn encrypt(&self, plaintext: &[u8]) -> Option<Vec<u8>> {
        let key = &self.rsa()?.encrypting;
        let mut output = vec![0; key.ciphertext_size()];
        let length = key.encrypt(&OAEP_SHA256_MGF1SHA256, plaintext, &mut output, None).ok()?.len();
        output.truncate(length);
        Some(output)
    }

    /// RSA-OAEP-256 decryption.
    pub(crate) fn decrypt(&self, ciphertext: &[u8]) -> Option<Vec<u8>> {
        let key = &self.rsa()?.decrypting;
        let mut output = vec![0; key.min_output_size()];
        let length =
            key.decrypt(&OAEP_SHA256_MGF1SHA256, ciphertext, &mut output, None).ok()?.len();
        output.truncate(length);
        Some(output)
    }

    /// Modulus and exponent, base64url.
    pub(crate) fn public_numbers(&self) -> Option<&(String, String)> {
        self.rsa()?.numbers.as_ref()
    }

    fn rsa(&self) -> Option<&Rsa> {
        self.keys.get_or_init(|| Rsa::generate(self.size)).as_ref()
    }
}

impl Rsa {
    fn generate(bits: u32) -> Option<Self> {
        let size = match bits {
            2048 => KeySize::Rsa2048,
            3072 => KeySize::Rsa3072,
            4096 => KeySize::Rsa4096,
            _ => return None,
        };
        let private = PrivateDecryptingKey::generate(size).ok()?;
        let der: Pkcs8V1Der<'static> = private.as_der().ok()?;
        let pair = RsaKeyPair::from_pkcs8(der.as_ref()).ok()?;
        Some(Self {
            encrypting: OaepPublicEncryptingKey::new(private.public_key()).ok()?,
            decrypting: OaepPrivateDecryptingKey::new(private).ok()?,
            numbers: public_numbers(pair.public_key().as_ref()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_version_cannot_read_what_another_wrote() {
        let version = || KeyVersion::new("RSA", 2048, Vec::new(), 0).material;
        let (first, second) = (version(), version());
        let ciphertext = first.encrypt(b"data key").unwrap();
        assert_eq!(first.decrypt(&ciphertext).as_deref(), Some(&b"data key"[..]));
        assert_eq!(second.decrypt(&ciphertext), None);
        assert_eq!(first.public_numbers().unwrap().1, "AQAB");
    }
}
