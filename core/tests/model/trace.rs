//! What a sequence does, on stderr, when `AKS_KMS_MODEL_TRACE` is set: each step, what calls say of
//! their progress and how they end, and what the cluster and its API servers are set to, whenever it changes.

use std::{
    sync::{Arc, LazyLock},
    time::{Duration, Instant},
};

use aks_kms::{Error, OnProgress, OperationReport};

use crate::{cluster::Cluster, sequence::Verb};

/// How often the cluster is looked at.
const EVERY: Duration = Duration::from_millis(1);

static SINCE: LazyLock<Option<Instant>> =
    LazyLock::new(|| std::env::var_os("AKS_KMS_MODEL_TRACE").map(|_| Instant::now()));

pub(crate) fn line(what: impl FnOnce() -> String) {
    if let Some(since) = *SINCE {
        eprintln!("{:>6} ms {}", since.elapsed().as_millis(), what());
    }
}

/// Tells what the cluster is set to until the sequence is over.
pub(crate) fn watch(cluster: &Arc<Cluster>) {
    if SINCE.is_none() {
        return;
    }
    let cluster = Arc::downgrade(cluster);
    tokio::spawn(async move {
        let mut last = String::new();
        while let Some(cluster) = cluster.upgrade() {
            let now = format!(
                "configured: {:?}, at rest: {}, API servers: {:?}",
                cluster.configured(),
                cluster.is_terminal_state(),
                cluster.rolled_out()
            );
            drop(cluster);
            if now != last {
                line(|| now.clone());
                last = now;
            }
            tokio::time::sleep(EVERY).await;
        }
    });
}

/// What the call is to tell its progress to.
pub(crate) fn progress(verb: Verb, told: Option<OnProgress>) -> Option<OnProgress> {
    if SINCE.is_none() {
        return told;
    }
    Some(Arc::new(move |now| {
        line(|| format!("{verb:?}, step {:?}, {}: {}", now.step, now.phase, now.message));
        if let Some(told) = &told {
            told(now);
        }
    }))
}

pub(crate) fn end(verb: Verb, outcome: &Result<OperationReport, Error>) {
    line(|| match outcome {
        Ok(report) => format!("{verb:?}: done, {} passes", report.reencryption.len()),
        Err(error) => format!("{verb:?}: {error}"),
    });
}
