//! Gathering everything that a plan is made from. Read-only.

use time::OffsetDateTime;

use crate::{
    azure::{Azure, ManagedCluster},
    error::Result,
    kubernetes::{self, KubernetesAccess, KubernetesApi, ObserveScope},
    model::{ClusterFacts, ClusterId, Fact, KeyId, Lookup, Observed, Target, Timing, VaultId},
};

/// What a verb is about.
pub(crate) struct About<'a> {
    /// The KMS configuration that is asked for. `None`: the one in use.
    pub(crate) target: Option<&'a Target>,
    /// What is looked at in Kubernetes.
    pub(crate) kubernetes: ObserveScope<'a>,
}

/// What was seen, and the means to see more.
pub(crate) struct Observation {
    pub(crate) observed: Observed,
    pub(crate) kubernetes: Option<KubernetesApi>,
}

/// Looks at cluster, vault, key, access and Kubernetes, in parallel where one does not need the other.
pub(crate) async fn observe(
    azure: &Azure,
    id: &ClusterId,
    access: &KubernetesAccess,
    timing: &Timing,
    about: About<'_>,
) -> Result<Observation> {
    let ManagedCluster { facts: cluster, .. } = azure.cluster(id).await?;
    let key = match about.target {
        Some(target) => Some((target.key_id.clone(), target.key_vault_id.clone())),
        None => key_in_use(&cluster),
    };
    let ((vault, key, access_facts, diagnostics), (api, kubernetes)) = futures::join!(
        observe_key(azure, &cluster, key),
        observe_kubernetes(azure, id, access, timing, about.kubernetes)
    );
    Ok(Observation {
        observed: Observed {
            at: OffsetDateTime::now_utc(),
            cluster,
            vault,
            key,
            access: access_facts,
            diagnostics,
            kubernetes,
        },
        kubernetes: api,
    })
}

/// The key and vault that a cluster is configured with.
fn key_in_use(cluster: &ClusterFacts) -> Option<(KeyId, Option<VaultId>)> {
    let profile = cluster.kms_on()?;
    let key_id = KeyId::parse(profile.key_id.as_deref()?).ok()?;
    let vault_id = profile.key_vault_id.as_deref().and_then(|id| VaultId::parse(id).ok());
    Some((key_id, vault_id))
}
