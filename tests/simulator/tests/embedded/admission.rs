//! Admission, and what else stands in the way of a patch.

use aks_kms_simulator::backend::KubernetesBackend;
use serde_json::{Value, json};

use crate::world::{World, v2};

#[tokio::test]
async fn admission_answers_before_the_staleness_check() {
    // all of them are current, so nothing would be written
    let given = json!({"secrets": {"namespaces": 0, "special": [
        {"name": "a/denied", "kind": "denied"},
        {"name": "a/invalid", "kind": "invalid"},
        {"name": "a/webhook", "kind": "webhook-down"},
        {"name": "a/unreadable", "kind": "unreadable"},
        {"name": "a/large", "kind": "large"},
        {"name": "a/terminating", "kind": "terminating"},
    ]}});
    let world = World::new(given, v2(1, 0), 0.001);
    let api = world.client();
    let expected = [
        ("denied", 403, "Forbidden", "ValidatingAdmissionPolicy"),
        ("invalid", 422, "Invalid", "tls.crt"),
        ("webhook", 500, "InternalError", "failed calling webhook"),
        ("unreadable", 500, "InternalError", "no matching prefix found"),
    ];
    for (name, code, reason, message) in expected {
        let response = api.patch("a", name, "{}").await;
        assert_eq!(response.status(), code, "{name}");
        let status: Value = response.json().await.unwrap();
        assert_eq!((&status["kind"], &status["code"]), (&json!("Status"), &json!(code)));
        assert_eq!(status["reason"], reason, "{name}");
        assert!(status["message"].as_str().unwrap().contains(message), "{status}");
    }
    for name in ["large", "terminating"] {
        assert_eq!(api.patch("a", name, "{}").await.status(), 200, "{name}");
    }
    let truth = world.api.ground_truth().await.unwrap();
    assert_eq!((truth.total, truth.unreadable), (6, 1));
}

#[tokio::test]
async fn a_webhook_that_is_not_idempotent_makes_every_patch_a_write() {
    let world = World::new(json!({}), v2(1, 0), 0.001);
    let api = world.client();
    world.api.set_mutating_webhook(true);
    let first = api.rewrite("team-1", "secret-1").await;
    assert!(api.rewrite("team-1", "secret-1").await > first);
    world.api.set_mutating_webhook(false);
    let last = api.rewrite("team-1", "secret-1").await;
    assert_eq!(api.rewrite("team-1", "secret-1").await, last);
}

#[tokio::test]
async fn scripted_faults_answer_in_the_place_of_the_server() {
    let given = json!({"secrets": {"under": "plaintext"}, "faults": {
        "kubernetes_latency_ms": 30,
        "kubernetes": [
            {"method": "PATCH", "path": "secret-1?", "status": 429, "retry_after": 2, "times": 1, "after": 1},
            {"path": "secret-2?", "status": 504, "times": 1, "takes_effect": true},
            {"path": "secret-3?", "status": 0, "times": 1},
        ],
    }});
    let world = World::new(given, v2(1, 0), 0.001);
    let api = world.client();
    let began = std::time::Instant::now();
    let mut statuses = Vec::new();
    for _ in 0..3 {
        let response = api.patch("team-1", "secret-1", "{}").await;
        statuses.push(response.status().as_u16());
        if response.status() == 429 {
            assert_eq!(response.headers()["retry-after"], "2");
        }
    }
    assert_eq!(statuses, [200, 429, 200]);
    assert!(began.elapsed().as_millis() >= 90);

    assert_eq!(api.patch("team-1", "secret-2", "{}").await.status(), 504);
    assert_eq!(world.key_of("team-1", "secret-2"), 1, "it took effect all the same");

    let dropped = api
        .request(reqwest::Method::GET, "/api/v1/namespaces/team-1/secrets/secret-3?x=y")
        .send()
        .await;
    assert!(dropped.is_err());
    assert_eq!(world.key_of("team-1", "secret-3"), 0);
}
