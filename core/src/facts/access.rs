//! What is known of the cluster identity's rights on the vault.

use crate::facts::Fact;

/// The cluster's control plane identity and what it may do with the key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct AccessFacts {
    /// How it shows that the identity does not exist any more. `None`: it does, or it cannot be
    /// seen.
    pub(crate) identity_missing: Option<String>,
    pub(crate) principal_id: Fact<String>,
    pub(crate) tenant_id: Fact<String>,
    /// Roles of the identity, its groups included, at the key and every scope above it.
    /// For a vault with access policies they matter in private mode only: for the private link.
    pub(crate) roles: Fact<Vec<RoleGrant>>,
}

/// A role assignment with the role's definition.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct RoleGrant {
    /// `properties.roleName` of the definition.
    pub(crate) role: String,
    pub(crate) scope: String,
    /// Whom the role is assigned to: the identity, or a group that it is in.
    pub(crate) principal_id: String,
    /// The assignment has a condition, which is not evaluated here.
    pub(crate) conditional: bool,
    pub(crate) actions: Vec<String>,
    pub(crate) not_actions: Vec<String>,
    pub(crate) data_actions: Vec<String>,
    pub(crate) not_data_actions: Vec<String>,
}
