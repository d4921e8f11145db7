//! `Microsoft.KeyVault/vaults`, and what hangs on a vault.

use serde_json::{Map, Value, json};

use super::checks::{self, bad_request};
use crate::{
    arm::{Call, known_group, not_found, route::Named},
    http::{Answer, Outcome},
    merge::merge,
    roles::lies_in,
    vault::Vault,
    world::World,
};

const KIND: &str = "Microsoft.KeyVault/vaults";

/// From this api-version on a vault is made with role-based access control unless it says otherwise.
const RBAC_BY_DEFAULT: &str = "2026-02-01";

pub(super) fn list(world: &World, group: Option<&str>) -> Outcome {
    if let Some(group) = group {
        known_group(world, group)?;
    }
    let vaults = world.vaults();
    let vaults = vaults
        .values()
        .filter(|vault| vault.deleted.is_none() && group.is_none_or(|group| vault.is_in(group)));
    Ok(Answer::list(vaults.map(|vault| vault.document.clone())))
}

pub(super) fn get(world: &World, vault: &Named) -> Outcome {
    with_vault_mut(world, vault, |vault| Ok(Answer::ok(vault.document.clone())))
}

/// Whether a name can still be given to a vault.
pub(super) fn check_name(call: &Call<'_>) -> Outcome {
    let body = call.request.json()?;
    let name = body["name"].as_str().ok_or_else(|| bad_request("The name is required."))?;
    if !body["type"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case(KIND)) {
        return Err(bad_request("The type must be Microsoft.KeyVault/vaults."));
    }
    let own = call.world.vaults().values().any(|vault| vault.name.eq_ignore_ascii_case(name));
    let reason = match checks::name(name) {
        Err(message) => Some(("AccountNameInvalid", message)),
        Ok(()) if own || call.region.vault_is_taken(call.world, name) => {
            Some(("AlreadyExists", taken(name)))
        }
        Ok(()) => None,
    };
    Ok(Answer::ok(match reason {
        Some((reason, message)) => {
            json!({ "nameAvailable": false, "reason": reason, "message": message })
        }
        None => json!({ "nameAvailable": true }),
    }))
}

fn taken(name: &str) -> String {
    format!(
        "The vault name '{name}' is already in use. Vault names are globally unique so it is \
         possible that the name is already taken. If you are sure that the vault name was not \
         taken then it is possible that a vault with the same name was recently deleted but not \
         purged after being placed in a recoverable state."
    )
}

/// Creates a vault, recovers a deleted one, or replaces the properties that are sent of one there is.
pub(super) fn put(call: &Call<'_>, named: &Named) -> Outcome {
    let world = call.world;
    known_group(world, &named.group)?;
    let body = call.request.json()?;
    let recovers = match &body["properties"]["createMode"] {
        Value::Null => false,
        mode if mode == "default" => false,
        mode if mode == "recover" => true,
        _ => return Err(bad_request("Invalid value found at properties.createMode")),
    };
    if !body["location"].is_string() {
        let message = "The location property is required for this definition.";
        return Err(Answer::error(400, "LocationRequired", message));
    }
    let complete =
        body["properties"]["tenantId"].is_string() && body["properties"]["sku"].is_object();
    if !complete && !recovers {
        return Err(bad_request(
            "The parameters properties.tenantId and properties.sku are required.",
        ));
    }
    // As the client wrote it.
    let name = call.request.segments.last().unwrap_or(&named.name).clone();
    checks::name(&name).map_err(|message| Answer::error(400, "VaultNameNotValid", &message))?;
    if call.region.vault_is_taken(world, &name) {
        return Err(Answer::error(409, "VaultAlreadyExists", &taken(&name)));
    }
    let mut vaults = world.vaults();
    let existing = vaults.values_mut().find(|vault| vault.name.eq_ignore_ascii_case(&name));
    match existing {
        Some(vault) if vault.deleted.is_some() && !recovers => {
            let message = "A vault with the same name already exists in deleted state. You need \
                           to either recover or purge existing key vault.";
            Err(Answer::error(409, "ConflictError", message))
        }
        Some(vault) if vault.deleted.is_none() && !vault.is_in(&named.group) => {
            Err(Answer::error(409, "VaultAlreadyExists", &taken(&name)))
        }
        Some(vault) => {
            // A recovered vault is as it was.
            if vault.deleted.take().is_some() {
                return Ok(Answer::ok(vault.document.clone()));
            }
            update(vault, &body)
        }
        None if recovers => {
            let message = format!("The specified deleted vault '{name}' does not exist.");
            Err(Answer::error(404, "DeletedVaultNotFound", &message))
        }
        None => {
            let vault = create(call, call.request.as_sent(&named.group), &name, &body)?;
            let document = vault.document.clone();
            vaults.insert(name, vault);
            Ok(Answer::status(201, document))
        }
    }
}

