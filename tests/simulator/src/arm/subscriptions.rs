//! Subscriptions, tenants, locations and the registrations of resource providers.

use serde_json::{Value, json};

use super::{Call, Target, versions::Provider};
use crate::{
    given::OtherSubscription,
    http::{Answer, Outcome},
    names::LOCATION,
    world::World,
};

/// What can be deployed, by resource provider.
const RESOURCE_TYPES: [(Provider, &[&str]); 6] = [
    (
        Provider::ContainerService,
        &["managedClusters", "managedClusters/agentPools", "locations/operations"],
    ),
    (Provider::KeyVault, &["vaults", "vaults/keys", "deletedVaults", "managedHSMs"]),
    (
        Provider::ManagedIdentity,
        &["userAssignedIdentities", "userAssignedIdentities/federatedIdentityCredentials"],
    ),
    (Provider::Authorization, &["roleAssignments", "roleDefinitions"]),
    (Provider::Resources, &["subscriptions", "resourceGroups"]),
    (Provider::ResourceGraph, &["resources"]),
];

pub(super) fn subscriptions(call: &Call<'_>) -> Answer {
    let world = call.world;
    let fleet = call.region.fleet(&world.names.case);
    let own = match &fleet {
        Some(fleet) => fleet.subscriptions(),
        None => std::slice::from_ref(&world.names.subscription),
    };
    let others = world.given.other_subscriptions.iter().filter(|other| other.readable);
    let all = own.iter().chain(others.map(|other| &other.id));
    Answer::list(all.map(|id| subscription_document(world, id)))
}

pub(super) fn subscription(call: &Call<'_>) -> Answer {
    let own = &call.world.names.subscription;
    Answer::ok(subscription_document(call.world, call.subscription().unwrap_or(own)))
}

/// Refuses what is not about a subscription that has nothing but clusters.
pub(super) fn has_nothing_else(other: &OtherSubscription, target: &Target) -> Result<(), Answer> {
    if matches!(target, Target::Subscription | Target::Clusters(None)) {
        return Ok(());
    }
    let message = format!("There is no such resource in subscription '{}'.", other.id);
    Err(Answer::error(404, "ResourceNotFound", &message))
}

fn subscription_document(world: &World, id: &str) -> Value {
    let names = &world.names;
    json!({
        "id": format!("/subscriptions/{id}"),
        "subscriptionId": id,
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

pub(super) fn tenants(world: &World) -> Answer {
    let tenant = &world.names.tenant;
    Answer::list([json!({
        "id": format!("/tenants/{tenant}"),
        "tenantId": tenant,
        "countryCode": "US",
        "displayName": "simulated",
        "domains": ["simulated.onmicrosoft.com"],
        "defaultDomain": "simulated.onmicrosoft.com",
        "tenantType": "AAD",
        "tenantCategory": "Home",
    })])
}

pub(super) fn locations(world: &World) -> Answer {
    Answer::list([json!({
        "id": format!("{}/locations/{LOCATION}", world.names.subscription_id()),
        "name": LOCATION,
        "type": "Region",
        "displayName": "East US",
        "regionalDisplayName": "(US) East US",
        "metadata": {
            "regionType": "Physical",
            "regionCategory": "Recommended",
            "geography": "United States",
            "geographyGroup": "US",
            "latitude": "37.3719",
            "longitude": "-79.8164",
            "physicalLocation": "Virginia",
            "pairedRegion": [],
        },
    })])
}

pub(super) fn registrations(world: &World) -> Answer {
    Answer::list(RESOURCE_TYPES.map(|(provider, types)| registration(world, provider, types)))
}

/// A provider's registration: every provider that is simulated is registered.
pub(super) fn provider(world: &World, namespace: &str) -> Outcome {
    let found = RESOURCE_TYPES
        .into_iter()
        .find(|(provider, _)| provider.namespace().eq_ignore_ascii_case(namespace));
    let (provider, types) = found.ok_or_else(|| {
        let message = format!("The resource namespace '{namespace}' is invalid.");
        Answer::error(404, "InvalidResourceNamespace", &message)
    })?;
    Ok(Answer::ok(registration(world, provider, types)))
}

fn registration(world: &World, provider: Provider, types: &[&str]) -> Value {
    let namespace = provider.namespace();
    let types: Vec<Value> = types
        .iter()
        .map(|kind| {
            json!({
                "resourceType": kind,
                "locations": ["East US"],
                "apiVersions": provider.versions(),
                "capabilities": "CrossResourceGroupResourceMove, SupportsTags, SupportsLocation",
            })
        })
        .collect();
    json!({
        "id": format!("{}/providers/{namespace}", world.names.subscription_id()),
        "namespace": namespace,
        "registrationState": "Registered",
        "registrationPolicy": "RegistrationRequired",
        "resourceTypes": types,
    })
}
