//! The rollback from a bad key to the one before it, while the API servers are down.
//!
//! As long as they write, going back is a change like any other: its gate proves every secret under
//! the key that they write with. While they cannot be reached or cannot decrypt, nothing can be
//! proven or read, and the change itself is what brings them back.

use crate::{catalogue::RuleId, facts::ClusterFacts, observed::Observed, report::Finding, rules};

/// Whether a change rolls back to what the API servers still read with, without a gate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Rollback {
    /// It is an ordinary change.
    No,
    /// The caller vouches for the key.
    Vouched,
    /// Nobody vouches for the key.
    Unproven,
}

/// With the API servers down the record cannot be read: the caller must know that this is the key
/// before the current one. Where it can be read and they turn out not to write, the record tells:
/// that is the run's affair, in [`operation`](crate::operation).
pub(super) fn rollback(observed: &Observed, allowed: bool) -> Rollback {
    match (observed.is_down(), allowed) {
        (false, _) => Rollback::No,
        (true, true) => Rollback::Vouched,
        (true, false) => Rollback::Unproven,
    }
}

impl Rollback {
    /// No gate is needed.
    pub(super) fn is_open(self) -> bool {
        self == Self::Vouched
    }

    /// What the rules say of it, added to the rest.
    pub(super) fn judge(self, cluster: &ClusterFacts, mut findings: Vec<Finding>) -> Vec<Finding> {
        if self.is_open() {
            // The change is what brings the API servers back.
            rules::downgrade_to_warning(&mut findings, |rule| {
                rule == RuleId::KubernetesUnreachable
            });
        }
        if matches!(self, Self::Vouched | Self::Unproven) {
            let message = "the API server cannot be asked, so whether this is the key before the current one is not known";
            findings.push(Finding::violated(RuleId::RollbackUnproven, &cluster.id, message));
        }
        rules::sort(&mut findings);
        findings
    }
}
