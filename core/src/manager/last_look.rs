//! How the cluster is when a call ends.

use std::time::Duration;

use super::{Inner, session::status_with};
use crate::{
    facts::ClusterFacts,
    ledger::{Fit, Reconciled, Record},
    report::KmsStatus,
};

/// How long the last look at the cluster may take, when all is done or after an error.
const FINAL_STATUS_TIMEOUT: Duration = Duration::from_secs(10);

/// `None`: it cannot be read now.
pub(super) async fn last_look(inner: &Inner) -> Option<Box<ClusterFacts>> {
    let look = inner.access.azure.cluster(&inner.cluster);
    match tokio::time::timeout(FINAL_STATUS_TIMEOUT, look).await {
        Ok(Ok(after)) => return Some(Box::new(after.facts)),
        Ok(Err(error)) => tracing::warn!(%error, "the cluster could not be read at last"),
        Err(_) => tracing::warn!("the cluster could not be read at last in time"),
    }
    None
}

/// Its state, with the record that this call has written.
pub(super) fn status_after(cluster: &ClusterFacts, record: Option<Record>) -> KmsStatus {
    let found = record.map(|record| {
        let unbroken = cluster.etag.is_some() && record.cluster.etag == cluster.etag;
        let fit = if unbroken { Fit::Unbroken } else { Fit::Changed };
        Reconciled { record, fit, unsealed: None, changed_from: None }
    });
    status_with(cluster, found.as_ref())
}
