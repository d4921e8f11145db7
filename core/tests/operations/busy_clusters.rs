//! Clusters that are in use, and how long it takes.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use aks_kms::{
    Evidence, Pace, Reencrypt, ReencryptOptions, ReencryptSecretsOptions, RotateOptions, Timing,
};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::common::{
    kubectl::Kubectl,
    world::{WIRINGS, World, is_all_proven},
};

const NAMESPACES: usize = 4;
const WRITERS: usize = 4;
const EACH: usize = 500;

/// Creates, updates and deletes secrets until it is told to end. Gives what must be there then.
async fn write(
    kubectl: Kubectl,
    writer: usize,
    end: Arc<AtomicBool>,
) -> BTreeMap<String, Option<String>> {
    let namespace = format!("team-{}", writer + 1);
    let mut expected = BTreeMap::new();
    for round in 0_usize.. {
        if end.load(Ordering::Relaxed) {
            break;
        }
        let (old, new) = (format!("secret-{}", round % EACH + 1), format!("made-{writer}-{round}"));
        let value = format!("{writer}-{round}");
        if kubectl.update(&namespace, &old, &value).await {
            expected.insert(old, Some(value.clone()));
        }
        if kubectl.create(&namespace, &new, &value).await {
            expected.insert(new, Some(value));
        }
        let gone = format!("made-{writer}-{}", round.saturating_sub(5));
        if round >= 5 && kubectl.delete(&namespace, &gone).await {
            expected.insert(gone, None);
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    expected
}

async fn assert_is_there(
    kubectl: &Kubectl,
    writer: usize,
    expected: &BTreeMap<String, Option<String>>,
) {
    for (name, value) in expected {
        let path = format!("/api/v1/namespaces/team-{}/secrets/{name}", writer + 1);
        let (status, secret) = kubectl.ask(Method::GET, &path, None).await.unwrap();
        match value {
            None => assert_eq!(status, StatusCode::NOT_FOUND, "{name}"),
            Some(value) => {
                use base64::{Engine, engine::general_purpose::STANDARD};
                assert_eq!(status, StatusCode::OK, "{name}: {secret}");
                assert_eq!(secret["data"]["value"], STANDARD.encode(value), "{name}");
            }
        }
    }
}

fn fast() -> RotateOptions {
    let options = ReencryptOptions { pace: Pace::Fast, ..ReencryptOptions::default() };
    RotateOptions { reencrypt: Reencrypt::With(options), ..RotateOptions::default() }
}

/// Five keys in a row while 2,000 secrets are created, updated and deleted. Each key is purged as
/// soon as the ledger says that it may be.
#[tokio::test(flavor = "multi_thread")]
async fn five_rotations_in_a_row_while_secrets_are_written() {
    for wiring in WIRINGS {
        let given = json!({
            "vault": {"purge_protection": false},
            "secrets": {"namespaces": NAMESPACES, "each": EACH},
        });
        let world = World::embedded(wiring, given).await;
        let (az, kubectl) = (world.az().await, world.kubectl());
        let mut keys = Vec::new();
        for number in 0..6 {
            keys.push(az.create_key(&format!("key-{number}")).await);
        }
        let manager = world.manager();
        manager.enable(&keys[0], aks_kms::EnableOptions::default()).await.unwrap();
        let end = Arc::new(AtomicBool::new(false));
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| tokio::spawn(write(kubectl.clone(), writer, Arc::clone(&end))))
            .collect();
        let mut purged = Vec::new();
        for key in &keys[1..] {
            let report = manager.rotate(key, fast()).await.unwrap();
            assert!(is_all_proven(&report), "{report:#?}");
            for entry in report.ledger.unwrap().retired {
                let Some(key_id) = entry.key_id.filter(|_| entry.removable) else { continue };
                if !purged.contains(&key_id) {
                    az.purge_key(&key_id).await;
                    purged.push(key_id);
                }
            }
            world.all_under_key(key).await;
        }
        assert_eq!(purged.len(), 4, "{wiring}: {purged:?}");
        end.store(true, Ordering::Relaxed);
        for (writer, task) in writers.into_iter().enumerate() {
            let expected = task.await.unwrap();
            assert!(expected.len() > 10, "{wiring}: writer {writer} did {}", expected.len());
            assert_is_there(&kubectl, writer, &expected).await;
        }
        world.all_under_key(&keys[5]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gate_on_a_clean_cluster_of_ten_thousand_secrets_writes_none() {
    let given = json!({
        "cluster": {"kms": {"key": "{{key.1}}"}},
        "secrets": {"namespaces": 10, "each": 1_000},
    });
    let world = World::embedded("two-providers", given).await;
    // makes the seal of the record
    let options = ReencryptSecretsOptions {
        reencrypt: ReencryptOptions {
            namespaces: Some(vec!["kube-system".to_owned()]),
            ..ReencryptOptions::default()
        },
        ..ReencryptSecretsOptions::default()
    };
    world.manager().reencrypt_secrets(options).await.unwrap();
    let before = world.truth().await;
    assert_eq!(before.total, 10_001, "with the seal");
    let mut ours = world.subprocess("rotate", Some(2));
    assert!(ours.run_until_phase("cluster", 1).await.is_none(), "the gate is over");
    // nobody's secret was written, and the library's own may have been
    assert_eq!(world.truth().await.of_others(), before.of_others());
    ours.kill().await;
}

/// Nothing is waited for but what the cluster itself needs, and the watermark: API servers have just
/// been replaced, and what they had begun can land for a minute.
#[tokio::test(flavor = "multi_thread")]
async fn with_the_waits_of_a_real_cluster_a_rotation_is_not_held_up() {
    let given = json!({"secrets": {"namespaces": 3, "each": 100}});
    let world = World::embedded("two-providers", given).await;
    let manager = world.builder_timing(Timing { watermark: Duration::ZERO, ..Timing::default() });
    manager.enable(world.key(1), aks_kms::EnableOptions::default()).await.unwrap();
    let mut fastest = Duration::MAX;
    for number in 2..=4 {
        let began = Instant::now();
        let key = Some(world.key(number));
        let report = manager.rotate(key, RotateOptions::default()).await.unwrap();
        fastest = fastest.min(began.elapsed());
        assert_eq!(report.reencryption[1].evidence, Evidence::Metrics);
        world.all_under(number).await;
    }
    println!("300 secrets in {fastest:?}");
    assert!(fastest < Duration::from_secs(2), "{fastest:?}");
}
