//! What others did to a cluster before its case begins.

use std::sync::Arc;

use serde_json::json;

use super::{Cluster, agent_pools, kms_profile, reconcile};
use crate::{
    given::{FailedChange, Kms, NetworkMode},
    world::World,
};

/// Where the library keeps its record.
pub(crate) const SYSTEM: &str = "kube-system";
pub(crate) const RECORD: &str = "aks-kms";
/// In a record: the uid of that namespace.
pub(crate) const CLUSTER_UID: &str = "{{cluster_uid}}";

/// Makes it so.
pub(crate) async fn happen(world: &Arc<World>) -> Result<(), String> {
    let cluster = world.cluster();
    if let Some(change) = &world.given.cluster.failed_change {
        fail(world, &cluster, change).await?;
    }
    let Some(record) = &world.given.record else { return Ok(()) };
    let document = cluster.document();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let record = record
        .to_string()
        .replace("{{etag}}", &text(&document["eTag"]))
        .replace("{{resource_uid}}", &text(&document["properties"]["resourceUID"]));
    let backend = cluster.backend().ok_or_else(|| "the cluster has no Kubernetes".to_owned())?;
    backend.set_record(&record).await
}

/// The document says what was asked for, and only some API servers have it, if any.
async fn fail(
    world: &Arc<World>,
    cluster: &Arc<Cluster>,
    change: &FailedChange,
) -> Result<(), String> {
    let profile = Kms {
        key: change.key.clone(),
        enabled: change.key.is_some(),
        in_use: None,
        network_mode: NetworkMode::Public,
        previous: None,
    };
    {
        let mut state = cluster.state();
        let properties = &mut state.document["properties"];
        properties["securityProfile"]["azureKeyVaultKms"] = kms_profile(&profile, &world.names);
        properties["provisioningState"] = json!(change.status);
        for pool in state.agent_pools() {
            agent_pools::settle(pool, &change.status);
        }
        state.touch();
    }
    if change.applied_to.is_empty() {
        return Ok(());
    }
    let applied = reconcile::roll_out(world, cluster, Some(change.applied_to.clone())).await;
    applied.map(drop).map_err(|_| "the failed change could not be applied".to_owned())
}
