//! What a fleet is made from.

use std::{collections::HashSet, path::PathBuf, sync::Arc};

use aks_kms::{
    ClusterId, Error, Fleet, FleetClusters, KubernetesAccess, Subscriptions, Timing,
    azure_core::credentials::TokenCredential,
};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    arguments,
    settings::{Cluster, certificates, journal},
};

/// What a fleet is made from: its clusters, and how all of them are reached.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FleetSettings {
    /// Resource ids, or their parts.
    #[serde(default)]
    clusters: Option<Vec<Cluster>>,
    /// Ids; neither these nor clusters: all that the credential sees.
    #[serde(default)]
    subscriptions: Option<Vec<String>>,
    #[serde(default = "yes")]
    resource_graph: bool,
    #[serde(default)]
    cloud: Option<String>,
    #[serde(default)]
    kubernetes: Option<String>,
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

fn yes() -> bool {
    true
}

impl FleetSettings {
    /// Reads settings.
    ///
    /// # Errors
    /// `invalid_input` for what is unknown or malformed.
    pub fn read(value: Value) -> Result<Self, Error> {
        arguments::read(value)
    }

    /// Makes the fleet. Nothing but the file `ca_bundle` is read. Of the clusters that are found in subscriptions,
    /// `only` names those that a filter left; `None`: there is no filter. `timing` is for tests.
    ///
    /// # Errors
    /// `invalid_input` for what is malformed.
    pub fn fleet(
        &self,
        credential: Arc<dyn TokenCredential>,
        only: Option<&[String]>,
        timing: Option<Timing>,
    ) -> Result<Fleet, Error> {
        let mut builder = Fleet::builder(self.clusters()?)
            .resource_graph(self.resource_graph)
            .credential(credential)
            .kubernetes(self.kubernetes()?)
            .journal(journal(self.journal.as_deref(), self.state_namespace.as_deref())?);
        if let Some(only) = only {
            let only: HashSet<ClusterId> =
                only.iter().map(|id| Ok(ClusterId::parse(id)?)).collect::<Result<_, Error>>()?;
            builder = builder.filter(move |cluster| only.contains(&cluster.id));
        }
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

    fn clusters(&self) -> Result<FleetClusters, Error> {
        match (&self.clusters, &self.subscriptions) {
            (Some(_), Some(_)) => Err(Error::invalid_input(
                "clusters and subscriptions are both given; pass one: the clusters themselves, or where they are found",
            )),
            (Some(clusters), None) => {
                let ids: Result<Vec<ClusterId>, Error> = clusters.iter().map(Cluster::id).collect();
                Ok(ids?.into())
            }
            (None, Some(ids)) if ids.is_empty() => Err(Error::invalid_input(
                "subscriptions is an empty list; pass their ids, or leave it out for all that the credential sees",
            )),
            (None, Some(ids)) => Ok(Subscriptions::Ids(ids.clone()).into()),
            (None, None) => Ok(Subscriptions::All.into()),
        }
    }

    fn kubernetes(&self) -> Result<KubernetesAccess, Error> {
        match self.kubernetes.as_deref() {
            None | Some("cluster-user") => Ok(KubernetesAccess::ClusterUser),
            Some("cluster-admin") => Ok(KubernetesAccess::ClusterAdmin),
            Some(other) => Err(Error::invalid_input(&format!(
                "kubernetes is {other:?}, which is not \"cluster-user\" or \"cluster-admin\": other ways lead to one cluster"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::default_credential;

    const SUBSCRIPTION: &str = "8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8";
    const CLUSTER: &str = "/subscriptions/8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8/resourceGroups/shop/providers/Microsoft.ContainerService/managedClusters/production";

    fn made(mut settings: Value, only: Option<&[String]>) -> Result<Fleet, Error> {
        settings["journal"] = json!("cluster");
        FleetSettings::read(settings)?.fleet(default_credential(None)?, only, None)
    }

    #[test]
    fn the_clusters_are_named_or_found_in_subscriptions() {
        let parts =
            json!({"subscription_id": SUBSCRIPTION, "resource_group": "shop", "name": "other"});
        for (settings, shown) in [
            (json!({"clusters": [CLUSTER, parts]}), "Ids([ClusterId("),
            (json!({"subscriptions": [SUBSCRIPTION]}), "Subscriptions(Ids("),
            (json!({"clusters": null, "subscriptions": null}), "Subscriptions(All)"),
            (json!({"kubernetes": "cluster-admin", "resource_graph": false}), "All"),
        ] {
            let fleet = format!("{:?}", made(settings, None).unwrap());
            assert!(fleet.contains(shown), "{fleet}");
        }
        let found = made(json!({}), Some(&[CLUSTER.to_owned()]));
        assert!(found.is_ok());
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (settings, said) in [
            (json!({"clusters": [CLUSTER], "subscriptions": []}), "clusters and subscriptions"),
            (json!({"clusters": []}), "clusters is an empty list"),
            (json!({"subscriptions": []}), "subscriptions is an empty list"),
            (json!({"clusters": ["production"]}), "production"),
            (json!({"clusters": [CLUSTER, CLUSTER]}), "twice"),
            (json!({"subscriptions": ["x"]}), "subscriptions"),
            (json!({"kubernetes": "in-cluster"}), "kubernetes is \"in-cluster\""),
            (json!({"cloud": "moon"}), "cloud is \"moon\""),
            (json!({"ca_bundle": "no certificate"}), "ca_bundle"),
            (json!({"colour": "blue"}), "colour"),
        ] {
            let error = made(settings, None).unwrap_err();
            assert_eq!(error.code(), "invalid_input");
            assert!(error.to_string().contains(said), "{error}");
        }
        let named = made(json!({"clusters": [CLUSTER]}), Some(&[]));
        assert!(named.unwrap_err().to_string().starts_with("filter"));
        let no_id = made(json!({}), Some(&["production".to_owned()]));
        assert_eq!(no_id.unwrap_err().code(), "invalid_input");
    }
}
