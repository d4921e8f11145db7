//! Data encryption on a real kube-apiserver and etcd: where every secret is, read from etcd itself. An API server
//! never gets ready with a secret that it cannot read.

use aks_kms::{
    Experience, NetworkMode, OperationReport, ReencryptSecretsOptions, ResumeOptions, RuleId,
    StatusOptions,
};
use serde_json::json;

use crate::{
    common::world::{World, is_all_proven},
    data_encryption::{FOR_GOOD, customer, set},
};

/// Of the key, on a real cluster.
const VERSIONS: usize = 16;

async fn world() -> Option<World> {
    World::real(
        1,
        json!({
            "secrets": {"namespaces": 2, "each": 50},
            "data_encryption": {"rewrite_seconds": 5, "look_seconds": 20},
        }),
    )
    .await
}

/// What was killed is gone on with by another process.
async fn resume(world: &World) -> OperationReport {
    world.nothing_is_lost().await;
    let manager = world.manager();
    // Nobody saw the change to a key that has no name: it is taken for that key.
    let allow = vec![RuleId::DataEncryptionIrreversible, RuleId::KeyInUseUnproven];
    let report = manager.resume(ResumeOptions { allow, ..ResumeOptions::default() }).await.unwrap();
    assert!(!report.plan.is_empty(), "{report:#?}");
    if report.is_proven() {
        return report;
    }
    manager.reencrypt_secrets(ReencryptSecretsOptions::default()).await.unwrap()
}

/// Moves to the customer-managed key, or to the platform's, and is killed when the API servers are about to be
/// heard for the N-th time: after the gate the second time, so that the key is set.
async fn moves(world: &World, to: Experience, killed_at: usize) {
    let to_customer = to == Experience::CustomerManaged;
    let mut ours = world.subprocess("set_data_encryption", to_customer.then_some(VERSIONS));
    let ended = ours.run_until_phase("converge", killed_at).await;
    assert!(ended.is_none(), "{ended:?}");
    ours.kill().await;
    let report = resume(world).await;
    assert!(is_all_proven(&report), "{to:?}: {report:#?}");
    assert_eq!(report.after.experience, Some(to), "{report:#?}");
    is_under(world, to).await;
}

/// Every secret is under the key.
async fn is_under(world: &World, to: Experience) {
    match to {
        Experience::CustomerManaged => {
            let current = world.ledger().await.current.unwrap().key_id.unwrap();
            world.all_under_key(current.as_str()).await;
        }
        _ => world.all_under_platform().await,
    }
}

/// An API server that begins anew has no key in memory, and can read every secret.
async fn is_readable(world: &World) {
    world.simulator.restart_api_servers(&world.case.id).await.unwrap();
    world.nothing_is_lost().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_nothing_to_the_platform_to_a_key_its_next_version_and_back() {
    let Some(world) = world().await else { return };
    moves(&world, Experience::PlatformManaged, 2).await;
    moves(&world, Experience::CustomerManaged, 2).await;

    let mut ours = world.subprocess("rotate", None);
    let ended = ours.run_until_phase("converge", 2).await;
    assert!(ended.is_none(), "{ended:?}");
    ours.kill().await;
    let report = resume(&world).await;
    assert!(is_all_proven(&report), "{report:#?}");
    assert_eq!(world.versions().await.len(), VERSIONS + 1);
    is_under(&world, Experience::CustomerManaged).await;
    assert!(world.is_removable(&world.ledger().await, VERSIONS));

    moves(&world, Experience::PlatformManaged, 1).await;
    is_readable(&world).await;
    let status = world.manager().status(StatusOptions::default()).await.unwrap();
    assert!(status.operation_in_progress.is_none() && status.ledger.unwrap().pending.is_none());
}

/// Killed at every second step boundary in turn, each time gone on with by another process.
#[tokio::test(flavor = "multi_thread")]
async fn from_a_versioned_key_to_a_customer_managed_one_killed_again_and_again() {
    let Some(world) = world().await else { return };
    world.enable(1).await.unwrap();
    let mut kills = 0;
    for boundary in (1..).step_by(2) {
        let mut ours = world.subprocess("set_data_encryption", Some(VERSIONS));
        if ours.lead_past(boundary).await.is_some() {
            break;
        }
        ours.kill().await;
        kills += 1;
        world.nothing_is_lost().await;
    }
    assert!(kills >= 3, "{kills}");
    let report = set(&world, customer(&world, NetworkMode::Public), FOR_GOOD).await.unwrap();
    assert!(is_all_proven(&report), "{report:#?}");
    is_under(&world, Experience::CustomerManaged).await;
    is_readable(&world).await;
    assert!(world.is_removable(&world.ledger().await, 1), "nothing is under the versioned key");
}

#[tokio::test(flavor = "multi_thread")]
async fn from_a_versioned_key_to_the_platform() {
    let Some(world) = world().await else { return };
    world.enable(1).await.unwrap();
    moves(&world, Experience::PlatformManaged, 2).await;
    assert!(world.is_removable(&world.ledger().await, 1), "nothing is under the versioned key");
}
