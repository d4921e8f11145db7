//! Change the key: gate → set the new key → rewrite every secret.
//!
//! <https://learn.microsoft.com/azure/aks/use-kms-etcd-encryption#rotate-the-existing-keys>

use super::way_back::{WayBack, way_back};
use crate::{
    error::Result,
    model::{
        ClusterFacts, ExpectedKey, Finding, KeyId, KmsTarget, ReencryptOptions, Rotate, Step,
        StepKind, Target, VaultId, Verb,
    },
    observed::Observed,
    plan::{Plan, expected_now, gate, has_gate, has_rewrite, rewrite, settle},
    rules::{self, Question},
};

/// The plan of `rotate`.
///
/// 1. Already on with this key, vault and mode: nothing is set; secrets that an unfinished run
///    left behind are rewritten, and all are verified.
/// 2. Back to the key before, from a new one that is no good: without a gate, because the API
///    servers read with exactly these two keys.
/// 3. Otherwise a gate first. Without a key id, a new version of the key in use is made before it.
pub(super) fn plan(
    observed: &Observed,
    asked: &Rotate,
    reencrypt: &ReencryptOptions,
    allow_way_back: bool,
) -> Result<Plan> {
    let cluster = &observed.cluster;
    let target = match target(cluster, asked) {
        Ok(target) => target,
        // Judged without one, for all that is wrong besides.
        Err(missing) => {
            let mut plan = refused(observed, reencrypt);
            plan.findings.extend(missing);
            return Ok(plan);
        }
    };
    let mut steps = Vec::new();
    let mut back = WayBack::No;
    let set = Step::new(StepKind::SetKms { target: KmsTarget::on(&target) });
    if asked.key_id.is_none() {
        steps.push(Step::new(StepKind::CreateKeyVersion { key_id: target.key_id.clone() }));
        steps.extend(gate(cluster, &expected_now(cluster)?));
        steps.push(set);
    } else if cluster.kms_on().is_some_and(|profile| profile.is(&target)) {
        steps.extend(settle(cluster));
    } else {
        back = way_back(observed, &ExpectedKey::Key(target.key_id.clone()), allow_way_back);
        if !back.is_open() {
            steps.extend(gate(cluster, &expected_now(cluster)?));
        }
        steps.push(set);
    }
    let expected = ExpectedKey::Key(target.key_id.clone());
    steps.extend(rewrite(&expected, asked.reencrypt));
    // A version that is yet to be made is judged as the one in use: same key, vault and access.
    let judged = if asked.key_id.is_some() { Some(target) } else { in_use(cluster) };
    let findings = rules::judge(&Question {
        verb: Verb::Rotate,
        observed,
        target: judged.as_ref(),
        gate: has_gate(&steps),
        rewrites: has_rewrite(&steps),
        reencrypt,
    });
    Ok(Plan { findings: back.judge(cluster, findings), steps })
}

/// What the cluster is to be set to. Fails where a private vault's resource id is missing.
fn target(cluster: &ClusterFacts, asked: &Rotate) -> Result<Target, Vec<Finding>> {
    let profile = cluster.kms_on();
    let now = profile
        .and_then(|profile| profile.key_id.as_deref())
        .and_then(|key_id| KeyId::parse(key_id).ok());
    let Some(key_id) = asked.key_id.clone().or_else(|| Some(now.as_ref()?.without_version()))
    else {
        // KMS is off, which its own rule says.
        return Err(Vec::new());
    };
    let network_mode = asked
        .network_mode
        .or_else(|| profile.and_then(|profile| profile.network_mode))
        .unwrap_or_default();
    let vault_in_use = || {
        let now = now.as_ref().filter(|now| now.host().eq_ignore_ascii_case(key_id.host()))?;
        let _ = now;
        VaultId::parse(profile?.key_vault_id.as_deref()?).ok()
    };
    let key_vault_id = asked.key_vault_id.clone().or_else(vault_in_use);
    rules::completed(Target { key_id, network_mode, key_vault_id })
}

/// The configuration in use, as a target.
fn in_use(cluster: &ClusterFacts) -> Option<Target> {
    let profile = cluster.kms_on()?;
    Some(Target {
        key_id: KeyId::parse(profile.key_id.as_deref()?).ok()?,
        network_mode: profile.network_mode.unwrap_or_default(),
        key_vault_id: profile.key_vault_id.as_deref().and_then(|id| VaultId::parse(id).ok()),
    })
}

/// Nothing can be planned.
fn refused(observed: &Observed, reencrypt: &ReencryptOptions) -> Plan {
    let findings = rules::judge(&Question {
        verb: Verb::Rotate,
        observed,
        target: None,
        gate: true,
        rewrites: true,
        reencrypt,
    });
    Plan { findings, steps: Vec::new() }
}
