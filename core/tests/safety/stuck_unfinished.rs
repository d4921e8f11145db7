//! Runs that died, failed or are called again: there is a way on that works, and it is told.

use aks_kms::{
    ChangeNetworkModeOptions, EnableOptions, ErrorKind, Finding, NetworkMode, ResumeOptions,
    RotateOptions, RuleId, RunOptions, StatusOptions,
};
use serde_json::json;

use crate::{
    common::{
        until,
        world::{WIRINGS, World},
    },
    world::{INTERNAL_ERROR, failing, refused},
};

/// A run died while Azure worked on its change: that change is what keeps the cluster busy, so
/// `resume` waits for it.
#[tokio::test(flavor = "multi_thread")]
async fn s03_a_disable_that_died_while_azure_was_at_it_is_waited_for() {
    for wiring in WIRINGS {
        let world = World::embedded(wiring, json!({})).await;
        world.enable(1).await.unwrap();
        world.faults(json!({"operation_seconds": 100})).await;
        for (verb, number) in [("rotate", Some(2)), ("disable", None)] {
            world.dies_while_azure_works(verb, number).await;
            world.manager().resume(ResumeOptions::default()).await.unwrap();
            match number {
                Some(number) => world.all_under(number).await,
                None => world.all_plaintext().await,
            }
            world.nothing_is_unfinished().await;
        }
    }
}

/// A rotation to a private vault failed. The rollback that the error names goes with the key alone:
/// vault and mode are those that the key had.
#[tokio::test(flavor = "multi_thread")]
async fn s06_the_rollback_to_another_vault_takes_the_mode_that_the_key_had() {
    for wiring in WIRINGS {
        let given = json!({
            "cluster": {"vnet_integration": true},
            "other_vault": {"public_access": false},
        });
        let world = World::embedded(wiring, given).await;
        world.enable(1).await.unwrap();
        let before = world.property("securityProfile");
        world.faults(failing(INTERNAL_ERROR)).await;
        let options = RotateOptions {
            network_mode: Some(NetworkMode::Private),
            key_vault_id: Some(world.case.other_key_vault_id.clone()),
            ..RotateOptions::default()
        };
        let other_key = &world.case.other_key_ids[0];
        let error = world.manager().rotate(other_key, options).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OperationFailed, "{wiring}: {error}");
        let rollback = format!("{}: rotate to it rolls back", world.key(1));
        assert!(error.to_string().contains(&rollback), "{wiring}: {error}");
        assert_eq!(world.configured().as_ref(), Some(other_key), "{wiring}");
        world.faults(json!({})).await;
        world.rotate(1).await.unwrap();
        assert_eq!(world.property("securityProfile"), before, "{wiring}");
        assert_eq!(world.property("provisioningState"), "Succeeded", "{wiring}");
        world.all_under(1).await;
    }
}

/// A run closes the vault and dies before it has watched KMS; then the private way breaks.
async fn a_dead_run_closed_the_vault(wiring: &str) -> World {
    let given = json!({
        "cluster": {"kms": {"key": "{{key.1}}"}, "vnet_integration": true},
        "faults": {"azure": [{
            "method": "PATCH", "path": "/vaults/", "status": 200, "takes_effect": true,
            "latency_ms": 2000, "times": 1,
        }]},
    });
    let world = World::embedded(wiring, given).await;
    let vault_id = &world.case.key_vault_id;
    let manager = world.manager();
    let options = ChangeNetworkModeOptions::default();
    tokio::select! {
        outcome = manager.change_network_mode(NetworkMode::Private, options) => {
            panic!("it ended: {outcome:?}");
        }
        () = until("closed", async || world.public_access(vault_id) == "Disabled") => {}
    }
    world.patch_vault(vault_id, &json!({"privateEndpointConnections": []}));
    world
}

/// A run closed the vault and died, the private way broke, and no API server is left. Whoever goes on
/// is told of the vault, and what opens it.
#[tokio::test(flavor = "multi_thread")]
async fn s07_a_vault_that_a_dead_run_closed_is_opened_again_when_the_api_server_is_gone() {
    for wiring in WIRINGS {
        let world = a_dead_run_closed_the_vault(wiring).await;
        // without an API server that is ready the load balancer leads to none
        world.faults(json!({"kubernetes": [{"path": "/", "status": 0}]})).await;
        let options = ChangeNetworkModeOptions::default;
        let resumed = world.manager().resume(ResumeOptions::default()).await.unwrap_err();
        assert_eq!(resumed.kind(), ErrorKind::Unavailable, "{wiring}: {resumed}");
        let private = world.manager().change_network_mode(NetworkMode::Private, options()).await;
        let private = private.unwrap_err();
        refused(&private, RuleId::KubernetesUnreachable);
        let public = world.manager().change_network_mode(NetworkMode::Public, options()).await;
        let public = public.unwrap_err();
        refused(&public, RuleId::KubernetesUnreachable);
        let name = world.vault().name().to_owned();
        let remedy = format!("az keyvault update --name {name} --public-network-access Enabled");
        for error in [private, public, resumed] {
            assert!(error.to_string().contains(&remedy), "{wiring}: {error}");
        }
        let status = world.manager().status(StatusOptions::default()).await.unwrap();
        let told = |it: &Finding| it.message.contains(&remedy);
        assert!(status.findings.iter().any(told), "{wiring}: {:#?}", status.findings);
        assert_eq!(world.public_access(&world.case.key_vault_id), "Disabled", "{wiring}");
    }
}

/// The same while the API servers can be reached, and live on what they have in memory: `resume` must
/// not succeed with a vault that they cannot reach.
#[tokio::test(flavor = "multi_thread")]
async fn s07_what_a_dead_run_closed_is_watched_before_resume_succeeds() {
    for wiring in WIRINGS {
        let world = a_dead_run_closed_the_vault(wiring).await;
        let resumed = world.manager().resume(ResumeOptions::default()).await;
        let access = world.public_access(&world.case.key_vault_id);
        let ready = world.readyz().await;
        assert!(
            access == "Enabled" && resumed.is_err(),
            "{wiring}: /readyz {ready:?}, vault {access}: {resumed:?}"
        );
    }
}

/// The same call, again and again, with a long list of secrets that are given up: the record does not
/// grow by it.
#[tokio::test(flavor = "multi_thread")]
async fn s08_the_same_call_again_and_again_does_not_make_the_record_grow() {
    for wiring in WIRINGS {
        let given = json!({"secrets": {"special": [{"name": "team-1/denied", "kind": "denied"}]}});
        let world = World::embedded(wiring, given).await;
        let names: Vec<String> =
            (0..200).map(|number| format!("team-1/some-secret-{number}")).collect();
        let mut sizes = Vec::new();
        for _ in 0..5 {
            let run = RunOptions { give_up_secrets: names.clone(), ..RunOptions::default() };
            let options = EnableOptions::from(run);
            let error = world.manager().enable(world.key(1), options).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ReencryptIncomplete, "{wiring}: {error}");
            sizes.push(world.kubectl().record().await.unwrap().to_string().len());
        }
        // a time takes more or fewer digits
        assert!(sizes.iter().all(|size| size.abs_diff(sizes[0]) < 50), "{wiring}: {sizes:?}");
    }
}
