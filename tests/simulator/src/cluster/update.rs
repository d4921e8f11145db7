//! PUT of a cluster: replaces the resource but for what is not the client's to say.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    ManagedCluster, kms,
    operation::{self, Operation},
    version::Version,
};
use crate::{http::Answer, names::Names, roles::lies_in, world::World};

/// Properties that only the service sets.
const READ_ONLY: [&str; 8] = [
    "provisioningState",
    "powerState",
    "currentKubernetesVersion",
    "maxAgentPools",
    "fqdn",
    "azurePortalFQDN",
    "privateFQDN",
    "resourceUID",
];
/// Properties that the service keeps when a client leaves them out.
const KEPT: [&str; 8] = [
    "kubernetesVersion",
    "dnsPrefix",
    "nodeResourceGroup",
    "identityProfile",
    "servicePrincipalProfile",
    "networkProfile",
    "linuxProfile",
    "enableRBAC",
];
/// Properties that can't be changed.
const IMMUTABLE: [&str; 2] = ["dnsPrefix", "nodeResourceGroup"];
/// What only the service sets in an agent pool.
const POOL_READ_ONLY: [&str; 5] =
    ["provisioningState", "powerState", "currentOrchestratorVersion", "nodeImageVersion", "eTag"];

/// Preconditions of a write.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Preconditions<'a> {
    pub(crate) if_match: Option<&'a str>,
    pub(crate) if_none_match: Option<&'a str>,
}

/// Accepts a PUT and starts its operation.
pub(crate) fn put(
    world: &Arc<World>,
    body: Value,
    preconditions: Preconditions<'_>,
) -> Result<(Value, Operation), Answer> {
    let document = {
        let mut cluster = world.cluster();
        check_preconditions(&cluster, preconditions)?;
        check_idle(&cluster)?;
        let wanted = wanted(&cluster, &world.names, body)?;
        let upgrades = check_versions(&cluster, &wanted)?;
        kms::check(&cluster.document, &wanted, &cluster.rolled_out)
            .map_err(|message| Answer::flat_error(400, "BadRequest", message))?;
        cluster.document = wanted;
        cluster.document["properties"]["provisioningState"] =
            json!(if upgrades { "Upgrading" } else { "Updating" });
        cluster.touch();
        cluster.document.clone()
    };
    Ok((document, operation::start(world)))
}

fn check_preconditions(
    cluster: &ManagedCluster,
    preconditions: Preconditions<'_>,
) -> Result<(), Answer> {
    let etag = cluster.document["eTag"].as_str().unwrap_or_default();
    let fits = |wanted: &str| wanted == "*" || wanted.trim_matches('"') == etag;
    if preconditions.if_match.is_some_and(|wanted| !fits(wanted))
        || preconditions.if_none_match.is_some_and(fits)
    {
        return Err(Answer::flat_error(
            412,
            "EtagMismatch",
            "The etag in the request does not match the current etag of the resource.",
        ));
    }
    Ok(())
}

fn check_idle(cluster: &ManagedCluster) -> Result<(), Answer> {
    let state = cluster.property("provisioningState");
    let stopped = cluster.document["properties"]["powerState"]["code"] == "Stopped";
    if stopped {
        let message = "Operation is not allowed because the managed cluster is stopped.";
        return Err(Answer::flat_error(409, "OperationNotAllowed", message));
    }
    if !matches!(state, "Succeeded" | "Failed" | "Canceled") {
        let message = format!(
            "Operation is not allowed because there's an in progress {state} managed cluster \
             operation. Please wait for it to finish before starting a new operation."
        );
        return Err(Answer::flat_error(409, "OperationNotAllowed", &message));
    }
    Ok(())
}

/// The document that the request asks for.
fn wanted(cluster: &ManagedCluster, names: &Names, mut body: Value) -> Result<Value, Answer> {
    let stored = &cluster.document;
    if !body["location"].is_string() {
        return Err(Answer::error(
            400,
            "LocationRequired",
            "The location property is required for this definition.",
        ));
    }
    for name in ["id", "name", "type", "eTag", "location", "sku", "kind"] {
        body[name] = stored[name].clone();
    }
    if !body["properties"].is_object() {
        body["properties"] = json!({});
    }
    for name in IMMUTABLE {
        let (sent, stored) = (&body["properties"][name], &stored["properties"][name]);
        if !sent.is_null() && sent != stored {
            let message = format!("Changing property 'properties.{name}' is not allowed.");
            return Err(Answer::flat_error(400, "PropertyChangeNotAllowed", &message));
        }
    }
    if let Some(properties) = body["properties"].as_object_mut() {
        let stored = &stored["properties"];
        for name in READ_ONLY {
            restore(properties, stored, name);
        }
        for name in KEPT {
            if properties.get(name).is_none_or(Value::is_null) {
                restore(properties, stored, name);
            }
        }
    }
    agent_pools(stored, &mut body)?;
    identity(stored, names, &mut body)?;
    Ok(body)
}

