//! A process that makes what must be there, or a cluster, is killed at every step boundary; the same call in
//! another process completes it, and nothing is made twice.

use serde_json::{Value, json};

use crate::common::world::World;

/// More phases than either verb has.
const PHASES: usize = 30;

/// Paths of the requests that make something in Azure.
fn made(world: &World) -> Vec<String> {
    let writes = world.simulator.writes(&world.case.id).unwrap();
    let writes = serde_json::to_value(writes).unwrap();
    let path = |write: &Value| write["path"].as_str().map(str::to_owned);
    writes.as_array().unwrap().iter().filter_map(path).collect()
}

/// Kills the verb at every boundary; gives how many there are.
async fn killed_everywhere(
    verb: &str,
    key: Option<usize>,
    ends_right: impl AsyncFn(&World, &Value),
) -> usize {
    for boundary in 0..PHASES {
        let world =
            World::embedded("one-provider", json!({"faults": {"operation_seconds": 5}})).await;
        let mut first = world.subprocess(verb, key);
        if first.lead_past(boundary).await.is_some() {
            return boundary;
        }
        first.kill().await;
        let second = world.subprocess(verb, key).end_unled().await;
        assert_eq!(second.code, None, "{verb}, {boundary}: {}", second.message);
        let mut paths = made(&world);
        let all = paths.len();
        paths.sort();
        paths.dedup();
        assert_eq!(paths.len(), all, "{verb}, {boundary}: nothing is asked for twice: {paths:?}");
        ends_right(&world, &second.report).await;
    }
    panic!("{verb} has no end");
}

#[tokio::test(flavor = "multi_thread")]
async fn provisioning_is_completed_by_another_process() {
    let kills = killed_everywhere("provision", None, async |world, report| {
        assert_eq!(made(world).len(), 4, "identity, vault, key and role");
        let key = report["key_id"].as_str().unwrap();
        let vault = report["key_vault_id"].as_str().unwrap();
        let versions = world.az().await.key_versions(vault, "etcd").await;
        assert_eq!(versions.len(), 1, "{versions:?}");
        assert!(key.ends_with(&versions[0]), "{key}: {versions:?}");
    })
    .await;
    assert!(kills >= 6, "{kills}");
}

#[tokio::test(flavor = "multi_thread")]
async fn provisioning_for_a_customer_managed_key_is_completed_by_another_process() {
    let kills = killed_everywhere("provision_customer_managed", None, async |world, report| {
        assert_eq!(made(world).len(), 5, "identity, vault, key and two roles");
        let key = report["key_id"].as_str().unwrap();
        let vault = report["key_vault_id"].as_str().unwrap();
        let versions = world.az().await.key_versions(vault, "etcd").await;
        assert_eq!(versions.len(), 1, "{versions:?}");
        assert!(key.ends_with("/keys/etcd"), "{key}");
    })
    .await;
    assert!(kills >= 7, "{kills}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creation_with_data_encryption_is_completed_by_another_process() {
    for (verb, number) in [("create_cluster_platform", None), ("create_cluster_customer", Some(1))]
    {
        let kills = killed_everywhere(verb, number, async |world, report| {
            // Whoever did not make the cluster cannot tell the platform's key from another's, and says so.
            let findings = report["findings"].as_array().unwrap();
            let is_told = findings.iter().any(|it| it["rule"] == "key-in-use-unproven");
            let is_complete = report["reencryption"][0]["complete"] == true;
            assert_eq!(is_complete, !is_told, "{report:#}");
            assert!(is_complete || number.is_none(), "{report:#}");
            let truth = world.simulator.secrets_of(&world.case.id, "brand-new").await.unwrap();
            assert!(truth.total > 0 && truth.plaintext == 0 && truth.unreadable == 0, "{truth:?}");
            assert_eq!(truth.by_key.len(), 1, "{truth:?}");
            let newest = world.case.key_ids.last().unwrap().rsplit('/').next().unwrap();
            let is_newest = truth.by_key.keys().all(|key| key.contains(newest));
            assert_eq!(is_newest, number.is_some(), "{truth:?}");
        })
        .await;
        assert!(kills >= 6, "{verb}: {kills}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creation_is_completed_by_another_process() {
    let kills = killed_everywhere("create_cluster", Some(1), async |world, report| {
        assert_eq!(report["reencryption"][0]["complete"], true, "{report:#}");
        let truth = world.simulator.secrets_of(&world.case.id, "brand-new").await.unwrap();
        assert!(truth.total > 0 && truth.plaintext == 0 && truth.unreadable == 0, "{truth:?}");
    })
    .await;
    assert!(kills >= 6, "{kills}");
}
