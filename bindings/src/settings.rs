//! What a manager is made from.

use std::{path::PathBuf, sync::Arc};

use aks_kms::{
    ClusterId, Error, KmsManager, KubernetesAccess, Timing,
    azure_core::credentials::TokenCredential,
};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{access::Access, arguments};

/// What a manager is made from.
#[derive(Clone, Debug)]
pub struct Settings {
    of_cluster: OfCluster,
    access: Access,
}

#[derive(Clone, Debug, Deserialize)]
struct OfCluster {
    cluster: Cluster,
    kubernetes: Option<String>,
    kubeconfig: Option<PathBuf>,
    context: Option<String>,
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
        let mut settings: Map<String, Value> = arguments::read(value)?;
        let own = ["cluster", "kubernetes", "kubeconfig", "context"];
        let of_cluster = arguments::required(&mut settings, &own)?;
        Ok(Self { of_cluster, access: arguments::options(settings)? })
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
        let cluster = self.of_cluster.cluster.id()?;
        let access = self.access.config(credential, self.of_cluster.kubernetes()?, timing)?;
        KmsManager::builder(cluster).access(access).build()
    }
}

impl OfCluster {
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
