//! The plan as a table: what is there, what is missing, what speaks against it.

use super::{
    look::Seen,
    plan::{findings, steps},
    wanted::Wanted,
};
use crate::{
    catalogue::{Level, RuleId},
    facts::{
        AccessPolicy, ClusterFacts, Fact, HeldRole, IdentityFacts, IdentityKind, Lookup, RoleGrant,
        VaultFacts,
    },
    ids::{ClusterId, IdentityId, NetworkMode, VaultAuthorization},
    options::ProvisionOptions,
    report::{
        Experience,
        ProvisionPart::{
            self, Identity, Key, KeyPolicy, KeyRole, KeyVault, PrivateLinkRole, PurgeProtection,
            VaultReadRole,
        },
    },
    rules::testing::{CLUSTER, KEY, KEY_1, PRINCIPAL, TENANT, access, cluster, key, kms_on, vault},
};

/// All is there, and no rule has anything to say.
fn all() -> Seen {
    let cluster = cluster();
    Seen {
        identity_id: IdentityId::parse(&cluster.identities[0].resource_id).unwrap(),
        identity: Some(IdentityFacts {
            principal_id: PRINCIPAL.to_owned(),
            tenant_id: TENANT.to_owned(),
        }),
        vault: Lookup::Found(vault()),
        name_taken: None,
        key: Some(Fact::Known(Lookup::Found(key(KEY_1)))),
        access: Some(access()),
        diagnostics: Some(Fact::Known(true)),
        held_roles: None,
        identity_location: None,
        vault_location: None,
        cluster: Some(cluster),
    }
}

/// Nothing is there.
fn nothing() -> Seen {
    Seen {
        cluster: None,
        identity: None,
        vault: Lookup::NotFound,
        key: None,
        access: None,
        diagnostics: None,
        identity_location: Some("westeurope".to_owned()),
        vault_location: Some("westeurope".to_owned()),
        ..all()
    }
}

fn wanted(change: impl FnOnce(&mut ProvisionOptions)) -> Wanted {
    let id = vault().id.to_string();
    let mut options = ProvisionOptions { key_vault: Some(id), ..ProvisionOptions::default() };
    change(&mut options);
    Wanted::new(&ClusterId::parse(CLUSTER).unwrap(), &options, "vault.azure.net").unwrap()
}

fn public() -> Wanted {
    wanted(|_| {})
}

fn private() -> Wanted {
    wanted(|options| options.network_mode = NetworkMode::Private)
}

fn customer_managed(network_mode: NetworkMode) -> Wanted {
    wanted(|options| {
        options.network_mode = network_mode;
        options.experience = Experience::CustomerManaged;
    })
}

fn parts(wanted: &Wanted, seen: &Seen) -> Vec<ProvisionPart> {
    steps(wanted, seen).into_iter().map(|step| step.part).collect()
}

fn rules(wanted: &Wanted, seen: &Seen) -> Vec<(RuleId, Level)> {
    findings(wanted, seen).into_iter().map(|finding| (finding.rule, finding.level)).collect()
}

fn with_vault(change: impl FnOnce(&mut VaultFacts)) -> Seen {
    let mut vault = vault();
    change(&mut vault);
    Seen { vault: Lookup::Found(vault), ..all() }
}

fn with_roles(roles: Vec<RoleGrant>) -> Seen {
    let mut access = access();
    access.roles = Fact::Known(roles);
    Seen { access: Some(access), ..all() }
}

#[test]
fn what_is_there_is_not_made() {
    for wanted in [public(), private()] {
        assert_eq!(parts(&wanted, &all()), []);
        assert_eq!(rules(&wanted, &all()), []);
    }
}

#[test]
fn from_nothing_the_identity_comes_first_and_its_access_last() {
    assert_eq!(parts(&public(), &nothing()), [Identity, KeyVault, Key, KeyRole]);
    assert_eq!(parts(&private(), &nothing()), [Identity, KeyVault, Key, KeyRole, PrivateLinkRole]);
    let policies = wanted(|options| options.authorization = VaultAuthorization::AccessPolicy);
    assert_eq!(parts(&policies, &nothing()), [Identity, KeyVault, Key, KeyPolicy]);
}

