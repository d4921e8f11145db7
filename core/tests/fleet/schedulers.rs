//! Two schedulers that make the same call, at once or one after the other, and spell the clusters' ids differently.

use aks_kms::{ClusterId, FleetOptions, FleetReport, OperationOutcome};
use serde_json::json;

use crate::world::{FleetWorld, VERSIONS, daily};

const CLUSTERS: usize = 3;

async fn run(world: &FleetWorld, ids: Vec<ClusterId>) -> FleetReport {
    let fleet = world.builder(ids).build().unwrap();
    fleet.run(daily(), FleetOptions::default()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_goes_on_with_what_the_other_began_and_no_key_gets_two_versions() {
    let world = FleetWorld::new(CLUSTERS, &json!({}), &[]).await;
    let ids = || (0..CLUSTERS).map(|number| world.id(number));
    let shouted = || ids().map(|id| ClusterId::parse(&id.to_string().to_uppercase()).unwrap());
    let (one, other) =
        futures::join!(run(&world, ids().collect()), run(&world, shouted().rev().collect()));
    for row in one.clusters.iter().chain(&other.clusters) {
        let is_at_its_end =
            matches!(row.outcome, OperationOutcome::Done | OperationOutcome::NotDue);
        let is_named = row.code.as_deref() == Some("conflict") && row.message.is_some();
        assert!(is_at_its_end || is_named, "{row:#?}");
        if let Some(resume) = &row.resume {
            assert!(resume.contains("run the fleet again"), "{row:#?}");
        }
    }
    let report = run(&world, shouted().collect()).await;
    assert!(report.is_complete(), "{report}");
    let report = run(&world, ids().collect()).await;
    assert_eq!(report.totals.not_due, CLUSTERS, "{report}");
    for number in 0..CLUSTERS {
        assert_eq!(world.versions(number).await, VERSIONS + 1, "{number}");
        world.is_proven(number).await;
    }
}
