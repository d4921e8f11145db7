//! The Lease of a call that is dropped: given back, unless a change of the call may be on its way.

use std::{
    pin::pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use aks_kms::{
    KmsManager, OnProgress, OperationReport, Phase, Progress, ResumeOptions, RotateOptions,
};
use aks_kms_simulator::writes::Write;
use serde_json::json;
use tokio::sync::Notify;

use crate::common::{self, world::World};

async fn with_kms() -> World {
    let world = World::embedded("one-provider", json!({"secrets": {"each": 200}})).await;
    world.enable(1).await.unwrap();
    world
}

/// Drops a rotation to the second key when something has come about.
async fn drop_rotation(
    world: &World,
    manager: &KmsManager,
    on_progress: Option<OnProgress>,
    it_is_time: impl Future<Output = ()>,
) {
    let options = RotateOptions { on_progress, ..RotateOptions::default() };
    tokio::select! {
        biased;
        () = it_is_time => {}
        outcome = manager.rotate(world.key(2), options) => panic!("it ended: {outcome:#?}"),
    }
}

/// The same, at the first progress that is accepted.
async fn drop_rotation_at(
    world: &World,
    manager: &KmsManager,
    accepts: impl Fn(&Progress) -> bool + Send + Sync + 'static,
) {
    let now = Arc::new(Notify::new());
    let told = Arc::clone(&now);
    let on_progress = common::once_when(accepts, move || told.notify_one());
    drop_rotation(world, manager, Some(on_progress), now.notified()).await;
}

/// Goes on with the rotation, on a machine of its own. Whether it had to watch a Lease first.
async fn resumed(world: &World) -> (bool, OperationReport) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let said = Arc::clone(&heard);
    let run = common::watched(Arc::new(move |now| said.lock().unwrap().push(now.message)));
    let report = world.manager().resume(ResumeOptions::from(run)).await.unwrap();
    assert!(report.is_proven(), "{report:#?}");
    world.all_under(2).await;
    let is_of_lease = |text: &String| text.contains("still holds the cluster's Lease");
    let watched = heard.lock().unwrap().iter().any(is_of_lease);
    (watched, report)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_call_does_not_wait_for_one_that_was_dropped() {
    let at: [fn(&Progress) -> bool; 3] = [
        |now| now.phase == Phase::Verify,
        |now| now.phase == Phase::Converge && now.step > 2,
        |now| now.phase == Phase::Reencrypt && now.step > 2 && now.done > 20,
    ];
    for (number, accepts) in at.into_iter().enumerate() {
        let world = with_kms().await;
        let manager = world.manager();
        drop_rotation_at(&world, &manager, accepts).await;
        manager.leases_released().await;
        let (watched, _) = resumed(&world).await;
        assert!(!watched, "{number}: the Lease was still held");
    }
}

/// While Azure works on a change nothing of the call is on its way.
#[tokio::test(flavor = "multi_thread")]
async fn the_next_call_does_not_wait_where_azure_was_at_work() {
    let world = with_kms().await;
    world.faults(json!({"operation_seconds": 50})).await;
    let manager = world.manager();
    drop_rotation_at(&world, &manager, |now| now.message.contains("operation is")).await;
    manager.leases_released().await;
    let (watched, report) = resumed(&world).await;
    assert!(!watched, "the Lease was still held");
    assert_eq!(changes(&world), 2, "enable and rotate: {report:#?}");
}

/// It may come through at any time. Nobody else begins until the Lease is dead.
#[tokio::test(flavor = "multi_thread")]
async fn the_lease_is_kept_while_a_change_is_on_its_way() {
    let world = with_kms().await;
    let unanswered = json!({
        "method": "PUT", "path": "/managedClusters/", "status": 503, "latency_ms": 60_000, "takes_effect": true,
    });
    world.faults(json!({"azure": [unanswered]})).await;
    let manager = world.manager();
    let sent = common::until("the change is sent", async || changes(&world) == 2);
    drop_rotation(&world, &manager, None, pin!(sent)).await;
    manager.leases_released().await;
    world.faults(json!({})).await;
    let (watched, _) = resumed(&world).await;
    assert!(watched, "the Lease was given back");
    assert_eq!(changes(&world), 2, "enable and rotate");
}

/// A time limit drops the work as well.
#[tokio::test(flavor = "multi_thread")]
async fn the_lease_is_kept_where_a_time_limit_ends_a_change_on_its_way() {
    let world = with_kms().await;
    let unanswered = json!({
        "method": "PUT", "path": "/managedClusters/", "status": 503, "latency_ms": 60_000, "takes_effect": true,
    });
    world.faults(json!({"azure": [unanswered]})).await;
    let options = RotateOptions { timeout: Duration::from_secs(5), ..RotateOptions::default() };
    let error = world.manager().rotate(world.key(2), options).await.unwrap_err();
    assert!(error.to_string().contains("time limit of 5 s"), "{error}");
    assert_eq!(changes(&world), 2, "it was sent");
    world.faults(json!({})).await;
    let (watched, _) = resumed(&world).await;
    assert!(watched, "the Lease was given back");
}

/// Nothing can be sent there, so the Lease dies by itself.
#[test]
fn a_call_may_be_dropped_outside_of_a_runtime() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let world = runtime.block_on(with_kms());
    let manager = world.manager();
    let options = RotateOptions::default();
    let mut call = Box::pin(manager.rotate(world.key(2), options));
    runtime.block_on(async {
        let sent = common::until("the change is sent", async || changes(&world) == 2);
        tokio::select! {
            biased;
            () = sent => {}
            outcome = &mut call => panic!("it ended: {outcome:#?}"),
        }
    });
    drop(call);
    runtime.block_on(async {
        manager.leases_released().await;
        let (watched, _) = resumed(&world).await;
        assert!(watched, "the Lease was given back");
    });
}

/// How many changes were asked of Azure.
fn changes(world: &World) -> usize {
    let writes = world.simulator.writes(&world.case.id).unwrap();
    writes.iter().filter(|write| matches!(write, Write::Request { .. })).count()
}
