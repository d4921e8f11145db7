//! The way back from a bad key to the one before it.

use crate::{
    catalogue::RuleId,
    model::{ClusterFacts, ExpectedKey, Fact, Finding},
    observed::Observed,
    rules,
};

/// Whether a change goes back to what the API servers still read with, so that it needs no gate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum WayBack {
    /// It is an ordinary change.
    No,
    /// The record says so.
    Recorded,
    /// The API server is down, so the record cannot be read; the caller vouches for the key.
    Vouched,
    /// The API server is down, and nobody vouches for the key.
    Unproven,
}

/// From an unbroken ledger's current key, not proven yet, to the one before: the API servers have
/// exactly these two. With the API server down, the caller must know.
pub(super) fn way_back(observed: &Observed, target: &ExpectedKey, allowed: bool) -> WayBack {
    if let Some(found) = observed.recorded() {
        return if found.goes_back_to(target) { WayBack::Recorded } else { WayBack::No };
    }
    match (&observed.kubernetes, observed.cluster.is_stopped()) {
        (Fact::Unknown(_), false) if allowed => WayBack::Vouched,
        (Fact::Unknown(_), false) => WayBack::Unproven,
        _ => WayBack::No,
    }
}

impl WayBack {
    /// No gate is needed.
    pub(super) fn is_open(self) -> bool {
        matches!(self, Self::Recorded | Self::Vouched)
    }

    /// What the rules say of it, added to the rest.
    pub(super) fn judge(self, cluster: &ClusterFacts, mut findings: Vec<Finding>) -> Vec<Finding> {
        if self == Self::Vouched {
            // The change is what brings the API server back.
            rules::ease(&mut findings, |rule| rule == RuleId::KubernetesUnreachable);
        }
        if matches!(self, Self::Vouched | Self::Unproven) {
            findings.push(Finding::violated(
                RuleId::WayBackUnproven,
                &cluster.id,
                "the API server cannot be asked, so whether this is the key before the current one is not known",
            ));
        }
        rules::sort(&mut findings);
        findings
    }

    /// The same for a way back to plaintext: that the key in use is no good is why.
    pub(super) fn judge_from_key(
        self,
        cluster: &ClusterFacts,
        mut findings: Vec<Finding>,
    ) -> Vec<Finding> {
        if self.is_open() {
            rules::ease(&mut findings, RuleId::is_about_key);
        }
        self.judge(cluster, findings)
    }
}
