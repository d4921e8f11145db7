//! The two-key rule.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    Backend,
    cluster::{Cluster, SECRETS, secret},
};

fn wired(wiring: &str) -> Value {
    json!({ "cluster": { "wiring": wiring } })
}

/// Rotating twice without rewriting the secrets in between makes the old secrets unreadable.
async fn rotating_twice(backend: Backend, wiring: &str) {
    if !backend.available() {
        return;
    }
    let cluster = Cluster::start(backend, wired(wiring)).await;
    assert_eq!(cluster.under(1).await, SECRETS);
    cluster.rotate(2).await;
    assert_eq!(cluster.under(1).await, SECRETS, "a rotation rewrites nothing");
    assert_eq!(cluster.readable().await, SECRETS, "the previous key can be read with");
    // One secret is rewritten in between, the others are forgotten.
    let empty = json!({});
    let first = secret(1);
    assert_eq!(cluster.ask(Method::PATCH, &first, Some(&empty)).await.0, 200);

    cluster.rotate(3).await;
    // A process that goes on running has the old data keys in memory; the next one has not.
    cluster.restart().await;
    assert_eq!(cluster.truth().await.unreadable, SECRETS - 1);
    assert_eq!(cluster.readable().await, 1);
    let (status, body) = cluster.get(2).await;
    assert_eq!(status, 500, "{body}");
    assert!(body.contains("InternalError"), "{body}");
    assert!(!cluster.replace_all().await, "the documented pipeline stops at the first");
    let (status, _) = cluster.ask(Method::GET, "/readyz", None).await;
    assert_eq!(status, 500, "and the API server never gets ready");

    // Going back to the first key, which is still in the vault, loses the one that was rewritten
    // instead; the others come back only if their provider still has the name that it had.
    assert_eq!(cluster.update(Some(1)).await, "Succeeded");
    cluster.restart().await;
    let back = if wiring == "one-provider" { SECRETS - 1 } else { 0 };
    assert_eq!(cluster.readable().await, back);
    assert_eq!(cluster.get(1).await.0, 500);
}

/// The page's procedure, with a rewrite after each rotation, keeps every secret.
async fn the_procedure(backend: Backend, wiring: &str) {
    if !backend.available() {
        return;
    }
    let cluster = Cluster::start(backend, wired(wiring)).await;
    for key in 2..=4 {
        cluster.rotate(key).await;
        assert!(cluster.replace_all().await);
        assert_eq!(cluster.under(key).await, SECRETS);
    }
    cluster.restart().await;
    assert_eq!(cluster.truth().await.unreadable, 0);
    assert_eq!(cluster.readable().await, SECRETS);
    // KMS off, and rewritten once more: every secret outlives the last key too.
    assert_eq!(cluster.update(None).await, "Succeeded");
    assert!(cluster.replace_all().await);
    assert_eq!(cluster.truth().await.plaintext, SECRETS);
}

/// As a setting, the second rotation hangs instead, as has been reported too.
async fn the_second_rotation_hangs(backend: Backend) {
    if !backend.available() {
        return;
    }
    let given = json!({ "cluster": { "forgotten_secrets": "hang" } });
    let cluster = Cluster::start(backend, given).await;
    cluster.rotate(2).await;
    assert_eq!(cluster.begin_update(Some(3)).await, 200);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(cluster.state().await, "Updating");
    assert_eq!(cluster.begin_update(Some(3)).await, 409, "it stands in the way of every other");
    cluster.restart().await;
    assert_eq!(cluster.readable().await, SECRETS, "the API servers keep their keys");

    // Aborted, it leaves the cluster where it was.
    cluster.abort().await;
    cluster.until("it is not aborted", async || cluster.state().await == "Canceled").await;
    assert_eq!(cluster.update(Some(2)).await, "Succeeded");

    // What was forgotten is rewritten while it hangs: it goes on by itself.
    assert_eq!(cluster.begin_update(Some(3)).await, 200);
    assert!(cluster.replace_all().await);
    cluster.until("it still hangs", async || cluster.state().await == "Succeeded").await;
    assert_eq!(cluster.truth().await.unreadable, 0);
    cluster.restart().await;
    assert_eq!(cluster.readable().await, SECRETS);
}

#[tokio::test(flavor = "multi_thread")]
async fn rotating_twice_without_rewriting_makes_the_old_secrets_unreadable_embedded_two_providers()
{
    rotating_twice(Backend::Embedded, "two-providers").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rotating_twice_without_rewriting_makes_the_old_secrets_unreadable_embedded_one_provider() {
    rotating_twice(Backend::Embedded, "one-provider").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rotating_twice_without_rewriting_makes_the_old_secrets_unreadable_real_two_providers() {
    rotating_twice(Backend::Real, "two-providers").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rotating_twice_without_rewriting_makes_the_old_secrets_unreadable_real_one_provider() {
    rotating_twice(Backend::Real, "one-provider").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_procedure_keeps_every_secret_embedded_two_providers() {
    the_procedure(Backend::Embedded, "two-providers").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_procedure_keeps_every_secret_embedded_one_provider() {
    the_procedure(Backend::Embedded, "one-provider").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_procedure_keeps_every_secret_real_two_providers() {
    the_procedure(Backend::Real, "two-providers").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_procedure_keeps_every_secret_real_one_provider() {
    the_procedure(Backend::Real, "one-provider").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_rotation_without_rewriting_can_hang_instead_embedded() {
    the_second_rotation_hangs(Backend::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_rotation_without_rewriting_can_hang_instead_real() {
    the_second_rotation_hangs(Backend::Real).await;
}
