//! Subscriptions, resource groups and user-assigned identities.

use serde_json::{Value, json};

use super::{known_group, not_found, route::Named};
use crate::{
    http::{Answer, Outcome},
    names::{LOCATION, stable_guid},
    world::World,
};

pub(super) fn subscriptions(world: &World) -> Answer {
    Answer::list([subscription_document(world)])
}

pub(super) fn subscription(world: &World) -> Answer {
    Answer::ok(subscription_document(world))
}

fn subscription_document(world: &World) -> Value {
    let names = &world.names;
    json!({
        "id": names.subscription_id(),
        "subscriptionId": names.subscription,
        "tenantId": names.tenant,
        "displayName": format!("simulated {}", names.case),
        "state": "Enabled",
        "subscriptionPolicies": {
            "locationPlacementId": "Internal_2014-09-01",
            "quotaId": "Internal_2014-09-01",
            "spendingLimit": "Off",
        },
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
    })
}

pub(super) fn groups(world: &World) -> Answer {
    let groups = [world.names.group.clone(), world.names.node_group()];
    Answer::list(groups.iter().map(|group| group_document(world, group)))
}

pub(super) fn group(world: &World, group: &str) -> Outcome {
    let node_group = world.names.node_group();
    if group.eq_ignore_ascii_case(&node_group) {
        return Ok(Answer::ok(group_document(world, &node_group)));
    }
    known_group(world, group)?;
    Ok(Answer::ok(group_document(world, &world.names.group)))
}

fn group_document(world: &World, group: &str) -> Value {
    json!({
        "id": format!("{}/resourceGroups/{group}", world.names.subscription_id()),
        "name": group,
        "type": "Microsoft.Resources/resourceGroups",
        "location": LOCATION,
        "tags": {},
        "properties": { "provisioningState": "Succeeded" },
    })
}

pub(super) fn identity(world: &World, identity: &Named) -> Outcome {
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
