//! What others did to a cluster before its case begins.

use std::sync::Arc;

use serde_json::json;

use super::{agent_pools, kms_profile, reconcile};
use crate::{
    given::{Kms, NetworkMode},
    world::World,
};

/// Where the library keeps its record.
pub(crate) const SYSTEM: &str = "kube-system";
pub(crate) const RECORD: &str = "aks-kms";
/// In a record: the uid of that namespace.
pub(crate) const CLUSTER_UID: &str = "{{cluster_uid}}";

/// The document says what was asked for last, and did not succeed.
pub(crate) fn document(world: &World) {
    let Some(change) = &world.given.cluster.failed_change else { return };
    let profile = Kms {
        key: change.key.clone(),
        enabled: change.key.is_some(),
        in_use: None,
        network_mode: NetworkMode::Public,
        previous: None,
    };
    let cluster = world.cluster();
    let mut state = cluster.state();
    let properties = &mut state.document["properties"];
    properties["securityProfile"]["azureKeyVaultKms"] = kms_profile(&profile, &world.names);
    properties["provisioningState"] = json!(change.status);
    for pool in state.agent_pools() {
        agent_pools::settle(pool, &change.status);
    }
    state.touch();
}

/// What became of it in Kubernetes, which has started: some API servers have it, if any; and the record.
pub(crate) async fn happen(world: &Arc<World>) -> Result<(), String> {
    let cluster = world.cluster();
    let applied_to = world.given.cluster.failed_change.as_ref().map(|change| &change.applied_to);
    if let Some(servers) = applied_to.filter(|servers| !servers.is_empty()) {
        let applied = reconcile::roll_out(world, &cluster, Some(servers.clone())).await;
        applied.map_err(|_| "the failed change could not be applied".to_owned())?;
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
