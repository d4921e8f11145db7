//! What a PUT's operation does: encryption, then the control plane, then the node pools.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    Cluster,
    data_encryption::{self, Experience},
    kms::{self, PERMISSION_ERROR, Profile},
    operation::{Ended, Failed, asked_for, failed},
    rewrite, switch,
};
use crate::{
    backend::KeyRef,
    given::{OperationEnds, OperationFault, OperationStep},
    world::World,
};

/// Makes a cluster what its document says, or ends as the fault says.
pub(super) async fn perform(
    world: &Arc<World>,
    cluster: &Arc<Cluster>,
    fault: Option<&OperationFault>,
) -> Ended {
    let applied_to = fault.and_then(|fault| fault.applied_to.clone());
    let failure = fault.filter(|fault| fault.status != "Succeeded");
    let fails_after = |step| {
        failure.filter(|fault| fault.after == step).map_or(Ok(()), |fault| Err(asked_for(fault)))
    };
    if failure.is_some_and(|fault| fault.after == OperationStep::Nothing) && applied_to.is_some() {
        roll_out(world, cluster, applied_to.clone()).await?;
    }
    fails_after(OperationStep::Nothing)?;
    let document = cluster.document();
    let profile = Profile::of(&document);
    let valid = match Experience::of(&document) {
        Experience::Legacy => kms::validate(world, cluster, &profile),
        Experience::Customer => data_encryption::validate(world, cluster, &profile),
        Experience::Off | Experience::Platform => Ok(()),
    };
    valid.map_err(|reason| {
        failed(PERMISSION_ERROR, &format!("KMS can't use the key with this identity. {reason}"))
    })?;
    if roll_out(world, cluster, applied_to).await? {
        rewrite::watch(world, cluster);
        match world.given.data_encryption.operation_ends {
            OperationEnds::BeforeRewrite => rewrite::begin(world, cluster),
            OperationEnds::AfterRewrite => rewrite::finish(world, cluster).await,
        }
    } else {
        rewrite::keep_watching(world, cluster);
    }
    world.update_private_connections(cluster);
    fails_after(OperationStep::Encryption)?;
    upgrade_control_plane(cluster).await?;
    fails_after(OperationStep::ControlPlane)?;
    upgrade_node_pools(cluster);
    fails_after(OperationStep::NodePools)
}

/// Gives the API servers the encryption configuration that the document asks for. A cluster that
/// has none yet gets them here. Gives whether AKS rewrites the secrets now.
pub(super) async fn roll_out(
    world: &Arc<World>,
    cluster: &Arc<Cluster>,
    applied_to: Option<Vec<usize>>,
) -> Result<bool, Failed> {
    let internal = |reason: String| failed("InternalOperationError", &reason);
    let _turn = cluster.encryption.lock().await;
    let config = switch::next(world, cluster).await.map_err(internal)?;
    let Some(backend) = cluster.backend() else {
        {
            let mut state = cluster.state();
            state.rolled_out = config;
            state.note_ways();
            state.note_way_of_customer_key();
        }
        rewrite::watch(world, cluster);
        return world
            .kubernetes
            .start_created(world, cluster)
            .await
            .map(|()| false)
            .map_err(internal);
    };
    {
        let mut state = cluster.state();
        // Before the plugins go that way.
        state.note_way_of_customer_key();
        if config == state.rolled_out && state.uniform {
            return Ok(false);
        }
    }
    backend.apply(config.clone(), applied_to.clone()).await.map_err(internal)?;
    let is_data_encryption = config.current.as_ref().is_some_and(KeyRef::is_data_encryption);
    cluster.state().note_rolled_out(config, applied_to.is_none());
    Ok(is_data_encryption && applied_to.is_none())
}

/// Brings the control plane to the version that the document asks for.
async fn upgrade_control_plane(cluster: &Cluster) -> Ended {
    let (wanted, current) = {
        let state = cluster.state();
        let version = |name| state.property(name).to_owned();
        (version("kubernetesVersion"), version("currentKubernetesVersion"))
    };
    if wanted != current
        && let Some(backend) = cluster.backend()
    {
        backend
            .set_version(&wanted)
            .await
            .map_err(|reason| failed("InternalOperationError", &reason))?;
    }
    cluster.state().document["properties"]["currentKubernetesVersion"] = json!(wanted);
    Ok(())
}

fn upgrade_node_pools(cluster: &Cluster) {
    for pool in cluster.state().agent_pools() {
        upgrade_node_pool(pool);
    }
}

/// Brings a node pool to the version that the document asks for.
pub(super) fn upgrade_node_pool(pool: &mut Value) {
    if pool["currentOrchestratorVersion"] != pool["orchestratorVersion"] {
        pool["currentOrchestratorVersion"] = pool["orchestratorVersion"].clone();
        pool["eTag"] = super::new_etag();
    }
}
