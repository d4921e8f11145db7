//! The document that ARM answers for a cluster, with everything that real ones have.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    given::{Cluster, Given, Identity, Kms, NetworkMode},
    names::{LOCATION, Names, stable_guid},
};

/// The document of the cluster that a case starts with.
pub(super) fn managed_cluster(given: &Given, names: &Names) -> Value {
    let cluster = &given.cluster;
    let (identity, service_principal) = identity(cluster, names);
    let mut document = json!({
        // AKS answers this part of its ids in lower case.
        "id": names.cluster_id().replace("/resourceGroups/", "/resourcegroups/"),
        "name": names.cluster,
        "type": "Microsoft.ContainerService/ManagedClusters",
        "location": LOCATION,
        "tags": { "environment": "test" },
        "sku": { "name": "Base", "tier": "Standard" },
        "kind": "Base",
        "eTag": new_etag(),
        "properties": properties(given, names),
    });
    if let Some(identity) = identity {
        document["identity"] = identity;
    }
    document["properties"]["servicePrincipalProfile"] = json!({ "clientId": service_principal });
    document
}

/// A new eTag.
pub(crate) fn new_etag() -> Value {
    json!(Uuid::new_v4().to_string())
}

fn identity(cluster: &Cluster, names: &Names) -> (Option<Value>, String) {
    let msi = "msi".to_owned();
    match cluster.identity {
        Identity::UserAssigned => {
            let id = names.identity_id().replace("/resourceGroups/", "/resourcegroups/");
            let identity = json!({
                "type": "UserAssigned",
                "userAssignedIdentities": {
                    id: {
                        "principalId": names.identity_principal,
                        "clientId": stable_guid(&names.identity_principal),
                    },
                },
            });
            (Some(identity), msi)
        }
        Identity::SystemAssigned => {
            let identity = json!({
                "type": "SystemAssigned",
                "principalId": names.own_principal,
                "tenantId": names.tenant,
            });
            (Some(identity), msi)
        }
        Identity::ServicePrincipal => (None, stable_guid(&names.own_principal)),
    }
}

fn properties(given: &Given, names: &Names) -> Value {
    let cluster = &given.cluster;
    let version = &cluster.kubernetes_version;
    let host = format!("{}-{}.hcp.{LOCATION}.azmk8s.io", names.cluster, &names.case[..8]);
    let node_group = names.node_group();
    let mut properties = json!({
        "provisioningState": cluster.provisioning_state,
        "powerState": { "code": cluster.power_state },
        "kubernetesVersion": version,
        "currentKubernetesVersion": version,
        "dnsPrefix": names.cluster,
        "fqdn": host,
        "azurePortalFQDN": host.replace(".hcp.", ".portal.hcp."),
        "agentPoolProfiles": agent_pools(cluster),
        "linuxProfile": {
            "adminUsername": "azureuser",
            "ssh": { "publicKeys": [] },
        },
        "nodeResourceGroup": node_group,
        "enableRBAC": true,
        "supportPlan": "KubernetesOfficial",
        "networkProfile": network_profile(names),
        "maxAgentPools": 100,
        "apiServerAccessProfile": {
            "enablePrivateCluster": cluster.private_cluster,
            "enableVnetIntegration": cluster.vnet_integration,
        },
        "identityProfile": {
            "kubeletidentity": {
                "resourceId": format!(
                    "{}/resourcegroups/{node_group}/providers/Microsoft.ManagedIdentity/\
                     userAssignedIdentities/{}-agentpool",
                    names.subscription_id(), names.cluster
                ),
                "clientId": stable_guid(&format!("kubelet client {}", names.case)),
                "objectId": stable_guid(&format!("kubelet object {}", names.case)),
            },
        },
        "autoUpgradeProfile": { "nodeOSUpgradeChannel": "NodeImage" },
        "disableLocalAccounts": !cluster.local_accounts,
        "securityProfile": security_profile(given, names),
        "storageProfile": {
            "diskCSIDriver": { "enabled": true },
            "fileCSIDriver": { "enabled": true },
            "snapshotController": { "enabled": true },
        },
        "oidcIssuerProfile": { "enabled": false },
        "workloadAutoScalerProfile": {},
        "resourceUID": Uuid::new_v4().simple().to_string(),
        "metricsProfile": { "costAnalysis": { "enabled": false } },
        "nodeProvisioningProfile": { "mode": "Manual", "defaultNodePools": "Auto" },
        "bootstrapProfile": { "artifactSource": "Direct" },
    });
    if cluster.private_cluster {
        properties["privateFQDN"] = json!(host.replace(".hcp.", ".privatelink."));
    }
    if cluster.entra {
        properties["aadProfile"] = json!({
            "managed": true,
            "adminGroupObjectIDs": null,
            "enableAzureRBAC": false,
            "tenantID": names.tenant,
        });
    }
    properties
}

