//! `Microsoft.ContainerService/managedClusters`.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{
    Call, known_group, kubeconfig, not_found,
    operations::{accepted, accepted_without_body},
    route::Named,
};
use crate::{
    cluster::{
        Cluster,
        create::create,
        lifecycle,
        operation::Operation,
        update::{Preconditions, put as put_cluster},
        version,
    },
    http::{Answer, Outcome},
    world::World,
};

pub(super) const KIND: &str = "Microsoft.ContainerService/managedClusters";
const ASSIGN_IDENTITY: &str = "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action";

pub(super) fn list(world: &World, group: Option<&str>) -> Outcome {
    if let Some(group) = group {
        known_group(world, group)?;
    }
    let clusters = world.clusters();
    let wanted = clusters.iter().filter(|cluster| {
        group.is_none_or(|group| cluster.names.group.eq_ignore_ascii_case(group))
    });
    Ok(Answer::list(wanted.map(|cluster| cluster.look())))
}

pub(super) fn get(world: &World, cluster: &Named) -> Outcome {
    Ok(Answer::ok(find(world, cluster)?.look()))
}

/// Creates a cluster, or replaces one.
pub(super) fn put(call: &Call<'_>, named: &Named) -> Outcome {
    let world = call.world;
    known_group(world, &named.group)?;
    let body = call.request.json()?;
    check_right_to_assign(call, &body)?;
    if let Ok(cluster) = find(world, named) {
        let (document, operation) = put_cluster(world, &cluster, body, preconditions(call))?;
        return Ok(accepted(call, Answer::ok(document), &operation));
    }
    let (group, name) = (call.request.as_sent(&named.group), call.request.as_sent(&named.name));
    let (document, operation) = create(world, group, name, body, preconditions(call))?;
    Ok(accepted(call, Answer::status(201, document), &operation))
}

/// Assigning an identity to a cluster is a right of its own.
fn check_right_to_assign(call: &Call<'_>, body: &Value) -> Result<(), Answer> {
    let identities = body["identity"]["userAssignedIdentities"].as_object();
    let Some(identity) = identities.and_then(|identities| identities.keys().next()) else {
        return Ok(());
    };
    if call.may(ASSIGN_IDENTITY, identity) {
        return Ok(());
    }
    let message = format!(
        "The client '{}' has permission to perform action '{KIND}/write' on scope '{}'; however, \
         it does not have permission to perform action '{ASSIGN_IDENTITY}' on the linked scope \
         '{identity}' or the linked scope is invalid.",
        call.claims.appid, call.request.path,
    );
    Err(Answer::error(403, "LinkedAuthorizationFailed", &message))
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
