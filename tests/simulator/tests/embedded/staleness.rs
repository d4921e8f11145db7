//! When a stored value is stale, and what becomes of it.

use std::time::{Duration, Instant};

use aks_kms_simulator::backend::{EncryptionConfig, KmsVersion, KubernetesBackend};
use serde_json::json;

use crate::world::{World, key, key_id, v2};

#[tokio::test]
async fn an_empty_merge_patch_rewrites_a_stale_secret_once() {
    let given = json!({"secrets": {"under": "plaintext"}});
    let world = World::new(given, v2(1, 0), 0.001);
    let api = world.client();
    let before = world.version_of("team-1", "secret-1");

    let rewritten = api.rewrite("team-1", "secret-1").await;
    assert!(rewritten > before);
    assert_eq!(world.key_of("team-1", "secret-1"), 1);
    assert_eq!(world.version_of("team-1", "secret-1"), rewritten);

    assert_eq!(api.rewrite("team-1", "secret-1").await, rewritten);
    assert_eq!(world.version_of("team-1", "secret-1"), rewritten);
}

#[tokio::test]
async fn an_empty_merge_patch_cannot_create_and_works_on_an_immutable_secret() {
    let given = json!({"secrets": {
        "namespaces": 0,
        "special": [{"name": "a/fixed", "kind": "immutable", "under": "plaintext"}],
    }});
    let world = World::new(given, v2(1, 0), 0.001);
    let api = world.client();
    assert_eq!(api.patch("a", "missing", "{}").await.status(), 404);
    assert_eq!(api.patch("nowhere", "fixed", "{}").await.status(), 404);
    api.rewrite("a", "fixed").await;
    assert_eq!(world.key_of("a", "fixed"), 1);
    let response = api.patch("a", "fixed", r#"{"data": {"password": "eA=="}}"#).await;
    assert_eq!(response.status(), 422);
}

#[tokio::test]
async fn a_dry_run_never_reaches_the_staleness_check() {
    let world = World::new(json!({"secrets": {"under": "plaintext"}}), v2(1, 0), 0.001);
    let api = world.client();
    let before = world.version_of("team-1", "secret-1");
    let response = api
        .request(reqwest::Method::PATCH, "/api/v1/namespaces/team-1/secrets/secret-1?dryRun=All")
        .header("content-type", "application/merge-patch+json")
        .body("{}")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(world.version_of("team-1", "secret-1"), before);
    assert_eq!(world.key_of("team-1", "secret-1"), 0);
    assert!(world.recorder.all().is_empty());
}

#[tokio::test]
async fn a_server_that_is_behind_rewrites_backwards() {
    let given = json!({
        "cluster": {"wiring": "one-provider"},
        "faults": {"api_servers": [{"server": 2, "kind": "writes-old"}]},
    });
    let world = World::new(given, v2(1, 0), 0.001);
    world.api.apply(v2(2, 1), None).await.unwrap();
    let new = world.server(1).await;
    let old = world.server(2).await;
    // the plugin's new key is noticed within a minute
    while world.key_of("team-1", "secret-1") == 1 {
        new.rewrite("team-1", "secret-1").await;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let forwards = world.version_of("team-1", "secret-1");
    assert!(old.rewrite("team-1", "secret-1").await > forwards);
    assert_eq!(world.key_of("team-1", "secret-1"), 1);
}

#[tokio::test]
async fn secrets_move_from_key_to_key_and_back_to_plaintext_in_both_wirings() {
    for wiring in ["two-providers", "one-provider"] {
        let given = json!({"cluster": {"wiring": wiring}, "secrets": {"namespaces": 1, "each": 3}});
        let world = World::new(given, EncryptionConfig::default(), 0.0005);
        let configs = [(v2(1, 0), 1), (v2(2, 1), 2), (v2(3, 2), 3), (v2(0, 3), 0)];
        for (config, expected) in configs {
            world.api.apply(config, None).await.unwrap();
            // a plugin's new key is noticed within a minute
            tokio::time::sleep(Duration::from_millis(100)).await;
            let api = world.client();
            for number in 1..=3 {
                api.rewrite("team-1", &format!("secret-{number}")).await;
            }
            let truth = world.api.ground_truth().await.unwrap();
            assert_eq!(truth.total, 3);
            assert_eq!(truth.unreadable, 0);
            if expected == 0 {
                assert_eq!(truth.plaintext, 3, "{wiring}");
            } else {
                assert_eq!(truth.by_key.get(&key_id(expected)), Some(&3), "{wiring}: {truth:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_key_that_is_no_longer_configured_leaves_its_secrets_unreadable() {
    let world = World::new(json!({}), v2(1, 0), 0.001);
    world.api.apply(v2(2, 1), None).await.unwrap();
    world.client().rewrite("team-1", "secret-1").await;
    world.api.apply(v2(3, 2), None).await.unwrap();
    let truth = world.api.ground_truth().await.unwrap();
    assert_eq!((truth.total, truth.unreadable), (10, 9));
    let api = world.client();
    let response = api.patch("team-1", "secret-2", "{}").await;
    assert_eq!(response.status(), 500);
    assert!(response.text().await.unwrap().contains("failed to decrypt DEK"));
    api.rewrite("team-1", "secret-1").await;
    assert_eq!(world.key_of("team-1", "secret-1"), 3);
}

#[tokio::test]
async fn kms_v1_under_the_same_provider_name_is_never_stale() {
    let v1 = |current, previous: Option<usize>| EncryptionConfig {
        current: Some(key(current, KmsVersion::V1)),
        previous: previous.map(|number| key(number, KmsVersion::V1)),
        ..EncryptionConfig::default()
    };
    let given = json!({"cluster": {"wiring": "one-provider", "kubernetes_version": "1.25.6"}});
    let world = World::new(given, v1(1, None), 0.001);
    world.api.apply(v1(2, Some(1)), None).await.unwrap();
    let api = world.client();
    let before = world.version_of("team-1", "secret-1");
    assert_eq!(api.rewrite("team-1", "secret-1").await, before);
    assert_eq!(world.key_of("team-1", "secret-1"), 1);
    // a real change is written with the new key
    let touch = r#"{"metadata": {"annotations": {"aks-kms/epoch": "1"}}}"#;
    assert_eq!(api.patch("team-1", "secret-1", touch).await.status(), 200);
    assert_eq!(world.key_of("team-1", "secret-1"), 2);
    let stored = world.api.stored("team-1", "secret-1").unwrap();
    assert!(stored.prefix.starts_with("k8s:enc:kms:v1:"), "{}", stored.prefix);
    let metrics = api.text("/metrics").await;
    assert!(!metrics.contains("key_id_hash_total"), "KMS v1 has no key ids in metrics");
    assert!(metrics.contains("transformer_prefix=\"k8s:enc:kms:v1:"));
}

#[tokio::test]
async fn a_new_key_of_the_plugin_is_noticed_in_a_minute_and_sooner_when_readiness_is_asked() {
    let given = json!({"cluster": {"wiring": "one-provider", "api_servers": 1}});
    for asks in [false, true] {
        let world = World::new(given.clone(), v2(1, 0), 0.02);
        let api = world.client();
        // past the first poll, so that the next is almost a whole minute away
        tokio::time::sleep(Duration::from_millis(650)).await;
        world.api.apply(v2(2, 1), None).await.unwrap();
        let began = Instant::now();
        api.rewrite("team-1", "secret-1").await;
        assert_eq!(world.key_of("team-1", "secret-1"), 1, "not noticed at once");
        while world.key_of("team-1", "secret-1") == 1 {
            assert!(began.elapsed() < Duration::from_secs(10));
            if asks {
                assert_eq!(api.get("/readyz/kms-providers").await.status(), 200);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
            api.rewrite("team-1", "secret-1").await;
        }
        let less = Duration::from_millis(1050);
        assert!(!asks || began.elapsed() < less, "noticed after {:?}", began.elapsed());
        assert_eq!(api.count(&["key_id_hash_total", "to_storage"]).await, 1);
    }
}

#[tokio::test]
async fn without_the_plugin_nothing_changes_but_writes_fail_after_three_minutes() {
    let given = json!({"cluster": {"api_servers": 1}, "secrets": {"namespaces": 1, "each": 3}});
    let world = World::new(given, v2(1, 0), 0.004);
    let api = world.client();
    let down = json!({"api_servers": [{"server": 1, "kind": "kms-down", "seconds": 500}]});
    world.api.set_faults(serde_json::from_value(down).unwrap()).await.unwrap();
    let began = Instant::now();
    let mut value = 0;
    let mut touch = async || {
        value += 1;
        let body = format!(r#"{{"metadata": {{"annotations": {{"a": "{value}"}}}}}}"#);
        api.patch("team-1", "secret-1", &body).await
    };
    // the old data key is still good
    assert_eq!(touch().await.status(), 200);
    let refused = loop {
        let response = touch().await;
        if response.status() != 200 {
            break response;
        }
        assert!(began.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert!(began.elapsed() > Duration::from_millis(400), "{:?}", began.elapsed());
    assert_eq!(refused.status(), 500);
    assert!(refused.text().await.unwrap().contains("expired"));
    assert_eq!(api.patch("team-1", "secret-1", "{}").await.status(), 200);
    assert_eq!(api.get("/readyz/kms-providers").await.status(), 500);
    // it comes back by itself
    while touch().await.status() != 200 {
        assert!(began.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(api.get("/readyz/kms-providers").await.status(), 200);
}

#[tokio::test]
async fn a_restarted_server_cannot_read_with_a_key_that_the_vault_refuses() {
    let world = World::new(json!({"cluster": {"api_servers": 1}}), v2(1, 0), 0.001);
    world.vault.refused.lock().unwrap().insert(key_id(1));
    // what is in memory is good enough
    world.client().rewrite("team-1", "secret-1").await;
    world.api.restart_api_servers().await.unwrap();
    let api = world.client();
    assert_eq!(api.patch("team-1", "secret-1", "{}").await.status(), 500);
    let ready = api.get("/readyz").await;
    assert_eq!(ready.status(), 500);
    let text = ready.text().await.unwrap();
    assert!(text.contains("[-]kms-providers failed") && text.contains("[-]informer-sync failed"));

    world.vault.refused.lock().unwrap().clear();
    let began = Instant::now();
    while api.text("/readyz").await != "ok" {
        assert!(began.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    api.rewrite("team-1", "secret-1").await;
}

#[tokio::test]
async fn etcd_without_space_refuses_writes_and_answers_what_changes_nothing() {
    let world = World::new(json!({"secrets": {"under": "plaintext"}}), v2(1, 0), 0.001);
    let api = world.client();
    api.rewrite("team-1", "secret-1").await;
    world.api.set_database_full(true);
    api.rewrite("team-1", "secret-1").await;
    let response = api.patch("team-1", "secret-2", "{}").await;
    assert_eq!(response.status(), 500);
    assert!(response.text().await.unwrap().contains("database space exceeded"));
}
