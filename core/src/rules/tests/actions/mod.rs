//! What somebody is about to do outside of this crate, and what would be lost by it.

mod access;
mod cluster;
mod data_encryption;
mod keys;
mod other_clusters;
mod vaults;

use super::*;
use crate::{
    catalogue::RuleId::*,
    facts::{ClusterWithKms, Fact},
    ids::{IdentityId, KeyId, NetworkMode, VaultId},
    ledger::Fit,
    report::{Action, Finding},
    rules::{
        Guarded, guard,
        testing::{
            KEY_0, KEY_1, KEY_2, VAULT, entry, kms_on, plaintext_entry, proven, recorded, unknown,
        },
    },
};

const OTHER_IDENTITY: &str = "/subscriptions/8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8/resourceGroups/shop/providers/Microsoft.ManagedIdentity/userAssignedIdentities/other";
const OTHER_VAULT: &str = "/subscriptions/8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8/resourceGroups/keys/providers/Microsoft.KeyVault/vaults/other-keys";
const GROUP: &str = "9d3c6a0c-2b5e-4f6e-8a9b-7c1d2e3f4a5b";

fn key_id(key_id: &str) -> KeyId {
    KeyId::parse(key_id).unwrap()
}

fn delete_key(id: &str) -> Action {
    Action::DeleteKey { key_id: key_id(id) }
}

fn vault_id(id: &str) -> VaultId {
    VaultId::parse(id).unwrap()
}

fn delete_vault(id: &str) -> Action {
    Action::DeleteVault { key_vault_id: vault_id(id) }
}

fn close_vault(id: &str) -> Action {
    Action::CloseVault { key_vault_id: vault_id(id) }
}

fn delete_identity(id: &str) -> Action {
    Action::DeleteIdentity { identity_id: IdentityId::parse(id).unwrap() }
}

fn remove_role(vault: &str, principal: &str) -> Action {
    Action::RemoveRole { key_vault_id: vault_id(vault), principal_id: principal.to_owned() }
}

/// The second key is in use and proven, the first was before, the one before that is retired.
fn rotated() -> World {
    let mut world = World::status();
    world.cluster().kms = Some(kms_on(KEY_2, NetworkMode::Public));
    let retired = [proven(entry(KEY_0))];
    let found = recorded(proven(entry(KEY_2)), Some(proven(entry(KEY_1))), &retired);
    world.observed.record = Some(Fact::Known(found));
    world
}

/// KMS was turned off, with everything proven.
fn disabled() -> World {
    let mut world = rotated();
    world.cluster().kms = None;
    let retired = [proven(entry(KEY_0))];
    let found = recorded(proven(plaintext_entry()), Some(proven(entry(KEY_1))), &retired);
    world.observed.record = Some(Fact::Known(found));
    (world.observed.vault, world.observed.key, world.observed.access) = (None, None, None);
    world
}

/// A cluster that never had KMS, and of which nothing is recorded.
fn plain() -> World {
    let mut world = disabled();
    let mut found = recorded(plaintext_entry(), None, &[]);
    found.fit = Fit::Unrelated;
    world.observed.record = Some(Fact::Known(found));
    world
}

fn without_record() -> World {
    let mut world = rotated();
    world.observed.record = Some(unknown());
    world
}

fn judge(world: &World, action: &Action, others: &Fact<Vec<ClusterWithKms>>) -> Vec<Finding> {
    guard(&Guarded { action, observed: &world.observed, others })
}

/// With nobody else around.
fn alone(world: &World, action: &Action) -> Vec<Finding> {
    judge(world, action, &Fact::Known(Vec::new()))
}

fn answers(findings: &[Finding]) -> Vec<(RuleId, Answer)> {
    findings
        .iter()
        .map(|finding| {
            assert!(!finding.message.ends_with('.'), "{}", finding.message);
            let response = match finding.state {
                FindingState::Violated => Answer::Violated(finding.level, finding.overridable),
                FindingState::Undetermined => Answer::Undetermined(finding.level),
            };
            (finding.rule, response)
        })
        .collect()
}

type ActionCase = (&'static str, fn() -> World, Action, Answer);

fn check_all(rule: RuleId, cases: Vec<ActionCase>) {
    for (name, world, action, expected) in cases {
        let world = world();
        let findings = alone(&world, &action);
        let expected = if expected == Answer::Holds { Vec::new() } else { vec![(rule, expected)] };
        assert_eq!(answers(&findings), expected, "{name}: {findings:#?}");
    }
}

#[test]
fn remedies_name_what_they_are_about() {
    let findings = alone(&rotated(), &delete_key(KEY_2));
    assert!(findings[0].remedy.contains("--vault-name shop-keys --name etcd"), "{findings:?}");
    let findings = alone(&rotated(), &Action::ScaleToZero { node_pool: "system".to_owned() });
    assert!(findings[0].remedy.contains("--cluster-name prod --name system"), "{findings:?}");
}