#[test]
fn a_customer_managed_key_needs_a_role_to_follow_it_and_no_private_link() {
    for mode in [NetworkMode::Public, NetworkMode::Private] {
        let wanted = customer_managed(mode);
        assert_eq!(parts(&wanted, &nothing()), [Identity, KeyVault, Key, KeyRole, VaultReadRole]);
        assert_eq!(parts(&wanted, &with_roles(Vec::new())), [KeyRole, VaultReadRole]);
        let by_policies = with_vault(|vault| vault.rbac = false);
        // The roles there are count in their control-plane half.
        assert_eq!(parts(&wanted, &by_policies), [KeyPolicy]);
        let command = steps(&wanted, &nothing())[1].command.clone();
        let closed = " --default-action Deny --bypass AzureServices";
        assert_eq!(command.contains(closed), mode == NetworkMode::Private, "{command}");
    }
    let private = steps(&private(), &nothing())[1].command.clone();
    assert!(!private.contains("--bypass"), "of a versioned key: {private}");
}

#[test]
fn the_rules_of_a_customer_managed_key_are_its_own() {
    let (public, private) =
        (customer_managed(NetworkMode::Public), customer_managed(NetworkMode::Private));
    let closed = |change: fn(&mut VaultFacts)| {
        with_vault(|vault| {
            (vault.public_network_access, vault.firewall) = (false, true);
            change(vault);
        })
    };
    assert_eq!(rules(&public, &all()), []);
    assert_eq!(rules(&private, &closed(|_| ())), []);
    assert_eq!(rules(&private, &all()), [(RuleId::VaultNotPrivate, Level::Warn)]);
    let off = closed(|vault| vault.trusted_services = false);
    assert_eq!(rules(&private, &off), [(RuleId::TrustedServicesOff, Level::Block)]);
    let told = rules(&public, &closed(|_| ()));
    assert!(told.contains(&(RuleId::VaultFirewall, Level::Block)), "{told:?}");
    let mut disabled = key(KEY_1);
    disabled.enabled = false;
    let disabled = Seen { key: Some(Fact::Known(Lookup::Found(disabled))), ..all() };
    assert_eq!(rules(&public, &disabled), [(RuleId::NewestVersionUnusable, Level::Block)]);
    let Fact::Known(mut roles) = access().roles else { panic!("known") };
    for role in &mut roles {
        role.conditional = true;
    }
    let told = rules(&public, &with_roles(roles));
    assert!(told.contains(&(RuleId::VaultReadRoleMissing, Level::Warn)), "{told:?}");
}

/// Nothing is lost by what is made, so it is told and not refused.
#[test]
fn a_cluster_that_cannot_use_the_key_is_told() {
    let of = |change: &dyn Fn(&mut ClusterFacts), seen: Seen| {
        let mut cluster = cluster();
        change(&mut cluster);
        Seen { cluster: Some(cluster), ..seen }
    };
    let platform = |cluster: &mut ClusterFacts| cluster.infrastructure_encryption = true;
    let customer = |cluster: &mut ClusterFacts| {
        cluster.kms = Some(kms_on(KEY, NetworkMode::Public));
    };
    let early = |cluster: &mut ClusterFacts| {
        cluster.kubernetes_version = "1.32.9".parse().unwrap();
    };
    let irreversible = [(RuleId::NewerExperienceIrreversible, Level::Warn)];
    let too_early = [(RuleId::DataEncryptionVersion, Level::Warn)];
    let encrypted = customer_managed(NetworkMode::Public);
    assert_eq!(rules(&public(), &of(&platform, all())), irreversible);
    assert_eq!(rules(&public(), &of(&customer, all())), irreversible);
    assert_eq!(rules(&encrypted, &of(&platform, all())), []);
    assert_eq!(rules(&encrypted, &of(&customer, all())), []);
    assert_eq!(rules(&encrypted, &of(&early, all())), too_early);
    assert_eq!(rules(&public(), &of(&early, all())), []);
    // Of a cluster that is yet to be made nobody knows the version, and what is wrong with the vault is told, too.
    assert_eq!(rules(&encrypted, &nothing()), []);
    let closed = with_vault(|vault| vault.firewall = true);
    let told = rules(&public(), &of(&platform, closed));
    assert!(told.contains(&(RuleId::VaultFirewall, Level::Block)), "{told:?}");
    let remedies: Vec<String> =
        findings(&public(), &of(&platform, all())).into_iter().map(|it| it.remedy).collect();
    assert!(remedies[0].contains("customer-managed"), "{remedies:?}");
    let [finding] = &*findings(&encrypted, &of(&early, all())) else { panic!("one") };
    assert!(
        finding.remedy.contains("az aks upgrade --resource-group shop --name prod"),
        "{finding}"
    );
}

