//! A managed cluster's document: what is understood of it, and what is sent back.

use serde_json::{Value, json};

use super::{
    ManagedCluster, UpgradeTarget,
    edit::{with_kms, with_versions},
};
use crate::{
    azure::testing::{cluster_id, cluster_json},
    ids::{KeyId, KubernetesVersion, NetworkMode},
    report::{KmsChange, KmsConfiguration},
    testing::{Seen, Target},
};

const KEY: &str = "https://shop.vault.azure.net/keys/etcd/0123456789abcdef0123456789abcdef";

fn clusters() -> Vec<Vec<u8>> {
    let mut on = cluster_json();
    on["properties"]["securityProfile"] = json!({
        "azureKeyVaultKms": {"enabled": true, "keyId": KEY, "keyVaultNetworkAccess": "Private",
            "keyVaultResourceId": "/subscriptions/8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8/resourceGroups/keys/providers/Microsoft.KeyVault/vaults/shop"},
        "kubernetesResourceObjectEncryptionProfile": {"infrastructureEncryption": "Enabled"},
    });
    on["properties"]["apiServerAccessProfile"] =
        json!({"enableVnetIntegration": true, "enablePrivateCluster": true});
    on["properties"]["aadProfile"] = json!({"managed": true});
    let mut system = cluster_json();
    system["identity"] = json!({"type": "SystemAssigned", "principalId": "p", "tenantId": "t"});
    system["properties"]["securityProfile"] = json!({"azureKeyVaultKms": {"enabled": false}});
    system["properties"]["status"] =
        json!({"provisioningError": {"code": "BadRequest", "message": "no"}});
    [cluster_json(), on, system].iter().map(|it| it.to_string().into_bytes()).collect()
}

#[test]
fn fuzz_clusters() {
    let target = Target { name: "clusters", documents: clusters(), read: 35, hidden: &[] };
    let on = KmsChange::On(KmsConfiguration {
        key_id: KeyId::parse(KEY).unwrap(),
        network_mode: NetworkMode::Public,
        key_vault_id: None,
    });
    let version = KubernetesVersion::parse("1.34.1").unwrap();
    target.run(|input| {
        let Ok(raw) = serde_json::from_slice::<Value>(input) else {
            return Seen::found::<()>(None);
        };
        let cluster = ManagedCluster::parse(&cluster_id(), raw);
        if let Ok(cluster) = &cluster {
            sent_back(cluster, &with_kms(&cluster.raw, &on), Some(KEY));
            sent_back(cluster, &with_kms(&cluster.raw, &KmsChange::Off), None);
            for target in [UpgradeTarget::ControlPlane(version), UpgradeTarget::NodePools(version)]
            {
                let body = with_versions(&cluster.raw, target);
                assert_eq!(with_versions(&body, target), body, "twice changes nothing more");
            }
        }
        Seen::of(cluster)
    });
}

/// What is sent back says of KMS what was asked for, and of everything else what was read.
fn sent_back(cluster: &ManagedCluster, body: &Value, key: Option<&str>) {
    let mut read = body.clone();
    // What Azure puts there again.
    read["properties"]["provisioningState"] = json!(cluster.facts.provisioning_state);
    let version = json!(cluster.facts.kubernetes_version.to_string());
    read["properties"]["currentKubernetesVersion"] = version;
    let again = ManagedCluster::parse(&cluster_id(), read).unwrap().facts;
    let profile = again.kms.as_ref().unwrap();
    assert_eq!(profile.enabled, key.is_some());
    assert_eq!(
        body.pointer("/properties/securityProfile/azureKeyVaultKms/keyId").and_then(Value::as_str),
        key
    );
    assert_eq!(again.location, cluster.facts.location);
    assert_eq!(again.node_resource_group, cluster.facts.node_resource_group);
    assert_eq!(again.vnet_integration, cluster.facts.vnet_integration);
    assert_eq!(again.identity_kind, cluster.facts.identity_kind);
    assert_eq!(again.entra, cluster.facts.entra);
    assert_eq!(again.node_pools.len(), cluster.facts.node_pools.len());
}
