//! KMS v1, which Kubernetes has before 1.27: a new version of the key in the same provider makes
//! nothing stale, so that a rewrite that changes nothing is none.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    Backend,
    cluster::{Cluster, SECRETS, secret},
};

fn given(wiring: &str) -> Value {
    json!({ "cluster": { "kubernetes_version": "1.25.6", "wiring": wiring } })
}

/// Annotates every secret: a change that is one.
async fn touch_all(cluster: &Cluster) {
    let touch = json!({ "metadata": { "annotations": { "touched": "1" } } });
    for number in 1..=SECRETS {
        let (status, body) = cluster.ask(Method::PATCH, &secret(number), Some(&touch)).await;
        assert_eq!(status, 200, "{body}");
    }
}

async fn patch_all(cluster: &Cluster) {
    for number in 1..=SECRETS {
        let (status, body) = cluster.ask(Method::PATCH, &secret(number), Some(&json!({}))).await;
        assert_eq!(status, 200, "{body}");
    }
}

async fn revision(cluster: &Cluster) -> u64 {
    cluster.truth().await.newest_resource_version
}

/// With one provider, the documented pipeline and empty patches leave everything where it was.
async fn nothing_is_stale(backend: Backend) {
    if !backend.available() {
        return;
    }
    let cluster = Cluster::start(backend, given("one-provider")).await;
    assert_eq!(cluster.under(1).await, SECRETS);
    cluster.rotate(2).await;
    let (_, metrics) = cluster.ask(Method::GET, "/metrics", None).await;
    assert!(metrics.contains("k8s:enc:kms:v1:"), "the prefix is that of KMS v1");
    assert!(!metrics.contains("key_id_hash_total{"), "KMS v1 has no key ids in metrics");

    let before = revision(&cluster).await;
    patch_all(&cluster).await;
    assert!(cluster.replace_all().await, "the pipeline reports success");
    assert_eq!(cluster.under(1).await, SECRETS, "and has rewritten nothing");
    assert_eq!(revision(&cluster).await, before);

    touch_all(&cluster).await;
    assert_eq!(cluster.under(2).await, SECRETS, "a real change is written with the new key");
    cluster.restart().await;
    assert_eq!(cluster.readable().await, SECRETS);

    // So the documented procedure loses everything here at the second rotation.
    cluster.rotate(3).await;
    assert!(cluster.replace_all().await);
    cluster.rotate(4).await;
    cluster.restart().await;
    assert_eq!(cluster.truth().await.unreadable, SECRETS);
    let (status, body) = cluster.get(1).await;
    assert_eq!(status, 500, "{body}");
}

/// With two providers, the name in front of a value tells its age: the pipeline works.
async fn another_name_is_stale(backend: Backend) {
    if !backend.available() {
        return;
    }
    let cluster = Cluster::start(backend, given("two-providers")).await;
    cluster.rotate(2).await;
    patch_all(&cluster).await;
    assert_eq!(cluster.under(2).await, SECRETS);
    let before = revision(&cluster).await;
    patch_all(&cluster).await;
    assert_eq!(revision(&cluster).await, before, "what is current stays as it is");
    cluster.rotate(3).await;
    assert!(cluster.replace_all().await);
    cluster.restart().await;
    assert_eq!((cluster.under(3).await, cluster.readable().await), (SECRETS, SECRETS));
    assert_eq!(cluster.update(None).await, "Succeeded");
    assert!(cluster.replace_all().await);
    assert_eq!(cluster.truth().await.plaintext, SECRETS);
}

/// Azure still decrypts with an expired key, and KMS v1 asks for nothing else to read.
async fn an_expired_key_still_reads(backend: Backend) {
    if !backend.available() {
        return;
    }
    let cluster = Cluster::start(backend, given("two-providers")).await;
    let expired = json!({ "attributes": { "exp": 1 } });
    assert_eq!(cluster.vault(Method::PATCH, cluster.key(1), Some(&expired)).await.0, 200);
    cluster.restart().await;
    assert_eq!(cluster.readable().await, SECRETS);
    let touch = json!({ "metadata": { "annotations": { "touched": "1" } } });
    assert_eq!(cluster.ask(Method::PATCH, &secret(1), Some(&touch)).await.0, 500);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_version_changed_in_place_makes_nothing_stale_embedded() {
    nothing_is_stale(Backend::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_version_changed_in_place_makes_nothing_stale_real() {
    nothing_is_stale(Backend::Real).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_of_another_name_makes_everything_stale_embedded() {
    another_name_is_stale(Backend::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_of_another_name_makes_everything_stale_real() {
    another_name_is_stale(Backend::Real).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_key_still_reads_embedded() {
    an_expired_key_still_reads(Backend::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_key_still_reads_real() {
    an_expired_key_still_reads(Backend::Real).await;
}
