//! Judging a recorded proof without writing.

use std::sync::Arc;

use aks_kms::{Error, ErrorKind, Evidence, OperationReport, VerifySecretsOptions};
use aks_kms_simulator::backend::{EncryptionConfig, KeyRef, KmsVersion, KubernetesBackend};
use serde_json::{Value, json};

use crate::world::{World, only};

fn given() -> Value {
    json!({
        "cluster": {"kms": {"key": "{{key.1}}"}},
        "secrets": {"under": "plaintext"},
    })
}

async fn verify(world: &World) -> Result<OperationReport, Error> {
    world.manager().verify_secrets(VerifySecretsOptions::default()).await
}

/// A cluster with a proof.
async fn proven(given: Value) -> World {
    let world = World::new(given).await;
    assert!(world.pass().await.complete);
    world.simulator.clear_writes(&world.case.id).unwrap();
    world
}

/// The error says that it cannot tell, and why.
fn assert_cannot_tell(error: &Error, why: &str) {
    assert_eq!(error.kind(), ErrorKind::ReencryptIncomplete, "{error:?}");
    let message = error.to_string();
    assert!(message.contains("cannot be told") && message.contains(why), "{message}");
    assert!(message.contains("reencrypt_secrets"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_unchanged_since_the_proof_is_proven_and_nothing_is_written() {
    let world = proven(given()).await;
    let before = world.truth().await;
    let pass = only(verify(&world).await.unwrap());
    assert_eq!((pass.evidence, pass.complete), (Evidence::Ledger, true), "{pass:#?}");
    assert_eq!((pass.counts.total, pass.counts.current), (11, 11));
    assert_eq!(world.truth().await, before);
    assert!(world.simulator.writes(&world.case.id).unwrap().is_empty(), "no write of any kind");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_since_is_proven_if_no_server_wrote_with_another_key() {
    let world = proven(given()).await;
    world.embedded.add_secrets("team-3", 1..=4, None).await.unwrap();
    let pass = only(verify(&world).await.unwrap());
    assert!(pass.complete, "{pass:#?}");
    assert_eq!((pass.counts.total, pass.api_servers.len()), (15, 2), "{pass:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_since_is_named_if_a_server_did_write_with_another_key() {
    let mut given = given();
    given["cluster"]["kms"] = json!({"key": "{{key.2}}", "previous": "{{key.1}}"});
    let world = proven(given).await;
    // unseen by Azure: a server of an old configuration
    let key = |index: usize| {
        let key_id = world.case.key_ids[index].clone();
        Some(KeyRef { key_id, kms_version: KmsVersion::V2 })
    };
    let config =
        EncryptionConfig { current: key(0), previous: key(1), ..EncryptionConfig::default() };
    world.embedded.add_api_server(config).await;
    world.embedded.pin_connections(Some(3));
    let endpoint = world.embedded.endpoint();
    let authority = reqwest::Certificate::from_pem(endpoint.ca_pem.as_bytes()).unwrap();
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([authority]).build().unwrap();
    let answer = client
        .post(format!("{}/api/v1/namespaces/team-1/secrets", endpoint.server))
        .bearer_auth(&endpoint.admin_token)
        .header("content-type", "application/json")
        .body(json!({"metadata": {"name": "stray"}, "stringData": {"a": "b"}}).to_string())
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 201);
    world.embedded.pin_connections(None);

    let error = verify(&world).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReencryptIncomplete, "{error:?}");
    let pass = error.report().unwrap().reencryption.first().unwrap_or_else(|| panic!("{error:?}"));
    let named: Vec<&str> = pass.blocked.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(named, ["stray"], "{pass:#?}");
    assert!(pass.blocked[0].message.contains("another key"), "{pass:#?}");
    assert_eq!((pass.counts.current, pass.counts.failed, pass.complete), (11, 1, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn after_any_change_of_the_cluster_what_was_written_since_is_not_believed() {
    let world = proven(given()).await;
    world.simulator.patch_cluster(&world.case.id, &json!({"tags": {"a": "b"}})).unwrap();
    assert!(only(verify(&world).await.unwrap()).complete, "nothing was written since");
    world.embedded.add_secrets("team-3", 1..=1, None).await.unwrap();
    let error = verify(&world).await.unwrap_err();
    let pass = &error.report().unwrap().reencryption[0];
    assert_eq!(
        (pass.counts.current, pass.counts.failed, pass.complete),
        (11, 1, false),
        "{pass:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_metrics_only_what_was_written_since_is_open() {
    let mut given = given();
    given["access"] =
        json!({"kubernetes_lacks": [{"verb": "get", "resource": "/readyz/kms-providers"}]});
    let world = proven(given).await;
    let metrics = json!({"kubernetes": [{"method": "GET", "path": "/metrics", "status": 403}]});
    world.faults(metrics).await;
    assert!(only(verify(&world).await.unwrap()).complete);
    world.embedded.add_secrets("team-3", 1..=1, None).await.unwrap();
    let error = verify(&world).await.unwrap_err();
    let pass = &error.report().unwrap().reencryption[0];
    assert_eq!((pass.counts.current, pass.counts.failed), (11, 1), "{pass:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_streaming_lists_it_cannot_tell() {
    let world = proven(given()).await;
    world.faults(json!({"no_streaming_list": true})).await;
    assert_cannot_tell(
        &verify(&world).await.unwrap_err(),
        "cannot be listed with their resource versions",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn below_kubernetes_1_34_it_cannot_tell_and_says_so() {
    for version in ["1.28.5", "1.32.10", "1.33.6"] {
        let mut given = given();
        given["cluster"]["kubernetes_version"] = json!(version);
        let world = proven(given).await;
        let error = verify(&world).await.unwrap_err();
        assert_cannot_tell(&error, "Kubernetes 1.34 or later");
    }
}

/// What the API servers wrote with is seen in their metrics, if it is seen which API servers there are.
#[tokio::test(flavor = "multi_thread")]
async fn without_identity_leases_what_was_written_since_is_open_and_the_leases_are_named() {
    let world = proven(given()).await;
    world.faults(json!({"no_identity_leases": true})).await;
    world.embedded.add_secrets("team-3", 1..=1, None).await.unwrap();
    let error = verify(&world).await.unwrap_err();
    let pass = &error.report().unwrap().reencryption[0];
    let [open] = pass.blocked.as_slice() else { panic!("{pass:#?}") };
    assert!(open.message.contains("identity Leases"), "{open:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_of_a_cluster_that_was_restored_since_does_not_count() {
    let world = World::new(given()).await;
    let backup = world.embedded.backup();
    for _ in 0..30 {
        world.embedded.put_under("team-1", "secret-1", "plaintext").await.unwrap();
    }
    assert!(world.pass().await.complete);
    let embedded = Arc::clone(&world.embedded);
    embedded.restore(&backup).await;
    let error = verify(&world).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReencryptIncomplete, "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_proof_gave_up_stays_named_as_given_up() {
    let mut given = given();
    given["secrets"]["special"] = json!([{"name": "team-1/denied", "kind": "denied"}]);
    let world = World::new(given).await;
    let give_up = aks_kms::ReencryptSecretsOptions {
        give_up_secrets: vec!["team-1/denied".to_owned()],
        ..aks_kms::ReencryptSecretsOptions::default()
    };
    assert!(only(world.manager().reencrypt_secrets(give_up).await.unwrap()).complete);
    let pass = only(verify(&world).await.unwrap());
    assert_eq!(pass.given_up, ["team-1/denied"], "{pass:#?}");
    assert_eq!((pass.counts.current, pass.counts.blocked), (11, 1));
}
