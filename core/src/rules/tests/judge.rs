use super::*;
use crate::{
    catalogue::RuleId::*,
    facts::{Fact, IdentityKind},
    ids::NetworkMode,
    rules::testing::{KEY_1, NOW, kms_on, unknown},
};

#[test]
fn a_healthy_world_gives_no_findings() {
    let worlds: [fn() -> World; 4] =
        [World::enable, World::enable_private, World::reencrypt_secrets, World::status];
    for world in worlds {
        let world = world();
        assert_eq!(world.judge(), [], "{}", world.verb);
    }
}

#[test]
fn enabling_again_with_the_same_key_gives_no_findings() {
    let mut world = World::enable();
    world.cluster().kms = Some(kms_on(KEY_1, NetworkMode::Public));
    assert_eq!(world.judge(), []);
}

#[test]
fn all_violated_rules_are_told_at_once_the_most_severe_first() {
    let mut world = World::enable();
    world.cluster().identity_kind = IdentityKind::SystemAssigned;
    world.cluster().provisioning_state = "Failed".to_owned();
    world.vault().tenant_id = "11111111-2222-3333-4444-555555555555".to_owned();
    world.vault().firewall = true;
    world.vault().purge_protection = false;
    world.key().expires = Some(NOW);
    world.observed.diagnostics = Some(Fact::Known(false));
    world.kubernetes().konnectivity = unknown();
    assert_eq!(
        world.rules(),
        [
            ClusterIdentitySystemAssigned,
            VaultOtherTenant,
            VaultFirewall,
            KeyExpired,
            ClusterFailed,
            TunnelUnsupported,
            VaultPurgeProtectionOff,
            VaultDiagnosticsOff,
        ]
    );
}

#[test]
fn a_vault_that_cannot_be_read_is_told_rule_by_rule() {
    let mut world = World::enable();
    world.observed.vault = Some(unknown());
    assert_eq!(
        world.rules(),
        [
            VaultPublicAccessDisabled,
            VaultNotFound,
            VaultSoftDeleted,
            VaultOtherTenant,
            VaultFirewall,
            VaultPurgeProtectionOff,
            AccessPolicyMissing,
            AccessRoleMissing,
        ]
    );
}

#[test]
fn rewriting_says_nothing_of_vaults_and_keys() {
    let mut world = World::reencrypt_secrets();
    world.vault().firewall = true;
    world.key().enabled = false;
    world.access().roles = Fact::Known(Vec::new());
    assert_eq!(world.rules(), []);
}

#[test]
fn remedies_name_what_they_are_about() {
    let mut world = World::enable();
    world.key().enabled = false;
    world.access().roles = Fact::Known(Vec::new());
    let remedies: Vec<String> = world.judge().into_iter().map(|finding| finding.remedy).collect();
    insta::assert_snapshot!(remedies.join("\n"), @r#"
    Enable it: `az keyvault key set-attributes --vault-name shop-keys --name etcd --version 11111111111111111111111111111111 --enabled true`.
    Grant it: `az role assignment create --role "Key Vault Crypto User" --assignee-object-id 5f2f2a0e-3c1b-4d1a-9a51-0a6a0d5a2b11 --assignee-principal-type ServicePrincipal --scope /subscriptions/8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8/resourceGroups/keys/providers/Microsoft.KeyVault/vaults/shop-keys`, and allow a few minutes for it to arrive.
    "#);
}

#[test]
fn what_is_not_known_stays_for_the_reader_and_shells_get_quotes() {
    let mut world = World::enable();
    world.cluster().id =
        crate::ids::ClusterId::new("8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8", "shop(eu)", "prod")
            .unwrap();
    world.cluster().identity_kind = IdentityKind::SystemAssigned;
    let findings = world.judge();
    assert_eq!(findings.len(), 1);
    assert!(
        findings[0].remedy.contains(
            "--resource-group 'shop(eu)' --name prod --enable-managed-identity --assign-identity <identity id>"
        ),
        "{}",
        findings[0].remedy
    );
}
