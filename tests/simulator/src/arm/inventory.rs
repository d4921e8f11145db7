//! Resources across resource providers: `…/resources`.

use serde_json::{Value, json};

use super::{Call, filter, known_group};
use crate::{
    http::{Answer, Outcome},
    world::World,
};

/// Generic members of a resource: the others are its provider's to answer.
const GENERIC: [&str; 8] = ["id", "name", "type", "location", "tags", "kind", "sku", "identity"];

/// The resources of a subscription or of a group that fit `$filter`.
pub(super) fn list(call: &Call<'_>, group: Option<&str>) -> Outcome {
    if let Some(group) = group {
        known_group(call.world, group)?;
    }
    let conditions = filter::of(call.request)?;
    let known = ["resourcetype", "name", "resourcegroup", "location"];
    if conditions.iter().any(|(field, _)| !known.contains(&field.as_str())) {
        return Err(filter::unsupported(call.request.query("$filter").unwrap_or_default()));
    }
    let resources = all(call.world, |_| true);
    let fitting = resources.iter().filter(|resource| {
        group.is_none_or(|group| group_of(resource).eq_ignore_ascii_case(group))
            && conditions.iter().all(|(field, value)| {
                let actual = match field.as_str() {
                    "resourcetype" => text(resource, "type"),
                    "resourcegroup" => group_of(resource),
                    field => text(resource, field),
                };
                actual.eq_ignore_ascii_case(value)
            })
    });
    Ok(Answer::list(fitting.map(generic)))
}

/// The documents of all resources that fit.
pub(super) fn all(world: &World, fits: impl Fn(&Value) -> bool) -> Vec<Value> {
    let mut documents = Vec::new();
    for cluster in world.clusters() {
        let state = cluster.state();
        documents.extend(Some(&state.document).filter(|document| fits(document)).cloned());
    }
    let identities = world.identities();
    let tenant = &world.names.tenant;
    let of_identities = identities.values().map(|identity| identity.document(tenant));
    documents.extend(of_identities.filter(|document| fits(document)));
    drop(identities);
    let vaults = world.vaults();
    let of_vaults =
        vaults.values().filter(|vault| vault.deleted.is_none()).map(|vault| &vault.document);
    documents.extend(of_vaults.filter(|document| fits(document)).cloned());
    documents
}

/// The resource group in a resource's id.
pub(super) fn group_of(resource: &Value) -> &str {
    text(resource, "id").split('/').nth(4).unwrap_or_default()
}

/// The subscription in a resource's id.
pub(super) fn subscription_of(resource: &Value) -> &str {
    text(resource, "id").split('/').nth(2).unwrap_or_default()
}

fn text<'a>(resource: &'a Value, field: &str) -> &'a str {
    resource[field].as_str().unwrap_or_default()
}

fn generic(resource: &Value) -> Value {
    let members =
        GENERIC.iter().filter_map(|name| Some(((*name).to_owned(), resource.get(*name)?)));
    json!(members.map(|(name, value)| (name, value.clone())).collect::<serde_json::Map<_, _>>())
}
