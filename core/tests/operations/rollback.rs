//! An unusable new key, and the way back to the one before.

use std::time::Duration;

use aks_kms::{
    Error, ErrorKind, OperationReport, Purpose, ResumeOptions, RotateOptions, RuleId, RunOptions,
    Timing,
};
use aks_kms_simulator::given::Faults;
use serde_json::{Value, json};

use crate::common::world::{WIRINGS, World};

fn faults(value: Value) -> Faults {
    serde_json::from_value(value).unwrap()
}

fn failing(applied_to: &Value) -> Faults {
    faults(json!({"operations": [{
        "status": "Failed", "code": "InternalOperationError", "message": "it broke",
        "applied_to": applied_to,
    }]}))
}

#[tokio::test(flavor = "multi_thread")]
async fn sequence_06_a_failed_change_is_finished_by_resume() {
    for wiring in WIRINGS {
        for applied_to in [json!([]), json!([1])] {
            let world = World::embedded(wiring, json!({})).await;
            world.enable(1).await.unwrap();
            a_change_fails(&world, &applied_to).await;
        }
    }
}

pub(crate) async fn a_change_fails(world: &World, applied_to: &Value) {
    world.simulator.set_faults(&world.case.id, failing(applied_to)).await.unwrap();
    let error = world.rotate(2).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OperationFailed, "{error}");
    assert!(error.to_string().contains(world.key(1)), "names the way back: {error}");
    world.nothing_is_lost().await;
    world.simulator.set_faults(&world.case.id, Faults::default()).await.unwrap();
    world.manager().resume(ResumeOptions::default()).await.unwrap();
    world.all_under(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sequence_06_from_a_failed_change_the_key_before_is_set_again() {
    for wiring in WIRINGS {
        for applied_to in [json!([]), json!([1])] {
            let world = World::embedded(wiring, json!({})).await;
            world.enable(1).await.unwrap();
            world.simulator.set_faults(&world.case.id, failing(&applied_to)).await.unwrap();
            world.rotate(2).await.unwrap_err();
            world.simulator.set_faults(&world.case.id, Faults::default()).await.unwrap();
            let report = world.rotate(1).await.unwrap();
            // Where API servers were left on two keys, the first gate is under both.
            let last = report.reencryption.last().unwrap();
            assert!(last.complete && last.purpose == Purpose::Rewrite, "{report:#?}");
            world.all_under(1).await;
            assert!(report.after.operation_in_progress.is_none());
        }
    }
}

/// The time to find out is over between two of the rounds that have to bring the same response.
#[tokio::test(flavor = "multi_thread")]
async fn sequence_06_a_response_that_began_in_time_is_heard_to_the_end() {
    for wiring in WIRINGS {
        let world = World::embedded(wiring, json!({})).await;
        world.enable(1).await.unwrap();
        world.simulator.set_faults(&world.case.id, failing(&json!([1]))).await.unwrap();
        world.rotate(2).await.unwrap_err();
        world.simulator.set_faults(&world.case.id, Faults::default()).await.unwrap();
        let timing = Timing {
            convergence_limit: Duration::from_millis(900),
            convergence_poll: Duration::from_secs(1),
            ..world.timing()
        };
        let manager = world.builder_timing(timing);
        manager.resume(ResumeOptions::default()).await.unwrap();
        world.all_under(2).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sequence_20_the_new_key_is_bad_and_the_api_server_is_down() {
    for wiring in WIRINGS {
        let world = World::embedded(wiring, json!({})).await;
        world.enable(1).await.unwrap();
        bad_key_and_no_api_server(&world).await;
    }
}

pub(crate) async fn bad_key_and_no_api_server(world: &World) {
    let mut ours = world.subprocess("rotate", Some(2));
    assert!(ours.run_until_phase("converge", 2).await.is_none());
    ours.kill().await;
    // the key is unusable: it is disabled, and with it the API servers go
    let disabled = json!({"attributes": {"enabled": false}});
    world.simulator.patch_key(&world.case.id, world.key(2), &disabled).unwrap();
    let down = faults(json!({"kubernetes": [{"path": "/", "status": 0}]}));
    world.simulator.set_faults(&world.case.id, down).await.unwrap();
    back_without_an_api_server(world).await;
}

/// Nobody vouches for the key: refused. Somebody does: back it goes.
async fn back_without_an_api_server(world: &World) {
    let error = back(world, Vec::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PreflightFailed, "{error}");
    assert!(error.findings().iter().any(|it| it.rule == RuleId::RollbackUnproven), "{error}");
    assert_eq!(world.configured().as_deref(), Some(world.key(2)));
    back_to_the_first_key(world, &[RuleId::RollbackUnproven]).await;
}

async fn back(world: &World, allow: Vec<RuleId>) -> Result<OperationReport, Error> {
    let run = RunOptions { allow, ..RunOptions::default() };
    let options = RotateOptions::from(run);
    // an API server that is down is waited for as long as the limit is
    let limit = world.timing().convergence_limit.min(Duration::from_secs(60));
    let timing = Timing { convergence_limit: limit, ..world.timing() };
    world.builder_timing(timing).rotate(world.key(1), options).await
}

/// From the second key, which is unusable, to the first, with whatever the API server can tell.
pub(crate) async fn back_to_the_first_key(world: &World, allow: &[RuleId]) {
    // what brings the API servers back is the change itself
    let (simulator, case) = (&world.simulator, &world.case);
    let revive = async || {
        while world.configured().as_deref() != Some(world.key(1)) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        // the other key is read with as well, so it must work again
        let enabled = json!({"attributes": {"enabled": true}});
        simulator.patch_key(&case.id, world.key(2), &enabled).unwrap();
        simulator.set_faults(&case.id, Faults::default()).await.unwrap();
        Ok(())
    };
    let back = async { back(world, allow.to_vec()).await.map_err(|it| it.to_string()) };
    let (report, ()) = tokio::try_join!(back, revive()).unwrap();
    let purposes: Vec<Purpose> = report.reencryption.iter().map(|pass| pass.purpose).collect();
    assert!(!purposes.contains(&Purpose::Gate), "{purposes:?}");
    assert!(report.after.operation_in_progress.is_none(), "{report:#?}");
    world.all_under(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sequence_05_a_server_that_reads_the_new_key_and_writes_the_old_is_not_converged() {
    for wiring in WIRINGS {
        let world = World::embedded(wiring, json!({})).await;
        world.enable(1).await.unwrap();
        one_server_writes_old(&world).await;
    }
}

pub(crate) async fn one_server_writes_old(world: &World) {
    let writes_old = faults(json!({"api_servers": [{"server": 1, "kind": "writes-old"}]}));
    world.simulator.set_faults(&world.case.id, writes_old).await.unwrap();
    let timing = Timing { convergence_limit: Duration::from_secs(1), ..world.timing() };
    let error = world
        .builder_timing(timing)
        .rotate(world.key(2), RotateOptions::default())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::KmsUnavailable, "{error}");
    let ledger = world.ledger().await;
    assert!(!world.is_removable(&ledger, 1), "{ledger:#?}");
    assert_eq!(world.entry(&ledger, 2).unwrap().proven_at, None, "{ledger:#?}");
    world.nothing_is_lost().await;
    world.simulator.set_faults(&world.case.id, Faults::default()).await.unwrap();
    world.manager().resume(ResumeOptions::default()).await.unwrap();
    world.all_under(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sequence_24_a_server_that_starts_with_the_old_key_in_the_middle_of_the_rewrite() {
    for wiring in WIRINGS {
        let world = World::embedded(wiring, json!({})).await;
        world.enable(1).await.unwrap();
        a_server_starts_with_the_old_key(&world, 100.0).await;
    }
}

/// `seconds`: how long, before the simulator's scale, it goes without the new key.
pub(crate) async fn a_server_starts_with_the_old_key(world: &World, seconds: f64) {
    let mut ours = world.subprocess("rotate", Some(2));
    assert!(
        ours.run_until_phase("reencrypt", 1).await.is_none(),
        "all servers write with the new key"
    );
    let behind =
        faults(json!({"api_servers": [{"server": 2, "kind": "behind", "seconds": seconds}]}));
    world.simulator.set_faults(&world.case.id, behind).await.unwrap();
    world.simulator.restart_api_servers(&world.case.id).await.unwrap();
    let outcome = ours.end().await;
    // It is heard in the end, or it is said that it was not: never taken for proven.
    if outcome.code.is_some() {
        assert_eq!(outcome.code.as_deref(), Some("kms_unavailable"), "{}", outcome.message);
        world.simulator.set_faults(&world.case.id, Faults::default()).await.unwrap();
        world.manager().resume(ResumeOptions::default()).await.unwrap();
    }
    world.all_under(2).await;
}
