//! A cluster that is made with KMS on from the start.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use aks_kms::{
    CreateClusterOptions, EnableOptions, Error, ErrorKind, Level, NetworkMode, OperationReport,
    ProvisionOptions, Reencrypt, RuleId, StatusOptions, StepKind, StepOutcome,
};
use serde_json::{Value, json};

use crate::{
    common::{self, new_cluster, world::is_all_proven},
    place::Place,
};

impl Place {
    fn options(&self, network_mode: NetworkMode) -> CreateClusterOptions {
        CreateClusterOptions {
            network_mode: Some(network_mode),
            identity_id: Some(self.world.case.identity_id.clone()),
            key_vault_id: Some(self.world.case.key_vault_id.clone()),
            ..CreateClusterOptions::default()
        }
    }

    async fn create(&self) -> Result<OperationReport, Error> {
        let options = self.options(NetworkMode::Public);
        self.manager().create_cluster(new_cluster(false), self.world.key(1), options).await
    }

    async fn assert_all_under(&self, key: &str) {
        let truth = self.world.simulator.secrets_of(&self.world.case.id, self.id.name()).await;
        let truth = truth.unwrap();
        let version = key.rsplit('/').next().unwrap();
        assert_eq!((truth.unreadable, truth.plaintext), (0, 0), "{truth:?}");
        assert!(truth.total > 0, "a new cluster has secrets, too");
        assert_eq!(truth.by_key.len(), 1, "{truth:?}");
        assert!(truth.by_key.keys().all(|key| key.contains(version)), "{truth:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_made_with_kms_on_and_proven() {
    for network_mode in [NetworkMode::Public, NetworkMode::Private] {
        let place = Place::new(json!({})).await;
        let private = network_mode == NetworkMode::Private;
        let (manager, options) = (place.manager(), place.options(network_mode));
        let key = place.world.key(1);
        let report =
            manager.create_cluster(new_cluster(private), key, options.clone()).await.unwrap();
        assert!(is_all_proven(&report), "{report:#?}");
        assert_eq!(report.operation.as_str(), "create_cluster");
        assert_eq!(report.before.provisioning_state, "NotCreated");
        assert_eq!(report.after.key_id.as_ref().map(AsRef::as_ref), Some(key));
        assert!(matches!(report.plan[0].kind, StepKind::CreateCluster { .. }), "{}", report.plan);
        assert_eq!(report.steps[0].outcome, StepOutcome::Done);
        place.assert_all_under(key).await;
        let puts = place.puts();
        assert_eq!(puts.len(), 1, "KMS is on from the start: {puts:?}");
        let sent = &puts[0]["body"];
        assert_eq!(
            sent["properties"]["agentPoolProfiles"],
            new_cluster(private)["properties"]["agentPoolProfiles"]
        );
        assert_eq!(
            (&sent["tags"], &sent["location"]),
            (&new_cluster(private)["tags"], &json!("eastus"))
        );

        let again = manager.create_cluster(new_cluster(private), key, options).await.unwrap();
        assert!(is_all_proven(&again), "{again:#?}");
        assert_eq!(again.steps[0].outcome, StepOutcome::AlreadyDone);
        let told = again.findings.iter().find(|it| it.rule == RuleId::ClusterExists).unwrap();
        assert_eq!(told.level, Level::Info);
        assert_eq!(place.puts().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn from_nothing_to_a_cluster_with_kms_while_roles_are_slow() {
    let place = Place::new(json!({"faults": {"role_propagation_seconds": 180}})).await;
    let manager = place.manager();
    let made = manager.provision(ProvisionOptions::default()).await.unwrap();
    assert_eq!(made.identity_id.name(), "brand-new-identity");
    let options = CreateClusterOptions {
        identity_id: Some(made.identity_id.to_string()),
        ..CreateClusterOptions::default()
    };
    let report = manager.create_cluster(new_cluster(false), &made.key_id, options).await.unwrap();
    assert!(is_all_proven(&report));
    assert_eq!(place.puts().len(), 1, "it succeeds the first time");
    place.assert_all_under(made.key_id.as_str()).await;
}

/// A role that somebody else gave a moment ago: the creation fails, and is set again.
#[tokio::test(flavor = "multi_thread")]
async fn an_identity_that_may_not_use_the_key_yet_is_waited_for() {
    let failed = json!({"status": "Failed", "code": "AzureKeyVaultKmsValidateIdentityPermissionCustomerError"});
    let place = Place::new(json!({"faults": {"operations": [failed]}})).await;
    let report = place.create().await.unwrap();
    assert!(is_all_proven(&report), "{report:#?}");
    let puts = place.puts();
    assert_eq!(puts.len(), 2);
    assert!(puts[1]["if_match"].is_string(), "only what this call made is set again");
    place.assert_all_under(place.world.key(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_makes_nothing_and_says_what_is_wrong() {
    let place = Place::new(json!({"access": {"role": null}})).await;
    let options = CreateClusterOptions { dry_run: true, ..place.options(NetworkMode::Public) };
    let key = place.world.key(1);
    let report = place.manager().create_cluster(new_cluster(false), key, options).await.unwrap();
    assert!(report.is_refused(), "{report:#?}");
    let refused: Vec<RuleId> = report
        .findings
        .iter()
        .filter(|finding| finding.level == Level::Block)
        .map(|finding| finding.rule)
        .collect();
    assert_eq!(refused, [RuleId::AccessRoleMissing]);
    let plan = report.plan.to_string();
    assert!(plan.starts_with("1. Create the cluster with KMS key https://"), "{plan}");
    assert!(plan.contains("Rewrite every secret under"), "{plan}");
    assert_eq!(place.puts(), Vec::<Value>::new());
    let error = place.create().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PreflightFailed, "{error}");
    assert_eq!(place.puts(), Vec::<Value>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rule_about_a_new_cluster_is_judged_before_the_request() {
    let place = Place::new(json!({})).await;
    let cases = [
        (json!({"identity": {"type": "SystemAssigned"}}), RuleId::ClusterIdentitySystemAssigned),
        (json!({"properties": {"kubernetesVersion": "1.26"}}), RuleId::KmsV1OnEnable),
        (json!({"private": true}), RuleId::PrivateVaultNeedsVnetIntegration),
        (json!({"missing": true}), RuleId::ClusterIdentityMissing),
    ];
    for (change, rule) in cases {
        let mut body = new_cluster(false);
        let mut options =
            CreateClusterOptions { dry_run: true, ..place.options(NetworkMode::Public) };
        if change["private"] == true {
            options.network_mode = Some(NetworkMode::Private);
        } else if change["missing"] == true {
            options.identity_id = Some(format!("{}-gone", place.world.case.identity_id));
        } else if change["identity"].is_object() {
            options.identity_id = None;
            body["identity"] = change["identity"].clone();
        } else {
            body["properties"]["kubernetesVersion"] =
                change["properties"]["kubernetesVersion"].clone();
        }
        let key = place.world.key(1);
        let report = place.manager().create_cluster(body, key, options).await.unwrap();
        let finding = report.findings.iter().find(|finding| finding.rule == rule).unwrap();
        let is_of_the_call = ["identity_id", "body"].iter().any(|it| finding.remedy.contains(it));
        assert!(is_of_the_call && !finding.remedy.contains("az aks"), "{finding}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_exists_is_never_changed() {
    let place = Place::new(json!({})).await;
    let manager = place.world.manager();
    let before = place.world.simulator.cluster(&place.world.case.id).unwrap();
    let (key, options) = (place.world.key(1), place.options(NetworkMode::Public));
    let create = async || manager.create_cluster(new_cluster(false), key, options.clone()).await;
    let error = create().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PreflightFailed, "{error}");
    assert_eq!(error.findings()[0].rule, RuleId::ClusterExists);
    assert!(error.to_string().contains("KMS off"), "{error}");
    assert_eq!(place.world.simulator.cluster(&place.world.case.id).unwrap(), before);

    manager.enable(place.world.key(2), EnableOptions::default()).await.unwrap();
    let error = create().await.unwrap_err();
    assert!(error.to_string().contains(place.world.key(2)), "{error}");
    assert_eq!(place.world.configured().as_deref(), Some(place.world.key(2)));
}

/// Whoever makes a cluster of that name between the look and the request is not written over.
#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_somebody_else_makes_meanwhile_is_not_written_over() {
    let place = Place::new(json!({})).await;
    let az = place.world.az().await;
    let on_progress = common::once_when(
        |now| now.message.starts_with("Create the cluster"),
        move || {
            common::block_on(az.create_another("brand-new", json!({"enabled": false})));
        },
    );
    let run = common::watched(on_progress);
    let options =
        CreateClusterOptions { on_progress: run.on_progress, ..place.options(NetworkMode::Public) };
    let key = place.world.key(1);
    let error = place.manager().create_cluster(new_cluster(false), key, options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert!(error.to_string().contains("somebody else made or changed"), "{error}");
    assert_eq!(place.puts().len(), 2, "the other's, and ours, which Azure refused");
    let status = place.manager().status(StatusOptions::default()).await.unwrap();
    assert!(!status.enabled, "it is as the other made it: {status:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_call_is_gone_on_with_by_the_same_call() {
    let mut dropped = 0;
    for after in 0.. {
        let place = Place::new(json!({"faults": {"operation_seconds": 20}})).await;
        let (seen, limit) = (Arc::new(AtomicUsize::new(0)), after);
        let reached = Arc::new(tokio::sync::Notify::new());
        let (counts, notify) = (Arc::clone(&seen), Arc::clone(&reached));
        let run = common::watched(Arc::new(move |_| {
            if counts.fetch_add(1, Ordering::Relaxed) == limit {
                notify.notify_one();
            }
        }));
        let options = CreateClusterOptions {
            on_progress: run.on_progress,
            ..place.options(NetworkMode::Public)
        };
        let (manager, key) = (place.manager(), place.world.key(1));
        let call = manager.create_cluster(new_cluster(false), key, options);
        tokio::select! {
            biased;
            () = reached.notified() => dropped += 1,
            outcome = call => {
                outcome.unwrap();
                break;
            }
        }
        let report = place.create().await.unwrap_or_else(|error| panic!("{after}: {error}"));
        assert!(is_all_proven(&report), "{after}: {report:#?}");
        assert_eq!(place.puts().len(), 1, "{after}: it is made once");
        place.assert_all_under(key).await;
    }
    assert!(dropped >= 8, "{dropped}");
}

/// A creation that was under way at the look and fails while it is waited for is not taken for ready.
#[tokio::test(flavor = "multi_thread")]
async fn a_creation_that_fails_while_it_is_waited_for_is_told_with_the_ways_out() {
    let failed = json!({"status": "Failed", "code": "AzureKeyVaultKmsValidateIdentityPermissionCustomerError"});
    let faults = json!({"operation_seconds": 60, "operations": [failed]});
    let place = Place::new(json!({"faults": faults})).await;
    let reached = Arc::new(tokio::sync::Notify::new());
    let notify = Arc::clone(&reached);
    let run = common::watched(Arc::new(move |now| {
        if now.message.starts_with("The cluster is") {
            notify.notify_one();
        }
    }));
    let options =
        CreateClusterOptions { on_progress: run.on_progress, ..place.options(NetworkMode::Public) };
    let (manager, key) = (place.manager(), place.world.key(1));
    tokio::select! {
        biased;
        () = reached.notified() => {}
        outcome = manager.create_cluster(new_cluster(false), key, options) => {
            panic!("it is interrupted before it ends: {outcome:?}");
        }
    }
    let error = place.create().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    let message = error.to_string();
    assert!(message.contains("its last operation did not succeed"), "{message}");
    assert!(message.contains("call enable with the same key"), "{message}");
    assert!(message.contains("az aks delete --ids"), "{message}");
    assert_eq!(place.puts().len(), 1, "a cluster that exists is not changed");
}

/// A cluster that is as it is asked for, and whose last operation failed, is refused, in a dry run as in a call.
#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_where_the_cluster_exists_and_failed_is_a_refused_report() {
    let failed = json!({"status": "Failed", "code": "QuotaExceeded"});
    let place = Place::new(json!({"faults": {"operations": [failed]}})).await;
    place.create().await.unwrap_err();
    let options = CreateClusterOptions { dry_run: true, ..place.options(NetworkMode::Public) };
    let key = place.world.key(1);
    let report = place.manager().create_cluster(new_cluster(false), key, options).await.unwrap();
    assert!(report.is_refused() && report.plan.is_empty(), "{report:#?}");
    let error = place.create().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert_eq!(report.findings, error.findings());
    let [finding] = &*report.findings else { panic!("{report:#?}") };
    assert_eq!((finding.rule, finding.level), (RuleId::ClusterExists, Level::Block));
    assert!(finding.message.contains("its last operation did not succeed"), "{finding}");
    for way_out in ["call enable with the same key", "az aks delete --ids"] {
        assert!(finding.remedy.contains(way_out), "{finding}");
        assert!(error.to_string().contains(way_out), "{error}");
    }
    assert_eq!(place.puts().len(), 1, "a cluster that exists is not changed");
}

/// A creation takes longer than a role does to reach the vault: the time for that begins when the key is refused.
#[tokio::test(flavor = "multi_thread")]
async fn the_window_for_a_new_role_begins_with_the_first_permission_error() {
    let failed = json!({"status": "Failed", "code": "AzureKeyVaultKmsValidateIdentityPermissionCustomerError"});
    let faults = json!({"operation_seconds": 400, "operations": [failed]});
    let place = Place::new(json!({"faults": faults})).await;
    let report = place.create().await.unwrap();
    assert!(is_all_proven(&report), "{report:#?}");
    assert_eq!(place.puts().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_response_is_found_out_by_looking() {
    for takes_effect in [false, true] {
        for status in [0, 504] {
            let fault = json!({"method": "PUT", "path": "brand-new", "status": status, "times": 1, "takes_effect": takes_effect});
            let place = Place::new(json!({"faults": {"azure": [fault]}})).await;
            let report = place.create().await.unwrap();
            assert!(is_all_proven(&report), "{takes_effect}, {status}: {report:#?}");
            let made: usize = place.puts().iter().filter(|put| put["if_match"].is_null()).count();
            assert_eq!(made, if takes_effect { 1 } else { 2 });
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_can_be_left_as_they_are() {
    let place = Place::new(json!({})).await;
    let options =
        CreateClusterOptions { reencrypt: Reencrypt::Skip, ..place.options(NetworkMode::Public) };
    let key = place.world.key(1);
    let report = place.manager().create_cluster(new_cluster(false), key, options).await.unwrap();
    assert!(!report.is_proven() && report.reencryption.is_empty(), "{report:#?}");
    assert_eq!(report.after.key_id.as_ref().map(AsRef::as_ref), Some(key));
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_arguments_are_told_at_once_and_nothing_is_sent() {
    let place = Place::new(json!({})).await;
    let options = CreateClusterOptions {
        identity_id: Some("me".to_owned()),
        ..CreateClusterOptions::default()
    };
    let key = place.world.key(1);
    let error = place.manager().create_cluster(json!([]), key, options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    for argument in ["identity_id", "body"] {
        assert!(error.to_string().contains(argument), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_key_and_body_is_told_at_once() {
    let place = Place::new(json!({})).await;
    let mut body = new_cluster(false);
    body["location"] = Value::Null;
    body["properties"]["kubernetesVersion"] = json!("newest");
    let (key, _) = place.world.key(1).rsplit_once('/').unwrap();
    let options = CreateClusterOptions {
        identity_id: Some("me".to_owned()),
        key_vault_id: Some("shop".to_owned()),
        ..CreateClusterOptions::default()
    };
    let error = place.manager().create_cluster(body, key, options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let rules: Vec<RuleId> = error.findings().iter().map(|finding| finding.rule).collect();
    assert_eq!(rules, [RuleId::KeyIdVersionRequired, RuleId::KeyVaultIdMalformed]);
    for problem in ["identity_id", "body has no location", "kubernetesVersion in body"] {
        assert!(error.to_string().contains(problem), "{error}");
    }
}
