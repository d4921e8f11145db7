//! Turn KMS on: gate → set the key → rewrite every secret.
//!
//! <https://learn.microsoft.com/azure/aks/use-kms-etcd-encryption#turn-on-kms-for-an-existing-cluster>

use crate::{
    error::Result,
    model::{
        ClusterFacts, EnableOptions, ExpectedKey, KmsTarget, Observed, Step, StepKind, Target, Verb,
    },
    plan::{Plan, expected_now, gate, has_gate, has_rewrite, rewrite, settle},
    rules::{self, Question},
};

/// The plan of `enable`.
///
/// 1. Already on with this key, vault and mode: nothing is set, but secrets that an unfinished
///    run left behind are rewritten, and all are verified.
/// 2. Otherwise a gate first, although KMS is off: a cluster without a KMS profile may have had one.
pub(crate) fn plan(observed: &Observed, target: &Target, options: &EnableOptions) -> Result<Plan> {
    let cluster = &observed.cluster;
    let expected = ExpectedKey::Key(target.key_id.clone());
    let mut steps = Vec::new();
    if is_on(cluster, target) {
        steps.extend(settle(cluster));
    } else {
        steps.extend(gate(cluster, &expected_now(cluster)?));
        steps.push(Step::new(StepKind::SetKms {
            target: KmsTarget::On {
                key_id: target.key_id.clone(),
                network_mode: target.network_mode,
                key_vault_id: target.key_vault_id.clone(),
            },
        }));
    }
    steps.extend(rewrite(&expected, &options.reencrypt));
    let findings = rules::judge(&Question {
        verb: Verb::Enable,
        observed,
        target: Some(target),
        gate: has_gate(&steps),
        rewrites: has_rewrite(&steps),
        reencrypt: &options.reencrypt.options().cloned().unwrap_or_default(),
    });
    Ok(Plan { findings, steps })
}

/// Whether the cluster's KMS profile already is the target.
fn is_on(cluster: &ClusterFacts, target: &Target) -> bool {
    cluster.kms_on().is_some_and(|profile| profile.is(target))
}
