use super::*;
use crate::{
    catalogue::{Level, RuleId},
    facts::{Fact, KmsProfile, Lookup},
    ids::{KeyId, NetworkMode, VaultId},
    report::{KmsChange, KmsConfiguration},
    rules::testing::{
        KEY_0, KEY_1, KEY_2, KEY_3, VAULT, World, entry, key, kms_on, proven, unknown,
    },
    verbs::testing::{lines_with_ids, rules},
};

const OTHER_VAULT: &str = "/subscriptions/8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8/resourceGroups/keys/providers/Microsoft.KeyVault/vaults/other-keys";

fn to(key_id: &str) -> Rotate {
    let key_id = Some(KeyId::parse(key_id).unwrap());
    Rotate { key_id, network_mode: None, key_vault_id: None, reencrypt: true, made: false }
}

fn to_new_version() -> Rotate {
    Rotate { key_id: None, network_mode: None, key_vault_id: None, reencrypt: true, made: false }
}

fn planned(world: &World, asked: &Rotate, vouched: bool) -> Plan {
    plan(&world.observed, asked, &ReencryptOptions::default(), vouched).unwrap()
}

fn steps(world: &World, asked: &Rotate) -> String {
    lines(&planned(world, asked, false))
}

fn lines(plan: &Plan) -> String {
    let keys = [(KEY_0, "KEY 0"), (KEY_1, "KEY 1"), (KEY_2, "KEY 2"), (KEY_3, "KEY 3")];
    keys.iter().fold(lines_with_ids(plan), |text, (key_id, name)| text.replace(key_id, name))
}

/// The second key was set and is not proven yet; the first is the one before.
fn after_a_rotation_without_proof() -> World {
    let mut world = World::rotate();
    world.observed.cluster.kms = Some(kms_on(KEY_2, NetworkMode::Public));
    world.ledger().current = Some(entry(KEY_2));
    world.ledger().previous = Some(proven(entry(KEY_1)));
    world.observed.previous = None;
    world.observed.key = Some(Fact::Known(Lookup::Found(key(KEY_1))));
    world
}

fn private(world: &mut World) {
    world.observed.cluster.vnet_integration = true;
    world.observed.cluster.kms = Some(kms_on(KEY_1, NetworkMode::Private));
}

