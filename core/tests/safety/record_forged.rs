//! What can somebody do who may write `ConfigMaps` in `kube-system`, and nothing else? Nothing: without
//! a valid seal the record is not believed.

use std::sync::{Arc, Mutex};

use aks_kms::{
    ChangeNetworkModeOptions, DisableOptions, ErrorKind, Evidence, NetworkMode, OperationReport,
    Purpose, ResumeOptions, RotateOptions, RuleId, StatusOptions, VerifySecretsOptions,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    common::{
        watched,
        world::{WIRINGS, World, assert_complete},
    },
    world::refused,
};

/// The forger may read and write the record.
async fn forged(world: &World, change: impl FnOnce(&mut Value)) {
    let mut record = world.kubectl().record().await.unwrap();
    change(&mut record);
    world.kubectl().restore_record(&record).await;
}

fn operation(verb: &str, options: &Value, before: &Value, target: &Value) -> Value {
    json!({
        "id": "11111111-1111-4111-8111-111111111111",
        "verb": verb,
        "options": options,
        "allow": ["vault-purge-protection-off", "key-in-use-unproven", "rollback-unproven"],
        "before": before,
        "target": target,
        "watermark": "1",
        "by": "aks-kms on ci",
        "since": "2026-11-28T00:00:00Z",
    })
}

fn on(key: &str) -> Value {
    json!({"on": {"key_id": key, "network_mode": "public"}})
}

/// On the first key, and a vault besides, in which the forger has a key.
async fn with_other_vault(wiring: &str) -> World {
    let world = World::embedded(wiring, json!({"other_vault": {}})).await;
    world.enable(1).await.unwrap();
    world
}

/// A rotation to the forger's key is recorded.
async fn rotation_to_the_forgers_key(wiring: &str, named: bool) -> World {
    let world = with_other_vault(wiring).await;
    let evil = &world.case.other_key_ids[0];
    let mut options = json!({"reencrypt": true});
    if named {
        options["key_id"] = json!(evil);
    }
    let rotation = operation("rotate", &options, &on(world.key(1)), &on(evil));
    forged(&world, |record| record["operation"] = rotation).await;
    world
}

/// `rotate` without a key promises a new version of the key in use: it must not be the recorded key
/// of somebody else's vault.
#[tokio::test(flavor = "multi_thread")]
async fn rotate_without_a_key_sets_the_key_of_the_forger() {
    for wiring in WIRINGS {
        let world = rotation_to_the_forgers_key(wiring, false).await;
        world.manager().rotate(None, RotateOptions::default()).await.unwrap();
        let configured = world.configured().unwrap();
        let (key, _) = world.key(1).rsplit_once('/').unwrap();
        assert!(configured.starts_with(key) && configured != world.key(1), "{configured}");
        world.all_under_key(&configured).await;
    }
}

/// `resume` does what is recorded: not without a valid seal.
#[tokio::test(flavor = "multi_thread")]
async fn resume_sets_the_key_of_the_forger() {
    for wiring in WIRINGS {
        let world = rotation_to_the_forgers_key(wiring, true).await;
        is_not_gone_on_with(&world).await;
        assert_eq!(world.configured().as_deref(), Some(world.key(1)), "{wiring}");
        world.all_under(1).await;
    }
}

