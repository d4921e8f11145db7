//! The vault in use moves between public and private access, and at no moment is it closed to
//! anything that still needs it.

use std::time::Duration;

use aks_kms::{
    ChangeNetworkModeOptions, ErrorKind, KmsManager, NetworkMode, OperationReport, Purpose,
    ResumeOptions, RuleId, VaultAccess,
};
use aks_kms_simulator::{Case, Given, Simulator, writes::Write};
use serde_json::{Value, json};

use crate::common::{self, az::Az, world::is_all_proven};

pub(super) fn given(mode: &str, wiring: &str) -> Given {
    serde_json::from_value(json!({
        "cluster": {
            "kms": {"key": "{{key.1}}", "network_mode": mode},
            "vnet_integration": true,
            "wiring": wiring,
        },
        "vault": {"public_access": mode == "public"},
        "secrets": {"namespaces": 4, "each": 25},
        "faults": {"kubernetes_latency_ms": 1, "operation_seconds": 5},
    }))
    .unwrap()
}

pub(super) async fn change(
    manager: &KmsManager,
    mode: NetworkMode,
) -> aks_kms::Result<OperationReport> {
    manager.change_network_mode(mode, ChangeNetworkModeOptions::default()).await
}

pub(super) fn vault(simulator: &Simulator, case: &Case) -> Value {
    let name = case.key_vault_id.rsplit('/').next().unwrap();
    simulator.patch_vault(&case.id, name, &json!({})).unwrap()["properties"].clone()
}

pub(super) async fn until_kms_is_off(simulator: &Simulator, case: &Case) {
    let off = "/properties/securityProfile/azureKeyVaultKms/enabled";
    let is_off = async || simulator.cluster(&case.id).unwrap().pointer(off) == Some(&json!(false));
    common::until("KMS is off", is_off).await;
}

