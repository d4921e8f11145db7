//! What tells with which key an API server writes.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use aks_kms_simulator::backend::{EncryptionConfig, KubernetesBackend};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::world::{World, key, v2, version};

fn hash(text: &str) -> String {
    Sha256::digest(text)
        .iter()
        .fold("sha256:".to_owned(), |label, byte| format!("{label}{byte:02x}"))
}

/// `key_id_hash` of a key of the case.
fn key_hash(number: usize) -> String {
    hash(&key(number, aks_kms_simulator::backend::KmsVersion::V2).plugin_key_id())
}

async fn leases(world: &World) -> Vec<Value> {
    let path = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases\
                ?labelSelector=apiserver.kubernetes.io/identity%3Dkube-apiserver";
    world.client().json(path).await["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_write_grows_the_counter_of_its_key_on_the_server_that_did_it_and_on_no_other() {
    let world = World::new(json!({"secrets": {"under": "plaintext"}}), v2(1, 0), 0.001);
    let one = world.server(1).await;
    let two = world.server(2).await;
    let name = "apiserver_envelope_encryption_key_id_hash_total";
    let key = key_hash(1);
    assert_eq!(one.count(&[name, "to_storage"]).await, 0);
    one.rewrite("team-1", "secret-1").await;
    one.rewrite("team-1", "secret-1").await;
    assert_eq!(one.count(&[name, "to_storage", &key, "provider_name=\""]).await, 1);
    assert_eq!(two.count(&[name, "to_storage"]).await, 0);
    // each server's watch cache reads what was written; the second patch read it once more
    assert_eq!(one.count(&[name, "from_storage", &key]).await, 2);
    assert_eq!(two.count(&[name, "from_storage", &key]).await, 1);
    let operations = "apiserver_storage_transformation_operations_total";
    let labels = ["resource=\"secrets\"", "status=\"OK\"", "to_storage", "\"k8s:enc:kms:v2:"];
    for label in labels {
        assert_eq!(one.count(&[operations, "to_storage", label]).await, 1, "{label}");
    }
    assert_eq!(one.count(&[operations, "transformer_prefix=\"identity\""]).await, 1);
}

#[tokio::test]
async fn plaintext_is_written_under_an_empty_prefix_and_without_configuration_nothing_is_counted() {
    let world = World::new(json!({"cluster": {"api_servers": 1}}), v2(0, 1), 0.001);
    let api = world.client();
    let touch = r#"{"metadata": {"annotations": {"a": "b"}}}"#;
    assert_eq!(api.patch("team-1", "secret-1", touch).await.status(), 200);
    let operations = "apiserver_storage_transformation_operations_total";
    assert_eq!(api.count(&[operations, "to_storage", "transformer_prefix=\"\""]).await, 1);

    let given = json!({"cluster": {"api_servers": 1}});
    let world = World::new(given, EncryptionConfig::default(), 0.001);
    let api = world.client();
    assert_eq!(api.patch("team-1", "secret-1", touch).await.status(), 200);
    let metrics = api.text("/metrics").await;
    assert!(!metrics.contains("transformation") && !metrics.contains("envelope"));
    assert!(metrics.contains("process_start_time_seconds "));
    assert_eq!(api.get("/readyz/kms-providers").await.status(), 404);
}

#[tokio::test]
async fn a_server_with_the_old_key_first_polls_both_keys_and_writes_the_old_one() {
    let given = json!({"faults": {"api_servers": [{"server": 2, "kind": "writes-old"}]}});
    let world = World::new(given, v2(1, 0), 0.001);
    world.api.apply(v2(2, 1), None).await.unwrap();
    let api = world.server(2).await;
    let status = "apiserver_envelope_encryption_key_id_hash_status_last_timestamp_seconds";
    for number in [1, 2] {
        assert!(api.gauge(&[status, &key_hash(number)]).await > 0.0);
    }
    let touch = r#"{"metadata": {"annotations": {"a": "b"}}}"#;
    assert_eq!(api.patch("team-1", "secret-1", touch).await.status(), 200);
    let total = "apiserver_envelope_encryption_key_id_hash_total";
    assert_eq!(api.count(&[total, "to_storage", &key_hash(1)]).await, 1);
    assert_eq!(api.count(&[total, "to_storage", &key_hash(2)]).await, 0);
}

#[tokio::test]
async fn a_fault_of_a_server_ends_after_its_time() {
    let given = json!({"faults": {"api_servers": [
        {"server": 2, "kind": "behind", "seconds": 500},
    ]}});
    let world = World::new(given, v2(1, 0), 0.002);
    world.api.apply(v2(2, 1), None).await.unwrap();
    let began = Instant::now();
    let mut value = 0;
    let mut touch = async || {
        value += 1;
        let body = format!(r#"{{"metadata": {{"annotations": {{"a": "{value}"}}}}}}"#);
        let response = world.server(2).await.patch("team-1", "secret-1", &body).await;
        assert_eq!(response.status(), 200);
        world.key_of("team-1", "secret-1")
    };
    // The fault lasts a second. The server restarts when it ends, which closes connections, so
    // nothing is asked of it at that moment.
    assert_eq!(touch().await, 1);
    if began.elapsed() < Duration::from_millis(500) {
        assert_eq!(touch().await, 1);
    }
    tokio::time::sleep(Duration::from_secs(2).saturating_sub(began.elapsed())).await;
    assert_eq!(touch().await, 2);
}

#[tokio::test]
async fn a_half_applied_change_leaves_the_other_servers_as_they_were() {
    let world = World::new(json!({}), v2(1, 0), 0.001);
    world.api.apply(v2(2, 1), Some(vec![1])).await.unwrap();
    let touch = |value| format!(r#"{{"metadata": {{"annotations": {{"a": "{value}"}}}}}}"#);
    for (server, expected) in [(2, 1), (1, 2)] {
        let api = world.server(server).await;
        let name = format!("secret-{server}");
        assert_eq!(api.patch("team-1", &name, &touch(1)).await.status(), 200);
        assert_eq!(world.key_of("team-1", &name), expected);
    }
    world.api.apply(v2(2, 1), None).await.unwrap();
    world.server(2).await.rewrite("team-1", "secret-2").await;
    assert_eq!(world.key_of("team-1", "secret-2"), 2);
}

#[tokio::test]
async fn a_restart_closes_connections_and_begins_new_counters_a_new_start_time_and_a_new_lease() {
    let world = World::new(json!({"secrets": {"under": "plaintext"}}), v2(1, 0), 0.001);
    let before = leases(&world).await;
    assert_eq!(before.len(), 2);
    let mut started = HashSet::new();
    for server in [1, 2] {
        let api = world.server(server).await;
        started.insert(api.gauge(&["process_start_time_seconds"]).await.to_string());
        api.rewrite("team-1", &format!("secret-{server}")).await;
        assert_eq!(api.count(&["operations_total", "to_storage"]).await, 1);
    }
    world.api.restart_api_servers().await.unwrap();
    for server in [1, 2] {
        let api = world.server(server).await;
        started.insert(api.gauge(&["process_start_time_seconds"]).await.to_string());
        assert_eq!(api.count(&["operations_total", "to_storage"]).await, 0);
        assert_eq!(api.count(&["operations_total", "from_storage"]).await, 10, "all once");
    }
    assert_eq!(started.len(), 4, "each process has a start time of its own: {started:?}");
    // the leases of the ended ones linger
    assert_eq!(leases(&world).await.len(), 4);
}

#[tokio::test]
async fn only_leases_of_live_servers_are_renewed_and_metrics_name_them_by_hash() {
    let world = World::new(json!({}), v2(1, 0), 0.002);
    world.api.restart_api_servers().await.unwrap();
    let before = leases(&world).await;
    tokio::time::sleep(Duration::from_millis(60)).await;
    let after = leases(&world).await;
    let name = |lease: &Value| lease["metadata"]["name"].as_str().unwrap().to_owned();
    let live: HashSet<String> = before
        .iter()
        .zip(&after)
        .filter(|(one, two)| one["spec"]["renewTime"] != two["spec"]["renewTime"])
        .map(|(lease, _)| hash(&name(lease)))
        .collect();
    assert_eq!((before.len(), live.len()), (4, 2));
    for server in [1, 2] {
        let api = world.server(server).await;
        let touch = r#"{"metadata": {"annotations": {"a": null, "b": "c"}}}"#;
        api.patch("team-1", &format!("secret-{server}"), touch).await;
        let text = api.text("/metrics").await;
        assert!(live.iter().any(|id| text.contains(&format!("apiserver_id_hash=\"{id}\""))));
    }
    let lease = &after[0];
    assert_eq!(name(lease).len(), "apiserver-".len() + 26);
    assert_eq!(lease["metadata"]["labels"]["apiserver.kubernetes.io/identity"], "kube-apiserver");
    assert!(version(lease) > 0);
}

#[tokio::test]
async fn a_server_that_joins_with_the_old_key_is_one_more_lease_and_writes_the_old_key() {
    let world = World::new(json!({"cluster": {"api_servers": 1}}), v2(2, 1), 0.001);
    assert_eq!(world.api.add_api_server(v2(1, 0)).await, 2);
    assert_eq!(leases(&world).await.len(), 2);
    let touch = r#"{"metadata": {"annotations": {"a": "b"}}}"#;
    let mut keys = HashSet::new();
    for number in 1..=2 {
        let name = format!("secret-{number}");
        let status = world.client().patch("team-1", &name, touch).await.status();
        // the one with the old key cannot read what is under the new one
        keys.insert((status.as_u16(), world.key_of("team-1", &name)));
    }
    assert_eq!(keys, HashSet::from([(200, 2), (500, 2)]));
}

#[tokio::test]
async fn a_new_kubernetes_version_restarts_the_servers() {
    let world = World::new(json!({}), v2(1, 0), 0.001);
    assert_eq!(world.client().json("/version").await["gitVersion"], "v1.34.3");
    world.api.set_version("1.35.3").await.unwrap();
    assert_eq!(world.client().json("/version").await["gitVersion"], "v1.35.3");
    assert_eq!(leases(&world).await.len(), 4);
}

#[tokio::test]
async fn a_stopped_cluster_answers_nobody_and_comes_back_with_what_it_had() {
    let world = World::new(json!({"cluster": {"api_servers": 2}}), v2(1, 0), 0.001);
    let before = leases(&world).await;
    world.api.set_running(false).await.unwrap();
    let path = "/api/v1/namespaces/team-1/secrets/secret-1";
    let stopped = world.client().request(reqwest::Method::GET, path).send().await;
    assert!(stopped.is_err(), "{stopped:?}");
    assert_eq!(world.api.ground_truth().await.unwrap().unreadable, 0);
    // maintenance waits until it is started
    world.api.restart_api_servers().await.unwrap();
    assert!(world.client().request(reqwest::Method::GET, path).send().await.is_err());
    world.api.set_running(true).await.unwrap();
    let started = world.client().request(reqwest::Method::GET, path).send().await.unwrap();
    assert_eq!(started.status(), 200);
    let name = |lease: &Value| lease["metadata"]["name"].to_string();
    let before: Vec<String> = before.iter().map(name).collect();
    let after = leases(&world).await;
    let new = after.iter().filter(|lease| !before.contains(&name(lease))).count();
    assert_eq!(new, 2, "the processes are new");
}
