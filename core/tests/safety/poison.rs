//! What can somebody do who may write ConfigMaps in kube-system, and nothing else?

use crate::common::world::World;
use aks_kms::{
    Action, ChangeNetworkModeOptions, KeyId, NetworkMode, Purpose, ResumeOptions, RotateOptions,
    StatusOptions, VerifySecretsOptions,
};
use serde_json::{Value, json};

/// The forger may read and write the record, and knows a key of his own.
async fn forged(world: &World, change: impl FnOnce(&mut Value)) {
    let mut record = world.kubectl().record().await.unwrap();
    change(&mut record);
    world.kubectl().restore_record(&record).await;
}

fn operation(verb: &str, options: Value, before: Value, target: Value) -> Value {
    json!({
        "id": "11111111-1111-4111-8111-111111111111",
        "verb": verb, "options": options, "allow": ["vault-purge-protection-off", "key-in-use-unproven", "way-back-unproven"],
        "before": before, "target": target, "fence": "1",
        "by": "aks-kms on ci", "since": "2026-11-28T00:00:00Z",
    })
}

fn on(key: &str, mode: &str) -> Value {
    json!({"on": {"key_id": key, "network_mode": mode}})
}

async fn with_other_vault() -> World {
    World::embedded("one-provider", json!({"other_vault": {}})).await
}

/// 1. `rotate(None)` promises a new version of the key in use. A planted record makes it a key of
/// somebody else's vault.
#[tokio::test(flavor = "multi_thread")]
async fn rotate_without_a_key_sets_the_key_of_the_forger() {
    let world = with_other_vault().await;
    world.enable(1).await.unwrap();
    let evil = world.case.other_key_ids[0].clone();
    forged(&world, |record| {
        record["operation"] = operation(
            "rotate",
            json!({"reencrypt": true}),
            on(world.key(1), "public"),
            on(&evil, "public"),
        );
    })
    .await;
    let report = world.manager().rotate(None, RotateOptions::default()).await;
    println!(
        "RESULT rotate(None): {:?}",
        report.as_ref().map(|it| it.steps.len()).map_err(ToString::to_string)
    );
    println!("RESULT configured: {:?}; the forger's key: {evil}", world.configured());
    let truth = world.truth().await;
    println!("RESULT etcd: {truth:?}");
    assert_ne!(world.configured().as_deref(), Some(&*evil), "the cluster is on the forger's key");
}

/// 2. `resume` does whatever is recorded.
#[tokio::test(flavor = "multi_thread")]
async fn resume_sets_the_key_of_the_forger() {
    let world = with_other_vault().await;
    world.enable(1).await.unwrap();
    let evil = world.case.other_key_ids[0].clone();
    forged(&world, |record| {
        record["operation"] = operation(
            "rotate",
            json!({"key_id": evil, "reencrypt": true}),
            on(world.key(1), "public"),
            on(&evil, "public"),
        );
    })
    .await;
    let report = world.manager().resume(ResumeOptions::default()).await;
    println!(
        "RESULT resume: {:?}",
        report.as_ref().map(|it| it.operation).map_err(ToString::to_string)
    );
    println!("RESULT configured: {:?}", world.configured());
    assert_ne!(world.configured().as_deref(), Some(&*evil), "the cluster is on the forger's key");
}

/// 3. A forged proof: secrets are under key 1, the cluster on key 2 (somebody used az and forgot
/// the secrets). Honest: the gate rewrites them. Forged: no gate, and they are lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_forged_proof_skips_the_gate_and_secrets_are_lost() {
    for wiring in ["two-providers", "one-provider"] {
        forged_proof(wiring).await;
    }
}

