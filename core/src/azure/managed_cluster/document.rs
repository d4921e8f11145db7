//! A managed cluster as Resource Manager has it.

use serde_json::Value;
use time::OffsetDateTime;

use super::facts::read_facts;
use crate::{azure::error::unreadable, error::Result, facts::ClusterFacts, ids::ClusterId};

/// A managed cluster as it was read, and what is understood of it.
#[derive(Clone, Debug)]
pub(crate) struct ManagedCluster {
    /// The whole resource: a PUT sends it back, so every field is kept, known or not.
    pub(crate) raw: Value,
    pub(crate) facts: ClusterFacts,
    /// When it was read, by Azure's own clock; `None`: the response does not say.
    pub(crate) read_at: Option<OffsetDateTime>,
}

impl ManagedCluster {
    /// Understands a managed cluster's JSON.
    pub(in crate::azure) fn parse(id: &ClusterId, raw: Value) -> Result<Self> {
        let what = format!("read managed cluster {id}");
        let facts = read_facts(id, &raw)
            .map_err(|field| unreadable(&what, &format!("{field} is missing or malformed")))?;
        Ok(Self { raw, facts, read_at: None })
    }
}
