//! Keys that are spelled otherwise, gone for good, without a name, or unusable from the start.

use aks_kms::{
    DisableOptions, EnableOptions, ErrorKind, Evidence, KeyId, Purpose, ReencryptSecretsOptions,
    RotateOptions, RuleId,
};
use serde_json::json;

use crate::{
    common::{
        allowing,
        world::{WIRINGS, World, assert_complete},
    },
    world::{INTERNAL_ERROR, failing, refused},
};

/// Others set this key with its vault in capitals, which is another name for the plugin.
async fn others_spell_it_otherwise(world: &World) {
    let spelled = world.key(1).replace("https://kv-", "https://KV-");
    assert_ne!(world.key(1), spelled);
    world.az().await.set_key(&spelled).await;
}

/// A key is configured in another spelling than the vault's: `enable` and `rotate` with the vault's
/// find it in use, and have nothing to set.
#[tokio::test(flavor = "multi_thread")]
async fn s02_enable_with_the_vaults_own_spelling_of_a_key_that_was_configured_otherwise() {
    for wiring in WIRINGS {
        let world = World::embedded(wiring, json!({})).await;
        others_spell_it_otherwise(&world).await;
        let configured = world.configured();
        let manager = world.impatient();
        world.simulator.clear_writes(&world.case.id).unwrap();
        let enabled = manager.enable(world.key(1), EnableOptions::default()).await.unwrap();
        assert_complete(&enabled, &[Purpose::Rewrite]);
        manager.rotate(world.key(1), RotateOptions::default()).await.unwrap();
        assert_eq!(world.requests("PUT", "managedClusters"), 0, "{wiring}");
        assert_eq!(world.configured(), configured, "{wiring}");
        let truth = world.nothing_is_lost().await;
        let under: Vec<usize> = truth.by_key.values().copied().collect();
        assert_eq!(under, [truth.total], "{wiring}: {truth:?}");
    }
}

/// The previous key was purged. Every secret is under the current one and proven: who accepts that
/// rotates to a third key, and the API servers no longer miss it.
#[tokio::test(flavor = "multi_thread")]
async fn s10_a_previous_key_that_is_gone_for_good_can_be_rotated_away() {
    for wiring in WIRINGS {
        let world = World::embedded(wiring, json!({"vault": {"purge_protection": false}})).await;
        let az = world.az().await;
        let manager = world.manager();
        let first = az.create_key("first").await;
        let second = az.create_key("second").await;
        let third = az.create_key("third").await;
        manager.enable(&first, EnableOptions::default()).await.unwrap();
        manager.rotate(&second, RotateOptions::default()).await.unwrap();
        az.purge_key(&KeyId::parse(&first).unwrap()).await;
        let error = manager.rotate(&third, RotateOptions::default()).await.unwrap_err();
        let finding = refused(&error, RuleId::PreviousKeyUnusable);
        assert!(finding.overridable, "{wiring}: {finding}");
        let run = allowing(RuleId::PreviousKeyUnusable);
        let options = RotateOptions::from(run);
        manager.rotate(&third, options).await.unwrap();
        assert_eq!(world.configured().as_deref(), Some(&*third), "{wiring}");
        world.all_under_key(&third).await;
        world.restarts_ready().await;
    }
}

/// The key that API servers show is not the one that can be computed (Azure shows the id in another
/// spelling than it gives to the plugin; another version of the plugin names keys otherwise), and
/// nobody saw them change to it: the first time that the library meets the cluster. Who accepts that
/// can rotate, disable and rewrite.
#[tokio::test(flavor = "multi_thread")]
async fn s12_a_key_whose_name_cannot_be_computed_can_be_rotated_at_least_when_that_is_accepted() {
    for wiring in WIRINGS {
        let world = World::embedded(wiring, json!({})).await;
        others_spell_it_otherwise(&world).await;
        let kid = world.key(1);
        let shown =
            json!({"properties": {"securityProfile": {"azureKeyVaultKms": {"keyId": kid}}}});
        world.simulator.patch_cluster(&world.case.id, &shown).unwrap();
        let manager = world.impatient();
        let run = || allowing(RuleId::KeyInUseUnproven);

        let options = RotateOptions::from(run());
        let rotated = manager.rotate(world.key(2), options).await.unwrap();
        let gate = &rotated.reencryption[0];
        assert_eq!((gate.purpose, gate.evidence), (Purpose::Gate, Evidence::Weak), "{wiring}");
        world.all_under(2).await;

        let options = DisableOptions::from(run());
        manager.disable(options).await.unwrap();
        world.all_plaintext().await;

        let options = ReencryptSecretsOptions::from(run());
        let rewritten = manager.reencrypt_secrets(options).await.unwrap();
        assert_complete(&rewritten, &[Purpose::Rewrite]);
        world.all_plaintext().await;
    }
}

/// A rotation fails because the new key is unusable (its version was disabled by a policy, say); the
/// rollback, as the error says; and then to a usable key, which must not be refused for a key that no
/// API server ever had.
#[tokio::test(flavor = "multi_thread")]
async fn s15_after_the_rollback_from_a_key_that_never_worked_the_next_rotation_is_not_refused() {
    for wiring in WIRINGS {
        let world = World::embedded(wiring, json!({})).await;
        world.enable(1).await.unwrap();
        world.rotate(2).await.unwrap();
        world.faults(failing(INTERNAL_ERROR)).await;
        let error = world.rotate(3).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OperationFailed, "{wiring}: {error}");
        world.set_key_attributes(3, &json!({"enabled": false}));
        world.faults(json!({})).await;
        world.rotate(2).await.unwrap();
        assert!(!world.reads_with(3), "{wiring}");
        world.rotate(4).await.unwrap();
        world.all_under(4).await;
    }
}
