//! Machines that die, sleep, and meet each other.

use std::time::Duration;

use aks_kms::{
    DisableOptions, ErrorKind, OperationReport, Purpose, ResumeOptions, RotateOptions, RunOptions,
    StatusOptions, StepKind, StepReport,
};
use serde_json::json;

use crate::common::world::{WIRINGS, World, assert_complete, is, is_all_proven};

#[tokio::test(flavor = "multi_thread")]
async fn sequence_09_a_crash_after_the_change_then_abandon() {
    for wiring in WIRINGS {
        let world = World::embedded(wiring, json!({})).await;
        world.enable(1).await.unwrap();
        let mut ours = world.subprocess("rotate", Some(2));
        assert!(ours.run_until_phase("converge", 2).await.is_none(), "the change is made");
        ours.kill().await;
        let status = world.manager().status(StatusOptions::default()).await.unwrap();
        let running = status.operation_in_progress.unwrap();
        assert_eq!(running.target_key_id.unwrap().as_str(), world.key(2));

        let report = world.manager().abandon().await.unwrap();
        assert!(report.after.operation_in_progress.is_none());
        let ledger = report.ledger.unwrap();
        assert!(is(ledger.current.as_ref(), world.key(2)), "{ledger:#?}");
        assert!(is(ledger.previous.as_ref(), world.key(1)), "{ledger:#?}");
        assert_eq!(ledger.current.unwrap().proven_at, None);
        // the gate of the next rotation rewrites what was left
        let report = world.rotate(3).await.unwrap();
        assert_complete(&report, &[Purpose::Gate, Purpose::Rewrite]);
        world.all_under(3).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_before_the_change_then_abandon_keeps_the_key_that_may_still_come() {
    for wiring in WIRINGS {
        let world = World::embedded(wiring, json!({})).await;
        world.enable(1).await.unwrap();
        let mut ours = world.subprocess("rotate", Some(2));
        assert!(ours.run_until_phase("cluster", 1).await.is_none());
        ours.kill().await;
        world.manager().abandon().await.unwrap();
        assert_eq!(world.configured().as_deref(), Some(world.key(1)));
        let ledger = world.ledger().await;
        assert!(is(ledger.current.as_ref(), world.key(1)) && ledger.pending.is_none());
        assert!(!world.is_removable(&ledger, 2), "{ledger:#?}");
        world.rotate(3).await.unwrap();
        world.all_under(3).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sequence_10_a_sleeps_b_takes_over_and_rotates_on_and_a_wakes() {
    for wiring in WIRINGS {
        let world = World::embedded(wiring, json!({})).await;
        a_sleeps_and_b_goes_on(&world).await;
    }
}

pub(crate) async fn a_sleeps_and_b_goes_on(world: &World) {
    world.enable(1).await.unwrap();
    let mut a = world.subprocess("rotate", Some(2));
    assert!(a.run_until_phase("cluster", 1).await.is_none(), "about to change the key");
    a.sleep().await;
    let report = world.manager().resume(ResumeOptions::default()).await.unwrap();
    assert!(is_all_proven(&report), "{report:#?}");
    world.all_under(2).await;
    world.rotate(3).await.unwrap();
    let record = world.kubectl().record().await;
    a.wake().await;
    let outcome = a.end().await;
    assert_eq!(outcome.code.as_deref(), Some("conflict"), "{}", outcome.message);
    assert!(outcome.message.contains("took over this operation"), "{}", outcome.message);
    assert!(!outcome.message.contains("abandon drops it"), "it is B's: {}", outcome.message);
    assert_eq!(world.configured().as_deref(), Some(world.key(3)), "A changed nothing");
    assert_eq!(world.kubectl().record().await, record, "and recorded nothing");
    world.all_under(3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_machines_at_once_the_second_is_told_who_is_at_work() {
    for wiring in WIRINGS {
        let world = World::embedded(wiring, json!({})).await;
        world.enable(1).await.unwrap();
        let mut a = world.subprocess("rotate", Some(2));
        assert!(a.run_until_phase("reencrypt", 1).await.is_none());
        for (what, outcome) in [
            ("the same verb", world.rotate(2).await),
            ("resume", world.manager().resume(ResumeOptions::default()).await),
            ("another verb", world.disable().await),
            ("abandon", world.manager().abandon().await),
        ] {
            let error = outcome.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Conflict, "{what}: {error}");
            assert!(error.to_string().contains("aks-kms on "), "{what}: {error}");
        }
        // reading always answers
        assert!(
            world
                .manager()
                .status(StatusOptions::default())
                .await
                .unwrap()
                .operation_in_progress
                .is_some()
        );
        let outcome = a.end().await;
        assert_eq!(outcome.code, None, "{}", outcome.message);
        world.all_under(2).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_verb_goes_on_where_a_killed_process_was() {
    for wiring in WIRINGS {
        let world = World::embedded(wiring, json!({})).await;
        world.enable(1).await.unwrap();
        let mut a = world.subprocess("rotate", None);
        assert!(a.run_until_phase("converge", 2).await.is_none());
        a.kill().await;
        let configured = world.configured().unwrap();
        let report = world.manager().rotate(None, aks_kms::RotateOptions::default()).await.unwrap();
        assert_eq!(report.after.key_id.unwrap().as_str(), configured, "no second version");
        world.all_under_key(&configured).await;
    }
}

/// The version was made: nobody makes it again, and a dry run does not say so either.
#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_of_an_unfinished_rotation_goes_on_with_the_version_that_was_made() {
    for wiring in WIRINGS {
        for phase in ["converge", "cluster"] {
            let world = World::embedded(wiring, json!({})).await;
            let made = killed_with_a_version_made(&world, phase).await;
            world.simulator.clear_writes(&world.case.id).unwrap();
            let run = || RunOptions { dry_run: true, ..RunOptions::default() };
            let resume = ResumeOptions::from(run());
            let resumed = world.manager().resume(resume).await.unwrap();
            let rotate = RotateOptions::from(run());
            let rotated = world.manager().rotate(None, rotate).await.unwrap();
            for report in [&resumed, &rotated] {
                assert!(report.dry_run && !makes_version(report), "{phase}: {}", report.plan);
                assert!(report.plan.to_string().contains(&made), "{phase}: {}", report.plan);
            }
            // Of another verb it still shows a plan; the call itself would be refused.
            let disable = DisableOptions::from(run());
            world.manager().disable(disable).await.unwrap();
            assert_eq!(world.simulator.writes(&world.case.id).unwrap(), []);

            let report = world.manager().resume(ResumeOptions::default()).await.unwrap();
            assert_eq!(report.plan, resumed.plan, "{phase}: what was shown is what is done");
            assert_eq!(report.after.key_id.unwrap().as_str(), made);
            world.all_under_key(&made).await;
        }
    }
}

/// Killed between the vault's answer and the record: the version's tag tells, whatever the record
/// says.
#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_was_made_but_not_recorded_is_found_and_not_made_again() {
    for target in [json!(null), json!("off")] {
        let world = World::embedded("one-provider", json!({})).await;
        let made = killed_with_a_version_made(&world, "cluster").await;
        let mut record = world.kubectl().record().await.unwrap();
        record["operation"]["target"] = target;
        world.kubectl().seal_record(&record).await;
        let report = world.manager().resume(ResumeOptions::default()).await.unwrap();
        let makes = |it: &StepReport| matches!(it.step.kind, StepKind::CreateKeyVersion { .. });
        assert!(!report.steps.iter().any(makes), "{report:#?}");
        assert_eq!(report.after.key_id.unwrap().as_str(), made);
        world.all_under_key(&made).await;
    }
}

/// A rotation without a key id dies at a phase; the version that it has made.
async fn killed_with_a_version_made(world: &World, phase: &str) -> String {
    world.enable(1).await.unwrap();
    let mut ours = world.subprocess("rotate", None);
    assert!(ours.run_until_phase(phase, 1).await.is_none(), "{phase}");
    ours.kill().await;
    let status = world.manager().status(StatusOptions::default()).await.unwrap();
    let running = status.operation_in_progress.expect("it is unfinished");
    let made = running.target_key_id.expect("the record names the version that was made");
    assert!(!world.case.key_ids.contains(&made.to_string()), "{made}");
    made.to_string()
}

fn makes_version(report: &OperationReport) -> bool {
    report.plan.iter().any(|step| matches!(step.kind, StepKind::CreateKeyVersion { .. }))
}

#[tokio::test(flavor = "multi_thread")]
async fn resume_with_nothing_recorded_does_nothing() {
    let world = World::embedded("one-provider", json!({})).await;
    let report = world.manager().resume(ResumeOptions::default()).await.unwrap();
    assert!(report.plan.is_empty() && report.steps.is_empty(), "{report:#?}");
    world.enable(1).await.unwrap();
    let report = world.manager().resume(ResumeOptions::default()).await.unwrap();
    assert!(report.steps.is_empty(), "{report:#?}");
}

/// A write that was encrypted under the old key before the servers converged lands after it.
#[tokio::test(flavor = "multi_thread")]
async fn sequence_08_writes_that_are_under_way_at_the_watermark_are_found() {
    for wiring in WIRINGS {
        let world = World::embedded(wiring, json!({})).await;
        writes_at_the_watermark(&world).await;
    }
}

pub(crate) async fn writes_at_the_watermark(world: &World) {
    world.enable(1).await.unwrap();
    let kubectl = world.kubectl();
    let writer = tokio::spawn(async move {
        for round in 0_u64.. {
            for number in 1..=5 {
                let name = format!("secret-{number}");
                kubectl.update("team-1", &name, &round.to_string()).await;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    for number in 2..=4 {
        let report = world.rotate(number).await.unwrap();
        assert!(is_all_proven(&report), "{report:#?}");
        world.all_under(number).await;
    }
    writer.abort();
}
