//! What `provision` leaves when a write of it fails, or its response is lost, and how the next call goes on.

use aks_kms::{ErrorKind, NetworkMode, ProvisionOptions};
use serde_json::{Value, json};

use super::provision::world;

/// What an error leaves is told in it, and gone on with: after each write that is made, and after each
/// whose response is lost.
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_call_is_completed_by_a_second_one() {
    for network_mode in [NetworkMode::Public, NetworkMode::Private] {
        for takes_effect in [false, true] {
            for after in 0.. {
                let world = world(json!({"cluster": {"vnet_integration": true}})).await;
                let options = ProvisionOptions {
                    identity: Some("own".to_owned()),
                    network_mode,
                    ..ProvisionOptions::default()
                };
                let fault = json!({"method": "PUT", "path": "/providers/", "status": 400, "code": "Killed", "times": 1,
                    "after": after, "takes_effect": takes_effect});
                world.faults(json!({"azure": [fault]})).await;
                let first = world.provision(options.clone()).await;
                world.faults(json!({})).await;
                let what = format!("{network_mode}, after {after}, {takes_effect}");
                let Err(error) = first else {
                    assert!(after >= 4, "{what}: there are so many writes");
                    break;
                };
                assert_eq!(error.service_code(), Some("Killed"), "{what}: {error}");
                let told = error.to_string().matches(" (").count();
                let is_told = error.to_string().contains("made so far: ");
                assert_eq!(is_told, after > 0, "{what}: {error}");
                assert!(told >= after, "{what}: {error}");
                let second = world.provision(options.clone()).await.unwrap();
                let third = world.provision(options).await.unwrap();
                assert_eq!(third.created, [], "{what}");
                assert_eq!(third.key_id, second.key_id, "{what}");
                // Each part was asked for once, and the one that was lost without effect once more.
                let mut paths = world.made();
                paths.sort();
                let all = paths.len();
                paths.dedup();
                let lost = usize::from(!takes_effect);
                assert_eq!(all - paths.len(), lost, "{what}: {paths:?}");
                let roles = paths.iter().filter(|path| path.contains("/roleAssignments/")).count();
                let private = network_mode == NetworkMode::Private;
                assert_eq!(roles, 1 + usize::from(private), "{what}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_response_is_found_out_by_looking() {
    for status in [0, 503] {
        for takes_effect in [false, true] {
            let world = world(json!({})).await;
            let fault = json!({"method": "PUT", "path": "/providers/", "status": status, "times": 1, "takes_effect": takes_effect});
            let faults: Vec<Value> = (0..4)
                .map(|after| {
                    let mut fault = fault.clone();
                    fault["after"] = json!(after * 2);
                    fault
                })
                .collect();
            world.faults(json!({"azure": faults})).await;
            let identity = Some("own".to_owned());
            let options = ProvisionOptions { identity, ..ProvisionOptions::default() };
            let made = world.provision(options).await.unwrap();
            assert_eq!(made.created, made.plan, "{status}, {takes_effect}");
            assert_eq!(made.created.len(), 4);
        }
    }
}

/// A request that was lost may be what a later one is in conflict with; one that was refused each time is not done.
#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_after_a_lost_response_is_told_as_perhaps_made() {
    let lost = json!({"method": "PUT", "path": "/vaults/", "status": 0, "times": 1});
    let taken = json!({"method": "PUT", "path": "/vaults/", "status": 409, "code": "Conflict"});
    for (faults, is_perhaps_made) in [(json!([lost, taken]), true), (json!([taken]), false)] {
        let world = world(json!({"faults": {"azure": faults}})).await;
        let error = world.provision(ProvisionOptions::default()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
        let text = error.to_string();
        assert_eq!(text.contains("perhaps made: key-vault ("), is_perhaps_made, "{text}");
    }
}
