//! Move to KMS data encryption, or between its keys: gate → set the key → rewrite every secret.
//!
//! AKS rewrites secrets by itself then, and says nothing of it: the rewrite here proves it.
//!
//! <https://learn.microsoft.com/azure/aks/kms-data-encryption>

use crate::{
    catalogue::RuleId,
    error::Result,
    ids::Verb,
    observed::Observed,
    options::{ReencryptOptions, SetDataEncryption},
    plan::{Plan, gate, pass, rewrite},
    report::{Purpose, Step, StepKind},
    rules::{self, RuleContext},
};

/// The plan of `set_data_encryption`.
///
/// 1. Already on with this key: nothing is set, but secrets that are left under another one are
///    rewritten, and all are verified.
/// 2. Otherwise a gate first, whatever the cluster has: it may have had another key, and AKS does not
///    say how many it reads with meanwhile.
/// 3. After a change to data encryption that did not succeed, there is no documented way back: the
///    change is asked for again, which the caller allows by name.
pub(super) fn plan(
    observed: &Observed,
    asked: &SetDataEncryption,
    reencrypt: &ReencryptOptions,
    allow: &[RuleId],
) -> Result<Plan> {
    let cluster = &observed.cluster;
    let target = &asked.target;
    let mut steps = Vec::new();
    if !(cluster.has(target) && cluster.is_succeeded()) {
        let repeats = !cluster.is_succeeded()
            && cluster.has_data_encryption()
            && allow.contains(&RuleId::DataEncryptionRetry);
        if repeats {
            steps.push(pass(None, Purpose::Gate, None));
        } else {
            steps.extend(gate(cluster)?);
        }
        steps.push(Step::new(StepKind::SetKms { target: target.clone() }));
    }
    steps.extend(rewrite(&target.expected(), asked.reencrypt));
    let context = RuleContext::of(Verb::SetDataEncryption, observed, &steps, reencrypt);
    let findings = rules::judge(&RuleContext {
        target: target.on(),
        data_encryption: Some(target),
        ..context
    });
    Ok(Plan { findings, steps })
}

#[cfg(test)]
#[path = "set_data_encryption_tests.rs"]
mod tests;