async fn forged_proof(wiring: &str) {
    let world = World::embedded(wiring, json!({})).await;
    world.enable(1).await.unwrap();
    world.az().await.set_key(world.key(2)).await;
    for number in 1..=3 {
        println!("RESULT {wiring} key {number} is {}", world.key(number));
    }
    println!("RESULT rolled out: {:?}", world.simulator.rolled_out(&world.case.id).unwrap());
    let cluster = world.az().await.show().await;
    forged(&world, |record| {
        record["cluster"]["etag"] = cluster["eTag"].clone();
        record["ledger"] = json!({
            "current": {"key_id": world.key(2), "since": "2026-11-28T00:00:00Z", "proven_at": "2026-11-28T00:00:01Z",
                        "evidence": "metrics", "fence": "1", "network_mode": "public"},
            "pending": null,
            "previous": {"key_id": world.key(4)},
            "retired": [{"key_id": world.key(1), "since": "2026-11-27T00:00:00Z"}],
        });
    })
    .await;
    let ledger = world.ledger().await;
    let entry = world.entry(&ledger, 1).unwrap();
    println!("RESULT key 1 removable: {} ({})", entry.removable, entry.reason);
    let findings = world
        .manager()
        .check_action(Action::DeleteKey { key_id: KeyId::parse(world.key(1)).unwrap() })
        .await
        .unwrap();
    println!("RESULT check_action(delete key 1): {findings:?}");
    let verified = world.manager().verify_secrets(VerifySecretsOptions::default()).await;
    println!(
        "RESULT verify_secrets: {:?}",
        verified.as_ref().map(|it| it.reencryption[0].complete).map_err(ToString::to_string)
    );
    let truth = world.truth().await;
    println!("RESULT etcd before: {truth:?}");
    let report = world.rotate(3).await;
    println!(
        "RESULT rotate(3): {:?}",
        report
            .as_ref()
            .map(|it| it
                .reencryption
                .iter()
                .map(|pass| (pass.purpose, pass.evidence, pass.complete))
                .collect::<Vec<_>>())
            .map_err(ToString::to_string)
    );
    let truth = world.truth().await;
    println!("RESULT etcd after: {truth:?}");
    println!("RESULT rolled out: {:?}", world.simulator.rolled_out(&world.case.id).unwrap());
    let _ = Purpose::Gate;
    assert_eq!(truth.unreadable, 0, "secrets are lost");
    assert!(!entry.removable);
}

/// 4. `give_up_secrets` of a recorded operation: the forger gives up the secrets of others.
/// `closed_vault`: any vault is opened when the run fails.
#[tokio::test(flavor = "multi_thread")]
async fn a_failing_run_opens_the_vault_that_the_forger_names() {
    let world = with_other_vault().await;
    world.enable(1).await.unwrap();
    let victim = world.case.other_key_vault_id.clone();
    let name = victim.rsplit('/').next().unwrap().to_owned();
    world
        .simulator
        .patch_vault(
            &world.case.id,
            &name,
            &json!({"properties": {"publicNetworkAccess": "Disabled"}}),
        )
        .unwrap();
    forged(&world, |record| {
        let mut it =
            operation("reencrypt_secrets", json!({}), on(world.key(1), "public"), Value::Null);
        it["closed_vault"] = json!(victim);
        record["operation"] = it;
    })
    .await;
    // any trouble of the API servers will do
    let faults =
        json!({"kubernetes": [{"method": "GET", "path": "/secrets?", "status": 503, "after": 6}]});
    world
        .simulator
        .set_faults(&world.case.id, serde_json::from_value(faults).unwrap())
        .await
        .unwrap();
    let report = world.manager().resume(ResumeOptions::default()).await;
    println!(
        "RESULT resume: {:?}",
        report.as_ref().map(|it| it.operation).map_err(ToString::to_string)
    );
    let vault = world.simulator.patch_vault(&world.case.id, &name, &json!({})).unwrap();
    println!("RESULT victim vault: {}", vault["properties"]["publicNetworkAccess"]);
    assert_eq!(vault["properties"]["publicNetworkAccess"], "Disabled", "it was opened");
}

