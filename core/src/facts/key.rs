//! What is known of a key version.

use time::OffsetDateTime;

use crate::{facts::Fact, ids::KeyId};

/// A version of a key in a vault.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct KeyFacts {
    /// The vault's own identifier of the version.
    pub(crate) kid: String,
    /// `RSA`, `RSA-HSM`, `EC`, ….
    pub(crate) kind: String,
    /// `key_ops`.
    pub(crate) operations: Vec<String>,
    pub(crate) enabled: bool,
    pub(crate) created: Option<OffsetDateTime>,
    pub(crate) expires: Option<OffsetDateTime>,
    pub(crate) not_before: Option<OffsetDateTime>,
    /// How long new versions live by the key's rotation policy, such as `P90D`. `None`: no policy ends them.
    pub(crate) rotation_expiry: Fact<Option<String>>,
}

/// A version in a list of a key's versions.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct KeyVersion {
    pub(crate) key_id: KeyId,
    pub(crate) created: Option<OffsetDateTime>,
    pub(crate) enabled: bool,
    pub(crate) expires: Option<OffsetDateTime>,
    pub(crate) not_before: Option<OffsetDateTime>,
    /// The operation of this crate that it was made for.
    pub(crate) operation: Option<String>,
}
