//! Move from KMS v1 to v2: gate → KMS off → rewrite → upgrades → KMS on with the same key → rewrite.
//!
//! <https://learn.microsoft.com/azure/aks/use-kms-v2#migrate-to-kms-v2>

use super::{judge_off_and_on, upgrade_path::UpgradePath};
use crate::{
    catalogue::RuleId,
    error::Result,
    model::{
        ExpectedKey, Finding, Intent, KmsChange, KmsConfiguration, KubernetesVersion, MigrateToV2,
        ReencryptOptions, Step, StepKind, Verb,
    },
    observed::Observed,
    plan::{Plan, gate, has_gate, has_rewrite, rewrite},
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
        return Ok(not_enabled(observed, reencrypt));
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
                steps.push(Step::new(StepKind::SetKms { target: KmsChange::on(&before) }));
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
            steps.push(Step::new(StepKind::SetKms { target: KmsChange::on(&before) }));
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
    let question = RuleContext {
        verb: Verb::MigrateToV2,
        observed,
        target: None,
        gate: has_gate(steps),
        rewrites: has_rewrite(steps),
        reencrypt,
    };
    let mut upgraded = observed.clone();
    if let Some(version) = path.end() {
        upgraded.cluster.kubernetes_version = version;
    }
    let mut findings = judge_off_and_on(&question, intent, steps, &upgraded, target);
    findings.extend(path.findings(observed));
    rules::in_order(findings)
}

fn not_enabled(observed: &Observed, reencrypt: &ReencryptOptions) -> Plan {
    let mut findings = rules::judge(&RuleContext {
        verb: Verb::MigrateToV2,
        observed,
        target: None,
        gate: true,
        rewrites: true,
        reencrypt,
    });
    findings.retain(|finding| finding.rule != RuleId::KmsNotEnabled);
    let message = "KMS is off, so there is no KMS v1 to migrate from";
    findings.push(Finding::violated(RuleId::KmsNotEnabled, &observed.cluster.id, message));
    Plan { findings: rules::in_order(findings), steps: Vec::new() }
}

#[cfg(test)]
#[path = "migrate_to_v2_tests.rs"]
mod tests;
