use super::*;
use crate::{
    facts::ClusterFacts,
    ids::{KeyId, NetworkMode, VaultId},
    report::{KmsChange, KmsConfiguration},
    rules::testing::{KEY_1, VAULT, kms_on, observed},
    verbs::testing::lines,
};

fn customer(network_mode: NetworkMode) -> KmsChange {
    KmsChange::CustomerManaged(KmsConfiguration {
        key_id: KeyId::parse(KEY_1).unwrap().without_version(),
        network_mode,
        key_vault_id: VaultId::parse(VAULT).ok(),
    })
}

fn set(cluster: &mut ClusterFacts, change: &KmsChange) {
    cluster.infrastructure_encryption = change.is_data_encryption();
    cluster.kms = change.on().map(|target| kms_on(target.key_id.as_str(), target.network_mode));
}

fn steps(
    change: impl FnOnce(&mut ClusterFacts),
    target: &KmsChange,
    allow: &[RuleId],
) -> (String, Vec<RuleId>) {
    let mut observed = observed();
    change(&mut observed.cluster);
    let asked = SetDataEncryption { target: target.clone(), reencrypt: true };
    let plan = plan(&observed, &asked, &ReencryptOptions::default(), allow).unwrap();
    let refusing = plan.findings.iter().filter(|finding| finding.refuses(allow));
    let rules = refusing.map(|finding| finding.rule).filter(|rule| {
        matches!(rule, RuleId::DataEncryptionIrreversible | RuleId::DataEncryptionRetry)
    });
    (lines(&plan), rules.collect())
}

#[test]
fn every_transition_has_a_gate_under_what_is_in_use() {
    let irreversible = [RuleId::DataEncryptionIrreversible];
    let (none, rules) = steps(|_| (), &KmsChange::PlatformManaged, &[]);
    insta::assert_snapshot!(none, @"
    Prove that every secret is in plaintext, and rewrite those that are not
    Set the cluster's data encryption to a platform-managed key
    Rewrite every secret under a platform-managed key, and prove it
    ");
    assert_eq!(rules, irreversible);
    let legacy =
        |cluster: &mut ClusterFacts| cluster.kms = Some(kms_on(KEY_1, NetworkMode::Public));
    let (from_legacy, rules) = steps(legacy, &customer(NetworkMode::Public), &irreversible);
    insta::assert_snapshot!(from_legacy, @"
    Prove that every secret is under KEY, and rewrite those that are not
    Set the cluster's data encryption to customer-managed key https://shop-keys.vault.azure.net/keys/etcd (public access)
    Rewrite every secret under the version in use of https://shop-keys.vault.azure.net/keys/etcd, and prove it
    ");
    assert_eq!(rules, []);
    let to_customer = steps(
        |cluster| set(cluster, &KmsChange::PlatformManaged),
        &customer(NetworkMode::Private),
        &[],
    );
    insta::assert_snapshot!(to_customer.0, @"
    Prove that every secret is under a platform-managed key, and rewrite those that are not
    Set the cluster's data encryption to customer-managed key https://shop-keys.vault.azure.net/keys/etcd (private access)
    Rewrite every secret under the version in use of https://shop-keys.vault.azure.net/keys/etcd, and prove it
    ");
    assert_eq!(to_customer.1, [], "it is on already");
    let to_platform = steps(
        |cluster| set(cluster, &customer(NetworkMode::Public)),
        &KmsChange::PlatformManaged,
        &[],
    );
    insta::assert_snapshot!(to_platform.0, @"
    Prove that every secret is under the version in use of https://shop-keys.vault.azure.net/keys/etcd, and rewrite those that are not
    Set the cluster's data encryption to a platform-managed key
    Rewrite every secret under a platform-managed key, and prove it
    ");
    assert_eq!(to_platform.1, []);
}

#[test]
fn what_is_set_is_only_rewritten_and_proven() {
    for target in [KmsChange::PlatformManaged, customer(NetworkMode::Public)] {
        let (steps, rules) = steps(|cluster| set(cluster, &target), &target, &[]);
        assert_eq!(steps.lines().count(), 1, "{steps}");
        assert!(steps.starts_with("Rewrite every secret under"), "{steps}");
        assert_eq!(rules, []);
    }
}

#[test]
fn a_change_that_did_not_succeed_is_asked_for_again_only_if_that_is_allowed() {
    let target = KmsChange::PlatformManaged;
    let failed = |cluster: &mut ClusterFacts| {
        set(cluster, &KmsChange::PlatformManaged);
        "Failed".clone_into(&mut cluster.provisioning_state);
    };
    assert_eq!(steps(failed, &target, &[]).1, [RuleId::DataEncryptionRetry]);
    let (steps, rules) = steps(failed, &target, &[RuleId::DataEncryptionRetry]);
    insta::assert_snapshot!(steps, @"
    Prove that every secret is under the key that the API servers write with, and rewrite those that are not
    Set the cluster's data encryption to a platform-managed key
    Rewrite every secret under a platform-managed key, and prove it
    ");
    assert_eq!(rules, []);
}
