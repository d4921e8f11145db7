use super::*;
use crate::{
    facts::{ClusterWithKms, ConnectionState, Lookup, PrivateEndpointConnection, VaultFacts},
    rules::testing::{
        KEY_1, KEY_2, World, crypto_user, entry, kms_on, plaintext_entry, recorded, unknown,
    },
    verbs::testing,
};

fn to(network_mode: NetworkMode) -> ChangeNetworkMode {
    ChangeNetworkMode { network_mode, vault_access: VaultAccess::Change }
}

/// KMS is on with the first key in this mode, in a cluster that may use either.
fn on(network_mode: NetworkMode) -> World {
    let mut world = World::status();
    world.cluster().vnet_integration = true;
    world.cluster().kms = Some(kms_on(KEY_1, network_mode));
    world.vault().public_network_access = network_mode == NetworkMode::Public;
    world.observed.vault_keys = Some(Fact::Known(vec!["etcd".to_owned()]));
    world
}

/// The operation has turned KMS off.
fn off_meanwhile(from: NetworkMode, asked: &ChangeNetworkMode) -> World {
    testing::off_meanwhile(on(from), Intent::ChangeNetworkMode(asked.clone()))
}

fn planned(world: &World, asked: &ChangeNetworkMode) -> Plan {
    plan(&world.observed, asked, &ReencryptOptions::default()).unwrap()
}

fn lines(world: &World, asked: &ChangeNetworkMode) -> String {
    testing::lines(&planned(world, asked))
}

fn rules(world: &World, asked: &ChangeNetworkMode) -> Vec<RuleId> {
    testing::rules(&planned(world, asked))
}