/// Every secret is under the key, none is lost, and the vault was never closed too early.
pub(super) async fn is_well(simulator: &Simulator, case: &Case, mode: NetworkMode, what: &str) {
    let truth = simulator.secrets(&case.id).await.unwrap();
    assert_eq!(truth.violations, Vec::<String>::new(), "{what}");
    // all of them, with what the library keeps for itself
    assert_eq!(truth.by_key[&case.key_ids[0]], truth.total, "{what}");
    assert_eq!((truth.unreadable, truth.of_others().total), (0, 100), "{what}");
    let profile = &simulator.cluster(&case.id).unwrap()["properties"]["securityProfile"];
    let (access, public) = match mode {
        NetworkMode::Public => ("Public", "Enabled"),
        NetworkMode::Private => ("Private", "Disabled"),
    };
    assert_eq!(profile["azureKeyVaultKms"]["keyVaultNetworkAccess"], access, "{what}");
    assert_eq!(vault(simulator, case)["publicNetworkAccess"], public, "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_vault_becomes_private_and_public_again() {
    let simulator = common::simulator().await;
    for wiring in ["two-providers", "one-provider"] {
        let case = simulator.put_case(given("public", wiring)).await.unwrap();
        let manager = common::manager(&case);
        let report = change(&manager, NetworkMode::Private).await.unwrap();
        let purposes: Vec<Purpose> = report.reencryption.iter().map(|pass| pass.purpose).collect();
        assert_eq!(purposes, [Purpose::Gate, Purpose::Rewrite, Purpose::Rewrite], "{wiring}");
        assert!(is_all_proven(&report), "{wiring}");
        is_well(&simulator, &case, NetworkMode::Private, wiring).await;
        change(&manager, NetworkMode::Public).await.unwrap();
        is_well(&simulator, &case, NetworkMode::Public, wiring).await;
    }
}

/// Drops the call after a time, then goes on with what is recorded, or begins anew.
async fn dropped_after(simulator: &Simulator, mode: NetworkMode, milliseconds: u64) {
    let what = format!("to {mode}, after {milliseconds} ms");
    let from = if mode == NetworkMode::Private { "public" } else { "private" };
    let case = simulator.put_case(given(from, "one-provider")).await.unwrap();
    let first = common::manager(&case);
    let limit = Duration::from_millis(milliseconds);
    let _ = tokio::time::timeout(limit, change(&first, mode)).await;
    let between = simulator.secrets(&case.id).await.unwrap().of_others();
    assert_eq!((between.total, between.unreadable), (100, 0), "{what}");
    drop(first);

    let second = common::manager(&case);
    loop {
        let outcome = match second.resume(ResumeOptions::default()).await {
            Ok(report) if report.steps.is_empty() => change(&second, mode).await,
            outcome => outcome,
        };
        match outcome {
            Ok(_) => break,
            Err(error) if error.is_retryable() => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(error) => panic!("{what}: {error:?}"),
        }
    }
    is_well(simulator, &case, mode, &what).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_dropped_at_any_moment_is_resumed_to_its_end() {
    let simulator = common::simulator().await;
    let moments = (0..36).map(|step| step * 29 + 1);
    for group in moments.collect::<Vec<u64>>().chunks(6) {
        let modes = [NetworkMode::Private, NetworkMode::Public].into_iter().cycle();
        let calls = group.iter().zip(modes);
        let calls = calls.map(|(&moment, mode)| dropped_after(&simulator, mode, moment));
        futures::future::join_all(calls).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_pending_leaves_the_vault_open_until_it_is_approved() {
    let simulator = common::simulator().await;
    let mut given = given("public", "two-providers");
    given.vault.private_endpoint = aks_kms_simulator::given::PrivateEndpoint::Pending;
    let case = simulator.put_case(given).await.unwrap();
    let manager = common::manager(&case);
    let error = change(&manager, NetworkMode::Private).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PreflightFailed, "{error:?}");
    assert_eq!(error.findings()[0].rule, RuleId::PrivateEndpointNotApproved);
    assert!(error.to_string().contains("private-endpoint-connection approve"), "{error}");
    let open = vault(&simulator, &case);
    assert_eq!(open["publicNetworkAccess"], "Enabled");

    let mut connection = open["privateEndpointConnections"][0].clone();
    connection["properties"]["privateLinkServiceConnectionState"]["status"] = json!("Approved");
    let approved = json!({"properties": {"privateEndpointConnections": [connection]}});
    let name = case.key_vault_id.rsplit('/').next().unwrap();
    simulator.patch_vault(&case.id, name, &approved).unwrap();
    manager.resume(ResumeOptions::default()).await.unwrap();
    is_well(&simulator, &case, NetworkMode::Private, "approved").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vault_that_is_kept_stays_as_it_is() {
    let simulator = common::simulator().await;
    let case = simulator.put_case(given("public", "two-providers")).await.unwrap();
    let manager = common::manager(&case);
    let keep = || ChangeNetworkModeOptions {
        vault_access: VaultAccess::Keep,
        ..ChangeNetworkModeOptions::default()
    };
    manager.change_network_mode(NetworkMode::Private, keep()).await.unwrap();
    assert_eq!(vault(&simulator, &case)["publicNetworkAccess"], "Enabled");
    assert!(simulator.secrets(&case.id).await.unwrap().violations.is_empty());
    // back again, with the vault closed by its owner: nothing is begun
    change(&manager, NetworkMode::Private).await.unwrap();
    let error = manager.change_network_mode(NetworkMode::Public, keep()).await.unwrap_err();
    let refused: Vec<RuleId> = error.findings().iter().map(|finding| finding.rule).collect();
    assert!(refused.contains(&RuleId::VaultPublicAccessDisabled), "{error:?}");
    is_well(&simulator, &case, NetworkMode::Private, "kept").await;
}

/// The vault answers slowly when it is closed, so that something can happen before the next look.
async fn closing_slowly(simulator: &Simulator) -> Case {
    let mut given = given("public", "two-providers");
    given.faults.azure = serde_json::from_value(json!([{
        "method": "PATCH", "path": "/vaults/", "status": 200, "takes_effect": true,
        "latency_ms": 500, "times": 1,
    }]))
    .unwrap();
    simulator.put_case(given).await.unwrap()
}

async fn once_closed(simulator: &Simulator, case: &Case) {
    while vault(simulator, case)["publicNetworkAccess"] != "Disabled" {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vault_whose_private_way_breaks_is_opened_again() {
    let simulator = common::simulator().await;
    let case = closing_slowly(&simulator).await;
    let name = case.key_vault_id.rsplit('/').next().unwrap();
    let manager = common::manager(&case);
    let connections = |list: Value| json!({"properties": {"privateEndpointConnections": list}});
    let (outcome, before) = futures::join!(change(&manager, NetworkMode::Private), async {
        once_closed(&simulator, &case).await;
        let before = vault(&simulator, &case)["privateEndpointConnections"].clone();
        simulator.patch_vault(&case.id, name, &connections(json!([]))).unwrap();
        before
    });
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::KmsUnavailable, "{error:?}");
    assert!(error.to_string().contains("was opened again"), "{error}");
    assert_eq!(vault(&simulator, &case)["publicNetworkAccess"], "Enabled");
    let seen = simulator.secrets(&case.id).await.unwrap();
    assert!(!seen.violations.is_empty(), "the simulator notices what was done here");
    assert_eq!(seen.unreadable, 0);

    simulator.patch_vault(&case.id, name, &connections(before)).unwrap();
    manager.resume(ResumeOptions::default()).await.unwrap();
    assert_eq!(vault(&simulator, &case)["publicNetworkAccess"], "Disabled");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vault_that_somebody_uses_in_public_mode_after_all_is_opened_again() {
    let simulator = common::simulator().await;
    let case = closing_slowly(&simulator).await;
    let manager = common::manager(&case);
    let (outcome, ()) = futures::join!(change(&manager, NetworkMode::Private), async {
        once_closed(&simulator, &case).await;
        let profile = json!({"keyVaultNetworkAccess": "Public", "keyVaultResourceId": ""});
        let patch = json!({"properties": {"securityProfile": {"azureKeyVaultKms": profile}}});
        simulator.patch_cluster(&case.id, &patch).unwrap();
    });
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error:?}");
    assert_eq!(vault(&simulator, &case)["publicNetworkAccess"], "Enabled", "{error}");
}

/// Another cluster begins to use the vault in public mode while ours is on its way to private mode.
#[tokio::test(flavor = "multi_thread")]
async fn a_vault_that_another_cluster_comes_to_use_is_not_closed() {
    let simulator = common::simulator().await;
    let case = simulator.put_case(given("public", "two-providers")).await.unwrap();
    let manager = common::manager(&case);
    let others = Az::login(&case).await;
    let public =
        json!({"enabled": true, "keyId": case.key_ids[0], "keyVaultNetworkAccess": "Public"});
    let (outcome, another) = futures::join!(change(&manager, NetworkMode::Private), async {
        until_kms_is_off(&simulator, &case).await;
        others.create_another("aks-other", public).await
    });
    let error = outcome.unwrap_err();
    let refused: Vec<RuleId> = error.findings().iter().map(|finding| finding.rule).collect();
    assert_eq!(refused, [RuleId::VaultClosingInPublicUse], "{error}");
    assert_eq!(vault(&simulator, &case)["publicNetworkAccess"], "Enabled", "{error}");

    let error = manager.resume(ResumeOptions::default()).await.unwrap_err();
    assert!(
        error.to_string().to_lowercase().contains(&another.cluster_id().to_lowercase()),
        "{error}"
    );
    assert_eq!(vault(&simulator, &case)["publicNetworkAccess"], "Enabled", "{error}");
    let truth = simulator.secrets(&case.id).await.unwrap();
    assert_eq!((truth.violations, truth.unreadable), (Vec::<String>::new(), 0));
}

/// A response to the request that closes the vault is lost. It is sent again only after a look: the
/// public way may have been taken meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_closing_that_failed_is_not_sent_again_without_a_look() {
    let simulator = common::simulator().await;
    let failing = |takes_effect: bool, latency_ms: u64| {
        let mut given = given("public", "two-providers");
        given.faults.azure = serde_json::from_value(json!([{
            "method": "PATCH", "path": "/vaults/", "status": 503, "takes_effect": takes_effect,
            "latency_ms": latency_ms, "times": 1,
        }]))
        .unwrap();
        given
    };
    let closings = |case: &Case| {
        let writes = simulator.writes(&case.id).unwrap();
        let is_closing =
            |it: &&Write| matches!(it, Write::Request { method, .. } if method == "PATCH");
        writes.iter().filter(is_closing).count()
    };
    for (takes_effect, sent) in [(true, 1), (false, 2)] {
        let case = simulator.put_case(failing(takes_effect, 0)).await.unwrap();
        change(&common::manager(&case), NetworkMode::Private).await.unwrap();
        is_well(&simulator, &case, NetworkMode::Private, "a response was lost").await;
        assert_eq!(closings(&case), sent);
    }

    let case = simulator.put_case(failing(false, 1_000)).await.unwrap();
    let manager = common::manager(&case);
    let (outcome, ()) = futures::join!(change(&manager, NetworkMode::Private), async {
        common::until("it asks to close the vault", async || closings(&case) > 0).await;
        let profile = json!({"keyVaultNetworkAccess": "Public", "keyVaultResourceId": ""});
        let patch = json!({"properties": {"securityProfile": {"azureKeyVaultKms": profile}}});
        simulator.patch_cluster(&case.id, &patch).unwrap();
    });
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error:?}");
    assert_eq!(vault(&simulator, &case)["publicNetworkAccess"], "Enabled");
    assert_eq!(closings(&case), 1, "{error}");
}
