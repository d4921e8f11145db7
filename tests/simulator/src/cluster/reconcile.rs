//! What a PUT's operation does: encryption, then the control plane, then the node pools.

use std::{sync::Arc, time::Instant};

use serde_json::{Value, json};

use super::{
    Cluster,
    kms::{PERMISSION_ERROR, Profile, next_config, validate},
    operation::{Ended, asked_for, failed},
};
use crate::{
    given::{OperationFault, OperationStep},
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
    let profile = Profile::of(&cluster.state().document);
    if profile.enabled {
        validate(world, cluster, &profile).map_err(|reason| {
            failed(PERMISSION_ERROR, &format!("KMS can't use the key with this identity. {reason}"))
        })?;
    }
    roll_out(world, cluster, applied_to).await?;
    world.update_private_connections(cluster);
    fails_after(OperationStep::Encryption)?;
    upgrade_control_plane(cluster).await?;
    fails_after(OperationStep::ControlPlane)?;
    upgrade_node_pools(cluster);
    fails_after(OperationStep::NodePools)
}

/// Gives the API servers the encryption configuration that the document asks for. A cluster that
/// has none yet gets them here.
pub(super) async fn roll_out(
    world: &Arc<World>,
    cluster: &Arc<Cluster>,
    applied_to: Option<Vec<usize>>,
) -> Ended {
    let backend = cluster.backend();
    let config = {
        let mut state = cluster.state();
        let profile = Profile::of(&state.document);
        let version = state.property("currentKubernetesVersion");
        let config = next_config(&state.rolled_out, &profile, version);
        if backend.is_some() && config == state.rolled_out && state.uniform {
            return Ok(());
        }
        if backend.is_none() {
            state.rolled_out = config.clone();
            state.note_ways();
        }
        config
    };
    let Some(backend) = backend else {
        return world
            .kubernetes
            .start_created(world, cluster)
            .await
            .map_err(|reason| failed("InternalOperationError", &reason));
    };
    backend
        .apply(config.clone(), applied_to.clone())
        .await
        .map_err(|reason| failed("InternalOperationError", &reason))?;
    let mut state = cluster.state();
    state.rolled_out = config;
    state.rolled_out_at = Some(Instant::now());
    state.note_ways();
    state.uniform = applied_to.is_none();
    Ok(())
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
