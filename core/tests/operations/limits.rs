//! What ends a call, and what it leaves behind then.

use std::time::{Duration, Instant};

use aks_kms::{ErrorKind, ResumeOptions};
use serde_json::json;

use crate::common::world::World;

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
