//! Change the key: gate → set the new key → rewrite every secret.
//!
//! <https://learn.microsoft.com/azure/aks/use-kms-etcd-encryption#rotate-existing-keys-in-a-public-key-vault>

use super::{
    new_version,
    rollback::{Rollback, rollback},
};
use crate::{
    error::Result,
    facts::{ClusterFacts, KmsProfile},
    ids::{ExpectedKey, KeyId, Verb},
    observed::Observed,
    options::{ReencryptOptions, Rotate},
    plan::{Plan, gate, rewrite},
    report::{Finding, KmsChange, KmsConfiguration, Step, StepKind},
    rules::{self, RuleContext},
};

/// The plan of `rotate`.
///
/// 1. Already on with this key, vault and mode: nothing is set; secrets that an unfinished run
///    left behind are rewritten, and all are verified.
/// 2. Back to the key before, from an unusable new one: without a gate, because the API
///    servers read with exactly these two keys.
/// 3. Otherwise a gate first. Without a key id, a new version of the key in use is made before it.
pub(super) fn plan(
    observed: &Observed,
    asked: &Rotate,
    reencrypt: &ReencryptOptions,
    allow_rollback: bool,
) -> Result<Plan> {
    let cluster = &observed.cluster;
    if let (Some(key_id), true) = (customer_managed(cluster), asked.key_id.is_none() || asked.made)
    {
        return Ok(new_version::plan(observed, &key_id, asked, reencrypt));
    }
    let (target, missing) = match target(observed, asked) {
        Ok(target) => (Some(target), Vec::new()),
        // Judged without one, for all that is wrong besides.
        Err(missing) => (None, missing),
    };
    let mut steps = Vec::new();
    let mut back = Rollback::No;
    if let Some(target) = target.as_ref().filter(|_| cluster.kms_on().is_some()) {
        let expected = ExpectedKey::Key(target.key_id.clone());
        let is_on = cluster.kms_on().is_some_and(|profile| profile.is(target));
        if !(is_on && cluster.is_succeeded()) {
            if asked.key_id.is_none() {
                let key_id = target.key_id.clone();
                steps.push(Step::new(StepKind::CreateKeyVersion { key_id }));
            } else {
                back = rollback(observed, allow_rollback);
            }
            if !back.is_open() {
                steps.extend(gate(cluster)?);
            }
            steps.push(Step::new(StepKind::SetKms { target: target.set() }));
        }
        steps.extend(rewrite(&expected, asked.reencrypt));
    }
    let mut context = RuleContext::of(Verb::Rotate, observed, &steps, reencrypt);
    context.target = target.as_ref();
    if steps.is_empty() {
        (context.gate, context.rewrites) = (true, true);
    }
    let mut findings = rules::judge(&context);
    findings.extend(missing);
    Ok(Plan { findings: back.judge(cluster, findings), steps })
}

/// The customer-managed key that the cluster has.
fn customer_managed(cluster: &ClusterFacts) -> Option<KeyId> {
    match cluster.configured() {
        Ok(KmsChange::CustomerManaged(now)) => Some(now.key_id.without_version()),
        _ => None,
    }
}

/// What the cluster is to be set to; without a version where one is to be made.
///
/// # Errors
/// What is missing: nothing but the key where KMS is off, which its own rule says, or the resource
/// id of a private vault.
fn target(observed: &Observed, asked: &Rotate) -> Result<KmsConfiguration, Vec<Finding>> {
    let profile = observed.cluster.kms_on();
    let now = profile.and_then(KmsProfile::key_id);
    let Some(key_id) = asked.key_id.clone().or_else(|| Some(now?.without_version())) else {
        return Err(Vec::new());
    };
    let stays = now.is_some_and(|now| now.host().eq_ignore_ascii_case(key_id.host()));
    // A key in another vault that the cluster had before is reached as it was then.
    let before = observed
        .recorded()
        .filter(|_| !stays)
        .and_then(|found| found.record.ledger.entry(&key_id))
        .filter(|entry| entry.network_mode.is_some());
    let network_mode = asked
        .network_mode
        .or_else(|| before.and_then(|entry| entry.network_mode))
        .or_else(|| profile.and_then(|profile| profile.network_mode))
        .unwrap_or_default();
    let vault_in_use = profile.filter(|_| stays).and_then(KmsProfile::key_vault_id);
    let key_vault_id = asked
        .key_vault_id
        .clone()
        .or_else(|| before.and_then(|entry| entry.key_vault_id.clone()))
        .or_else(|| vault_in_use.cloned());
    rules::completed(KmsConfiguration { key_id, network_mode, key_vault_id })
}

#[cfg(test)]
#[path = "rotate_tests.rs"]
mod tests;
