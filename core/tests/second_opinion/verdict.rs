//! What the rules say of a change.

use std::collections::BTreeSet;

use aks_kms::{Error, ErrorKind, Finding, Level, OperationReport, RuleId, StepKind};

/// What the rules say.
#[derive(Clone)]
pub(crate) struct Verdict {
    pub(crate) findings: Vec<Finding>,
    /// The profile is set.
    pub(crate) sets: bool,
    /// The vault is opened before the change.
    pub(crate) opens_vault: bool,
    /// Every secret is proven before the change.
    pub(crate) gated: bool,
    /// The arguments were refused before anything was asked.
    pub(crate) invalid: bool,
}

impl Verdict {
    /// # Errors
    /// The call ended with an error that no rule explains.
    pub(crate) fn of(outcome: Result<OperationReport, Error>) -> Result<Self, String> {
        match outcome {
            Ok(report) => {
                let gate = |kind: &StepKind| matches!(kind, StepKind::ReencryptSecrets { .. });
                let sets = |kind: &StepKind| matches!(kind, StepKind::SetKms { .. });
                let mut kinds = report.plan.iter().map(|step| &step.kind);
                let first = kinds.find(|kind| gate(kind) || sets(kind));
                let opens = |kind: &StepKind| {
                    matches!(kind, StepKind::SetVaultPublicAccess { enabled: true, .. })
                };
                Ok(Self {
                    sets: report.plan.iter().any(|step| sets(&step.kind)),
                    opens_vault: report.plan.iter().any(|step| opens(&step.kind)),
                    gated: first.is_some_and(gate),
                    findings: report.findings,
                    invalid: false,
                })
            }
            Err(error) if !error.findings().is_empty() => Ok(Self {
                findings: error.findings().to_vec(),
                sets: false,
                gated: false,
                opens_vault: false,
                invalid: error.kind() == ErrorKind::InvalidInput,
            }),
            Err(error) => Err(format!("no verdict: {error:?}")),
        }
    }

    pub(crate) fn blocks(&self) -> Vec<&Finding> {
        self.findings.iter().filter(|finding| finding.level == Level::Block).collect()
    }

    pub(crate) fn of_rules(&self, rules: &[RuleId]) -> Vec<&Finding> {
        self.findings.iter().filter(|finding| rules.contains(&finding.rule)).collect()
    }

    /// The rules that stand in the way.
    pub(crate) fn blocking_rules(&self) -> BTreeSet<RuleId> {
        self.blocks().iter().map(|finding| finding.rule).collect()
    }

    /// What would be said without a rule.
    pub(crate) fn without(&self, rule: RuleId) -> Self {
        let findings: Vec<Finding> =
            self.findings.iter().filter(|finding| finding.rule != rule).cloned().collect();
        // Arguments are refused for what a rule says of them.
        Self { invalid: self.invalid && !findings.is_empty(), findings, ..self.clone() }
    }
}
