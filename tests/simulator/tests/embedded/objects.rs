//! Objects: secrets and the others, and what is recorded of writes to them.

use aks_kms_simulator::backend::KubernetesBackend;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{MERGE_PATCH, World, v2, version};

const SECRETS: &str = "/api/v1/namespaces/team-1/secrets";
const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases";

#[tokio::test]
async fn a_secret_can_be_created_read_replaced_patched_and_deleted() {
    let world = World::new(json!({}), v2(1, 0), 0.001);
    let api = world.client();
    let body = json!({
        "metadata": {"name": "mine", "labels": {"a": "b"}},
        "stringData": {"user": "me"},
    });
    let response = api.request(Method::POST, SECRETS).json(&body).send().await.unwrap();
    assert_eq!(response.status(), 201);
    let created: Value = response.json().await.unwrap();
    assert_eq!((&created["kind"], &created["type"]), (&json!("Secret"), &json!("Opaque")));
    assert_eq!(created["data"], json!({"user": "bWU="}));
    let again = api.request(Method::POST, SECRETS).json(&body).send().await.unwrap();
    assert_eq!(again.status(), 409);

    let path = format!("{SECRETS}/mine");
    let mut read = api.json(&path).await;
    assert_eq!(read, created);
    read["data"]["user"] = json!("eW91");
    let replaced = api.request(Method::PUT, &path).json(&read).send().await.unwrap();
    assert_eq!(replaced.status(), 200);
    let replaced: Value = replaced.json().await.unwrap();
    assert!(version(&replaced) > version(&created));
    let stale = api.request(Method::PUT, &path).json(&read).send().await.unwrap();
    assert_eq!(stale.status(), 409);

    let change = json!({"metadata": {"labels": {"a": null}}, "data": {"more": "eA=="}});
    let patched = api
        .request(Method::PATCH, &path)
        .header("content-type", MERGE_PATCH)
        .body(change.to_string())
        .send()
        .await
        .unwrap();
    let patched: Value = patched.json().await.unwrap();
    assert_eq!(patched["data"], json!({"more": "eA==", "user": "eW91"}));
    assert_eq!(patched["metadata"]["labels"], Value::Null);
    assert_eq!(patched["metadata"]["uid"], created["metadata"]["uid"]);

    let deleted = api.request(Method::DELETE, &path).send().await.unwrap();
    assert_eq!(deleted.status(), 200);
    assert_eq!(api.get(&path).await.status(), 404);
    assert_eq!(world.api.ground_truth().await.unwrap().total, 10);
}

