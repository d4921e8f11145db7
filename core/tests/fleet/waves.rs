//! Wave after wave: what fails stops the next one, and after it is fixed the same call goes on.

use std::sync::{Arc, Mutex};

use aks_kms::{FleetOptions, FleetProgress, OnFleetProgress, OperationOutcome, RuleId};
use serde_json::json;

use crate::world::{DAY, FleetWorld, VERSIONS, daily};

use OperationOutcome::{Done, Failed, NotDue, NotStarted, Planned, Refused};

fn waves(waves: &[usize]) -> FleetOptions {
    FleetOptions { waves: waves.to_vec(), ..FleetOptions::default() }
}

fn outcomes(report: &aks_kms::FleetReport) -> Vec<OperationOutcome> {
    report.clusters.iter().map(|row| row.outcome).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_are_rotated_once_and_found_not_due_afterwards() {
    let world = FleetWorld::new(5, &json!({}), &[]).await;
    let report = world.fleet().run(daily(), waves(&[1, 2])).await.unwrap();
    assert_eq!(outcomes(&report), [Done; 5], "{report}");
    assert!(report.is_complete() && report.stopped.is_none(), "{report}");
    let numbers: Vec<usize> = report.clusters.iter().map(|row| row.wave).collect();
    assert_eq!(numbers, [1, 2, 2, 3, 3]);
    for (number, row) in report.clusters.iter().enumerate() {
        assert!(row.proven && row.code.is_none(), "{row:#?}");
        assert_eq!(row.cluster, world.id(number), "in the order given");
        assert_eq!(row.previous_key_id.as_ref().unwrap().as_str(), world.cases[number].key_ids[0]);
        assert_eq!(row.key_id, Some(world.key(number)));
        world.is_proven(number).await;
    }
    for _ in 0..2 {
        let report = world.fleet().run(daily(), waves(&[1, 2])).await.unwrap();
        assert_eq!(outcomes(&report), [NotDue; 5], "{report}");
        assert!(report.is_complete());
    }
    for number in 0..5 {
        assert_eq!(world.versions(number).await, VERSIONS + 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_is_refused_stops_the_next_wave_and_after_mending_the_same_call_goes_on() {
    let off = json!({"vault": {"firewall": true}});
    let world = FleetWorld::new(4, &json!({}), &[(1, off)]).await;
    let report = world.fleet().run(daily(), waves(&[1, 2])).await.unwrap();
    assert_eq!(outcomes(&report), [Done, Refused, Done, NotStarted], "{report}");
    let refused = &report.clusters[1];
    assert!(refused.rules.contains(&RuleId::VaultFirewall), "{refused:#?}");
    assert_eq!(refused.code.as_deref(), Some("preflight_failed"));
    let stopped = report.stopped.as_deref().unwrap();
    assert!(stopped.contains("wave 3 was not begun: 1 of 2 clusters of wave 2"), "{stopped}");
    assert!(!report.is_complete());
    assert!(!world.has_rotated(1) && !world.has_rotated(3));
    let html = report.to_html();
    for said in ["2 of 4 clusters are not done", "vault-firewall", "wave 3 was not begun"] {
        assert!(html.contains(said), "{said}: {html}");
    }
    let times: Vec<_> = report.clusters.iter().map(|row| row.started_at).collect();
    assert!(times[0] < times[1] && times[3].is_none(), "{times:?}");
    assert!(times.iter().flatten().all(|at| (report.started_at..report.finished_at).contains(at)));

    let vault = world.cases[1].key_vault_id.rsplit('/').next().unwrap();
    let open = json!({"properties": {"networkAcls": {"defaultAction": "Allow"}}});
    world.simulator.patch_vault(&world.cases[1].id, vault, &open).unwrap();
    let report = world.fleet().run(daily(), waves(&[1, 2])).await.unwrap();
    assert_eq!(outcomes(&report), [NotDue, Done, NotDue, Done], "{report}");
    assert!(report.is_complete());
    for number in 0..4 {
        assert_eq!(world.versions(number).await, VERSIONS + 1, "{number}");
        world.is_proven(number).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_stops_no_other_cluster_of_its_wave() {
    let world = FleetWorld::new(4, &json!({}), &[]).await;
    let gone =
        json!({"azure": [{"path": "managedClusters", "status": 404, "code": "ResourceNotFound"}]});
    world.faults(0, gone).await;
    let report = world.fleet().run(daily(), waves(&[3])).await.unwrap();
    assert_eq!(outcomes(&report), [Failed, Done, Done, NotStarted], "{report}");
    let failed = &report.clusters[0];
    assert_eq!(failed.code.as_deref(), Some("not_found"));
    assert!(failed.message.as_ref().unwrap().contains("managed cluster"), "{failed:#?}");
    assert!(failed.key_id.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn after_so_many_failures_no_more_clusters_are_begun() {
    let world = FleetWorld::new(4, &json!({"vault": {"firewall": true}}), &[]).await;
    let options = FleetOptions {
        max_clusters: Some(1),
        stop_after_failures: Some(2),
        ..FleetOptions::default()
    };
    let report = world.fleet().run(daily(), options).await.unwrap();
    assert_eq!(outcomes(&report), [Refused, Refused, NotStarted, NotStarted], "{report}");
    let stopped = report.stopped.unwrap();
    assert!(stopped.starts_with("no more clusters were begun after 2"), "{stopped}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_goes_through_all_waves_and_writes_nothing() {
    let off = json!({"vault": {"firewall": true}});
    let world = FleetWorld::new(3, &json!({}), &[(0, off)]).await;
    let options = FleetOptions { dry_run: true, ..waves(&[1, 1]) };
    let report = world.fleet().run(daily(), options).await.unwrap();
    assert_eq!(outcomes(&report), [Refused, Planned, Planned], "{report}");
    assert!(report.clusters[0].rules.contains(&RuleId::VaultFirewall), "{report:#?}");
    assert_eq!(report.clusters[2].wave, 3);
    assert!(report.dry_run && report.stopped.is_none() && !report.is_complete());
    for (number, case) in world.cases.iter().enumerate() {
        assert_eq!(world.simulator.writes(&case.id).unwrap(), [], "{number}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_is_of_the_whole_and_of_each() {
    let world = FleetWorld::new(3, &json!({}), &[]).await;
    let seen: Arc<Mutex<Vec<FleetProgress>>> = Arc::default();
    let on_progress: OnFleetProgress = {
        let seen = Arc::clone(&seen);
        Arc::new(move |now| seen.try_lock().expect("calls never overlap").push(now))
    };
    let options = FleetOptions { on_progress: Some(on_progress), ..waves(&[1]) };
    world.fleet().run(daily(), options).await.unwrap();
    let seen = seen.lock().unwrap();
    let last = seen.last().unwrap();
    assert!(last.finished && seen.iter().filter(|now| now.finished).count() == 1);
    assert_eq!((last.wave, last.waves, last.at_work), (2, 2, 0));
    assert_eq!((last.totals.clusters, last.totals.done, last.totals.not_started), (3, 3, 0));
    assert_eq!(last.message, "3 clusters: 3 done");
    for number in 0..3 {
        let id = world.id(number);
        let of_it = || seen.iter().filter(|now| now.cluster.as_ref() == Some(&id));
        assert!(of_it().any(|now| now.progress.as_ref().is_some_and(|it| it.total.is_some())));
        assert_eq!(of_it().filter(|now| now.outcome == Some(Done)).count(), 1);
        let wave = of_it().next().unwrap().wave;
        assert_eq!(wave, if number == 0 { 1 } else { 2 }, "the next wave waits");
    }
    assert!(seen.iter().any(|now| now.at_work == 2), "two of the second wave at once");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_threshold_leaves_them_all() {
    let world = FleetWorld::new(2, &json!({}), &[]).await;
    let (case, disabled) = (&world.cases[1], json!({"attributes": {"enabled": false}}));
    world.simulator.patch_key(&case.id, &case.key_ids[0], &disabled).unwrap();
    let rotate = aks_kms::RotateOptions { when_older_than: Some(30 * DAY), ..daily() };
    let report = world.fleet().run(rotate, FleetOptions::default()).await.unwrap();
    assert_eq!(outcomes(&report), [NotDue; 2]);
    assert!(report.clusters.iter().all(|row| row.key_created_at.is_some()));
    let warns = |number: usize| report.clusters[number].rules.contains(&RuleId::KeyDisabled);
    assert!(!warns(0) && warns(1), "{report:#?}");
    for case in &world.cases {
        assert_eq!(world.simulator.writes(&case.id).unwrap(), []);
    }
}
