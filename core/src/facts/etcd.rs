//! What etcd on AKS is known to do.

use std::time::Duration;

/// It is compacted every five minutes and keeps revisions for twice that at most.
pub(crate) const ETCD_RETENTION: Duration = Duration::from_secs(10 * 60);
/// Bytes that may be added to it within the retention.
pub(crate) const ETCD_GROWTH: u64 = 1 << 30;
/// Stored size of a secret where metrics do not tell.
pub(crate) const SECRET_BYTES: u64 = 4 * 1024;
