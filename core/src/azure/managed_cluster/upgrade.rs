//! Kubernetes versions: what is offered to a cluster, and upgrading it.

use azure_core::http::Method;
use serde_json::Value;

use super::{ManagedCluster, UpgradeTarget, edit::with_versions, operation::Operation};
use crate::{
    azure::{action::AzureAction, call::Call, client::Azure},
    error::Result,
    ids::{ClusterId, KubernetesVersion},
};

impl Azure {
    /// The versions that AKS offers the control plane to upgrade to, the lowest first. Previews are
    /// left out.
    pub(crate) async fn upgrades(&self, id: &ClusterId) -> Result<Vec<KubernetesVersion>> {
        let target = self.managed_cluster_path(id, "/upgradeProfiles/default");
        let what = format!("read the upgrades offered to managed cluster {id}");
        let call = Call::new(Method::Get, target, what, AzureAction::ReadUpgrades);
        let profile = self.send(&call).await?.json(&call.what)?;
        let offered =
            profile.pointer("/properties/controlPlaneProfile/upgrades").and_then(Value::as_array);
        let mut versions: Vec<KubernetesVersion> = offered
            .into_iter()
            .flatten()
            .filter(|offer| offer.get("isPreview").and_then(Value::as_bool) != Some(true))
            .filter_map(|offer| offer.get("kubernetesVersion")?.as_str()?.parse().ok())
            .collect();
        versions.sort_unstable();
        Ok(versions)
    }

    /// Replaces the cluster with itself, but for its versions. As [`put_kms`](Self::put_kms).
    pub(crate) async fn put_versions(
        &self,
        cluster: &ManagedCluster,
        target: UpgradeTarget,
    ) -> Result<Operation> {
        self.put_cluster(cluster, with_versions(&cluster.raw, target)).await
    }
}
