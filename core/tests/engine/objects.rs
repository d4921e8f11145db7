//! Secrets that are unlike others, and secrets that somebody else changes meanwhile.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use aks_kms::{BlockedReason, ErrorKind, Phase, ReencryptSecretsOptions};
use aks_kms_simulator::backend::KubernetesBackend;
use serde_json::{Value, json};

use crate::world::{World, during, only};

fn special(kinds: &[&str]) -> Value {
    let special: Vec<Value> =
        kinds.iter().map(|kind| json!({"name": format!("team-1/{kind}"), "kind": kind})).collect();
    json!({
        "cluster": {"kms": {"key": "{{key.1}}"}},
        "secrets": {"under": "plaintext", "special": special},
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn immutable_large_terminating_and_applied_secrets_are_rewritten_like_others() {
    let world = World::new(special(&["immutable", "large", "terminating", "applied"])).await;
    let pass = world.pass().await;
    assert!(pass.complete, "{pass:#?}");
    assert_eq!(pass.counts.rewritten, 14);
    world.assert_all_under(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn immutable_and_terminating_secrets_can_be_touched() {
    let mut given = special(&["immutable", "large", "terminating", "applied"]);
    given["cluster"] = json!({
        "kubernetes_version": "1.26.6", "wiring": "one-provider",
        "kms": {"key": "{{key.2}}", "previous": "{{key.1}}"},
    });
    given["secrets"]["under"] = json!("{{key.1}}");
    let world = World::new(given).await;
    let pass = world.pass().await;
    assert_eq!((pass.counts.rewritten, pass.counts.blocked), (15, 0), "{pass:#?}");
    world.assert_all_under(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_admission_refuses_is_blocked_with_its_reason_and_never_asked_for_ever() {
    let world = World::new(special(&["denied", "invalid", "webhook-down"])).await;
    let error = world.reencrypt().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReencryptIncomplete, "{error:?}");
    let pass = &error.report().unwrap().reencryption[0];
    let reasons: Vec<(&str, BlockedReason)> =
        pass.blocked.iter().map(|one| (one.name.as_str(), one.reason)).collect();
    assert_eq!(
        reasons,
        [
            ("denied", BlockedReason::Denied),
            ("invalid", BlockedReason::Invalid),
            ("webhook-down", BlockedReason::Error),
        ]
    );
    assert!(pass.blocked.iter().all(|one| !one.message.is_empty()));
    assert_eq!((pass.counts.rewritten, pass.counts.blocked), (10, 3));
    assert_eq!(world.patches(), 14, "each was asked once");
    assert_eq!(world.truth().await.plaintext, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_mutating_webhook_that_changes_each_secret_each_time_the_watermark_proves() {
    let world = World::new(special(&[])).await;
    world.embedded.set_mutating_webhook(true);
    for _ in 0..2 {
        let pass = world.pass().await;
        assert!(pass.complete, "{pass:#?}");
        assert_eq!(pass.counts.rewritten, 11, "each patch is a write");
    }
    world.assert_all_under(0).await;
}

/// Somebody who writes with the rights of a cluster admin.
struct Somebody {
    client: reqwest::Client,
    secrets: String,
    token: String,
}

impl Somebody {
    fn new(world: &World) -> Self {
        let endpoint = world.embedded.endpoint();
        let authority = reqwest::Certificate::from_pem(endpoint.ca_pem.as_bytes()).unwrap();
        let client =
            reqwest::Client::builder().no_proxy().tls_certs_only([authority]).build().unwrap();
        let secrets = format!("{}/api/v1/namespaces/team-1/secrets", endpoint.server);
        Self { client, secrets, token: endpoint.admin_token }
    }

    async fn delete(&self, name: &str) {
        let url = format!("{}/{name}", self.secrets);
        self.client.delete(url).bearer_auth(&self.token).send().await.unwrap();
    }

    async fn create(&self, name: &str) {
        let body = json!({"metadata": {"name": name}, "stringData": {"new": "value"}});
        let request = self.client.post(&self.secrets).bearer_auth(&self.token);
        let request = request.header("content-type", "application/json").body(body.to_string());
        request.send().await.unwrap();
    }

    async fn update(&self, name: &str, count: usize) {
        let body = json!({"metadata": {"annotations": {"count": count.to_string()}}});
        let url = format!("{}/{name}", self.secrets);
        let request = self.client.patch(url).bearer_auth(&self.token);
        let request = request.header("content-type", "application/merge-patch+json");
        request.body(body.to_string()).send().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_that_are_deleted_recreated_and_updated_all_the_time() {
    let mut given = special(&[]);
    given["secrets"]["each"] = json!(300);
    given["faults"] = json!({"kubernetes_latency_ms": 1});
    let world = World::new(given).await;
    let somebody = Somebody::new(&world);
    let over = Arc::new(AtomicBool::new(false));
    let end = Arc::clone(&over);
    let busy = tokio::spawn(async move {
        let mut count = 0;
        while !end.load(Ordering::Relaxed) {
            count += 1;
            let number = count % 290 + 1;
            somebody.delete(&format!("secret-{number}")).await;
            somebody.create(&format!("secret-{number}")).await;
            somebody.update("secret-299", count).await;
            somebody.update(&format!("secret-{}", (count * 7) % 290 + 1), count).await;
            somebody.create(&format!("new-{count}")).await;
        }
        count
    });
    let pass =
        only(world.manager().reencrypt_secrets(ReencryptSecretsOptions::default()).await.unwrap());
    over.store(true, Ordering::Relaxed);
    let changes = busy.await.unwrap();
    assert!(changes > 20, "{changes}");
    assert!(pass.complete, "{pass:#?}");
    assert_eq!(pass.counts.failed, 0);
    world.assert_all_under(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_that_are_gone_by_the_time_they_are_asked_end_nothing() {
    let mut given = special(&["terminating"]);
    given["secrets"]["each"] = json!(200);
    given["faults"] = json!({"kubernetes_latency_ms": 2});
    let world = World::new(given).await;
    let somebody = Arc::new(Somebody::new(&world));
    let options = during(Phase::Reencrypt, 1, {
        let somebody = Arc::clone(&somebody);
        move || {
            crate::world::block_on(async {
                for number in 150..=200 {
                    somebody.delete(&format!("secret-{number}")).await;
                }
                // its last finalizer goes, and so does it
                let url = format!("{}/terminating", somebody.secrets);
                let request = somebody.client.patch(url).bearer_auth(&somebody.token);
                let request = request.header("content-type", "application/merge-patch+json");
                request.body(r#"{"metadata":{"finalizers":null}}"#).send().await.unwrap();
            });
        }
    });
    let pass = only(world.manager().reencrypt_secrets(options).await.unwrap());
    assert!(pass.complete, "{pass:#?}");
    assert!(pass.counts.gone > 0, "{pass:#?}");
    assert_eq!(world.truth().await.total, 350);
    world.assert_all_under(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_engines_at_once_end_right_both() {
    let mut given = special(&[]);
    given["secrets"]["each"] = json!(150);
    let world = World::new(given).await;
    let (one, two) = tokio::join!(world.reencrypt(), world.reencrypt());
    for report in [one, two] {
        match report {
            Ok(report) => assert!(only(report).complete),
            // the other one's record stands in the way: that is an answer too
            Err(error) => assert!(error.is_retryable(), "{error:?}"),
        }
    }
    assert!(world.pass().await.complete);
    world.assert_all_under(0).await;
}
