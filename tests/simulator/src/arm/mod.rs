//! Azure Resource Manager: who asks, in which api-version, with which right; then the resource.

mod agent_pools;
mod clusters;
mod features;
mod filter;
mod fleet;
mod graph;
mod groups;
mod identities;
mod inventory;
mod key_vault;
mod kubeconfig;
mod operations;
mod other_clusters;
mod paging;
mod role_assignments;
mod role_definitions;
mod route;
mod run_command;
mod subscriptions;
mod throttling;
mod versions;

use std::sync::Arc;

pub(crate) use filter::equalities;
pub(crate) use groups::check_location;
use groups::known_group;
use route::{Route, Target};
use time::macros::format_description;

use crate::{
    cluster::lifecycle,
    entra::{Claims, Rejection},
    http::{Answer, Outcome, Request},
    region::Region,
    world::World,
    writes::Use,
};

/// A request that has come through the gate.
struct Call<'a> {
    region: &'a Region,
    world: &'a Arc<World>,
    request: &'a Request,
    claims: &'a Claims,
}

impl Call<'_> {
    /// Whether the caller has the right to do something to a resource, which it then uses.
    fn may(&self, action: &str, resource: &str) -> bool {
        let may = may(self.world, self.claims, action, resource);
        if may {
            note_use(self.world, self.claims, action);
        }
        may
    }

    /// The worlds that the caller can see.
    fn worlds(&self) -> Vec<Arc<World>> {
        self.region.worlds_of(self.world)
    }

    /// The subscription that the request is about, where it is about one.
    fn subscription(&self) -> Option<&str> {
        subscription(self.request)
    }
}

/// Answers a request to the management plane.
pub(crate) fn serve(region: &Region, request: &Request) -> Outcome {
    let (world, claims) = authenticate(region, request)?;
    Ok(match region.fleet(&world.names.case) {
        Some(fleet) => fleet::serve(region, &fleet, &claims, request),
        None => serve_in(region, &world, &claims, request),
    })
}

/// Answers a request that is about one case.
fn serve_in(region: &Region, world: &Arc<World>, claims: &Claims, request: &Request) -> Answer {
    serve_with(world, claims, request, || outcome(region, world, claims, request))
}

/// Answers a request that is for a world's caller: with `answer`, if nothing goes wrong.
fn serve_with(
    world: &World,
    claims: &Claims,
    request: &Request,
    answer: impl FnOnce() -> Outcome,
) -> Answer {
    let method = request.method.as_str();
    world.recorder.requests.add("arm", method, &request.path);
    if Route::of(request).is_some_and(|route| route.records) {
        world.recorder.azure("arm", request);
    }
    let (taken, refused) = throttling::take(world, claims, request);
    if let Some(refusal) = refused {
        return dated(world, refusal).delayed(world.faults.latency());
    }
    let answer = match world.faults.answer(method, &request.path) {
        Some(refusal) => refusal,
        None => answer().unwrap_or_else(|refusal| refusal),
    };
    let answer = world.faults.answer_after_effect(method, &request.path).unwrap_or(answer);
    taken.on(dated(world, answer)).delayed(world.faults.latency())
}

/// What comes of a request to one world, whatever goes wrong on the way.
fn outcome(region: &Region, world: &Arc<World>, claims: &Claims, request: &Request) -> Outcome {
    let answer = whole(region, world, claims, request)?;
    if request.method == http::Method::GET {
        return Ok(paging::cut(region, request, world.faults.page_size(), answer));
    }
    Ok(answer)
}

/// The same with lists as a whole.
fn whole(region: &Region, world: &Arc<World>, claims: &Claims, request: &Request) -> Outcome {
    let Some(route) = Route::of(request) else {
        return Err(Answer::error(
            404,
            "InvalidResourceType",
            "The resource type could not be found in the namespace.",
        ));
    };
    versions::check(route.provider, request.query("api-version"))?;
    authorise(region, world, claims, &route, request)?;
    dispatch(&Call { region, world, request, claims }, route.target)
}

