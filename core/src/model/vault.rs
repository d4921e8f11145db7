//! What is known of a key vault.

use crate::model::VaultId;

/// A key vault as Azure Resource Manager describes it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct VaultFacts {
    pub(crate) id: VaultId,
    pub(crate) tenant_id: String,
    /// `enableRbacAuthorization`.
    pub(crate) rbac: bool,
    pub(crate) access_policies: Vec<AccessPolicy>,
    /// `publicNetworkAccess` is not Disabled.
    pub(crate) public_network_access: bool,
    /// `networkAcls.defaultAction` is Deny.
    pub(crate) firewall: bool,
    pub(crate) soft_delete: bool,
    pub(crate) purge_protection: bool,
}

/// An entry of a vault's `accessPolicies`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct AccessPolicy {
    /// A user, application, managed identity or group.
    pub(crate) object_id: String,
    /// `permissions.keys`.
    pub(crate) keys: Vec<String>,
}
