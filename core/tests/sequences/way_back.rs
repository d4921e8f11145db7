//! A new key that is no good, and the way back to the one before.

use aks_kms::{ErrorKind, Purpose, ResumeOptions, RotateOptions, RuleId, RunOptions, Timing};
use aks_kms_simulator::given::Faults;
use serde_json::{Value, json};

use crate::world::{WIRINGS, World};

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
            world.simulator.set_faults(&world.case.id, failing(&applied_to)).await.unwrap();
            let error = world.rotate(2).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::OperationFailed, "{error}");
            assert!(error.to_string().contains(world.key(1)), "names the way back: {error}");
            world.nothing_is_lost().await;
            world.simulator.set_faults(&world.case.id, Faults::default()).await.unwrap();
            world.manager().resume(ResumeOptions::default()).await.unwrap();
            world.all_under(2).await;
        }
    }
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
            assert!(report.reencryption.iter().all(|pass| pass.complete), "{report:#?}");
            world.all_under(1).await;
            assert!(report.after.operation_in_progress.is_none());
        }
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
    let mut ours = world.puppet("rotate", Some(2));
    assert!(ours.lead_to("converge", 1).await.is_none());
    ours.kill().await;
    // the key is no good: it is disabled, and with it the API servers go
    let disabled = json!({"attributes": {"enabled": false}});
    world.simulator.patch_key(&world.case.id, world.key(2), &disabled).unwrap();
    let down = faults(json!({"kubernetes": [{"path": "/", "status": 0}]}));
    world.simulator.set_faults(&world.case.id, down).await.unwrap();

    let back = |allow: Vec<RuleId>| async move {
        let options = RotateOptions {
            run: RunOptions { allow, ..RunOptions::default() },
            ..RotateOptions::default()
        };
        world.manager().rotate(Some(world.key(1)), options).await
    };
    let error = back(Vec::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PreflightFailed, "{error}");
    assert!(error.findings().iter().any(|it| it.rule == RuleId::WayBackUnproven), "{error}");
    assert_eq!(world.configured().as_deref(), Some(world.key(2)));

    // what brings the API servers back is the change itself
    let (simulator, case) = (&world.simulator, &world.case);
    let revive = async {
        while world.configured().as_deref() != Some(world.key(1)) {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        // the other key is read with as well, so it must work again
        let enabled = json!({"attributes": {"enabled": true}});
        simulator.patch_key(&case.id, world.key(2), &enabled).unwrap();
        simulator.set_faults(&case.id, Faults::default()).await.unwrap();
    };
    let (report, ()) = tokio::join!(back(vec![RuleId::WayBackUnproven]), revive);
    let report = report.unwrap();
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
        let writes_old = faults(json!({"api_servers": [{"server": 1, "kind": "writes-old"}]}));
        world.simulator.set_faults(&world.case.id, writes_old).await.unwrap();
        let timing =
            Timing { convergence_limit: std::time::Duration::from_secs(1), ..world.timing() };
        let error = world
            .builder_timing(timing)
            .rotate(Some(world.key(2)), RotateOptions::default())
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
}
