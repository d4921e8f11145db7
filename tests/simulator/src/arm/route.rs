//! Which resource a path names, and which right its use takes.

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
    ResourceGroups,
    ResourceGroup(String),
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
        let (provider, action, target) =
            extension(method, &lower).or_else(|| resource(method, &lower))?;
        let records = match &target {
            Target::KeyVault(target) => target.records(method),
            Target::Credential { .. } | Target::ResourceGraph => false,
            _ => method != "GET",
        };
        Some(Self { provider, action, target, records })
    }
}

type Parts = (Provider, &'static str, Target);

/// Resources that hang on others: the scope comes before the last `providers`.
fn extension(method: &str, path: &[&str]) -> Option<Parts> {
    let last = path.iter().rposition(|segment| *segment == "providers")?;
    let scope = path[..last].iter().fold(String::new(), |scope, segment| scope + "/" + segment);
    let parts = match (method, &path[last + 1..]) {
        ("GET", ["microsoft.authorization", "roleassignments"]) => (
            Provider::Authorization,
            "Microsoft.Authorization/roleAssignments/read",
            Target::RoleAssignments(scope),
        ),
        ("GET", ["microsoft.authorization", "roledefinitions", guid]) => (
            Provider::Authorization,
            "Microsoft.Authorization/roleDefinitions/read",
            Target::RoleDefinition(scope, (*guid).to_owned()),
        ),
        ("GET", ["microsoft.insights", "diagnosticsettings"]) => (
            Provider::Insights,
            "Microsoft.Insights/diagnosticSettings/read",
            Target::DiagnosticSettings(scope),
        ),
        _ => return None,
    };
    Some(parts)
}

fn resource(method: &str, path: &[&str]) -> Option<Parts> {
    let parts = match (method, path) {
        ("GET", ["subscriptions"]) => {
            (Provider::Resources, "Microsoft.Resources/subscriptions/read", Target::Subscriptions)
        }
        ("GET", ["subscriptions", _]) => {
            (Provider::Resources, "Microsoft.Resources/subscriptions/read", Target::Subscription)
        }
        ("GET", ["subscriptions", _, "resourcegroups"]) => (
            Provider::Resources,
            "Microsoft.Resources/subscriptions/resourceGroups/read",
            Target::ResourceGroups,
        ),
        ("GET", ["subscriptions", _, "resourcegroups", group]) => (
            Provider::Resources,
            "Microsoft.Resources/subscriptions/resourceGroups/read",
            Target::ResourceGroup((*group).to_owned()),
        ),
        ("POST", ["providers", "microsoft.resourcegraph", "resources"]) => (
            Provider::ResourceGraph,
            "Microsoft.ResourceGraph/resources/read",
            Target::ResourceGraph,
        ),
        (_, ["subscriptions", _, "providers", namespace, rest @ ..]) => {
            return provider(method, namespace, None, rest);
        }
        (_, ["subscriptions", _, "resourcegroups", group, "providers", namespace, rest @ ..]) => {
            return provider(method, namespace, Some(group), rest);
        }
        _ => return None,
    };
    Some(parts)
}

fn provider(method: &str, namespace: &str, group: Option<&str>, path: &[&str]) -> Option<Parts> {
    match namespace {
        "microsoft.containerservice" => container_service(method, group, path),
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

fn container_service(method: &str, group: Option<&str>, path: &[&str]) -> Option<Parts> {
    let (action, target) = match (method, group, path) {
        ("GET", None, ["locations", _, "operations", id]) => (
            "Microsoft.ContainerService/locations/operations/read",
            Target::Operation((*id).to_owned()),
        ),
        ("GET", group, ["managedclusters"]) => (
            "Microsoft.ContainerService/managedClusters/read",
            Target::Clusters(group.map(str::to_owned)),
        ),
        (method, Some(group), ["managedclusters", name, rest @ ..]) => {
            let cluster = named(group, name);
            match (method, rest) {
                ("GET", []) => {
                    ("Microsoft.ContainerService/managedClusters/read", Target::Cluster(cluster))
                }
                ("PUT", []) => (
                    "Microsoft.ContainerService/managedClusters/write",
                    Target::PutCluster(cluster),
                ),
                ("POST", ["listclusterusercredential"]) => (
                    "Microsoft.ContainerService/managedClusters/listClusterUserCredential/action",
                    Target::Credential { cluster, admin: false },
                ),
                ("POST", ["listclusteradmincredential"]) => (
                    "Microsoft.ContainerService/managedClusters/listClusterAdminCredential/action",
                    Target::Credential { cluster, admin: true },
                ),
                ("GET", ["upgradeprofiles", "default"]) => (
                    "Microsoft.ContainerService/managedClusters/upgradeProfiles/read",
                    Target::UpgradeProfile(cluster),
                ),
                ("GET", ["agentpools"]) => (
                    "Microsoft.ContainerService/managedClusters/agentPools/read",
                    Target::AgentPools(cluster),
                ),
                ("GET", ["agentpools", pool]) => (
                    "Microsoft.ContainerService/managedClusters/agentPools/read",
                    Target::AgentPool(cluster, (*pool).to_owned()),
                ),
                _ => return None,
            }
        }
        _ => return None,
    };
    Some((Provider::ContainerService, action, target))
}

fn named(group: &str, name: &str) -> Named {
    Named { group: group.to_owned(), name: name.to_owned() }
}
