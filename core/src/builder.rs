//! Making a [`KmsManager`].

use std::sync::Arc;

use azure_core::{credentials::TokenCredential, http::Transport};
use tokio_util::task::TaskTracker;

use crate::{
    azure::{Azure, AzureConfig, Cloud},
    error::{Error, ErrorKind, Result},
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
    credential: Option<Arc<dyn TokenCredential>>,
    cloud: Cloud,
    kubernetes: KubernetesAccess,
    journal: Journal,
    ca_bundle: Option<Vec<u8>>,
    api_version: Option<String>,
    transport: Option<Transport>,
    timing: Timing,
}

impl KmsManagerBuilder {
    pub(crate) fn new(cluster: ClusterId) -> Self {
        Self {
            cluster,
            credential: None,
            cloud: Cloud::Public,
            kubernetes: KubernetesAccess::default(),
            journal: Journal::default(),
            ca_bundle: None,
            api_version: None,
            transport: None,
            timing: Timing::default(),
        }
    }

    /// What gets tokens for Azure. Required.
    pub fn credential(mut self, credential: Arc<dyn TokenCredential>) -> Self {
        self.credential = Some(credential);
        self
    }

    /// The Azure cloud. Default: public.
    pub fn cloud(mut self, cloud: Cloud) -> Self {
        self.cloud = cloud;
        self
    }

    /// How the cluster's Kubernetes API is reached. Default: the cluster user credential from Azure.
    pub fn kubernetes(mut self, kubernetes: KubernetesAccess) -> Self {
        self.kubernetes = kubernetes;
        self
    }

    /// Where operations and keys are recorded. Default: in the cluster, namespace `kube-system`.
    pub fn journal(mut self, journal: Journal) -> Self {
        self.journal = journal;
        self
    }

    /// Certificate authorities in PEM, trusted for Azure on top of the platform's.
    pub fn ca_bundle(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.ca_bundle = Some(pem.into());
        self
    }

    /// The api-version of managed clusters. Default: the newest stable one that this crate knows.
    pub fn api_version(mut self, api_version: impl Into<String>) -> Self {
        self.api_version = Some(api_version.into());
        self
    }

    /// Sends requests to Azure another way, as with any Azure SDK client. Replaces `ca_bundle`.
    pub fn transport(mut self, transport: Transport) -> Self {
        self.transport = Some(transport);
        self
    }

    /// Every wait of the crate: for tests.
    #[doc(hidden)]
    pub fn timing(mut self, timing: Timing) -> Self {
        self.timing = timing;
        self
    }

    /// Makes the manager. No I/O.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when the credential is missing, or the `ca_bundle` or
    /// `api_version` is malformed.
    pub fn build(self) -> Result<KmsManager> {
        let azure = Azure::new(AzureConfig {
            cloud: self.cloud,
            credential: required(self.credential)?,
            transport: self.transport,
            ca_bundle: self.ca_bundle,
            api_version: self.api_version,
            timing: self.timing.clone(),
        })?;
        let releases = TaskTracker::new();
        // who waits for those there are does not wait for more
        releases.close();
        let Self { cluster, kubernetes, journal, timing, .. } = self;
        Ok(KmsManager::new(cluster, Arc::new(azure), kubernetes, journal, timing, releases))
    }
}

/// The credential, without which nothing can be asked.
pub(crate) fn required(
    credential: Option<Arc<dyn TokenCredential>>,
) -> Result<Arc<dyn TokenCredential>> {
    credential.ok_or_else(|| {
        let message = "credential is missing; pass one, such as azure_identity::AzureCliCredential";
        Error::new(ErrorKind::InvalidInput, message)
    })
}