fn create(call: &Call<'_>, group: &str, name: &str, body: &Value) -> Result<Vault, Answer> {
    let mut properties = sent_properties(body)?;
    checks::properties(&mut properties, None)?;
    let version = call.request.query("api-version").unwrap_or_default();
    properties
        .entry("enableRbacAuthorization")
        .or_insert_with(|| json!(version >= RBAC_BY_DEFAULT));
    let mut vault = Vault::new(&call.world.names, name, &json!(properties));
    vault.document["id"] = json!(call.world.names.vault_id_in(group, name));
    vault.document["tags"] = sent_tags(body)?.unwrap_or_else(|| json!({}));
    Ok(vault)
}

pub(super) fn patch(call: &Call<'_>, named: &Named) -> Outcome {
    let body = call.request.json()?;
    with_vault_mut(call.world, named, |vault| update(vault, &body))
}

fn update(vault: &mut Vault, body: &Value) -> Outcome {
    let mut properties = sent_properties(body)?;
    checks::properties(&mut properties, Some(vault))?;
    if let Some(tags) = sent_tags(body)? {
        vault.document["tags"] = tags;
    }
    merge(&mut vault.document["properties"], &json!(properties));
    Ok(Answer::ok(vault.document.clone()))
}

fn sent_properties(body: &Value) -> Result<Map<String, Value>, Answer> {
    match &body["properties"] {
        Value::Object(properties) => Ok(properties.clone()),
        Value::Null => Ok(Map::new()),
        _ => Err(bad_request("Invalid value found at properties")),
    }
}

fn sent_tags(body: &Value) -> Result<Option<Value>, Answer> {
    match &body["tags"] {
        Value::Null => Ok(None),
        Value::Object(tags) if tags.values().all(Value::is_string) => Ok(Some(json!(tags))),
        _ => Err(bad_request("Invalid value found at tags")),
    }
}

/// Deletes a vault, so that it can be recovered. The roles that were given at it are gone, as in
/// Azure, which does not bring them back with the vault.
pub(super) fn delete(world: &World, named: &Named) -> Outcome {
    known_group(world, &named.group)?;
    let mut vaults = world.vaults();
    match find(vaults.values_mut(), named) {
        Ok(vault) => {
            vault.deleted = Some(crate::vault::key::now());
            let id = vault.id().to_owned();
            drop(vaults);
            world.roles().retain(|assignment| !lies_in(&assignment.scope, &id));
            Ok(Answer::status(200, Value::Null))
        }
        Err(_) => Ok(Answer::status(204, Value::Null)),
    }
}

pub(super) fn connections(world: &World, vault: &Named) -> Outcome {
    with_vault_mut(world, vault, |vault| {
        let connections = vault.properties()["privateEndpointConnections"].as_array();
        let mut connections = connections.cloned().unwrap_or_default();
        for connection in &mut connections {
            let id = connection["id"].as_str().unwrap_or_default();
            let name = id.rsplit('/').next().unwrap_or_default();
            connection["name"] = json!(name);
            connection["type"] = json!("Microsoft.KeyVault/vaults/privateEndpointConnections");
        }
        Ok(Answer::list(connections))
    })
}

pub(in crate::arm) fn diagnostic_settings(world: &World, scope: &str) -> Outcome {
    let vault = world.names.vault_id(&world.names.vault);
    let is_vault = lies_in(scope, &vault) && lies_in(&vault, scope);
    let exists =
        world.vaults().values().any(|vault| vault.deleted.is_none() && lies_in(scope, vault.id()));
    if !exists {
        let message = "The target resource of the diagnostic settings was not found.";
        return Err(Answer::error(404, "ResourceNotFound", message));
    }
    let settings = (is_vault && world.given.vault.diagnostics).then(|| {
        json!({
            "id": format!("{vault}/providers/Microsoft.Insights/diagnosticSettings/audit"),
            "name": "audit",
            "type": "Microsoft.Insights/diagnosticSettings",
            "properties": {
                "workspaceId": format!(
                    "{}/providers/Microsoft.OperationalInsights/workspaces/logs",
                    world.names.group_id()
                ),
                "logs": [{ "category": "AuditEvent", "enabled": true }],
                "metrics": [],
            },
        })
    });
    Ok(Answer::list(settings))
}

/// Calls `answer` with a vault that is not deleted.
pub(super) fn with_vault_mut(
    world: &World,
    named: &Named,
    answer: impl FnOnce(&mut Vault) -> Outcome,
) -> Outcome {
    known_group(world, &named.group)?;
    let mut vaults = world.vaults();
    answer(find(vaults.values_mut(), named)?)
}

fn find<'a>(
    mut vaults: impl Iterator<Item = &'a mut Vault>,
    named: &Named,
) -> Result<&'a mut Vault, Answer> {
    vaults
        .find(|vault| {
            vault.deleted.is_none()
                && vault.is_in(&named.group)
                && vault.name.eq_ignore_ascii_case(&named.name)
        })
        .ok_or_else(|| not_found(KIND, &named.name, &named.group))
}
