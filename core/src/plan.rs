//! Plans: what the rules say, and the steps in order.

use crate::{
    error::{Error, ErrorKind, Result},
    model::{ClusterFacts, ExpectedKey, Finding, KeyId, KmsChange, Purpose, Step, StepKind},
};

/// What is to be done. Made by pure functions, one for each verb.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plan {
    /// Everything the rules have to say: the steps may be run only if none of it refuses.
    pub(crate) findings: Vec<Finding>,
    /// The steps, in order.
    pub(crate) steps: Vec<Step>,
}

/// What the API servers write with as the cluster is configured now.
pub(crate) fn expected_now(cluster: &ClusterFacts) -> Result<ExpectedKey> {
    let Some(profile) = cluster.kms_on() else { return Ok(ExpectedKey::Plaintext) };
    let key_id = profile.key_id.as_deref().unwrap_or_default();
    KeyId::parse(key_id).map(ExpectedKey::Key).map_err(|error| {
        Error::new(
            ErrorKind::Unexpected,
            format!(
                "the key that cluster {} is configured with cannot be named: {error}",
                cluster.id
            ),
        )
    })
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
        return Ok(pass(&expected_now(cluster)?, Purpose::Gate, None).into());
    }
    let mut steps: Vec<Step> = pass_in_use(Purpose::Gate, None).into();
    steps.push(Step::new(StepKind::Settle));
    Ok(steps)
}

/// The rewrite after a change of the key, unless the caller skips it.
pub(crate) fn rewrite(expected: &ExpectedKey, reencrypt: bool) -> Vec<Step> {
    if reencrypt { pass(expected, Purpose::Rewrite, None).into() } else { Vec::new() }
}

/// Every API server writes with the key, every secret in scope is rewritten, and that is proven.
pub(crate) fn pass(
    expected: &ExpectedKey,
    purpose: Purpose,
    namespaces: Option<&[String]>,
) -> [Step; 3] {
    let [mut rewrite, verify] = rewritten(purpose, namespaces);
    if *expected == ExpectedKey::Plaintext && namespaces.is_none() {
        to_plaintext(purpose).clone_into(&mut rewrite.summary);
    }
    [Step::new(StepKind::WaitForKey { expected: expected.clone(), purpose }), rewrite, verify]
}

fn rewritten(purpose: Purpose, namespaces: Option<&[String]>) -> [Step; 2] {
    let namespaces = namespaces.map(<[String]>::to_vec);
    [
        Step::new(StepKind::ReencryptSecrets { purpose, namespaces }),
        Step::new(StepKind::VerifySecrets { purpose }),
    ]
}

fn to_plaintext(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Gate => "Ask every secret whether it is in plaintext; rewrite those that are not",
        Purpose::Rewrite | Purpose::Verify => "Rewrite every secret to plaintext",
    }
}

/// As [`pass`], under the key that the API servers turn out to write with.
pub(crate) fn pass_in_use(purpose: Purpose, namespaces: Option<&[String]>) -> [Step; 3] {
    let [rewrite, verify] = rewritten(purpose, namespaces);
    [Step::new(StepKind::FindKeyInUse { purpose }), rewrite, verify]
}

impl Plan {
    /// The KMS profile that the cluster has at the end. `None`: the plan sets none, or its key is
    /// yet to be made.
    pub(crate) fn target(&self) -> Option<&KmsChange> {
        let set = self.steps.iter().rev().find_map(|step| match &step.kind {
            StepKind::SetKms { target } => Some(target),
            _ => None,
        })?;
        let made = |target: &&KmsChange| match target {
            KmsChange::On { key_id, .. } => key_id.version().is_some(),
            KmsChange::Off => true,
        };
        Some(set).filter(made)
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

/// Whether these steps have a gate.
pub(crate) fn has_gate(steps: &[Step]) -> bool {
    has_pass(steps, Purpose::Gate)
}

/// Whether these steps rewrite secrets, apart from a gate.
pub(crate) fn has_rewrite(steps: &[Step]) -> bool {
    has_pass(steps, Purpose::Rewrite)
}

fn has_pass(steps: &[Step], wanted: Purpose) -> bool {
    steps
        .iter()
        .any(|step| matches!(step.kind, StepKind::VerifySecrets { purpose } if purpose == wanted))
}
