//! Turn KMS on: gate → set the key → rewrite every secret.
//!
//! <https://learn.microsoft.com/azure/aks/use-kms-etcd-encryption#enable-a-public-key-vault-and-kms-on-an-existing-aks-cluster>

use crate::{
    error::Result,
    facts::ClusterFacts,
    ids::{ExpectedKey, Verb},
    observed::Observed,
    options::{Enable, ReencryptOptions},
    plan::{Plan, gate, rewrite},
    report::{KmsConfiguration, Step, StepKind},
    rules::{self, RuleContext},
};

/// The plan of `enable`.
///
/// 1. Already on with this key, vault and mode: nothing is set, but secrets that an unfinished
///    run left behind are rewritten, and all are verified.
/// 2. Otherwise a gate first, although KMS is off: a cluster without a KMS profile may have had one.
pub(super) fn plan(
    observed: &Observed,
    asked: &Enable,
    reencrypt: &ReencryptOptions,
) -> Result<Plan> {
    let cluster = &observed.cluster;
    let target = &asked.target;
    let expected = ExpectedKey::Key(target.key_id.clone());
    let mut steps = Vec::new();
    if !(is_on(cluster, target) && cluster.is_succeeded()) {
        steps.extend(gate(cluster)?);
        steps.push(Step::new(StepKind::SetKms { target: target.set() }));
    }
    steps.extend(rewrite(&expected, asked.reencrypt));
    let context = RuleContext::of(Verb::Enable, observed, &steps, reencrypt);
    let findings = rules::judge(&RuleContext { target: Some(target), ..context });
    Ok(Plan { findings, steps })
}

/// Whether the cluster's KMS profile already is the target.
fn is_on(cluster: &ClusterFacts, target: &KmsConfiguration) -> bool {
    cluster.kms_on().is_some_and(|profile| profile.is(target))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        facts::KmsProfile,
        ids::NetworkMode,
        rules::testing::{KEY_1, VAULT, kms_on, observed, target_of},
        verbs::testing::lines,
    };

    fn steps(
        change: impl FnOnce(&mut ClusterFacts),
        target: &KmsConfiguration,
        reencrypt: bool,
    ) -> String {
        let mut observed = observed();
        change(&mut observed.cluster);
        let asked = Enable { target: target.clone(), reencrypt };
        lines(&plan(&observed, &asked, &ReencryptOptions::default()).unwrap())
    }

    fn public() -> KmsConfiguration {
        target_of(KEY_1, NetworkMode::Public)
    }

    #[test]
    fn a_plain_cluster_has_a_gate_then_the_key_then_the_rewrite() {
        insta::assert_snapshot!(steps(|_| (), &public(), true), @"
        Prove that every secret is in plaintext, and rewrite those that are not
        Set the cluster's KMS key to KEY (public access)
        Rewrite every secret under KEY, and prove it
        ");
    }

    #[test]
    fn the_gate_of_a_failed_cluster_is_under_what_its_api_servers_write_with() {
        let failed =
            |cluster: &mut ClusterFacts| "Failed".clone_into(&mut cluster.provisioning_state);
        insta::assert_snapshot!(steps(failed, &public(), true), @"
        Prove that every secret is under the key that the API servers write with, and rewrite those that are not
        Set the cluster to the key that its API servers write with
        Set the cluster's KMS key to KEY (public access)
        Rewrite every secret under KEY, and prove it
        ");
    }

    #[test]
    fn a_cluster_that_is_on_with_this_key_is_only_rewritten_and_proven() {
        let on =
            |cluster: &mut ClusterFacts| cluster.kms = Some(kms_on(KEY_1, NetworkMode::Public));
        insta::assert_snapshot!(steps(on, &public(), true), @"Rewrite every secret under KEY, and prove it");
    }

    #[test]
    fn a_change_to_this_key_that_failed_is_settled_then_rewritten() {
        let on = |cluster: &mut ClusterFacts| {
            cluster.kms = Some(kms_on(KEY_1, NetworkMode::Public));
            "Failed".clone_into(&mut cluster.provisioning_state);
        };
        insta::assert_snapshot!(steps(on, &public(), true), @"
        Prove that every secret is under the key that the API servers write with, and rewrite those that are not
        Set the cluster to the key that its API servers write with
        Set the cluster's KMS key to KEY (public access)
        Rewrite every secret under KEY, and prove it
        ");
    }

    #[test]
    fn a_profile_that_was_turned_off_counts_as_off_whatever_it_still_names() {
        let off = |cluster: &mut ClusterFacts| {
            let profile = kms_on(KEY_1, NetworkMode::Public);
            cluster.kms = Some(KmsProfile { enabled: false, ..profile });
        };
        let plain = steps(|_| (), &public(), true);
        assert_eq!(steps(off, &public(), true), plain);
    }

    #[test]
    fn without_a_rewrite_the_gate_still_runs() {
        insta::assert_snapshot!(steps(|_| (), &public(), false), @"
        Prove that every secret is in plaintext, and rewrite those that are not
        Set the cluster's KMS key to KEY (public access)
        ");
    }

    #[test]
    fn in_private_mode_the_vault_is_part_of_the_target() {
        let target = target_of(KEY_1, NetworkMode::Private);
        assert_eq!(target.key_vault_id.as_ref().map(ToString::to_string).as_deref(), Some(VAULT));
        let text = steps(|_| (), &target, false);
        assert!(text.ends_with("Set the cluster's KMS key to KEY (private access)"), "{text}");
    }
}
