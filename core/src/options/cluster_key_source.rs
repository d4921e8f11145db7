//! Which key a new cluster has.

use super::{CustomerManagedKey, KeySource};
use crate::ids::KeyId;

/// The key that [`create_cluster`](crate::KmsManager::create_cluster) gives a cluster: one that is named with its
/// version, parsed or not, or one of KMS data encryption.
///
/// A text is always taken for the id of a key with a version: without one it is refused, since it would mean data
/// encryption, which cannot be turned off.
///
/// ```
/// use aks_kms::{ClusterKeySource, KeyId, KeySource};
///
/// let text = "https://shop.vault.azure.net/keys/etcd/0123456789abcdef0123456789abcdef";
/// let key = KeyId::parse(text)?;
/// assert_eq!(ClusterKeySource::from(text), ClusterKeySource::from(&key));
/// let platform = ClusterKeySource::from(KeySource::PlatformManaged);
/// assert_eq!(platform, ClusterKeySource::DataEncryption(KeySource::PlatformManaged));
/// # Ok::<(), aks_kms::Error>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ClusterKeySource {
    /// KMS with the key of this id: `https://<vault host>/keys/<name>/<version>`.
    Versioned(String),
    /// KMS data encryption, for good.
    DataEncryption(KeySource),
}

impl From<&str> for ClusterKeySource {
    fn from(key_id: &str) -> Self {
        Self::Versioned(key_id.to_owned())
    }
}

impl From<String> for ClusterKeySource {
    fn from(key_id: String) -> Self {
        Self::Versioned(key_id)
    }
}

impl From<&String> for ClusterKeySource {
    fn from(key_id: &String) -> Self {
        Self::Versioned(key_id.clone())
    }
}

impl From<KeyId> for ClusterKeySource {
    fn from(key_id: KeyId) -> Self {
        Self::Versioned(key_id.into())
    }
}

impl From<&KeyId> for ClusterKeySource {
    fn from(key_id: &KeyId) -> Self {
        Self::Versioned(key_id.as_str().to_owned())
    }
}

impl From<KeySource> for ClusterKeySource {
    fn from(key_source: KeySource) -> Self {
        Self::DataEncryption(key_source)
    }
}

impl From<CustomerManagedKey> for ClusterKeySource {
    fn from(key: CustomerManagedKey) -> Self {
        Self::DataEncryption(KeySource::from(key))
    }
}
