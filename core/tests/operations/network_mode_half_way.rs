//! A change of the network mode that does not come to its end: what its errors say is left, and the
//! ways out that they name.

use aks_kms::{
    DisableOptions, EnableOptions, ErrorKind, Finding, Level, NetworkMode, ResumeOptions,
    RotateOptions, RuleId,
};
use serde_json::json;

use super::network_mode::{change, given, is_well, until_kms_is_off, vault};
use crate::common::{self, world::is_all_proven};

/// What stands against going on is found while KMS is off: each error says so, and `resume` goes on.
#[tokio::test(flavor = "multi_thread")]
async fn while_kms_is_off_every_refusal_says_so() {
    let simulator = common::simulator().await;
    let case = simulator.put_case(given("public", "two-providers")).await.unwrap();
    let manager = common::manager(&case);
    let integrated = |on: bool| {
        let patch =
            json!({"properties": {"apiServerAccessProfile": {"enableVnetIntegration": on}}});
        simulator.patch_cluster(&case.id, &patch).unwrap();
    };
    let (outcome, ()) = futures::join!(change(&manager, NetworkMode::Private), async {
        until_kms_is_off(&simulator, &case).await;
        integrated(false);
    });
    let again = manager.resume(ResumeOptions::default()).await;
    let (refused, again) = (outcome.unwrap_err(), again.unwrap_err());
    assert_eq!(refused.kind(), ErrorKind::OperationFailed, "{refused:?}");
    assert_eq!(again.kind(), ErrorKind::PreflightFailed, "{again:?}");
    for error in [refused, again] {
        assert!(error.to_string().contains("KMS is off meanwhile"), "{error}");
    }
    integrated(true);
    // That may have been more than a setting: the vault stays open until the next rotation.
    let resumed = manager.resume(ResumeOptions::default()).await.unwrap();
    let told = |it: &Finding| it.rule == RuleId::VaultClosingInPublicUse && it.level == Level::Warn;
    assert!(resumed.findings.iter().any(told), "{:#?}", resumed.findings);
    assert_eq!(vault(&simulator, &case)["publicNetworkAccess"], "Enabled");
    assert!(change(&manager, NetworkMode::Private).await.is_err());
    let options =
        RotateOptions { key_vault_id: Some(case.key_vault_id.clone()), ..RotateOptions::default() };
    manager.rotate(&case.key_ids[1], options.clone()).await.unwrap();
    manager.rotate(&case.key_ids[0], options).await.unwrap();
    change(&manager, NetworkMode::Private).await.unwrap();
    is_well(&simulator, &case, NetworkMode::Private, "closed after a rotation").await;
}

/// The vault is opened before KMS is turned off. Where that is refused the vault stays open, since
/// the call is to go on: each error says so until the cluster uses the vault so.
#[tokio::test(flavor = "multi_thread")]
async fn a_vault_that_is_open_for_a_change_that_is_refused_is_told_of() {
    let simulator = common::simulator().await;
    let mut given = given("private", "two-providers");
    let failed =
        json!([{"status": "Failed", "code": "InternalOperationError", "message": "it broke"}]);
    given.faults.operations = serde_json::from_value(failed).unwrap();
    let case = simulator.put_case(given).await.unwrap();
    let manager = common::manager(&case);
    let error = change(&manager, NetworkMode::Public).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OperationFailed, "{error:?}");
    assert_eq!(vault(&simulator, &case)["publicNetworkAccess"], "Enabled");
    let name = case.key_vault_id.rsplit('/').next().unwrap();
    let told = format!("az keyvault update --name {name} --public-network-access Disabled");
    assert!(error.to_string().contains(&told), "{error}");
    let resumed = manager.resume(ResumeOptions::default()).await.unwrap();
    assert!(is_all_proven(&resumed), "{resumed:#?}");
    is_well(&simulator, &case, NetworkMode::Public, "after resume").await;
}

