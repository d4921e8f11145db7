//! Re-encryption on a real kube-apiserver and etcd: the cases that one can be brought into, judged
//! by the bytes in etcd. Few clusters, and as much on each as goes.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use aks_kms::{
    BlockedReason, ErrorKind, Evidence, KubernetesAccess, ReencryptOptions,
    ReencryptSecretsOptions, Timing,
};
use aks_kms_simulator::{
    backend::KubernetesBackend,
    real::{Binaries, SECRETS},
};
use serde_json::{Value, json};

use crate::{
    common,
    real_world::{World, give_up, only, when_rewriting},
};

/// A policy that denies a change is a `ValidatingAdmissionPolicy`.
const POLICIES_MINOR: u32 = 30;

/// Two API servers on one etcd, first with different keys; secrets of every kind; etcd compacted
/// under the list; a second run.
#[tokio::test(flavor = "multi_thread")]
async fn two_servers_with_different_keys_secrets_of_every_kind_and_a_compaction() {
    let kinds =
        ["immutable", "large", "terminating", "applied", "denied", "invalid", "webhook-down"];
    let special: Vec<Value> =
        kinds.iter().map(|kind| json!({"name": format!("team-1/{kind}"), "kind": kind})).collect();
    let given = json!({
        "cluster": {"wiring": "two-providers", "kms": {"key": "{{key.2}}", "previous": "{{key.1}}"}},
        "secrets": {"namespaces": 2, "each": 600, "under": "{{key.1}}", "special": special},
        "faults": {"api_servers": [{"server": 2, "kind": "writes-old"}]},
    });
    if !Binaries::available_since(POLICIES_MINOR) {
        return;
    }
    let Some(world) = World::new(given).await else { return };
    let error = {
        let timing = Timing { convergence_limit: Duration::from_secs(2), ..Timing::default() };
        let manager = common::builder(&world.case).timing(timing).build().unwrap();
        manager.reencrypt_secrets(ReencryptSecretsOptions::default()).await.unwrap_err()
    };
    assert_eq!(error.kind(), ErrorKind::KmsUnavailable, "{error:?}");
    assert!(error.report().unwrap().reencryption.iter().all(|pass| !pass.complete));
    assert_eq!(world.truth().await.by_key[&world.case.key_ids[0]], 1_207, "nothing was rewritten");

    world
        .simulator
        .set_faults(&world.case.id, serde_json::from_value(json!({})).unwrap())
        .await
        .unwrap();
    let real = Arc::clone(&world.real);
    let options = when_rewriting(move || common::block_on(real.etcd().compact()).unwrap());
    let error = world.run(options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReencryptIncomplete, "{error:?}");
    let pass = only(error.report().unwrap());
    let blocked: BTreeMap<&str, BlockedReason> =
        pass.blocked.iter().map(|one| (one.name.as_str(), one.reason)).collect();
    let expected = BTreeMap::from([
        ("denied", BlockedReason::Denied),
        ("invalid", BlockedReason::Invalid),
        ("webhook-down", BlockedReason::Error),
    ]);
    assert_eq!(blocked, expected, "{pass:#?}");
    // the seal is under the key already if it was made by the first server
    let of_seal = pass.counts.rewritten - 1_204 + pass.counts.current;
    assert_eq!((of_seal, pass.counts.failed), (1, 0), "{pass:#?}");
    assert_eq!((pass.evidence, pass.api_servers.len()), (Evidence::Metrics, 2));
    let truth = world.truth().await;
    assert_eq!((truth.by_key[&world.case.key_ids[1]], truth.unreadable), (1_204, 0), "{truth:?}");

    let before = world.stored().await;
    let given_up = ["team-1/denied", "team-1/invalid", "team-1/webhook-down"];
    let pass = world.pass(give_up(&given_up)).await;
    assert!(pass.complete, "{pass:#?}");
    assert_eq!((pass.counts.current, pass.counts.rewritten), (1_205, 0), "with the seal");
    assert_eq!(world.stored().await, before, "a second run writes nothing but the canary");
}

#[tokio::test(flavor = "multi_thread")]
async fn kms_v1_with_another_key_under_the_same_name_through_an_outage_of_the_plugin() {
    let special: Vec<Value> = ["immutable", "terminating"]
        .iter()
        .map(|kind| json!({"name": format!("team-1/{kind}"), "kind": kind}))
        .collect();
    let given = json!({
        "cluster": {
            "kubernetes_version": "1.26.6", "wiring": "one-provider", "api_servers": 1,
            "kms": {"key": "{{key.2}}", "previous": "{{key.1}}"},
        },
        "secrets": {"namespaces": 1, "each": 40, "under": "{{key.1}}", "special": special},
    });
    let Some(world) = World::new(given).await else { return };
    let (real, seconds) = (Arc::clone(&world.real), 4.0);
    let options = when_rewriting(move || {
        let faults =
            json!({"api_servers": [{"server": 1, "kind": "kms-down", "seconds": seconds}]});
        common::block_on(real.set_faults(serde_json::from_value(faults).unwrap())).unwrap();
    });
    let began = std::time::Instant::now();
    let pass = world.pass(options).await;
    assert!(began.elapsed().as_secs_f64() > seconds, "the outage was waited for");
    // with the seal
    assert_eq!((pass.counts.rewritten, pass.counts.failed), (43, 0), "{pass:#?}");
    assert_eq!((pass.evidence, pass.complete), (Evidence::Weak, false), "{pass:#?}");
    let truth = world.truth().await;
    assert_eq!(truth.by_key, BTreeMap::from([(world.case.key_ids[1].clone(), 42)]), "{truth:?}");
}

