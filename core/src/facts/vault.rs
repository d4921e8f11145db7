//! What is known of a key vault.

use crate::{facts::ClusterFacts, ids::VaultId};

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
    /// `networkAcls.bypass` is not None: trusted services of Azure pass the firewall.
    pub(crate) trusted_services: bool,
    /// `publicNetworkAccess` is `SecuredByPerimeter`: a network security perimeter decides.
    pub(crate) perimeter: bool,
    pub(crate) soft_delete: bool,
    pub(crate) purge_protection: bool,
    pub(crate) private_endpoint_connections: Vec<PrivateEndpointConnection>,
    /// `provisioningState` is Succeeded, or not told.
    pub(crate) is_ready: bool,
}

/// An entry of a vault's `privateEndpointConnections`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct PrivateEndpointConnection {
    pub(crate) name: String,
    /// Resource id of the private endpoint that it comes from.
    pub(crate) endpoint_id: String,
    pub(crate) state: ConnectionState,
}

/// `privateLinkServiceConnectionState.status`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum ConnectionState {
    Approved,
    Pending,
    /// Rejected, Disconnected, or what a newer service calls it.
    Other(String),
}

impl PrivateEndpointConnection {
    /// Whether its private endpoint lies in this resource group.
    pub(crate) fn is_from(&self, subscription_id: &str, resource_group: &str) -> bool {
        let prefix = format!("/subscriptions/{subscription_id}/resourceGroups/{resource_group}/");
        self.endpoint_id.to_lowercase().starts_with(&prefix.to_lowercase())
    }
}

impl VaultFacts {
    /// The connections from the resource group of a cluster's nodes, where AKS makes them.
    pub(crate) fn connections_of<'a>(
        &'a self,
        cluster: &'a ClusterFacts,
    ) -> impl Iterator<Item = &'a PrivateEndpointConnection> {
        self.private_endpoint_connections.iter().filter(|connection| {
            connection.is_from(cluster.id.subscription_id(), &cluster.node_resource_group)
        })
    }
}

/// An entry of a vault's `accessPolicies`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct AccessPolicy {
    /// A user, application, managed identity or group.
    pub(crate) object_id: String,
    /// `permissions.keys`.
    pub(crate) keys: Vec<String>,
}
