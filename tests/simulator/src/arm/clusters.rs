//! `Microsoft.ContainerService/managedClusters`.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{
    Call, known_group, kubeconfig, not_found,
    operations::{accepted, accepted_without_body},
    other_clusters,
    route::Named,
};
use crate::{
    cluster::{
        Cluster,
        create::create,
        lifecycle,
        operation::Operation,
        unsaid,
        update::{Preconditions, put as put_cluster},
        version,
    },
    http::{Answer, Outcome},
    world::World,
};

pub(super) const KIND: &str = "Microsoft.ContainerService/managedClusters";
const ASSIGN_IDENTITY: &str = "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action";
const JOIN_SUBNET: &str = "Microsoft.Network/virtualNetworks/subnets/join/action";

pub(super) fn list(call: &Call<'_>, group: Option<&str>) -> Outcome {
    let world = call.world;
    let other = call.subscription().and_then(|id| world.given.other_subscription(id));
    if let Some(other) = other {
        let clusters = other_clusters::of(world, other).into_iter();
        let shown = |document| unsaid::shown(document, api_version(call));
        return Ok(Answer::list(clusters.map(shown)));
    }
    if let Some(group) = group {
        known_group(world, group)?;
    }
    let is_wanted = |own: &str| group.is_none_or(|group| own.eq_ignore_ascii_case(group));
    let mut clusters = world.clusters();
    clusters.retain(|cluster| is_wanted(&cluster.names.group));
    let others = is_wanted(&world.names.group).then(|| other_clusters::of_case(world));
    let clusters = clusters.iter().map(|cluster| cluster.look());
    let all = clusters.chain(others.into_iter().flatten());
    Ok(Answer::list(all.map(|document| unsaid::shown(document, api_version(call)))))
}

/// What a request is to be understood as.
fn api_version<'a>(call: &Call<'a>) -> &'a str {
    call.request.query("api-version").unwrap_or_default()
}

pub(super) fn get(call: &Call<'_>, cluster: &Named) -> Outcome {
    let world = call.world;
    let document = find(world, cluster)?.look();
    Ok(Answer::ok(unsaid::shown(document, api_version(call))))
}

/// Creates a cluster, or replaces one.
pub(super) fn put(call: &Call<'_>, named: &Named) -> Outcome {
    let world = call.world;
    known_group(world, &named.group)?;
    let body = call.request.json()?;
    check_linked_rights(call, &body)?;
    if let Ok(cluster) = find(world, named) {
        let carries = unsaid::carries_profile(api_version(call));
        let (document, operation) =
            put_cluster(world, &cluster, body, preconditions(call), carries)?;
        let document = unsaid::shown(document, api_version(call));
        return Ok(accepted(call, Answer::ok(document), &operation));
    }
    let (group, name) = (call.request.as_sent(&named.group), call.request.as_sent(&named.name));
    let (document, operation) = create(world, group, name, body, preconditions(call))?;
    let document = unsaid::shown(document, api_version(call));
    Ok(accepted(call, Answer::status(201, document), &operation))
}

/// Assigning an identity to a cluster and putting nodes into a subnet are rights of their own.
fn check_linked_rights(call: &Call<'_>, body: &Value) -> Result<(), Answer> {
    let identities = body["identity"]["userAssignedIdentities"].as_object();
    let identities = identities.into_iter().flatten().map(|(identity, _)| identity.as_str());
    let pools = body["properties"]["agentPoolProfiles"].as_array();
    let subnets = pools.into_iter().flatten().filter_map(|pool| pool["vnetSubnetID"].as_str());
    let linked = identities
        .map(|identity| (ASSIGN_IDENTITY, identity))
        .chain(subnets.map(|subnet| (JOIN_SUBNET, subnet)));
    for (action, scope) in linked {
        if call.may(action, scope) {
            continue;
        }
        let message = format!(
            "The client '{}' has permission to perform action '{KIND}/write' on scope '{}'; however, \
             it does not have permission to perform action '{action}' on the linked scope \
             '{scope}' or the linked scope is invalid.",
            call.claims.appid, call.request.path,
        );
        return Err(Answer::error(403, "LinkedAuthorizationFailed", &message));
    }
    Ok(())
}

/// Replaces the tags.
pub(super) fn patch(call: &Call<'_>, cluster: &Named) -> Outcome {
    let cluster = find(call.world, cluster)?;
    let body = call.request.json()?;
    if !body["tags"].is_object() || body.as_object().is_some_and(|body| body.len() > 1) {
        let message = "Only tags can be changed by a PATCH.";
        return Err(Answer::flat_error(400, "InvalidParameter", message));
    }
    let (document, operation) =
        lifecycle::set_tags(call.world, &cluster, &body["tags"], preconditions(call))?;
    Ok(accepted(call, Answer::ok(document), &operation))
}

pub(super) fn delete(call: &Call<'_>, cluster: &Named) -> Outcome {
    known_group(call.world, &cluster.group)?;
    let Ok(cluster) = find(call.world, cluster) else {
        return Ok(Answer::status(204, Value::Null));
    };
    let operation = lifecycle::delete(call.world, &cluster, preconditions(call))?;
    Ok(accepted_without_body(call, &operation))
}

/// Something done to a cluster as a whole.
pub(super) fn act(
    call: &Call<'_>,
    cluster: &Named,
    action: impl FnOnce(&Arc<World>, &Arc<Cluster>) -> Result<Operation, Answer>,
) -> Outcome {
    let cluster = find(call.world, cluster)?;
    let operation = action(call.world, &cluster)?;
    Ok(accepted_without_body(call, &operation))
}

pub(super) fn credential(call: &Call<'_>, cluster: &Named, admin: bool) -> Outcome {
    let cluster = find(call.world, cluster)?;
    let (local_accounts, entra) = {
        let properties = &cluster.state().document["properties"];
        (properties["disableLocalAccounts"] != true, properties["aadProfile"].is_object())
    };
    if admin && !local_accounts {
        let message = "Getting static credential is not allowed because this cluster is set to \
                       disable local accounts.";
        return Err(Answer::flat_error(400, "BadRequest", message));
    }
    let Some(backend) = cluster.backend() else {
        let message = "The managed cluster is not provisioned: it has no API server.";
        return Err(Answer::flat_error(400, "BadRequest", message));
    };
    let names = &cluster.names;
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
    Ok(Answer::ok(version::upgrade_profile(&find(world, cluster)?.state())))
}

/// The versions that new clusters can have.
pub(super) fn kubernetes_versions() -> Answer {
    Answer::ok(json!({ "values": version::kubernetes_versions() }))
}

pub(super) fn preconditions<'a>(call: &Call<'a>) -> Preconditions<'a> {
    Preconditions {
        if_match: call.request.header("if-match"),
        if_none_match: call.request.header("if-none-match"),
    }
}

/// The cluster, if it exists.
pub(super) fn find(world: &World, cluster: &Named) -> Result<Arc<Cluster>, Answer> {
    known_group(world, &cluster.group)?;
    let Named { group, name } = cluster;
    let subscription = world.names.subscription_id();
    let id = format!("{subscription}/resourceGroups/{group}/providers/{KIND}/{name}");
    world.cluster_with_id(&id).ok_or_else(|| not_found(KIND, name, group))
}