/// Puts back what the service says, absence included.
fn restore(target: &mut serde_json::Map<String, Value>, stored: &Value, name: &str) {
    match stored.get(name) {
        Some(value) => target.insert(name.to_owned(), value.clone()),
        None => target.remove(name),
    };
}

fn agent_pools(stored: &Value, body: &mut Value) -> Result<(), Answer> {
    let stored = stored["properties"]["agentPoolProfiles"].as_array();
    let sent = body["properties"]["agentPoolProfiles"].as_array_mut();
    let Some(sent) = sent.filter(|pools| !pools.is_empty()) else {
        let message = "The managed cluster must have at least one agent pool.";
        return Err(Answer::flat_error(400, "InvalidParameter", message));
    };
    for pool in sent {
        let before = stored.into_iter().flatten().find(|before| before["name"] == pool["name"]);
        let Some((before, pool)) = before.zip(pool.as_object_mut()) else {
            let message = "The simulator adds no agent pools.";
            return Err(Answer::flat_error(400, "InvalidParameter", message));
        };
        for name in POOL_READ_ONLY {
            restore(pool, before, name);
        }
        if pool.get("orchestratorVersion").is_none_or(Value::is_null) {
            restore(pool, before, "orchestratorVersion");
        }
    }
    Ok(())
}

/// Fills in what clients leave out of an identity, and keeps it when they leave it out whole.
fn identity(stored: &Value, names: &Names, body: &mut Value) -> Result<(), Answer> {
    let kind = body["identity"]["type"].as_str().unwrap_or_default().to_ascii_lowercase();
    match kind.as_str() {
        "userassigned" => {
            let sent = body["identity"]["userAssignedIdentities"].as_object();
            let id = sent.and_then(|identities| identities.keys().next());
            let known = names.identity_id();
            // A resource id that lies in another and the other way round is the same.
            let Some(id) = id.filter(|id| lies_in(id, &known) && lies_in(&known, id)) else {
                let message = "The user-assigned identity was not found.";
                return Err(Answer::flat_error(400, "BadRequest", message));
            };
            body["identity"] = json!({
                "type": "UserAssigned",
                "userAssignedIdentities": {
                    id: {
                        "principalId": names.identity_principal,
                        "clientId": crate::names::stable_guid(&names.identity_principal),
                    },
                },
            });
        }
        "systemassigned" => {
            body["identity"] = json!({
                "type": "SystemAssigned",
                "principalId": names.own_principal,
                "tenantId": names.tenant,
            });
        }
        _ => {
            if let Some(body) = body.as_object_mut() {
                restore(body, stored, "identity");
            }
        }
    }
    Ok(())
}

/// Whether the PUT upgrades something; a version that is not offered is refused.
fn check_versions(cluster: &ManagedCluster, wanted: &Value) -> Result<bool, Answer> {
    let refuse = |code: &str, message: &str| Err(Answer::flat_error(400, code, message));
    let properties = &wanted["properties"];
    let Some(control_plane) = properties["kubernetesVersion"].as_str().and_then(Version::parse)
    else {
        return refuse("K8sVersionNotSupported", "The Kubernetes version is malformed.");
    };
    let current = Version::parse(cluster.property("currentKubernetesVersion"));
    let upgrades = current.is_some_and(|current| current != control_plane);
    if upgrades && !current.is_some_and(|current| current.upgrades().contains(&control_plane)) {
        let message = format!("Version {control_plane} is not offered as an upgrade.");
        return refuse("K8sVersionNotSupported", &message);
    }
    let mut pools_upgrade = false;
    for pool in properties["agentPoolProfiles"].as_array().into_iter().flatten() {
        pools_upgrade |= pool["orchestratorVersion"] != pool["currentOrchestratorVersion"];
        let version = pool["orchestratorVersion"].as_str().and_then(Version::parse);
        if version.is_none_or(|version| version > control_plane) {
            let message = "An agent pool can't be of a later version than the control plane.";
            return refuse("NodePoolMcVersionIncompatible", message);
        }
    }
    Ok(upgrades || pools_upgrade)
}
