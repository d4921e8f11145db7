//! From nothing to vault, key, identity and access, and from there to a cluster with KMS on.

use std::time::Duration;

use aks_kms::{
    CustomerManagedKey, EnableOptions, Error, ErrorKind, Experience, Level, NetworkMode,
    ProvisionOptions, ProvisionPart, Provisioned, RuleId, SetDataEncryptionOptions, Timing,
    VaultAuthorization,
};
use aks_kms_simulator::{Given, backend::GroundTruth};
use serde_json::{Value, json};

use crate::common::{self, world::World};

/// A role takes three minutes to reach a vault, and an identity half of one to be known.
const SLOW: &str = r#"{"role_propagation_seconds": 180, "principal_propagation_seconds": 30}"#;

fn slow() -> Value {
    serde_json::from_str(SLOW).unwrap()
}

pub(super) async fn world(given: Value) -> World {
    World::embedded("two-providers", given).await
}

fn parts(provisioned: &Provisioned) -> Vec<ProvisionPart> {
    provisioned.created.iter().map(|step| step.part).collect()
}

impl World {
    /// Without the time that a role takes to reach a vault.
    pub(super) async fn provision(&self, options: ProvisionOptions) -> Result<Provisioned, Error> {
        let timing = Timing { role_propagation: Duration::ZERO, ..self.timing() };
        self.builder_timing(timing).provision(options).await
    }

