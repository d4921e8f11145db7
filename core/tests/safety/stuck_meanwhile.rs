//! What others do meanwhile, and is no reason to end a run or to be undone by it.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use aks_kms::{EnableOptions, Journal, OnProgress, Phase, Purpose, RotateOptions, Timing};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::common::{
    self, block_on, once, until, watched,
    world::{WIRINGS, World, assert_complete},
};

/// A node pool is scaled while a change that Azure did not take waits to be sent again: it keeps its
/// new size.
#[tokio::test(flavor = "multi_thread")]
async fn s05_a_node_pool_that_is_scaled_while_the_change_is_sent_again_keeps_its_size() {
    for wiring in WIRINGS {
        let world = World::embedded(wiring, json!({})).await;
        world.enable(1).await.unwrap();
        world.simulator.clear_writes(&world.case.id).unwrap();
        world
            .faults(json!({"azure": [{
                "method": "PUT", "path": "managedClusters", "status": 503, "times": 1,
            }]}))
            .await;
        // long enough for the pool to be scaled in between, however busy the machine is
        let backoff_first = Duration::from_secs(5);
        let patient = world.builder_timing(Timing {
            backoff_first,
            backoff_longest: backoff_first,
            ..world.timing()
        });
        let changes = || world.requests("PUT", "managedClusters");
        let scaled = async {
            until("the change is sent", async || changes() > 0).await;
            let pool = world.property("agentPoolProfiles")[0]["name"].clone();
            world.simulator.scale_agent_pool(&world.case.id, pool.as_str().unwrap(), 7).unwrap();
            assert_eq!(changes(), 1, "{wiring}: it was sent again already");
        };
        let rotate = patient.rotate(world.key(2), RotateOptions::default());
        let (rotated, ()) = tokio::join!(rotate, scaled);
        rotated.unwrap();
        assert_eq!(changes(), 2, "{wiring}");
        assert_eq!(world.property("agentPoolProfiles")[0]["count"], 7, "{wiring}: it is undone");
        world.all_under(2).await;
    }
}

/// A pool that is stopped is not started by a change of the key.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_pool_that_is_stopped_stays_stopped() {
    let world = World::embedded(WIRINGS[0], json!({})).await;
    let mut pools = world.property("agentPoolProfiles");
    pools[0]["powerState"] = json!({"code": "Stopped"});
    let stopped = json!({"properties": {"agentPoolProfiles": pools}});
    world.simulator.patch_cluster(&world.case.id, &stopped).unwrap();
    world.enable(1).await.unwrap();
    assert_eq!(world.property("agentPoolProfiles")[0]["powerState"]["code"], "Stopped");
}

/// A blocked secret is deleted before the pass ends: it blocks nothing any more.
#[tokio::test(flavor = "multi_thread")]
async fn s09_a_blocked_secret_that_is_deleted_meanwhile_blocks_nothing() {
    for wiring in WIRINGS {
        let given = json!({"secrets": {"special": [{"name": "team-1/denied", "kind": "denied"}]}});
        let world = World::embedded(wiring, given).await;
        let before = world.truth().await.total;
        let kubectl = world.kubectl();
        let on_progress = once(Phase::Verify, 0, move || {
            assert!(block_on(kubectl.delete("team-1", "denied")));
        });
        let options = EnableOptions::from(watched(on_progress));
        let report = world.manager().enable(world.key(1), options).await.unwrap();
        assert_complete(&report, &[Purpose::Gate, Purpose::Rewrite]);
        // one less, and the seal
        assert_eq!(world.truth().await.total, before, "{wiring}: it was not deleted");
        world.all_under(1).await;
    }
}

