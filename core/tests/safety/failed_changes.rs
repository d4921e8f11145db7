//! A change that failed, the rollback from it, and what the API servers have then.

use aks_kms::{
    ChangeNetworkModeOptions, DisableOptions, EnableOptions, ErrorKind, NetworkMode,
    OperationReport, Purpose, ReencryptSecretsOptions, RotateOptions, RuleId,
};
use serde_json::{Value, json};

use crate::{
    common::{
        allowing,
        world::{WIRINGS, World, is_all_proven},
    },
    world::{INTERNAL_ERROR, PERMISSION_ERROR, failing, refused},
};

/// A rotation to the third key fails for good; then back to the second, as the error says.
async fn a_failed_rotation_and_the_rollback(world: &World, code: &str) -> OperationReport {
    world.enable(1).await.unwrap();
    world.rotate(2).await.unwrap();
    let failed = failing(code)["operations"][0].clone();
    let failed: Vec<Value> = std::iter::repeat_n(failed, 200).collect();
    world.faults(json!({"operations": failed})).await;
    let error = world.rotate(3).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OperationFailed, "{error}");
    assert_eq!(error.service_code(), Some(code), "{error}");
    let rollback = format!("the key before was {}: rotate to it rolls back", world.key(2));
    assert!(error.to_string().contains(&rollback), "{error}");
    world.faults(json!({})).await;
    let report = world.rotate(2).await.unwrap();
    world.all_under(2).await;
    report
}

/// After a failed change and the rollback the API servers still read with the key before the current
/// one: it must be kept, until one more rotation.
#[tokio::test(flavor = "multi_thread")]
async fn p02_after_a_failed_change_and_the_rollback_the_older_key_is_not_removable() {
    for wiring in WIRINGS {
        for code in [INTERNAL_ERROR, PERMISSION_ERROR] {
            let world = World::embedded(wiring, json!({})).await;
            let report = a_failed_rotation_and_the_rollback(&world, code).await;
            assert!(world.reads_with(1), "{wiring} {code}");
            let ledger = report.ledger.unwrap();
            assert!(!world.is_removable(&ledger, 1), "{wiring} {code}: {ledger:#?}");
            let against = world.refuses(world.delete_key(1)).await;
            assert_eq!(against[0].rule, RuleId::KeyStillNeeded, "{wiring} {code}: {against:#?}");

            let ledger = world.rotate(4).await.unwrap().ledger.unwrap();
            assert!(!world.reads_with(1), "{wiring} {code}");
            assert!(world.is_removable(&ledger, 1), "{wiring} {code}: {ledger:#?}");
        }
    }
}

/// Whoever disables what the ledger calls removable must not take the API servers down: after the
/// rollback, nor after one more rotation.
#[tokio::test(flavor = "multi_thread")]
async fn p02_what_follows_when_the_key_is_disabled_as_the_ledger_says() {
    for wiring in WIRINGS {
        let world = World::embedded(wiring, json!({})).await;
        let mut report = a_failed_rotation_and_the_rollback(&world, INTERNAL_ERROR).await;
        let mut disabled = Vec::new();
        for next in [Some(4), None] {
            let ledger = report.ledger.as_ref().unwrap();
            for number in (1..=5).filter(|number| world.is_removable(ledger, *number)) {
                world.set_key_attributes(number, &json!({"enabled": false}));
                disabled.push(number);
            }
            world.restarts_ready().await;
            let Some(next) = next else { break };
            report = world.rotate(next).await.unwrap();
        }
        assert!(disabled.contains(&1), "{wiring}: {disabled:?}, {:#?}", report.ledger);
    }
}

/// An API server that refuses the credential is not down: the rollback needs a gate all the same,
/// even if the caller vouches for the key.
#[tokio::test(flavor = "multi_thread")]
async fn p14_a_credential_that_expired_is_not_an_api_server_that_is_down() {
    for wiring in WIRINGS {
        let world = World::embedded(wiring, json!({})).await;
        world.enable(1).await.unwrap();
        world.rotate_only(2).await.unwrap();
        world.simulator.clear_writes(&world.case.id).unwrap();
        world.faults(json!({"kubernetes": [{"path": "/", "status": 401}]})).await;
        let error = world.rotate_with(3, allowing(RuleId::RollbackUnproven)).await.unwrap_err();
        let finding = refused(&error, RuleId::KubernetesUnreachable);
        assert!(finding.message.contains("does not accept the credential"), "{wiring}: {finding}");
        world.nothing_was_written();
        assert_eq!(world.configured().as_deref(), Some(world.key(2)), "{wiring}");
        world.all_under(1).await;
    }
}

/// All secrets are under the first key, the API servers write with the second, and others failed to
/// set the third: it is what the cluster's document says.
async fn az_failed_to_set_a_third_key(wiring: &str) -> World {
    let world = World::embedded(wiring, json!({})).await;
    world.enable(1).await.unwrap();
    world.rotate_only(2).await.unwrap();
    let profile = json!({
        "enabled": true, "keyId": world.key(3), "keyVaultNetworkAccess": "Public",
        "keyVaultResourceId": "",
    });
    world.others_fail_to_set(profile, PERMISSION_ERROR).await;
    assert_eq!(world.configured().as_deref(), Some(world.key(3)));
    world.all_under(1).await;
    world
}