fn agent_pools(cluster: &Cluster) -> Value {
    let version = &cluster.kubernetes_version;
    let pools = cluster.node_pools.iter().enumerate().map(|(index, state)| {
        json!({
            "name": format!("nodepool{}", index + 1),
            "count": 3,
            "vmSize": "Standard_D2s_v5",
            "osDiskSizeGB": 128,
            "osDiskType": "Managed",
            "kubeletDiskType": "OS",
            "maxPods": 110,
            "type": "VirtualMachineScaleSets",
            "enableAutoScaling": false,
            "scaleDownMode": "Delete",
            "provisioningState": state,
            "powerState": { "code": cluster.power_state },
            "orchestratorVersion": version,
            "currentOrchestratorVersion": version,
            "enableNodePublicIP": false,
            "mode": if index == 0 { "System" } else { "User" },
            "osType": "Linux",
            "osSKU": "Ubuntu",
            "nodeImageVersion": "AKSUbuntu-2204gen2containerd-202608.01.0",
            "upgradeSettings": { "maxSurge": "10%", "maxUnavailable": "0" },
            "enableFIPS": false,
            "securityProfile": { "enableVTPM": false, "enableSecureBoot": false },
            "eTag": new_etag(),
        })
    });
    Value::Array(pools.collect())
}

fn network_profile(names: &Names) -> Value {
    let address = format!(
        "{}/resourceGroups/{}/providers/Microsoft.Network/publicIPAddresses/{}",
        names.subscription_id(),
        names.node_group(),
        stable_guid(&names.case),
    );
    json!({
        "networkPlugin": "azure",
        "networkPluginMode": "overlay",
        "networkPolicy": "none",
        "networkDataplane": "azure",
        "loadBalancerSku": "standard",
        "loadBalancerProfile": {
            "managedOutboundIPs": { "count": 1 },
            "effectiveOutboundIPs": [{ "id": address }],
            "backendPoolType": "nodeIPConfiguration",
        },
        "podCidr": "10.244.0.0/16",
        "serviceCidr": "10.0.0.0/16",
        "dnsServiceIP": "10.0.0.10",
        "outboundType": "loadBalancer",
        "podCidrs": ["10.244.0.0/16"],
        "serviceCidrs": ["10.0.0.0/16"],
        "ipFamilies": ["IPv4"],
    })
}

fn security_profile(given: &Given, names: &Names) -> Value {
    let mut profile = json!({});
    if let Some(kms) = &given.cluster.kms {
        profile["azureKeyVaultKms"] = kms_profile(kms, names);
    }
    if given.cluster.infrastructure_encryption {
        profile["kubernetesResourceObjectEncryptionProfile"] =
            json!({ "infrastructureEncryption": "Enabled" });
    }
    profile
}

fn kms_profile(kms: &Kms, names: &Names) -> Value {
    let mut profile = json!({ "enabled": kms.enabled });
    if let Some(key) = &kms.key {
        let private = kms.network_mode == NetworkMode::Private;
        profile["keyId"] = json!(key);
        profile["keyVaultNetworkAccess"] = json!(if private { "Private" } else { "Public" });
        profile["keyVaultResourceId"] =
            json!(if private { names.vault_id(&names.vault) } else { String::new() });
    }
    profile
}
