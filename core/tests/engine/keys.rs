//! Which key is written with: changes of the key, KMS versions, outages, what the metrics show.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use aks_kms::{ErrorKind, Evidence, Phase, ReencryptSecretsOptions};
use aks_kms_simulator::backend::{EncryptionConfig, KeyRef, KmsVersion, KubernetesBackend};
use serde_json::{Value, json};

use crate::world::{World, block_on, during, only, set_faults};

fn key(key_id: &str, kms_version: KmsVersion) -> KeyRef {
    KeyRef { key_id: key_id.to_owned(), kms_version }
}

/// API servers that write with the first key and can read the second.
fn keys(current: KeyRef, previous: KeyRef) -> EncryptionConfig {
    EncryptionConfig {
        current: Some(current),
        previous: Some(previous),
        ..EncryptionConfig::default()
    }
}

/// No API server's plugin answers, for so long before the time scale; absent: for good.
fn plugins_down(seconds: Option<u32>) -> Value {
    let down = |server: usize| json!({"server": server, "kind": "kms-down", "seconds": seconds});
    json!({"api_servers": [down(1), down(2)]})
}

/// Options under which the plugins go down when rewriting begins, which goes on only once the API
/// servers' write keys have expired.
fn outage(world: &World, seconds: Option<u32>) -> ReencryptSecretsOptions {
    let embedded = Arc::clone(&world.embedded);
    let down = plugins_down(seconds);
    during(Phase::Reencrypt, 0, move || {
        set_faults(&embedded, &down);
        std::thread::sleep(Duration::from_millis(2_100));
    })
}

