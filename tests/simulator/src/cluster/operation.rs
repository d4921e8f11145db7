//! Asynchronous operations on a cluster.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Cluster, agent_pools, forgotten, lifecycle, reconcile, signature::Signature};
use crate::{given::OperationFault, names::LOCATION, world::World};

/// What an operation does.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Work {
    /// Makes the cluster what its document says.
    Reconcile,
    /// Has only to make known that tags changed.
    Tags,
    Stop,
    Start,
    Delete,
    /// Makes an agent pool what the document says of it.
    AgentPool(String),
    DeleteAgentPool(String),
}

/// What an operation shows first on the way.
const IN_PROGRESS: &str = "InProgress";

impl Work {
    /// What its operation shows on the way: free text.
    fn stages(&self) -> &'static [&'static str] {
        match self {
            Self::Reconcile => &[
                IN_PROGRESS,
                "ProvisioningControlPlane",
                "ReconcilingAddons",
                "CreatingAgentPools: 1/3 nodes completed",
            ],
            Self::AgentPool(_) => &[IN_PROGRESS, "CreatingAgentPools: 1/3 nodes completed"],
            _ => &[IN_PROGRESS],
        }
    }

    /// The agent pool that it is about; `None`: the cluster as a whole.
    pub(super) fn agent_pool(&self) -> Option<&str> {
        match self {
            Self::AgentPool(name) | Self::DeleteAgentPool(name) => Some(name),
            _ => None,
        }
    }
}

/// An operation, as its poll URL shows it.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    id: String,
    signature: Signature,
    /// How it ended; `None`: it goes on.
    status: Option<String>,
    /// What it shows on the way, one after the other.
    stages: &'static [&'static str],
    /// How often it was looked at on the way.
    looks: usize,
    /// Whether its cluster has had another one since.
    superseded: bool,
    start: String,
    end: Option<String>,
    error: Option<OperationError>,
}

/// Code and message of an operation's error, and its shape.
#[derive(Clone, Debug)]
pub(crate) struct OperationError {
    code: String,
    message: String,
    flat: bool,
}

/// How an operation ended: its status and, where it did not succeed, its error.
pub(super) type Ended = Result<(), Failed>;

/// The status of an operation that did not succeed, and its error.
pub(super) type Failed = (String, Option<OperationError>);

/// A failure that the simulator found by itself.
pub(super) fn failed(code: &str, message: &str) -> Failed {
    let error = OperationError { code: code.to_owned(), message: message.to_owned(), flat: false };
    ("Failed".to_owned(), Some(error))
}

/// The failure that a fault asks for.
pub(super) fn asked_for(fault: &OperationFault) -> Failed {
    let error = OperationError::from_fault(fault)
        .or_else(|| failed("InternalOperationError", "The operation failed.").1);
    (fault.status.clone(), error)
}

impl OperationError {
    fn from_fault(fault: &OperationFault) -> Option<Self> {
        Some(Self {
            code: fault.code.clone()?,
            message: fault.message.clone().unwrap_or_default(),
            flat: fault.flat,
        })
    }
}

impl Operation {
    fn new(
        now: OffsetDateTime,
        stages: &'static [&'static str],
        error: Option<OperationError>,
    ) -> Self {
        Self {
            id: Uuid::new_v4().to_string(),
            signature: Signature::new(now),
            status: None,
            stages,
            looks: 0,
            superseded: false,
            start: text(now),
            // Real operations that go on have been seen with an end and with an error.
            end: error.as_ref().map(|_| text(now)),
            error,
        }
    }

    /// The poll URL of `Azure-AsyncOperation`.
    pub(crate) fn url(&self, arm: &str, world: &World) -> String {
        self.signed_url(arm, world, "operations")
    }

    /// The poll URL of `Location`.
    pub(crate) fn result_url(&self, arm: &str, world: &World) -> String {
        self.signed_url(arm, world, "operationresults")
    }

    fn signed_url(&self, arm: &str, world: &World, kind: &str) -> String {
        format!(
            "{arm}{}/providers/Microsoft.ContainerService/locations/{LOCATION}/{kind}/{}\
             ?api-version=2016-03-30&{}",
            world.names.subscription_id(),
            self.id,
            self.signature.query(),
        )
    }

    /// Whether it has not ended.
    pub(crate) fn goes_on(&self) -> bool {
        self.status.is_none()
    }

    /// Whether a request has the signature of its poll URL: one that was rebuilt has not.
    pub(crate) fn is_named_by<'a>(&self, parameter: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.signature.is_in(parameter)
    }

    /// Somebody looks at it: the body of the poll URL's answer.
    pub(crate) fn look(&mut self) -> Value {
        let body = self.body();
        self.looks += usize::from(self.goes_on());
        body
    }

    fn body(&self) -> Value {
        let stage = self.stages.get(self.looks).or_else(|| self.stages.last());
        let status = self.status.as_deref().or(stage.copied()).unwrap_or(IN_PROGRESS);
        let mut body = json!({ "name": self.id, "status": status, "startTime": self.start });
        if let Some(end) = &self.end {
            body["endTime"] = json!(end);
        }
        match &self.error {
            Some(OperationError { code, message, flat: true }) => {
                body["code"] = json!(code);
                body["message"] = json!(message);
                body["subcode"] = json!("");
                body["details"] = json!([]);
            }
            Some(OperationError { code, message, flat: false }) => {
                body["error"] = json!({ "code": code, "message": message, "details": [] });
            }
            None if self.superseded && self.status.as_deref() == Some("Succeeded") => {
                let message = "Cannot get the result of this operation: it is not the latest one.";
                body["error"] = json!({ "code": "NotLatestOperation", "message": message });
            }
            None => {}
        }
        body
    }
}

