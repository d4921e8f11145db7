//! A control plane in the middle of an upgrade: of two real API servers over one etcd one has the newest
//! version of Kubernetes, and one the version before.

use std::sync::Arc;

use aks_kms::{
    BlockedReason, ErrorKind, Evidence, OperationReport, ReencryptSecretsOptions, RotateOptions,
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    common,
    real_world::{World, give_up, when_rewriting},
};

/// From this minor version on a list of secrets fails in other words.
const STORAGE_READ_ERROR_MINOR: u64 = 37;

/// Address and minor version of each API server.
async fn servers(world: &World) -> Vec<(String, u64)> {
    let mut servers = Vec::new();
    for address in world.real.api_servers().await.unwrap() {
        let (status, version) = world.ask(&address, Method::GET, "/version", None).await;
        assert_eq!(status, 200, "{version}");
        let minor = version["minor"].as_str().unwrap().parse().unwrap();
        servers.push((address, minor));
    }
    servers
}

fn minors(servers: &[(String, u64)]) -> Vec<u64> {
    servers.iter().map(|(_, minor)| *minor).collect()
}

fn assert_proven_by_both(report: &OperationReport) {
    assert!(report.is_proven(), "{report:#?}");
    for pass in &report.reencryption {
        assert!(pass.complete && pass.evidence == Evidence::Metrics, "{pass:#?}");
        assert_eq!(pass.api_servers.len(), 2, "{pass:#?}");
        let key = |server: usize| &pass.api_servers[server].key_id_hash;
        assert!(key(0).is_some() && key(0) == key(1), "{pass:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_proves_with_both_and_a_pass_outlives_the_end_of_the_upgrade() {
    let given = json!({
        "cluster": {"kms": {"key": "{{key.1}}"}},
        "key": {"versions": 3},
        "secrets": {"namespaces": 2, "each": 200},
    });
    let Some(world) = World::in_upgrade(given).await else { return };
    let both = servers(&world).await;
    let [newest, before] = minors(&both)[..] else { panic!("{both:?}") };
    assert!(before < newest, "{both:?}");
    for (address, minor) in &both {
        for number in 0..20 {
            let secret = json!({
                "metadata": {"name": format!("of-{minor}-{number}")},
                "stringData": {"value": "something"},
            });
            let path = "/api/v1/namespaces/team-1/secrets";
            let (status, made) = world.ask(address, Method::POST, path, Some(&secret)).await;
            assert_eq!(status, 201, "{made}");
        }
    }
    assert_eq!(world.truth().await.by_key[&world.case.key_ids[0]], 440);

    let timing = common::real_timing();
    let manager = common::builder(&world.case).timing(timing).build().unwrap();
    let report = manager.rotate(&world.case.key_ids[1], RotateOptions::default()).await.unwrap();
    assert_proven_by_both(&report);
    let truth = world.truth().await;
    let under_second = truth.by_key.get(&world.case.key_ids[1]);
    assert_eq!((truth.total, under_second, truth.unreadable), (440, Some(&440), 0), "{truth:?}");
    assert_eq!(minors(&servers(&world).await), [newest, before], "as it was");

    world.set_key(Some(2), Some(1)).await;
    let real = Arc::clone(&world.real);
    let options = when_rewriting(move || common::block_on(real.finish_upgrade()).unwrap());
    assert_proven_by_both(&world.run(options).await.unwrap());
    assert_eq!(minors(&servers(&world).await), [newest, newest], "the upgrade is over");
    let truth = world.truth().await;
    let under_third = truth.by_key.get(&world.case.key_ids[2]);
    assert_eq!((truth.total, under_third, truth.unreadable), (440, Some(&440), 0), "{truth:?}");
}

/// Each says it in its own words, and a connection goes to the one or to the other.
#[tokio::test(flavor = "multi_thread")]
async fn undecryptable_secrets_are_named_whoever_is_asked() {
    const LOST: [&str; 3] = ["team-1/secret-3x", "team-1/secret-9", "team-2/secret-2x"];
    let special: Vec<Value> =
        LOST.iter().map(|name| json!({"name": name, "kind": "unreadable"})).collect();
    let given = json!({
        "cluster": {"kms": {"key": "{{key.1}}"}},
        "secrets": {"namespaces": 2, "each": 8, "under": "plaintext", "special": special},
    });
    let Some(world) = World::in_upgrade(given).await else { return };
    for (address, minor) in servers(&world).await {
        let path = "/api/v1/namespaces/team-1/secrets?limit=500";
        let (status, refusal) = world.ask(&address, Method::GET, path, None).await;
        let reason =
            if minor < STORAGE_READ_ERROR_MINOR { "InternalError" } else { "StorageReadError" };
        assert_eq!((status, &refusal["reason"]), (500, &json!(reason)), "1.{minor}: {refusal}");
        assert!(refusal["message"].as_str().unwrap().contains("secret-3x"), "1.{minor}: {refusal}");
    }

    let error = world.run(ReencryptSecretsOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReencryptIncomplete, "{error}");
    let report = error.report().unwrap();
    let [pass] = &report.reencryption[..] else { panic!("{report:#?}") };
    let mut blocked: Vec<String> =
        pass.blocked.iter().map(|one| format!("{}/{}", one.namespace, one.name)).collect();
    blocked.sort();
    assert_eq!(blocked, LOST, "{pass:#?}");
    assert!(pass.blocked.iter().all(|one| one.reason == BlockedReason::Unreadable), "{pass:#?}");
    assert_eq!(
        (pass.counts.rewritten, pass.counts.gone, pass.counts.failed),
        (16, 0, 0),
        "{pass:#?}"
    );
    assert!(!pass.complete, "{pass:#?}");
    assert_eq!(pass.api_servers.len(), 2, "{pass:#?}");

    let pass = world.pass(give_up(&LOST)).await;
    assert!(pass.complete, "all others are proven: {pass:#?}");
    assert_eq!((pass.counts.blocked, pass.counts.gone), (3, 0), "{pass:#?}");
    let truth = world.truth().await;
    let under_key = truth.by_key.get(&world.case.key_ids[0]);
    assert_eq!((truth.plaintext, under_key, truth.unreadable), (0, Some(&16), 3), "{truth:?}");
}
