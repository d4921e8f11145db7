//! Rotation by the age of the key in use: a call that a scheduler may make every day, and that may be killed anywhere.

use std::time::Duration;

use aks_kms::{
    Error, Journal, OperationOutcome, OperationReport, RotateOptions, RuleId, StatusOptions,
};
use futures::{StreamExt, stream};
use serde_json::json;

use crate::common::{
    self,
    subprocess::Subprocess,
    world::{World, is_all_proven},
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Of the key, when a world begins: the first is five days old.
const VERSIONS: usize = 5;
/// More phases than a rotation has.
const PHASES: usize = 30;
/// Worlds at the same time.
const AT_ONCE: usize = 6;

async fn world() -> World {
    let given = json!({"secrets": {"namespaces": 3, "each": 20}});
    let world = World::embedded("one-provider", given).await;
    world.enable(1).await.unwrap();
    world
}

async fn rotate(world: &World, when_older_than: Duration) -> Result<OperationReport, Error> {
    let when_older_than = Some(when_older_than);
    world.manager().rotate(None, RotateOptions { when_older_than, ..Default::default() }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_young_key_is_left_and_no_secret_is_asked() {
    let world = world().await;
    let record = world.kubectl().record().await;
    world.simulator.clear_writes(&world.case.id).unwrap();
    world.simulator.watch_requests(&world.case.id).unwrap();
    let report = rotate(&world, 6 * DAY).await.unwrap();
    assert_eq!(report.outcome, OperationOutcome::NotDue);
    assert!(report.plan.is_empty() && report.reencryption.is_empty() && !report.is_proven());
    let age = report.started_at - report.before.key_created_at.unwrap();
    assert_eq!(age.whole_days(), 5);
    assert_eq!(world.simulator.writes(&world.case.id).unwrap(), []);
    assert_eq!(world.kubectl().record().await, record);
    assert_eq!(world.versions().await.len(), VERSIONS);
    let status = world.manager().status(StatusOptions::default()).await.unwrap();
    assert_eq!(status.key_created_at, report.before.key_created_at);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_day_the_same_call_makes_one_version_in_all() {
    let world = world().await;
    let report = rotate(&world, 5 * DAY).await.unwrap();
    assert_eq!(report.outcome, OperationOutcome::Done);
    assert!(is_all_proven(&report), "{report:#?}");
    assert!(report.findings.iter().any(|finding| finding.rule == RuleId::KeyAge));
    let made = world.configured().unwrap();
    world.all_under_key(&made).await;
    for _ in 0..3 {
        let report = rotate(&world, 5 * DAY).await.unwrap();
        assert_eq!(report.outcome, OperationOutcome::NotDue);
    }
    assert_eq!((world.versions().await.len(), world.configured()), (VERSIONS + 1, Some(made)));
}

/// Killed at every step boundary, and called again: the version that was made is used, and nothing is called not due
/// before all secrets are under it.
#[tokio::test(flavor = "multi_thread")]
async fn killed_at_every_step_boundary_and_called_again() {
    let kills: usize = stream::iter(0..PHASES)
        .map(|boundary| async move {
            let world = world().await;
            let mut killed: Subprocess = world.subprocess("rotate_by_age", None);
            let over = killed.lead_past(boundary).await.is_some();
            killed.kill().await;
            let is_new = world.configured().as_deref() != Some(world.key(1));
            let report = rotate(&world, DAY).await.unwrap();
            let what = format!("boundary {boundary}: {report:#?}");
            if report.outcome == OperationOutcome::NotDue {
                assert!(is_new, "{what}");
            } else {
                assert!(!over && is_all_proven(&report), "{what}");
            }
            assert_eq!(world.versions().await.len(), VERSIONS + 1, "{what}");
            world.all_under_key(&world.configured().unwrap()).await;
            let ledger = world.ledger().await;
            assert!(ledger.current.unwrap().proven_at.is_some(), "{what}");
            assert_eq!(rotate(&world, DAY).await.unwrap().outcome, OperationOutcome::NotDue);
            usize::from(!over)
        })
        .buffer_unordered(AT_ONCE)
        .fold(0, async |sum, kills| sum + kills)
        .await;
    assert!((10..PHASES).contains(&kills), "{kills}");
}

/// A secret that nobody can rewrite keeps an operation unfinished, whose key is young.
#[tokio::test(flavor = "multi_thread")]
async fn an_operation_that_is_unfinished_is_never_called_not_due() {
    let world = world().await;
    let mut killed = world.subprocess("rotate_by_age", None);
    // The gate reads a proof: the pass after the change is the first.
    assert!(killed.run_until_phase("reencrypt", 1).await.is_none());
    killed.kill().await;
    assert_ne!(world.configured().as_deref(), Some(world.key(1)), "the change was sent");
    let dry = RotateOptions {
        dry_run: true,
        when_older_than: Some(300 * DAY),
        ..RotateOptions::default()
    };
    let report = world.manager().rotate(None, dry).await.unwrap();
    assert_eq!(report.outcome, OperationOutcome::Planned, "{report:#?}");
    let report = rotate(&world, 300 * DAY).await.unwrap();
    assert_eq!(report.outcome, OperationOutcome::Done);
    assert!(is_all_proven(&report), "{report:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_journal_an_age_tells_nothing() {
    let world = world().await;
    let manager = common::builder(&world.case).journal(Journal::None).build().unwrap();
    let options = RotateOptions { when_older_than: Some(DAY), ..RotateOptions::default() };
    let error = manager.rotate(None, options).await.unwrap_err();
    assert_eq!(error.code(), "invalid_input");
    assert!(error.to_string().contains("when_older_than needs a journal"), "{error}");
}

/// Two schedulers, one key: the one that comes second goes on with what the first began, or finds nothing due.
#[tokio::test(flavor = "multi_thread")]
async fn two_at_once_make_one_version() {
    let world = world().await;
    let (one, other) = futures::join!(rotate(&world, DAY), rotate(&world, DAY));
    for outcome in [one, other] {
        match outcome {
            Ok(report) => assert!(
                matches!(report.outcome, OperationOutcome::Done | OperationOutcome::NotDue),
                "{report:#?}"
            ),
            Err(error) => assert_eq!(error.code(), "conflict", "{error}"),
        }
    }
    assert_eq!(world.versions().await.len(), VERSIONS + 1);
    world.all_under_key(&world.configured().unwrap()).await;
}
