//! Making a [`KmsManager`].

use std::sync::Arc;

use azure_core::{credentials::TokenCredential, http::Transport};

use crate::{
    access::{Access, AccessConfig},
    azure::Cloud,
    error::Result,
    ids::ClusterId,
    kubernetes::KubernetesAccess,
    manager::KmsManager,
    options::Timing,
    runner::Journal,
};

/// Makes a [`KmsManager`].
///
/// ```
/// use std::sync::Arc;
///
/// use aks_kms::{ClusterId, KmsManager, KubernetesAccess, azure_core::credentials::TokenCredential};
///
/// fn manager(credential: Arc<dyn TokenCredential>) -> aks_kms::Result<KmsManager> {
///     let cluster = "/subscriptions/8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8/resourceGroups/shop\
///                    /providers/Microsoft.ContainerService/managedClusters/shop";
///     KmsManager::builder(ClusterId::parse(cluster)?)
///         .credential(credential)
///         .kubernetes(KubernetesAccess::Kubeconfig { path: "shop.kubeconfig".into(), context: None })
///         .build()
/// }
/// ```
#[must_use]
pub struct KmsManagerBuilder {
    cluster: ClusterId,
    access: AccessConfig,
}

impl KmsManagerBuilder {
    pub(crate) fn new(cluster: ClusterId) -> Self {
        Self { cluster, access: AccessConfig::default() }
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

    /// How the cluster's Kubernetes API is reached. Default: the cluster user credential from Azure.
    pub fn kubernetes(mut self, kubernetes: KubernetesAccess) -> Self {
        self.access.kubernetes = kubernetes;
        self
    }

    /// Where operations and keys are recorded. Default: in the cluster, namespace `kube-system`.
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

    /// Makes the manager. No I/O.
    ///
    /// # Errors
    /// [`invalid_input`](crate::ErrorKind::InvalidInput) when the credential is missing, or the `ca_bundle` or
    /// `api_version` is malformed.
    pub fn build(self) -> Result<KmsManager> {
        Ok(KmsManager::new(self.cluster, Access::new(self.access)?))
    }
}
