//! PUT of a cluster that exists: replaces the resource but for what is not the client's to say.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    Cluster, ManagedCluster, agent_pools, data_encryption,
    defaults::complete_pool,
    kms,
    operation::{self, Operation, Work},
    unsaid,
    version::Version,
};
use crate::{given::OperationFault, http::Answer, names::ClusterNames, world::World};

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
pub(super) const POOL_READ_ONLY: [&str; 4] =
    ["provisioningState", "currentOrchestratorVersion", "nodeImageVersion", "eTag"];

const ETAG_MISMATCH: &str = "EtagMismatch";
const ETAG_MESSAGE: &str =
    "The etag in the request does not match the current etag of the resource.";

/// Preconditions of a write.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Preconditions<'a> {
    pub(crate) if_match: Option<&'a str>,
    pub(crate) if_none_match: Option<&'a str>,
}

/// Accepts a PUT of a cluster that exists and starts its operation. `carries_profile`: whether its
/// api-version knows the profile of KMS data encryption.
pub(crate) fn put(
    world: &Arc<World>,
    cluster: &Arc<Cluster>,
    body: Value,
    preconditions: Preconditions<'_>,
    carries_profile: bool,
) -> Result<(Value, Operation), Answer> {
    let document = accept(world, cluster, body, preconditions, carries_profile)?;
    Ok((document, operation::start(world, cluster, Work::Reconcile)))
}

/// As [`put`], for members of `securityProfile` that somebody asks for besides; null takes one away. What goes
/// wrong with the case's operations is not for this one, which ends as `ends` says.
pub(crate) fn ask_for_security(
    world: &Arc<World>,
    cluster: &Arc<Cluster>,
    members: &serde_json::Map<String, Value>,
    etag: Option<&str>,
    ends: Option<OperationFault>,
) -> Result<(), Answer> {
    let mut body = cluster.document();
    let security = &mut body["properties"]["securityProfile"];
    for (name, member) in members {
        security[name] = member.clone();
    }
    if let Some(security) = security.as_object_mut() {
        security.retain(|_, member| !member.is_null());
    }
    let preconditions = Preconditions { if_match: etag, if_none_match: None };
    accept(world, cluster, body, preconditions, true)?;
    operation::start_that_ends(world, cluster, Work::Reconcile, ends);
    Ok(())
}

/// The document from now on, as the answer has it.
fn accept(
    world: &Arc<World>,
    cluster: &Arc<Cluster>,
    body: Value,
    preconditions: Preconditions<'_>,
    carries_profile: bool,
) -> Result<Value, Answer> {
    let mut state = cluster.state();
    check_idle(&state).map_err(|busy| stale(&state, preconditions).unwrap_or(busy))?;
    check_preconditions(&state, preconditions)?;
    let mut wanted = wanted(world, cluster, &state.document, body)?;
    let rule = world.given.data_encryption.without_profile;
    let silent = unsaid::complete(&mut wanted, &state.document, carries_profile, rule)?;
    let upgrades = check_versions(&state, &wanted)?;
    data_encryption::check(&state.document, &wanted, silent, &state.rolled_out)
        .map_err(|message| Answer::flat_error(400, "BadRequest", message))?;
    state.document = wanted;
    state.document["properties"]["provisioningState"] =
        json!(if upgrades { "Upgrading" } else { "Updating" });
    Ok(state.accept())
}

pub(super) fn check_preconditions(
    state: &ManagedCluster,
    preconditions: Preconditions<'_>,
) -> Result<(), Answer> {
    check_etag(Some(&state.document), preconditions)
}

/// Checks the preconditions of a write to something that has an eTag, or does not exist.
pub(super) fn check_etag(
    resource: Option<&Value>,
    preconditions: Preconditions<'_>,
) -> Result<(), Answer> {
    let etag = resource.map(|resource| resource["eTag"].as_str().unwrap_or_default());
    let fits =
        |wanted: &str| etag.is_some_and(|etag| wanted == "*" || wanted.trim_matches('"') == etag);
    if preconditions.if_match.is_some_and(|wanted| !fits(wanted))
        || preconditions.if_none_match.is_some_and(fits)
    {
        return Err(Answer::flat_error(412, ETAG_MISMATCH, ETAG_MESSAGE));
    }
    Ok(())
}

/// What a PUT with an eTag that does not fit meets while an operation goes on: 409, as it does without one.
fn stale(state: &ManagedCluster, preconditions: Preconditions<'_>) -> Option<Answer> {
    let fits = !state.is_busy() || check_preconditions(state, preconditions).is_ok();
    (!fits).then(|| Answer::flat_error(409, ETAG_MISMATCH, ETAG_MESSAGE))
}

/// Refuses a write while something else goes on, or the cluster is stopped.
pub(super) fn check_idle(state: &ManagedCluster) -> Result<(), Answer> {
    let refuse = |message: &str| Err(Answer::flat_error(409, "OperationNotAllowed", message));
    if state.is_stopped() {
        return refuse("Operation is not allowed because the managed cluster is stopped.");
    }
    let is_idle = |state: &str| matches!(state, "Succeeded" | "Failed" | "Canceled");
    let cluster = state.property("provisioningState");
    if !is_idle(cluster) {
        return refuse(&format!(
            "Operation is not allowed: Another operation ({cluster}) is in progress, please wait for \
             it to finish before starting a new operation."
        ));
    }
    let busy = state.pools().find(|pool| !pool["provisioningState"].as_str().is_some_and(is_idle));
    if let Some(pool) = busy {
        return refuse(&format!(
            "Operation is not allowed: Another operation ({}) is in progress on agent pool {}, please \
             wait for it to finish before starting a new operation.",
            pool["provisioningState"].as_str().unwrap_or_default(),
            pool["name"].as_str().unwrap_or_default(),
        ));
    }
    Ok(())
}

