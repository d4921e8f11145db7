//! Deleted vaults: they can be looked at, recovered by a PUT of the vault, and purged.

use serde_json::{Value, json};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

use super::Place;
use crate::{
    arm::Call,
    http::{Answer, Outcome},
    names::LOCATION,
    vault::Vault,
    world::World,
};

pub(super) fn list(world: &World) -> Answer {
    let vaults = world.vaults();
    Answer::list(vaults.values().filter_map(|vault| document(world, vault)))
}

pub(super) fn get(world: &World, place: &Place) -> Outcome {
    let vaults = world.vaults();
    let mut found = vaults.values().filter(|vault| is_at(vault, place));
    let document = found.find_map(|vault| document(world, vault));
    Ok(Answer::ok(document.ok_or_else(|| missing(place))?))
}

/// Purges a vault at once; the answer tells where to ask whether it is over, as Azure's does.
pub(super) fn purge(call: &Call<'_>, place: &Place) -> Outcome {
    let mut vaults = call.world.vaults();
    let name = vaults
        .iter()
        .find(|(_, vault)| vault.deleted.is_some() && is_at(vault, place))
        .map(|(name, _)| name.clone())
        .ok_or_else(|| missing(place))?;
    if vaults[&name].recovery().purge_protection {
        let message = "Operation 'DeletedVaultPurge' is not allowed.";
        return Err(Answer::error(405, "MethodNotAllowed", message));
    }
    vaults.remove(&name);
    let location = format!(
        "{}{}/providers/Microsoft.KeyVault/locations/{LOCATION}/operationResults/{}\
         ?api-version={}",
        call.region.arm(),
        call.world.names.subscription_id(),
        Uuid::new_v4(),
        call.request.query("api-version").unwrap_or_default(),
    );
    Ok(Answer::status(202, Value::Null).with_header("location", location))
}

/// A purge is over when it is answered, so all there have been are.
pub(super) fn operation_result(id: &str) -> Outcome {
    if Uuid::parse_str(id).is_ok() {
        return Ok(Answer::status(200, Value::Null));
    }
    Err(Answer::error(404, "OperationNotFound", &format!("There is no operation '{id}'.")))
}

fn is_at(vault: &Vault, place: &Place) -> bool {
    vault.name.eq_ignore_ascii_case(&place.name) && LOCATION.eq_ignore_ascii_case(&place.location)
}

fn missing(place: &Place) -> Answer {
    let message = format!("The specified deleted vault '{}' does not exist.", place.name);
    Answer::error(404, "DeletedVaultNotFound", &message)
}

/// A deleted vault as Azure answers it; `None`: the vault is not deleted.
fn document(world: &World, vault: &Vault) -> Option<Value> {
    let deleted = OffsetDateTime::from_unix_timestamp(vault.deleted?).ok()?;
    let purge = deleted + Duration::days(vault.recovery().days);
    let id = format!(
        "{}/providers/Microsoft.KeyVault/locations/{LOCATION}/deletedVaults/{}",
        world.names.subscription_id(),
        vault.name
    );
    let mut properties = json!({
        "vaultId": vault.id(),
        "location": LOCATION,
        "tags": vault.document["tags"],
        "deletionDate": deleted.format(&Rfc3339).ok()?,
        "scheduledPurgeDate": purge.format(&Rfc3339).ok()?,
    });
    if vault.recovery().purge_protection {
        properties["purgeProtectionEnabled"] = json!(true);
    }
    Some(json!({
        "id": id,
        "name": vault.name,
        "type": "Microsoft.KeyVault/deletedVaults",
        "properties": properties,
    }))
}
