//! What AKS says of a cluster, and its defaults for what a client leaves out.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{document::new_etag, version::Version};
use crate::names::{ClusterNames, LOCATION, stable_guid};

/// Completes the document of a new cluster: what the client sent stays where it is the client's.
pub(super) fn complete(document: &mut Value, names: &ClusterNames) {
    // AKS answers this part of its ids in lower case.
    document["id"] = json!(names.id().replace("/resourceGroups/", "/resourcegroups/"));
    document["name"] = json!(names.name);
    document["type"] = json!("Microsoft.ContainerService/ManagedClusters");
    document["eTag"] = new_etag();
    fill(
        document,
        &json!({
            "location": LOCATION,
            "sku": { "name": "Base", "tier": "Free" },
            "kind": "Base",
            "properties": {},
        }),
    );
    let has_identity = document["identity"].is_object();
    let properties = &mut document["properties"];
    let version = version(properties);
    let host = host(properties, names);
    let own = json!({
        "powerState": { "code": "Running" },
        "kubernetesVersion": version,
        "currentKubernetesVersion": version,
        "fqdn": host,
        "azurePortalFQDN": host.replace(".hcp.", ".portal.hcp."),
        "maxAgentPools": 100,
        "resourceUID": Uuid::new_v4().simple().to_string(),
    });
    merge(properties, &own);
    fill(properties, &defaults(names));
    if has_identity {
        fill(properties, &json!({ "servicePrincipalProfile": { "clientId": "msi" } }));
    }
    if properties["apiServerAccessProfile"]["enablePrivateCluster"] == true {
        properties["privateFQDN"] = json!(host.replace(".hcp.", ".privatelink."));
    }
    if properties["oidcIssuerProfile"]["enabled"] == true {
        let (tenant, unique) = (&names.tenant, &names.unique);
        let issuer = format!("https://{LOCATION}.oic.prod-aks.azure.com/{tenant}/{unique}/");
        properties["oidcIssuerProfile"]["issuerURL"] = json!(issuer);
    }
    network(properties, names);
    let pools = properties["agentPoolProfiles"].as_array_mut();
    for pool in pools.into_iter().flatten() {
        complete_pool(pool, &version);
    }
}

/// Completes a new agent pool of a cluster of this version.
pub(super) fn complete_pool(pool: &mut Value, control_plane: &str) {
    let wanted = pool["orchestratorVersion"].as_str().and_then(Version::wanted);
    let version = wanted.map_or_else(|| control_plane.to_owned(), |version| version.to_string());
    let own = json!({
        "powerState": { "code": "Running" },
        "orchestratorVersion": version,
        "currentOrchestratorVersion": version,
        "nodeImageVersion": "AKSUbuntu-2204gen2containerd-202608.01.0",
        "eTag": new_etag(),
    });
    merge(pool, &own);
    fill(
        pool,
        &json!({
            "count": 1,
            "vmSize": "Standard_D2s_v5",
            "osDiskSizeGB": 128,
            "osDiskType": "Managed",
            "kubeletDiskType": "OS",
            "maxPods": 110,
            "type": "VirtualMachineScaleSets",
            "enableAutoScaling": false,
            "scaleDownMode": "Delete",
            "enableNodePublicIP": false,
            "mode": "User",
            "osType": "Linux",
            "osSKU": "Ubuntu",
            "upgradeSettings": { "maxSurge": "10%", "maxUnavailable": "0" },
            "enableFIPS": false,
            "securityProfile": { "enableVTPM": false, "enableSecureBoot": false },
        }),
    );
}

fn version(properties: &Value) -> String {
    let wanted = properties["kubernetesVersion"].as_str().and_then(Version::wanted);
    wanted.unwrap_or_else(Version::default_of_aks).to_string()
}

fn host(properties: &mut Value, names: &ClusterNames) -> String {
    let subdomain = properties["fqdnSubdomain"].as_str().map(str::to_owned);
    if subdomain.is_none() {
        fill(properties, &json!({ "dnsPrefix": names.name }));
    }
    let prefix = subdomain
        .unwrap_or_else(|| properties["dnsPrefix"].as_str().unwrap_or_default().to_owned());
    format!("{prefix}-{}.hcp.{LOCATION}.azmk8s.io", &names.unique[..8])
}

fn defaults(names: &ClusterNames) -> Value {
    let ClusterNames { subscription, node_group, name, unique, .. } = names;
    json!({
        "nodeResourceGroup": node_group,
        "enableRBAC": true,
        "supportPlan": "KubernetesOfficial",
        "linuxProfile": { "adminUsername": "azureuser", "ssh": { "publicKeys": [] } },
        "apiServerAccessProfile": {
            "enablePrivateCluster": false,
            "enableVnetIntegration": false,
        },
        "identityProfile": {
            "kubeletidentity": {
                "resourceId": format!(
                    "/subscriptions/{subscription}/resourcegroups/{node_group}/providers/\
                     Microsoft.ManagedIdentity/userAssignedIdentities/{name}-agentpool",
                ),
                "clientId": stable_guid(&format!("kubelet client {unique}")),
                "objectId": stable_guid(&format!("kubelet object {unique}")),
            },
        },
        "autoUpgradeProfile": { "nodeOSUpgradeChannel": "NodeImage" },
        "disableLocalAccounts": false,
        "securityProfile": {},
        "storageProfile": {
            "diskCSIDriver": { "enabled": true },
            "fileCSIDriver": { "enabled": true },
            "snapshotController": { "enabled": true },
        },
        "oidcIssuerProfile": { "enabled": false },
        "workloadAutoScalerProfile": {},
        "metricsProfile": { "costAnalysis": { "enabled": false } },
        "nodeProvisioningProfile": { "mode": "Manual", "defaultNodePools": "Auto" },
        "bootstrapProfile": { "artifactSource": "Direct" },
    })
}

fn network(properties: &mut Value, names: &ClusterNames) {
    if properties["networkProfile"]["networkPlugin"].is_null() {
        fill(
            properties,
            &json!({
                "networkProfile": { "networkPlugin": "azure", "networkPluginMode": "overlay" },
            }),
        );
    }
    let address = format!(
        "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Network/publicIPAddresses/{}",
        names.subscription,
        names.node_group,
        stable_guid(&names.unique),
    );
    fill(
        properties,
        &json!({
            "networkProfile": {
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
            },
        }),
    );
}

/// Sets members, whatever there was.
fn merge(target: &mut Value, members: &Value) {
    for (name, value) in members.as_object().into_iter().flatten() {
        target[name] = value.clone();
    }
}

/// Sets members that are missing or null, at every depth.
fn fill(target: &mut Value, defaults: &Value) {
    let Value::Object(defaults) = defaults else {
        return;
    };
    if target.is_null() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(target) = target else {
        return;
    };
    for (name, default) in defaults {
        match target.get_mut(name) {
            Some(present) if !present.is_null() => fill(present, default),
            _ => {
                target.insert(name.clone(), default.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_fill_what_is_missing_or_null_and_leave_the_rest() {
        let mut target = json!({ "a": { "b": 1, "c": null }, "d": "kept", "e": [] });
        fill(&mut target, &json!({ "a": { "b": 2, "c": 3 }, "d": {}, "e": [1], "f": 4 }));
        assert_eq!(target, json!({ "a": { "b": 1, "c": 3 }, "d": "kept", "e": [], "f": 4 }));
    }
}
