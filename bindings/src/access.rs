//! How clusters are reached: the settings that a manager and a fleet have in common.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use aks_kms::{
    AccessConfig, AzureConfig, Cloud, Error, Journal, KubernetesAccess, Timing,
    azure_core::credentials::TokenCredential,
};
use serde::Deserialize;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Access {
    cloud: Option<String>,
    /// `cluster`, or null: nothing is recorded.
    journal: Option<String>,
    state_namespace: Option<String>,
    /// A file of certificate authorities in PEM.
    ca_bundle: Option<PathBuf>,
    api_version: Option<String>,
}

impl Access {
    /// What builders are told. `timing` is for tests.
    ///
    /// # Errors
    /// `invalid_input` for what is malformed, and a file `ca_bundle` that cannot be read.
    pub(crate) fn config(
        &self,
        credential: Arc<dyn TokenCredential>,
        kubernetes: KubernetesAccess,
        timing: Option<Timing>,
    ) -> Result<AccessConfig, Error> {
        let journal = self.journal()?;
        let azure = AzureConfig {
            credential: Some(credential),
            cloud: self.cloud.as_ref().map_or(Ok(Cloud::Public), |cloud| cloud.parse())?,
            ca_bundle: self.ca_bundle.as_deref().map(certificates).transpose()?,
            api_version: self.api_version.clone(),
            timing: timing.unwrap_or_default(),
            transport: None,
        };
        Ok(AccessConfig { azure, kubernetes, journal })
    }

    /// Where operations are recorded: `cluster`, or nowhere.
    fn journal(&self) -> Result<Journal, Error> {
        let invalid = Error::invalid_input;
        match (self.journal.as_deref(), &self.state_namespace) {
            (Some("cluster"), None) => Ok(Journal::default()),
            (Some("cluster"), Some(namespace)) => {
                Ok(Journal::Cluster { namespace: namespace.clone() })
            }
            (None, None) => Ok(Journal::None),
            (None, Some(_)) => {
                Err(invalid("state_namespace is that of a journal in the cluster; leave it out"))
            }
            (Some(other), _) => {
                Err(invalid(&format!("journal is {other:?}, which is not \"cluster\" or none")))
            }
        }
    }
}

/// The file `ca_bundle`.
pub(crate) fn certificates(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|error| {
        Error::invalid_input(&format!(
            "ca_bundle {} cannot be read: {error}; pass a file of certificates in PEM",
            path.display()
        ))
    })
}