#[test]
fn another_key_has_a_gate_then_the_key_then_the_rewrite() {
    insta::assert_snapshot!(steps(&World::rotate(), &to(KEY_2)), @"
    Prove that every secret is under KEY 1, and rewrite those that are not
    Set the cluster's KMS key to KEY 2 (public access)
    Rewrite every secret under KEY 2, and prove it
    ");
}

#[test]
fn the_same_key_is_not_set_again_but_everything_is_proven() {
    insta::assert_snapshot!(steps(&World::rotate(), &to(KEY_1)), @"Rewrite every secret under KEY 1, and prove it");
}

#[test]
fn without_a_key_id_a_new_version_is_made_first() {
    insta::assert_snapshot!(steps(&World::rotate_to_new_version(), &to_new_version()), @"
    Make a new version of key https://shop-keys.vault.azure.net/keys/etcd
    Prove that every secret is under KEY 1, and rewrite those that are not
    Set the cluster's KMS key to https://shop-keys.vault.azure.net/keys/etcd (public access)
    Rewrite every secret under https://shop-keys.vault.azure.net/keys/etcd, and prove it
    ");
}

#[test]
fn another_vault_may_be_reached_in_another_mode() {
    let mut world = World::rotate();
    world.observed.cluster.vnet_integration = true;
    let asked = Rotate {
        network_mode: Some(NetworkMode::Private),
        key_vault_id: Some(VaultId::parse(OTHER_VAULT).unwrap()),
        ..to(KEY_3)
    };
    let plan = planned(&world, &asked, false);
    insta::assert_snapshot!(lines(&plan), @"
    Prove that every secret is under KEY 1, and rewrite those that are not
    Set the cluster's KMS key to KEY 3 (private access)
    Rewrite every secret under KEY 3, and prove it
    ");
    assert!(!rules(&plan).contains(&RuleId::VaultNetworkModeLocked));
}

#[test]
fn the_vault_in_use_keeps_its_mode_and_its_resource_id() {
    let mut world = World::rotate();
    private(&mut world);
    let plan = planned(&world, &to(KEY_2), false);
    let target = plan.steps.iter().find_map(|step| match &step.kind {
        StepKind::SetKms { target } => Some(target.clone()),
        _ => None,
    });
    let expected = KmsChange::On(KmsConfiguration {
        key_id: KeyId::parse(KEY_2).unwrap(),
        network_mode: NetworkMode::Private,
        key_vault_id: Some(VaultId::parse(VAULT).unwrap()),
    });
    assert_eq!(target, Some(expected));
    assert_eq!(rules(&plan), []);
}

#[test]
fn another_private_vault_must_be_named() {
    let mut world = World::rotate();
    private(&mut world);
    let plan = planned(&world, &to(KEY_3), false);
    assert_eq!(plan.steps, []);
    assert!(rules(&plan).contains(&RuleId::KeyVaultIdRequired), "{:?}", plan.findings);
}

#[test]
fn a_vault_that_is_not_the_keys_is_refused_also_without_a_key_id() {
    let asked =
        Rotate { key_vault_id: Some(VaultId::parse(OTHER_VAULT).unwrap()), ..to_new_version() };
    let plan = planned(&World::rotate_to_new_version(), &asked, false);
    assert_eq!(plan.steps, []);
    assert_eq!(rules(&plan), [RuleId::KeyVaultIdMismatch]);
}

#[test]
fn the_mode_of_the_vault_in_use_is_locked_also_without_a_key_id() {
    let asked = Rotate {
        network_mode: Some(NetworkMode::Private),
        key_vault_id: Some(VaultId::parse(VAULT).unwrap()),
        ..to_new_version()
    };
    let plan = planned(&World::rotate_to_new_version(), &asked, false);
    assert!(rules(&plan).contains(&RuleId::VaultNetworkModeLocked), "{:?}", plan.findings);
}

#[test]
fn without_kms_there_is_nothing_to_plan() {
    let mut world = World::rotate();
    let profile = kms_on(KEY_1, NetworkMode::Public);
    for kms in [None, Some(KmsProfile { enabled: false, ..profile })] {
        world.observed.cluster.kms = kms;
        for asked in [to(KEY_2), to_new_version()] {
            let plan = planned(&world, &asked, false);
            assert_eq!(plan.steps, []);
            assert!(rules(&plan).contains(&RuleId::KmsNotEnabled), "{:?}", plan.findings);
        }
    }
}

#[test]
fn the_gate_of_a_failed_cluster_is_under_what_its_api_servers_write_with() {
    let mut world = World::rotate();
    "Failed".clone_into(&mut world.observed.cluster.provisioning_state);
    let text = steps(&world, &to(KEY_2));
    insta::assert_snapshot!(text, @"
    Prove that every secret is under the key that the API servers write with, and rewrite those that are not
    Set the cluster to the key that its API servers write with
    Set the cluster's KMS key to KEY 2 (public access)
    Rewrite every secret under KEY 2, and prove it
    ");
}

/// Whether the API servers write is for the run to find out: where they do not, the record tells it
/// that this is the rollback.
#[test]
fn where_the_record_can_be_read_the_rollback_is_planned_like_any_change() {
    let text = steps(&after_a_rotation_without_proof(), &to(KEY_1));
    assert!(text.starts_with("Prove that every secret is under KEY 2, and rewrite"), "{text}");
}

#[test]
fn with_the_api_server_down_somebody_must_vouch_for_the_rollback() {
    let mut world = after_a_rotation_without_proof();
    world.observed.kubernetes = unknown();
    world.observed.record = Some(unknown());
    let answers = planned(&world, &to(KEY_1), true);
    assert!(
        lines(&answers).starts_with("Prove that every secret is under KEY 2, and rewrite"),
        "a refusal is a response"
    );
    world.observed.down = true;
    let refused = planned(&world, &to(KEY_1), false);
    let blocks: Vec<RuleId> = refused
        .findings
        .iter()
        .filter(|finding| finding.level == Level::Block)
        .map(|finding| finding.rule)
        .collect();
    assert_eq!(blocks, [RuleId::KubernetesUnreachable, RuleId::RollbackUnproven]);

    let vouched = planned(&world, &to(KEY_1), true);
    insta::assert_snapshot!(lines(&vouched), @"
    Set the cluster's KMS key to KEY 1 (public access)
    Rewrite every secret under KEY 1, and prove it
    ");
    assert!(rules::refusal("it", &vouched.findings, &[RuleId::RollbackUnproven], &[]).is_none());
    assert!(rules::refusal("it", &vouched.findings, &[], &[]).is_some());
}

#[test]
fn a_version_that_is_yet_to_be_made_is_never_the_rollback() {
    let mut world = World::rotate_to_new_version();
    world.observed.kubernetes = unknown();
    world.observed.record = Some(unknown());
    let plan = planned(&world, &to_new_version(), true);
    assert!(!rules(&plan).contains(&RuleId::RollbackUnproven));
    assert!(rules::refusal("it", &plan.findings, &[RuleId::RollbackUnproven], &[]).is_some());
}

#[test]
fn without_a_rewrite_the_gate_still_runs() {
    let asked = Rotate { reencrypt: false, ..to(KEY_2) };
    insta::assert_snapshot!(steps(&World::rotate(), &asked), @"
    Prove that every secret is under KEY 1, and rewrite those that are not
    Set the cluster's KMS key to KEY 2 (public access)
    ");
}

fn on_a_customer_managed_key() -> World {
    let mut world = World::rotate();
    let key_id = KeyId::parse(KEY_1).unwrap().without_version();
    world.cluster().infrastructure_encryption = true;
    world.cluster().kms = Some(kms_on(key_id.as_str(), NetworkMode::Public));
    world
}

#[test]
fn a_customer_managed_key_gets_a_new_version_and_the_cluster_is_not_changed() {
    let steps = steps(&on_a_customer_managed_key(), &to_new_version());
    insta::assert_snapshot!(steps, @"
    Prove that every secret is under the version in use of https://shop-keys.vault.azure.net/keys/etcd, and rewrite those that are not
    Make a new version of key https://shop-keys.vault.azure.net/keys/etcd
    Wait until AKS has taken up the new version of https://shop-keys.vault.azure.net/keys/etcd, which takes up to six hours
    Rewrite every secret under the version in use of https://shop-keys.vault.azure.net/keys/etcd, and prove it
    ");
}

#[test]
fn a_version_that_the_operation_has_made_is_waited_for() {
    let asked = Rotate { made: true, ..to(KEY_2) };
    insta::assert_snapshot!(steps(&on_a_customer_managed_key(), &asked), @"
    Wait until AKS has taken up KEY 2, which takes up to six hours
    Rewrite every secret under the version in use of https://shop-keys.vault.azure.net/keys/etcd, and prove it
    ");
}

#[test]
fn what_is_not_waited_for_stays_recorded() {
    let plan = planned(&on_a_customer_managed_key(), &to_new_version(), false);
    let plan = plan.recorded(true, false).until_wait();
    insta::assert_snapshot!(lines(&plan), @"
    Record the operation in the cluster
    Prove that every secret is under the version in use of https://shop-keys.vault.azure.net/keys/etcd, and rewrite those that are not
    Make a new version of key https://shop-keys.vault.azure.net/keys/etcd
    ");
}
