//! What a manager is made from.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use aks_kms::{
    ClusterId, Error, Journal, KmsManager, KubernetesAccess, Timing,
    azure_core::credentials::TokenCredential,
};
use serde::Deserialize;
use serde_json::Value;

use crate::arguments;

/// What a manager is made from.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    cluster: Cluster,
    #[serde(default)]
    cloud: Option<String>,
    #[serde(default)]
    kubernetes: Option<String>,
    #[serde(default)]
    kubeconfig: Option<PathBuf>,
    #[serde(default)]
    context: Option<String>,
    /// `cluster`, or null: nothing is recorded.
    journal: Option<String>,
    #[serde(default)]
    state_namespace: Option<String>,
    /// A file of certificate authorities in PEM.
    #[serde(default)]
    ca_bundle: Option<PathBuf>,
    #[serde(default)]
    api_version: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Cluster {
    Id(String),
    Parts { subscription_id: String, resource_group: String, name: String },
}

impl Cluster {
    pub(crate) fn id(&self) -> Result<ClusterId, Error> {
        match self {
            Self::Id(text) => Ok(ClusterId::parse(text)?),
            Self::Parts { subscription_id, resource_group, name } => {
                Ok(ClusterId::new(subscription_id, resource_group, name)?)
            }
        }
    }
}

impl Settings {
    /// Reads settings.
    ///
    /// # Errors
    /// `invalid_input` for what is unknown or malformed.
    pub fn read(value: Value) -> Result<Self, Error> {
        arguments::read(value)
    }

    /// Makes the manager. Nothing but the file `ca_bundle` is read. `timing` is for tests.
    ///
    /// # Errors
    /// `invalid_input` for what is malformed.
    pub fn manager(
        &self,
        credential: Arc<dyn TokenCredential>,
        timing: Option<Timing>,
    ) -> Result<KmsManager, Error> {
        let mut builder = KmsManager::builder(self.cluster.id()?)
            .credential(credential)
            .kubernetes(self.kubernetes()?)
            .journal(journal(self.journal.as_deref(), self.state_namespace.as_deref())?);
        if let Some(cloud) = &self.cloud {
            builder = builder.cloud(cloud.parse()?);
        }
        if let Some(path) = &self.ca_bundle {
            builder = builder.ca_bundle(certificates(path)?);
        }
        if let Some(api_version) = &self.api_version {
            builder = builder.api_version(api_version);
        }
        if let Some(timing) = timing {
            builder = builder.timing(timing);
        }
        builder.build()
    }

    fn kubernetes(&self) -> Result<KubernetesAccess, Error> {
        let invalid = Error::invalid_input;
        match (self.kubernetes.as_deref(), &self.kubeconfig) {
            (None, Some(path)) => Ok(KubernetesAccess::Kubeconfig {
                path: path.clone(),
                context: self.context.clone(),
            }),
            (Some(_), Some(_)) => {
                Err(invalid("kubernetes and kubeconfig are both given; pass one"))
            }
            (_, None) if self.context.is_some() => {
                Err(invalid("context is that of a kubeconfig; pass kubeconfig, too"))
            }
            (None | Some("cluster-user"), None) => Ok(KubernetesAccess::ClusterUser),
            (Some("cluster-admin"), None) => Ok(KubernetesAccess::ClusterAdmin),
            (Some("in-cluster"), None) => Ok(KubernetesAccess::InCluster),
            (Some(other), None) => Err(invalid(&format!(
                "kubernetes is {other:?}, which is not \"cluster-user\", \"cluster-admin\" or \"in-cluster\""
            ))),
        }
    }
}

/// Where operations are recorded: `cluster`, or nowhere.
pub(crate) fn journal(place: Option<&str>, namespace: Option<&str>) -> Result<Journal, Error> {
    let invalid = Error::invalid_input;
    match (place, namespace) {
        (Some("cluster"), None) => Ok(Journal::default()),
        (Some("cluster"), Some(namespace)) => {
            Ok(Journal::Cluster { namespace: namespace.to_owned() })
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

/// The file `ca_bundle`.
pub(crate) fn certificates(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|error| {
        Error::invalid_input(&format!(
            "ca_bundle {} cannot be read: {error}; pass a file of certificates in PEM",
            path.display()
        ))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::default_credential;

    const CLUSTER: &str = "/subscriptions/8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8/resourceGroups/shop/providers/Microsoft.ContainerService/managedClusters/production";

    fn made(value: Value) -> Result<KmsManager, Error> {
        Settings::read(value)?.manager(default_credential(None).unwrap(), None)
    }

    #[test]
    fn a_cluster_is_an_id_or_its_parts() {
        let parts = json!({
            "subscription_id": "8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8",
            "resource_group": "shop",
            "name": "production",
        });
        for cluster in [json!(CLUSTER), parts] {
            let manager = made(json!({"cluster": cluster, "journal": "cluster"})).unwrap();
            assert_eq!(manager.cluster_id().to_string(), CLUSTER);
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (name, value, said) in [
            ("cluster", json!("production"), "cluster"),
            ("cloud", json!("moon"), "cloud is \"moon\""),
            ("kubernetes", json!("root"), "kubernetes is \"root\""),
            ("context", json!("shop"), "pass kubeconfig"),
            ("journal", json!("file"), "journal is \"file\""),
            ("ca_bundle", json!("no certificate"), "ca_bundle"),
            ("colour", json!("blue"), "colour"),
        ] {
            let mut settings = json!({"cluster": CLUSTER, "journal": "cluster"});
            settings[name] = value;
            let error = made(settings).unwrap_err();
            assert_eq!(error.code(), "invalid_input");
            assert!(error.to_string().contains(said), "{error}");
        }
    }
}