/// The document that the request asks for.
fn wanted(
    world: &World,
    cluster: &Cluster,
    stored: &Value,
    mut body: Value,
) -> Result<Value, Answer> {
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
        let message = "The properties of the managed cluster are required.";
        return Err(Answer::flat_error(400, "InvalidParameter", message));
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
    complete_agent_pools(stored, &mut body)?;
    kms::normalise(&mut body);
    if body["identity"]["type"].is_string() {
        identity(world, &cluster.names, &mut body)?;
    } else if let Some(body) = body.as_object_mut() {
        // It is kept when a client leaves it out whole.
        restore(body, stored, "identity");
    }
    Ok(body)
}

/// Puts back what the service says, absence included.
fn restore(target: &mut serde_json::Map<String, Value>, stored: &Value, name: &str) {
    match stored.get(name) {
        Some(value) => target.insert(name.to_owned(), value.clone()),
        None => target.remove(name),
    };
}

fn complete_agent_pools(stored: &Value, body: &mut Value) -> Result<(), Answer> {
    let control_plane = Version::wanted(text(&body["properties"]["kubernetesVersion"]));
    if let Some(version) = control_plane {
        body["properties"]["kubernetesVersion"] = json!(version.to_string());
    }
    let current = text(&stored["properties"]["currentKubernetesVersion"]);
    let stored = stored["properties"]["agentPoolProfiles"].as_array();
    let sent = body["properties"]["agentPoolProfiles"].as_array_mut();
    let Some(sent) = sent.filter(|pools| !pools.is_empty()) else {
        let message = "The managed cluster must have at least one agent pool.";
        return Err(Answer::flat_error(400, "InvalidParameter", message));
    };
    for pool in sent {
        let Some(members) = pool.as_object_mut().filter(|pool| {
            pool.get("name").and_then(Value::as_str).is_some_and(agent_pools::is_name)
        }) else {
            let message = "Every agent pool must have a valid name.";
            return Err(Answer::flat_error(400, "InvalidParameter", message));
        };
        let name = members["name"].clone();
        let Some(before) = stored.into_iter().flatten().find(|before| before["name"] == name)
        else {
            complete_pool(pool, current);
            pool["provisioningState"] = json!("Creating");
            continue;
        };
        for name in POOL_READ_ONLY {
            restore(members, before, name);
        }
        // A pool that is not said to be stopped runs.
        if members.get("powerState").is_none_or(Value::is_null) {
            members.insert("powerState".to_owned(), json!({ "code": "Running" }));
        }
        if members.get("orchestratorVersion").is_none_or(Value::is_null) {
            restore(members, before, "orchestratorVersion");
        }
        if let Some(version) = Version::wanted(text(&pool["orchestratorVersion"])) {
            pool["orchestratorVersion"] = json!(version.to_string());
        }
    }
    Ok(())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Fills in what clients leave out of an identity.
pub(super) fn identity(
    world: &World,
    names: &ClusterNames,
    body: &mut Value,
) -> Result<(), Answer> {
    match text(&body["identity"]["type"]).to_ascii_lowercase().as_str() {
        "userassigned" => {
            let sent = body["identity"]["userAssignedIdentities"].as_object();
            let Some(id) = sent.and_then(|identities| identities.keys().next()).cloned() else {
                let message = "A cluster with a user-assigned identity must name it.";
                return Err(Answer::flat_error(400, "BadRequest", message));
            };
            let Some(identity) = world.identity(&id) else {
                let message = format!("The user-assigned identity '{id}' was not found.");
                return Err(Answer::flat_error(400, "BadRequest", &message));
            };
            body["identity"] = json!({
                "type": "UserAssigned",
                "userAssignedIdentities": {
                    id: { "principalId": identity.principal, "clientId": identity.client },
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
        "none" | "" => {
            if let Some(body) = body.as_object_mut() {
                body.remove("identity");
            }
        }
        _ => {
            let message = "The value of identity.type is invalid.";
            return Err(Answer::flat_error(400, "InvalidParameter", message));
        }
    }
    Ok(())
}

/// Whether the PUT upgrades something; a version that is not offered is refused.
fn check_versions(state: &ManagedCluster, wanted: &Value) -> Result<bool, Answer> {
    let refuse = |code: &str, message: &str| Err(Answer::flat_error(400, code, message));
    let properties = &wanted["properties"];
    let Some(control_plane) = properties["kubernetesVersion"].as_str().and_then(Version::parse)
    else {
        return refuse("K8sVersionNotSupported", "The Kubernetes version is malformed.");
    };
    let current = Version::parse(state.property("currentKubernetesVersion"));
    let upgrades = current.is_some_and(|current| current != control_plane);
    if upgrades && !current.is_some_and(|current| state.upgrades(current).contains(&control_plane))
    {
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
