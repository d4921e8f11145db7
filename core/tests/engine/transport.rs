//! What goes wrong between client and API server.

use std::sync::Arc;

use aks_kms::{BlockedReason, ErrorKind, KubernetesAccess, Phase};
use serde_json::{Value, json};

use crate::{
    common,
    world::{World, during, only},
};

/// Meets patches of secrets by these answers, but not the canary's and no dry run.
fn patches(faults: &Value) -> Value {
    let mut faults = faults.clone();
    for fault in faults.as_array_mut().unwrap() {
        fault["method"] = json!("PATCH");
        fault["path"] = json!("/secrets/secret-");
    }
    json!({"kubernetes": faults})
}

fn given(each: usize) -> Value {
    json!({
        "cluster": {"kms": {"key": "{{key.1}}"}},
        "secrets": {"namespaces": 2, "each": each, "under": "plaintext"},
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_refused_cut_off_or_have_an_unknown_outcome_are_sent_again() {
    for (name, fault) in [
        ("429", json!({"status": 429, "times": 40})),
        ("503", json!({"status": 503, "times": 40})),
        ("504 after the write", json!({"status": 504, "times": 20, "takes_effect": true})),
        ("cut off after the write", json!({"status": 0, "times": 20, "takes_effect": true})),
        ("cut off before it", json!({"status": 0, "times": 20})),
        ("409", json!({"status": 409, "times": 10})),
        ("500", json!({"status": 500, "times": 12})),
    ] {
        let world = World::new(given(100)).await;
        let options = world.faults_when_rewriting(patches(&json!([fault])));
        let pass = only(world.manager().reencrypt_secrets(options).await.unwrap());
        assert!(pass.complete, "{name}: {pass:#?}");
        assert_eq!((pass.counts.total, pass.counts.rewritten), (201, 200), "{name}: {pass:#?}");
        world.assert_all_under(0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_429_is_waited_out_by_everybody_together() {
    let world = World::new(given(100)).await;
    let storm = json!([{"status": 429, "retry_after": 1, "after": 50, "times": 6}]);
    let options = world.faults_when_rewriting(patches(&storm));
    let began = std::time::Instant::now();
    let pass = only(world.manager().reencrypt_secrets(options).await.unwrap());
    assert!(pass.complete && pass.counts.rewritten == 200, "{pass:#?}");
    let seconds = began.elapsed().as_secs_f64();
    assert!((1.0..20.0).contains(&seconds), "{seconds}");
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_that_get_no_answer_in_bounded_tries_are_failed_by_name() {
    let world = World::new(given(10)).await;
    let fault = json!({"method": "PATCH", "path": "/team-2/secrets/secret-4?", "status": 503});
    let options = world.faults_when_rewriting(json!({"kubernetes": [fault]}));
    let error = world.manager().reencrypt_secrets(options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReencryptIncomplete, "{error:?}");
    let pass = &error.report().unwrap().reencryption[0];
    assert_eq!((pass.counts.rewritten, pass.counts.failed), (19, 1), "{pass:#?}");
    assert_eq!(
        (pass.blocked[0].name.as_str(), pass.blocked[0].reason),
        ("secret-4", BlockedReason::Error)
    );
    assert_eq!(world.patches(), 20 + 6, "six tries");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_page_of_a_proxy_is_never_taken_for_the_api_servers_answer() {
    for status in [200, 403, 404, 502] {
        let world = World::new(given(20)).await;
        let page = json!([{"status": status, "web_page": true, "times": 8}]);
        let options = world.faults_when_rewriting(patches(&page));
        let pass = only(world.manager().reencrypt_secrets(options).await.unwrap());
        assert!(pass.complete, "{status}: {pass:#?}");
        assert_eq!((pass.counts.rewritten, pass.counts.gone), (40, 0), "{status}");
        world.assert_all_under(0).await;
    }
    // one that does not go away is an error that says so
    let world = World::new(given(5)).await;
    let pages = json!({"kubernetes": [
        {"method": "GET", "path": "/secrets?", "status": 200, "web_page": true},
    ]});
    let options = world.faults_when_rewriting(pages);
    let error = world.manager().reencrypt_secrets(options).await.unwrap_err();
    assert!(error.to_string().contains("web page"), "{error}");
    assert_eq!(world.truth().await.plaintext, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_expires_in_the_middle_is_renewed() {
    let mut given = given(60);
    given["cluster"]["entra"] = json!(true);
    let world = World::new(given).await;
    let unauthorized = json!([{"status": 401, "after": 20, "times": 1}]);
    let options = world.faults_when_rewriting(patches(&unauthorized));
    let manager =
        common::builder(&world.case).kubernetes(KubernetesAccess::ClusterUser).build().unwrap();
    let pass = only(manager.reencrypt_secrets(options).await.unwrap());
    assert!(pass.complete && pass.counts.rewritten == 120, "{pass:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn when_etcd_is_out_of_space_it_stops_at_once() {
    let world = World::new(given(200)).await;
    let embedded = Arc::clone(&world.embedded);
    let options = during(Phase::Reencrypt, 1, move || embedded.set_database_full(true));
    let error = world.manager().reencrypt_secrets(options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
    assert!(error.to_string().contains("etcd is out of space"), "{error}");
    let (patches, truth) = (world.patches(), world.truth().await);
    let rewritten = truth.by_key.values().sum::<usize>() as u64;
    assert!(patches - rewritten <= 64, "{patches} patches, {rewritten} before it was full");
    assert_eq!(truth.total, 401);

    // and before anything is patched
    let error = world.reencrypt().await.unwrap_err();
    assert!(error.to_string().contains("etcd is out of space"), "{error}");
    assert_eq!(world.patches(), patches);

    world.embedded.set_database_full(false);
    assert!(world.pass().await.complete);
}
