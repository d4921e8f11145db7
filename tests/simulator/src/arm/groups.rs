//! Resource groups.

use serde_json::{Value, json};

use super::Call;
use crate::{
    http::{Answer, Outcome},
    names::LOCATION,
    world::World,
};

pub(super) fn list(world: &World) -> Answer {
    Answer::list(world.groups().values().cloned())
}

/// A group's document, or (HEAD) whether it exists.
pub(super) fn get(call: &Call<'_>, group: &str) -> Outcome {
    let document = call.world.groups().get(&group.to_ascii_lowercase()).cloned();
    if call.request.method == http::Method::HEAD {
        return Ok(Answer::status(if document.is_some() { 204 } else { 404 }, Value::Null));
    }
    document.map(Answer::ok).ok_or_else(|| not_found(group))
}

/// Creates a group, or replaces the tags of one.
pub(super) fn put(call: &Call<'_>) -> Outcome {
    let name = call.request.segments.last().map_or("", String::as_str);
    let allowed = |character: char| character.is_alphanumeric() || "-_.()".contains(character);
    if name.len() > 90 || name.ends_with('.') || !name.chars().all(allowed) {
        let message = format!(
            "The provided resource group name '{name}' has these invalid characters or does not \
             fit the length of a resource group's name."
        );
        return Err(Answer::error(400, "InvalidResourceGroupName", &message));
    }
    let body = call.request.json()?;
    check_location(&body, "Microsoft.Resources/resourceGroups")?;
    let tags = body.get("tags").filter(|tags| tags.is_object()).cloned();
    let mut groups = call.world.groups();
    if let Some(group) = groups.get_mut(&name.to_ascii_lowercase()) {
        group["tags"] = tags.unwrap_or_else(|| json!({}));
        return Ok(Answer::ok(group.clone()));
    }
    let group = call.world.names.group_document(name, &tags.unwrap_or_else(|| json!({})));
    groups.insert(name.to_ascii_lowercase(), group.clone());
    Ok(Answer::status(201, group))
}

/// Checks that a new resource is to be where everything is.
pub(crate) fn check_location(body: &Value, kind: &str) -> Result<(), Answer> {
    let Some(location) = body["location"].as_str() else {
        let message = "The location property is required for this definition.";
        return Err(Answer::error(400, "LocationRequired", message));
    };
    if location.replace(' ', "").eq_ignore_ascii_case(LOCATION) {
        return Ok(());
    }
    let message = format!(
        "The provided location '{location}' is not available for resource type '{kind}'. List of \
         available regions for the resource type is '{LOCATION}'."
    );
    let code = match kind {
        "Microsoft.Resources/resourceGroups" => "LocationNotAvailableForResourceGroup",
        _ => "LocationNotAvailableForResourceType",
    };
    Err(Answer::error(400, code, &message))
}

/// Checks that a resource group exists.
pub(super) fn known_group(world: &World, group: &str) -> Result<(), Answer> {
    let exists = world.groups().contains_key(&group.to_ascii_lowercase());
    if exists { Ok(()) } else { Err(not_found(group)) }
}

fn not_found(group: &str) -> Answer {
    let message = format!("Resource group '{group}' could not be found.");
    Answer::error(404, "ResourceGroupNotFound", &message)
}
