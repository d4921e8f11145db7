//! A vault: its ARM document and its keys.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Key, KeyVersion, access::Refusal};
use crate::{
    given::{Authorization, Given},
    names::{ClusterNames, KEY, LOCATION, Names, stable_guid, vault_host},
};

const DAY: i64 = 24 * 3600;

/// A vault.
#[derive(Clone, Debug)]
pub(crate) struct Vault {
    pub(crate) name: String,
    /// The resource as ARM answers it; its access rules are read from here.
    pub(crate) document: Value,
    pub(crate) soft_deleted: bool,
    pub(crate) keys: BTreeMap<String, Key>,
}

impl Vault {
    /// The vault that a case starts with; `None`: there is none.
    pub(crate) fn from_given(given: &Given, names: &Names, policy_principal: &str) -> Option<Self> {
        let wanted = &given.vault;
        if !wanted.exists {
            return None;
        }
        let rbac = wanted.authorization == Authorization::Rbac;
        let policies = if rbac || given.access.policy.is_empty() {
            json!([])
        } else {
            json!([{
                "tenantId": names.tenant,
                "objectId": policy_principal,
                "permissions": { "keys": given.access.policy, "secrets": [], "certificates": [] },
            }])
        };
        let tenant =
            if wanted.other_tenant { stable_guid("another tenant") } else { names.tenant.clone() };
        let mut properties = json!({
            "tenantId": tenant,
            "enableRbacAuthorization": rbac,
            "accessPolicies": policies,
            "publicNetworkAccess": if wanted.public_access { "Enabled" } else { "Disabled" },
            "networkAcls": {
                "bypass": "AzureServices",
                "defaultAction": if wanted.firewall { "Deny" } else { "Allow" },
                "ipRules": [],
                "virtualNetworkRules": [],
            },
        });
        if wanted.purge_protection {
            // Azure never answers false here.
            properties["enablePurgeProtection"] = json!(true);
        }
        let mut vault = Self::new(names, &names.vault, &properties);
        vault.soft_deleted = wanted.soft_deleted;
        if given.key.exists {
            vault.keys.insert(KEY.to_owned(), key(given));
        }
        Some(vault)
    }

    /// A vault with these properties and Azure's defaults for the others.
    pub(crate) fn new(names: &Names, name: &str, wanted: &Value) -> Self {
        let mut properties = json!({
            "sku": { "family": "A", "name": "standard" },
            "tenantId": names.tenant,
            "accessPolicies": [],
            "enabledForDeployment": false,
            "enableRbacAuthorization": true,
            "enableSoftDelete": true,
            "softDeleteRetentionInDays": 90,
            "networkAcls": {
                "bypass": "AzureServices",
                "defaultAction": "Allow",
                "ipRules": [],
                "virtualNetworkRules": [],
            },
            "publicNetworkAccess": "Enabled",
            "privateEndpointConnections": [],
        });
        if let (Some(properties), Some(wanted)) = (properties.as_object_mut(), wanted.as_object()) {
            properties.extend(wanted.clone());
        }
        properties["vaultUri"] = json!(format!("https://{}/", vault_host(name)));
        properties["provisioningState"] = json!("Succeeded");
        let document = json!({
            "id": names.vault_id(name),
            "name": name,
            "type": "Microsoft.KeyVault/vaults",
            "location": LOCATION,
            "tags": {},
            "properties": properties,
        });
        Self { name: name.to_owned(), document, soft_deleted: false, keys: BTreeMap::new() }
    }

    /// Resource id.
    pub(crate) fn id(&self) -> &str {
        self.document["id"].as_str().unwrap_or_default()
    }

    /// The properties of the resource.
    pub(crate) fn properties(&self) -> &Value {
        &self.document["properties"]
    }

    /// Whether purged keys are safe from being purged early.
    pub(crate) fn purge_protection(&self) -> bool {
        self.properties()["enablePurgeProtection"] == true
    }

    /// A key that is not deleted.
    pub(crate) fn key(&self, name: &str) -> Option<&Key> {
        let (_, key) = self.keys.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        (!key.soft_deleted).then_some(key)
    }

    /// A version of a key that is not deleted.
    pub(crate) fn version(&self, name: &str, version: &str) -> Result<&KeyVersion, Refusal> {
        self.key(name)
            .and_then(|key| key.versions.iter().find(|candidate| candidate.version == version))
            .ok_or_else(|| Refusal::key_not_found(name))
    }

    /// Changes attributes, operations and tags of a version.
    pub(crate) fn update_version(
        &mut self,
        name: &str,
        version: &str,
        change: &Value,
    ) -> Result<(), Refusal> {
        self.keys
            .iter_mut()
            .filter(|(key, state)| key.eq_ignore_ascii_case(name) && !state.soft_deleted)
            .flat_map(|(_, key)| &mut key.versions)
            .find(|candidate| candidate.version == version)
            .map(|version| version.update(change))
            .ok_or_else(|| Refusal::key_not_found(name))
    }

    /// Whether an approved private endpoint connection leads here from the node resource group.
    pub(crate) fn has_private_connection(&self, node_group: &str) -> bool {
        let prefix = format!("/resourcegroups/{}/", node_group.to_ascii_lowercase());
        self.properties()["privateEndpointConnections"].as_array().into_iter().flatten().any(
            |connection| {
                let properties = &connection["properties"];
                let endpoint = properties["privateEndpoint"]["id"].as_str().unwrap_or_default();
                properties["privateLinkServiceConnectionState"]["status"] == "Approved"
                    && endpoint.to_ascii_lowercase().contains(&prefix)
            },
        )
    }

    /// Adds an approved private endpoint connection from a cluster's node resource group, as AKS
    /// does.
    pub(crate) fn connect_privately(&mut self, cluster: &ClusterNames) {
        if self.has_private_connection(&cluster.node_group) {
            return;
        }
        let endpoint = cluster.private_endpoint_id();
        let name = endpoint.rsplit('/').next().unwrap_or_default();
        let connection = json!({
            "id": format!("{}/privateEndpointConnections/{name}", self.id()),
            "properties": {
                "provisioningState": "Succeeded",
                "privateEndpoint": { "id": endpoint },
                "privateLinkServiceConnectionState": {
                    "status": "Approved",
                    "description": "",
                    "actionsRequired": "None",
                },
            },
        });
        if let Some(Value::Array(connections)) =
            self.document.pointer_mut("/properties/privateEndpointConnections")
        {
            connections.push(connection);
        }
    }

    /// Removes the connection that `connect_privately` made.
    pub(crate) fn disconnect(&mut self, cluster: &ClusterNames) {
        let endpoint = cluster.private_endpoint_id();
        if let Some(Value::Array(connections)) =
            self.document.pointer_mut("/properties/privateEndpointConnections")
        {
            connections.retain(|connection| {
                connection["properties"]["privateEndpoint"]["id"] != endpoint.as_str()
            });
        }
    }
}

/// The case's key; each version is a day younger than the one before.
fn key(given: &Given) -> Key {
    let now = super::key::now();
    let wanted = &given.key;
    let versions = (0..wanted.versions)
        .rev()
        .map(|age| {
            let created = now - (i64::try_from(age).unwrap_or_default() + 1) * DAY;
            let operations = wanted.operations.clone();
            let mut version = KeyVersion::new(&wanted.kind, wanted.size, operations, created);
            version.enabled = wanted.enabled;
            version.expires = wanted.expires_in_days.map(|days| now + days * DAY);
            version.not_before = wanted.not_before_in_days.map(|days| now + days * DAY);
            version
        })
        .collect();
    Key { soft_deleted: wanted.soft_deleted, versions }
}
