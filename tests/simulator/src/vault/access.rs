//! Who may do what with a key: network, then permission, then the key's own state.

use serde_json::Value;

use super::{KeyVersion, Vault};
use crate::{
    backend::VaultRefusal,
    http::Answer,
    roles::{RoleAssignment, matches},
};

/// Something done to a key in the data plane.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum KeyAction {
    Read,
    Create,
    Rotate,
    Update,
    Delete,
    Recover,
    Encrypt,
    Decrypt,
}

impl KeyAction {
    /// The permission's name in an access policy; an operation's also in `key_ops`.
    fn permission(self) -> &'static str {
        match self {
            Self::Read => "get",
            Self::Create => "create",
            Self::Rotate => "rotate",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Recover => "recover",
            Self::Encrypt => "encrypt",
            Self::Decrypt => "decrypt",
        }
    }

    /// The data action of Azure's role-based access control.
    pub(crate) fn data_action(self) -> String {
        match self {
            Self::Read => "Microsoft.KeyVault/vaults/keys/read".to_owned(),
            Self::Delete => "Microsoft.KeyVault/vaults/keys/delete".to_owned(),
            _ => format!("Microsoft.KeyVault/vaults/keys/{}/action", self.permission()),
        }
    }
}

/// Why a vault refuses.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}: {message}", inner.unwrap_or(code))]
pub(crate) struct Refusal {
    status: u16,
    code: &'static str,
    /// The code that says more, where the vault gives one.
    inner: Option<&'static str>,
    message: String,
}

impl Refusal {
    pub(crate) fn forbidden(inner: &'static str, message: &str) -> Self {
        Self { status: 403, code: "Forbidden", inner: Some(inner), message: message.to_owned() }
    }

    pub(crate) fn key_not_found(name: &str) -> Self {
        let message = format!("A key with (name/id) {name} was not found in this key vault.");
        Self { status: 404, code: "KeyNotFound", inner: None, message }
    }

    pub(crate) fn vault_not_found(host: &str) -> Self {
        let message = format!("There is no vault at {host}.");
        Self { status: 404, code: "VaultNotFound", inner: None, message }
    }

    pub(crate) fn bad_parameter(message: &str) -> Self {
        Self { status: 400, code: "BadParameter", inner: None, message: message.to_owned() }
    }

    pub(crate) fn conflict(inner: &'static str, message: &str) -> Self {
        Self { status: 409, code: "Conflict", inner: Some(inner), message: message.to_owned() }
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        let mut answer = Answer::error(refusal.status, refusal.code, &refusal.message);
        if let (Self::Reply { body, .. }, Some(inner)) = (&mut answer, refusal.inner) {
            body["error"]["innererror"] = serde_json::json!({ "code": inner });
        }
        answer
    }
}

impl From<Refusal> for VaultRefusal {
    fn from(refusal: Refusal) -> Self {
        Self { code: refusal.inner.unwrap_or(refusal.code).to_owned(), message: refusal.message }
    }
}

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum User<'a> {
    /// The caller has every right but these.
    Caller { lacks: &'a [String] },
    /// The cluster's identity: itself and its groups, and their roles.
    Identity { principals: &'a [&'a str], roles: &'a [RoleAssignment], node_group: &'a str },
}

/// Whether `user` gets through to the vault and has the permission.
pub(crate) fn authorise(
    vault: &Vault,
    user: User<'_>,
    key: &str,
    action: KeyAction,
) -> Result<(), Refusal> {
    reachable(vault, user)?;
    let permitted = match user {
        User::Caller { lacks } => {
            !lacks.iter().any(|lacking| matches(lacking, &action.data_action()))
        }
        User::Identity { principals, roles, .. } => {
            if uses_rbac(vault) {
                let scope = format!("{}/keys/{key}", vault.id());
                roles.iter().any(|assignment| {
                    principals.contains(&assignment.principal.as_str())
                        && assignment.covers(&scope)
                        && assignment.role.grants_data(&action.data_action())
                })
            } else {
                permitted_by_policy(vault, principals, action)
            }
        }
    };
    if permitted {
        return Ok(());
    }
    Err(if uses_rbac(vault) {
        let action = action.data_action();
        Refusal::forbidden(
            "ForbiddenByRbac",
            &format!("Caller is not authorized to perform action on resource. Action: '{action}'."),
        )
    } else {
        let permission = action.permission();
        Refusal::forbidden(
            "AccessDenied",
            &format!("The user, group or application does not have keys {permission} permission."),
        )
    })
}

fn uses_rbac(vault: &Vault) -> bool {
    vault.properties()["enableRbacAuthorization"] == true
}

fn permitted_by_policy(vault: &Vault, principals: &[&str], action: KeyAction) -> bool {
    let policies = vault.properties()["accessPolicies"].as_array();
    policies.into_iter().flatten().any(|policy| {
        let object = policy["objectId"].as_str().unwrap_or_default();
        let permissions = policy["permissions"]["keys"].as_array();
        principals.contains(&object)
            && permissions.into_iter().flatten().filter_map(Value::as_str).any(|permission| {
                permission.eq_ignore_ascii_case(action.permission())
                    || permission.eq_ignore_ascii_case("all")
            })
    })
}

fn reachable(vault: &Vault, user: User<'_>) -> Result<(), Refusal> {
    if let User::Identity { node_group, .. } = user
        && vault.has_private_connection(node_group)
    {
        return Ok(());
    }
    open_to_the_internet(vault)
}

/// Whether requests from the internet get through.
pub(crate) fn open_to_the_internet(vault: &Vault) -> Result<(), Refusal> {
    let properties = vault.properties();
    if properties["publicNetworkAccess"] == "Disabled" {
        return Err(Refusal::forbidden(
            "ForbiddenByConnection",
            "Public network access is disabled and request is not from a trusted service nor via \
             an approved private link.",
        ));
    }
    if properties["networkAcls"]["defaultAction"] == "Deny" {
        return Err(Refusal::forbidden(
            "ForbiddenByFirewall",
            "Client address is not authorized and caller is not a trusted service.",
        ));
    }
    Ok(())
}

/// Whether the version's own state allows the operation.
pub(crate) fn usable(version: &KeyVersion, action: KeyAction) -> Result<(), Refusal> {
    let permission = action.permission();
    if !version.enabled {
        return Err(Refusal::forbidden(
            "KeyDisabled",
            &format!("Operation {permission} is not allowed on a disabled key."),
        ));
    }
    // Azure decrypts with keys that are expired or not valid yet.
    if action == KeyAction::Encrypt {
        let now = super::key::now();
        if version.expires.is_some_and(|expires| expires <= now) {
            return Err(Refusal::forbidden(
                "KeyExpired",
                "Operation encrypt is not allowed on an expired key.",
            ));
        }
        if version.not_before.is_some_and(|not_before| not_before > now) {
            return Err(Refusal::forbidden(
                "KeyNotYetValid",
                "Operation encrypt is not allowed on a key that is not yet valid.",
            ));
        }
    }
    if !version.is_rsa() {
        return Err(Refusal::bad_parameter(&format!(
            "Operation {permission} is not supported by a key of this type."
        )));
    }
    if !version.operations.iter().any(|operation| operation.eq_ignore_ascii_case(permission)) {
        return Err(Refusal::forbidden(
            "KeyOperationForbidden",
            &format!("Operation {permission} is not permitted on this key."),
        ));
    }
    Ok(())
}
