//! What a Secret in etcd is encrypted with, as its bytes say.

use prost::Message;

use super::proto::kms_v2::EncryptedObject;
use crate::backend::KmsVersion;

/// Where etcd holds the secrets.
pub const SECRETS: &str = "/registry/secrets/";
const KMS_V1: &[u8] = b"k8s:enc:kms:v1:";
const KMS_V2: &[u8] = b"k8s:enc:kms:v2:";
const PLAINTEXT: &[u8] = b"k8s\0";
/// Bytes of a plugin key id in the data key that a KMS v1 plugin of this crate has encrypted.
pub(super) const KEY_ID_BYTES: usize = 32;

/// A Secret as etcd holds it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoredSecret {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The revision of its last write: its resource version.
    pub mod_revision: u64,
    /// What it is encrypted with.
    pub form: StoredForm,
}

/// What a Secret is encrypted with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum StoredForm {
    /// Nothing.
    Plaintext,
    /// A data key that a KMS plugin has encrypted.
    Kms {
        /// API version of the plugin.
        version: KmsVersion,
        /// Name of the provider in the encryption configuration.
        provider: String,
        /// What the plugin calls its key.
        plugin_key_id: String,
    },
    /// Bytes that are none of these.
    Unknown,
}

impl StoredForm {
    /// Reads it off the bytes.
    #[must_use]
    pub fn of(value: &[u8]) -> Self {
        if value.starts_with(PLAINTEXT) {
            return Self::Plaintext;
        }
        let (version, rest) = if let Some(rest) = value.strip_prefix(KMS_V2) {
            (KmsVersion::V2, rest)
        } else if let Some(rest) = value.strip_prefix(KMS_V1) {
            (KmsVersion::V1, rest)
        } else {
            return Self::Unknown;
        };
        let Some(end) = rest.iter().position(|&byte| byte == b':') else { return Self::Unknown };
        let (provider, object) = (&rest[..end], &rest[end + 1..]);
        let plugin_key_id = match version {
            KmsVersion::V2 | KmsVersion::V2Plus => {
                EncryptedObject::decode(object).ok().map(|object| object.key_id)
            }
            KmsVersion::V1 => data_key_v1(object).and_then(plugin_key_id_v1),
        };
        match plugin_key_id {
            Some(plugin_key_id) => Self::Kms {
                version,
                provider: String::from_utf8_lossy(provider).into_owned(),
                plugin_key_id,
            },
            None => Self::Unknown,
        }
    }
}

/// The encrypted data key of an object under KMS v1: its length in two bytes, then itself.
fn data_key_v1(object: &[u8]) -> Option<&[u8]> {
    let (length, rest) = object.split_first_chunk::<2>()?;
    rest.get(..usize::from(u16::from_be_bytes(*length)))
}

/// KMS v1 knows no key ids: the plugin of this crate puts them before what it encrypts.
pub(super) fn plugin_key_id_v1(data_key: &[u8]) -> Option<String> {
    let key_id = data_key.get(..KEY_ID_BYTES)?;
    Some(key_id.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}")))
}

/// Namespace and name of a Secret's key in etcd.
pub(super) fn namespace_and_name(key: &str) -> Option<(&str, &str)> {
    key.strip_prefix(SECRETS)?.split_once('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_told_by_its_prefix() {
        let object = EncryptedObject { key_id: "abc".to_owned(), ..EncryptedObject::default() };
        let v2 = [b"k8s:enc:kms:v2:one:", object.encode_to_vec().as_slice()].concat();
        let v1 = [b"k8s:enc:kms:v1:one:\0\x21", [0xab; 33].as_slice(), b"data"].concat();
        let kms = |version, plugin_key_id: &str| StoredForm::Kms {
            version,
            provider: "one".to_owned(),
            plugin_key_id: plugin_key_id.to_owned(),
        };
        assert_eq!(StoredForm::of(&v2), kms(KmsVersion::V2, "abc"));
        assert_eq!(StoredForm::of(&v1), kms(KmsVersion::V1, &"ab".repeat(32)));
        assert_eq!(StoredForm::of(b"k8s\0\n\x0c"), StoredForm::Plaintext);
        assert_eq!(StoredForm::of(b"k8s:enc:aescbc:v1:one:x"), StoredForm::Unknown);
        assert_eq!(StoredForm::of(b"k8s:enc:kms:v1:one:\x01\x00short"), StoredForm::Unknown);
        assert_eq!(StoredForm::of(b"k8s:enc:kms:v2:one:\xff\xff"), StoredForm::Unknown);
        assert_eq!(StoredForm::of(b""), StoredForm::Unknown);
    }
}
