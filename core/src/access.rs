//! How clusters are reached, which builders are told and managers and fleets have.

use std::sync::Arc;

use tokio_util::task::TaskTracker;

use crate::{
    azure::{Azure, AzureConfig},
    error::Result,
    kubernetes::KubernetesAccess,
    options::Timing,
    runner::Journal,
};

/// How clusters are reached, and where their operations are recorded. For bindings.
#[derive(Default)]
pub struct AccessConfig {
    /// How Azure is reached.
    pub azure: AzureConfig,
    /// How each cluster's Kubernetes API is reached.
    pub kubernetes: KubernetesAccess,
    /// Where operations and keys are recorded.
    pub journal: Journal,
}

/// What an [`AccessConfig`] comes to.
#[derive(Clone)]
pub(crate) struct Access {
    pub(crate) azure: Arc<Azure>,
    pub(crate) kubernetes: KubernetesAccess,
    pub(crate) journal: Journal,
    pub(crate) timing: Timing,
    /// Where the Leases of dropped calls are given back.
    pub(crate) releases: TaskTracker,
}

impl Access {
    /// Makes the clients. Nothing is sent.
    ///
    /// # Errors
    /// Those of [`Azure::new`].
    pub(crate) fn new(config: AccessConfig) -> Result<Self> {
        let AccessConfig { azure, kubernetes, journal } = config;
        let timing = azure.timing.clone();
        let azure = Arc::new(Azure::new(azure)?);
        let releases = TaskTracker::new();
        // who waits for those there are does not wait for more
        releases.close();
        Ok(Self { azure, kubernetes, journal, timing, releases })
    }
}
