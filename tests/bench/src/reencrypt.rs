//! What the process that re-encrypts with the library is told, and what it says.

use std::path::PathBuf;

use aks_kms_simulator::Case;
use serde::{Deserialize, Serialize};

/// What to do.
#[derive(Deserialize, Serialize)]
pub struct Order {
    /// The cluster.
    pub case: Case,
    /// How its API server is reached.
    pub kubeconfig: PathBuf,
    /// How hard it is pressed.
    pub pace: Pace,
    /// Requests a second at most.
    pub max_requests_per_second: Option<u32>,
}

/// How hard the API server is pressed.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Pace {
    /// With regard for others.
    Gentle,
    /// As it bears.
    Fast,
}

/// What came of it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Done {
    /// From the first list request to the last answer of the verification, the last look at the
    /// API servers included. What is waited for before a watermark can be taken is not.
    pub seconds: f64,
    /// From the first list request to the last patch.
    pub rewriting_seconds: f64,
    /// Patches a second, from soon after the first to soon before the last.
    pub patches_per_second: f64,
    /// Secrets.
    pub total: usize,
    /// Secrets that were stale.
    pub rewritten: usize,
    /// Requests while rewriting and verifying.
    pub requests: usize,
    /// Whether every secret is proven to be under the key.
    pub complete: bool,
    /// Of the process from its start, in seconds.
    pub cpu: f64,
    /// The most memory that the process had resident, in bytes.
    pub peak: u64,
}