/// 5. change_network_mode goes on with `before` of the record: key, vault and all.
#[tokio::test(flavor = "multi_thread")]
async fn change_network_mode_goes_to_the_key_and_vault_of_the_forger() {
    let world = with_other_vault().await;
    world.enable(1).await.unwrap();
    world.disable().await.unwrap();
    let evil = world.case.other_key_ids[0].clone();
    let vault = world.case.other_key_vault_id.clone();
    let name = vault.rsplit('/').next().unwrap().to_owned();
    forged(&world, |record| {
        record["operation"] = operation(
            "change_network_mode",
            json!({"network_mode": "public", "vault_access": "change"}),
            json!({"on": {"key_id": evil, "network_mode": "private", "key_vault_id": vault}}),
            Value::Null,
        );
    })
    .await;
    world
        .simulator
        .patch_vault(
            &world.case.id,
            &name,
            &json!({"properties": {"publicNetworkAccess": "Disabled"}}),
        )
        .unwrap();
    let report = world
        .manager()
        .change_network_mode(NetworkMode::Public, ChangeNetworkModeOptions::default())
        .await;
    println!(
        "RESULT change_network_mode(public): {:?}",
        report.as_ref().map(|it| it.steps.len()).map_err(ToString::to_string)
    );
    let seen = world.simulator.patch_vault(&world.case.id, &name, &json!({})).unwrap();
    println!(
        "RESULT configured: {:?}, vault {}: {}",
        world.configured(),
        name,
        seen["properties"]["publicNetworkAccess"]
    );
    assert_ne!(world.configured().as_deref(), Some(&*evil));
}

/// 6. Text of the record goes to terminals as it is.
#[tokio::test(flavor = "multi_thread")]
async fn control_characters_of_the_record_reach_messages() {
    let world = World::embedded("one-provider", json!({})).await;
    world.enable(1).await.unwrap();
    let by = "x\u{1b}]0;owned\u{7}\u{1b}[2J\u{1b}[1;1H\r\nSUCCESS: nothing to do\u{202e}";
    forged(&world, |record| {
        let mut it = operation(
            "disable",
            json!({"reencrypt": true}),
            on(world.key(1), "public"),
            json!("off"),
        );
        it["by"] = json!(by);
        record["operation"] = it;
        record["ledger"]["current"]["given_up"] = json!([format!("a/{by}")]);
    })
    .await;
    let error = world.rotate(2).await.unwrap_err();
    println!("RESULT rotate: {:?}", error.to_string());
    let shown = error.to_string();
    let status = world.manager().status(StatusOptions::default()).await.unwrap();
    println!("RESULT status: {:?}", status.operation_in_progress.as_ref().unwrap().by);
    // a Lease holder
    let lease = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": "aks-kms", "namespace": "kube-system"},
        "spec": {"holderIdentity": by, "leaseDurationSeconds": 15, "renewTime": "2026-11-28T00:00:00.000000Z"}});
    let path = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases";
    let _ = world.kubectl().ask(reqwest::Method::DELETE, &format!("{path}/aks-kms"), None).await;
    println!(
        "lease: {:?}",
        world.kubectl().ask(reqwest::Method::POST, path, Some(&lease)).await.map(|it| it.0)
    );
    let said = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let kept = said.clone();
    let mut options = ResumeOptions::default();
    options.run.on_progress =
        Some(std::sync::Arc::new(move |now| kept.lock().unwrap().push(now.message.clone())));
    let _ = world.manager().resume(options).await;
    for line in said.lock().unwrap().iter().filter(|it| it.contains('\u{1b}')) {
        println!("RESULT progress: {line:?}");
    }
    assert!(!shown.contains('\u{1b}'), "an escape character reaches the error");
}

/// The control of 3: the same without the forgery.
#[tokio::test(flavor = "multi_thread")]
async fn control_without_a_forged_proof_nothing_is_lost() {
    let world = World::embedded("two-providers", json!({})).await;
    world.enable(1).await.unwrap();
    world.az().await.set_key(world.key(2)).await;
    let ledger = world.ledger().await;
    println!("RESULT key 1 removable: {:?}", world.entry(&ledger, 1).map(|it| it.removable));
    let report = world.rotate(3).await;
    println!(
        "RESULT rotate(3): {:?}; etcd: {:?}",
        report.map(|it| it.reencryption.len()).map_err(|it| it.to_string()),
        world.truth().await
    );
    world.nothing_is_lost().await;
}
