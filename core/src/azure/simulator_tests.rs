//! The same client against an Azure that knows nothing of it.

use aks_kms_simulator::{Case, Given, Options, Simulator, TimeScale};
use serde_json::{Value, json};
use tokio::time::{Duration, Instant};

use super::*;
use crate::{
    error::ErrorKind,
    facts::{Fact, IdentityKind, Lookup},
    ids::{ClusterId, KeyId, NetworkMode, VaultId},
    options::Timing,
    report::{KmsChange, KmsConfiguration},
};

const SCALE: f64 = 0.01;

struct World {
    /// Kept running.
    _simulator: Simulator,
    case: Case,
    azure: Azure,
}

impl World {
    async fn new(given: Value) -> Self {
        let given: Given = serde_json::from_value(given).unwrap();
        let options = Options { scale: TimeScale(SCALE), ..Options::default() };
        let simulator = Simulator::start(options).await.unwrap();
        let case = simulator.put_case(given).await.unwrap();
        let azure = Azure::new(AzureConfig {
            cloud: case.arm.parse().unwrap(),
            credential: Some(case.credential()),
            transport: Some(case.transport()),
            ca_bundle: None,
            api_version: None,
            timing: Timing::scaled(SCALE),
        })
        .unwrap();
        Self { _simulator: simulator, case, azure }
    }

    fn cluster_id(&self) -> ClusterId {
        ClusterId::parse(&self.case.cluster_id).unwrap()
    }

    fn key_id(&self) -> KeyId {
        KeyId::parse(&self.case.key_ids[0]).unwrap()
    }

    fn vault_id(&self) -> VaultId {
        VaultId::parse(&self.case.key_vault_id).unwrap()
    }

    fn on(&self) -> KmsChange {
        KmsChange::On(KmsConfiguration {
            key_id: self.key_id(),
            network_mode: NetworkMode::Public,
            key_vault_id: None,
        })
    }

    async fn set(&self, target: &KmsChange) -> crate::Result<ManagedCluster> {
        let before = self.azure.cluster(&self.cluster_id()).await?;
        let operation = self.azure.put_kms(&before, target).await?;
        let ended =
            operation.wait(&self.azure, Instant::now() + Duration::from_secs(30), |_| {}).await;
        ended.map(|it| it.cluster)
    }
}

#[tokio::test]
async fn kms_is_turned_on_and_off_again_and_the_rest_of_the_cluster_stays() {
    let world = World::new(json!({})).await;
    let before = world.azure.cluster(&world.cluster_id()).await.unwrap();
    assert_eq!(before.facts.identity_kind, IdentityKind::UserAssigned);
    assert!(before.facts.kms_on().is_none());

    let after = world.set(&world.on()).await.unwrap();
    assert!(after.facts.is_succeeded());
    let profile = after.facts.kms_on().unwrap();
    assert_eq!(profile.key_id(), Some(&world.key_id()));
    assert_eq!(profile.network_mode, Some(NetworkMode::Public));
    assert_ne!(after.facts.etag, before.facts.etag);

    let off = world.set(&KmsChange::Off).await.unwrap();
    assert!(off.facts.kms_on().is_none());
    assert_eq!(off.facts.node_pools, before.facts.node_pools);
    assert_eq!(off.facts.hosts, before.facts.hosts);

    let stale = world.azure.put_kms(&before, &world.on()).await.unwrap_err();
    assert!(is_etag_mismatch(&stale), "{stale:?}");
}

#[tokio::test]
async fn vault_key_access_and_diagnostics_are_read() {
    let world = World::new(json!({})).await;
    let cluster = world.azure.cluster(&world.cluster_id()).await.unwrap().facts;
    let vault = world.azure.vault(&world.key_id(), None, &world.cluster_id()).await;
    let found = vault.known().and_then(Lookup::found).unwrap();
    assert_eq!(found.id, world.vault_id());
    assert_eq!(found.tenant_id, world.case.tenant_id);
    assert!(found.rbac);
    for place in [Some(&found.id), None] {
        let key = world.azure.key(&world.key_id(), place).await;
        let key = key.known().and_then(Lookup::found).unwrap();
        assert_eq!(key.kid, world.key_id().as_str());
        assert!(key.kind == "RSA" && key.enabled);
    }
    let access = world.azure.access(&cluster, &vault, world.key_id().name()).await;
    assert_eq!(access.principal_id, Fact::Known(world.case.principal_id.clone()));
    assert_eq!(access.tenant_id, Fact::Known(world.case.tenant_id.clone()));
    let roles = access.roles.known().unwrap();
    let encrypt = "Microsoft.KeyVault/vaults/keys/encrypt/action".to_owned();
    assert!(roles.iter().any(|grant| grant.data_actions.contains(&encrypt)), "{roles:?}");
    assert_eq!(world.azure.has_diagnostics(&found.id).await, Fact::Known(true));
}