#[test]
fn to_private_the_vault_is_closed_last() {
    insta::assert_snapshot!(lines(&on(NetworkMode::Public), &to(NetworkMode::Private)), @"
    Prove that every secret is under KEY, and rewrite those that are not
    Turn the cluster's KMS off
    Rewrite every secret to plaintext, and prove it
    Set the cluster's KMS key to KEY (private access)
    Rewrite every secret under KEY, and prove it
    Close vault shop-keys to public network access
    Wait until every API server writes with KEY
    ");
}

#[test]
fn to_public_the_vault_is_opened_before_kms_is_turned_off() {
    insta::assert_snapshot!(lines(&on(NetworkMode::Private), &to(NetworkMode::Public)), @"
    Prove that every secret is under KEY, and rewrite those that are not
    Open vault shop-keys to public network access
    Turn the cluster's KMS off
    Rewrite every secret to plaintext, and prove it
    Set the cluster's KMS key to KEY (public access)
    Rewrite every secret under KEY, and prove it
    ");
}

#[test]
fn while_kms_is_off_it_goes_on_with_the_key_and_vault_that_are_recorded() {
    let asked = to(NetworkMode::Private);
    insta::assert_snapshot!(lines(&off_meanwhile(NetworkMode::Public, &asked), &asked), @"
    Rewrite every secret to plaintext, and prove it
    Set the cluster's KMS key to KEY (private access)
    Rewrite every secret under KEY, and prove it
    Close vault shop-keys to public network access
    Wait until every API server writes with KEY
    ");
    let asked = to(NetworkMode::Public);
    insta::assert_snapshot!(lines(&off_meanwhile(NetworkMode::Private, &asked), &asked), @"
    Open vault shop-keys to public network access
    Rewrite every secret to plaintext, and prove it
    Set the cluster's KMS key to KEY (public access)
    Rewrite every secret under KEY, and prove it
    ");
}

#[test]
fn in_the_mode_already_nothing_is_set_and_the_vault_follows() {
    insta::assert_snapshot!(lines(&on(NetworkMode::Private), &to(NetworkMode::Private)), @"
    Rewrite every secret under KEY, and prove it
    Close vault shop-keys to public network access
    Wait until every API server writes with KEY
    ");
    insta::assert_snapshot!(lines(&on(NetworkMode::Public), &to(NetworkMode::Public)), @"
    Open vault shop-keys to public network access
    Rewrite every secret under KEY, and prove it
    ");
}

#[test]
fn a_vault_that_is_kept_is_left_alone() {
    for (from, to) in [
        (NetworkMode::Public, NetworkMode::Private),
        (NetworkMode::Private, NetworkMode::Public),
        (NetworkMode::Private, NetworkMode::Private),
    ] {
        let asked = ChangeNetworkMode { network_mode: to, vault_access: VaultAccess::Keep };
        let text = lines(&on(from), &asked);
        assert!(!text.contains("vault"), "{text}");
    }
}

#[test]
fn a_change_that_failed_half_way_is_settled_first() {
    let asked = to(NetworkMode::Private);
    let mut world = off_meanwhile(NetworkMode::Public, &asked);
    "Failed".clone_into(&mut world.cluster().provisioning_state);
    assert!(
        lines(&world, &asked).starts_with(
            "Prove that every secret is under the key that the API servers write with"
        )
    );
}

/// What is set right may need it.
#[test]
fn to_public_the_vault_is_opened_before_a_failed_change_is_set_right() {
    let mut world = on(NetworkMode::Public);
    "Failed".clone_into(&mut world.cluster().provisioning_state);
    world.vault().public_network_access = false;
    let text = lines(&world, &to(NetworkMode::Public));
    assert!(text.starts_with("Open vault shop-keys to public network access"), "{text}");
}

#[test]
fn after_a_failed_change_of_others_no_vault_is_closed() {
    let (public, private) = (to(NetworkMode::Public), to(NetworkMode::Private));
    let refuses = |world: &World, asked: &ChangeNetworkMode| {
        rules(world, asked).contains(&RuleId::VaultClosingInPublicUse)
    };
    let failed = |mut world: World| {
        "Failed".clone_into(&mut world.cluster().provisioning_state);
        world
    };
    assert!(!refuses(&on(NetworkMode::Public), &private), "it succeeded");
    assert!(refuses(&failed(on(NetworkMode::Public)), &private));
    assert!(!refuses(&failed(on(NetworkMode::Private)), &public), "nothing is closed");
    let keep = ChangeNetworkMode { vault_access: VaultAccess::Keep, ..private.clone() };
    assert!(!refuses(&failed(on(NetworkMode::Public)), &keep), "nothing is closed");
    let ours = failed(off_meanwhile(NetworkMode::Public, &private));
    assert!(!refuses(&ours, &private), "a run of this operation goes on");
}

#[test]
fn no_vault_is_closed_while_a_key_of_others_may_be_read_over_the_public_way() {
    let asked = to(NetworkMode::Private);
    let refusal = |mut world: World, slot| {
        world.vault().public_network_access = true;
        if world.observed.record.is_none() {
            world.observed.record = Some(Fact::Known(recorded(entry(KEY_1), None, &[])));
        }
        world.ledger().unknown_key = slot;
        let mut findings = planned(&world, &asked).findings.into_iter();
        findings
            .find(|finding| finding.rule == RuleId::VaultClosingInPublicUse)
            .map(|finding| finding.remedy)
    };
    let (public, private) = (|| on(NetworkMode::Public), || on(NetworkMode::Private));
    let off = || off_meanwhile(NetworkMode::Public, &asked);
    for world in [public(), private(), off()] {
        assert_eq!(refusal(world, None), None);
    }
    for (world, slot, remedy) in [
        (public(), Slot::Current, "Rotate once, then call"),
        (private(), Slot::Current, "Rotate once, then call"),
        (private(), Slot::Previous, "Rotate once, then call"),
    ] {
        let said = refusal(world, Some(slot)).unwrap();
        assert!(said.starts_with(remedy), "{said}");
    }
    // KMS off and on replaces it
    assert_eq!(refusal(public(), Some(Slot::Previous)), None);
}

/// A tag is no reason to end with KMS off; a key of others, set and turned off again, looks the same.
#[test]
fn an_operation_in_whose_middle_others_changed_something_ends_with_the_vault_open() {
    let asked = to(NetworkMode::Private);
    let closes = |world: &World| super::closes(&planned(world, &asked).steps);
    let mut world = off_meanwhile(NetworkMode::Public, &asked);
    world.vault().public_network_access = true;
    assert!(closes(&world), "nobody changed anything");
    world.ledger().unknown_key = Some(Slot::Previous);
    assert!(!closes(&world));
    let findings = planned(&world, &asked).findings;
    let told = findings.iter().find(|finding| finding.rule == RuleId::VaultClosingInPublicUse);
    let told = told.unwrap();
    assert_eq!(told.level, Level::Warn);
    assert!(told.remedy.starts_with("Rotate once"), "{told}");
    // on in the new mode, it is gone on with in the same way
    world.cluster().kms = Some(kms_on(KEY_1, NetworkMode::Private));
    assert!(
        !closes(&world)
            && rules::refusal("it", &planned(&world, &asked).findings, &[], &[]).is_none()
    );
}

#[test]
fn rules_are_judged_as_the_steps_will_find_things() {
    use RuleId::{
        KmsNotEnabled, PrivateLinkRoleMissing, PrivateVaultNeedsVnetIntegration,
        SecretsNotKmsEncryptedMeanwhile, VaultFirewall, VaultNotFound, VaultPublicAccessDisabled,
    };
    let (public, private) = (to(NetworkMode::Public), to(NetworkMode::Private));
    assert_eq!(rules(&on(NetworkMode::Public), &private), [SecretsNotKmsEncryptedMeanwhile]);
    // the plan opens the vault first
    assert_eq!(rules(&on(NetworkMode::Private), &public), [SecretsNotKmsEncryptedMeanwhile]);
    let keep = ChangeNetworkMode { vault_access: VaultAccess::Keep, ..public.clone() };
    assert_eq!(
        rules(&on(NetworkMode::Private), &keep),
        [VaultPublicAccessDisabled, SecretsNotKmsEncryptedMeanwhile]
    );
    let mut world = on(NetworkMode::Private);
    world.vault().firewall = true;
    assert_eq!(rules(&world, &public), [VaultFirewall, SecretsNotKmsEncryptedMeanwhile]);
    let mut world = on(NetworkMode::Public);
    world.cluster().vnet_integration = false;
    world.access().roles = Fact::Known(vec![crypto_user()]);
    assert_eq!(
        rules(&world, &private),
        [PrivateVaultNeedsVnetIntegration, PrivateLinkRoleMissing, SecretsNotKmsEncryptedMeanwhile]
    );
    let mut world = on(NetworkMode::Public);
    world.observed.vault = Some(unknown());
    assert!(rules(&world, &private).contains(&VaultNotFound));
    assert!(planned(&world, &private).steps.is_empty());
    let mut world = on(NetworkMode::Public);
    world.cluster().kms = None;
    assert_eq!(rules(&world, &private), [KmsNotEnabled]);
}

#[test]
fn off_in_the_middle_of_it_is_no_reason_to_refuse() {
    let asked = to(NetworkMode::Private);
    let mut world = off_meanwhile(NetworkMode::Public, &asked);
    "Updating".clone_into(&mut world.cluster().provisioning_state);
    assert_eq!(rules(&world, &asked), [RuleId::SecretsNotKmsEncryptedMeanwhile]);
    // it is another operation's middle
    let other = ChangeNetworkMode { vault_access: VaultAccess::Keep, ..asked };
    assert!(rules(&world, &other).contains(&RuleId::KmsNotEnabled));
}

#[test]
fn what_else_uses_the_vault_is_told_before_it_is_closed() {
    let mut world = on(NetworkMode::Public);
    world.observed.vault_keys = Some(Fact::Known(vec!["ETCD".to_owned(), "disks".to_owned()]));
    let elsewhere =
        "/subscriptions/s/resourceGroups/web/providers/Microsoft.Network/privateEndpoints/web";
    world.vault().private_endpoint_connections =
        vec![connection(elsewhere, ConnectionState::Approved)];
    let asked = to(NetworkMode::Private);
    let findings = planned(&world, &asked).findings;
    let shared = findings.iter().find(|finding| finding.rule == RuleId::VaultShared).unwrap();
    assert_eq!(
        shared.message,
        "the vault has 1 other keys and 1 private endpoint connections from elsewhere"
    );
    let keep = ChangeNetworkMode { vault_access: VaultAccess::Keep, ..asked };
    assert!(!rules(&world, &keep).contains(&RuleId::VaultShared));
}

#[test]
fn a_vault_that_another_cluster_needs_open_is_closed_only_with_allow() {
    let staging = "/subscriptions/s/resourceGroups/web/providers/Microsoft.ContainerService/managedClusters/staging";
    let user = |mode, key: &str| ClusterWithKms {
        id: staging.to_owned(),
        key_id: key.to_owned(),
        network_mode: mode,
        identities: Vec::new(),
    };
    let found = |others, asked: &ChangeNetworkMode| {
        let mut world = on(NetworkMode::Public);
        world.observed.others = Some(others);
        let findings = planned(&world, asked).findings;
        findings.into_iter().find(|it| it.rule == RuleId::VaultClosingInPublicUse)
    };
    let asked = to(NetworkMode::Private);
    for mode in [Some(NetworkMode::Public), None] {
        let finding = found(Fact::Known(vec![user(mode, KEY_2)]), &asked).unwrap();
        assert_eq!((finding.level, finding.overridable), (Level::Block, true));
        assert!(finding.message.contains("managedClusters/staging"), "{finding}");
        assert!(finding.remedy.contains("vault_access"), "{finding}");
    }
    let unseen = found(unknown(), &asked).unwrap();
    assert_eq!((unseen.level, unseen.overridable), (Level::Block, true));
    for holds in [
        user(Some(NetworkMode::Private), KEY_2),
        user(Some(NetworkMode::Public), "https://other-keys.vault.azure.net/keys/etcd/1"),
        ClusterWithKms {
            id: World::status().observed.cluster.id.to_string(),
            ..user(Some(NetworkMode::Public), KEY_1)
        },
    ] {
        assert_eq!(found(Fact::Known(vec![holds]), &asked), None);
    }
    let keep = ChangeNetworkMode { vault_access: VaultAccess::Keep, ..asked };
    assert_eq!(found(Fact::Known(vec![user(None, KEY_2)]), &keep), None);
}

fn connection(endpoint_id: &str, state: ConnectionState) -> PrivateEndpointConnection {
    PrivateEndpointConnection {
        name: "to-the-vault".to_owned(),
        endpoint_id: endpoint_id.to_owned(),
        state,
    }
}

#[test]
fn only_an_approved_connection_from_the_nodes_group_lets_a_vault_be_closed() {
    let own = "/subscriptions/8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8/resourcegroups/mc_SHOP_prod_westeurope/providers/Microsoft.Network/privateEndpoints/kms";
    let other = own.replace("mc_SHOP", "mc_other");
    let mut world = on(NetworkMode::Private);
    let mut problem = |connections: &[PrivateEndpointConnection]| {
        world.vault().private_endpoint_connections = connections.to_vec();
        let found = match &world.observed.vault {
            Some(Fact::Known(Lookup::Found(vault))) => vault as &VaultFacts,
            _ => unreachable!("the world has a vault"),
        };
        rules::private_endpoint_not_approved(found, &world.observed.cluster)
    };
    assert_eq!(problem(&[connection(own, ConnectionState::Approved)]), None);
    assert!(problem(&[]).is_some());
    assert!(problem(&[connection(&other, ConnectionState::Approved)]).is_some());
    let pending = problem(&[connection(own, ConnectionState::Pending)]).unwrap();
    assert!(pending.message.ends_with("is Pending"), "{pending}");
    assert!(pending.remedy.contains("--vault-name shop-keys --name to-the-vault"), "{pending}");
    let rejected = ConnectionState::Other("Rejected".to_owned());
    assert!(problem(&[connection(own, rejected)]).is_some());
}

#[test]
fn a_vault_is_not_closed_while_a_key_from_before_a_time_without_kms_is_read_over_the_public_way() {
    let asked = to(NetworkMode::Private);
    let mut world = on(NetworkMode::Private);
    world.vault().public_network_access = true;
    let mut found = recorded(entry(KEY_1), Some(plaintext_entry()), &[entry(KEY_2)]);
    world.observed.record = Some(Fact::Known(found.clone()));
    assert!(rules(&world, &asked).contains(&RuleId::VaultClosingInPublicUse));
    // after another rotation the API servers have no other key
    found.record.ledger.previous = Some(entry(KEY_1));
    world.observed.record = Some(Fact::Known(found));
    assert!(!rules(&world, &asked).contains(&RuleId::VaultClosingInPublicUse));
}
