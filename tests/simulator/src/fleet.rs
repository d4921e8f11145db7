//! Many clusters in several subscriptions, as tests see them.

mod worlds;

use std::fmt;

use serde::{Deserialize, Serialize};

pub(crate) use self::worlds::{FleetWorlds, Reach};

/// A fleet: its clusters, and how to sign in. Each cluster is a case, whose id leads to everything that there is
/// of it.
#[derive(Clone, Deserialize, Serialize)]
pub struct Fleet {
    /// Id of the fleet. It also stands for a case: that of the requests which are about no single cluster.
    pub id: String,
    /// Ids of the subscriptions.
    pub subscription_ids: Vec<String>,
    /// The clusters, in the order of the subscriptions.
    pub clusters: Vec<FleetCluster>,
    /// Entra tenant.
    pub tenant_id: String,
    /// Application id to sign in with.
    pub client_id: String,
    /// Secret to sign in with.
    pub client_secret: String,
    /// Name to sign in with as a user, who may do what the application may.
    pub user_name: String,
    /// The user's password.
    pub user_password: String,
    /// `IDENTITY_ENDPOINT`.
    pub identity_endpoint: String,
    /// `IDENTITY_HEADER`.
    pub identity_header: String,
    /// `AZURE_POD_IDENTITY_AUTHORITY_HOST`.
    pub metadata_endpoint: String,
    /// Endpoint of Resource Manager.
    pub arm: String,
    /// Endpoint of Entra.
    pub authority: String,
    /// PEM of the certificate authority of everything.
    pub ca: String,
    /// The CONNECT proxy.
    pub proxy: String,
    /// The administration.
    pub admin: String,
    /// What requests to the administration show: `Authorization: Bearer <token>`.
    pub admin_token: String,
}

/// A cluster of a fleet.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct FleetCluster {
    /// Id of its case.
    pub case: String,
    /// Its ARM id.
    pub cluster_id: String,
    /// Id of its subscription.
    pub subscription_id: String,
    /// `name` of the entry of `some` that it is made from; empty: it is as `given` says.
    pub name: String,
}

impl fmt::Debug for Fleet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Fleet")
            .field("id", &self.id)
            .field("subscriptions", &self.subscription_ids.len())
            .field("clusters", &self.clusters.len())
            .finish_non_exhaustive()
    }
}
