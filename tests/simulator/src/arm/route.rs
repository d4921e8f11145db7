//! Which resource a path names, and which right its use takes.

mod authorization;
mod container_service;
mod resources;

use super::{key_vault, versions::Provider};
use crate::http::Request;

/// A resource, by its group and its name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Named {
    pub(super) group: String,
    pub(super) name: String,
}

/// What a request is about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Target {
    Subscriptions,
    Subscription,
    Tenants,
    Locations,
    /// Registrations of resource providers.
    Registrations,
    Registration(String),
    /// All of them, or those in a group.
    Resources(Option<String>),
    ResourceGroups,
    ResourceGroup(String),
    PutResourceGroup,
    /// In a group, or in the subscription.
    Clusters(Option<String>),
    Cluster(Named),
    PutCluster(Named),
    Credential {
        cluster: Named,
        admin: bool,
    },
    UpgradeProfile(Named),
    AgentPools(Named),
    AgentPool(Named, String),
    Operation(String),
    KeyVault(key_vault::Target),
    /// Of this resource.
    DiagnosticSettings(String),
    Identity(Named),
    /// At this scope.
    RoleAssignments(String),
    /// Under this prefix (a subscription, or empty), with this GUID.
    RoleDefinition(String, String),
    ResourceGraph,
}

/// A target with what the gate needs to know of it.
#[derive(Clone, Debug)]
pub(super) struct Route {
    pub(super) provider: Provider,
    /// The Azure action that the caller needs.
    pub(super) action: &'static str,
    pub(super) target: Target,
    /// Whether it is a write that the case records.
    pub(super) records: bool,
}

impl Route {
    /// The route of a request; `None`: there is nothing at this path.
    pub(super) fn of(request: &Request) -> Option<Self> {
        let method = request.method.as_str();
        let lower = request.lower_segments();
        let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
        let (provider, action, target) = authorization::extension(method, &lower)
            .or_else(|| resources::route(method, &lower))?;
        let records = match &target {
            Target::KeyVault(target) => target.records(),
            Target::Credential { .. } | Target::ResourceGraph => false,
            _ => true,
        } && !matches!(method, "GET" | "HEAD");
        Some(Self { provider, action, target, records })
    }
}

type Parts = (Provider, &'static str, Target);

fn provider(method: &str, namespace: &str, group: Option<&str>, path: &[&str]) -> Option<Parts> {
    match namespace {
        "microsoft.containerservice" => container_service::route(method, group, path),
        "microsoft.keyvault" => {
            let (action, target) = key_vault::route(method, group, path)?;
            Some((Provider::KeyVault, action, Target::KeyVault(target)))
        }
        "microsoft.managedidentity" => match (method, group, path) {
            ("GET", Some(group), ["userassignedidentities", name]) => Some((
                Provider::ManagedIdentity,
                "Microsoft.ManagedIdentity/userAssignedIdentities/read",
                Target::Identity(named(group, name)),
            )),
            _ => None,
        },
        _ => None,
    }
}

fn named(group: &str, name: &str) -> Named {
    Named { group: group.to_owned(), name: name.to_owned() }
}
