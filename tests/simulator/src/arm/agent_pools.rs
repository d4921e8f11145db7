//! `Microsoft.ContainerService/managedClusters/agentPools`.

use serde_json::{Value, json};

use super::{
    Call,
    clusters::{KIND, find, preconditions},
    operations::{accepted, accepted_without_body},
    route::Named,
};
use crate::{
    cluster::{Cluster, agent_pools, version},
    http::{Answer, Outcome},
};

pub(super) fn list(call: &Call<'_>, cluster: &Named) -> Outcome {
    let cluster = find(call.world, cluster)?;
    let pools: Vec<Value> = cluster.state().pools().cloned().collect();
    Ok(Answer::list(pools.iter().map(|pool| document(&cluster, pool))))
}

pub(super) fn get(call: &Call<'_>, cluster: &Named, pool: &str) -> Outcome {
    let cluster = find(call.world, cluster)?;
    let profile = profile(&cluster, pool)?;
    Ok(Answer::ok(document(&cluster, &profile)))
}

pub(super) fn put(call: &Call<'_>, cluster: &Named, pool: &str) -> Outcome {
    let cluster = find(call.world, cluster)?;
    let body = call.request.json()?;
    let name = call.request.as_sent(pool);
    let (pool, operation, is_new) =
        agent_pools::put(call.world, &cluster, name, &body, preconditions(call))?;
    let answer = Answer::status(if is_new { 201 } else { 200 }, document(&cluster, &pool));
    Ok(accepted(call, answer, &operation))
}

pub(super) fn delete(call: &Call<'_>, cluster: &Named, pool: &str) -> Outcome {
    let cluster = find(call.world, cluster)?;
    let operation = agent_pools::delete(call.world, &cluster, pool, preconditions(call))?;
    Ok(match operation {
        Some(operation) => accepted_without_body(call, &operation),
        None => Answer::status(204, Value::Null),
    })
}

pub(super) fn upgrade_profile(call: &Call<'_>, cluster: &Named, pool: &str) -> Outcome {
    let cluster = find(call.world, cluster)?;
    let profile = profile(&cluster, pool)?;
    let control_plane = cluster.state().property("currentKubernetesVersion").to_owned();
    let id = document(&cluster, &profile)["id"].clone();
    Ok(Answer::ok(version::pool_upgrade_profile(&id, &profile, &control_plane)))
}

pub(super) fn available_versions(call: &Call<'_>, cluster: &Named) -> Outcome {
    let cluster = find(call.world, cluster)?;
    let control_plane = cluster.state().property("currentKubernetesVersion").to_owned();
    let versions = version::pool_versions(&control_plane);
    Ok(Answer::ok(json!({
        "id": format!("{}/availableagentpoolversions", cluster.names.id()),
        "name": "default",
        "type": format!("{KIND}/availableAgentpoolVersions"),
        "properties": { "agentPoolVersions": versions },
    })))
}

fn profile(cluster: &Cluster, pool: &str) -> Result<Value, Answer> {
    cluster.state().agent_pool(pool).cloned().ok_or_else(|| {
        let message = format!("Could not find the agent pool {pool}.");
        Answer::flat_error(404, "NotFound", &message)
    })
}

/// An agent pool as a resource: what the cluster's document has of it, under `properties`.
fn document(cluster: &Cluster, pool: &Value) -> Value {
    let mut properties = pool.clone();
    let name = properties["name"].take();
    let id = cluster.state().document["id"].as_str().unwrap_or_default().to_owned();
    json!({
        "id": format!("{id}/agentPools/{}", name.as_str().unwrap_or_default()),
        "name": name,
        "type": format!("{KIND}/agentPools"),
        "properties": properties,
    })
}
