//! What ends a call, and what it leaves behind then.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use aks_kms::{ErrorKind, Phase, ResumeOptions, RotateOptions, RunOptions, StatusOptions};
use serde_json::json;

use crate::common::{self, world::World};

/// A cluster with a rotation to the second key that a killed process has left behind.
async fn with_an_unfinished_rotation() -> World {
    let world = World::embedded("one-provider", json!({})).await;
    world.enable(1).await.unwrap();
    let mut ours = world.subprocess("rotate", Some(2));
    assert!(ours.run_until_phase("cluster", 1).await.is_none());
    ours.kill().await;
    world
}

/// Neither is the Lease seen to be dead, nor does anything end the watching.
#[tokio::test(flavor = "multi_thread")]
async fn who_watches_a_lease_gives_up_on_an_api_server_that_goes_away() {
    let world = with_an_unfinished_rotation().await;
    let gone = json!([{"method": "GET", "path": "/leases/aks-kms", "status": 0, "after": 1}]);
    world.faults(json!({"kubernetes": gone})).await;
    let manager = world.manager();
    let outcome = tokio::time::timeout(Duration::from_secs(60), manager.abandon()).await;
    let error = outcome.expect("it ends by itself").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert!(error.to_string().contains("still holds the cluster's Lease"), "{error}");
    assert!(error.is_retryable());

    world.faults(json!({})).await;
    manager.abandon().await.unwrap();
    world.rotate(2).await.unwrap();
    world.all_under(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_limit_of_resume_covers_the_look_at_what_is_recorded() {
    let world = with_an_unfinished_rotation().await;
    world
        .faults(json!({
            "azure": [{
                "method": "GET", "path": "/managedClusters/", "status": 503,
                "latency_ms": 4_000, "times": 1,
            }],
            // for ever
            "operation_seconds": 1_000_000,
        }))
        .await;
    let began = Instant::now();
    let limit = Duration::from_secs(5);
    let options = ResumeOptions { timeout: limit, ..ResumeOptions::default() };
    let error = world.manager().resume(options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error:?}");
    assert!(error.to_string().contains("its time limit of 5 s"), "{error}");
    assert!(began.elapsed() < Duration::from_millis(8_500), "{:?}", began.elapsed());
}

/// Whoever took an error for a failure would make another version of the key and rotate once more.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_is_reported_although_the_cluster_cannot_be_read_afterwards() {
    for rewrites in [true, false] {
        let world = Arc::new(World::embedded("one-provider", json!({})).await);
        world.enable(1).await.unwrap();
        let unreadable = Arc::clone(&world);
        let on_progress = common::once_when(
            |now| now.message == "Record the keys and the proof in the cluster",
            move || {
                let refused =
                    json!([{"method": "GET", "path": "/managedClusters/", "status": 403}]);
                common::block_on(unreadable.faults(json!({"azure": refused})));
            },
        );
        let run = common::watched(on_progress);
        let report = if rewrites {
            world.rotate_with(2, run).await
        } else {
            let options =
                RotateOptions { reencrypt: aks_kms::Reencrypt::Skip, ..RotateOptions::from(run) };
            world.manager().rotate(world.key(2), options).await
        };
        let report = report.unwrap();
        assert_eq!(report.after.key_id.as_ref().unwrap().as_str(), world.key(2));
        assert_eq!(report.is_proven(), rewrites, "{report:#?}");
        assert!(report.after.operation_in_progress.is_none());
        world.faults(json!({})).await;
        let status = world.manager().status(StatusOptions::default()).await.unwrap();
        assert!(status.operation_in_progress.is_none());
        assert_eq!(report.ledger, status.ledger);
    }
}

/// Somebody changes the cluster before anything is written, so that it is planned again, and
/// refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_planned_again_and_refused_leaves_nothing_recorded() {
    let world = Arc::new(World::embedded("one-provider", json!({})).await);
    world.enable(1).await.unwrap();
    let others = Arc::clone(&world);
    let on_progress = common::once(Phase::Cluster, 0, move || {
        let patch = json!({"identity": {"type": "SystemAssigned", "userAssignedIdentities": null}});
        others.simulator.patch_cluster(&others.case.id, &patch).unwrap();
    });
    let error = world.rotate_with(2, common::watched(on_progress)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PreflightFailed, "{error:?}");
    assert!(!error.to_string().contains("recorded as unfinished"), "{error}");
    let status = world.manager().status(StatusOptions::default()).await.unwrap();
    assert!(status.operation_in_progress.is_none(), "{status:#?}");
    assert_eq!(world.configured().as_deref(), Some(world.key(1)));
    // what was recorded before it is still known
    assert!(world.ledger().await.current.unwrap().proven_at.is_some());
}

/// What an earlier call has begun is not forgotten because this one wrote nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_goes_on_and_is_refused_leaves_the_operation_recorded() {
    let world = Arc::new(with_an_unfinished_rotation().await);
    let others = Arc::clone(&world);
    let on_progress = common::once(Phase::Cluster, 0, move || {
        let patch = json!({"identity": {"type": "SystemAssigned", "userAssignedIdentities": null}});
        others.simulator.patch_cluster(&others.case.id, &patch).unwrap();
    });
    let run = RunOptions { on_progress: Some(on_progress), ..RunOptions::default() };
    let error = world.manager().resume(ResumeOptions::from(run)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PreflightFailed, "{error:?}");
    let status = world.manager().status(StatusOptions::default()).await.unwrap();
    assert!(status.operation_in_progress.is_some(), "{status:#?}");
}
