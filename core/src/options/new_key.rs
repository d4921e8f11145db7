//! Which key a rotation changes to.

use crate::ids::KeyId;

/// The key that [`rotate`](crate::KmsManager::rotate) changes to: a key id, parsed or not; or `None`, a new
/// version of the key in use.
///
/// ```
/// use aks_kms::{KeyId, NewKey};
///
/// let text = "https://shop.vault.azure.net/keys/etcd/0123456789abcdef0123456789abcdef";
/// let key = KeyId::parse(text)?;
/// assert_eq!(NewKey::from(text), NewKey::from(&key));
/// assert_eq!(NewKey::from(None), NewKey::default());
/// # Ok::<(), aks_kms::Error>(())
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct NewKey(Option<String>);

impl NewKey {
    pub(crate) fn as_deref(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

// The only one for an `Option`, so that the type of `None` is known.
impl From<Option<&str>> for NewKey {
    fn from(key_id: Option<&str>) -> Self {
        Self(key_id.map(str::to_owned))
    }
}

impl From<&str> for NewKey {
    fn from(key_id: &str) -> Self {
        Self(Some(key_id.to_owned()))
    }
}

impl From<String> for NewKey {
    fn from(key_id: String) -> Self {
        Self(Some(key_id))
    }
}

impl From<&String> for NewKey {
    fn from(key_id: &String) -> Self {
        Self(Some(key_id.clone()))
    }
}

impl From<KeyId> for NewKey {
    fn from(key_id: KeyId) -> Self {
        Self(Some(key_id.into()))
    }
}

impl From<&KeyId> for NewKey {
    fn from(key_id: &KeyId) -> Self {
        Self(Some(key_id.as_str().to_owned()))
    }
}
