//! Making a [`Fleet`].

use std::sync::Arc;

use azure_core::{credentials::TokenCredential, http::Transport};

use super::{ClusterFilter, Fleet, FleetClusters, Inner};
use crate::{
    access::{Access, AccessConfig},
    azure::Cloud,
    error::{Error, ErrorKind, Result},
    kubernetes::KubernetesAccess,
    options::Timing,
    report::ClusterSummary,
    runner::Journal,
};

/// Makes a [`Fleet`]. What it is told holds for all of its clusters.
#[must_use]
pub struct FleetBuilder {
    clusters: FleetClusters,
    filter: Option<ClusterFilter>,
    resource_graph: bool,
    access: AccessConfig,
}

impl FleetBuilder {
    pub(super) fn new(clusters: FleetClusters) -> Self {
        Self { clusters, filter: None, resource_graph: true, access: AccessConfig::default() }
    }

    /// Only clusters for which this is true, of those that are found in the subscriptions. Default: all.
    pub fn filter(
        mut self,
        filter: impl Fn(&ClusterSummary) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.filter = Some(Arc::new(filter));
        self
    }

    /// Whether Resource Graph is asked first for the clusters of subscriptions, as in
    /// [`ListClustersOptions`](crate::ListClustersOptions::resource_graph). Default: true.
    pub fn resource_graph(mut self, resource_graph: bool) -> Self {
        self.resource_graph = resource_graph;
        self
    }

    /// What gets tokens for Azure. Required.
    pub fn credential(mut self, credential: Arc<dyn TokenCredential>) -> Self {
        self.access.azure.credential = Some(credential);
        self
    }

    /// The Azure cloud. Default: public.
    pub fn cloud(mut self, cloud: Cloud) -> Self {
        self.access.azure.cloud = cloud;
        self
    }

    /// How each cluster's Kubernetes API is reached. Of several clusters only those that Azure gives, the user's and
    /// the admin's credential: the others lead to one cluster. Default: the cluster user credential from Azure.
    pub fn kubernetes(mut self, kubernetes: KubernetesAccess) -> Self {
        self.access.kubernetes = kubernetes;
        self
    }

    /// Where operations and keys are recorded. Default: in each cluster, namespace `kube-system`.
    pub fn journal(mut self, journal: Journal) -> Self {
        self.access.journal = journal;
        self
    }

    /// Certificate authorities in PEM, trusted for Azure on top of the platform's.
    pub fn ca_bundle(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.access.azure.ca_bundle = Some(pem.into());
        self
    }

    /// The api-version of managed clusters. Default: the newest stable one that this crate knows.
    pub fn api_version(mut self, api_version: impl Into<String>) -> Self {
        self.access.azure.api_version = Some(api_version.into());
        self
    }

    /// Sends requests to Azure another way, as with any Azure SDK client. Replaces `ca_bundle`.
    pub fn transport(mut self, transport: Transport) -> Self {
        self.access.azure.transport = Some(transport);
        self
    }

    /// All of the above at once: for bindings.
    #[doc(hidden)]
    pub fn access(mut self, access: AccessConfig) -> Self {
        self.access = access;
        self
    }

    /// Every wait of the crate: for tests.
    #[doc(hidden)]
    pub fn timing(mut self, timing: Timing) -> Self {
        self.access.azure.timing = timing;
        self
    }

    /// Makes the fleet. No I/O.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when the credential is missing; when there is no cluster, one is named twice, or a
    /// subscription's id is malformed; for a `filter` of clusters that are named by their ids; when `kubernetes` leads
    /// to one cluster only; and when the `ca_bundle` or `api_version` is malformed.
    pub fn build(self) -> Result<Fleet> {
        self.clusters.check(self.filter.is_some())?;
        let is_one = matches!(&self.clusters, FleetClusters::Ids(ids) if ids.len() == 1);
        let of_each = matches!(
            self.access.kubernetes,
            KubernetesAccess::ClusterUser | KubernetesAccess::ClusterAdmin
        );
        if !(is_one || of_each) {
            let message = format!(
                "kubernetes is {:?}, which leads to one cluster; pass ClusterUser or ClusterAdmin, or one cluster's id",
                self.access.kubernetes
            );
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        Ok(Fleet(Arc::new(Inner {
            clusters: self.clusters,
            filter: self.filter,
            resource_graph: self.resource_graph,
            access: Access::new(self.access)?,
        })))
    }
}
