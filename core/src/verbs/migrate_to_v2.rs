//! Move from KMS v1 to v2: gate → KMS off → rewrite → upgrades → KMS on with the same key → rewrite.
//!
//! <https://learn.microsoft.com/azure/aks/use-kms-v2#migrate-to-kms-v2>

use super::{judge_off_and_on, not_enabled, upgrade_path::UpgradePath};
use crate::{
    error::Result,
    ids::{ExpectedKey, KubernetesVersion, Verb},
    observed::Observed,
    options::{Intent, MigrateToV2, ReencryptOptions},
    plan::{Plan, gate, rewrite},
    report::{Finding, KmsChange, KmsConfiguration, Step, StepKind},
    rules::{self, RuleContext},
};

/// The plan of `migrate_to_v2`, from wherever an earlier run of it stopped.
///
/// 1. On with KMS v2: nothing to do, unless this operation turned it on: then 4.
/// 2. On with KMS v1: gate, turn KMS off, go on with 3.
/// 3. Off, in the middle of this operation: prove that every secret is plaintext, upgrade along
///    what AKS offers, turn KMS on with the key and mode of before, go on with 4.
/// 4. Rewrite every secret and prove it.
pub(super) fn plan(
    observed: &Observed,
    asked: &MigrateToV2,
    reencrypt: &ReencryptOptions,
) -> Result<Plan> {
    let cluster = &observed.cluster;
    let intent = Intent::MigrateToV2(asked.clone());
    let Some(before) = observed.configured_before(&intent)? else {
        let what = "there is no KMS v1 to migrate from";
        return Ok(not_enabled(Verb::MigrateToV2, observed, reencrypt, what));
    };
    let key = ExpectedKey::Key(before.key_id.clone());
    let is_v2 = cluster.kubernetes_version >= KubernetesVersion::KMS_V2;
    let mut steps = Vec::new();
    let mut path = UpgradePath::default();
    match cluster.kms_on() {
        Some(_) if is_v2 && observed.unfinished(&intent).is_none() => {}
        Some(_) if is_v2 => {
            if !cluster.is_succeeded() {
                steps.extend(gate(cluster)?);
                steps.push(Step::new(StepKind::SetKms { target: before.set() }));
            }
            steps.extend(rewrite(&key, true));
        }
        on => {
            if on.is_some() || !cluster.is_succeeded() {
                steps.extend(gate(cluster)?);
                steps.push(Step::new(StepKind::SetKms { target: KmsChange::Off }));
            }
            path = UpgradePath::of(observed, asked);
            steps.extend(rewrite(&ExpectedKey::Plaintext, true));
            steps.extend(path.steps());
            steps.push(Step::new(StepKind::SetKms { target: before.set() }));
            steps.extend(rewrite(&key, true));
        }
    }
    let findings = findings(observed, &intent, &steps, &path, &before, reencrypt);
    Ok(Plan { findings, steps })
}

fn findings(
    observed: &Observed,
    intent: &Intent,
    steps: &[Step],
    path: &UpgradePath,
    target: &KmsConfiguration,
    reencrypt: &ReencryptOptions,
) -> Vec<Finding> {
    let question = RuleContext::of(Verb::MigrateToV2, observed, steps, reencrypt);
    let mut upgraded = observed.clone();
    if let Some(version) = path.end() {
        upgraded.cluster.kubernetes_version = version;
    }
    let mut findings = judge_off_and_on(&question, intent, steps, &upgraded, target);
    findings.extend(path.findings(observed));
    rules::in_order(findings)
}

#[cfg(test)]
#[path = "migrate_to_v2_tests.rs"]
mod tests;
