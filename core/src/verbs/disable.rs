//! Turn KMS off: gate → turn it off → rewrite every secret to plaintext.
//!
//! <https://learn.microsoft.com/azure/aks/use-kms-etcd-encryption#disable-kms-on-an-aks-cluster>

use super::rollback::{Rollback, rollback};
use crate::{
    catalogue::RuleId,
    error::Result,
    ids::{ExpectedKey, Verb},
    observed::Observed,
    options::{Disable, ReencryptOptions},
    plan::{Plan, gate, rewrite},
    report::{KmsChange, Step, StepKind},
    rules::{self, RuleContext},
};

/// The plan of `disable`. The last key stays needed: the API servers read with it, and so may
/// backups of etcd.
///
/// 1. Already off: nothing is set, but what is still under a key is rewritten, and all is verified.
/// 2. Back from an unusable first key: without a gate.
/// 3. Otherwise a gate first.
pub(super) fn plan(
    observed: &Observed,
    asked: &Disable,
    reencrypt: &ReencryptOptions,
    allow_rollback: bool,
) -> Result<Plan> {
    let cluster = &observed.cluster;
    let mut steps = Vec::new();
    let mut back = Rollback::No;
    if cluster.kms_on().is_some() || !cluster.is_succeeded() {
        back = rollback(observed, allow_rollback);
        if !back.is_open() {
            steps.extend(gate(cluster)?);
        }
        steps.push(Step::new(StepKind::SetKms { target: KmsChange::Off }));
    }
    steps.extend(rewrite(&ExpectedKey::Plaintext, asked.reencrypt));
    let findings = rules::judge(&RuleContext::of(Verb::Disable, observed, &steps, reencrypt));
    let mut findings = back.judge(cluster, findings);
    if back.is_open() || !cluster.is_succeeded() {
        // That the key is unusable is why, and not in the way.
        rules::downgrade_to_warning(&mut findings, RuleId::is_about_key);
        rules::sort(&mut findings);
    }
    Ok(Plan { findings, steps })
}

#[cfg(test)]
#[path = "disable_tests.rs"]
mod tests;
