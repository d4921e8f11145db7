//! Which resource a path names, and which right its use takes.

mod authorization;
mod container_service;
mod features;
mod managed_identity;
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
    /// Preview features of managed clusters.
    Features,
    Feature(String),
    /// Registers a feature, or takes the registration back.
    SetFeature(String, bool),
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
    PatchCluster(Named),
    DeleteCluster(Named),
    StopCluster(Named),
    StartCluster(Named),
    AbortCluster(Named),
    RunCommand(Named),
    /// Of the command with this id.
    CommandResult(Named, String),
    UpgradeProfile(Named),
    AgentPools(Named),
    AgentPool(Named, String),
    PutAgentPool(Named, String),
    DeleteAgentPool(Named, String),
    AgentPoolUpgradeProfile(Named, String),
    AgentPoolVersions(Named),
    KubernetesVersions,
    Operation(String),
    OperationResult(String),
    KeyVault(key_vault::Target),
    /// Of this resource.
    DiagnosticSettings(String),
    /// In a group, or in the subscription.
    Identities(Option<String>),
    Identity(Named),
    PutIdentity(Named),
    PatchIdentity(Named),
    DeleteIdentity(Named),
    FederatedCredentials(Named),
    FederatedCredential(Named, String),
    PutFederatedCredential(Named, String),
    DeleteFederatedCredential(Named, String),
    /// At this scope.
    RoleAssignments(String),
    /// At this scope, with this GUID.
    RoleAssignment(String, String),
    PutRoleAssignment(String, String),
    DeleteRoleAssignment(String, String),
    RoleDefinitions,
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
        "microsoft.features" => features::route(method, path),
        "microsoft.managedidentity" => managed_identity::route(method, group, path),
        _ => None,
    }
}

fn named(group: &str, name: &str) -> Named {
    Named { group: group.to_owned(), name: name.to_owned() }
}
