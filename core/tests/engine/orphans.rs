//! Secrets whose Namespace does not exist any more: API servers read them when they start, and no
//! list of namespaces leads to them.

use aks_kms::{BlockedReason, BlockedSecret, ErrorKind, VerifySecretsOptions};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    common::kubectl::Kubectl,
    world::{World, only},
};

fn given(faults: &Value) -> Value {
    json!({
        "cluster": {"kms": {"key": "{{key.1}}"}},
        "secrets": {"namespaces": 3, "each": 4, "under": "plaintext"},
        "faults": faults,
    })
}

/// A Namespace goes, and its secrets stay.
async fn orphan(world: &World, namespace: &str) -> Kubectl {
    let kubectl = Kubectl::new(&world.simulator, &world.case);
    kubectl.end_namespace(namespace).await;
    kubectl
}

/// What may be missing for the best proof.
fn obstacles() -> [(&'static str, Value); 4] {
    let watch =
        |path: &str| json!({"kubernetes": [{"method": "GET", "path": path, "status": 403}]});
    [
        ("nothing", json!({})),
        ("no streaming lists", json!({"no_streaming_list": true})),
        ("no right to watch", watch("watch=true")),
        ("no list of everything as a stream", watch("/api/v1/secrets?watch=true")),
    ]
}

fn blocked(blocked: &[BlockedSecret]) -> Vec<(String, BlockedReason)> {
    blocked.iter().map(|it| (format!("{}/{}", it.namespace, it.name), it.reason)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_is_named_with_what_helps_and_the_pass_is_not_complete() {
    for (what, faults) in obstacles() {
        // the first, one in the middle, and the last in the order of keys
        for namespace in ["a-first", "team-2", "zz-the-last"] {
            let world = World::new(given(&faults)).await;
            world.embedded.add_secrets(namespace, 1..=1, Some("plaintext")).await.unwrap();
            orphan(&world, namespace).await;
            let error = world.reencrypt().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ReencryptIncomplete, "{what}: {error}");
            let pass = only(error.report().unwrap().clone());
            assert!(!pass.complete, "{what}");
            let left = blocked(&pass.blocked);
            let first = format!("{namespace}/secret-1");
            assert!(
                left.contains(&(first, BlockedReason::NamespaceGone)),
                "{what}, {namespace}: {left:?}"
            );
            let expected = if namespace == "team-2" { 4 } else { 1 };
            assert_eq!(left.len(), expected, "{what}, {namespace}: {left:?}");
            let message = &pass.blocked[0].message;
            let remedy = format!("kubectl delete secret secret-1 -n {namespace}");
            assert!(message.contains(&remedy), "{what}: {message}");
            // with the seal
            let total = if namespace == "team-2" { 13 } else { 14 };
            assert_eq!(pass.counts.total, total, "{what}, {namespace}: {:?}", pass.counts);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_ways_out_work() {
    for (what, faults) in obstacles() {
        let world = World::new(given(&faults)).await;
        let kubectl = orphan(&world, "team-1").await;
        orphan(&world, "team-3").await;
        let left = only(world.reencrypt().await.unwrap_err().report().unwrap().clone()).blocked;
        assert_eq!(left.len(), 8, "{what}: {left:?}");
        for secret in 1..=4 {
            assert!(kubectl.delete("team-1", &format!("secret-{secret}")).await);
        }
        let namespace = json!({"metadata": {"name": "team-3"}});
        let made = kubectl.ask(Method::POST, "/api/v1/namespaces", Some(&namespace)).await;
        assert_eq!(made.unwrap().0.as_u16(), 201);
        let pass = world.pass().await;
        assert!(pass.complete && pass.counts.total == 9, "{what}: {pass:#?}");
        world.assert_all_under(0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_was_rewritten_before_is_no_obstacle() {
    let world = World::new(given(&json!({}))).await;
    assert!(world.pass().await.complete);
    orphan(&world, "team-3").await;
    // its secrets are under the key: they are beyond a proof, and cannot be asked any more
    let verified = world.manager().verify_secrets(VerifySecretsOptions::default()).await.unwrap();
    let pass = only(verified);
    assert!(pass.complete && pass.counts.total == 13, "{pass:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_secrets_sees_one_that_was_written_after_the_proof() {
    let world = World::new(given(&json!({}))).await;
    assert!(world.pass().await.complete);
    world.embedded.add_secrets("ghost", 1..=2, None).await.unwrap();
    world.embedded.put_under("ghost", "secret-1", "plaintext").await.unwrap();
    orphan(&world, "ghost").await;
    let verified = world.manager().verify_secrets(VerifySecretsOptions::default()).await.unwrap();
    assert_eq!(only(verified).counts.total, 15);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_cannot_be_decrypted_is_named_by_the_key_in_the_error() {
    for (version, namespace) in
        [("1.36.3", "ghost"), ("1.37.2", "ghost"), ("1.37.2", "zz-the-last")]
    {
        let mut given = given(&json!({}));
        given["cluster"]["kubernetes_version"] = json!(version);
        let name = format!("{namespace}/lost");
        given["secrets"]["special"] = json!([{"name": name, "kind": "unreadable"}]);
        let world = World::new(given).await;
        orphan(&world, namespace).await;
        let error = world.reencrypt().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ReencryptIncomplete, "{version}: {error:?}");
        let pass = only(error.report().unwrap().clone());
        assert_eq!(blocked(&pass.blocked), [(name, BlockedReason::Unreadable)], "{version}");
        assert_eq!(pass.counts.rewritten, 12, "{version}: {pass:#?}");
    }
}
