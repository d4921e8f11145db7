//! What a fleet tells its caller while it runs.

use std::sync::Arc;

use serde::Serialize;

use super::{FleetTotals, OperationOutcome};
use crate::{
    ids::{ClusterId, Verb},
    progress::Progress,
};

/// Receives progress of a fleet. Calls never overlap. It runs on the fleet's own task: keep it short.
pub type OnFleetProgress = Arc<dyn Fn(FleetProgress) + Send + Sync>;

/// A snapshot of a running [`Fleet`](crate::Fleet): sent when a wave or a cluster begins or ends, when a cluster has
/// progress of its own, and once more at the end with [`finished`](Self::finished) true.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct FleetProgress {
    /// The verb.
    pub operation: Verb,
    /// The present wave, from 1; 0 before the first.
    pub wave: usize,
    /// Number of waves; 0 as long as the clusters are looked for.
    pub waves: usize,
    /// Clusters at work.
    pub at_work: usize,
    /// How many clusters ended how so far; `not_started` are those that are yet to come.
    pub totals: FleetTotals,
    /// The cluster that has begun, went on or ended; absent: it is of the whole.
    pub cluster: Option<ClusterId>,
    /// Progress of that cluster; absent when it begins or ends.
    pub progress: Option<Progress>,
    /// What came of that cluster; absent until it ends.
    pub outcome: Option<OperationOutcome>,
    /// One line for people.
    pub message: String,
    /// True for the last snapshot of a run.
    pub finished: bool,
}