async fn is_not_gone_on_with(world: &World) {
    world.simulator.clear_writes(&world.case.id).unwrap();
    let error = world.manager().resume(ResumeOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert!(error.to_string().contains("has no valid seal"), "{error}");
    world.nothing_was_written();
}

/// Somebody rotated by az and forgot the secrets: they are under the first key, the cluster is on the
/// second. Nothing is proven of it, so the next rotation has a gate that rewrites them all.
async fn rotated_by_az(wiring: &str) -> World {
    let world = World::embedded(wiring, json!({})).await;
    world.enable(1).await.unwrap();
    world.az().await.set_key(world.key(2)).await;
    world
}

async fn gate_rewrites_all(world: &World) {
    world.all_under(1).await;
    let report: OperationReport = world.rotate(3).await.unwrap();
    assert_complete(&report, &[Purpose::Gate, Purpose::Rewrite]);
    let gate = &report.reencryption[0];
    assert_eq!((gate.evidence, gate.counts.rewritten), (Evidence::Metrics, 11), "{gate:#?}");
    world.all_under(3).await;
}

/// A forged proof says that they are all under the second key. It must not replace the gate, make
/// `verify_secrets` confirm it, nor make the first key removable.
#[tokio::test(flavor = "multi_thread")]
async fn a_forged_proof_skips_the_gate_and_secrets_are_lost() {
    for wiring in WIRINGS {
        let world = rotated_by_az(wiring).await;
        let cluster = world.az().await.show().await;
        forged(&world, |record| {
            record["cluster"]["etag"] = cluster["eTag"].clone();
            record["ledger"] = json!({
                "current": {
                    "key_id": world.key(2), "since": "2026-11-28T00:00:00Z",
                    "proven_at": "2026-11-28T00:00:01Z", "evidence": "metrics", "watermark": "1",
                    "network_mode": "public", "etag": cluster["eTag"],
                },
                "pending": null,
                "previous": {"key_id": world.key(4)},
                "retired": [{"key_id": world.key(1), "since": "2026-11-27T00:00:00Z"}],
            });
        })
        .await;
        let ledger = world.ledger().await;
        let first = world.entry(&ledger, 1).unwrap();
        assert!(!first.removable && first.reason.contains("valid seal"), "{wiring}: {first:#?}");
        let against = world.refuses(world.delete_key(1)).await;
        assert_eq!(against[0].rule, RuleId::KeyStillNeeded, "{wiring}: {against:#?}");
        let verified = world.manager().verify_secrets(VerifySecretsOptions::default()).await;
        let error = verified.unwrap_err();
        assert!(error.to_string().contains("there is no record"), "{wiring}: {error}");
        gate_rewrites_all(&world).await;
    }
}

/// What the forged proof is compared with: the same without it.
#[tokio::test(flavor = "multi_thread")]
async fn control_without_a_forged_proof_nothing_is_lost() {
    for wiring in WIRINGS {
        let world = rotated_by_az(wiring).await;
        let ledger = world.ledger().await;
        assert!(!world.entry(&ledger, 1).unwrap().removable, "{wiring}: {ledger:#?}");
        gate_rewrites_all(&world).await;
    }
}

/// A run that fails opens the vault that it closed: not one that the forger names.
#[tokio::test(flavor = "multi_thread")]
async fn a_failing_run_opens_the_vault_that_the_forger_names() {
    for wiring in WIRINGS {
        let world = with_other_vault(wiring).await;
        let victim = &world.case.other_key_vault_id;
        world.patch_vault(victim, &json!({"publicNetworkAccess": "Disabled"}));
        let mut rewrite =
            operation("reencrypt_secrets", &json!({}), &on(world.key(1)), &Value::Null);
        rewrite["closed_vault"] = json!(victim);
        forged(&world, |record| record["operation"] = rewrite).await;
        // any trouble of the API servers will do
        let failing = json!({"method": "GET", "path": "/secrets?", "status": 503, "after": 6});
        world.faults(json!({"kubernetes": [failing]})).await;
        is_not_gone_on_with(&world).await;
        assert_eq!(world.public_access(victim), "Disabled", "{wiring}: it was opened");
    }
}

/// `change_network_mode` goes on with what was before, according to the record: not with the key, the
/// vault and the mode of the forger.
#[tokio::test(flavor = "multi_thread")]
async fn change_network_mode_goes_to_the_key_and_vault_of_the_forger() {
    for wiring in WIRINGS {
        let world = with_other_vault(wiring).await;
        world.disable().await.unwrap();
        let (evil, vault) = (&world.case.other_key_ids[0], &world.case.other_key_vault_id);
        let options = json!({"network_mode": "public", "vault_access": "change"});
        let before =
            json!({"on": {"key_id": evil, "network_mode": "private", "key_vault_id": vault}});
        let change = operation("change_network_mode", &options, &before, &Value::Null);
        forged(&world, |record| record["operation"] = change).await;
        world.patch_vault(vault, &json!({"publicNetworkAccess": "Disabled"}));
        world.simulator.clear_writes(&world.case.id).unwrap();
        let options = ChangeNetworkModeOptions::default();
        let changed = world.manager().change_network_mode(NetworkMode::Public, options).await;
        refused(&changed.unwrap_err(), RuleId::KmsNotEnabled);
        world.nothing_was_written();
        assert_eq!(world.configured(), None, "{wiring}");
        assert_eq!(world.public_access(vault), "Disabled", "{wiring}");
    }
}

/// Text of others, which must be shown without what a terminal would obey.
fn shown(text: &str) {
    assert!(text.contains("SUCCESS: nothing to do"), "it is not shown: {text:?}");
    let obeyed = |it: char| it.is_control() || it == '\u{202e}';
    assert!(!text.contains(obeyed), "{text:?}");
}

/// Who is at work, as the record and the Lease say, goes to terminals on one line and without control
/// characters: in errors, the status and the progress.
#[tokio::test(flavor = "multi_thread")]
async fn control_characters_of_the_record_reach_messages() {
    for wiring in WIRINGS {
        let world = World::embedded(wiring, json!({})).await;
        world.enable(1).await.unwrap();
        let by = "x\u{1b}]0;owned\u{7}\u{1b}[2J\u{1b}[1;1H\r\nSUCCESS: nothing to do\u{202e}";
        let mut disable =
            operation("disable", &json!({"reencrypt": true}), &on(world.key(1)), &json!("off"));
        disable["by"] = json!(by);
        forged(&world, |record| {
            record["operation"] = disable;
            record["ledger"]["current"]["given_up"] = json!([format!("a/{by}")]);
        })
        .await;
        let lease = json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {"name": "aks-kms", "namespace": "kube-system"},
            "spec": {
                "holderIdentity": by, "leaseDurationSeconds": 15,
                "renewTime": "2026-11-28T00:00:00.000000Z",
            },
        });
        let leases = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases";
        let kubectl = world.kubectl();
        kubectl.ask(Method::DELETE, &format!("{leases}/aks-kms"), None).await.unwrap();
        let (status, response) = kubectl.ask(Method::POST, leases, Some(&lease)).await.unwrap();
        assert_eq!(status, StatusCode::CREATED, "{response}");

        shown(&world.rotate(2).await.unwrap_err().to_string());
        let resumed = world.manager().resume(ResumeOptions::default()).await;
        shown(&resumed.unwrap_err().to_string());
        let status = world.manager().status(StatusOptions::default()).await.unwrap();
        shown(&status.operation_in_progress.unwrap().by);
        let messages = Arc::new(Mutex::new(String::new()));
        let told = Arc::clone(&messages);
        let run = watched(Arc::new(move |now| told.lock().unwrap().push_str(&now.message)));
        let options = DisableOptions::from(run);
        world.manager().disable(options).await.unwrap();
        shown(&messages.lock().unwrap());
        world.all_plaintext().await;
    }
}