/// An API server with such a secret answers slowly: its watch cache never gets ready.
#[tokio::test(flavor = "multi_thread")]
async fn an_undecryptable_secret_is_named_and_all_others_are_proven() {
    let given = json!({
        "cluster": {"api_servers": 1, "kms": {"key": "{{key.1}}"}},
        "secrets": {
            "namespaces": 1, "each": 30, "under": "plaintext",
            "special": [{"name": "team-1/secret-3x", "kind": "unreadable"}],
        },
    });
    let Some(world) = World::new(given).await else { return };
    let options = give_up(&["team-1/secret-3x"]);
    let pass = world.pass(options).await;
    let [blocked] = pass.blocked.as_slice() else { panic!("{pass:#?}") };
    assert_eq!((blocked.name.as_str(), blocked.reason), ("secret-3x", BlockedReason::Unreadable));
    assert_eq!((pass.counts.rewritten, pass.counts.failed), (30, 0), "{pass:#?}");
    assert!(pass.complete, "given up by name, and everything else was asked: {pass:#?}");
    let truth = world.truth().await;
    assert_eq!((truth.by_key[&world.case.key_ids[0]], truth.plaintext), (30, 0), "{truth:?}");
}

/// One namespace only, without the right to list namespaces; then all, to a key and back to none.
#[tokio::test(flavor = "multi_thread")]
async fn restricted_namespaces_then_identity_to_kms_and_back() {
    let lacks: Vec<Value> = ["list", "watch"]
        .into_iter()
        .flat_map(|verb| {
            ["team-2", "kube-system"].map(
                |namespace| json!({"verb": verb, "resource": "secrets", "namespace": namespace}),
            )
        })
        .chain([json!({"verb": "list", "resource": "namespaces"})])
        .collect();
    let given = json!({
        "cluster": {"api_servers": 1, "kms": {"key": "{{key.1}}"}},
        "secrets": {"namespaces": 2, "each": 20, "under": "plaintext"},
        "access": {"kubernetes_lacks": lacks},
    });
    let Some(world) = World::new(given).await else { return };
    let options = ReencryptSecretsOptions {
        reencrypt: ReencryptOptions {
            namespaces: Some(vec!["team-1".to_owned()]),
            ..ReencryptOptions::default()
        },
        ..ReencryptSecretsOptions::default()
    };
    let pass = world.pass(options).await;
    assert_eq!((pass.counts.rewritten, pass.complete), (20, false), "{pass:#?}");
    let truth = world.truth().await;
    assert_eq!((truth.by_key[&world.case.key_ids[0]], truth.plaintext), (20, 20), "{truth:?}");

    let admin = || {
        let timing = Timing { watermark: Duration::from_secs(1), ..Timing::default() };
        common::builder(&world.case)
            .kubernetes(KubernetesAccess::ClusterAdmin)
            .timing(timing)
            .build()
            .unwrap()
    };
    let report = admin().reencrypt_secrets(ReencryptSecretsOptions::default()).await.unwrap();
    let pass = only(&report);
    assert!(pass.complete && pass.counts.rewritten >= 20, "{pass:#?}");
    assert_eq!(world.truth().await.plaintext, 0);

    // as of before server-side apply: an object that nobody is said to manage
    let strip = json!({"metadata": {"managedFields": [{}]}});
    assert_eq!(
        world.secret("team-1", "secret-1", Some(strip)).await["metadata"]["managedFields"],
        Value::Null
    );
    world.set_key(None, Some(0)).await;
    let report = admin().reencrypt_secrets(ReencryptSecretsOptions::default()).await.unwrap();
    let pass = only(&report);
    assert!(pass.complete && pass.key_id.is_none(), "{pass:#?}");
    let truth = world.truth().await;
    assert_eq!((truth.plaintext, truth.total), (40, 40), "{truth:?}");
    let metadata = &world.secret("team-1", "secret-1", None).await["metadata"];
    assert_eq!(metadata["managedFields"], Value::Null, "and nobody is afterwards: {metadata}");
    let left = world.real.etcd().list(SECRETS).await.unwrap();
    assert!(left.iter().all(|one| !one.value.starts_with(b"k8s:enc:")));
}
