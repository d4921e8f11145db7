//! A cluster that is made with KMS data encryption from the start.

use std::time::Duration;

use aks_kms::{
    CreateClusterOptions, CustomerManagedKey, Error, ErrorKind, Experience, KeySource, KmsChange,
    Level, NetworkMode, OperationReport, ProvisionOptions, ResumeOptions, RotateOptions, RuleId,
    StatusOptions, StepKind, StepOutcome, Timing,
};
use aks_kms_simulator::backend::GroundTruth;
use serde_json::{Value, json};

use crate::{
    common::{self, new_cluster, world::is_all_proven},
    place::Place,
};

impl Place {
    fn encrypted_options(&self) -> CreateClusterOptions {
        CreateClusterOptions {
            identity_id: Some(self.world.case.identity_id.clone()),
            allow: vec![RuleId::DataEncryptionIrreversible],
            ..CreateClusterOptions::default()
        }
    }

    fn customer(&self, network_mode: NetworkMode) -> KeySource {
        KeySource::from(CustomerManagedKey {
            key_id: self.world.versionless(),
            key_vault_id: self.world.case.key_vault_id.clone(),
            network_mode,
        })
    }

    async fn create_encrypted(&self, key: KeySource) -> Result<OperationReport, Error> {
        self.manager().create_cluster(new_cluster(false), key, self.encrypted_options()).await
    }

