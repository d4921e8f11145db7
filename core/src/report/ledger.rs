//! Which keys a cluster used, and which of them it still needs.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{
    ids::KeyId,
    report::{Evidence, Experience},
};

/// The keys of a cluster, with the proof of each.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct KeyLedger {
    /// The key in use.
    pub current: Option<LedgerEntry>,
    /// The key that an unfinished operation is changing to.
    pub pending: Option<LedgerEntry>,
    /// The key before the current one: the API servers can still read with it.
    pub previous: Option<LedgerEntry>,
    /// Keys before that.
    pub retired: Vec<LedgerEntry>,
}

impl KeyLedger {
    /// All keys.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &LedgerEntry> {
        let Self { current, pending, previous, retired } = self;
        current.iter().chain(pending).chain(previous).chain(retired)
    }
}

/// A key in the ledger.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct LedgerEntry {
    /// The key; absent for one of the platform's, which has no name. A customer-managed key has the version
    /// that the API servers were heard to write with, and none as long as they were not heard.
    pub key_id: Option<KeyId>,
    /// Which of the AKS experiences it was used by; absent when not known.
    pub experience: Option<Experience>,
    /// Hash under which the API servers count it in their metrics, where it cannot be computed from its id:
    /// always for a key of the platform's. Absent as long as it was not learned.
    pub key_id_hash: Option<String>,
    /// When that hash was learned.
    #[serde(with = "time::serde::rfc3339::option")]
    #[cfg_attr(feature = "bindings", schemars(with = "Option<crate::ids::Time>"))]
    pub key_id_hash_since: Option<OffsetDateTime>,
    /// When it came into use.
    #[serde(with = "time::serde::rfc3339::option")]
    #[cfg_attr(feature = "bindings", schemars(with = "Option<crate::ids::Time>"))]
    pub since: Option<OffsetDateTime>,
    /// When every secret was proven to be under it.
    #[serde(with = "time::serde::rfc3339::option")]
    #[cfg_attr(feature = "bindings", schemars(with = "Option<crate::ids::Time>"))]
    pub proven_at: Option<OffsetDateTime>,
    /// How that was proven.
    pub evidence: Option<Evidence>,
    /// Whether this cluster no longer needs it; never so of a key of the platform's, which nobody removes.
    pub removable: bool,
    /// Why, or what is missing.
    pub reason: String,
}