/// An answer with the time that the service takes for now.
fn dated(world: &World, answer: Answer) -> Answer {
    let format = format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    match world.faults.now().format(format) {
        Ok(date) => answer.with_header("date", date),
        Err(_) => answer,
    }
}

fn dispatch(call: &Call<'_>, target: Target) -> Outcome {
    match target {
        Target::Tenants => Ok(subscriptions::tenants(call.world)),
        Target::Subscriptions => Ok(subscriptions::subscriptions(call)),
        Target::Subscription => Ok(subscriptions::subscription(call)),
        Target::Features => Ok(features::list(call.world)),
        Target::Feature(name) => features::get(call.world, &name),
        Target::SetFeature(name, registered) => features::set(call.world, &name, registered),
        Target::Locations => Ok(subscriptions::locations(call.world)),
        Target::Registrations => Ok(subscriptions::registrations(call.world)),
        Target::Registration(namespace) => subscriptions::provider(call.world, &namespace),
        Target::Resources(group) => inventory::list(call, group.as_deref()),
        Target::ResourceGroups => Ok(groups::list(call.world)),
        Target::ResourceGroup(group) => groups::get(call, &group),
        Target::PutResourceGroup => groups::put(call),
        Target::Clusters(group) => clusters::list(call, group.as_deref()),
        Target::Cluster(cluster) => clusters::get(call, &cluster),
        Target::PutCluster(cluster) => clusters::put(call, &cluster),
        Target::PatchCluster(cluster) => clusters::patch(call, &cluster),
        Target::DeleteCluster(cluster) => clusters::delete(call, &cluster),
        Target::StopCluster(cluster) => clusters::act(call, &cluster, lifecycle::stop),
        Target::StartCluster(cluster) => clusters::act(call, &cluster, lifecycle::start),
        Target::AbortCluster(cluster) => clusters::act(call, &cluster, lifecycle::abort),
        Target::RunCommand(cluster) => run_command::start(call, &cluster),
        Target::CommandResult(cluster, id) => run_command::result(call, &cluster, &id),
        Target::Credential { cluster, admin } => clusters::credential(call, &cluster, admin),
        Target::UpgradeProfile(cluster) => clusters::upgrade_profile(call.world, &cluster),
        Target::KubernetesVersions => Ok(clusters::kubernetes_versions()),
        Target::AgentPools(cluster) => agent_pools::list(call, &cluster),
        Target::AgentPool(cluster, pool) => agent_pools::get(call, &cluster, &pool),
        Target::PutAgentPool(cluster, pool) => agent_pools::put(call, &cluster, &pool),
        Target::DeleteAgentPool(cluster, pool) => agent_pools::delete(call, &cluster, &pool),
        Target::AgentPoolUpgradeProfile(cluster, pool) => {
            agent_pools::upgrade_profile(call, &cluster, &pool)
        }
        Target::AgentPoolVersions(cluster) => agent_pools::available_versions(call, &cluster),
        Target::Operation(id) => operations::status(call, &id),
        Target::OperationResult(id) => operations::result(call, &id),
        Target::KeyVault(target) => key_vault::serve(call, target),
        Target::DiagnosticSettings(scope) => key_vault::diagnostic_settings(call.world, &scope),
        Target::Identities(group) => identities::list(call.world, group.as_deref()),
        Target::Identity(identity) => identities::get(call.world, &identity),
        Target::PutIdentity(identity) => identities::put(call, &identity),
        Target::PatchIdentity(identity) => identities::patch(call, &identity),
        Target::DeleteIdentity(identity) => identities::delete(call.world, &identity),
        Target::FederatedCredentials(identity) => identities::credentials(call.world, &identity),
        Target::FederatedCredential(identity, name) => {
            identities::credential(call.world, &identity, &name)
        }
        Target::PutFederatedCredential(identity, name) => {
            identities::put_credential(call, &identity, &name)
        }
        Target::DeleteFederatedCredential(identity, name) => {
            identities::delete_credential(call.world, &identity, &name)
        }
        Target::RoleAssignments(scope) => role_assignments::list(call, &scope),
        Target::RoleAssignment(scope, guid) => role_assignments::get(call, &scope, &guid),
        Target::PutRoleAssignment(scope, guid) => role_assignments::put(call, &scope, &guid),
        Target::DeleteRoleAssignment(scope, guid) => {
            Ok(role_assignments::delete(call, &scope, &guid))
        }
        Target::RoleDefinitions => role_definitions::list(call),
        Target::RoleDefinition(prefix, guid) => role_definitions::get(&prefix, &guid),
        Target::ResourceGraph => graph::query(call),
    }
}

