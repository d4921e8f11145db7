//! `Microsoft.ManagedIdentity/userAssignedIdentities` and their federated credentials.

use std::time::Instant;

use serde_json::{Value, json};

use super::{Call, groups::check_location, known_group, not_found, route::Named};
use crate::{
    http::{Answer, Outcome},
    identities::ManagedIdentity,
    world::World,
};

const KIND: &str = "Microsoft.ManagedIdentity/userAssignedIdentities";

pub(super) fn list(world: &World, group: Option<&str>) -> Outcome {
    if let Some(group) = group {
        known_group(world, group)?;
    }
    let identities = world.identities();
    let wanted = identities
        .values()
        .filter(|identity| group.is_none_or(|group| identity.group.eq_ignore_ascii_case(group)));
    Ok(Answer::list(wanted.map(|identity| identity.document(&world.names.tenant))))
}

pub(super) fn get(world: &World, named: &Named) -> Outcome {
    with_identity(world, named, |identity| Ok(Answer::ok(identity.document(&world.names.tenant))))
}

/// Creates an identity, or replaces the tags of one.
pub(super) fn put(call: &Call<'_>, named: &Named) -> Outcome {
    let world = call.world;
    known_group(world, &named.group)?;
    let body = call.request.json()?;
    check_location(&body, KIND)?;
    let tags = body.get("tags").filter(|tags| tags.is_object()).cloned();
    let present = with_identity(world, named, |identity| {
        identity.tags = tags.clone().unwrap_or_else(|| json!({}));
        Ok(Answer::ok(identity.document(&world.names.tenant)))
    });
    if present.is_ok() {
        return present;
    }
    let delay = world.scale.seconds(world.faults.principal_propagation_seconds());
    let (group, name) = (call.request.as_sent(&named.group), call.request.as_sent(&named.name));
    let mut identity = ManagedIdentity::new(&world.names, group, name, Instant::now() + delay);
    identity.tags = tags.unwrap_or_else(|| json!({}));
    let document = identity.document(&world.names.tenant);
    world.identities().insert(identity.id.to_ascii_lowercase(), identity);
    Ok(Answer::status(201, document))
}

pub(super) fn patch(call: &Call<'_>, named: &Named) -> Outcome {
    let body = call.request.json()?;
    with_identity(call.world, named, |identity| {
        if body["tags"].is_object() {
            identity.tags = body["tags"].clone();
        }
        Ok(Answer::ok(identity.document(&call.world.names.tenant)))
    })
}

/// Deletes an identity. Its role assignments stay, as in Azure, and give nobody anything.
pub(super) fn delete(world: &World, named: &Named) -> Outcome {
    known_group(world, &named.group)?;
    let gone = world.identities().remove(&key(world, named));
    Ok(Answer::status(if gone.is_some() { 200 } else { 204 }, Value::Null))
}

pub(super) fn credentials(world: &World, named: &Named) -> Outcome {
    with_identity(world, named, |identity| {
        let federated = identity.federated.keys();
        Ok(Answer::list(federated.filter_map(|name| identity.federated_document(name))))
    })
}

pub(super) fn credential(world: &World, named: &Named, name: &str) -> Outcome {
    with_identity(world, named, |identity| {
        identity.federated_document(name).map(Answer::ok).ok_or_else(|| {
            not_found(
                &format!("{KIND}/{}/federatedIdentityCredentials", named.name),
                name,
                &named.group,
            )
        })
    })
}

pub(super) fn put_credential(call: &Call<'_>, named: &Named, name: &str) -> Outcome {
    let body = call.request.json()?;
    let properties = &body["properties"];
    let audiences = properties["audiences"].as_array();
    if !properties["issuer"].is_string()
        || !properties["subject"].is_string()
        || audiences.is_none_or(Vec::is_empty)
    {
        let message = "The properties issuer, subject and audiences are required.";
        return Err(Answer::error(400, "BadRequest", message));
    }
    with_identity(call.world, named, |identity| {
        let is_new = identity.federated.insert(name.to_owned(), properties.clone()).is_none();
        let document = identity.federated_document(name).unwrap_or_default();
        Ok(Answer::status(if is_new { 201 } else { 200 }, document))
    })
}

pub(super) fn delete_credential(world: &World, named: &Named, name: &str) -> Outcome {
    with_identity(world, named, |identity| {
        let gone = identity.federated.remove(name);
        Ok(Answer::status(if gone.is_some() { 200 } else { 204 }, Value::Null))
    })
}

fn with_identity(
    world: &World,
    named: &Named,
    answer: impl FnOnce(&mut ManagedIdentity) -> Outcome,
) -> Outcome {
    known_group(world, &named.group)?;
    match world.identities().get_mut(&key(world, named)) {
        Some(identity) => answer(identity),
        None => Err(not_found(KIND, &named.name, &named.group)),
    }
}

fn key(world: &World, named: &Named) -> String {
    let Named { group, name } = named;
    let subscription = world.names.subscription_id();
    format!("{subscription}/resourceGroups/{group}/providers/{KIND}/{name}").to_ascii_lowercase()
}