#[tokio::test]
async fn vaults_and_keys_that_are_gone_are_told_apart() {
    for (given, vault, key) in [
        (json!({"vault": {"exists": false}}), Some("not found"), Some("not found")),
        (json!({"vault": {"soft_deleted": true}}), Some("deleted"), Some("not found")),
        (json!({"key": {"exists": false}}), None, Some("not found")),
        (json!({"key": {"soft_deleted": true}}), None, Some("deleted")),
    ] {
        let world = World::new(given.clone()).await;
        let id = world.vault_id();
        for place in [Some(&id), None] {
            let seen = world.azure.vault(&world.key_id(), place, &world.cluster_id()).await;
            assert_eq!(absence(&seen), vault, "{given}: {seen:?}");
        }
        let seen = world.azure.key(&world.key_id(), Some(&id)).await;
        assert_eq!(absence(&seen), key, "{given}: {seen:?}");
    }
}

fn absence<T>(fact: &Fact<Lookup<T>>) -> Option<&'static str> {
    match fact {
        Fact::Known(Lookup::Found(_)) => None,
        Fact::Known(Lookup::NotFound) => Some("not found"),
        Fact::Known(Lookup::SoftDeleted) => Some("deleted"),
        Fact::Unknown(_) => Some("unknown"),
    }
}

#[tokio::test]
async fn a_role_that_is_missing_makes_the_change_fail_with_the_catch_all() {
    let world = World::new(json!({"access": {"role": null}})).await;
    let error = world.set(&world.on()).await.unwrap_err();
    assert!(is_key_permission_error(&error), "{error:?}");
}

#[tokio::test]
async fn what_the_caller_lacks_is_named() {
    let world = World::new(json!({"access": {"caller_lacks": [
        "Microsoft.KeyVault/vaults/read", "Microsoft.Authorization/roleAssignments/read",
        "Microsoft.ContainerService/managedClusters/listClusterUserCredential/action"
    ]}}))
    .await;
    let id = world.vault_id();
    let vault = world.azure.vault(&world.key_id(), Some(&id), &world.cluster_id()).await;
    let Fact::Unknown(why) = vault else { panic!("{vault:?}") };
    assert!(why.contains("Microsoft.KeyVault/vaults/read"), "{why}");
    let error =
        world.azure.cluster_credential(&world.cluster_id(), ClusterRole::User).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert!(error.to_string().contains("listClusterUserCredential/action"), "{error}");
}

#[tokio::test]
async fn credentials_lead_to_the_clusters_api_server() {
    let world = World::new(json!({"cluster": {"entra": true}})).await;
    for (role, entra) in [(ClusterRole::User, true), (ClusterRole::Admin, false)] {
        let credential = world.azure.cluster_credential(&world.cluster_id(), role).await.unwrap();
        assert_eq!(credential.server.as_str().trim_end_matches('/'), world.case.kubernetes);
        assert!(credential.ca_pem.starts_with(b"-----BEGIN CERTIFICATE-----"));
        assert_eq!(credential.entra, entra);
        assert_eq!(credential.client_certificate.is_some() || credential.token.is_some(), !entra);
    }
    assert!(!world.azure.entra_token().await.unwrap().token.secret().is_empty());
}

#[tokio::test]
async fn certificates_given_by_the_user_are_trusted_besides_the_systems() {
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let case = simulator.put_case(Given::default()).await.unwrap();
    let client = |ca_bundle: Option<Vec<u8>>| {
        Azure::new(AzureConfig {
            cloud: case.arm.parse().unwrap(),
            credential: Some(case.credential()),
            transport: None,
            ca_bundle,
            api_version: None,
            timing: Timing::scaled(0.001),
        })
        .unwrap()
    };
    let id = ClusterId::parse(&case.cluster_id).unwrap();
    client(Some(simulator.ca_pem().as_bytes().to_vec())).cluster(&id).await.unwrap();
    let distrusted = client(None).cluster(&id).await.unwrap_err();
    assert_eq!(distrusted.kind(), ErrorKind::Unavailable);
}
