//! What is understood of a managed cluster's JSON. Pure.

use serde_json::Value;

use crate::{
    error::Result,
    facts::{
        ClusterFacts, Configured, IdentityKind, KmsProfile, NodePoolFacts, UserAssignedIdentity,
    },
    ids::{ClusterId, KubernetesVersion, NetworkMode},
    text::{LONGEST_NAME, one_line},
};

/// The facts, or the field that a managed cluster cannot lack.
pub(super) fn read_facts(id: &ClusterId, raw: &Value) -> Result<ClusterFacts, &'static str> {
    let properties = raw.get("properties").filter(|it| it.is_object()).ok_or("properties")?;
    let version = text(properties, "/currentKubernetesVersion")
        .or_else(|| text(properties, "/kubernetesVersion"))
        .and_then(|version| KubernetesVersion::parse(&version).ok())
        .ok_or("currentKubernetesVersion")?;
    Ok(ClusterFacts {
        id: id.clone(),
        location: text(raw, "/location").ok_or("location")?,
        kubernetes_version: version,
        provisioning_state: state(properties, "/provisioningState").ok_or("provisioningState")?,
        // Clusters that were never stopped may lack it.
        power_state: state(properties, "/powerState/code").unwrap_or_else(|| "Running".to_owned()),
        identity_kind: identity_kind(raw),
        identities: identities(raw),
        kms: kms_profile(properties),
        infrastructure_encryption: text(
            properties,
            "/securityProfile/kubernetesResourceObjectEncryptionProfile/infrastructureEncryption",
        )
        .is_some_and(|state| state.eq_ignore_ascii_case("Enabled")),
        vnet_integration: flag(properties, "/apiServerAccessProfile/enableVnetIntegration"),
        private_cluster: flag(properties, "/apiServerAccessProfile/enablePrivateCluster"),
        hosts: ["/fqdn", "/privateFQDN", "/azurePortalFQDN"]
            .into_iter()
            .filter_map(|pointer| text(properties, pointer))
            .collect(),
        node_resource_group: text(properties, "/nodeResourceGroup").ok_or("nodeResourceGroup")?,
        resource_uid: text(properties, "/resourceUID"),
        etag: text(raw, "/eTag"),
        node_pools: node_pools(properties),
        basic_load_balancer: text(properties, "/networkProfile/loadBalancerSku")
            .is_some_and(|sku| sku.eq_ignore_ascii_case("Basic")),
        tenant_id: text(raw, "/identity/tenantId"),
        system_principal_id: text(raw, "/identity/principalId"),
        entra: properties.get("aadProfile").is_some_and(Value::is_object),
    })
}

fn identity_kind(raw: &Value) -> IdentityKind {
    match text(raw, "/identity/type") {
        None => IdentityKind::None,
        Some(kind) if kind.eq_ignore_ascii_case("None") => IdentityKind::None,
        Some(kind) if kind.eq_ignore_ascii_case("UserAssigned") => IdentityKind::UserAssigned,
        Some(kind) if kind.eq_ignore_ascii_case("SystemAssigned") => IdentityKind::SystemAssigned,
        Some(kind) => IdentityKind::Other(kind),
    }
}

fn identities(raw: &Value) -> Vec<UserAssignedIdentity> {
    let identities = raw.pointer("/identity/userAssignedIdentities").and_then(Value::as_object);
    identities
        .into_iter()
        .flatten()
        .map(|(resource_id, identity)| UserAssignedIdentity {
            resource_id: resource_id.clone(),
            principal_id: text(identity, "/principalId"),
        })
        .collect()
}

/// Tools leave three shapes behind: no profile, `enabled: false` alone, and `enabled: false` with
/// everything that was configured.
fn kms_profile(properties: &Value) -> Option<KmsProfile> {
    let profile = properties
        .pointer("/securityProfile/azureKeyVaultKms")
        .filter(|profile| profile.is_object())?;
    let enabled = flag(profile, "/enabled");
    // Absent, Azure takes it for Public.
    let network_mode = match text(profile, "/keyVaultNetworkAccess") {
        Some(mode) => mode.parse().ok(),
        None => enabled.then_some(NetworkMode::Public),
    };
    Some(KmsProfile {
        enabled,
        key: text(profile, "/keyId").map(Configured::from),
        network_mode,
        vault: text(profile, "/keyVaultResourceId").map(Configured::from),
    })
}

