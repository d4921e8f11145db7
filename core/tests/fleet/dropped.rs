//! A run that is dropped, as by Ctrl-C: its Leases are given back, and the same call goes on.

use std::sync::{Arc, Mutex};

use aks_kms::{FleetOptions, FleetProgress, OnFleetProgress, Phase};
use serde_json::json;
use tokio::sync::Notify;

use crate::world::{FleetWorld, VERSIONS, daily};

/// Drops a run at the first progress that is accepted.
async fn drop_at(world: &FleetWorld, accepts: fn(&FleetProgress) -> bool) {
    let (now, fleet) = (Arc::new(Notify::new()), world.fleet());
    let on_progress: OnFleetProgress = {
        let now = Arc::clone(&now);
        Arc::new(move |progress| {
            if accepts(&progress) {
                now.notify_one();
            }
        })
    };
    let options = FleetOptions { on_progress: Some(on_progress), ..FleetOptions::default() };
    tokio::select! {
        biased;
        () = now.notified() => {}
        report = fleet.run(daily(), options) => panic!("it ended: {report:#?}"),
    }
    fleet.leases_released().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_call_goes_on_at_once_and_no_key_gets_two_versions() {
    let at: [fn(&FleetProgress) -> bool; 5] = [
        |now| now.waves > 0,
        |now| now.at_work > 0,
        |now| now.progress.as_ref().is_some_and(|it| it.phase == Phase::Converge && it.step > 2),
        |now| now.progress.as_ref().is_some_and(|it| it.phase == Phase::Reencrypt && it.done > 0),
        |now| now.totals.done > 0,
    ];
    let world = FleetWorld::new(3, &json!({"secrets": {"each": 50}}), &[]).await;
    for accepts in at {
        drop_at(&world, accepts).await;
    }
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let on_progress: OnFleetProgress = {
        let heard = Arc::clone(&heard);
        Arc::new(move |now| heard.lock().unwrap().push(now.message))
    };
    let options = FleetOptions { on_progress: Some(on_progress), ..FleetOptions::default() };
    let report = world.fleet().run(daily(), options).await.unwrap();
    assert!(report.is_complete(), "{report}");
    let is_of_lease = |text: &String| text.contains("still holds the cluster's Lease");
    assert!(!heard.lock().unwrap().iter().any(is_of_lease), "a Lease was still held");
    for number in 0..3 {
        assert_eq!(world.versions(number).await, VERSIONS + 1, "{number}");
        world.is_proven(number).await;
    }
}
