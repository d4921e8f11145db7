//! API server processes that come, go, or hide behind another one.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use aks_kms::{
    ErrorKind, OnProgress, Pace, Phase, Purpose, ReencryptOptions, ReencryptSecretsOptions,
    RotateOptions,
};
use aks_kms_simulator::backend::{EncryptionConfig, KeyRef, KmsVersion, KubernetesBackend};
use serde_json::json;

use crate::common::{
    block_on,
    embedded::EmbeddedWorld,
    once, once_when, watched,
    world::{WIRINGS, assert_complete},
};

/// On the second key, after the first, with every secret still under the first.
async fn rotated(wiring: &str, api_servers: usize, each: usize) -> EmbeddedWorld {
    EmbeddedWorld::new(json!({
        "cluster": {
            "wiring": wiring,
            "api_servers": api_servers,
            "kms": {"key": "{{key.2}}", "previous": "{{key.1}}"},
        },
        "secrets": {"under": "{{key.1}}", "namespaces": 4, "each": each},
    }))
    .await
}

fn config(world: &EmbeddedWorld, current: usize, previous: Option<usize>) -> EncryptionConfig {
    let key = |number: usize| KeyRef {
        key_id: world.case.key_ids[number].clone(),
        kms_version: KmsVersion::V2,
    };
    EncryptionConfig {
        current: Some(key(current)),
        previous: previous.map(key),
        ..EncryptionConfig::default()
    }
}

/// Every secret is under this key of the case, from 0.
async fn all_under(world: &EmbeddedWorld, key: usize) {
    let truth = world.truth().await;
    let there = truth.by_key.get(&world.case.key_ids[key]);
    assert_eq!((there, truth.unreadable), (Some(&truth.total), 0), "{truth:?}");
}

/// An API server comes with the configuration of before, answers for secrets under the old key, and
/// is restarted with the present one before the pass ends. The pass must find out.
#[tokio::test(flavor = "multi_thread")]
async fn p10_an_api_server_that_came_with_the_old_key_and_went_before_the_end() {
    for wiring in WIRINGS {
        let world = rotated(wiring, 2, 50).await;
        let (old, new) = (config(&world, 0, None), config(&world, 1, Some(0)));
        let embedded = Arc::clone(&world.embedded);
        let comes = once(Phase::Reencrypt, 0, move || {
            // the load balancer likes it
            let number = block_on(embedded.add_api_server(old.clone()));
            embedded.pin_connections(Some(number));
        });
        let behind = Arc::new(AtomicUsize::new(0));
        let (embedded, seen) = (Arc::clone(&world.embedded), Arc::clone(&behind));
        let old_key = world.case.key_ids[0].clone();
        let goes = once(Phase::Verify, 0, move || {
            let truth = block_on(embedded.ground_truth()).unwrap();
            seen.store(truth.by_key.get(&old_key).copied().unwrap_or(0), Ordering::Relaxed);
            embedded.pin_connections(None);
            block_on(embedded.apply(new.clone(), None)).unwrap();
        });
        let on_progress: OnProgress = Arc::new(move |now| {
            comes(now.clone());
            goes(now);
        });
        let options = ReencryptSecretsOptions::from(watched(on_progress));
        let report = world.manager().reencrypt_secrets(options).await.unwrap();
        let behind = behind.load(Ordering::Relaxed);
        assert!(behind > 0, "{wiring}: it answered for none: {report:#?}");
        assert_complete(&report, &[Purpose::Rewrite]);
        all_under(&world, 1).await;
    }
}

/// Two processes have one identity Lease, and one of them writes with the old key for good: whichever
/// is heard first, no pass may begin, let alone be complete.
#[tokio::test(flavor = "multi_thread")]
async fn p12_a_server_behind_the_lease_of_another_is_heard_too() {
    for wiring in WIRINGS {
        // Which of the two a connection leads to is a matter of chance.
        for max_concurrency in 1..=12 {
            let world = rotated(wiring, 1, 20).await;
            let old = config(&world, 0, Some(1));
            world.embedded.add_api_server_on_first_host(old).await;
            let manager = world.with_timing(|it| it.convergence_limit = Duration::from_millis(500));
            let reencrypt = ReencryptOptions {
                pace: Pace::Fast,
                max_concurrency,
                ..ReencryptOptions::default()
            };
            let options =
                ReencryptSecretsOptions { reencrypt, ..ReencryptSecretsOptions::default() };
            let error = manager.reencrypt_secrets(options).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::KmsUnavailable, "{wiring}: {error}");
            let passes = &error.report().unwrap().reencryption;
            assert!(passes.iter().all(|pass| !pass.complete), "{wiring}: {passes:#?}");
            assert_eq!(world.truth().await.unreadable, 0, "{wiring}");
        }
    }
}

/// A write of a process that was told to end lands under the old key when the rewrite has begun: an
/// API server has up to a minute for that. It must be found.
#[tokio::test(flavor = "multi_thread")]
async fn p16_a_late_write_of_a_process_that_has_just_ended_is_found() {
    for wiring in WIRINGS {
        let given = json!({"cluster": {"wiring": wiring, "kms": {"key": "{{key.1}}"}}});
        let world = EmbeddedWorld::new(given).await;
        let (changed, landed) = (AtomicBool::new(false), Arc::new(AtomicBool::new(false)));
        let (embedded, lands) = (Arc::clone(&world.embedded), Arc::clone(&landed));
        let old = world.case.key_ids[0].clone();
        let on_progress = once_when(
            move |now| {
                let is_set = changed.fetch_or(now.phase == Phase::Cluster, Ordering::Relaxed);
                is_set && now.phase == Phase::Reencrypt && now.done >= 1
            },
            move || {
                block_on(embedded.put_under("team-2", "secret-5", &old)).unwrap();
                lands.store(true, Ordering::Relaxed);
            },
        );
        let options = RotateOptions::from(watched(on_progress));
        let rotated = world.manager().rotate(&world.case.key_ids[1], options).await;
        assert_complete(&rotated.unwrap(), &[Purpose::Gate, Purpose::Rewrite]);
        assert!(landed.load(Ordering::Relaxed), "{wiring}: nothing came late");
        all_under(&world, 1).await;
    }
}
