//! A vault: its ARM document and its keys.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    Key, KeyVersion, Refusal, RotationPolicy,
    key::{KeyChange, Recovery, now},
    material::KeySpec,
};
use crate::{
    given::{Authorization, Given, KeyException, PrivateEndpoint},
    names::{ClusterNames, KEY, LOCATION, Names, stable_guid, vault_host},
};

const DAY: i64 = 24 * 3600;

/// A vault.
#[derive(Clone, Debug)]
pub(crate) struct Vault {
    pub(crate) name: String,
    /// The resource as ARM answers it; its access rules are read from here.
    pub(crate) document: Value,
    /// When it was deleted, in seconds since the epoch; such a vault can be recovered.
    pub(crate) deleted: Option<i64>,
    /// By name in lower case, deleted ones included.
    pub(crate) keys: BTreeMap<String, Key>,
}

impl Vault {
    /// The vault that a case starts with; `None`: there is none.
    pub(crate) fn from_given(
        given: &Given,
        (wanted, name): (&crate::given::Vault, &str),
        names: &Names,
        policy_principal: &str,
    ) -> Option<Self> {
        if !wanted.exists {
            return None;
        }
        let rbac = wanted.authorization == Authorization::Rbac;
        let policy = |principal: &str, keys: &[String]| {
            json!({
                "tenantId": names.tenant,
                "objectId": principal,
                "permissions": { "keys": keys, "secrets": [], "certificates": [] },
            })
        };
        let policies = if rbac || given.access.policy.is_empty() {
            json!([])
        } else {
            // Azure gives whoever makes a vault a policy too.
            json!([
                policy(&names.client_object, &["all".to_owned()]),
                policy(&names.user_object, &["all".to_owned()]),
                policy(policy_principal, &given.access.policy),
            ])
        };
        let tenant =
            if wanted.other_tenant { stable_guid("another tenant") } else { names.tenant.clone() };
        let mut properties = json!({
            "tenantId": tenant,
            "enableRbacAuthorization": rbac,
            "accessPolicies": policies,
            "publicNetworkAccess": public_access(wanted),
            "networkAcls": {
                "bypass": if wanted.trusted_services { "AzureServices" } else { "None" },
                "defaultAction": if wanted.firewall { "Deny" } else { "Allow" },
                "ipRules": [],
                "virtualNetworkRules": [],
            },
        });
        if wanted.purge_protection {
            // Azure never answers false here.
            properties["enablePurgeProtection"] = json!(true);
        }
        let mut vault = Self::new(names, name, &properties);
        vault.deleted = wanted.soft_deleted.then(now);
        if given.key.exists {
            vault.keys.insert(KEY.to_owned(), key(given));
        }
        for number in 1..=wanted.other_keys {
            let name = format!("other-{number}");
            vault.keys.insert(name.clone(), Key { name, deleted: None, ..key(given) });
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
        Self { name: name.to_owned(), document, deleted: None, keys: BTreeMap::new() }
    }

    /// Resource id.
    pub(crate) fn id(&self) -> &str {
        self.document["id"].as_str().unwrap_or_default()
    }

    /// Whether it is in this resource group.
    pub(crate) fn is_in(&self, group: &str) -> bool {
        self.id().split('/').nth(4).is_some_and(|own| own.eq_ignore_ascii_case(group))
    }

    /// The properties of the resource.
    pub(crate) fn properties(&self) -> &Value {
        &self.document["properties"]
    }

    /// Whether roles decide who may use its keys, not its own policies.
    pub(crate) fn uses_rbac(&self) -> bool {
        self.properties()["enableRbacAuthorization"] == true
    }

    /// How it keeps what was deleted from it.
    pub(crate) fn recovery(&self) -> Recovery {
        let properties = self.properties();
        Recovery {
            days: properties["softDeleteRetentionInDays"].as_i64().unwrap_or(90),
            purge_protection: properties["enablePurgeProtection"] == true,
        }
    }

    /// A key that is not deleted.
    pub(crate) fn key(&self, name: &str) -> Result<&Key, Refusal> {
        self.keys
            .get(&name.to_ascii_lowercase())
            .filter(|key| key.deleted.is_none())
            .ok_or_else(|| Refusal::key_not_found(name))
    }

    /// A key that is deleted and can be recovered.
    pub(crate) fn deleted_key(&self, name: &str) -> Result<&Key, Refusal> {
        self.keys
            .get(&name.to_ascii_lowercase())
            .filter(|key| key.deleted.is_some())
            .ok_or_else(|| Refusal::key_not_found(name))
    }

    /// Adds a version to a key, which is made when there is none.
    pub(crate) fn add_version(
        &mut self,
        name: &str,
        mut version: KeyVersion,
    ) -> Result<(), Refusal> {
        let new = || Key::new(name, Vec::new());
        let key = self.keys.entry(name.to_ascii_lowercase()).or_insert_with(new);
        if key.deleted.is_some() {
            return Err(Refusal::key_is_deleted(name));
        }
        // Versions made within one second are still told apart by age.
        let youngest = key.versions.last().map_or(i64::MIN, |youngest| youngest.created + 1);
        version.created = version.created.max(youngest);
        version.updated = version.created;
        key.versions.push(version);
        Ok(())
    }

    /// Changes attributes, operations and tags of a version of a key that is not deleted.
    pub(crate) fn update_version(
        &mut self,
        name: &str,
        version: Option<&str>,
        change: &Value,
    ) -> Result<(), Refusal> {
        let version = self.key(name)?.version(version)?;
        let (spec, id) = (version.spec, version.version.clone());
        let change = KeyChange::parse(change, spec).map_err(Refusal::bad_property)?;
        self.keys
            .get_mut(&name.to_ascii_lowercase())
            .into_iter()
            .flat_map(|key| &mut key.versions)
            .find(|candidate| candidate.version == id)
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

    fn has_connection_from(&self, endpoint: &str) -> bool {
        self.properties()["privateEndpointConnections"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|connection| connection["properties"]["privateEndpoint"]["id"] == endpoint)
    }

    /// Adds a private endpoint connection from a cluster's node resource group, as AKS does, which
    /// also approves it, unless the case says otherwise.
    pub(crate) fn connect_privately(&mut self, cluster: &ClusterNames, made: PrivateEndpoint) {
        let endpoint = cluster.private_endpoint_id();
        if self.has_connection_from(&endpoint) {
            return;
        }
        let name = endpoint.rsplit('/').next().unwrap_or_default();
        let connection = json!({
            "id": format!("{}/privateEndpointConnections/{name}", self.id()),
            "properties": {
                "provisioningState": "Succeeded",
                "privateEndpoint": { "id": endpoint },
                "privateLinkServiceConnectionState": {
                    "status": if made == PrivateEndpoint::Pending { "Pending" } else { "Approved" },
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
    let now = now();
    let wanted = &given.key;
    let spec = KeySpec::parse(&wanted.kind, Some(wanted.size.into()), None);
    let versions = (0..wanted.versions).rev().filter_map(|age| {
        let created = now - (i64::try_from(age).unwrap_or_default() + 1) * DAY;
        let mut version = KeyVersion::new(spec.ok()?, created);
        version.operations.clone_from(&wanted.operations);
        version.enabled = wanted.enabled;
        version.expires = wanted.expires_in_days.map(|days| in_days(now, days));
        version.not_before = wanted.not_before_in_days.map(|days| now + days * DAY);
        let number = wanted.versions - age;
        for exception in wanted.exceptions.iter().filter(|it| it.version == number) {
            except(&mut version, exception, now);
        }
        Some(version)
    });
    let mut key = Key::new(KEY, versions.collect());
    key.deleted = wanted.soft_deleted.then_some(now);
    if let Some(days) = wanted.rotation_expiry_days {
        key.rotation_policy = RotationPolicy::with_expiry(days);
    }
    key
}

fn public_access(wanted: &crate::given::Vault) -> &'static str {
    match (wanted.perimeter, wanted.public_access) {
        (true, _) => "SecuredByPerimeter",
        (false, true) => "Enabled",
        (false, false) => "Disabled",
    }
}

/// So many days from now, less a second: clients see less than these days also where their clock or ours is still at
/// this second.
fn in_days(now: i64, days: i64) -> i64 {
    now + days * DAY - 1
}

/// Makes a version differ from the others.
fn except(version: &mut KeyVersion, exception: &KeyException, now: i64) {
    version.enabled = exception.enabled.unwrap_or(version.enabled);
    if let Some(days) = exception.expires_in_days {
        version.expires = Some(in_days(now, days));
    }
    if let Some(days) = exception.not_before_in_days {
        version.not_before = Some(now + days * DAY);
    }
    if let Some(operations) = &exception.operations {
        version.operations.clone_from(operations);
    }
}
