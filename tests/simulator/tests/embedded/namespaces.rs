//! Namespaces that end, and what they leave behind.

use aks_kms_simulator::backend::KubernetesBackend;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{World, v2};

const GHOST: &str = "/api/v1/namespaces/ghost";

async fn status(world: &World, method: Method, path: &str, body: Value) -> (u16, Value) {
    let answer = world.client().request(method, path).json(&body).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn a_namespace_that_is_finalized_away_leaves_its_secrets() {
    let world = World::new(json!({"secrets": {"namespaces": 0}}), v2(1, 0), 0.001);
    let secrets = format!("{GHOST}/secrets");
    let secret = |name: &str| json!({"metadata": {"name": name}});
    let made = status(&world, Method::POST, "/api/v1/namespaces", secret("ghost")).await;
    assert_eq!(made.0, 201);
    assert_eq!(status(&world, Method::POST, &secrets, secret("precious")).await.0, 201);

    let (code, ending) = status(&world, Method::DELETE, GHOST, json!({})).await;
    assert_eq!((code, &ending["status"]["phase"]), (200, &json!("Terminating")));
    assert_eq!(status(&world, Method::POST, &secrets, secret("late")).await.0, 403);
    assert_eq!(world.api.ground_truth().await.unwrap().orphans, 0);

    let none = json!({"metadata": {"name": "ghost"}, "spec": {"finalizers": []}});
    assert_eq!(status(&world, Method::PUT, &format!("{GHOST}/finalize"), none).await.0, 200);
    assert_eq!(status(&world, Method::GET, GHOST, json!({})).await.0, 404);
    let listed = world.client().json("/api/v1/secrets").await;
    assert_eq!(listed["items"][0]["metadata"]["name"], "precious");
    let truth = world.api.ground_truth().await.unwrap();
    assert_eq!((truth.total, truth.orphans), (1, 1));

    let precious = format!("{secrets}/precious");
    let patched = world.client().patch("ghost", "precious", "{}").await;
    assert_eq!(patched.status(), 404, "the namespace is what is not found");
    let refusal: Value = patched.json().await.unwrap();
    assert_eq!(refusal["details"]["kind"], "namespaces");
    assert_eq!(status(&world, Method::DELETE, &precious, json!({})).await.0, 200);
    assert_eq!(world.api.ground_truth().await.unwrap().total, 0);
}

#[tokio::test]
async fn the_ground_truth_counts_orphans_and_the_librarys_own_secrets() {
    let given = json!({"secrets": {"namespaces": 1, "each": 2, "special": [
        {"name": "ghost/precious", "kind": "orphan", "under": "plaintext"},
        {"name": "kube-system/aks-kms-canary", "kind": "canary"},
    ]}});
    let world = World::new(given, v2(1, 0), 0.001);
    let truth = world.api.ground_truth().await.unwrap();
    assert_eq!((truth.total, truth.orphans, truth.plaintext), (4, 1, 1), "{truth:?}");
    assert_eq!(truth.own.values().sum::<usize>(), 1);
    let of_others = truth.of_others();
    assert_eq!((of_others.total, of_others.plaintext), (3, 1));
    assert_eq!(of_others.by_key.values().sum::<usize>(), 2);
}
