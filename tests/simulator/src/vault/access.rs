//! Who may do what with a key: network, then permission, then the key's own state.

use serde_json::Value;

use super::{KeyVersion, Refusal, Vault, network};
use crate::{given::Access, roles::RoleAssignment};

/// Something done to a key in the data plane.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum KeyAction {
    Get,
    List,
    Create,
    Rotate,
    Update,
    Delete,
    Recover,
    Purge,
    GetRotationPolicy,
    SetRotationPolicy,
    Encrypt,
    Decrypt,
    Wrap,
    Unwrap,
}

impl KeyAction {
    /// The permission's name in an access policy; an operation's also in `key_ops`.
    fn permission(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Create => "create",
            Self::Rotate => "rotate",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Recover => "recover",
            Self::Purge => "purge",
            Self::GetRotationPolicy => "getrotationpolicy",
            Self::SetRotationPolicy => "setrotationpolicy",
            Self::Encrypt => "encrypt",
            Self::Decrypt => "decrypt",
            Self::Wrap => "wrapKey",
            Self::Unwrap => "unwrapKey",
        }
    }

    /// The data action of Azure's role-based access control.
    pub(crate) fn data_action(self) -> &'static str {
        match self {
            Self::Get | Self::List => "Microsoft.KeyVault/vaults/keys/read",
            Self::Create => "Microsoft.KeyVault/vaults/keys/create/action",
            Self::Rotate => "Microsoft.KeyVault/vaults/keys/rotate/action",
            Self::Update => "Microsoft.KeyVault/vaults/keys/update/action",
            Self::Delete => "Microsoft.KeyVault/vaults/keys/delete",
            Self::Recover => "Microsoft.KeyVault/vaults/keys/recover/action",
            Self::Purge => "Microsoft.KeyVault/vaults/keys/purge/action",
            Self::GetRotationPolicy => "Microsoft.KeyVault/vaults/keyrotationpolicies/read",
            Self::SetRotationPolicy => "Microsoft.KeyVault/vaults/keyrotationpolicies/write",
            Self::Encrypt => "Microsoft.KeyVault/vaults/keys/encrypt/action",
            Self::Decrypt => "Microsoft.KeyVault/vaults/keys/decrypt/action",
            Self::Wrap => "Microsoft.KeyVault/vaults/keys/wrap/action",
            Self::Unwrap => "Microsoft.KeyVault/vaults/keys/unwrap/action",
        }
    }

    /// Whether it makes ciphertext, which a key that is expired or not valid yet must not.
    fn protects(self) -> bool {
        matches!(self, Self::Encrypt | Self::Wrap)
    }
}

/// How requests of a cluster's control plane reach a vault.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way<'a> {
    /// Over the internet, or over a private endpoint from the nodes' resource group.
    Network { node_group: &'a str },
    /// Over the internet alone.
    Internet,
    /// As a trusted service of Azure.
    TrustedService,
}

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum User<'a> {
    /// The caller: in a vault with role-based access control it has what its rights grant, in any other
    /// what a policy gives it, without those that it lacks.
    Caller { object: &'a str, rights: &'a Access },
    /// The cluster's identity: itself and its groups, and their roles.
    Identity { principals: &'a [&'a str], roles: &'a [RoleAssignment], way: Way<'a> },
}

/// Whether `user` gets through to the vault and has the permission.
pub(crate) fn authorise(
    vault: &Vault,
    user: User<'_>,
    key: &str,
    action: KeyAction,
) -> Result<(), Refusal> {
    reachable(vault, user)?;
    let rbac = vault.uses_rbac();
    let permitted = match user {
        User::Caller { rights, .. } if rbac => rights.grants_data(action.data_action()),
        User::Caller { object, rights } => {
            !rights.lacks(action.data_action()) && permitted_by_policy(vault, &[object], action)
        }
        User::Identity { principals, roles, .. } if rbac => {
            let scope = format!("{}/keys/{key}", vault.id());
            roles.iter().any(|assignment| {
                principals.contains(&assignment.principal.as_str())
                    && assignment.covers(&scope)
                    && assignment.role.grants_data(action.data_action())
            })
        }
        User::Identity { principals, .. } => permitted_by_policy(vault, principals, action),
    };
    if permitted {
        return Ok(());
    }
    Err(if rbac {
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

fn permitted_by_policy(vault: &Vault, principals: &[&str], action: KeyAction) -> bool {
    let policies = vault.properties()["accessPolicies"].as_array();
    policies.into_iter().flatten().any(|policy| {
        let object = policy["objectId"].as_str().unwrap_or_default();
        let permissions = policy["permissions"]["keys"].as_array();
        principals.iter().any(|principal| principal.eq_ignore_ascii_case(object))
            && permissions.into_iter().flatten().filter_map(Value::as_str).any(|permission| {
                permission.eq_ignore_ascii_case(action.permission())
                    || permission.eq_ignore_ascii_case("all")
            })
    })
}

fn reachable(vault: &Vault, user: User<'_>) -> Result<(), Refusal> {
    match user {
        User::Identity { way: Way::Network { node_group }, .. }
            if vault.has_private_connection(node_group) =>
        {
            Ok(())
        }
        User::Identity { way: Way::TrustedService, .. } => network::admits_trusted_services(vault),
        User::Identity { .. } => network::admits(vault, network::CLUSTER_ADDRESS),
        User::Caller { .. } => network::admits(vault, network::CALLER_ADDRESS),
    }
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
    if action.protects() {
        let now = super::key::now();
        if version.expires.is_some_and(|expires| expires <= now) {
            return Err(Refusal::forbidden(
                "KeyExpired",
                &format!("Operation {permission} is not allowed on an expired key."),
            ));
        }
        if version.not_before.is_some_and(|not_before| not_before > now) {
            return Err(Refusal::forbidden(
                "KeyNotYetValid",
                &format!("Operation {permission} is not allowed on a key that is not yet valid."),
            ));
        }
    }
    if !version.spec.is_rsa() {
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
