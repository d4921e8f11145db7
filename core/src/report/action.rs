//! What somebody is about to do elsewhere.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::{IdentityId, KeyId, KubernetesVersion, VaultId};

/// Something that somebody is about to do to a key, a vault, an identity or the cluster, outside
/// of this crate: [`check_action`](crate::KmsManager::check_action) judges it.
///
/// ```
/// use aks_kms::Action;
/// let action: Action = serde_json::from_str(r#"{"kind": "scale-to-zero", "node_pool": "system"}"#)?;
/// assert_eq!(action, Action::ScaleToZero { node_pool: "system".to_owned() });
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Action {
    /// Delete or purge a key.
    DeleteKey {
        /// The version; without one: all versions.
        key_id: KeyId,
    },
    /// Disable a key.
    DisableKey {
        /// The version; without one: all versions.
        key_id: KeyId,
    },
    /// Let a key expire.
    ExpireKey {
        /// The version; without one: all versions.
        key_id: KeyId,
    },
    /// Delete or purge a vault.
    DeleteVault {
        /// The vault.
        key_vault_id: VaultId,
    },
    /// Delete a user-assigned managed identity.
    DeleteIdentity {
        /// The identity.
        identity_id: IdentityId,
    },
    /// Take a role on a vault, or an access policy of it, away from a principal.
    RemoveRole {
        /// The vault.
        key_vault_id: VaultId,
        /// Object id of the principal: an identity, or a group that it is in.
        principal_id: String,
    },
    /// Stop the cluster.
    StopCluster,
    /// Scale a node pool to zero through the scale-set API.
    ScaleToZero {
        /// The node pool's name.
        node_pool: String,
    },
    /// Upgrade the cluster's control plane.
    Upgrade {
        /// To this version.
        kubernetes_version: KubernetesVersion,
    },
    /// Close a vault's public network access, or set its firewall to deny by default.
    CloseVault {
        /// The vault.
        key_vault_id: VaultId,
    },
    /// Keep trusted services of Azure out of a vault: set its `networkAcls.bypass` to None.
    DenyTrustedServices {
        /// The vault.
        key_vault_id: VaultId,
    },
    /// Move the vault or the cluster to another tenant.
    MoveTenant,
}

impl Action {
    /// Whether other clusters can be hit by it.
    pub(crate) fn concerns_others(&self) -> bool {
        match self {
            Self::DeleteKey { .. }
            | Self::DisableKey { .. }
            | Self::ExpireKey { .. }
            | Self::DeleteVault { .. }
            | Self::DeleteIdentity { .. }
            | Self::RemoveRole { .. }
            | Self::CloseVault { .. }
            | Self::DenyTrustedServices { .. } => true,
            Self::StopCluster
            | Self::ScaleToZero { .. }
            | Self::Upgrade { .. }
            | Self::MoveTenant => false,
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DeleteKey { key_id } => write!(f, "delete key {key_id}"),
            Self::DisableKey { key_id } => write!(f, "disable key {key_id}"),
            Self::ExpireKey { key_id } => write!(f, "let key {key_id} expire"),
            Self::DeleteVault { key_vault_id } => write!(f, "delete vault {key_vault_id}"),
            Self::DeleteIdentity { identity_id } => write!(f, "delete identity {identity_id}"),
            Self::RemoveRole { key_vault_id, principal_id } => {
                write!(f, "take the access to vault {key_vault_id} away from {principal_id}")
            }
            Self::StopCluster => f.write_str("stop the cluster"),
            Self::ScaleToZero { node_pool } => write!(f, "scale node pool {node_pool} to zero"),
            Self::Upgrade { kubernetes_version } => {
                write!(f, "upgrade the cluster to {kubernetes_version}")
            }
            Self::CloseVault { key_vault_id } => {
                write!(f, "close vault {key_vault_id} to the public")
            }
            Self::DenyTrustedServices { key_vault_id } => {
                write!(f, "keep trusted services out of vault {key_vault_id}")
            }
            Self::MoveTenant => f.write_str("move to another tenant"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_kind_reads_from_its_name_and_fields_and_back() {
        let vault = "/subscriptions/8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8/resourceGroups/keys/providers/Microsoft.KeyVault/vaults/shop-keys";
        let identity = "/subscriptions/8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8/resourceGroups/shop/providers/Microsoft.ManagedIdentity/userAssignedIdentities/prod";
        let key = "https://shop-keys.vault.azure.net/keys/etcd/11111111111111111111111111111111";
        for value in [
            json!({"kind": "delete-key", "key_id": key}),
            json!({"kind": "disable-key", "key_id": key}),
            json!({"kind": "expire-key", "key_id": key}),
            json!({"kind": "delete-vault", "key_vault_id": vault}),
            json!({"kind": "delete-identity", "identity_id": identity}),
            json!({"kind": "remove-role", "key_vault_id": vault, "principal_id": "5f2f2a0e"}),
            json!({"kind": "stop-cluster"}),
            json!({"kind": "scale-to-zero", "node_pool": "system"}),
            json!({"kind": "upgrade", "kubernetes_version": "1.27"}),
            json!({"kind": "close-vault", "key_vault_id": vault}),
            json!({"kind": "deny-trusted-services", "key_vault_id": vault}),
            json!({"kind": "move-tenant"}),
        ] {
            let action: Action = serde_json::from_value(value.clone()).unwrap();
            assert_eq!(serde_json::to_value(&action).unwrap(), value, "{action}");
        }
    }

    #[test]
    fn what_is_no_action_is_refused() {
        for value in [
            json!({"kind": "delete-cluster"}),
            json!({"kind": "delete-key"}),
            json!({"kind": "delete-key", "key_id": "etcd"}),
            json!({"kind": "delete-vault", "key_vault_id": "shop-keys"}),
            json!({"kind": "scale-to-zero", "node_pool": "system", "pool": "other"}),
            json!({}),
        ] {
            assert!(serde_json::from_value::<Action>(value.clone()).is_err(), "{value}");
        }
    }
}
