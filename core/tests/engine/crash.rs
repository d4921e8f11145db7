//! A process that is killed in the middle, and the next one that goes on.

use std::{process::Stdio, time::Duration};

use aks_kms::{Pace, ReencryptOptions, ReencryptSecretsOptions};
use aks_kms_simulator::Case;
use serde_json::json;
use tokio::process::Command;

use crate::{
    common,
    world::{World, only},
};

/// Tells the child its case.
const CASE: &str = "AKS_KMS_KILLED_CASE";
const SECRETS: usize = 1_000;
/// The key of the record's seal is one secret more.
const IN_FLIGHT: usize = 16;

fn options() -> ReencryptSecretsOptions {
    ReencryptSecretsOptions {
        reencrypt: ReencryptOptions {
            pace: Pace::Fast,
            max_concurrency: IN_FLIGHT,
            ..ReencryptOptions::default()
        },
        ..ReencryptSecretsOptions::default()
    }
}

/// The library at work.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "no test of its own: the test below runs it in another process, and kills it"]
async fn child() {
    let case: Case = serde_json::from_str(&std::env::var(CASE).unwrap()).unwrap();
    common::manager(&case).reencrypt_secrets(options()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_a_quarter_half_and_three_quarters_nothing_is_rewritten_twice() {
    futures::future::join_all([25, 50, 75].map(killed_at)).await;
}

async fn killed_at(part: usize) {
    let world = World::new(json!({
        "cluster": {"kms": {"key": "{{key.1}}"}},
        "secrets": {"namespaces": 1, "each": SECRETS, "under": "plaintext"},
        "faults": {"kubernetes_latency_ms": 20},
    }))
    .await;
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["crash::child", "--exact", "--ignored"])
        .env(CASE, serde_json::to_string(&world.case).unwrap())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    while world.truth().await.plaintext > SECRETS * (100 - part) / 100 {
        assert!(child.try_wait().unwrap().is_none(), "at {part} %: it ended by itself");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    child.kill().await.unwrap();
    // what was in flight comes to its end
    tokio::time::sleep(Duration::from_millis(200)).await;
    let between = world.truth().await;
    assert_eq!(
        (between.clone().of_others().total, between.unreadable),
        (SECRETS, 0),
        "at {part} %"
    );
    assert!(between.plaintext > 0, "at {part} %: it was killed in the middle");
    let versions = versions(&world);

    let pass = only(world.manager().reencrypt_secrets(options()).await.unwrap());
    assert!(pass.complete, "at {part} %: {pass:#?}");
    assert_eq!(pass.counts.rewritten, between.plaintext as u64, "at {part} %: what was left");
    world.assert_all_under(0).await;
    let rewritten = versions.iter().filter(|(name, version)| {
        let stored = world.embedded.stored("team-1", name).unwrap();
        stored.resource_version != *version
    });
    assert_eq!(rewritten.count(), 0, "at {part} %: rewritten a second time");
}

/// The secrets that are under the key, with their resource versions.
fn versions(world: &World) -> Vec<(String, u64)> {
    (1..=SECRETS)
        .map(|number| format!("secret-{number}"))
        .filter_map(|name| {
            let stored = world.embedded.stored("team-1", &name).unwrap();
            stored.key_id.is_some().then_some((name, stored.resource_version))
        })
        .collect()
}