/// A cluster whose key has just changed from the first to the second.
fn rotated(version: &str, wiring: &str) -> Value {
    json!({
        "cluster": {
            "kubernetes_version": version, "wiring": wiring,
            "kms": {"key": "{{key.2}}", "previous": "{{key.1}}"},
        },
        "secrets": {"under": "{{key.1}}"},
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn kms_v1_with_the_same_provider_every_secret_is_touched() {
    for wiring in ["one-provider", "two-providers"] {
        let world = World::new(rotated("1.26.6", wiring)).await;
        let pass = world.pass().await;
        assert_eq!(pass.counts.rewritten, 11, "{wiring}: {pass:#?}");
        assert_eq!((pass.evidence, pass.complete), (Evidence::Weak, false), "{wiring}");
        world.assert_all_under(1).await;
        assert_eq!(world.patches(), 22, "{wiring}: no streaming lists there, so asked twice");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kms_v1_is_touched_without_metrics_and_without_streaming_lists_too() {
    let mut given = rotated("1.26.6", "one-provider");
    given["access"] = json!({"kubernetes_lacks": [{"verb": "get", "resource": "/metrics"}]});
    given["faults"] = json!({"no_streaming_list": true});
    let world = World::new(given).await;
    let pass = world.pass().await;
    assert_eq!(pass.counts.rewritten, 11, "{pass:#?}");
    assert_eq!(pass.evidence, Evidence::Weak);
    world.assert_all_under(1).await;
}

/// What an empty patch does there, which is why secrets are touched.
#[tokio::test(flavor = "multi_thread")]
async fn kms_v1_in_the_middle_of_an_outage_loses_nothing() {
    let world = World::new(rotated("1.26.6", "one-provider")).await;
    let options = world.faults_when_rewriting(plugins_down(Some(60)));
    let pass = only(world.manager().reencrypt_secrets(options).await.unwrap());
    assert_eq!((pass.counts.rewritten, pass.counts.failed), (11, 0), "{pass:#?}");
    world.assert_all_under(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_kms_v1_to_v2_an_empty_patch_is_enough() {
    let world = World::new(json!({
        "cluster": {"kubernetes_version": "1.26.6", "kms": {"key": "{{key.1}}"}},
    }))
    .await;
    let key_id = &world.case.key_ids[0];
    let before = world.embedded.stored("team-1", "secret-1").unwrap();
    assert!(before.prefix.starts_with("k8s:enc:kms:v1:"), "{before:?}");
    world.embedded.set_version("1.28.5").await.unwrap();
    let config = keys(key(key_id, KmsVersion::V2), key(key_id, KmsVersion::V1));
    world.embedded.apply(config, None).await.unwrap();
    world
        .simulator
        .patch_cluster(
            &world.case.id,
            &json!({"properties": {"currentKubernetesVersion": "1.28.5"}}),
        )
        .unwrap();
    let pass = world.pass().await;
    assert!(pass.complete && pass.evidence == Evidence::Metrics, "{pass:#?}");
    assert_eq!(pass.counts.rewritten, 10);
    for number in 1..=5 {
        let stored = world.embedded.stored("team-2", &format!("secret-{number}")).unwrap();
        assert!(stored.prefix.starts_with("k8s:enc:kms:v2:"), "{stored:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn from_identity_to_kms_and_back() {
    let world = World::new(json!({})).await;
    let manager = world.manager();
    manager.enable(&world.case.key_ids[0], aks_kms::EnableOptions::default()).await.unwrap();
    world.assert_all_under(0).await;

    // off again, as another tool turns it off
    let config = EncryptionConfig {
        current: None,
        previous: Some(key(&world.case.key_ids[0], KmsVersion::V2)),
        ..EncryptionConfig::default()
    };
    world.embedded.apply(config, None).await.unwrap();
    let profile = json!({"azureKeyVaultKms": {"enabled": false}});
    world
        .simulator
        .patch_cluster(&world.case.id, &json!({"properties": {"securityProfile": profile}}))
        .unwrap();
    let pass = world.pass().await;
    assert!(pass.complete && pass.key_id.is_none(), "{pass:#?}");
    assert_eq!(pass.counts.rewritten, 11);
    assert_eq!(world.truth().await.plaintext, 11);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_changes_in_the_middle_is_noticed_and_nothing_is_called_proven() {
    let mut given = rotated("1.34.3", "one-provider");
    given["key"] = json!({"versions": 3});
    let world = World::new(given).await;
    let embedded = Arc::clone(&world.embedded);
    let [first, second, third] = <[String; 3]>::try_from(world.case.key_ids.clone()).unwrap();
    let _ = first;
    let options = during(Phase::Reencrypt, 0, move || {
        let config = keys(key(&third, KmsVersion::V2), key(&second, KmsVersion::V2));
        block_on(embedded.apply(config, None)).unwrap();
        // the servers notice when they next ask
        std::thread::sleep(Duration::from_millis(700));
    });
    let manager = world.with_timing(|timing| timing.convergence_limit = Duration::from_secs(1));
    let error = manager.reencrypt_secrets(options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::KmsUnavailable, "{error:?}");
    let report = error.report().unwrap();
    assert!(report.reencryption.iter().all(|pass| !pass.complete), "{report:#?}");
    assert_eq!(world.truth().await.total, 11);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_starts_in_the_middle_with_the_old_key_is_heard_before_the_end() {
    let world = World::new(rotated("1.34.3", "two-providers")).await;
    let embedded = Arc::clone(&world.embedded);
    let old = keys(
        key(&world.case.key_ids[0], KmsVersion::V2),
        key(&world.case.key_ids[1], KmsVersion::V2),
    );
    let options = during(Phase::Reencrypt, 0, move || {
        block_on(embedded.add_api_server(old.clone()));
    });
    let manager = world.with_timing(|timing| timing.convergence_limit = Duration::from_secs(1));
    let error = manager.reencrypt_secrets(options).await.unwrap_err();
    assert!(error.is_retryable(), "{error:?}");
    assert!(error.report().unwrap().reencryption.iter().all(|pass| !pass.complete));
}

/// What it answered for before it was heard is not known, so the secrets are asked once more.
#[tokio::test(flavor = "multi_thread")]
async fn servers_that_restart_in_the_middle_with_the_key_do_not_keep_a_pass_from_its_end() {
    let world = World::new(rotated("1.34.3", "two-providers")).await;
    let embedded = Arc::clone(&world.embedded);
    let options =
        during(Phase::Reencrypt, 0, move || block_on(embedded.restart_api_servers()).unwrap());
    let pass = only(world.manager().reencrypt_secrets(options).await.unwrap());
    assert!(pass.complete, "{pass:#?}");
    world.assert_all_under(1).await;
}

/// A write that was encrypted before convergence and lands right before the watermark.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_under_the_old_key_that_lands_late_is_found() {
    let world = World::new(json!({
        "cluster": {"wiring": "one-provider", "kms": {"key": "{{key.1}}"}},
        "secrets": {"under": "plaintext"},
    }))
    .await;
    // the servers have written with the first key: a write of theirs may still be under way
    assert!(world.pass().await.complete);
    let [old, new] = <[String; 2]>::try_from(world.case.key_ids.clone()).unwrap();
    let config = keys(key(&new, KmsVersion::V2), key(&old, KmsVersion::V2));
    world.embedded.apply(config, None).await.unwrap();
    let profile = json!({"azureKeyVaultKms": {"keyId": new}});
    world
        .simulator
        .patch_cluster(&world.case.id, &json!({"properties": {"securityProfile": profile}}))
        .unwrap();
    world.simulator.clear_writes(&world.case.id).unwrap();
    let embedded = Arc::clone(&world.embedded);
    let landed = AtomicUsize::new(0);
    let on_progress: aks_kms::OnProgress = Arc::new(move |now| {
        // while the pass waits for the watermark
        if now.message.starts_with("Waiting") && now.phase == Phase::Reencrypt {
            let number = landed.fetch_add(1, Ordering::Relaxed);
            if number == 0 {
                block_on(embedded.put_under("team-1", "secret-3", &old)).unwrap();
                block_on(embedded.put_under("team-2", "secret-1", &old)).unwrap();
            }
        }
    });
    let options = crate::world::with_progress(on_progress, aks_kms::ReencryptOptions::default());
    // long enough for the message to be sent
    let manager = world.with_timing(|timing| timing.watermark = Duration::from_secs(1));
    let pass = only(manager.reencrypt_secrets(options).await.unwrap());
    assert!(pass.complete, "{pass:#?}");
    world.assert_all_under(1).await;
    assert_eq!(world.patches(), 13, "two were found by the list and asked again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_balancer_that_leads_to_one_server_only_proves_nothing_of_the_other() {
    let world = World::new(json!({"cluster": {"kms": {"key": "{{key.1}}"}}})).await;
    world.embedded.pin_connections(Some(1));
    let manager = world.with_timing(|timing| timing.convergence_limit = Duration::from_secs(1));
    let error = manager.reencrypt_secrets(ReencryptSecretsOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::KmsUnavailable, "{error:?}");
    assert!(error.to_string().contains("1 of 2 API servers not heard"), "{error}");

    world.embedded.pin_connections(None);
    assert!(world.pass().await.complete);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_the_plugins_is_waited_for() {
    let world = World::new(rotated("1.34.3", "one-provider")).await;
    let options = outage(&world, Some(260));
    let pass = only(world.manager().reencrypt_secrets(options).await.unwrap());
    assert!(pass.complete, "{pass:#?}");
    assert_eq!((pass.counts.rewritten, pass.counts.failed), (10, 0));
    world.assert_all_under(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_that_does_not_end_is_named_and_nothing_is_lost() {
    let world = World::new(rotated("1.34.3", "one-provider")).await;
    let options = outage(&world, None);
    let manager = world.with_timing(|timing| timing.convergence_limit = Duration::from_secs(1));
    let error = manager.reencrypt_secrets(options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::KmsUnavailable, "{error:?}");
    let truth = world.truth().await;
    assert_eq!((truth.total, truth.unreadable), (11, 0), "{truth:?}");

    world.faults(json!({})).await;
    assert!(world.pass().await.complete);
    world.assert_all_under(1).await;
}

/// API servers that never wrote with another key leave no write that could land late, unless one
/// has just been replaced: what it had begun can.
#[tokio::test(flavor = "multi_thread")]
async fn the_watermark_is_waited_for_only_where_a_process_may_just_have_ended() {
    let watermark = Duration::from_secs(30);
    let world = World::new(json!({"cluster": {"kms": {"key": "{{key.1}}"}}})).await;
    let manager = world.with_timing(|timing| timing.watermark = watermark);
    let run = || manager.reencrypt_secrets(ReencryptSecretsOptions::default());
    let pass = only(tokio::time::timeout(watermark, run()).await.unwrap().unwrap());
    assert!(pass.complete, "{pass:#?}");
    world.embedded.restart_api_servers().await.unwrap();
    let waited = tokio::time::timeout(Duration::from_secs(4), run()).await;
    assert!(waited.is_err(), "{waited:?}");
}
