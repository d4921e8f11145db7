use super::*;
use crate::{
    catalogue::RuleId::*,
    error::ErrorKind,
    facts::Fact,
    rules::{allowed, refusal},
};

fn two_in_the_way() -> World {
    let mut world = World::enable();
    world.vault().firewall = true;
    world.vault().purge_protection = false;
    world.access().roles = Fact::Known(Vec::new());
    world
}

#[test]
fn nothing_in_the_way_is_no_refusal() {
    assert!(refusal("rotate of cluster shop", &World::enable().judge(), &[], &[]).is_none());
}

#[test]
fn a_warning_is_no_refusal() {
    let mut world = World::enable();
    world.vault().purge_protection = false;
    let findings = world.judge();
    assert_eq!(findings.len(), 1);
    assert!(refusal("rotate of cluster shop", &findings, &[], &[]).is_none());
}

#[test]
fn a_refusal_names_each_rule_with_its_remedy_and_has_all_findings() {
    let findings = two_in_the_way().judge();
    let error = refusal("rotate of cluster shop", &findings, &[], &[]).unwrap();
    assert_eq!(error.kind(), ErrorKind::PreflightFailed);
    assert_eq!(error.findings(), findings);
    insta::assert_snapshot!(error, @r#"rotate of cluster shop was refused, and nothing was changed: [vault-firewall] the firewall of vault shop-keys denies by default. Open it, `az keyvault update --name shop-keys --default-action Allow`, or use private mode. [access-role-missing] the cluster's identity 5f2f2a0e-3c1b-4d1a-9a51-0a6a0d5a2b11 has no role on the vault, and needs to encrypt and decrypt with the key. Grant it: `az role assignment create --role "Key Vault Crypto User" --assignee-object-id 5f2f2a0e-3c1b-4d1a-9a51-0a6a0d5a2b11 --assignee-principal-type ServicePrincipal --scope /subscriptions/8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8/resourceGroups/keys/providers/Microsoft.KeyVault/vaults/shop-keys`, and allow a few minutes for it to arrive. To override, add access-role-missing to allow. Other findings that do not block: vault-purge-protection-off."#);
}

#[test]
fn what_can_be_allowed_is_lifted_by_name_and_the_rest_stays() {
    let findings = two_in_the_way().judge();
    let error = refusal("rotate of cluster shop", &findings, &[AccessRoleMissing], &[]).unwrap();
    assert!(error.to_string().contains("[vault-firewall]"));
    assert!(!error.to_string().contains("[access-role-missing]"));
}

#[test]
fn what_cannot_be_allowed_stays_in_the_way() {
    let mut world = World::enable();
    world.vault().firewall = true;
    let findings = world.judge();
    assert!(refusal("rotate of cluster shop", &findings, &[VaultFirewall], &[]).is_some());
    assert_eq!(allowed(&findings, &[VaultFirewall]), []);
}

#[test]
fn everything_allowed_is_no_refusal_and_is_told() {
    let mut world = World::enable();
    world.access().roles = Fact::Known(Vec::new());
    world.kubernetes().metrics = Fact::Known(false);
    let findings = world.judge();
    let allow = [KeyInUseUnproven, AccessRoleMissing, AccessPolicyMissing];
    assert!(refusal("rotate of cluster shop", &findings, &allow, &[]).is_none());
    assert_eq!(allowed(&findings, &allow), [AccessRoleMissing, KeyInUseUnproven]);
}

#[test]
fn what_was_done_before_the_refusal_is_said() {
    let mut world = World::enable();
    world.vault().firewall = true;
    let findings = world.judge();
    let said = |before: &[String]| {
        refusal("rotate of cluster shop", &findings, &[], before).unwrap().to_string()
    };
    assert!(said(&[]).contains("refused, and nothing was changed: "), "{}", said(&[]));
    let steps = ["Turn the cluster's KMS off".to_owned(), "Rewrite every secret".to_owned()];
    let after = said(&steps);
    assert!(!after.contains("nothing was changed"), "{after}");
    assert!(after.contains(&format!("done before that: {}; {}: ", steps[0], steps[1])), "{after}");
}

#[test]
fn only_a_busy_cluster_is_a_conflict() {
    let mut world = World::enable();
    world.cluster().provisioning_state = "Updating".to_owned();
    world.cluster().node_pools[0].provisioning_state = "Updating".to_owned();
    world.vault().purge_protection = false;
    let error = refusal("rotate of cluster shop", &world.judge(), &[], &[]).unwrap();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.is_retryable());

    world.vault().firewall = true;
    let error = refusal("rotate of cluster shop", &world.judge(), &[], &[]).unwrap();
    assert_eq!(error.kind(), ErrorKind::PreflightFailed);
}

#[test]
fn a_busy_cluster_is_a_conflict_when_the_rest_is_allowed() {
    let mut world = World::enable();
    world.cluster().provisioning_state = "Updating".to_owned();
    world.access().roles = Fact::Known(Vec::new());
    let findings = world.judge();
    assert_eq!(
        refusal("rotate of cluster shop", &findings, &[], &[]).unwrap().kind(),
        ErrorKind::PreflightFailed
    );
    assert_eq!(
        refusal("rotate of cluster shop", &findings, &[AccessRoleMissing], &[]).unwrap().kind(),
        ErrorKind::Conflict
    );
}
