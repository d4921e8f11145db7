//! What the cluster's identity and the caller may do.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Rights of the cluster's identity and of the caller.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Access {
    /// Name of the built-in role that the cluster's identity has (RBAC vaults); null: none.
    pub role: Option<String>,
    /// Where that role is assigned.
    pub scope: Scope,
    /// The role assignment has a condition.
    pub condition: bool,
    /// The role is given to a group that the identity is in, not to the identity itself.
    pub through_group: bool,
    /// Key permissions of the identity's access policy (access-policy vaults).
    pub policy: Vec<String>,
    /// Key Vault Contributor on the vault, for the private link.
    pub private_link_role: bool,
    /// Azure actions that the caller does not have, such as `Microsoft.KeyVault/vaults/read`.
    pub caller_lacks: Vec<String>,
    /// What the caller may not do in Kubernetes.
    pub kubernetes_lacks: Vec<KubernetesRight>,
}

impl Default for Access {
    fn default() -> Self {
        Self {
            role: Some("Key Vault Crypto User".to_owned()),
            scope: Scope::Vault,
            condition: false,
            through_group: false,
            policy: vec!["encrypt".to_owned(), "decrypt".to_owned()],
            private_link_role: true,
            caller_lacks: Vec::new(),
            kubernetes_lacks: Vec::new(),
        }
    }
}

/// Scope of a role assignment.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// The key.
    Key,
    /// The vault.
    #[default]
    Vault,
    /// The vault's resource group.
    ResourceGroup,
    /// The subscription.
    Subscription,
}

/// A right in Kubernetes.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct KubernetesRight {
    /// `get`, `list`, `watch`, `patch`, `create`, `delete`.
    pub verb: String,
    /// A resource (`secrets`, `namespaces`, `nodes`, `pods`, `leases`, `configmaps`) or a path (`/metrics`).
    pub resource: String,
    /// Only in this namespace; absent: everywhere.
    #[serde(default)]
    pub namespace: Option<String>,
}
