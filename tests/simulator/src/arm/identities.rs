//! User-assigned identities.

use serde_json::json;

use super::{known_group, not_found, route::Named};
use crate::{
    http::{Answer, Outcome},
    names::{LOCATION, stable_guid},
    world::World,
};

pub(super) fn get(world: &World, identity: &Named) -> Outcome {
    known_group(world, &identity.group)?;
    let names = &world.names;
    if !identity.name.eq_ignore_ascii_case(&names.identity) {
        let kind = "Microsoft.ManagedIdentity/userAssignedIdentities";
        return Err(not_found(kind, &identity.name, &identity.group));
    }
    Ok(Answer::ok(json!({
        "id": names.identity_id(),
        "name": names.identity,
        "type": "Microsoft.ManagedIdentity/userAssignedIdentities",
        "location": LOCATION,
        "tags": {},
        "properties": {
            "isolationScope": "None",
            "tenantId": names.tenant,
            "principalId": names.identity_principal,
            "clientId": stable_guid(&names.identity_principal),
        },
    })))
}
