//! Azure Resource Manager: who asks, in which api-version, with which right; then the resource.

mod access;
mod clusters;
mod filter;
mod graph;
mod groups;
mod identities;
mod inventory;
mod key_vault;
mod kubeconfig;
mod route;
mod subscriptions;
mod versions;

use std::sync::Arc;

pub(crate) use filter::equalities;
use groups::known_group;
use route::{Route, Target};

use crate::{
    entra::{Claims, Rejection},
    http::{Answer, Outcome, Request},
    region::Region,
    world::World,
};

/// A request that has come through the gate.
struct Call<'a> {
    region: &'a Region,
    world: &'a Arc<World>,
    request: &'a Request,
}

/// Answers a request to the management plane.
pub(crate) fn serve(region: &Region, request: &Request) -> Outcome {
    let (world, claims) = authenticate(region, request)?;
    let method = request.method.as_str();
    let route = Route::of(request);
    if let Some(Route { records: true, .. }) = &route {
        world.recorder.azure("arm", request);
    }
    if let Some(fault) = world.faults.answer(method, &request.path) {
        return Err(fault);
    }
    let Some(route) = route else {
        return Err(Answer::error(
            404,
            "InvalidResourceType",
            "The resource type could not be found in the namespace.",
        ));
    };
    versions::check(route.provider, request.query("api-version"))?;
    authorise(region, &world, &claims, &route, request)?;
    dispatch(&Call { region, world: &world, request }, route.target)
}

fn dispatch(call: &Call<'_>, target: Target) -> Outcome {
    match target {
        Target::Tenants => Ok(subscriptions::tenants(call.world)),
        Target::Subscriptions => Ok(subscriptions::subscriptions(call.world)),
        Target::Subscription => Ok(subscriptions::subscription(call.world)),
        Target::Locations => Ok(subscriptions::locations(call.world)),
        Target::Registrations => Ok(subscriptions::registrations(call.world)),
        Target::Registration(namespace) => subscriptions::provider(call.world, &namespace),
        Target::Resources(group) => inventory::list(call, group.as_deref()),
        Target::ResourceGroups => Ok(groups::list(call.world)),
        Target::ResourceGroup(group) => groups::get(call, &group),
        Target::PutResourceGroup => groups::put(call),
        Target::Clusters(group) => clusters::list(call.world, group.as_deref()),
        Target::Cluster(cluster) => clusters::get(call.world, &cluster),
        Target::PutCluster(cluster) => clusters::put(call, &cluster),
        Target::Credential { cluster, admin } => clusters::credential(call.world, &cluster, admin),
        Target::UpgradeProfile(cluster) => clusters::upgrade_profile(call.world, &cluster),
        Target::AgentPools(cluster) => clusters::agent_pools(call.world, &cluster),
        Target::AgentPool(cluster, pool) => clusters::agent_pool(call.world, &cluster, &pool),
        Target::Operation(id) => clusters::operation(call, &id),
        Target::KeyVault(target) => key_vault::serve(call, target),
        Target::DiagnosticSettings(scope) => key_vault::diagnostic_settings(call.world, &scope),
        Target::Identity(identity) => identities::get(call.world, &identity),
        Target::RoleAssignments(scope) => access::assignments(call, &scope),
        Target::RoleDefinition(prefix, guid) => access::definition(&prefix, &guid),
        Target::ResourceGraph => graph::query(call),
    }
}

/// The case of the caller, told by its token.
fn authenticate(region: &Region, request: &Request) -> Result<(Arc<World>, Claims), Answer> {
    let Some(token) = request.bearer() else {
        let message = "Authentication failed. The 'Authorization' header is missing.";
        return Err(unauthenticated(region, "AuthenticationFailed", message));
    };
    let claims = region.tokens.check(token, region.arm()).map_err(|rejection| {
        let code = match rejection {
            Rejection::Invalid => "InvalidAuthenticationToken",
            Rejection::Expired => "ExpiredAuthenticationToken",
            Rejection::WrongAudience => "InvalidAuthenticationTokenAudience",
        };
        unauthenticated(region, code, &rejection.to_string())
    })?;
    let world = region.world_of_caller(&claims).ok_or_else(|| {
        unauthenticated(region, "InvalidAuthenticationToken", "The case has ended.")
    })?;
    Ok((world, claims))
}

fn unauthenticated(region: &Region, code: &str, message: &str) -> Answer {
    let challenge = format!(
        "Bearer authorization_uri=\"{}/{}\", error=\"invalid_token\", \
         error_description=\"{message}\"",
        region.arm(),
        region.tenant,
    );
    Answer::error(401, code, message).with_header("www-authenticate", challenge)
}

/// Refuses what lies in another case's subscription, and actions that the caller lacks.
fn authorise(
    region: &Region,
    world: &World,
    claims: &Claims,
    route: &Route,
    request: &Request,
) -> Result<(), Answer> {
    let subscription = match request.segments.as_slice() {
        [first, subscription, ..] if first.eq_ignore_ascii_case("subscriptions") => {
            Some(subscription)
        }
        _ => None,
    };
    let elsewhere = subscription
        .filter(|subscription| !subscription.eq_ignore_ascii_case(&world.names.subscription));
    if let Some(subscription) = elsewhere
        && !region.has_subscription(subscription)
    {
        let message = format!("The subscription '{subscription}' could not be found.");
        return Err(Answer::error(404, "SubscriptionNotFound", &message));
    }
    if elsewhere.is_none() && !world.caller_lacks(route.action) {
        return Ok(());
    }
    let message = format!(
        "The client '{}' with object id '{}' does not have authorization to perform action '{}' \
         over scope '{}' or the scope is invalid. If access was recently granted, please refresh \
         your credentials.",
        claims.appid, claims.oid, route.action, request.path,
    );
    Err(Answer::error(403, "AuthorizationFailed", &message))
}

/// The answer about a resource that does not exist.
fn not_found(kind: &str, name: &str, group: &str) -> Answer {
    let message = format!(
        "The Resource '{kind}/{name}' under resource group '{group}' was not found. For more \
         details please go to https://aka.ms/ARMResourceNotFoundFix"
    );
    Answer::error(404, "ResourceNotFound", &message)
}
