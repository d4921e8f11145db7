//! What others do meanwhile, and is no reason to end a run or to be undone by it.

use std::sync::Arc;

use aks_kms::{EnableOptions, Journal, OnProgress, Phase, Purpose, RotateOptions};
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
                "method": "PUT", "path": "managedClusters", "status": 503, "retry_after": 1, "times": 1,
            }]}))
            .await;
        let changes = || world.requests("PUT", "managedClusters");
        let scaled = async {
            until("the change is sent", async || changes() > 0).await;
            let pool = world.property("agentPoolProfiles")[0]["name"].clone();
            world.simulator.scale_agent_pool(&world.case.id, pool.as_str().unwrap(), 7).unwrap();
            assert_eq!(changes(), 1, "{wiring}: it was sent again already");
        };
        let (rotated, ()) = tokio::join!(world.rotate(2), scaled);
        rotated.unwrap();
        assert_eq!(changes(), 2, "{wiring}");
        assert_eq!(world.property("agentPoolProfiles")[0]["count"], 7, "{wiring}: it is undone");
        world.all_under(2).await;
    }
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
