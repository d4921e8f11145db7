//! `Microsoft.KeyVault/vaults`, deleted vaults, and what hangs on a vault.

use serde_json::{Value, json};

use super::{Call, known_group, not_found, route::Named};
use crate::{
    http::{Answer, Outcome},
    names::LOCATION,
    roles::lies_in,
    vault::Vault,
    world::{World, merge},
};

const KIND: &str = "Microsoft.KeyVault/vaults";

pub(super) fn list(world: &World, group: Option<&str>) -> Answer {
    let known = group.is_none_or(|group| known_group(world, group).is_ok());
    let vaults = world.vaults();
    let vaults = vaults.values().filter(|vault| known && !vault.soft_deleted);
    Answer::list(vaults.map(|vault| vault.document.clone()))
}

pub(super) fn get(world: &World, vault: &Named) -> Outcome {
    with_vault(world, vault, |vault| Ok(Answer::ok(vault.document.clone())))
}

/// Creates a vault, or replaces the properties that are sent of one there is.
pub(super) fn put(call: &Call<'_>, named: &Named) -> Outcome {
    let world = call.world;
    known_group(world, &named.group)?;
    let body = call.request.json()?;
    if !body["properties"]["tenantId"].is_string() || !body["properties"]["sku"].is_object() {
        let message = "The parameters properties.tenantId and properties.sku are required.";
        return Err(Answer::error(400, "BadRequest", message));
    }
    if call.region.vault_is_taken(world, &named.name) {
        let message = format!("The vault name '{}' is already in use.", named.name);
        return Err(Answer::error(409, "VaultAlreadyExists", &message));
    }
    let mut vaults = world.vaults();
    let existing = vaults.values_mut().find(|vault| vault.name.eq_ignore_ascii_case(&named.name));
    match existing {
        Some(vault) if vault.soft_deleted => {
            let message = "A vault with the same name already exists in deleted state. You need \
                           to either recover or purge existing vault.";
            Err(Answer::error(409, "ConflictError", message))
        }
        Some(vault) => update(vault, &body),
        None => {
            let vault = Vault::new(&world.names, &named.name, &body["properties"]);
            let document = vault.document.clone();
            vaults.insert(named.name.clone(), vault);
            Ok(Answer::status(201, document))
        }
    }
}

pub(super) fn patch(call: &Call<'_>, named: &Named) -> Outcome {
    let body = call.request.json()?;
    known_group(call.world, &named.group)?;
    let mut vaults = call.world.vaults();
    let vault = find(vaults.values_mut(), named)?;
    update(vault, &body)
}

fn update(vault: &mut Vault, body: &Value) -> Outcome {
    let mut properties = body["properties"].clone();
    if properties["enablePurgeProtection"] == false && vault.purge_protection() {
        let message = "The property \"enablePurgeProtection\" cannot be set to false. Enabling \
                       the purge protection for a vault is an irreversible action.";
        return Err(Answer::error(400, "BadRequest", message));
    }
    if let Some(properties) = properties.as_object_mut() {
        // These are the service's to say.
        for name in
            ["vaultUri", "provisioningState", "privateEndpointConnections", "hsmPoolResourceId"]
        {
            properties.remove(name);
        }
        properties.retain(|_, value| !value.is_null());
        merge(&mut vault.document["properties"], &json!(properties));
    }
    if body["tags"].is_object() {
        vault.document["tags"] = body["tags"].clone();
    }
    Ok(Answer::ok(vault.document.clone()))
}

pub(super) fn connections(world: &World, vault: &Named) -> Outcome {
    with_vault(world, vault, |vault| {
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

pub(super) fn list_deleted(world: &World) -> Answer {
    let vaults = world.vaults();
    let deleted = vaults.values().filter(|vault| vault.soft_deleted);
    Answer::list(deleted.map(|vault| deleted_document(world, vault)))
}

pub(super) fn get_deleted(world: &World, name: &str) -> Outcome {
    let vaults = world.vaults();
    let vault = vaults
        .values()
        .find(|vault| vault.soft_deleted && vault.name.eq_ignore_ascii_case(name))
        .ok_or_else(|| {
            let message = format!("The specified deleted vault '{name}' does not exist.");
            Answer::error(404, "DeletedVaultNotFound", &message)
        })?;
    Ok(Answer::ok(deleted_document(world, vault)))
}

fn deleted_document(world: &World, vault: &Vault) -> Value {
    let id = format!(
        "{}/providers/Microsoft.KeyVault/locations/{LOCATION}/deletedVaults/{}",
        world.names.subscription_id(),
        vault.name
    );
    let mut properties = json!({
        "vaultId": vault.id(),
        "location": LOCATION,
        "tags": {},
        "deletionDate": "2026-01-01T00:00:00Z",
        "scheduledPurgeDate": "2126-01-01T00:00:00Z",
    });
    if vault.purge_protection() {
        properties["purgeProtectionEnabled"] = json!(true);
    }
    json!({
        "id": id,
        "name": vault.name,
        "type": "Microsoft.KeyVault/deletedVaults",
        "properties": properties,
    })
}

pub(super) fn diagnostic_settings(world: &World, scope: &str) -> Outcome {
    let vault = world.names.vault_id(&world.names.vault);
    let is_vault = lies_in(scope, &vault) && lies_in(&vault, scope);
    let exists =
        world.vaults().values().any(|vault| !vault.soft_deleted && lies_in(scope, vault.id()));
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
pub(super) fn with_vault(
    world: &World,
    named: &Named,
    answer: impl FnOnce(&Vault) -> Outcome,
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
        .find(|vault| !vault.soft_deleted && vault.name.eq_ignore_ascii_case(&named.name))
        .ok_or_else(|| not_found(KIND, &named.name, &named.group))
}
