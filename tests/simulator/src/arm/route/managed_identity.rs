//! Routes of `Microsoft.ManagedIdentity`.

use super::{Parts, Target, named};
use crate::arm::versions::Provider;

pub(super) fn route(method: &str, group: Option<&str>, path: &[&str]) -> Option<Parts> {
    let (action, target) = match (method, group, path) {
        ("GET", group, ["userassignedidentities"]) => (
            "Microsoft.ManagedIdentity/userAssignedIdentities/read",
            Target::Identities(group.map(str::to_owned)),
        ),
        (method, Some(group), ["userassignedidentities", name, rest @ ..]) => {
            let identity = named(group, name);
            match rest {
                [] => itself(method, identity)?,
                ["federatedidentitycredentials", rest @ ..] => federated(method, identity, rest)?,
                _ => return None,
            }
        }
        _ => return None,
    };
    Some((Provider::ManagedIdentity, action, target))
}

fn itself(method: &str, identity: super::Named) -> Option<(&'static str, Target)> {
    let write = "Microsoft.ManagedIdentity/userAssignedIdentities/write";
    match method {
        "GET" => {
            let action = "Microsoft.ManagedIdentity/userAssignedIdentities/read";
            Some((action, Target::Identity(identity)))
        }
        "PUT" => Some((write, Target::PutIdentity(identity))),
        "PATCH" => Some((write, Target::PatchIdentity(identity))),
        "DELETE" => {
            let action = "Microsoft.ManagedIdentity/userAssignedIdentities/delete";
            Some((action, Target::DeleteIdentity(identity)))
        }
        _ => None,
    }
}

fn federated(
    method: &str,
    identity: super::Named,
    path: &[&str],
) -> Option<(&'static str, Target)> {
    let read = "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/read";
    let write =
        "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/write";
    let delete =
        "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/delete";
    match (method, path) {
        ("GET", []) => Some((read, Target::FederatedCredentials(identity))),
        ("GET", [name]) => Some((read, Target::FederatedCredential(identity, (*name).to_owned()))),
        ("PUT", [name]) => {
            Some((write, Target::PutFederatedCredential(identity, (*name).to_owned())))
        }
        ("DELETE", [name]) => {
            Some((delete, Target::DeleteFederatedCredential(identity, (*name).to_owned())))
        }
        _ => None,
    }
}
