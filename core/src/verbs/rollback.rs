//! The rollback from a bad key to the one before it, while the API servers are down.
//!
//! As long as they write, going back is a change like any other: its gate proves every secret under
//! the key that they write with. While they cannot be reached or cannot decrypt, nothing can be
//! proven, and the change itself is what brings them back.

use crate::{
    catalogue::RuleId, facts::ClusterFacts, ids::ExpectedKey, observed::Observed, report::Finding,
    rules,
};

/// Whether a change rolls back to what the API servers still read with, without a gate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Rollback {
    /// It is an ordinary change.
    No,
    /// The record says so.
    Recorded,
    /// The record cannot be read either; the caller vouches for the key.
    Vouched,
    /// The record cannot be read either, and nobody vouches for the key.
    Unproven,
}

/// With the API servers down: from an unbroken record's current key, not proven yet, to the one
/// before, because the API servers have exactly these two. Where the record cannot be read, the
/// caller must know.
pub(super) fn rollback(observed: &Observed, target: &ExpectedKey, allowed: bool) -> Rollback {
    if !observed.is_down() {
        return Rollback::No;
    }
    match observed.recorded() {
        Some(found) if found.is_rollback_to(target) => Rollback::Recorded,
        Some(_) => Rollback::No,
        None if allowed => Rollback::Vouched,
        None => Rollback::Unproven,
    }
}

impl Rollback {
    /// No gate is needed.
    pub(super) fn is_open(self) -> bool {
        matches!(self, Self::Recorded | Self::Vouched)
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