#[test]
fn an_existing_vault_says_how_access_goes() {
    let by_policies = with_vault(|vault| vault.rbac = false);
    assert_eq!(parts(&public(), &by_policies), [KeyPolicy]);
    let half = with_vault(|vault| {
        vault.rbac = false;
        let keys = vec!["Encrypt".to_owned()];
        vault.access_policies = vec![AccessPolicy { object_id: PRINCIPAL.to_owned(), keys }];
    });
    assert_eq!(parts(&public(), &half), [KeyPolicy], "decrypt is missing");
    let all = with_vault(|vault| {
        vault.rbac = false;
        let keys = vec!["all".to_owned()];
        vault.access_policies = vec![AccessPolicy { object_id: PRINCIPAL.to_owned(), keys }];
    });
    assert_eq!(parts(&public(), &all), []);
}

#[test]
fn a_role_that_grants_nothing_surely_is_given_again() {
    assert_eq!(parts(&public(), &with_roles(Vec::new())), [KeyRole]);
    assert_eq!(parts(&private(), &with_roles(Vec::new())), [KeyRole, PrivateLinkRole]);
    let Fact::Known(mut roles) = access().roles else { panic!("known") };
    for role in &mut roles {
        role.conditional = true;
    }
    assert_eq!(parts(&private(), &with_roles(roles)), [KeyRole, PrivateLinkRole]);
    let mut unread = access();
    unread.roles = Fact::Unknown("denied".to_owned());
    let unread = Seen { access: Some(unread), ..all() };
    assert_eq!(parts(&public(), &unread), [KeyRole]);
}

#[test]
fn purge_protection_is_turned_on_only_where_it_is_asked_for() {
    let without = with_vault(|vault| vault.purge_protection = false);
    let warned = [(RuleId::VaultPurgeProtectionOff, Level::Warn)];
    for asked in [None, Some(false), Some(true)] {
        let wanted = wanted(|options| options.purge_protection = asked);
        let made: &[ProvisionPart] = if asked == Some(true) { &[PurgeProtection] } else { &[] };
        assert_eq!(parts(&wanted, &without), made, "{asked:?}");
        assert_eq!(rules(&wanted, &without), warned);
        assert_eq!(parts(&wanted, &all()), []);
    }
}

#[test]
fn what_speaks_against_a_vault_or_a_key_is_told() {
    let block = |rule| vec![(rule, Level::Block)];
    let deleted =
        Seen { vault: Lookup::SoftDeleted, key: None, access: None, diagnostics: None, ..all() };
    assert_eq!(rules(&public(), &deleted), block(RuleId::VaultSoftDeleted));
    let taken = Seen { name_taken: Some("it is in use".to_owned()), ..nothing() };
    assert_eq!(rules(&public(), &taken), block(RuleId::VaultNameTaken));
    let foreign = with_vault(|vault| vault.tenant_id = PRINCIPAL.to_owned());
    assert_eq!(rules(&public(), &foreign), block(RuleId::VaultOtherTenant));
    let firewall = with_vault(|vault| vault.firewall = true);
    assert_eq!(rules(&public(), &firewall), block(RuleId::VaultFirewall));
    let mut disabled = key(KEY_1);
    disabled.enabled = false;
    let disabled = Seen { key: Some(Fact::Known(Lookup::Found(disabled))), ..all() };
    assert_eq!(rules(&public(), &disabled), block(RuleId::KeyDisabled));
    let deleted = Seen { key: Some(Fact::Known(Lookup::SoftDeleted)), ..all() };
    assert_eq!(rules(&public(), &deleted), block(RuleId::KeySoftDeleted));
    let off = Seen { diagnostics: Some(Fact::Known(false)), ..all() };
    assert_eq!(rules(&public(), &off), [(RuleId::VaultDiagnosticsOff, Level::Info)]);
}