    /// How many identities, vaults, key versions and role assignments were made, as requests tell.
    pub(super) fn made(&self) -> Vec<String> {
        let writes = serde_json::to_value(self.simulator.writes(&self.case.id).unwrap()).unwrap();
        let writes = writes.as_array().unwrap().iter();
        writes.map(|write| write["path"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

/// `secrets` are all under the key that was made.
fn assert_all_under(truth: &GroundTruth, provisioned: &Provisioned) {
    assert_eq!((truth.unreadable, truth.plaintext), (0, 0), "{truth:?}");
    let version = provisioned.key_id.version().unwrap();
    let under: usize = truth.by_key.iter().filter(|(key, _)| key.contains(version)).count();
    assert!(truth.total > 0 && truth.by_key.len() == 1 && under == 1, "{truth:?}");
}

/// A dry run of what a private vault with names of its own needs.
fn planned_private() -> ProvisionOptions {
    ProvisionOptions {
        dry_run: true,
        key_vault: Some("shop-keys".to_owned()),
        identity: Some("shop".to_owned()),
        network_mode: NetworkMode::Private,
        ..ProvisionOptions::default()
    }
}

/// The planned steps with their commands, the same in every run.
fn commands(planned: &Provisioned) -> String {
    let group = planned.key_vault_id.resource_group();
    let subscription = planned.key_vault_id.subscription_id();
    let lines: Vec<String> =
        planned.plan.iter().map(|step| format!("{step}\n    {}", step.command)).collect();
    lines.join("\n").replace(subscription, "SUBSCRIPTION").replace(group, "GROUP")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_made_can_be_used_at_once_and_is_made_once() {
    for authorization in [VaultAuthorization::Rbac, VaultAuthorization::AccessPolicy] {
        for network_mode in [NetworkMode::Public, NetworkMode::Private] {
            let what = format!("{authorization}, {network_mode}");
            let private = network_mode == NetworkMode::Private;
            let cluster = json!({"vnet_integration": private});
            let world = world(json!({"cluster": cluster, "faults": slow()})).await;
            let options =
                ProvisionOptions { authorization, network_mode, ..ProvisionOptions::default() };
            let made = world.manager().provision(options.clone()).await.unwrap();
            let access = match authorization {
                VaultAuthorization::Rbac => ProvisionPart::KeyRole,
                VaultAuthorization::AccessPolicy => ProvisionPart::KeyPolicy,
            };
            let mut expected = vec![ProvisionPart::KeyVault, ProvisionPart::Key, access];
            expected.extend(private.then_some(ProvisionPart::PrivateLinkRole));
            assert_eq!(parts(&made), expected, "{what}");
            assert_eq!(made.plan, made.created, "{what}");
            assert_eq!(made.identity_id.to_string(), world.case.identity_id, "{what}");
            assert_eq!(made.identity_principal_id.as_ref(), Some(&world.case.principal_id));
            let findings: Vec<RuleId> = made.findings.iter().map(|it| it.rule).collect();
            assert_eq!(findings, [RuleId::VaultDiagnosticsOff], "{what}");

            let writes = world.made().len();
            let again = world.manager().provision(options.clone()).await.unwrap();
            assert_eq!((&again.created, &again.plan), (&vec![], &vec![]), "{what}");
            assert_eq!(again.key_id, made.key_id, "{what}: no new version");
            assert_eq!(world.made().len(), writes, "{what}: a second call writes nothing");

            let enable = EnableOptions {
                network_mode,
                key_vault_id: Some(made.key_vault_id.to_string()),
                ..EnableOptions::default()
            };
            let puts = |world: &World| {
                world.made().iter().filter(|path| path.contains("/managedClusters/")).count()
            };
            world.manager().enable(&made.key_id, enable).await.unwrap();
            assert_eq!(puts(&world), 1, "{what}: KMS is on the first time");
            assert_all_under(&world.truth().await, &made);
        }
    }
}

/// What is made for a customer-managed key is used at once by `set_data_encryption`, in both modes.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_made_for_a_customer_managed_key_can_be_used_at_once() {
    for authorization in [VaultAuthorization::Rbac, VaultAuthorization::AccessPolicy] {
        for network_mode in [NetworkMode::Public, NetworkMode::Private] {
            let what = format!("{authorization}, {network_mode}");
            let world = world(json!({"faults": slow()})).await;
            let options = ProvisionOptions {
                authorization,
                network_mode,
                experience: Experience::CustomerManaged,
                ..ProvisionOptions::default()
            };
            let made = world.manager().provision(options.clone()).await.unwrap();
            let access = match authorization {
                VaultAuthorization::Rbac => ProvisionPart::KeyRole,
                VaultAuthorization::AccessPolicy => ProvisionPart::KeyPolicy,
            };
            let expected =
                [ProvisionPart::KeyVault, ProvisionPart::Key, access, ProvisionPart::VaultReadRole];
            assert_eq!(parts(&made), expected, "{what}");
            assert_eq!(made.key_id.version(), None, "{what}");
            let findings: Vec<RuleId> = made.findings.iter().map(|it| it.rule).collect();
            assert_eq!(findings, [RuleId::VaultDiagnosticsOff], "{what}");
            let writes = world.made().len();
            let again = world.manager().provision(options).await.unwrap();
            assert_eq!((&again.created, &again.key_id), (&vec![], &made.key_id), "{what}");
            assert_eq!(world.made().len(), writes, "{what}: a second call writes nothing");

            let key = CustomerManagedKey {
                key_id: made.key_id.to_string(),
                key_vault_id: made.key_vault_id.to_string(),
                network_mode,
            };
            let allow = vec![RuleId::DataEncryptionIrreversible];
            let set = SetDataEncryptionOptions { allow, ..SetDataEncryptionOptions::default() };
            let report = world.manager().set_data_encryption(key, set).await.unwrap();
            assert!(report.is_proven(), "{what}: {report:#?}");
            let rules: Vec<RuleId> = report.findings.iter().map(|it| it.rule).collect();
            for told in [RuleId::VaultReadRoleMissing, RuleId::VaultNotPrivate] {
                assert!(!rules.contains(&told), "{what}: {rules:?}");
            }
            let puts = world.made().iter().filter(|it| it.contains("/managedClusters/")).count();
            assert_eq!(puts, 1, "{what}: it is on the first time");
            let truth = world.truth().await;
            assert_eq!((truth.unreadable, truth.plaintext), (0, 0), "{what}: {truth:?}");
        }
    }
}

/// A vault of before gets the role that is missing, and keeps the rest.
#[tokio::test(flavor = "multi_thread")]
async fn a_vault_of_a_versioned_key_gets_the_role_that_a_customer_managed_one_needs() {
    let world = world(json!({"access": {"private_link_role": false}})).await;
    let key = world.versionless();
    let options = ProvisionOptions {
        key_vault: Some(world.case.key_vault_id.clone()),
        key: Some(key.clone()),
        experience: Experience::CustomerManaged,
        ..ProvisionOptions::default()
    };
    let made = world.provision(options.clone()).await.unwrap();
    assert_eq!(parts(&made), [ProvisionPart::VaultReadRole]);
    assert_eq!(made.key_id.as_str(), key);
    let again = world.provision(options).await.unwrap();
    assert_eq!(again.created, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_for_a_customer_managed_key_names_the_commands_of_its_parts() {
    let world = world(json!({})).await;
    let options = ProvisionOptions { experience: Experience::CustomerManaged, ..planned_private() };
    let planned = world.provision(options).await.unwrap();
    assert!(world.made().is_empty());
    assert_eq!((planned.key_id.version(), planned.created.len()), (None, 0));
    insta::assert_snapshot!(commands(&planned));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_says_what_would_be_made_with_the_commands_that_do_the_same() {
    let world = world(json!({})).await;
    let options = ProvisionOptions { key_size: 3072, ..planned_private() };
    let planned = world.provision(options).await.unwrap();
    assert!(world.made().is_empty());
    assert_eq!((planned.dry_run, planned.created.len()), (true, 0));
    assert_eq!((&planned.identity_principal_id, planned.key_id.version()), (&None, None));
    let rules: Vec<(RuleId, Level)> =
        planned.findings.iter().map(|finding| (finding.rule, finding.level)).collect();
    let expected =
        [(RuleId::IdentityNotOfCluster, Level::Warn), (RuleId::KeyInClosedVault, Level::Warn)];
    assert_eq!(rules, expected);
    insta::assert_snapshot!(commands(&planned));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_is_not_weakened_and_not_written_over() {
    let given = json!({"vault": {"purge_protection": false, "authorization": "access-policy"}, "access": {"policy": ["get"]}});
    let world = world(given).await;
    let vault = world.case.key_vault_id.clone();
    let key = world.case.key_ids.last().unwrap().clone();
    let name = key.split('/').nth(4).unwrap().to_owned();
    let options = ProvisionOptions {
        key_vault: Some(vault),
        key: Some(name),
        authorization: VaultAuthorization::Rbac,
        ..ProvisionOptions::default()
    };
    let made = world.provision(options.clone()).await.unwrap();
    assert_eq!(parts(&made), [ProvisionPart::KeyPolicy], "the vault goes by policies");
    assert_eq!(made.key_id.as_str(), key, "the newest version of the key that is there");
    let rules: Vec<RuleId> = made.findings.iter().map(|finding| finding.rule).collect();
    assert_eq!(rules, [RuleId::VaultPurgeProtectionOff]);

    let asked = ProvisionOptions { purge_protection: Some(true), ..options };
    let made = world.provision(asked).await.unwrap();
    assert_eq!(parts(&made), [ProvisionPart::PurgeProtection]);
    assert_eq!(made.findings, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_others_have_are_refused_before_the_first_write() {
    let simulator = common::simulator().await;
    let other = simulator.put_case(Given::default()).await.unwrap();
    let world = World::with(simulator, json!({}), json!({}), common::SCALE).await;
    let taken = other.key_vault_id.rsplit('/').next().unwrap().to_owned();
    let options =
        ProvisionOptions { key_vault: Some(taken.clone()), ..ProvisionOptions::default() };
    let error = world.provision(options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PreflightFailed, "{error}");
    assert_eq!(error.findings()[0].rule, RuleId::VaultNameTaken);
    assert!(error.to_string().contains(&taken), "{error}");
    assert!(world.made().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_vault_is_recovered_by_its_owner_and_not_by_accident() {
    let world = world(json!({"vault": {"soft_deleted": true}})).await;
    let key_vault = Some(world.case.key_vault_id.clone());
    let options = ProvisionOptions { key_vault, ..ProvisionOptions::default() };
    let error = world.provision(options).await.unwrap_err();
    let rules: Vec<RuleId> = error.findings().iter().map(|finding| finding.rule).collect();
    assert_eq!(rules, [RuleId::VaultSoftDeleted], "{error}");
    assert!(error.to_string().contains("az keyvault recover --name"), "{error}");
    assert!(world.made().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_azure_refuses_is_told_with_what_was_made_before() {
    let cases = [
        ("Microsoft.Authorization/roleAssignments/write", json!({}), "forbidden", 2),
        (
            "",
            json!({"path": "/vaults/", "status": 403, "code": "RequestDisallowedByPolicy"}),
            "forbidden",
            0,
        ),
        (
            "",
            json!({"path": "/vaults/", "status": 409, "code": "QuotaExceeded"}),
            "operation_failed",
            0,
        ),
        ("Microsoft.KeyVault/vaults/keys/write", json!({}), "forbidden", 1),
        ("Microsoft.KeyVault/vaults/write", json!({}), "forbidden", 0),
    ];
    for (lacks, fault, code, made) in cases {
        let lacking: Vec<&str> = Some(lacks).filter(|it| !it.is_empty()).into_iter().collect();
        let world = world(json!({"access": {"caller_lacks": lacking}})).await;
        if let Value::Object(mut fault) = fault
            && !fault.is_empty()
        {
            fault.insert("method".to_owned(), json!("PUT"));
            world.faults(json!({"azure": [fault]})).await;
        }
        let error = world.provision(ProvisionOptions::default()).await.unwrap_err();
        let text = error.to_string();
        assert_eq!(error.code(), code, "{text}");
        assert!(text.contains(lacks), "{text}");
        assert_eq!(text.contains("made so far: "), made > 0, "{text}");
        for part in &["key-vault (", "key (https"][..made] {
            assert!(text.contains(part), "{text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_with_a_system_assigned_identity_is_told_every_step_to_another_one() {
    let world = world(json!({"cluster": {"identity": "system-assigned"}})).await;
    let made = world.provision(ProvisionOptions::default()).await.unwrap();
    assert_eq!(parts(&made)[0], ProvisionPart::Identity);
    let rule = RuleId::ClusterIdentitySystemAssigned;
    let finding = made.findings.iter().find(|finding| finding.rule == rule).unwrap();
    assert_eq!(finding.level, Level::Warn, "it is how it begins");

    let error = world.manager().enable(&made.key_id, EnableOptions::default()).await.unwrap_err();
    let refused = error.findings().iter().find(|finding| finding.rule == rule).unwrap();
    assert_eq!((refused.level, &refused.remedy), (Level::Block, &finding.remedy));
    for step in
        ["az identity create", "holds", "az role assignment create", "az aks update", "for hours"]
    {
        assert!(refused.remedy.contains(step), "{step}: {}", refused.remedy);
    }
}