#[tokio::test]
async fn a_finalizer_keeps_a_deleted_secret_until_it_is_removed() {
    let world = World::new(json!({}), v2(1, 0), 0.001);
    let api = world.client();
    let body = json!({"metadata": {"name": "kept", "finalizers": ["example.com/keep"]}});
    api.request(Method::POST, SECRETS).json(&body).send().await.unwrap();
    let path = format!("{SECRETS}/kept");
    let deleted = api.request(Method::DELETE, &path).send().await.unwrap();
    let deleted: Value = deleted.json().await.unwrap();
    assert!(deleted["metadata"]["deletionTimestamp"].is_string());
    assert_eq!(api.rewrite("team-1", "kept").await, version(&deleted));
    api.patch("team-1", "kept", r#"{"metadata": {"finalizers": null}}"#).await;
    assert_eq!(api.get(&path).await.status(), 404);
}

#[tokio::test]
async fn concurrent_empty_patches_never_conflict_and_replaces_do() {
    let world = World::new(json!({"secrets": {"namespaces": 1, "each": 1}}), v2(1, 0), 0.001);
    world.api.set_mutating_webhook(true);
    let (one, two) = (world.client(), world.client());
    let patches = |api: crate::world::Api| async move {
        for _ in 0..50 {
            api.rewrite("team-1", "secret-1").await;
        }
        api
    };
    let (one, _two) = tokio::join!(patches(one), patches(two));
    let read = one.json(&format!("{SECRETS}/secret-1")).await;
    assert_eq!(read["metadata"]["annotations"].as_object().unwrap().len(), 1);
    one.rewrite("team-1", "secret-1").await;
    let replaced = one.request(Method::PUT, &format!("{SECRETS}/secret-1"));
    assert_eq!(replaced.json(&read).send().await.unwrap().status(), 409);
}

#[tokio::test]
async fn every_write_has_a_revision_of_its_own() {
    let world = World::new(json!({"secrets": {"under": "plaintext"}}), v2(1, 0), 0.001);
    let api = world.client();
    let watermark = version(&api.json("/api/v1/namespaces/team-1/secrets?limit=1").await);
    let mut seen = vec![watermark];
    for number in 1..=5 {
        seen.push(api.rewrite("team-1", &format!("secret-{number}")).await);
    }
    assert!(seen.is_sorted_by(|one, two| one < two), "{seen:?}");
    assert_eq!(world.api.ground_truth().await.unwrap().newest_resource_version, seen[5]);
}

#[tokio::test]
async fn a_restored_backup_is_an_older_state_at_an_older_revision() {
    let world = World::new(json!({"secrets": {"under": "plaintext"}}), v2(1, 0), 0.001);
    let api = world.client();
    api.rewrite("team-1", "secret-1").await;
    let before = world.version_of("team-1", "secret-1");
    let backup = world.api.backup();
    let mut watermark = 0;
    for number in 2..=5 {
        watermark = api.rewrite("team-1", &format!("secret-{number}")).await;
    }
    world.api.restore(&backup).await;
    assert_eq!(world.version_of("team-1", "secret-1"), before);
    assert_eq!((world.key_of("team-1", "secret-1"), world.key_of("team-1", "secret-2")), (1, 0));
    let list = world.client().json(&format!("{SECRETS}?limit=1")).await;
    assert!(before <= version(&list) && version(&list) < watermark);
    assert_eq!(world.api.ground_truth().await.unwrap().plaintext, 9);
}

#[tokio::test]
async fn leases_and_config_maps_are_written_with_preconditions() {
    let world = World::new(json!({}), v2(1, 0), 0.001);
    let api = world.client();
    for (collection, kind) in
        [(LEASES, "Lease"), ("/api/v1/namespaces/kube-system/configmaps", "ConfigMap")]
    {
        let body = json!({"metadata": {"name": "aks-kms"}, "spec": {"holderIdentity": "me"}});
        let created = api.request(Method::POST, collection).json(&body).send().await.unwrap();
        assert_eq!(created.status(), 201);
        let mut object: Value = created.json().await.unwrap();
        assert_eq!(object["kind"], kind);
        let path = format!("{collection}/aks-kms");
        object["spec"]["holderIdentity"] = json!("you");
        let put = || api.request(Method::PUT, &path).json(&object).send();
        assert_eq!(put().await.unwrap().status(), 200);
        assert_eq!(put().await.unwrap().status(), 409);
        assert_eq!(api.json(&path).await["spec"]["holderIdentity"], "you");
        let uid = json!({"preconditions": {"uid": "another"}});
        let refused = api.request(Method::DELETE, &path).json(&uid).send().await.unwrap();
        assert_eq!(refused.status(), 409);
        assert_eq!(api.request(Method::DELETE, &path).send().await.unwrap().status(), 200);
        assert_eq!(api.get(&path).await.status(), 404);
    }
    assert!(world.recorder.all().is_empty());
}

#[tokio::test]
async fn patches_of_secrets_are_recorded_as_a_run_and_the_canary_is_not() {
    let world = World::new(json!({}), v2(1, 0), 0.001);
    let api = world.client();
    let canary = json!({"metadata": {"name": "aks-kms-canary"}});
    let kube_system = "/api/v1/namespaces/kube-system/secrets";
    api.request(Method::POST, kube_system).json(&canary).send().await.unwrap();
    api.patch("kube-system", "aks-kms-canary", r#"{"metadata": {"annotations": {"a": "b"}}}"#)
        .await;
    for number in 1..=3 {
        api.rewrite("team-1", &format!("secret-{number}")).await;
    }
    let body = json!({"metadata": {"name": "other"}, "stringData": {"a": "b"}});
    api.request(Method::POST, SECRETS).json(&body).send().await.unwrap();
    api.request(Method::DELETE, &format!("{kube_system}/aks-kms-canary")).send().await.unwrap();
    assert_eq!(
        serde_json::to_value(world.recorder.all()).unwrap(),
        json!([
            {"patch_secrets": 3},
            {"target": "kubernetes", "method": "POST", "path": SECRETS},
        ])
    );
    assert_eq!(world.api.ground_truth().await.unwrap().total, 11);
}

#[tokio::test]
async fn a_cluster_has_namespaces_nodes_and_agents() {
    let world = World::new(json!({}), v2(1, 0), 0.001);
    let api = world.client();
    let table: Value =
        api.table("/api/v1/namespaces?includeObject=None").await.json().await.unwrap();
    let rows = table["rows"].as_array().unwrap();
    let names: Vec<_> = rows.iter().map(|row| row["cells"][0].as_str().unwrap()).collect();
    let expected = ["default", "kube-node-lease", "kube-public", "kube-system", "team-1", "team-2"];
    assert_eq!(names, expected);
    assert!(rows.iter().all(|row| row["object"].is_null()));
    let uid = api.json("/api/v1/namespaces/kube-system").await["metadata"]["uid"].clone();
    assert_eq!(uid.as_str().unwrap().len(), 36);

    let nodes = api.json("/api/v1/nodes?limit=1").await;
    let provider = nodes["items"][0]["spec"]["providerID"].as_str().unwrap();
    assert!(provider.starts_with(
        "azure:///subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/\
         mc_group_cluster_westeurope/providers/Microsoft.Compute/virtualMachineScaleSets/"
    ));
    let pods = api.text("/api/v1/namespaces/kube-system/pods").await;
    assert!(pods.contains("konnectivity-agent-"));
}
