//! What is missing must be found before anything is recorded or written: else every other verb is
//! refused afterwards.

use std::time::Duration;

use aks_kms::{EnableOptions, ErrorKind, Journal, RotateOptions, RuleId, RunOptions};
use serde_json::json;

use crate::{
    common::{
        self,
        embedded::EmbeddedWorld,
        world::{WIRINGS, World},
    },
    world::refused,
};

/// The namespace for the record does not exist: told at once, with what makes it.
#[tokio::test(flavor = "multi_thread")]
async fn s01_a_state_namespace_that_does_not_exist_is_told_and_not_asked_for_ever() {
    for wiring in WIRINGS {
        let world = EmbeddedWorld::new(json!({"cluster": {"wiring": wiring}})).await;
        let journal = Journal::Cluster { namespace: "aks-kms-stat".to_owned() };
        let manager = common::builder(&world.case).journal(journal).build().unwrap();
        let run = RunOptions { timeout: Duration::from_secs(30), ..RunOptions::default() };
        let options = EnableOptions::from(run);
        let before = world.embedded.load().requests;
        let error = manager.enable(&world.case.key_ids[0], options).await.unwrap_err();
        let requests = world.embedded.load().requests - before;
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{wiring}: {error}");
        let remedy = "kubectl create namespace aks-kms-stat";
        assert!(error.to_string().contains(remedy), "{wiring}: {error}");
        assert!(requests < 200, "{wiring}: {requests} requests");
        assert_eq!(world.simulator.writes(&world.case.id).unwrap(), [], "{wiring}");
    }
}

/// Without the right to list the identity Leases no API server can be told from another: the missing
/// right is named, and nothing is begun.
#[tokio::test(flavor = "multi_thread")]
async fn s04_without_the_right_to_list_the_identity_leases_nothing_is_begun() {
    for wiring in WIRINGS {
        let lacks = json!([{"verb": "list", "resource": "leases"}]);
        let given = json!({"access": {"kubernetes_lacks": lacks}});
        let world = World::embedded(wiring, given).await;
        let error = world.enable(1).await.unwrap_err();
        let finding = refused(&error, RuleId::KeyInUseUnproven);
        assert!(finding.message.contains("list leases in namespace kube-system"), "{finding}");
        world.nothing_was_written();
        world.nothing_is_unfinished().await;
    }
}

/// A policy denies the canary: told before the operation is recorded.
#[tokio::test(flavor = "multi_thread")]
async fn s13_a_policy_that_denies_the_canary_is_found_before_anything_is_recorded() {
    for wiring in WIRINGS {
        let denied =
            json!({"method": "POST", "path": "/namespaces/kube-system/secrets", "status": 403});
        let given = json!({"faults": {"kubernetes": [denied]}});
        let world = World::embedded(wiring, given).await;
        let error = world.enable(1).await.unwrap_err();
        let finding = refused(&error, RuleId::SecretUpdatesDenied);
        assert!(finding.message.contains("kube-system/aks-kms-canary"), "{finding}");
        world.nothing_was_written();
        world.nothing_is_unfinished().await;
    }
}

/// `preflight_failed` means that nothing was written: no key version is made before the gate, either.
#[tokio::test(flavor = "multi_thread")]
async fn s16_preflight_failed_means_that_nothing_was_written() {
    for wiring in WIRINGS {
        let lacks = json!([{"verb": "list", "resource": "leases"}]);
        let given = json!({
            "access": {"kubernetes_lacks": lacks},
            "cluster": {"kms": {"key": "{{key.1}}"}},
        });
        let world = World::embedded(wiring, given).await;
        let error = world.manager().rotate(None, RotateOptions::default()).await.unwrap_err();
        refused(&error, RuleId::KeyInUseUnproven);
        world.nothing_was_written();
        world.nothing_is_unfinished().await;
    }
}