#[test]
fn a_version_that_is_named_is_not_made() {
    let named = wanted(|options| {
        options.key_vault = None;
        options.key = Some(KEY_1.to_owned());
    });
    let missing = Seen { key: Some(Fact::Known(Lookup::NotFound)), ..all() };
    for seen in [missing.clone(), nothing()] {
        assert!(rules(&named, &seen).contains(&(RuleId::KeyNotFound, Level::Block)));
    }
    assert_eq!(parts(&public(), &missing), [Key]);
    assert_eq!(rules(&public(), &missing), []);
}

#[test]
fn a_version_that_is_named_and_cannot_be_read_is_not_taken_for_another() {
    let named = wanted(|options| {
        options.key_vault = None;
        options.key = Some(KEY_1.to_owned());
    });
    let unread = Seen { key: Some(Fact::Unknown("denied".to_owned())), ..all() };
    assert_eq!(parts(&named, &unread), []);
    assert_eq!(rules(&named, &unread)[0], (RuleId::KeyNotFound, Level::Block));
}

#[test]
fn an_identity_of_the_clusters_that_was_deleted_is_told_before() {
    let told = [(RuleId::ClusterIdentityMissing, Level::Warn)];
    let gone = Seen { identity: None, access: None, ..all() };
    assert_eq!(rules(&public(), &gone), told);
    let mut replaced = all();
    replaced.identity.as_mut().unwrap().principal_id = TENANT.to_owned();
    assert_eq!(rules(&public(), &replaced), told);
}

#[test]
fn what_cannot_be_told_of_the_access_is_said() {
    let Fact::Known(mut roles) = access().roles else { panic!("known") };
    for role in &mut roles {
        role.conditional = true;
    }
    let seen = with_roles(roles);
    assert_eq!(rules(&public(), &seen), [(RuleId::AccessRoleMissing, Level::Warn)]);
}

#[test]
fn a_key_in_a_closed_vault_is_pointed_out_before() {
    let warned = [(RuleId::KeyInClosedVault, Level::Warn)];
    assert_eq!(rules(&private(), &nothing()), warned);
    assert_eq!(rules(&public(), &nothing()), []);
    let closed = Seen {
        key: Some(Fact::Known(Lookup::NotFound)),
        ..with_vault(|vault| vault.public_network_access = false)
    };
    assert_eq!(rules(&private(), &closed), warned);
    let command = steps(&private(), &closed)[0].command.clone();
    assert!(command.starts_with("az rest --method put"), "{command}");
    let with_key = with_vault(|vault| vault.public_network_access = false);
    assert_eq!(rules(&private(), &with_key), []);
}

#[test]
fn the_cluster_must_run_as_the_identity_that_has_the_access() {
    let other = Seen {
        identity_id: IdentityId::parse(&format!("{}-2", all().identity_id)).unwrap(),
        ..all()
    };
    assert_eq!(rules(&public(), &other), [(RuleId::IdentityNotOfCluster, Level::Warn)]);
    let mut seen = all();
    let of_system = seen.cluster.as_mut().unwrap();
    of_system.identity_kind = IdentityKind::SystemAssigned;
    of_system.identities.clear();
    let scope = "/subscriptions/s/resourceGroups/network".to_owned();
    seen.held_roles =
        Some(Fact::Known(vec![HeldRole { role: "Network Contributor".to_owned(), scope }]));
    let told = findings(&public(), &seen);
    assert_eq!((told.len(), told[0].rule), (1, RuleId::ClusterIdentitySystemAssigned));
    assert_eq!(told[0].level, Level::Warn);
    let held = "Network Contributor at /subscriptions/s/resourceGroups/network";
    assert!(told[0].remedy.contains(held), "{}", told[0].remedy);
}
