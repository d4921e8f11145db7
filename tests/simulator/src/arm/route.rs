//! Which resource a path names, and which right its use takes.

mod authorization;
mod container_service;
mod resources;

use super::versions::Provider;
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
    Vaults(Option<String>),
    Vault(Named),
    PutVault(Named),
    PatchVault(Named),
    PrivateEndpointConnections(Named),
    DeletedVaults,
    DeletedVault(String),
    /// There are none, deleted or not.
    ManagedHsms,
    /// Of this resource.
    DiagnosticSettings(String),
    Key(Named, String),
    KeyVersions(Named, String),
    KeyVersion(Named, String, String),
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
        let records = !matches!(method, "GET" | "HEAD")
            && !matches!(target, Target::Credential { .. } | Target::ResourceGraph);
        Some(Self { provider, action, target, records })
    }
}

type Parts = (Provider, &'static str, Target);

fn provider(method: &str, namespace: &str, group: Option<&str>, path: &[&str]) -> Option<Parts> {
    match namespace {
        "microsoft.containerservice" => container_service::route(method, group, path),
        "microsoft.keyvault" => key_vault(method, group, path),
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

fn key_vault(method: &str, group: Option<&str>, path: &[&str]) -> Option<Parts> {
    let (action, target) = match (method, group, path) {
        ("GET", group, ["vaults"]) => {
            ("Microsoft.KeyVault/vaults/read", Target::Vaults(group.map(str::to_owned)))
        }
        ("GET", None, ["deletedvaults"]) => {
            ("Microsoft.KeyVault/deletedVaults/read", Target::DeletedVaults)
        }
        ("GET", None, ["managedhsms"]) => {
            ("Microsoft.KeyVault/managedHSMs/read", Target::ManagedHsms)
        }
        ("GET", None, ["deletedmanagedhsms"]) => {
            ("Microsoft.KeyVault/deletedManagedHsms/read", Target::ManagedHsms)
        }
        ("GET", None, ["locations", _, "deletedvaults", name]) => (
            "Microsoft.KeyVault/locations/deletedVaults/read",
            Target::DeletedVault((*name).to_owned()),
        ),
        (method, Some(group), ["vaults", name, rest @ ..]) => {
            let vault = named(group, name);
            match (method, rest) {
                ("GET", []) => ("Microsoft.KeyVault/vaults/read", Target::Vault(vault)),
                ("PUT", []) => ("Microsoft.KeyVault/vaults/write", Target::PutVault(vault)),
                ("PATCH", []) => ("Microsoft.KeyVault/vaults/write", Target::PatchVault(vault)),
                ("GET", ["privateendpointconnections"]) => (
                    "Microsoft.KeyVault/vaults/privateEndpointConnections/read",
                    Target::PrivateEndpointConnections(vault),
                ),
                ("GET", ["keys", key]) => {
                    ("Microsoft.KeyVault/vaults/keys/read", Target::Key(vault, (*key).to_owned()))
                }
                ("GET", ["keys", key, "versions"]) => (
                    "Microsoft.KeyVault/vaults/keys/versions/read",
                    Target::KeyVersions(vault, (*key).to_owned()),
                ),
                ("GET", ["keys", key, "versions", version]) => (
                    "Microsoft.KeyVault/vaults/keys/versions/read",
                    Target::KeyVersion(vault, (*key).to_owned(), (*version).to_owned()),
                ),
                _ => return None,
            }
        }
        _ => return None,
    };
    Some((Provider::KeyVault, action, target))
}

fn named(group: &str, name: &str) -> Named {
    Named { group: group.to_owned(), name: name.to_owned() }
}
