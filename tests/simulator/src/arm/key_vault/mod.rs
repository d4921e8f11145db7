//! `Microsoft.KeyVault`: which resource a path names, which right its use takes, and its answer.

mod checks;
mod deleted;
mod keys;
mod policies;
mod vaults;

pub(super) use vaults::diagnostic_settings;

use super::{Call, route::Named};
use crate::http::{Answer, Outcome};

/// What a request to the provider is about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Target {
    /// In a group, or in the subscription.
    Vaults(Option<String>),
    CheckName,
    Vault(Named),
    PutVault(Named),
    PatchVault(Named),
    DeleteVault(Named),
    /// What is to be done with the policies in the body: `add`, `replace` or `remove`.
    Policies(Named, String),
    PrivateEndpointConnections(Named),
    DeletedVaults,
    DeletedVault(Place),
    Purge(Place),
    /// How a purge is going.
    OperationResult(String),
    /// There are none, deleted or not.
    ManagedHsms,
    Keys(Named),
    Key(Named, String),
    PutKey(Named, String),
    KeyVersions(Named, String),
    KeyVersion(Named, String, String),
}

/// A deleted vault: it has no group any more.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Place {
    location: String,
    name: String,
}

impl Target {
    /// Whether the case records it, when it is no read by its method.
    pub(super) fn records(&self) -> bool {
        *self != Self::CheckName
    }
}

/// The target of a path after the provider's name, in lower case, and the action that it takes.
pub(super) fn route(
    method: &str,
    group: Option<&str>,
    path: &[&str],
) -> Option<(&'static str, Target)> {
    let text = |text: &&str| (*text).to_owned();
    let found = match (method, group, path) {
        ("GET", group, ["vaults"]) => {
            ("Microsoft.KeyVault/vaults/read", Target::Vaults(group.map(str::to_owned)))
        }
        ("POST", None, ["checknameavailability"]) => {
            ("Microsoft.KeyVault/checkNameAvailability/read", Target::CheckName)
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
        ("GET", None, ["locations", _, "operationresults", id]) => (
            "Microsoft.KeyVault/locations/operationResults/read",
            Target::OperationResult(text(id)),
        ),
        (method, None, ["locations", location, "deletedvaults", name, rest @ ..]) => {
            let place = Place { location: text(location), name: text(name) };
            match (method, rest) {
                ("GET", []) => {
                    ("Microsoft.KeyVault/locations/deletedVaults/read", Target::DeletedVault(place))
                }
                ("POST", ["purge"]) => (
                    "Microsoft.KeyVault/locations/deletedVaults/purge/action",
                    Target::Purge(place),
                ),
                _ => return None,
            }
        }
        (method, Some(group), ["vaults", name, rest @ ..]) => {
            let vault = Named { group: group.to_owned(), name: text(name) };
            return of_vault(method, vault, rest);
        }
        _ => return None,
    };
    Some(found)
}

fn of_vault(method: &str, vault: Named, path: &[&str]) -> Option<(&'static str, Target)> {
    let text = |text: &&str| (*text).to_owned();
    let found = match (method, path) {
        ("GET", []) => ("Microsoft.KeyVault/vaults/read", Target::Vault(vault)),
        ("PUT", []) => ("Microsoft.KeyVault/vaults/write", Target::PutVault(vault)),
        ("PATCH", []) => ("Microsoft.KeyVault/vaults/write", Target::PatchVault(vault)),
        ("DELETE", []) => ("Microsoft.KeyVault/vaults/delete", Target::DeleteVault(vault)),
        ("PUT", ["accesspolicies", kind @ ("add" | "replace" | "remove")]) => {
            ("Microsoft.KeyVault/vaults/accessPolicies/write", Target::Policies(vault, text(kind)))
        }
        ("GET", ["privateendpointconnections"]) => (
            "Microsoft.KeyVault/vaults/privateEndpointConnections/read",
            Target::PrivateEndpointConnections(vault),
        ),
        ("GET", ["keys"]) => ("Microsoft.KeyVault/vaults/keys/read", Target::Keys(vault)),
        ("GET", ["keys", key]) => {
            ("Microsoft.KeyVault/vaults/keys/read", Target::Key(vault, text(key)))
        }
        ("PUT", ["keys", key]) => {
            ("Microsoft.KeyVault/vaults/keys/write", Target::PutKey(vault, text(key)))
        }
        ("GET", ["keys", key, "versions"]) => {
            ("Microsoft.KeyVault/vaults/keys/versions/read", Target::KeyVersions(vault, text(key)))
        }
        ("GET", ["keys", key, "versions", version]) => (
            "Microsoft.KeyVault/vaults/keys/versions/read",
            Target::KeyVersion(vault, text(key), text(version)),
        ),
        _ => return None,
    };
    Some(found)
}

/// Answers a request to the provider.
pub(super) fn serve(call: &Call<'_>, target: Target) -> Outcome {
    let world = call.world;
    match target {
        Target::Vaults(group) => vaults::list(world, group.as_deref()),
        Target::CheckName => vaults::check_name(call),
        Target::Vault(vault) => vaults::get(world, &vault),
        Target::PutVault(vault) => vaults::put(call, &vault),
        Target::PatchVault(vault) => vaults::patch(call, &vault),
        Target::DeleteVault(vault) => vaults::delete(world, &vault),
        Target::Policies(vault, kind) => policies::put(call, &vault, &kind),
        Target::PrivateEndpointConnections(vault) => vaults::connections(world, &vault),
        Target::DeletedVaults => Ok(deleted::list(world)),
        Target::DeletedVault(place) => deleted::get(world, &place),
        Target::Purge(place) => deleted::purge(call, &place),
        Target::OperationResult(id) => deleted::operation_result(&id),
        Target::ManagedHsms => Ok(Answer::list([])),
        Target::Keys(vault) => keys::list(world, &vault),
        Target::Key(vault, key) => keys::get(world, &vault, &key),
        Target::PutKey(vault, key) => keys::put(call, &vault, &key),
        Target::KeyVersions(vault, key) => keys::versions(world, &vault, &key),
        Target::KeyVersion(vault, key, version) => keys::version(world, &vault, &key, &version),
    }
}
