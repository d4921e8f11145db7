//! What the cluster's identity and the caller may do.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::roles::matches;

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
    /// The only role that the caller has, in all subscriptions; absent: one that grants everything.
    pub caller_role: Option<CustomRole>,
    /// What the caller may not do in Kubernetes.
    pub kubernetes_lacks: Vec<KubernetesRight>,
    /// All that the caller may do in Kubernetes; absent: everything.
    pub kubernetes_role: Option<Vec<KubernetesRight>>,
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
            caller_role: None,
            kubernetes_lacks: Vec::new(),
            kubernetes_role: None,
        }
    }
}

impl Access {
    /// Whether the caller has an action of Resource Manager.
    pub(crate) fn grants(&self, action: &str) -> bool {
        let granted = self.caller_role.as_ref().is_none_or(|role| any(&role.actions, action));
        granted && !self.lacks(action)
    }

    /// Whether the caller has an action in vaults.
    pub(crate) fn grants_data(&self, action: &str) -> bool {
        let granted = self.caller_role.as_ref().is_none_or(|role| any(&role.data_actions, action));
        granted && !self.lacks(action)
    }

    /// Whether the caller lacks an action, whatever its role grants.
    pub(crate) fn lacks(&self, action: &str) -> bool {
        any(&self.caller_lacks, action)
    }

    /// Whether the caller may do something to a resource of Kubernetes or a path. Without a namespace: in
    /// all; without a name: to every object.
    pub(crate) fn allows(
        &self,
        verb: &str,
        resource: &str,
        namespace: Option<&str>,
        name: Option<&str>,
    ) -> bool {
        let granted = self.kubernetes_role.as_ref().is_none_or(|rights| {
            EVERYBODYS.contains(&resource)
                || rights.iter().any(|right| right.grants(verb, resource, namespace, name))
        });
        let lacking = |right: &KubernetesRight| right.takes_away(verb, resource, namespace, name);
        granted && !self.kubernetes_lacks.iter().any(lacking)
    }
}

/// Paths that everybody may get, as the role `system:public-info-viewer` says.
pub(crate) const EVERYBODYS: [&str; 4] = ["/healthz", "/livez", "/readyz", "/version"];

fn any(patterns: &[String], action: &str) -> bool {
    patterns.iter().any(|pattern| matches(pattern, action))
}

/// A role of the caller's own making.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct CustomRole {
    /// `actions`, such as `Microsoft.KeyVault/vaults/read`: those of Resource Manager.
    pub actions: Vec<String>,
    /// `dataActions`: those in vaults with role-based access control.
    pub data_actions: Vec<String>,
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
    /// Only the object of this name; absent: every one.
    #[serde(default)]
    pub name: Option<String>,
}

impl KubernetesRight {
    /// Whether who has this right may do this.
    fn grants(
        &self,
        verb: &str,
        resource: &str,
        namespace: Option<&str>,
        name: Option<&str>,
    ) -> bool {
        self.verb == verb
            && self.resource == resource
            && self.namespace.as_deref().is_none_or(|own| namespace == Some(own))
            && self.name.as_deref().is_none_or(|own| name == Some(own))
    }

    /// Whether who lacks this right may not do this: what is asked for all namespaces or objects takes
    /// each of them.
    fn takes_away(
        &self,
        verb: &str,
        resource: &str,
        namespace: Option<&str>,
        name: Option<&str>,
    ) -> bool {
        let concerns = |own: Option<&str>, asked: Option<&str>| match (own, asked) {
            (Some(own), Some(asked)) => own == asked,
            _ => true,
        };
        (self.verb == verb || self.verb == "*" || verb == "*")
            && (self.resource == resource || self.resource == "*" || resource == "*")
            && concerns(self.namespace.as_deref(), namespace)
            && concerns(self.name.as_deref(), name)
    }
}
