//! Who may do what.

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Api, World, v2};

async fn reviewed(api: &Api, spec: Value) -> bool {
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let body = json!({"spec": spec});
    let response = api.request(Method::POST, path).json(&body).send().await.unwrap();
    response.json::<Value>().await.unwrap()["status"]["allowed"].as_bool().unwrap()
}

#[tokio::test]
async fn a_token_that_nobody_gave_is_refused() {
    let world = World::new(json!({}), v2(1, 0), 0.001);
    let response = world.client().with_token("stranger").get("/api/v1/nodes").await;
    assert_eq!(response.status(), 401);
    assert_eq!(response.json::<Value>().await.unwrap()["reason"], "Unauthorized");
    assert_eq!(world.client().with_token("entra").get("/api/v1/nodes").await.status(), 200);
}

#[tokio::test]
async fn what_the_user_lacks_is_refused_and_reviewed_as_such() {
    use aks_kms_simulator::backend::KubernetesBackend;
    let given = json!({"access": {"kubernetes_lacks": [
        {"verb": "get", "resource": "/metrics"},
        {"verb": "patch", "resource": "secrets", "namespace": "team-2"},
        {"verb": "watch", "resource": "secrets"},
    ]}});
    let world = World::new(given, v2(1, 0), 0.001);
    let token = world.api.endpoint().user_token;
    let api = world.client().with_token(&token);
    let status: Value = {
        let response = api.get("/metrics").await;
        assert_eq!(response.status(), 403);
        response.json().await.unwrap()
    };
    assert_eq!(status["reason"], "Forbidden");
    assert_eq!(api.patch("team-1", "secret-1", "{}").await.status(), 200);
    assert_eq!(api.patch("team-2", "secret-1", "{}").await.status(), 403);
    let watch = "/api/v1/namespaces/team-1/secrets?watch=true";
    assert_eq!(api.get(watch).await.status(), 403);
    assert_eq!(api.get("/api/v1/namespaces/team-1/secrets").await.status(), 200);

    let patch = |namespace: &str| {
        json!({"resourceAttributes": {
            "verb": "patch", "resource": "secrets", "namespace": namespace,
        }})
    };
    assert!(reviewed(&api, patch("team-1")).await);
    assert!(!reviewed(&api, patch("team-2")).await);
    assert!(!reviewed(&api, patch("")).await, "not in all namespaces");
    let get = |path: &str| json!({"nonResourceAttributes": {"verb": "get", "path": path}});
    assert!(!reviewed(&api, get("/metrics")).await);
    assert!(reviewed(&api, get("/readyz")).await);

    let rules = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";
    let body = json!({"spec": {"namespace": "team-2"}});
    let review = api.request(Method::POST, rules).json(&body).send().await.unwrap();
    let review: Value = review.json().await.unwrap();
    let verbs = &review["status"]["resourceRules"][0]["verbs"];
    assert_eq!(verbs, &json!(["get", "list", "create", "update", "delete"]));
    let paths = review["status"]["nonResourceRules"][0]["nonResourceURLs"].as_array().unwrap();
    assert!(!paths.contains(&json!("/metrics")) && paths.contains(&json!("/readyz")));

    let admin = world.client();
    assert_eq!(admin.get("/metrics").await.status(), 200);
    assert_eq!(admin.patch("team-2", "secret-1", "{}").await.status(), 200);
    let expected = json!([{"patch_secrets": 3}]);
    assert_eq!(serde_json::to_value(world.recorder.all()).unwrap(), expected);
}