/// Whatever verb comes next must not apply what others failed to set before every secret went
/// through a gate under the key that the API servers write with.
#[tokio::test(flavor = "multi_thread")]
async fn p17_settling_what_others_failed_to_set_loses_what_was_not_rewritten() {
    for wiring in WIRINGS {
        for verb in ["rotate", "enable", "disable", "reencrypt_secrets"] {
            let world = az_failed_to_set_a_third_key(wiring).await;
            let manager = world.impatient();
            let outcome = match verb {
                "rotate" => manager.rotate(world.key(4), RotateOptions::default()).await,
                "enable" => manager.enable(world.key(3), EnableOptions::default()).await,
                "disable" => manager.disable(DisableOptions::default()).await,
                _ => manager.reencrypt_secrets(ReencryptSecretsOptions::default()).await,
            };
            if verb == "enable" {
                // What others failed to set is set right first; then there is nothing to enable.
                let error = outcome.unwrap_err();
                refused(&error, RuleId::KmsAlreadyEnabled);
                assert!(error.to_string().contains("done before that: "), "{wiring}: {error}");
                assert_eq!(world.configured().as_deref(), Some(world.key(2)), "{wiring}");
                world.all_under(2).await;
                continue;
            }
            let report = outcome.unwrap();
            let first = &report.reencryption[0];
            assert_eq!(first.key_id.as_deref(), Some(world.key(2)), "{wiring} {verb}");
            assert_eq!(first.counts.rewritten, 11, "{wiring} {verb}: {report:#?}");
            assert!(is_all_proven(&report), "{wiring} {verb}");
            let changes = verb != "reencrypt_secrets";
            assert_eq!(first.purpose == Purpose::Gate, changes, "{wiring} {verb}: {report:#?}");
            match verb {
                "rotate" => world.all_under(4).await,
                "disable" => world.all_plaintext().await,
                _ => world.all_under(2).await,
            }
        }
    }
}

/// API servers reach a closed vault over the private way; others fail to turn KMS off, and to turn it
/// on over the public way. Nothing is set over that way as long as the vault is closed.
#[tokio::test(flavor = "multi_thread")]
async fn what_others_failed_to_set_publicly_is_not_set_while_the_vault_is_closed() {
    for wiring in WIRINGS {
        let private = json!({
            "cluster": {"kms": {"key": "{{key.1}}", "network_mode": "private"}, "vnet_integration": true},
            "vault": {"public_access": false},
        });
        let world = World::embedded(wiring, private).await;
        let off = json!({"enabled": false});
        let public = json!({
            "enabled": true, "keyId": world.key(1), "keyVaultNetworkAccess": "Public",
            "keyVaultResourceId": "",
        });
        for profile in [off, public] {
            world.others_fail_to_set(profile, INTERNAL_ERROR).await;
        }
        world.simulator.clear_writes(&world.case.id).unwrap();
        let error = world.impatient().disable(DisableOptions::default()).await.unwrap_err();
        let finding = refused(&error, RuleId::VaultPublicAccessDisabled);
        assert!(finding.message.contains("over the public way"), "{wiring}: {finding}");
        assert_eq!(world.requests("PUT", "/managedClusters/"), 0, "{wiring}");

        world
            .simulator
            .patch_vault(
                &world.case.id,
                world.vault().name(),
                &json!({"properties": {"publicNetworkAccess": "Enabled"}}),
            )
            .unwrap();
        let report = world.impatient().disable(DisableOptions::default()).await.unwrap();
        assert!(is_all_proven(&report), "{wiring}: {report:#?}");
        assert_eq!(world.property("provisioningState"), "Succeeded", "{wiring}");
        world.all_plaintext().await;
    }
}

/// KMS is off, and others failed to turn it on. What turns it off and on has nothing to turn off: it
/// says so before it records anything, and `enable` is the way out.
#[tokio::test(flavor = "multi_thread")]
async fn what_others_failed_to_enable_is_not_turned_off_and_on() {
    for wiring in WIRINGS {
        let world = World::embedded(wiring, json!({"cluster": {"vnet_integration": true}})).await;
        world.enable(1).await.unwrap();
        world.impatient().disable(DisableOptions::default()).await.unwrap();
        let profile = json!({
            "enabled": true, "keyId": world.key(2), "keyVaultNetworkAccess": "Public",
            "keyVaultResourceId": "",
        });
        world.others_fail_to_set(profile, INTERNAL_ERROR).await;

        world.simulator.clear_writes(&world.case.id).unwrap();
        let options = ChangeNetworkModeOptions::default();
        let private = world.impatient().change_network_mode(NetworkMode::Private, options).await;
        let error = private.unwrap_err();
        let finding = refused(&error, RuleId::KmsNotEnabled);
        assert!(finding.message.contains("that change did not succeed"), "{wiring}: {finding}");
        world.nothing_was_written();
        world.nothing_is_unfinished().await;
        let enabled = world.impatient().enable(world.key(2), EnableOptions::default()).await;
        assert!(is_all_proven(&enabled.unwrap()), "{wiring}");
        world.all_under(2).await;
    }
}
