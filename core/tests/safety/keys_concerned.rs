//! Keys and vaults that a change concerns besides the key that it sets.

use aks_kms::{
    Action, ChangeNetworkModeOptions, Finding, Level, NetworkMode, RuleId, StatusOptions,
};
use serde_json::json;
use time::{Duration, OffsetDateTime};

use crate::{
    common::world::{WIRINGS, World},
    world::refused,
};

/// A key that this cluster no longer needs may be the previous one of another cluster, which rotated
/// from it: `check_action` must say so.
#[tokio::test(flavor = "multi_thread")]
async fn p05_a_key_that_is_another_clusters_previous_one() {
    for wiring in WIRINGS {
        let others =
            json!([{"name": "staging", "kms": {"key": "{{key.2}}", "previous": "{{key.1}}"}}]);
        let world = World::embedded(wiring, json!({"other_clusters": others})).await;
        world.enable(1).await.unwrap();
        world.rotate(2).await.unwrap();
        let ledger = world.rotate(3).await.unwrap().ledger.unwrap();
        assert!(world.is_removable(&ledger, 1), "{wiring}: this cluster does not need it");
        let against = world.refuses(world.delete_key(1)).await;
        let [finding] = &against[..] else { panic!("{wiring}: {against:#?}") };
        assert_eq!(finding.rule, RuleId::KeyStillNeeded, "{wiring}: {finding}");
        let of_staging = format!("managedClusters/staging uses key {}", world.key(2));
        assert!(finding.message.contains(&of_staging), "{wiring}: {finding}");
    }
}

/// A vault that another cluster uses in public mode: `check_action` names that cluster, and the vault
/// is not closed.
#[tokio::test(flavor = "multi_thread")]
async fn p06_a_vault_that_another_cluster_uses_in_public_mode_is_not_closed_silently() {
    for wiring in WIRINGS {
        let given = json!({
            "cluster": {"kms": {"key": "{{key.1}}"}, "vnet_integration": true},
            "other_clusters": [{"name": "staging", "kms": {"key": "{{key.1}}"}}],
        });
        let world = World::embedded(wiring, given).await;
        let close = Action::CloseVault { key_vault_id: world.vault() };
        let against = world.refuses(close).await;
        let told = |it: &Finding| {
            it.rule == RuleId::VaultClosingInPublicUse && it.message.contains("staging")
        };
        assert!(against.iter().any(told), "{wiring}: {against:#?}");
        world.simulator.clear_writes(&world.case.id).unwrap();
        let options = ChangeNetworkModeOptions::default();
        let change = world.manager().change_network_mode(NetworkMode::Private, options).await;
        let error = change.unwrap_err();
        assert!(told(refused(&error, RuleId::VaultClosingInPublicUse)), "{wiring}: {error}");
        world.nothing_was_written();
        assert_eq!(world.public_access(&world.case.key_vault_id), "Enabled", "{wiring}");
    }
}

/// The key in use becomes the previous one, and API servers read with it until the next rotation: if
/// it is unusable, the rotation is refused before anything is written.
#[tokio::test(flavor = "multi_thread")]
async fn p07_rotating_away_from_a_key_that_is_disabled_or_expired_is_refused_beforehand() {
    for wiring in WIRINGS {
        for attributes in [json!({"enabled": false}), json!({"exp": 1_700_000_000})] {
            let world = World::embedded(wiring, json!({})).await;
            world.enable(1).await.unwrap();
            world.set_key_attributes(1, &attributes);
            world.simulator.clear_writes(&world.case.id).unwrap();
            let error = world.rotate(2).await.unwrap_err();
            let finding = refused(&error, RuleId::PreviousKeyUnusable);
            assert!(finding.message.starts_with("of the key in use"), "{attributes}: {finding}");
            world.nothing_was_written();
            world.nothing_is_unfinished().await;
            assert_eq!(world.configured().as_deref(), Some(world.key(1)), "{wiring} {attributes}");
            world.all_under(1).await;
        }
    }
}

/// A key in use that expires in ten hours takes every API server down then, as the previous key:
/// the rotation and the status afterwards must tell of it.
#[tokio::test(flavor = "multi_thread")]
async fn p07_a_key_in_use_that_expires_in_ten_hours_is_told_of_when_it_is_rotated_away() {
    for wiring in WIRINGS {
        let world = World::embedded(wiring, json!({})).await;
        world.enable(1).await.unwrap();
        let at = OffsetDateTime::now_utc() + Duration::hours(10);
        world.set_key_attributes(1, &json!({"exp": at.unix_timestamp()}));
        let report = world.rotate(2).await.unwrap();
        let status = world.manager().status(StatusOptions::default()).await.unwrap();
        for findings in [report.findings, status.findings] {
            let told = findings.iter().find(|it| it.rule == RuleId::PreviousKeyUnusable);
            let told = told.unwrap_or_else(|| panic!("{wiring}: {findings:#?}"));
            assert_eq!(told.level, Level::Warn, "{wiring}: {told}");
            assert!(told.message.contains("expires in"), "{wiring}: {told}");
        }
        world.all_under(2).await;
    }
}
