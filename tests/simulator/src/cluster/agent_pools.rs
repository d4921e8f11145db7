//! Agent pools as resources of their own. What happens to one changes its eTag, not the cluster's.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{
    Cluster, ManagedCluster,
    defaults::complete_pool,
    document::new_etag,
    operation::{self, Operation, Work},
    reconcile::upgrade_node_pool,
    update::{POOL_READ_ONLY, Preconditions, check_etag, check_idle},
    version::Version,
};
use crate::{http::Answer, world::World};

/// The most nodes that a pool may have.
const MOST_NODES: u64 = 1000;

/// Accepts a PUT of an agent pool: its part of the document, the operation, and whether it is new.
pub(crate) fn put(
    world: &Arc<World>,
    cluster: &Arc<Cluster>,
    name: &str,
    body: &Value,
    preconditions: Preconditions<'_>,
) -> Result<(Value, Operation, bool), Answer> {
    let sent = body["properties"].as_object().cloned().unwrap_or_default();
    let (pool, is_new) = {
        let mut state = cluster.state();
        let before = state.agent_pool(name).cloned();
        check_idle(&state)?;
        check_etag(before.as_ref(), preconditions)?;
        let control_plane = state.property("currentKubernetesVersion").to_owned();
        let pool = match &before {
            Some(before) => changed(before, &sent),
            None => new(name, sent, &control_plane)?,
        };
        check(&pool, &control_plane)?;
        store(&mut state, &pool);
        (pool, before.is_none())
    };
    let operation = operation::start(world, cluster, Work::AgentPool(name.to_owned()));
    Ok((pool, operation, is_new))
}

/// Deletes an agent pool.
pub(crate) fn delete(
    world: &Arc<World>,
    cluster: &Arc<Cluster>,
    name: &str,
    preconditions: Preconditions<'_>,
) -> Result<Option<Operation>, Answer> {
    {
        let mut state = cluster.state();
        let Some(pool) = state.agent_pool(name).cloned() else {
            return Ok(None);
        };
        check_etag(Some(&pool), preconditions)?;
        check_idle(&state)?;
        let systems = state.pools().filter(|pool| pool["mode"] == "System").count();
        if pool["mode"] == "System" && systems == 1 {
            let message = "There has to be at least one system agent pool.";
            return Err(Answer::flat_error(400, "BadRequest", message));
        }
        if let Some(pool) = state.agent_pool(name) {
            pool["provisioningState"] = json!("Deleting");
            pool["eTag"] = new_etag();
        }
    }
    Ok(Some(operation::start(world, cluster, Work::DeleteAgentPool(name.to_owned()))))
}

fn new(name: &str, sent: Map<String, Value>, control_plane: &str) -> Result<Value, Answer> {
    if !is_name(name) {
        let message = format!(
            "The agent pool name '{name}' is invalid: it must start with a lower-case letter and \
             have up to 12 lower-case letters and digits."
        );
        return Err(Answer::flat_error(400, "InvalidParameter", &message));
    }
    let mut pool = Value::Object(sent);
    pool["name"] = json!(name);
    complete_pool(&mut pool, control_plane);
    pool["provisioningState"] = json!("Creating");
    Ok(pool)
}

/// Whether an agent pool may have this name.
pub(super) fn is_name(name: &str) -> bool {
    (1..=12).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(|one| one.is_ascii_lowercase() || one.is_ascii_digit())
}

/// What is sent, over what there is.
fn changed(before: &Value, sent: &Map<String, Value>) -> Value {
    let mut pool = before.clone();
    for (name, value) in sent {
        if !POOL_READ_ONLY.contains(&name.as_str()) && name != "name" && !value.is_null() {
            pool[name] = value.clone();
        }
    }
    if let Some(version) = pool["orchestratorVersion"].as_str().and_then(Version::wanted) {
        pool["orchestratorVersion"] = json!(version.to_string());
    }
    let state = if pool["orchestratorVersion"] != pool["currentOrchestratorVersion"] {
        "Upgrading"
    } else if pool["count"] != before["count"] {
        "Scaling"
    } else {
        "Updating"
    };
    pool["provisioningState"] = json!(state);
    pool["eTag"] = new_etag();
    pool
}

fn check(pool: &Value, control_plane: &str) -> Result<(), Answer> {
    let refuse = |code: &str, message: &str| Err(Answer::flat_error(400, code, message));
    let least = u64::from(pool["mode"] == "System");
    let count = pool["count"].as_u64();
    if count.is_none_or(|count| !(least..=MOST_NODES).contains(&count)) {
        return refuse("InvalidParameter", "The value of agentPoolProfile.count is invalid.");
    }
    let version = |name: &str| pool[name].as_str().and_then(Version::parse);
    let control_plane = Version::parse(control_plane);
    match (version("orchestratorVersion"), version("currentOrchestratorVersion")) {
        (Some(wanted), Some(current)) if wanted < current => {
            refuse("K8sVersionNotSupported", "An agent pool can't be downgraded.")
        }
        (Some(wanted), _) if control_plane.is_some_and(|control_plane| wanted > control_plane) => {
            let message = "An agent pool can't be of a later version than the control plane.";
            refuse("NodePoolMcVersionIncompatible", message)
        }
        (Some(_), _) => Ok(()),
        (None, _) => refuse("K8sVersionNotSupported", "The Kubernetes version is malformed."),
    }
}

fn store(state: &mut ManagedCluster, pool: &Value) {
    let name = pool["name"].as_str().unwrap_or_default();
    match state.agent_pool(name) {
        Some(present) => *present = pool.clone(),
        None => state.agent_pools().push(pool.clone()),
    }
}

pub(super) fn reconcile(cluster: &Cluster, name: &str) {
    if let Some(pool) = cluster.state().agent_pool(name) {
        upgrade_node_pool(pool);
    }
}

pub(super) fn remove(cluster: &Cluster, name: &str) {
    cluster.state().agent_pools().retain(|pool| pool["name"] != name);
}

/// An operation on a pool has ended.
pub(super) fn finish(state: &mut ManagedCluster, name: &str, status: &str) {
    if let Some(pool) = state.agent_pool(name) {
        pool["provisioningState"] = json!(status);
        pool["eTag"] = new_etag();
    }
}

/// An operation on the cluster has ended, which may have been about its pools too.
pub(super) fn settle(pool: &mut Value, status: &str) {
    if pool["provisioningState"] == "Creating" {
        pool["provisioningState"] = json!(status);
    }
}