/// Starts an operation. The document already says that it goes on.
pub(crate) fn start(world: &Arc<World>, cluster: &Arc<Cluster>, work: Work) -> Operation {
    start_that_ends(world, cluster, work, world.faults.next_operation())
}

/// Starts an operation that ends as `fault` says; absent: well, if nothing is in the way.
pub(super) fn start_that_ends(
    world: &Arc<World>,
    cluster: &Arc<Cluster>,
    work: Work,
    fault: Option<OperationFault>,
) -> Operation {
    // A success that comes with an error shows it from the start.
    let error = fault
        .as_ref()
        .filter(|fault| fault.status == "Succeeded")
        .and_then(OperationError::from_fault);
    let operation = Operation::new(world.faults.now(), work.stages(), error);
    world.operations().insert(operation.id.clone(), operation.clone());
    let abort = CancellationToken::new();
    let before = {
        let mut state = cluster.state();
        state.running += 1;
        if work.agent_pool().is_none() {
            state.abort = Some(abort.clone());
        }
        state.latest_operation.replace(operation.id.clone())
    };
    if let Some(before) = before
        && let Some(before) = world.operations().get_mut(&before)
    {
        before.superseded = true;
    }
    let half = world.scale.seconds(world.faults.operation_seconds() / 2.0);
    let (world, cluster, id) = (world.clone(), cluster.clone(), operation.id.clone());
    tokio::spawn(async move {
        // The API servers change in the middle of an operation, not when somebody learns of its end.
        let mut ended = pause(half, &abort).await;
        let (mut world, mut cluster) = (world, cluster);
        if ended.is_ok() && work == Work::Reconcile && fault.is_none() {
            match forgotten::wait(world, cluster, &abort).await {
                Some(waited) => (world, cluster, ended) = waited,
                None => return,
            }
        }
        note_progress(&cluster, &work);
        if ended.is_ok() {
            ended = perform(&world, &cluster, &work, fault.as_ref()).await;
            note_progress(&cluster, &work);
            if let Err(aborted) = pause(half, &abort).await {
                ended = ended.and(Err(aborted));
            }
        }
        finish(&world, &cluster, &work, &id, ended);
    });
    operation
}

/// The service writes down how far it has come: the eTag is another each time.
fn note_progress(cluster: &Cluster, work: &Work) {
    if work.agent_pool().is_none() {
        cluster.state().touch();
    }
}

/// Starts the operation that waits for an aborted one to end.
pub(crate) fn start_abort(
    world: &Arc<World>,
    cluster: &Arc<Cluster>,
    abort: &CancellationToken,
) -> Operation {
    const LOOK: Duration = Duration::from_millis(2);
    let operation = Operation::new(world.faults.now(), &[IN_PROGRESS], None);
    world.operations().insert(operation.id.clone(), operation.clone());
    abort.cancel();
    let (world, cluster, id) = (world.clone(), cluster.clone(), operation.id.clone());
    tokio::spawn(async move {
        while cluster.state().abort.is_some() {
            tokio::time::sleep(LOOK).await;
        }
        end(&world, &id, "Succeeded", None);
    });
    operation
}

/// Waits, unless the operation is aborted.
pub(super) async fn pause(duration: Duration, abort: &CancellationToken) -> Ended {
    let aborted = || {
        let message = "The operation was aborted.";
        Err(("Canceled".to_owned(), failed("OperationAborted", message).1))
    };
    if duration.is_zero() {
        return if abort.is_cancelled() { aborted() } else { Ok(()) };
    }
    tokio::select! {
        () = tokio::time::sleep(duration) => Ok(()),
        () = abort.cancelled() => aborted(),
    }
}

async fn perform(
    world: &Arc<World>,
    cluster: &Arc<Cluster>,
    work: &Work,
    fault: Option<&OperationFault>,
) -> Ended {
    if *work == Work::Reconcile {
        return reconcile::perform(world, cluster, fault).await;
    }
    if let Some(fault) = fault.filter(|fault| fault.status != "Succeeded") {
        return Err(asked_for(fault));
    }
    match work {
        Work::Reconcile | Work::Tags => {}
        Work::Stop => lifecycle::set_running(world, cluster, false).await?,
        Work::Start => lifecycle::set_running(world, cluster, true).await?,
        Work::Delete => lifecycle::remove(world, cluster),
        Work::AgentPool(name) => agent_pools::reconcile(cluster, name),
        Work::DeleteAgentPool(name) => agent_pools::remove(cluster, name),
    }
    Ok(())
}

fn finish(world: &World, cluster: &Cluster, work: &Work, id: &str, ended: Ended) {
    let (status, error) = match ended {
        Ok(()) => ("Succeeded".to_owned(), None),
        Err((status, error)) => (status, error),
    };
    {
        let mut state = cluster.state();
        if let Some(name) = work.agent_pool() {
            agent_pools::finish(&mut state, name, &status);
        } else {
            state.document["properties"]["provisioningState"] = json!(status);
            for pool in state.agent_pools() {
                agent_pools::settle(pool, &status);
            }
            state.touch();
            state.abort = None;
        }
        state.running -= 1;
    }
    world.check_plugins();
    end(world, id, &status, error);
}

fn end(world: &World, id: &str, status: &str, error: Option<OperationError>) {
    if let Some(operation) = world.operations().get_mut(id) {
        operation.status = Some(status.to_owned());
        operation.end = Some(text(world.faults.now()));
        operation.error = error.or(operation.error.take());
    }
}

fn text(time: OffsetDateTime) -> String {
    time.format(&Rfc3339).unwrap_or_default()
}
