//! What happens to a cluster as a whole besides its PUT: tags, stop and start, abort, deletion.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    Cluster, ManagedCluster,
    data_encryption::Experience,
    kms::Profile,
    operation::{self, Ended, Operation, Work, failed},
    update::{Preconditions, check_idle, check_preconditions},
};
use crate::{http::Answer, world::World};

/// Replaces the tags.
pub(crate) fn set_tags(
    world: &Arc<World>,
    cluster: &Arc<Cluster>,
    tags: &Value,
    preconditions: Preconditions<'_>,
) -> Result<(Value, Operation), Answer> {
    let document = {
        let mut state = cluster.state();
        check_idle(&state)?;
        check_preconditions(&state, preconditions)?;
        state.document["tags"] = tags.clone();
        begin(&mut state, "Updating")
    };
    Ok((document, operation::start(world, cluster, Work::Tags)))
}

/// Stops a cluster.
pub(crate) fn stop(world: &Arc<World>, cluster: &Arc<Cluster>) -> Result<Operation, Answer> {
    {
        let mut state = cluster.state();
        if state.is_stopped() {
            let message = "The cluster is already stopped.";
            return Err(Answer::flat_error(409, "OperationNotAllowed", message));
        }
        check_power_change(&state)?;
        check_idle(&state)?;
        begin(&mut state, "Stopping");
    }
    Ok(operation::start(world, cluster, Work::Stop))
}

/// Starts a stopped cluster.
pub(crate) fn start(world: &Arc<World>, cluster: &Arc<Cluster>) -> Result<Operation, Answer> {
    {
        let mut state = cluster.state();
        if !state.is_stopped() {
            let message = "The cluster is already running.";
            return Err(Answer::flat_error(409, "OperationNotAllowed", message));
        }
        check_power_change(&state)?;
        begin(&mut state, "Starting");
    }
    Ok(operation::start(world, cluster, Work::Start))
}

/// A stopped cluster could not reach a private vault through its nodes.
fn check_power_change(state: &ManagedCluster) -> Result<(), Answer> {
    let profile = Profile::of(&state.document);
    let access = &state.document["properties"]["apiServerAccessProfile"];
    let legacy = Experience::of(&state.document) == Experience::Legacy;
    if legacy && profile.private() && access["enableVnetIntegration"] != true {
        let message = "Stop and start are not allowed for a cluster with KMS and a private key \
                       vault that does not use API Server VNet Integration.";
        return Err(Answer::flat_error(400, "OperationNotAllowed", message));
    }
    Ok(())
}

/// Aborts the operation that goes on.
pub(crate) fn abort(world: &Arc<World>, cluster: &Arc<Cluster>) -> Result<Operation, Answer> {
    let abort = cluster.state().abort.clone().ok_or_else(|| {
        let message = "There is no operation in progress that could be aborted.";
        Answer::flat_error(409, "OperationNotAllowed", message)
    })?;
    Ok(operation::start_abort(world, cluster, &abort))
}

/// Deletes a cluster.
pub(crate) fn delete(
    world: &Arc<World>,
    cluster: &Arc<Cluster>,
    preconditions: Preconditions<'_>,
) -> Result<Operation, Answer> {
    {
        let mut state = cluster.state();
        if state.is_busy() {
            check_idle(&state)?;
        }
        check_preconditions(&state, preconditions)?;
        begin(&mut state, "Deleting");
    }
    Ok(operation::start(world, cluster, Work::Delete))
}

fn begin(state: &mut ManagedCluster, provisioning_state: &str) -> Value {
    state.document["properties"]["provisioningState"] = json!(provisioning_state);
    state.accept()
}

/// Stops the API servers with what runs in them, or starts them, and says so.
pub(super) async fn set_running(world: &World, cluster: &Cluster, running: bool) -> Ended {
    if let Some(backend) = cluster.backend() {
        let done = backend.set_running(running).await;
        done.map_err(|reason| failed("InternalOperationError", &reason))?;
    }
    set_power_state(cluster, if running { "Running" } else { "Stopped" });
    if !running {
        // after that, so that none begins which is not ended
        cluster.commands.end_all(world.faults.now(), "The cluster was stopped.");
    }
    Ok(())
}

fn set_power_state(cluster: &Cluster, code: &str) {
    let mut state = cluster.state();
    let power_state = json!({ "code": code });
    state.document["properties"]["powerState"] = power_state.clone();
    for pool in state.agent_pools() {
        pool["powerState"] = power_state.clone();
    }
}

/// Takes the cluster and all that was made for it out of the world.
pub(super) fn remove(world: &World, cluster: &Arc<Cluster>) {
    world.disconnect_privately(cluster);
    world.remove_cluster(cluster);
    cluster.commands.end_all(world.faults.now(), "The cluster was deleted.");
    cluster.end_backend();
}
