//! What Terraform, Bicep and Pulumi send to a cluster whose key the library looks after, and what it says then: as
//! `docs/infrastructure-as-code.md` has it.
//!
//! The bodies are those that the tools' code makes. Terraform's provider (`azurerm`, `kubernetes_cluster_resource.go`)
//! reads the cluster as an api-version of 2025 shows it, puts in the blocks that differ from its configuration, and
//! sends all of it back. Bicep and Pulumi's `azure-native` send what the program says, and nothing else.

use aks_kms::{Action, KeyId, KmsStatus, Level, RuleId, StatusOptions};
use serde_json::{Value, json};

use crate::common::world::{WIRINGS, World, is, is_all_proven};

/// Which Terraform's provider speaks.
const TERRAFORM: &str = "2025-05-01";
const BICEP: &str = "2025-05-01";

async fn status(world: &World) -> KmsStatus {
    world.manager().status(StatusOptions::default()).await.unwrap()
}

/// What the cluster's document says is not believed: the key is kept until secrets are proven again.
async fn is_noticed_as_off_and_turned_on_again(world: &World) {
    let found = status(world).await;
    assert!(!found.enabled, "that is what its document says");
    assert_eq!(rules(&found), [RuleId::SecretsUnproven]);
    let key_id = KeyId::parse(world.key(2)).unwrap();
    world.refuses(Action::DeleteKey { key_id }).await;
    world.nothing_is_lost().await;
    assert!(is_all_proven(&world.enable(2).await.unwrap()));
    world.all_under(2).await;
}

fn rules(status: &KmsStatus) -> Vec<RuleId> {
    status.findings.iter().filter(|it| it.level != Level::Info).map(|it| it.rule).collect()
}

/// KMS on with the first key, and rotated to the second by the library.
async fn rotated(wiring: &str) -> World {
    let world = World::embedded(wiring, json!({})).await;
    world.enable(1).await.unwrap();
    world.rotate(2).await.unwrap();
    world
}

/// As `expandKubernetesClusterAzureKeyVaultKms` makes it of a block `key_management_service`, for public access.
fn block(key_id: &str) -> Value {
    json!({"enabled": true, "keyId": key_id, "keyVaultNetworkAccess": "Public"})
}

/// Neither key may go then: the API servers read with both, and secrets are under the second.
async fn both_are_needed(world: &World) {
    for number in [1, 2] {
        let key_id = KeyId::parse(world.key(number)).unwrap();
        world.refuses(Action::DeleteKey { key_id }).await;
    }
    world.nothing_is_lost().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn terraform_with_the_old_key_in_its_block_rotates_back() {
    for wiring in WIRINGS {
        let world = rotated(wiring).await;
        let old = block(world.key(1));
        world
            .az()
            .await
            .apply(TERRAFORM, |cluster| {
                cluster["properties"]["securityProfile"]["azureKeyVaultKms"] = old;
            })
            .await;
        let found = status(&world).await;
        assert_eq!(found.key_id.as_ref().map(KeyId::as_str), Some(world.key(1)));
        let ledger = found.ledger.as_ref().unwrap();
        assert!(is(ledger.current.as_ref(), world.key(1)), "{ledger:#?}");
        assert_eq!(ledger.current.as_ref().unwrap().proven_at, None, "{ledger:#?}");
        assert_eq!(rules(&found), [RuleId::SecretsUnproven]);
        both_are_needed(&world).await;
        // the way out: the key that is wanted, in a call of its own
        assert!(is_all_proven(&world.rotate(2).await.unwrap()));
        world.all_under(2).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn terraform_without_a_block_turns_kms_off() {
    for wiring in WIRINGS {
        let world = rotated(wiring).await;
        world
            .az()
            .await
            .apply(TERRAFORM, |cluster| {
                cluster["properties"]["securityProfile"]["azureKeyVaultKms"] =
                    json!({"enabled": false});
            })
            .await;
        is_noticed_as_off_and_turned_on_again(&world).await;
    }
}

/// With `ignore_changes` the block is not in what differs, so what was read is sent back: the key stays, whatever
/// else is changed.
#[tokio::test(flavor = "multi_thread")]
async fn terraform_that_ignores_the_block_leaves_the_key() {
    let world = rotated("one-provider").await;
    world.az().await.apply(TERRAFORM, |cluster| cluster["tags"] = json!({"team": "shop"})).await;
    let found = status(&world).await;
    assert_eq!(found.key_id.as_ref().map(KeyId::as_str), Some(world.key(2)));
    let ledger = found.ledger.as_ref().unwrap();
    assert!(
        is(ledger.current.as_ref(), world.key(2)) && is(ledger.previous.as_ref(), world.key(1))
    );
    assert_eq!(rules(&found), []);
    world.all_under(2).await;
    assert!(is_all_proven(&world.rotate(3).await.unwrap()));
}

/// The cluster as a program of Bicep or Pulumi has it: what somebody wrote down, and no more.
fn program(cluster: &Value, security: Option<Value>) -> Value {
    let of = &cluster["properties"];
    let pools = of["agentPoolProfiles"].as_array().unwrap().iter();
    let pools: Vec<Value> = pools
        .map(|pool| json!({"name": pool["name"], "mode": pool["mode"], "count": pool["count"], "vmSize": pool["vmSize"]}))
        .collect();
    let identities = cluster["identity"]["userAssignedIdentities"].as_object().unwrap();
    let identities: Value = identities
        .keys()
        .map(|id| (id.clone(), json!({})))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let mut properties = json!({
        "dnsPrefix": of["dnsPrefix"],
        "kubernetesVersion": of["kubernetesVersion"],
        "agentPoolProfiles": pools,
        "networkProfile": of["networkProfile"],
    });
    if let Some(security) = security {
        properties["securityProfile"] = security;
    }
    json!({
        "location": cluster["location"],
        "identity": {"type": "UserAssigned", "userAssignedIdentities": identities},
        "properties": properties,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_names_the_old_key_rotates_back() {
    for wiring in WIRINGS {
        let world = rotated(wiring).await;
        let old = json!({"azureKeyVaultKms": block(world.key(1))});
        world.az().await.apply(BICEP, |cluster| *cluster = program(cluster, Some(old))).await;
        let found = status(&world).await;
        assert_eq!(found.key_id.as_ref().map(KeyId::as_str), Some(world.key(1)));
        both_are_needed(&world).await;
        assert!(is_all_proven(&world.rotate(2).await.unwrap()));
        world.all_under(2).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_without_the_profile_leaves_it_open_what_the_cluster_has() {
    for wiring in WIRINGS {
        let world = rotated(wiring).await;
        world.az().await.apply(BICEP, |cluster| *cluster = program(cluster, None)).await;
        is_noticed_as_off_and_turned_on_again(&world).await;
    }
}

/// A rotation dies, and somebody's apply sets the key back that was before. The same call goes on, and takes nothing of
/// what was proven for granted.
#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_goes_on_after_an_apply_that_set_the_old_key_back() {
    for wiring in WIRINGS {
        let given = json!({"cluster": {"kms": {"key": "{{key.1}}"}}});
        let world = World::embedded(wiring, given).await;
        let mut ours = world.subprocess("rotate", Some(2));
        assert!(ours.run_until_phase("reencrypt", 1).await.is_none());
        ours.kill().await;
        let old = block(world.key(1));
        world
            .az()
            .await
            .apply(TERRAFORM, |cluster| {
                cluster["properties"]["securityProfile"]["azureKeyVaultKms"] = old;
            })
            .await;
        assert!(is_all_proven(&world.rotate(2).await.unwrap()));
        world.all_under(2).await;
    }
}
