//! What an operation tells its caller while it runs.

use std::{fmt, sync::Arc};

use serde::Serialize;

use crate::model::Verb;

/// Receives progress. Calls never overlap. It runs on the operation's own task: keep it short.
pub type OnProgress = Arc<dyn Fn(Progress) + Send + Sync>;

/// A snapshot of a running operation: sent at most ten times a second, at each change of phase,
/// and once more at the end with [`finished`](Self::finished) true.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Progress {
    /// The verb.
    pub operation: Verb,
    /// What is being done.
    pub phase: Phase,
    /// Number of the present step, from 1; 0 before the first.
    pub step: usize,
    /// Number of steps in the plan; 0 before it is made.
    pub steps: usize,
    /// Secrets answered so far in this phase.
    pub done: u64,
    /// Secrets to do in this phase, as far as known.
    pub total: Option<u64>,
    /// Secrets a second.
    pub rate: Option<f64>,
    /// Seconds to the end of this phase at the present rate.
    pub eta_seconds: Option<f64>,
    /// One line for people.
    pub message: String,
    /// True for the last snapshot of a run.
    pub finished: bool,
}

/// What an operation is doing.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Phase {
    /// Reading cluster, vault, key, access and Kubernetes.
    Observe,
    /// Judging the rules and ordering the steps.
    Plan,
    /// Changing the managed cluster.
    Cluster,
    /// Changing the vault.
    Vault,
    /// Upgrading Kubernetes.
    Upgrade,
    /// Waiting until every API server writes with the expected key.
    Converge,
    /// Rewriting secrets.
    Reencrypt,
    /// Proving that nothing is left under another key.
    Verify,
    /// Keeping the operation's record.
    Record,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Observe => "observe",
            Self::Plan => "plan",
            Self::Cluster => "cluster",
            Self::Vault => "vault",
            Self::Upgrade => "upgrade",
            Self::Converge => "converge",
            Self::Reencrypt => "reencrypt",
            Self::Verify => "verify",
            Self::Record => "record",
        })
    }
}
