//! What is refused before any request, and which clusters a fleet finds.

use aks_kms::{
    EnableOptions, Error, ErrorKind, FleetOptions, FleetVerb, Journal, KubernetesAccess,
    OperationOutcome, PerCluster, RotateOptions, StatusOptions,
};
use serde_json::json;

use crate::world::{DAY, FleetWorld, daily};

fn refused(outcome: Result<impl std::fmt::Debug, Error>, names: &str) {
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    assert!(error.to_string().contains(names), "{names}: {error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_options_are_refused_before_any_request() {
    let world = FleetWorld::new(2, &json!({}), &[]).await;
    let fleet = world.fleet();
    let asked = world.router.asked().len();
    let run = async |options| fleet.run(daily(), options).await;
    refused(run(FleetOptions { waves: vec![1, 0], ..Default::default() }).await, "waves");
    refused(
        run(FleetOptions { max_clusters: Some(0), ..Default::default() }).await,
        "max_clusters",
    );
    let none = FleetOptions { stop_after_failures: Some(0), ..Default::default() };
    refused(run(none).await, "stop_after_failures");
    let always = fleet.run(RotateOptions::default(), FleetOptions::default()).await;
    refused(always, "when_older_than is missing");
    // a year in days, taken for seconds
    let seconds = Some(std::time::Duration::from_secs(365));
    let short = RotateOptions { when_older_than: seconds, ..daily() };
    refused(fleet.run(short, FleetOptions::default()).await, "when_older_than is 365 seconds");
    let timeout = RotateOptions { timeout: std::time::Duration::ZERO, ..daily() };
    refused(fleet.run(timeout, FleetOptions::default()).await, "timeout");
    let ids = vec![world.id(0), world.id(1)];
    let unrecorded = world.builder(ids.clone()).journal(Journal::None).build().unwrap();
    refused(unrecorded.run(daily(), FleetOptions::default()).await, "needs a journal");
    let short = RotateOptions { when_older_than: seconds, ..daily() };
    let both = unrecorded.run(short, FleetOptions::default()).await.unwrap_err().to_string();
    assert!(both.contains("365 seconds") && both.contains("needs a journal"), "{both}");
    let one_cluster = KubernetesAccess::InCluster;
    refused(world.builder(ids).kubernetes(one_cluster.clone()).build(), "leads to one cluster");
    assert!(world.builder(vec![world.id(0)]).kubernetes(one_cluster).build().is_ok());
    assert_eq!(world.router.asked().len(), asked);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_cluster_is_enabled_with_its_own_key() {
    let off = json!({"cluster": {"kms": null}});
    let world = FleetWorld::new(2, &off, &[]).await;
    let key = |number: usize| world.cases[number].key_ids[1].clone();
    let enable = |key_ids| FleetVerb::Enable { key_ids, options: EnableOptions::default() };
    let of_one = PerCluster::Each([(world.id(0), key(0))].into());
    let lacks = world.fleet().run(enable(of_one), FleetOptions::default()).await;
    refused(lacks, &format!("key_ids has nothing for cluster {}", world.id(1)));

    let malformed = [(world.id(0), key(0)), (world.id(1), "etcd".to_owned())];
    let malformed = enable(PerCluster::Each(malformed.into()));
    let outcome = world.fleet().run(malformed, FleetOptions::default()).await;
    refused(outcome, &format!("the key of cluster {}", world.id(1)));
    for case in &world.cases {
        assert_eq!(world.simulator.writes(&case.id).unwrap(), [], "the other one is not begun");
    }

    let keys = [(world.id(0), key(0)), (world.id(1), key(1))];
    let of_each = PerCluster::Each(keys.into());
    let report = world.fleet().run(enable(of_each), FleetOptions::default()).await.unwrap();
    assert!(report.is_complete(), "{report}");
    for number in 0..2 {
        assert_eq!(world.key(number).as_str(), key(number));
        world.is_proven(number).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clusters_are_found_by_subscription_and_chosen_by_a_filter() {
    let without = json!({"cluster": {"kms": null}});
    let world = FleetWorld::new(3, &json!({}), &[(1, without)]).await;
    let fleet =
        world.builder(world.subscriptions()).filter(|cluster| cluster.enabled).build().unwrap();
    let report = fleet.run(daily(), FleetOptions::default()).await.unwrap();
    assert!(report.is_complete(), "{report}");
    let mut chosen: Vec<_> = [0, 2].map(|number| world.id(number).to_string()).into();
    chosen.sort_unstable();
    let rows: Vec<_> = report.clusters.iter().map(|row| row.cluster.to_string()).collect();
    assert_eq!(rows, chosen, "by resource id");
    assert!(world.has_rotated(0) && world.has_rotated(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_finds_no_cluster_is_not_complete_and_says_why() {
    let world = FleetWorld::new(2, &json!({}), &[]).await;
    let none = world.builder(world.subscriptions()).filter(|_| false).build().unwrap();
    let report = none.run(daily(), FleetOptions::default()).await.unwrap();
    assert!(!report.is_complete() && report.clusters.is_empty(), "{report}");
    let why = report.stopped.as_deref().unwrap_or_default();
    assert!(why.starts_with("the filter left out all 2 clusters"), "{report}");
    assert!(report.to_string().contains(why), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_that_cannot_be_read_is_named_and_the_others_are_gone_through() {
    let world = FleetWorld::new(2, &json!({}), &[]).await;
    let denied = json!({"azure": [{"path": "managedClusters", "status": 403, "code": "AuthorizationFailed"}]});
    world.faults(1, denied).await;
    let fleet = world.builder(world.subscriptions()).build().unwrap();
    let status = StatusOptions { when_older_than: Some(DAY), ..StatusOptions::default() };
    let report = fleet.run(status, FleetOptions::default()).await.unwrap();
    assert_eq!(report.clusters.len(), 1);
    assert_eq!(report.clusters[0].outcome, OperationOutcome::Done);
    assert_eq!(report.unreadable.len(), 1, "{report}");
    assert!(report.unreadable[0].resource.contains(&world.cases[1].subscription_id));
    assert!(!report.is_complete(), "what was not read may be due");
}
