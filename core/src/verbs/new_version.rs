//! Change the version of a customer-managed key: gate → make a version → wait until AKS has taken it up →
//! rewrite every secret. The cluster is not changed.
//!
//! <https://learn.microsoft.com/azure/aks/kms-data-encryption#key-rotation>

use crate::{
    ids::{ExpectedKey, KeyId, Verb},
    observed::Observed,
    options::{ReencryptOptions, Rotate},
    plan::{Plan, pass, rewrite},
    report::{Purpose, Step, StepKind},
    rules::{self, RuleContext},
};

/// The plan of `rotate` on a customer-managed key, `key_id` without a version.
///
/// 1. A version that this operation has made already is waited for.
/// 2. Otherwise a gate first: how many versions AKS reads with is not documented.
pub(super) fn plan(
    observed: &Observed,
    key_id: &KeyId,
    asked: &Rotate,
    reencrypt: &ReencryptOptions,
) -> Plan {
    let expected = ExpectedKey::AnyVersion(key_id.clone());
    let mut steps = Vec::new();
    let version = if let Some(version) = asked.key_id.as_ref().filter(|_| asked.made) {
        version.clone()
    } else {
        let in_use = observed.cluster.is_succeeded().then(|| expected.clone());
        steps.push(pass(in_use, Purpose::Gate, None));
        steps.push(Step::new(StepKind::CreateKeyVersion { key_id: key_id.clone() }));
        key_id.clone()
    };
    steps.push(Step::new(StepKind::WaitForKeyVersion { key_id: version }));
    steps.extend(rewrite(&expected, asked.reencrypt));
    let context = RuleContext::of(Verb::Rotate, observed, &steps, reencrypt);
    let findings = rules::judge(&RuleContext { new_version: true, ..context });
    Plan { findings, steps }
}
