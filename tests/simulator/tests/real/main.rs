//! The real cluster does what AKS does to one, and what the embedded model must do too.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]
#![allow(clippy::print_stderr, reason = "what is left out is said where a person sees it")]

mod cluster;
mod vault;
mod versions;

use std::time::{Duration, Instant};

use aks_kms_simulator::{
    backend::{KmsVersion, KubernetesBackend},
    real::{Binaries, StoredForm},
};
use serde_json::json;

use crate::cluster::{TestCluster, config, key, path, versioned};

#[tokio::test(flavor = "multi_thread")]
async fn two_keys_can_be_read_and_a_third_cannot() {
    if !Binaries::available() {
        return;
    }
    let given = json!({"cluster": {"api_servers": 1}, "secrets": {"namespaces": 4, "each": 25}});
    let started = Instant::now();
    let cluster = TestCluster::start(given, config(0, 0)).await;
    eprintln!("etcd, an API server and 100 secrets: {:.1?}", started.elapsed());
    assert_eq!(cluster.counts().await, ([100, 0, 0, 0], 0));

    let started = Instant::now();
    cluster.apply(config(1, 0)).await;
    eprintln!("first key: {:.1?}", started.elapsed());
    assert_eq!(cluster.create("team-1", "new").await, 201);
    assert_eq!(cluster.counts().await, ([100, 1, 0, 0], 0));
    assert_eq!(cluster.get(&path("team-1/secret-1")).await.0, 200, "plaintext is readable");

    let before = cluster.real.secrets().await.unwrap();
    let (status, version) = cluster.patch("team-1/secret-1").await;
    assert_eq!(status, 200);
    assert_eq!(
        cluster.counts().await,
        ([99, 2, 0, 0], 0),
        "an empty patch rewrites a stale secret"
    );
    assert_eq!(cluster.patch("team-1/secret-1").await, (200, version), "and no other");
    let after = cluster.real.secrets().await.unwrap();
    let changed: Vec<_> = after.iter().filter(|secret| !before.contains(secret)).collect();
    assert_eq!(changed.len(), 1);
    assert_eq!((changed[0].name.as_str(), changed[0].mod_revision), ("secret-1", version));

    cluster.apply(config(2, 1)).await;
    assert_eq!(cluster.get(&path("team-1/new")).await.0, 200, "the previous key is readable");
    assert_eq!(cluster.patch("team-1/secret-1").await.0, 200);
    assert_eq!(cluster.counts().await, ([99, 1, 1, 0], 0));

    // `team-1/new` was forgotten.
    cluster.apply(config(3, 2)).await;
    assert_eq!(cluster.counts().await, ([99, 1, 1, 0], 1));
    let (status, body) = cluster.get(&path("team-1/new")).await;
    assert_eq!(status, 500, "{body}");
    assert_eq!(cluster.patch("team-1/new").await.0, 500);
    assert_eq!(cluster.patch("team-1/secret-1").await.0, 200);
    assert_eq!(cluster.counts().await, ([99, 1, 0, 1], 1));

    // Once without encryption.
    cluster.apply(config(0, 3)).await;
    assert_eq!(cluster.patch("team-1/secret-1").await.0, 200);
    assert_eq!(cluster.counts().await, ([100, 1, 0, 0], 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_provider_notices_a_new_key_without_a_restart() {
    if !Binaries::available() {
        return;
    }
    let given = json!({
        "cluster": {"api_servers": 1, "wiring": "one-provider"},
        "secrets": {"namespaces": 1, "each": 3},
    });
    let cluster = TestCluster::start(given, config(1, 0)).await;
    assert_eq!(cluster.counts().await, ([0, 3, 0, 0], 0));
    let started_at = process_start(&cluster).await;

    cluster.apply(config(2, 1)).await;
    let changed = Instant::now();
    while cluster.counts().await.0 == [0, 3, 0, 0] {
        assert!(changed.elapsed() < Duration::from_secs(90), "the new key is not noticed");
        // This makes the API server ask its plugin.
        assert_eq!(cluster.get("/readyz/kms-providers").await.0, 200);
        assert_eq!(cluster.patch("team-1/secret-1").await.0, 200);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    eprintln!("new key noticed after {:.0?}", changed.elapsed());
    assert_eq!(cluster.counts().await, ([0, 2, 1, 0], 0));
    assert_eq!(process_start(&cluster).await, started_at, "no restart");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_under_kms_v1_leaves_no_secret_stale_when_the_provider_stays() {
    if !Binaries::available() {
        return;
    }
    let given = json!({
        "cluster": {"api_servers": 1, "wiring": "one-provider"},
        "secrets": {"namespaces": 1, "each": 3},
    });
    let cluster = TestCluster::start(given, versioned(KmsVersion::V1, 1, 0)).await;
    assert_eq!(cluster.counts().await, ([0, 3, 0, 0], 0));
    let forms = cluster.real.secrets().await.unwrap();
    assert!(
        forms
            .iter()
            .all(|secret| matches!(&secret.form, StoredForm::Kms { version: KmsVersion::V1, .. }))
    );

    cluster.apply(versioned(KmsVersion::V1, 2, 1)).await;
    assert_eq!(cluster.patch("team-1/secret-1").await.0, 200);
    assert_eq!(cluster.counts().await, ([0, 3, 0, 0], 0), "an empty patch changes nothing");
    assert_eq!(cluster.create("team-1", "new").await, 201);
    assert_eq!(cluster.counts().await, ([0, 3, 1, 0], 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_under_kms_v1_makes_secrets_stale_when_the_provider_changes() {
    if !Binaries::available() {
        return;
    }
    let given = json!({"cluster": {"api_servers": 1}, "secrets": {"namespaces": 1, "each": 2}});
    let cluster = TestCluster::start(given, versioned(KmsVersion::V1, 1, 0)).await;
    cluster.apply(versioned(KmsVersion::V1, 2, 1)).await;
    assert_eq!(cluster.patch("team-1/secret-1").await.0, 200);
    assert_eq!(cluster.counts().await, ([0, 1, 1, 0], 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_of_every_kind_can_be_given() {
    if !Binaries::available_since(30) {
        return;
    }
    let special = |name: &str, kind: &str| json!({"name": format!("odd/{name}"), "kind": kind});
    let given = json!({
        "cluster": {"api_servers": 1, "entra": true},
        "access": {"kubernetes_lacks": [
            {"verb": "list", "resource": "secrets", "namespace": "team-2"},
            {"verb": "get", "resource": "/metrics"},
        ]},
        "secrets": {"namespaces": 2, "each": 2, "under": "{{key.1}}", "special": [
            special("immutable", "immutable"), special("denied", "denied"),
            special("invalid", "invalid"), special("webhook-down", "webhook-down"),
            special("large", "large"), special("terminating", "terminating"),
            special("applied", "applied"), special("unreadable", "unreadable"),
            {"name": "odd/plain", "kind": "immutable", "under": "plaintext"},
            {"name": "odd/plain-invalid", "kind": "invalid", "under": "plaintext"},
        ]},
    });
    let cluster = TestCluster::start(given, config(2, 1)).await;
    let truth = cluster.real.ground_truth().await.unwrap();
    assert_eq!((truth.total, truth.plaintext, truth.unreadable), (14, 2, 1));
    assert_eq!(truth.by_key[&key(1)], 11);

    for (name, expected) in [
        ("immutable", 200),
        ("denied", 403),
        ("invalid", 422),
        ("plain-invalid", 422),
        ("webhook-down", 500),
        ("large", 200),
        ("terminating", 200),
        ("applied", 200),
        ("unreadable", 500),
        ("plain", 200),
    ] {
        let (status, _) = cluster.patch(&format!("odd/{name}")).await;
        assert_eq!(status, expected, "{name}");
    }
    let truth = cluster.real.ground_truth().await.unwrap();
    assert_eq!(truth.by_key[&key(2)], 5, "those that could be patched");

    let (_, applied) = cluster.get(&path("odd/applied")).await;
    assert!(applied.contains("last-applied-configuration"));
    let (_, terminating) = cluster.get(&path("odd/terminating")).await;
    assert!(terminating.contains("deletionTimestamp"));
    let (_, nodes) = cluster.get("/api/v1/nodes").await;
    assert!(nodes.contains("/resourceGroups/MC_group_cluster_region/"));
    let (_, pods) = cluster.get("/api/v1/namespaces/kube-system/pods").await;
    assert!(pods.contains("konnectivity-agent-"));

    let secrets = |namespace: &str| format!("/api/v1/namespaces/{namespace}/secrets");
    assert_eq!(cluster.status_for_user(&secrets("team-1")).await, 200);
    assert_eq!(cluster.status_for_user(&secrets("team-2")).await, 403);
    assert_eq!(cluster.status_for_user("/metrics").await, 403);
    assert_eq!(cluster.status_with_token(&secrets("team-1"), "entra").await, 200);
    assert_eq!(cluster.status_with_token(&secrets("team-1"), "nobody").await, 401);

    let writes = serde_json::to_value(cluster.recorder.all()).unwrap();
    assert_eq!(writes, json!([{"patch_secrets": 10}]), "what the test wrote, and nothing else");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_api_servers_one_can_write_the_old_key_or_know_no_new_one() {
    if !Binaries::available() {
        return;
    }
    let faults = |kind: &str| json!({"api_servers": [{"server": 2, "kind": kind}]});
    let given = json!({
        "cluster": {"api_servers": 2},
        "secrets": {"namespaces": 1, "each": 4},
        "faults": faults("writes-old"),
    });
    let cluster = TestCluster::start(given, config(1, 0)).await;
    // The start is a healthy one but for the fault: server 2 has [identity, key 1].
    assert_eq!(cluster.counts().await, ([0, 4, 0, 0], 0));

    let started = Instant::now();
    cluster.apply(config(2, 1)).await;
    eprintln!("key change on two API servers: {:.1?}", started.elapsed());
    let mut versions = Vec::new();
    for _ in 0..4 {
        // Connections alternate: one server rewrites forwards, the other backwards.
        versions.push(cluster.patch("team-1/secret-1").await.1);
    }
    versions.dedup();
    assert!(versions.len() >= 4, "{versions:?}");
    let (_, leases) = cluster
        .get("/apis/coordination.k8s.io/v1/namespaces/kube-system/leases?labelSelector=apiserver.kubernetes.io/identity%3Dkube-apiserver")
        .await;
    assert_eq!(leases.matches("\"renewTime\"").count(), 2, "two servers, two identities");

    cluster.real.set_faults(serde_json::from_value(faults("behind")).unwrap()).await.unwrap();
    let given = serde_json::from_value(json!({})).unwrap();
    cluster.real.set_faults(given).await.unwrap();
    cluster.patch("team-1/secret-1").await;
    let (_, version) = cluster.patch("team-1/secret-1").await;
    assert_eq!(cluster.patch("team-1/secret-1").await.1, version, "both write key 2");

    cluster.real.set_faults(serde_json::from_value(faults("behind")).unwrap()).await.unwrap();
    cluster.apply(config(3, 2)).await;
    assert_eq!(cluster.counts().await.1, 0);
    let mut statuses = Vec::new();
    assert_eq!(cluster.create("team-1", "new").await, 201);
    assert_eq!(cluster.create("team-1", "newer").await, 201);
    for name in ["new", "newer"] {
        for _ in 0..2 {
            statuses.push(cluster.get(&path(&format!("team-1/{name}"))).await.0.as_u16());
        }
    }
    assert!(statuses.contains(&200) && statuses.contains(&500), "{statuses:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_the_vault_refuses_makes_its_provider_unhealthy() {
    if !Binaries::available() {
        return;
    }
    let given = json!({"cluster": {"api_servers": 1}, "secrets": {"namespaces": 1, "each": 1}});
    let cluster = TestCluster::start(given, config(1, 0)).await;
    assert_eq!(cluster.get("/readyz/kms-providers").await.0, 200);
    cluster.vault.set_disabled(&key(1), true);
    let disabled = Instant::now();
    while cluster.get("/readyz/kms-providers").await.0 == 200 {
        assert!(disabled.elapsed() < Duration::from_secs(60), "still said to be healthy");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_is_down_for_a_while_holds_up_writes() {
    if !Binaries::available() {
        return;
    }
    let given = json!({"cluster": {"api_servers": 1}, "secrets": {"namespaces": 1, "each": 2}});
    let cluster = TestCluster::start(given, config(1, 0)).await;
    let down = json!({"api_servers": [{"server": 1, "kind": "kms-down", "seconds": 20.0}]});
    cluster.real.set_faults(serde_json::from_value(down).unwrap()).await.unwrap();
    // A restart finds no plugin.
    let started = Instant::now();
    cluster.apply(config(2, 1)).await;
    assert_eq!(cluster.patch("team-1/secret-1").await.0, 500);
    assert_eq!(cluster.counts().await, ([0, 2, 0, 0], 0));
    while cluster.patch("team-1/secret-1").await.0 != 200 {
        assert!(started.elapsed() < Duration::from_secs(90), "it stays down");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert_eq!(cluster.counts().await, ([0, 1, 1, 0], 0));
}

async fn process_start(cluster: &TestCluster) -> String {
    let (_, metrics) = cluster.get("/metrics").await;
    let line = metrics.lines().find(|line| line.starts_with("process_start_time_seconds "));
    line.unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_cluster_answers_nobody_and_comes_back_with_what_it_had() {
    if !Binaries::available() {
        return;
    }
    let given = json!({"cluster": {"api_servers": 1}, "secrets": {"namespaces": 1, "each": 3}});
    let cluster = TestCluster::start(given, config(1, 0)).await;
    cluster.real.set_running(false).await.unwrap();
    assert!(!cluster.answers().await);
    assert_eq!(cluster.counts().await, ([0, 3, 0, 0], 0));
    cluster.real.restart_api_servers().await.unwrap();
    assert!(!cluster.answers().await, "maintenance waits until it is started");
    cluster.real.set_running(true).await.unwrap();
    assert_eq!(cluster.patch("team-1/secret-1").await.0, 200);
    assert_eq!(cluster.counts().await, ([0, 3, 0, 0], 0));
}
