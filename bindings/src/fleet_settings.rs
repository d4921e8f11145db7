//! What a fleet is made from.

use std::{collections::HashSet, sync::Arc};

use aks_kms::{
    ClusterId, Error, Fleet, FleetClusters, KubernetesAccess, Subscriptions, Timing,
    azure_core::credentials::TokenCredential,
};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{access::Access, arguments, settings::Cluster};

/// What a fleet is made from: its clusters, and how all of them are reached.
#[derive(Clone, Debug)]
pub struct FleetSettings {
    of_fleet: OfFleet,
    access: Access,
}

#[derive(Clone, Debug, Deserialize)]
struct OfFleet {
    /// Resource ids, or their parts.
    clusters: Option<Vec<Cluster>>,
    /// Ids; neither these nor clusters: all that the credential sees.
    subscriptions: Option<Vec<String>>,
    /// Default: true.
    resource_graph: Option<bool>,
    kubernetes: Option<String>,
}

impl FleetSettings {
    /// Reads settings.
    ///
    /// # Errors
    /// `invalid_input` for what is unknown or malformed.
    pub fn read(value: Value) -> Result<Self, Error> {
        let mut settings: Map<String, Value> = arguments::read(value)?;
        let own = ["clusters", "subscriptions", "resource_graph", "kubernetes"];
        let of_fleet = arguments::required(&mut settings, &own)?;
        Ok(Self { of_fleet, access: arguments::options(settings)? })
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
        let clusters = self.of_fleet.clusters()?;
        let access = self.access.config(credential, self.of_fleet.kubernetes()?, timing)?;
        let mut builder = Fleet::builder(clusters)
            .resource_graph(self.of_fleet.resource_graph.unwrap_or(true))
            .access(access);
        if let Some(only) = only {
            let only: HashSet<ClusterId> =
                only.iter().map(|id| Ok(ClusterId::parse(id)?)).collect::<Result<_, Error>>()?;
            builder = builder.filter(move |cluster| only.contains(&cluster.id));
        }
        builder.build()
    }
}

impl OfFleet {
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