/// Somebody labels the record: nobody took over, so the run goes on.
#[tokio::test(flavor = "multi_thread")]
async fn s11_somebody_labels_the_record_in_the_middle() {
    for wiring in WIRINGS {
        let world = World::embedded(wiring, json!({})).await;
        let mut ours = world.subprocess("enable", Some(1));
        assert!(ours.run_until_phase("cluster", 1).await.is_none());
        let path = "/api/v1/namespaces/kube-system/configmaps/aks-kms";
        let change = json!({"metadata": {"labels": {"backup": "yes"}}});
        let kubectl = world.kubectl();
        let (status, response) = kubectl.ask(Method::PATCH, path, Some(&change)).await.unwrap();
        assert_eq!(status, StatusCode::OK, "{response}");
        let outcome = ours.end().await;
        assert_eq!(outcome.code, None, "{wiring}: {}", outcome.message);
        world.all_under(1).await;
        world.nothing_is_unfinished().await;
        let (_, map) = kubectl.ask(Method::GET, path, None).await.unwrap();
        assert_eq!(map["metadata"]["labels"]["backup"], "yes", "{wiring}: {map}");
    }
}

/// A run without a journal plans again, because somebody tagged the cluster: it makes one version of
/// the key all the same.
#[tokio::test(flavor = "multi_thread")]
async fn s14_without_a_journal_one_call_makes_one_key_version() {
    for wiring in WIRINGS {
        let world = Arc::new(World::embedded(wiring, json!({})).await);
        world.enable(1).await.unwrap();
        let manager = common::builder(&world.case).journal(Journal::None).build().unwrap();
        let others = Arc::clone(&world);
        let on_progress: OnProgress = once(Phase::Verify, 0, move || {
            let tags = json!({"tags": {"a": "b"}});
            others.simulator.patch_cluster(&others.case.id, &tags).unwrap();
        });
        world.simulator.clear_writes(&world.case.id).unwrap();
        let options = RotateOptions::from(watched(on_progress));
        let report = manager.rotate(None, options).await.unwrap();
        let [first, again, .., last] = &report.reencryption[..] else { panic!("{report:#?}") };
        assert_eq!((first.purpose, first.complete), (Purpose::Gate, false), "{wiring}");
        assert_eq!((again.purpose, again.complete), (Purpose::Gate, true), "{wiring}");
        assert_eq!((last.purpose, last.complete), (Purpose::Rewrite, true), "{wiring}");
        assert_eq!(world.requests("POST", "/create"), 1, "{wiring}");
        world.all_under_key(&world.configured().unwrap()).await;
    }
}

/// Two calls for a new version at once: one rotation, which both of them prove.
#[tokio::test(flavor = "multi_thread")]
async fn two_rotations_to_a_new_version_at_once_are_one() {
    for wiring in WIRINGS {
        let world = World::embedded(wiring, json!({})).await;
        world.enable(1).await.unwrap();
        world.simulator.clear_writes(&world.case.id).unwrap();
        let made = || world.requests("POST", "/create");
        let (one, other) = (world.manager(), world.manager());
        let (looked, has_looked) = std::sync::mpsc::channel();
        let (ended, has_ended) = std::sync::mpsc::channel::<()>();
        let has_ended = Mutex::new(has_ended);
        // the second stops after its first look, until the first has ended
        let on_progress = once(Phase::Plan, 0, move || {
            looked.send(()).unwrap();
            let ended = || has_ended.lock().unwrap().recv_timeout(Duration::from_secs(60)).unwrap();
            tokio::task::block_in_place(ended);
        });
        let options = RotateOptions::from(watched(on_progress));
        let second = tokio::spawn(async move { other.rotate(None, options).await });
        tokio::task::spawn_blocking(move || has_looked.recv().unwrap()).await.unwrap();
        let first = one.rotate(None, RotateOptions::default()).await.unwrap();
        ended.send(()).unwrap();
        let second = second.await.unwrap().unwrap();
        assert_eq!(made(), 1, "{wiring}");
        assert_ne!(first.after.key_id.as_ref().unwrap().as_str(), world.key(1));
        assert_eq!(first.after.key_id, second.after.key_id, "{wiring}");
        for report in [first, second] {
            assert!(report.reencryption.last().is_some_and(|pass| pass.complete), "{wiring}");
        }
        // the next call makes another
        one.rotate(None, RotateOptions::default()).await.unwrap();
        assert_eq!(made(), 2, "{wiring}");
    }
}