/// Turning KMS on again fails, after which Azure calls it on. The way back that the error names works.
#[tokio::test(flavor = "multi_thread")]
async fn the_way_back_that_is_named_while_kms_is_off_works() {
    for mode in [NetworkMode::Private, NetworkMode::Public] {
        let simulator = common::simulator().await;
        let mut given =
            given(if mode == NetworkMode::Private { "public" } else { "private" }, "two-providers");
        let ends = json!([
            {"status": "Succeeded"},
            {"status": "Failed", "code": "InternalOperationError", "message": "it broke"},
        ]);
        given.faults.operations = serde_json::from_value(ends).unwrap();
        let case = simulator.put_case(given).await.unwrap();
        let manager = common::manager(&case);
        let error = change(&manager, mode).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OperationFailed, "{mode}: {error:?}");
        let before =
            if mode == NetworkMode::Private { NetworkMode::Public } else { NetworkMode::Private };
        let key = &case.key_ids[0];
        let named = format!("abandon, disable, then enable with {key} ({before} access)");
        assert!(error.to_string().contains(&named), "{mode}: {error}");

        manager.abandon().await.unwrap();
        let key_vault_id = (before == NetworkMode::Private).then(|| case.key_vault_id.clone());
        let options = || EnableOptions {
            network_mode: before,
            key_vault_id: key_vault_id.clone(),
            ..EnableOptions::default()
        };
        let refused = manager.enable(key, options()).await.unwrap_err();
        assert!(refused.to_string().contains("or `disable` first"), "{mode}: {refused}");
        let refused = change(&manager, before).await.unwrap_err();
        assert!(refused.to_string().contains("or `disable` first"), "{mode}: {refused}");
        manager.disable(DisableOptions::default()).await.unwrap();
        let report = manager.enable(key, options()).await.unwrap();
        assert!(is_all_proven(&report), "{mode}: {report:#?}");
        assert_eq!(report.after.network_mode, Some(before));
        let truth = simulator.secrets(&case.id).await.unwrap();
        assert_eq!((truth.by_key[key], truth.unreadable), (truth.total, 0), "{mode}");
    }
}

/// A vault that was open before may be in use: no error says that it is to be closed.
#[tokio::test(flavor = "multi_thread")]
async fn a_vault_that_was_open_before_is_never_said_to_be_closed() {
    let simulator = common::simulator().await;
    let mut given = given("public", "two-providers");
    let denied = json!([{"name": "team-1/denied", "kind": "denied"}]);
    given.secrets.special = serde_json::from_value(denied).unwrap();
    let case = simulator.put_case(given).await.unwrap();
    let failed = json!({"properties": {"provisioningState": "Failed"}});
    simulator.patch_cluster(&case.id, &failed).unwrap();
    let error = change(&common::manager(&case), NetworkMode::Public).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReencryptIncomplete, "{error:?}");
    assert!(!error.to_string().contains("--public-network-access Disabled"), "{error}");
}

/// The key in use is the one before such an operation, too: `rotate` to it would forget that the
/// vault was closed.
#[tokio::test(flavor = "multi_thread")]
async fn rotate_to_the_key_in_use_does_not_replace_a_mode_change_that_is_unfinished() {
    let simulator = common::simulator().await;
    let mut given = given("public", "two-providers");
    let failed =
        json!([{"status": "Failed", "code": "InternalOperationError", "message": "it broke"}]);
    given.faults.operations = serde_json::from_value(failed).unwrap();
    let case = simulator.put_case(given).await.unwrap();
    let manager = common::manager(&case);
    let error = change(&manager, NetworkMode::Private).await.unwrap_err();
    assert!(error.to_string().contains("KMS is off meanwhile"), "{error}");
    let error = manager.rotate(&case.key_ids[0], RotateOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert!(error.to_string().contains("change_network_mode of cluster"), "{error}");
    manager.resume(ResumeOptions::default()).await.unwrap();
}
