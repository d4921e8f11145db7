//! Which keys a cluster used, and which of them it still needs.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{ids::KeyId, report::Evidence};

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

/// A key in the ledger.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct LedgerEntry {
    /// The key.
    pub key_id: KeyId,
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
    /// Whether this cluster no longer needs it.
    pub removable: bool,
    /// Why, or what is missing.
    pub reason: String,
}
