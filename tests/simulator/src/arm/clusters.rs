//! `Microsoft.ContainerService/managedClusters`.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{Call, known_group, kubeconfig, not_found, route::Named};
use crate::{
    cluster::{
        ManagedCluster,
        update::{Preconditions, put as put_cluster},
        version::upgrade_profile as profile,
    },
    http::{Answer, Outcome},
    roles::lies_in,
    world::World,
};

const KIND: &str = "Microsoft.ContainerService/managedClusters";
const ASSIGN_IDENTITY: &str = "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action";

pub(super) fn list(world: &World, group: Option<&str>) -> Outcome {
    if let Some(group) = group {
        known_group(world, group)?;
    }
    Ok(Answer::list([world.cluster().document.clone()]))
}

pub(super) fn get(world: &World, cluster: &Named) -> Outcome {
    with_cluster(world, cluster, |cluster| Answer::ok(cluster.document.clone()))
}

pub(super) fn put(call: &Call<'_>, cluster: &Named) -> Outcome {
    let world = call.world;
    exists(world, cluster)?;
    let body = call.request.json()?;
    if let Some(identity) = assigned_identity(&body)
        && world.caller_lacks(ASSIGN_IDENTITY)
    {
        let message = format!(
            "The client '{}' has permission to perform action '{KIND}/write' on scope '{}'; \
             however, it does not have permission to perform action '{ASSIGN_IDENTITY}' on the \
             linked scope '{identity}' or the linked scope is invalid.",
            world.names.client, call.request.path,
        );
        return Err(Answer::error(403, "LinkedAuthorizationFailed", &message));
    }
    let preconditions = Preconditions {
        if_match: call.request.header("if-match"),
        if_none_match: call.request.header("if-none-match"),
    };
    let (document, operation) = put_cluster(world, body, preconditions)?;
    let poll = operation.url(call.region.arm(), world);
    Ok(Answer::ok(document).with_header("azure-asyncoperation", poll))
}

fn assigned_identity(body: &Value) -> Option<&String> {
    body["identity"]["userAssignedIdentities"].as_object()?.keys().next()
}

pub(super) fn credential(world: &World, cluster: &Named, admin: bool) -> Outcome {
    exists(world, cluster)?;
    let (local_accounts, entra) = {
        let properties = &world.cluster().document["properties"];
        (properties["disableLocalAccounts"] != true, properties["aadProfile"].is_object())
    };
    if admin && !local_accounts {
        let message = "Getting static credential is not allowed because this cluster is set to \
                       disable local accounts.";
        return Err(Answer::flat_error(400, "BadRequest", message));
    }
    let Some(backend) = world.backend() else {
        return Err(Answer::flat_error(500, "InternalOperationError", "There is no API server."));
    };
    let names = &world.names;
    let endpoint = backend.endpoint();
    let user = match (admin, entra) {
        (true, _) => kubeconfig::User::Token { token: &endpoint.admin_token, admin },
        (false, true) => kubeconfig::User::Entra { tenant: &names.tenant },
        (false, false) => kubeconfig::User::Token { token: &endpoint.user_token, admin },
    };
    let config = kubeconfig::render(names, &endpoint, &user);
    let name = if admin { "clusterAdmin" } else { "clusterUser" };
    Ok(Answer::ok(json!({
        "kubeconfigs": [{ "name": name, "value": STANDARD.encode(config) }],
    })))
}

pub(super) fn upgrade_profile(world: &World, cluster: &Named) -> Outcome {
    with_cluster(world, cluster, |cluster| Answer::ok(profile(&cluster.document)))
}

pub(super) fn agent_pools(world: &World, cluster: &Named) -> Outcome {
    with_cluster(world, cluster, |cluster| {
        let pools = cluster.document["properties"]["agentPoolProfiles"].as_array();
        let pools = pools.into_iter().flatten();
        Answer::list(pools.map(|pool| pool_document(&cluster.document, pool)))
    })
}

pub(super) fn agent_pool(world: &World, cluster: &Named, pool: &str) -> Outcome {
    exists(world, cluster)?;
    let mut managed = world.cluster();
    let Some(profile) = managed.agent_pool(pool).cloned() else {
        let message = format!("Could not find the agent pool {pool}.");
        return Err(Answer::flat_error(404, "NotFound", &message));
    };
    Ok(Answer::ok(pool_document(&managed.document, &profile)))
}

/// An agent pool as a resource: what the cluster's document has of it, under `properties`.
fn pool_document(cluster: &Value, pool: &Value) -> Value {
    let mut properties = pool.clone();
    let name = properties["name"].take();
    let id = format!(
        "{}/agentPools/{}",
        cluster["id"].as_str().unwrap_or_default(),
        name.as_str().unwrap_or_default()
    );
    json!({
        "id": id,
        "name": name,
        "type": format!("{KIND}/agentPools"),
        "properties": properties,
    })
}

pub(super) fn operation(call: &Call<'_>, id: &str) -> Outcome {
    let cluster = call.world.cluster();
    let operation = cluster
        .operations
        .get(id)
        // Poll URLs are signed: one that was rebuilt is not honoured.
        .filter(|operation| call.request.query("s") == Some(operation.signature.as_str()));
    let operation = operation.ok_or_else(|| {
        Answer::error(404, "NotFound", "The entity was not found in this Azure location.")
    })?;
    let answer = Answer::ok(operation.body());
    let retry_after = call.world.faults.operation_retry_after().filter(|_| operation.goes_on());
    Ok(match retry_after {
        Some(seconds) => answer.with_header("retry-after", seconds.to_string()),
        None => answer,
    })
}

fn with_cluster(
    world: &World,
    cluster: &Named,
    answer: impl FnOnce(&ManagedCluster) -> Answer,
) -> Outcome {
    exists(world, cluster)?;
    Ok(answer(&world.cluster()))
}

fn exists(world: &World, cluster: &Named) -> Result<(), Answer> {
    known_group(world, &cluster.group)?;
    let names = &world.names;
    let id = format!("{}/providers/{KIND}/{}", names.group_id(), cluster.name);
    if lies_in(&names.cluster_id(), &id) {
        return Ok(());
    }
    Err(not_found(KIND, &cluster.name, &cluster.group))
}
