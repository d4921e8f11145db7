//! What the process that runs a fleet is told, and what it says.

use std::{io, path::Path};

use serde::{Deserialize, Serialize};
use tokio::process::Command;

use crate::child;

/// What to do.
#[derive(Deserialize, Serialize)]
pub struct Order {
    /// The clusters, and how to sign in.
    pub fleet: aks_kms_simulator::Fleet,
    /// What is done to them.
    pub verb: Verb,
    /// How much shorter everything waits than with Azure.
    pub scale: f64,
    /// Clusters at work at once; absent: the library's own number.
    pub max_clusters: Option<usize>,
}

/// What is done to each cluster.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// Its state is read.
    Status,
    /// Its key is rotated, and its secrets are rewritten and proven.
    Rotate,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Done {
    /// From the call to its report.
    pub seconds: f64,
    /// Clusters that are done.
    pub done: usize,
    /// Bytes of the report as JSON.
    pub report: usize,
    /// The most memory that the process had resident, in bytes.
    pub peak: u64,
    /// Connections to API servers that are open when all clusters are done.
    pub connections: usize,
}

/// Has a process of its own do it, through the library's own HTTP client.
///
/// # Errors
/// It cannot be started, or ends with an error, which it has printed.
pub async fn ask(program: &Path, order: &Order) -> io::Result<Done> {
    let mut command = Command::new(program);
    command.env("HTTPS_PROXY", &order.fleet.proxy).env("NO_PROXY", "127.0.0.1");
    let ended = child::run(command, &serde_json::to_vec(order)?).await?;
    if !ended.status.success() {
        return Err(io::Error::other(format!("{}: {}", program.display(), ended.status)));
    }
    Ok(serde_json::from_slice(&ended.output)?)
}