/// The case of the caller, told by its token.
fn authenticate(region: &Region, request: &Request) -> Result<(Arc<World>, Claims), Answer> {
    let Some(token) = request.bearer() else {
        let message = "Authentication failed. The 'Authorization' header is missing.";
        return Err(unauthenticated(region, "AuthenticationFailed", message));
    };
    region.caller(token, region.arm()).map_err(|rejection| {
        let code = match rejection {
            Rejection::Invalid | Rejection::NotYetValid => "InvalidAuthenticationToken",
            Rejection::Expired => "ExpiredAuthenticationToken",
            Rejection::WrongAudience => "InvalidAuthenticationTokenAudience",
        };
        unauthenticated(region, code, &rejection.to_string())
    })
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
    let subscription = subscription(request);
    let other = subscription.and_then(|subscription| world.given.other_subscription(subscription));
    if let Some(other) = other.filter(|other| other.readable) {
        subscriptions::has_nothing_else(other, &route.target)?;
    }
    let elsewhere = subscription
        .filter(|subscription| !subscription.eq_ignore_ascii_case(&world.names.subscription))
        .filter(|_| other.is_none_or(|other| !other.readable));
    if let Some(subscription) = elsewhere
        && other.is_none()
        && !region.has_subscription(subscription)
    {
        let message = format!("The subscription '{subscription}' could not be found.");
        return Err(Answer::error(404, "SubscriptionNotFound", &message));
    }
    // What lies in no subscription answers only what the caller may see.
    let everybodys = subscription.is_none() && !world.names.is_caller(&claims.oid);
    if elsewhere.is_none() && (everybodys || may(world, claims, route.action, &request.path)) {
        note_use(world, claims, route.action);
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

/// The subscription that a request is about, where it is about one.
fn subscription(request: &Request) -> Option<&str> {
    match request.segments.as_slice() {
        [first, subscription, ..] if first.eq_ignore_ascii_case("subscriptions") => {
            Some(subscription)
        }
        _ => None,
    }
}

fn note_use(world: &World, claims: &Claims, action: &str) {
    if world.names.is_caller(&claims.oid) {
        world.recorder.used(Use::Action(action.to_owned()));
    }
}

/// Whether a principal may do something to a resource: the case's caller everything but what it
/// lacks, an identity what its roles in effect grant.
fn may(world: &World, claims: &Claims, action: &str, resource: &str) -> bool {
    if world.names.is_caller(&claims.oid) {
        return world.rights().grants(action);
    }
    let roles = world.roles_of_principal(&claims.oid);
    roles.iter().any(|role| role.covers(resource) && role.role.grants(action))
}

/// The answer about a resource that does not exist.
fn not_found(kind: &str, name: &str, group: &str) -> Answer {
    let message = format!(
        "The Resource '{kind}/{name}' under resource group '{group}' was not found. For more \
         details please go to https://aka.ms/ARMResourceNotFoundFix"
    );
    Answer::error(404, "ResourceNotFound", &message)
}
