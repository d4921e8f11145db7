//! What Azure lets through is shared by all clusters: after the first refusal nobody asks there before its time.

use std::{sync::Arc, time::Duration};

use aks_kms::{ClusterId, FleetOptions, OperationOutcome, StatusOptions, Timing};
use serde_json::json;

use crate::{
    common,
    world::{Asked, DAY, FleetWorld, Router, builder, daily},
};

/// How long a request that was sent before a refusal was known may take to be answered.
const UNDER_WAY: Duration = Duration::from_millis(50);

fn timing() -> Timing {
    Timing { retry_after_longest: Duration::from_secs(60), ..Timing::scaled(common::SCALE) }
}

/// The requests after the first refusal.
fn after_refusal(asked: &[Asked], is_of: impl Fn(&Asked) -> bool) -> Vec<Duration> {
    let of: Vec<&Asked> = asked.iter().filter(|it| is_of(it)).collect();
    let first = of.iter().find(|it| it.refused).expect("one was refused").at;
    of.iter().filter(|it| it.at > first).map(|it| it.at - first).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_reads_in_a_subscription_before_its_time_and_others_are_not_held_back() {
    let world = FleetWorld::new(2, &json!({}), &[]).await;
    let ids = vec![world.id(0), world.id(1)];
    let fleet = world.builder(ids).timing(timing()).build().unwrap();
    let subscription = format!("/subscriptions/{}", world.cases[0].subscription_id);
    world.router.refuse(&subscription, 1, 2);
    let report = fleet.run(StatusOptions::default(), FleetOptions::default()).await.unwrap();
    assert!(report.is_complete(), "{report}");
    let asked = world.router.asked();
    let refused = asked.iter().find(|it| it.refused).unwrap().method.clone();
    let is_read = refused == "GET";
    let reads = |it: &Asked| it.url.contains(&subscription) && (it.method == "GET") == is_read;
    let after = after_refusal(&asked, reads);
    assert!(!after.is_empty());
    for sent in &after {
        let is_early = *sent > UNDER_WAY && *sent < Duration::from_secs(2);
        assert!(!is_early, "{after:?}");
    }
    assert!(report.clusters[0].seconds >= 2.0, "{report:#?}");
    assert!(report.clusters[1].seconds < 2.0, "another subscription: {report:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_goes_on_after_a_vault_or_a_subscription_was_too_busy() {
    let world = FleetWorld::new(2, &json!({}), &[]).await;
    world.router.refuse("/keys/etcd/create", 1, 1);
    world.router.refuse(&world.cases[1].subscription_id, 3, 1);
    let report = world.fleet().run(daily(), FleetOptions::default()).await.unwrap();
    for row in &report.clusters {
        assert_eq!(row.outcome, OperationOutcome::Done, "{report}");
    }
    for number in 0..2 {
        assert_eq!(world.versions(number).await, crate::world::VERSIONS + 1);
        world.is_proven(number).await;
    }
    let again = aks_kms::RotateOptions { when_older_than: Some(DAY), ..daily() };
    let report = world.fleet().run(again, FleetOptions::default()).await.unwrap();
    assert_eq!(report.totals.not_due, 2);
}

/// Its clusters wait; if they took all places, those of other subscriptions would wait with them.
#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_that_has_to_wait_does_not_take_all_places() {
    const EACH: usize = 4;
    let simulator = common::simulator().await;
    let given = json!({"subscriptions": 2, "clusters": 2 * EACH, "given": {"cluster": {"kms": {"key": "{{key.1}}"}}}});
    let made = simulator.put_fleet(&serde_json::from_value(given).unwrap()).unwrap();
    let router = Arc::new(Router::of_fleet(&made));
    let ids = made.clusters.iter().map(|it| ClusterId::parse(&it.cluster_id).unwrap());
    let case = simulator.case(&made.clusters[0].case).await.unwrap();
    let fleet = builder(&router, &case, ids.collect::<Vec<_>>()).timing(timing()).build().unwrap();
    let first = format!("/subscriptions/{}", made.subscription_ids[0]);
    router.refuse(&first, 1, 3);
    let options = FleetOptions { max_clusters: Some(2), ..FleetOptions::default() };
    let report = fleet.run(StatusOptions::default(), options).await.unwrap();
    assert!(report.is_complete(), "{report}");
    let ends = |of: &[aks_kms::FleetRow]| -> Vec<f64> {
        let end = |row: &aks_kms::FleetRow| {
            (row.started_at.unwrap() - report.started_at).as_seconds_f64() + row.seconds
        };
        of.iter().map(end).collect()
    };
    let (waited, others) = report.clusters.split_at(EACH);
    assert!(ends(waited).iter().any(|end| *end >= 3.0), "{report:#?}");
    assert!(ends(others).iter().all(|end| *end < 3.0), "{:?}", ends(others));
}
