//! What is done elsewhere to keys and vaults that the cluster still needs.

use aks_kms::{Action, ErrorKind, IdentityId, Level, RotateOptions, RuleId};
use serde_json::json;
use time::OffsetDateTime;

use crate::common::world::{WIRINGS, World};

impl World {
    /// `status` warns of the previous key, and a rotation to a third key is refused for it.
    async fn previous_key_is_missed(&self, next: &str) {
        let status = self.manager().status(aks_kms::StatusOptions::default()).await.unwrap();
        let warned = status.findings.iter().find(|it| it.rule == RuleId::PreviousKeyUnusable);
        assert_eq!(warned.map(|it| it.level), Some(Level::Warn), "{:#?}", status.findings);
        let manager = self.manager();
        let refused = manager.rotate(next, RotateOptions::default()).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::PreflightFailed);
        let blocks = refused.findings().iter().filter(|it| it.level == Level::Block);
        let rules: Vec<RuleId> = blocks.map(|it| it.rule).collect();
        assert_eq!(rules, [RuleId::PreviousKeyUnusable], "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sequence_15_the_vault_of_the_previous_key_is_closed() {
    for wiring in WIRINGS {
        let world = World::embedded(wiring, json!({"other_vault": {}})).await;
        world.enable(1).await.unwrap();
        let [first, second, ..] = &world.case.other_key_ids[..] else { panic!("no other keys") };
        let manager = world.manager();
        manager.rotate(first, RotateOptions::default()).await.unwrap();

        let findings = world.refuses(Action::CloseVault { key_vault_id: world.vault() }).await;
        assert_eq!(findings[0].rule, RuleId::VaultClosingInPublicUse);

        let set = |access: &str| {
            let change = json!({"properties": {"publicNetworkAccess": access}});
            world.simulator.patch_vault(&world.case.id, world.vault().name(), &change).unwrap()
        };
        set("Disabled");
        world.previous_key_is_missed(second).await;
        set("Enabled");
        manager.rotate(second, RotateOptions::default()).await.unwrap();
        world.all_under_key(second).await;
        assert_eq!(
            manager.check_action(Action::CloseVault { key_vault_id: world.vault() }).await.unwrap(),
            [],
            "two rotations later nothing needs it"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sequence_16_the_previous_key_expires() {
    for wiring in WIRINGS {
        let world = World::embedded(wiring, json!({})).await;
        world.enable(1).await.unwrap();
        world.rotate(2).await.unwrap();
        let expires_in = |seconds: i64| {
            let at = OffsetDateTime::now_utc().unix_timestamp() + seconds;
            let change = json!({"attributes": {"exp": at}});
            world.simulator.patch_key(&world.case.id, world.key(1), &change).unwrap();
        };
        expires_in(-3600);
        world.previous_key_is_missed(world.key(3)).await;
        expires_in(10 * 86_400);
        world.rotate(3).await.unwrap();
        world.all_under(3).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sequence_17_the_old_key_is_another_clusters_key_in_use() {
    let others = json!([{"name": "staging", "kms": {"key": "{{key.1}}"}}]);
    let world = World::embedded("two-providers", json!({"other_clusters": others})).await;
    world.enable(1).await.unwrap();
    world.rotate(2).await.unwrap();
    let ledger = world.rotate(3).await.unwrap().ledger.unwrap();
    assert!(world.is_removable(&ledger, 1), "this cluster no longer needs it: {ledger:#?}");
    let findings = world.refuses(world.delete_key(1)).await;
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert_eq!(findings[0].rule, RuleId::KeyStillNeeded);
    assert!(findings[0].resource.ends_with("/staging"), "{findings:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sequence_18_key_vault_identity_and_access_are_to_go_after_disable() {
    let world = World::embedded("two-providers", json!({})).await;
    world.enable(1).await.unwrap();
    world.disable().await.unwrap();
    let identity_id = IdentityId::parse(&world.case.identity_id).unwrap();
    let principal_id = world.case.principal_id.clone();
    for (action, rule) in [
        (world.delete_key(1), RuleId::KeyStillNeeded),
        (Action::DeleteVault { key_vault_id: world.vault() }, RuleId::VaultStillNeeded),
        (Action::DeleteIdentity { identity_id }, RuleId::IdentityStillNeeded),
        (
            Action::RemoveRole { key_vault_id: world.vault(), principal_id },
            RuleId::AccessStillNeeded,
        ),
    ] {
        let findings = world.refuses(action).await;
        assert!(findings.iter().all(|finding| finding.rule == rule), "{findings:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_identity_of_the_cluster_is_deleted() {
    for wiring in WIRINGS {
        let world = World::embedded(wiring, json!({})).await;
        world.enable(1).await.unwrap();
        world.az().await.delete_identity().await;
        world.simulator.clear_writes(&world.case.id).unwrap();
        let status = world.manager().status(aks_kms::StatusOptions::default()).await.unwrap();
        let rules: Vec<RuleId> = status.findings.iter().map(|it| it.rule).collect();
        assert_eq!(rules, [RuleId::ClusterIdentityMissing], "{:#?}", status.findings);
        let error = world.rotate(2).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PreflightFailed, "{error}");
        assert!(error.to_string().contains("az identity create"), "{error}");
        assert!(world.simulator.writes(&world.case.id).unwrap().is_empty());
        world.nothing_is_lost().await;
    }
}