fn node_pools(properties: &Value) -> Vec<NodePoolFacts> {
    let pools = properties.get("agentPoolProfiles").and_then(Value::as_array);
    pools
        .into_iter()
        .flatten()
        .map(|pool| NodePoolFacts {
            name: text(pool, "/name").unwrap_or_default(),
            // A pool that says nothing of a change is not being changed.
            provisioning_state: state(pool, "/provisioningState")
                .unwrap_or_else(|| "Succeeded".to_owned()),
            kubernetes_version: text(pool, "/currentOrchestratorVersion")
                .or_else(|| text(pool, "/orchestratorVersion"))
                .and_then(|version| version.parse().ok()),
            availability_set: text(pool, "/type")
                .is_some_and(|kind| kind.eq_ignore_ascii_case("AvailabilitySet")),
        })
        .collect()
}

/// A text that is there and not empty.
fn text(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer).and_then(Value::as_str).filter(|it| !it.is_empty()).map(str::to_owned)
}

/// A word of Azure that is shown, if anything of it can be.
fn state(value: &Value, pointer: &str) -> Option<String> {
    let state = one_line(&text(value, pointer)?, LONGEST_NAME);
    (!state.is_empty()).then_some(state)
}

fn flag(value: &Value, pointer: &str) -> bool {
    value.pointer(pointer).and_then(Value::as_bool).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        azure::{
            ManagedCluster,
            testing::{cluster_id, cluster_json},
        },
        error::ErrorKind,
    };

    fn facts_of(change: impl FnOnce(&mut Value)) -> ClusterFacts {
        let mut raw = cluster_json();
        change(&mut raw);
        ManagedCluster::parse(&cluster_id(), raw).unwrap().facts
    }

    #[test]
    fn a_whole_cluster_is_understood() {
        let facts = facts_of(|_| {});
        assert_eq!(facts.location, "westeurope");
        assert_eq!(facts.kubernetes_version.to_string(), "1.33.3");
        assert!(facts.is_succeeded());
        assert_eq!(facts.power_state, "Running");
        assert_eq!(facts.identity_kind, IdentityKind::UserAssigned);
        assert_eq!(facts.identities.len(), 1);
        assert!(facts.identities[0].resource_id.ends_with("/userAssignedIdentities/control"));
        assert_eq!(
            facts.identities[0].principal_id.as_deref(),
            Some("aaaaaaaa-0000-4000-8000-000000000001")
        );
        assert_eq!(facts.hosts, ["prod-1.hcp.westeurope.azmk8s.io", "portal.example"]);
        assert_eq!(facts.node_resource_group, "MC_shop_prod_westeurope");
        assert_eq!(facts.etag.as_deref(), Some("etag-1"));
        assert_eq!(facts.resource_uid.as_deref(), Some("uid-1"));
        assert_eq!(facts.node_pools[0].name, "system");
        assert!(facts.kms.is_none() && !facts.entra && !facts.vnet_integration);
    }

    #[test]
    fn all_shapes_of_the_kms_profile_are_read() {
        let profile = |profile: Value| {
            facts_of(|raw| {
                raw["properties"]["securityProfile"] = json!({"azureKeyVaultKms": profile});
            })
        };
        assert_eq!(facts_of(|raw| raw["properties"]["securityProfile"] = json!({})).kms, None);
        assert_eq!(profile(Value::Null).kms, None);
        let off = profile(json!({"enabled": false}));
        assert_eq!(off.kms, Some(KmsProfile::OFF));
        assert!(off.kms_on().is_none());
        let remembered = profile(json!({
            "enabled": false, "keyId": "k", "keyVaultNetworkAccess": "Public", "keyVaultResourceId": ""
        }));
        assert_eq!(
            remembered.kms,
            Some(KmsProfile {
                enabled: false,
                key: Some(Configured::Other("k".to_owned())),
                network_mode: Some(NetworkMode::Public),
                vault: None,
            })
        );
        assert!(remembered.kms_on().is_none());
        let on = profile(json!({
            "enabled": true, "keyId": "k", "keyVaultNetworkAccess": "private", "keyVaultResourceId": "v"
        }));
        let on = on.kms_on().unwrap();
        assert_eq!(on.network_mode, Some(NetworkMode::Private));
        for (mode, read) in [(Value::Null, Some(NetworkMode::Public)), (json!("Sideways"), None)] {
            let on = profile(json!({"enabled": true, "keyId": "k", "keyVaultNetworkAccess": mode}));
            assert_eq!(on.kms_on().unwrap().network_mode, read);
        }
        assert_eq!(on.vault, Some(Configured::Other("v".to_owned())));
    }

    #[test]
    fn all_shapes_of_the_identity_are_read() {
        for (identity, kind) in [
            (Value::Null, IdentityKind::None),
            (json!({"type": "None"}), IdentityKind::None),
            (json!({"type": "SystemAssigned", "principalId": "p"}), IdentityKind::SystemAssigned),
            (
                json!({"type": "userassigned", "userAssignedIdentities": {"i": {}}}),
                IdentityKind::UserAssigned,
            ),
            (
                json!({"type": "SystemAssigned, UserAssigned"}),
                IdentityKind::Other("SystemAssigned, UserAssigned".to_owned()),
            ),
        ] {
            let facts = facts_of(|raw| raw["identity"] = identity.clone());
            assert_eq!(facts.identity_kind, kind, "{identity}");
            assert!(facts.identities.iter().all(|identity| identity.principal_id.is_none()));
        }
    }

    #[test]
    fn other_experiences_and_access_profiles_are_seen() {
        let facts = facts_of(|raw| {
            raw["properties"]["securityProfile"] = json!({"kubernetesResourceObjectEncryptionProfile": {"infrastructureEncryption": "enabled"}});
            raw["properties"]["apiServerAccessProfile"] =
                json!({"enableVnetIntegration": true, "enablePrivateCluster": true});
            raw["properties"]["aadProfile"] = json!({"managed": true});
            raw["properties"]["powerState"] = json!({"code": "Stopped"});
        });
        assert!(facts.infrastructure_encryption && facts.vnet_integration && facts.private_cluster);
        assert!(facts.entra);
        assert_eq!(facts.power_state, "Stopped");
    }

    #[test]
    fn what_older_migrations_are_about_is_seen() {
        let facts = facts_of(|_| {});
        assert!(!facts.basic_load_balancer && !facts.node_pools[0].availability_set);
        let facts = facts_of(|raw| {
            raw["properties"]["networkProfile"] = json!({"loadBalancerSku": "basic"});
            raw["properties"]["agentPoolProfiles"] = json!([{"name": "old", "type": "AvailabilitySet"}, {"name": "new", "type": "VirtualMachineScaleSets"}]);
        });
        assert!(facts.basic_load_balancer);
        let sets: Vec<bool> = facts.node_pools.iter().map(|pool| pool.availability_set).collect();
        assert_eq!(sets, [true, false]);
    }

    #[test]
    fn the_version_asked_for_stands_in_for_a_missing_current_one() {
        let facts = facts_of(|raw| {
            let properties = raw["properties"].as_object_mut().unwrap();
            properties.remove("currentKubernetesVersion");
            properties.insert("kubernetesVersion".to_owned(), json!("1.33"));
            properties.remove("powerState");
            properties.remove("agentPoolProfiles");
        });
        assert_eq!(facts.kubernetes_version.to_string(), "1.33");
        assert_eq!(facts.power_state, "Running");
        assert!(facts.node_pools.is_empty());
    }

    #[test]
    fn a_field_that_cannot_be_missing_is_named() {
        for (pointer, field) in [
            ("/location", "location"),
            ("/properties", "properties"),
            ("/properties/provisioningState", "provisioningState"),
            ("/properties/currentKubernetesVersion", "currentKubernetesVersion"),
            ("/properties/nodeResourceGroup", "nodeResourceGroup"),
        ] {
            let mut raw = cluster_json();
            raw["properties"].as_object_mut().unwrap().remove("kubernetesVersion");
            *raw.pointer_mut(pointer).unwrap() = Value::Null;
            let error = ManagedCluster::parse(&cluster_id(), raw).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unexpected);
            assert!(error.to_string().contains(field), "{error}");
        }
    }
}
