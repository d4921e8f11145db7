//! The document of the cluster that a case starts with.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{data_encryption::PROFILE, defaults::complete};
use crate::{
    given::{Cluster, Given, Identity, Kms, NetworkMode},
    key_id::KeyId,
    names::{LOCATION, Names, stable_guid},
};

/// A new eTag.
pub(crate) fn new_etag() -> Value {
    json!(Uuid::new_v4().to_string())
}

/// The document as ARM answers it.
pub(super) fn of_given(given: &Given, names: &Names) -> Value {
    let cluster = &given.cluster;
    let mut document = json!({
        "location": LOCATION,
        "tags": { "environment": "test" },
        "sku": { "name": "Base", "tier": "Standard" },
        "properties": {
            "kubernetesVersion": cluster.kubernetes_version,
            "dnsPrefix": names.cluster,
            "agentPoolProfiles": agent_pools(cluster),
            "apiServerAccessProfile": {
                "enablePrivateCluster": cluster.private_cluster,
                "enableVnetIntegration": cluster.vnet_integration,
            },
            "disableLocalAccounts": !cluster.local_accounts,
            "securityProfile": security_profile(given, names),
        },
    });
    match cluster.identity {
        Identity::UserAssigned => {
            let id = names.identity_id().replace("/resourceGroups/", "/resourcegroups/");
            document["identity"] = json!({
                "type": "UserAssigned",
                "userAssignedIdentities": {
                    id: {
                        "principalId": names.identity_principal,
                        "clientId": stable_guid(&names.identity_principal),
                    },
                },
            });
        }
        Identity::SystemAssigned => {
            document["identity"] = json!({
                "type": "SystemAssigned",
                "principalId": names.own_principal,
                "tenantId": names.tenant,
            });
        }
        Identity::ServicePrincipal => {
            document["properties"]["servicePrincipalProfile"] =
                json!({ "clientId": stable_guid(&names.own_principal) });
        }
    }
    if cluster.entra {
        document["properties"]["aadProfile"] = json!({
            "managed": true,
            "adminGroupObjectIDs": null,
            "enableAzureRBAC": false,
            "tenantID": names.tenant,
        });
    }
    if cluster.subnet {
        let pools = document["properties"]["agentPoolProfiles"].as_array_mut();
        for pool in pools.into_iter().flatten() {
            pool["vnetSubnetID"] = json!(format!(
                "{}/providers/Microsoft.Network/virtualNetworks/vnet/subnets/nodes",
                names.group_id()
            ));
        }
    }
    complete(&mut document, &names.own_cluster());
    let power_state = json!({ "code": cluster.power_state });
    let properties = &mut document["properties"];
    properties["provisioningState"] = json!(cluster.provisioning_state);
    properties["powerState"] = power_state.clone();
    let pools = properties["agentPoolProfiles"].as_array_mut();
    for (pool, state) in pools.into_iter().flatten().zip(&cluster.node_pools) {
        pool["provisioningState"] = json!(state);
        pool["powerState"] = power_state.clone();
    }
    document
}

fn agent_pools(cluster: &Cluster) -> Value {
    let pools = (0..cluster.node_pools.len()).map(|index| {
        json!({
            "name": format!("nodepool{}", index + 1),
            "count": 3,
            "mode": if index == 0 { "System" } else { "User" },
        })
    });
    Value::Array(pools.collect())
}

fn security_profile(given: &Given, names: &Names) -> Value {
    let mut profile = json!({});
    if let Some(kms) = &given.cluster.kms {
        profile["azureKeyVaultKms"] = kms_profile(kms, names);
    }
    if given.cluster.infrastructure_encryption {
        profile[PROFILE] = json!({ "infrastructureEncryption": "Enabled" });
    }
    profile
}

/// A KMS profile as ARM answers it.
pub(crate) fn kms_profile(kms: &Kms, names: &Names) -> Value {
    let mut profile = json!({ "enabled": kms.enabled });
    if let Some(key) = &kms.key {
        let private = kms.network_mode == NetworkMode::Private;
        let id = KeyId::parse(key);
        let versionless = id.as_ref().is_some_and(|id| id.version.is_none());
        let in_other = id.is_some_and(|id| id.vault() == names.other_vault);
        let vault = if in_other { &names.other_vault } else { &names.vault };
        let named = private || versionless;
        profile["keyId"] = json!(key);
        profile["keyVaultNetworkAccess"] = json!(if private { "Private" } else { "Public" });
        profile["keyVaultResourceId"] =
            json!(if named { names.vault_id(vault) } else { String::new() });
    }
    profile
}