    async fn truth(&self) -> GroundTruth {
        let truth = self.world.simulator.secrets_of(&self.world.case.id, self.id.name()).await;
        let truth = truth.unwrap();
        assert_eq!((truth.unreadable, truth.plaintext), (0, 0), "{truth:?}");
        assert!(truth.total > 0 && truth.by_key.len() == 1, "{truth:?}");
        truth
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_made_with_either_kind_of_key_and_proven() {
    for mode in [None, Some(NetworkMode::Public), Some(NetworkMode::Private)] {
        let closed = mode == Some(NetworkMode::Private);
        let vault = json!({"public_access": !closed, "firewall": closed});
        let place = Place::new(json!({"vault": vault})).await;
        let key = mode.map_or(KeySource::PlatformManaged, |mode| place.customer(mode));
        let report = place.create_encrypted(key.clone()).await.unwrap();
        assert!(is_all_proven(&report), "{mode:?}: {report:#?}");
        let expected = match mode {
            None => Experience::PlatformManaged,
            Some(_) => Experience::CustomerManaged,
        };
        assert_eq!((report.before.experience, report.after.experience), (None, Some(expected)));
        assert_eq!(report.after.network_mode, mode);
        let StepKind::CreateCluster { target } = &report.plan[0].kind else {
            panic!("{}", report.plan)
        };
        assert_eq!(*target == KmsChange::PlatformManaged, mode.is_none(), "{target:?}");
        let newest = place.world.case.key_ids.last().unwrap().rsplit('/').next().unwrap();
        let truth = place.truth().await;
        let is_newest = truth.by_key.keys().all(|key| key.contains(newest));
        assert_eq!(is_newest, mode.is_some(), "{mode:?}: {truth:?}");
        assert_eq!(place.puts().len(), 1, "{mode:?}: it is on from the start");

        // The same call proves it again; what is on for good need not be allowed again.
        let options = CreateClusterOptions { allow: Vec::new(), ..place.encrypted_options() };
        let again = place.manager().create_cluster(new_cluster(false), key, options).await.unwrap();
        assert!(is_all_proven(&again), "{mode:?}: {again:#?}");
        assert_eq!(again.steps[0].outcome, StepOutcome::AlreadyDone);
        let told = again.findings.iter().find(|it| it.rule == RuleId::ClusterExists).unwrap();
        assert_eq!(told.level, Level::Info);
        assert_eq!(place.puts().len(), 1, "{mode:?}");
    }
}

/// In a cluster that nobody watched from its creation on, the key can have been changed and changed back.
#[tokio::test(flavor = "multi_thread")]
async fn a_platforms_key_of_a_cluster_that_was_not_watched_is_not_proven() {
    let place = Place::new(json!({})).await;
    let timing = Timing { others_need: Duration::ZERO, ..place.world.timing() };
    let builder = common::builder_of(&place.world.case, place.id.clone()).timing(timing);
    let manager = builder.build().unwrap();
    let created = manager.create_cluster(
        new_cluster(false),
        KeySource::PlatformManaged,
        place.encrypted_options(),
    );
    let report = created.await.unwrap();
    assert!(!report.is_proven(), "{report:#?}");
    assert!(report.findings.iter().any(|it| it.rule == RuleId::KeyInUseUnproven), "{report:#?}");
}

/// No secret of a new cluster was ever under it.
#[tokio::test(flavor = "multi_thread")]
async fn an_older_version_that_is_disabled_keeps_no_new_cluster_from_its_proof() {
    let place = Place::new(json!({})).await;
    let disabled = json!({"attributes": {"enabled": false}});
    place.world.simulator.patch_key(&place.world.case.id, place.world.key(1), &disabled).unwrap();
    let report = place.create_encrypted(place.customer(NetworkMode::Public)).await.unwrap();
    assert!(is_all_proven(&report), "{report:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn from_nothing_to_a_customer_managed_key_that_is_rotated() {
    let place = Place::new(json!({"faults": {"role_propagation_seconds": 180}})).await;
    let manager = place.manager();
    let options = ProvisionOptions {
        experience: Experience::CustomerManaged,
        network_mode: NetworkMode::Private,
        ..ProvisionOptions::default()
    };
    let made = manager.provision(options).await.unwrap();
    let key = CustomerManagedKey {
        key_id: made.key_id.to_string(),
        key_vault_id: made.key_vault_id.to_string(),
        network_mode: NetworkMode::Private,
    };
    let options = CreateClusterOptions {
        identity_id: Some(made.identity_id.to_string()),
        ..place.encrypted_options()
    };
    let report = manager.create_cluster(new_cluster(false), key, options).await.unwrap();
    assert!(is_all_proven(&report), "{report:#?}");
    assert_eq!(place.puts().len(), 1, "it succeeds the first time");
    place.truth().await;
    let ledger = report.ledger.unwrap();
    let current = ledger.current.unwrap();
    let in_use = current.key_id.unwrap();
    let version = in_use.as_str().strip_prefix(made.key_id.as_str());
    assert!(version.is_some_and(|version| version.len() > 1), "the version in use is recorded");
    // From here on it is like any cluster with such a key: nothing is left unfinished.
    let resumed = manager.resume(ResumeOptions::default()).await.unwrap();
    assert!(resumed.steps.is_empty(), "{resumed:#?}");
    let options = RotateOptions { dry_run: true, ..RotateOptions::default() };
    let rotation = manager.rotate(None, options).await.unwrap();
    let plan = rotation.plan.to_string();
    assert!(plan.contains("Make a new version of key"), "{plan}");
    assert_eq!(place.puts().len(), 1);
}

/// A role that somebody else gave a moment ago: the creation fails, and is set again.
#[tokio::test(flavor = "multi_thread")]
async fn an_identity_that_may_not_use_the_key_yet_is_waited_for() {
    let failed = json!({"status": "Failed", "code": "AzureKeyVaultKmsValidateIdentityPermissionCustomerError"});
    let place = Place::new(json!({"faults": {"operations": [failed]}})).await;
    let report = place.create_encrypted(place.customer(NetworkMode::Public)).await.unwrap();
    assert!(is_all_proven(&report), "{report:#?}");
    let puts = place.puts();
    assert_eq!(puts.len(), 2);
    assert!(puts[1]["if_match"].is_string(), "only what this call made is set again");
    let security = |put: &Value| put["body"]["properties"]["securityProfile"].clone();
    assert_eq!(security(&puts[0]), security(&puts[1]), "both signs are sent again");
    place.truth().await;
}

/// A cluster that exists keeps what it has, whichever key is asked for.
#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_exists_is_not_moved() {
    let place = Place::new(json!({})).await;
    place.create_encrypted(KeySource::PlatformManaged).await.unwrap();
    let error = place.create_encrypted(place.customer(NetworkMode::Public)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PreflightFailed, "{error}");
    assert_eq!(error.findings()[0].rule, RuleId::ClusterExists);
    assert!(error.to_string().contains("with a platform-managed key"), "{error}");
    let (manager, key) = (place.manager(), place.world.key(1));
    let error = manager
        .create_cluster(new_cluster(false), key, place.encrypted_options())
        .await
        .unwrap_err();
    assert_eq!(error.findings()[0].rule, RuleId::ClusterExists, "{error}");
    assert_eq!(place.puts().len(), 1);
    let status = manager.status(StatusOptions::default()).await.unwrap();
    assert_eq!(status.experience, Some(Experience::PlatformManaged));
}

/// Whose creation failed is told which verb sets it to rights.
#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_failed_is_told_with_the_verb_that_is_meant() {
    // Which key of the platform's the API servers write with cannot be said, so no gate would pass.
    for (mode, way_out) in [
        (None, "let an update of it succeed, `az aks update --resource-group"),
        (Some(NetworkMode::Public), "call set_data_encryption"),
    ] {
        let failed = json!({"status": "Failed", "code": "QuotaExceeded"});
        let place = Place::new(json!({"faults": {"operations": [failed]}})).await;
        let key = || mode.map_or(KeySource::PlatformManaged, |mode| place.customer(mode));
        let error = place.create_encrypted(key()).await.unwrap_err();
        assert_eq!(error.service_code(), Some("QuotaExceeded"), "{error}");
        let error = place.create_encrypted(key()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
        let message = error.to_string();
        for told in [way_out, "az aks delete --ids"] {
            assert!(message.contains(told), "{message}");
        }
        assert_eq!(place.puts().len(), 1, "a cluster that exists is not changed");
    }
}

/// Where AKS gives every new cluster a platform-managed key, a key with a version is still what is asked for.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_with_a_version_is_set_where_data_encryption_is_the_default() {
    let place = Place::new(json!({"data_encryption": {"by_default": true}})).await;
    let (manager, key) = (place.manager(), place.world.key(1));
    let options = CreateClusterOptions { allow: Vec::new(), ..place.encrypted_options() };
    let report = manager.create_cluster(new_cluster(false), key, options).await.unwrap();
    assert!(is_all_proven(&report), "{report:#?}");
    assert_eq!(report.after.experience, Some(Experience::KeyVault));
}
