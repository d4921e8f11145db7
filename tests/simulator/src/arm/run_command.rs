//! `runCommand` and `commandResults` of a managed cluster.

use std::path::PathBuf;

use serde_json::Value;

use super::{Call, clusters::find, kubeconfig, route::Named};
use crate::{
    backend::KubernetesBackend,
    cluster::Cluster,
    command::{CommandRequest, Job},
    http::{Answer, Outcome},
};

/// Starts a command.
pub(super) fn start(call: &Call<'_>, cluster: &Named) -> Outcome {
    let cluster = find(call.world, cluster)?;
    let request = CommandRequest::parse(&call.request.json()?)?;
    let is_entra = check(&cluster)?;
    let Some(backend) = cluster.backend() else {
        return Err(unavailable("The managed cluster is not provisioned: it has no API server."));
    };
    let kubectl = kubectl(&*backend)?;
    if !call.region.run_command {
        return Err(unavailable(
            "Run command is off in this simulator, because it would run the command on the machine of the \
             simulator. Start the simulator with --run-command (as a library: `Options::run_command`).",
        ));
    }
    let endpoint = backend.endpoint();
    // What the caller may do in a cluster with Entra, its token says.
    let user = match (is_entra, &request.cluster_token) {
        (true, Some(token)) => kubeconfig::User::Token { token, admin: false },
        (true, None) => {
            let message = "This cluster has Microsoft Entra ID enabled: clusterToken is required.";
            return Err(Answer::flat_error(400, "MissingAADClusterToken", message));
        }
        (false, _) => kubeconfig::User::Token { token: &endpoint.admin_token, admin: true },
    };
    let job = Job {
        kubeconfig: kubeconfig::render(&cluster.names, &endpoint, &user),
        command: request.command,
        context: request.context,
        kubectl,
    };
    let id = cluster.commands.start(job, call.world.faults.now());
    Ok(waiting(call, &cluster, &id, Value::Null))
}

/// What came of a command: 202 while it goes on.
pub(super) fn result(call: &Call<'_>, cluster: &Named, id: &str) -> Outcome {
    let cluster = find(call.world, cluster)?;
    let result = cluster.commands.result(id).ok_or_else(|| {
        let message = format!("Could not find the command {id}.");
        Answer::flat_error(404, "NotFound", &message)
    })?;
    if result.goes_on() {
        return Ok(waiting(call, &cluster, id, result.document()));
    }
    Ok(Answer::ok(result.document()))
}

/// Refuses what the cluster's document rules out; gives whether Entra users sign in to it.
fn check(cluster: &Cluster) -> Result<bool, Answer> {
    let state = cluster.state();
    if state.is_stopped() {
        let message = "Operation is not allowed because the managed cluster is stopped.";
        return Err(Answer::flat_error(409, "OperationNotAllowed", message));
    }
    let properties = &state.document["properties"];
    if properties["apiServerAccessProfile"]["disableRunCommand"] == true {
        return Err(unavailable("Run command is disabled in this cluster."));
    }
    Ok(properties["aadProfile"]["managed"] == true)
}

fn kubectl(backend: &dyn KubernetesBackend) -> Result<PathBuf, Answer> {
    backend.kubectl().map_err(|reason| {
        unavailable(&format!("Run command is not available in this cluster: {reason}."))
    })
}

fn unavailable(message: &str) -> Answer {
    Answer::flat_error(400, "RunCommandNotAvailable", message)
}

/// 202, with where to look again.
fn waiting(call: &Call<'_>, cluster: &Cluster, id: &str, body: Value) -> Answer {
    let answer = Answer::status(202, body);
    if call.world.faults.no_poll_header() {
        return answer;
    }
    let location = format!(
        "{}{}/commandResults/{id}?api-version={}",
        call.region.arm(),
        cluster.names.id(),
        call.request.query("api-version").unwrap_or_default(),
    );
    let answer = answer.with_header("location", location);
    match call.world.faults.operation_retry_after() {
        Some(seconds) => answer.with_header("retry-after", seconds.to_string()),
        None => answer,
    }
}
