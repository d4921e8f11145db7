//! Key identifiers of Azure Key Vault.

use std::{
    fmt,
    hash::{Hash, Hasher},
    str::FromStr,
};

use sha2::{Digest, Sha256};

use super::{ParseError, text_enum::serde_as_text};

/// A key in a vault: `https://<host>/keys/<name>[/<version>]`.
///
/// It keeps the text as written, because the KMS plugin hashes and compares the configured text
/// character by character. Equality ignores case, as Azure does.
///
/// ```
/// use aks_kms::KeyId;
/// let key = KeyId::parse("https://shop.vault.azure.net/keys/etcd/0123456789abcdef0123456789abcdef")?;
/// assert_eq!(key.name(), "etcd");
/// assert_eq!(key.vault_name(), "shop");
/// assert!(KeyId::parse("http://shop.vault.azure.net/keys/etcd").is_err());
/// # Ok::<(), aks_kms::Error>(())
/// ```
#[derive(Clone)]
pub struct KeyId {
    text: String,
    host_end: usize,
    name_end: usize,
}

const SCHEME: &str = "https://";
const KEYS: &str = "/keys/";

impl KeyId {
    /// Parses a key id, with or without a version.
    ///
    /// # Errors
    /// [`ParseError`], of the rule `key-id-malformed`: not https, another path, a
    /// query, a name outside `[0-9A-Za-z-]{1,127}`, or a version that is not 32 hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        Self::split(text).ok_or_else(|| {
            ParseError::new(
                "key_id",
                text,
                "https://<vault host>/keys/<name>/<version>",
                "`az keyvault key show --query key.kid` prints it",
            )
        })
    }

    fn split(text: &str) -> Option<Self> {
        if !text.is_ascii() || !text.get(..SCHEME.len())?.eq_ignore_ascii_case(SCHEME) {
            return None;
        }
        let host_end = SCHEME.len() + text[SCHEME.len()..].find('/')?;
        let path = &text[host_end..];
        if !path.get(..KEYS.len())?.eq_ignore_ascii_case(KEYS) {
            return None;
        }
        let name_start = host_end + KEYS.len();
        let name_end = text[name_start..].find('/').map_or(text.len(), |at| name_start + at);
        let name = &text[name_start..name_end];
        let version = text.get(name_end + 1..);
        let fits = is_host(&text[SCHEME.len()..host_end])
            && (1..=127).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && version.is_none_or(is_version);
        fits.then(|| Self { text: text.to_owned(), host_end, name_end })
    }

    /// The text as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The vault's host.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.text[SCHEME.len()..self.host_end]
    }

    /// The vault's name: the first label of the host.
    #[must_use]
    pub fn vault_name(&self) -> &str {
        self.host().split('.').next().unwrap_or_default()
    }

    /// What follows the vault's name in the host, such as `vault.azure.net`.
    #[must_use]
    pub fn vault_suffix(&self) -> &str {
        self.host().split_once('.').map_or("", |(_, suffix)| suffix)
    }

    /// The key's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.text[self.host_end + KEYS.len()..self.name_end]
    }

    /// The key's version, if the id has one.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.text.get(self.name_end + 1..)
    }

    /// The key itself: whichever version is the newest.
    pub(crate) fn without_version(&self) -> Self {
        let text = self.text[..self.name_end].to_owned();
        Self { text, host_end: self.host_end, name_end: self.name_end }
    }

    /// This version as a cluster names it that is configured with the key in this spelling.
    pub(crate) fn as_configured(&self, key_id: &Self) -> Option<Self> {
        Self::parse(&format!("{}/{}", key_id.without_version(), self.version()?)).ok()
    }

    /// What the KMS plugin of AKS reports as its `key_id` for this key.
    pub(crate) fn plugin_key_id(&self) -> String {
        hex(&Sha256::digest(self.text.as_bytes()))
    }

    /// The label under which the API server counts this key in its metrics.
    pub(crate) fn metrics_hash(&self) -> String {
        format!("sha256:{}", hex(&Sha256::digest(self.plugin_key_id().as_bytes())))
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn is_host(host: &str) -> bool {
    host.contains('.')
        && host.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
}

fn is_version(version: &str) -> bool {
    version.len() == 32 && version.bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl AsRef<str> for KeyId {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl PartialEq for KeyId {
    fn eq(&self, other: &Self) -> bool {
        self.text.eq_ignore_ascii_case(&other.text)
    }
}

impl Eq for KeyId {}

impl Hash for KeyId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.to_ascii_lowercase().hash(state);
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({})", self.text)
    }
}

impl FromStr for KeyId {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::parse(text)
    }
}

impl From<KeyId> for String {
    fn from(key_id: KeyId) -> Self {
        key_id.text
    }
}

serde_as_text!(KeyId);
#[cfg(feature = "bindings")]
super::schema_as_text!(
    KeyId,
    "`https://<vault host>/keys/<name>/<version>`, as `az keyvault key show --query key.kid` prints it."
);
