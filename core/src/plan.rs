//! Plans: what the rules say, and the steps in order.

use crate::{
    error::Result,
    facts::ClusterFacts,
    ids::ExpectedKey,
    report::{Finding, KmsChange, Purpose, Step, StepKind},
};

/// What is to be done. Made by pure functions, one for each verb.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plan {
    /// Everything the rules have to say: the steps may be run only if none of it refuses.
    pub(crate) findings: Vec<Finding>,
    /// The steps, in order.
    pub(crate) steps: Vec<Step>,
}

/// The gate before every change of the key: nothing may be under an older key than the one in
/// use, because AKS reads with two keys only. It asks every secret; where all is well it writes
/// nothing.
///
/// Where the cluster's last change did not succeed, its configuration does not tell what the API
/// servers have: every secret comes under what they are found to write with, and then the cluster
/// is set to that key, which is the only change that can lose nothing. (To set it to what is
/// configured would be a change of the key.)
pub(crate) fn gate(cluster: &ClusterFacts) -> Result<Vec<Step>> {
    if cluster.is_succeeded() {
        return Ok(vec![pass(Some(cluster.expected()?), Purpose::Gate, None)]);
    }
    Ok(vec![pass(None, Purpose::Gate, None), Step::new(StepKind::Settle)])
}

/// The rewrite after a change of the key, unless the caller skips it.
pub(crate) fn rewrite(expected: &ExpectedKey, reencrypt: bool) -> Option<Step> {
    reencrypt.then(|| pass(Some(expected.clone()), Purpose::Rewrite, None))
}

/// Every API server writes with the key (`None`: whichever they turn out to write with), every secret
/// in scope is rewritten, and that is proven.
pub(crate) fn pass(
    expected: Option<ExpectedKey>,
    purpose: Purpose,
    namespaces: Option<&[String]>,
) -> Step {
    let namespaces = namespaces.map(<[String]>::to_vec);
    Step::new(StepKind::ReencryptSecrets { expected, purpose, namespaces })
}

impl Plan {
    /// The KMS profile that the cluster has at the end. `None`: the plan sets none, or its key is
    /// yet to be made.
    pub(crate) fn target(&self) -> Option<&KmsChange> {
        last_target(&self.steps).filter(|target| target.is_made())
    }

    /// What of it is done before AKS is waited for: the operation stays recorded.
    pub(crate) fn until_wait(mut self) -> Self {
        let is_wait = |step: &Step| matches!(step.kind, StepKind::WaitForKeyVersion { .. });
        if let Some(at) = self.steps.iter().position(is_wait) {
            self.steps.truncate(at);
        }
        self
    }

    /// Begins with recording the operation and ends with recording the keys. A plan whose first
    /// change is the rollback from a key that keeps the API servers down records at its end only.
    /// With nothing left to do, an unfinished operation is still to be recorded as over.
    pub(crate) fn recorded(mut self, first: bool, unfinished: bool) -> Self {
        if self.steps.is_empty() && !unfinished {
            return self;
        }
        if first {
            self.steps.insert(0, Step::new(StepKind::RecordOperation));
        }
        self.steps.push(Step::new(StepKind::RecordKey));
        self
    }
}

/// The KMS profile that these steps end with, perhaps with a key that is yet to be made.
pub(crate) fn last_target(steps: &[Step]) -> Option<&KmsChange> {
    steps.iter().rev().find_map(|step| match &step.kind {
        StepKind::SetKms { target } => Some(target),
        _ => None,
    })
}

/// Whether these steps have a gate.
pub(crate) fn has_gate(steps: &[Step]) -> bool {
    has_pass(steps, Purpose::Gate)
}

/// Whether these steps rewrite secrets, apart from a gate.
pub(crate) fn has_rewrite(steps: &[Step]) -> bool {
    has_pass(steps, Purpose::Rewrite)
}

fn has_pass(steps: &[Step], wanted: Purpose) -> bool {
    steps.iter().any(
        |step| matches!(step.kind, StepKind::ReencryptSecrets { purpose, .. } if purpose == wanted),
    )
}
