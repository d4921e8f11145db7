//! Asynchronous operations on a cluster.

use std::sync::Arc;

use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

use super::kms::{PERMISSION_ERROR, Profile, next_config, validate};
use crate::{given::OperationFault, world::World};

/// An operation, as its poll URL shows it.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    id: String,
    /// The poll URL must carry it.
    pub(crate) signature: String,
    status: String,
    start: String,
    end: Option<String>,
    error: Option<OperationError>,
}

/// Code and message of an operation's error, and its shape.
#[derive(Clone, Debug)]
struct OperationError {
    code: String,
    message: String,
    flat: bool,
}

impl OperationError {
    fn new(code: &str, message: &str) -> Self {
        Self { code: code.to_owned(), message: message.to_owned(), flat: false }
    }

    fn from_fault(fault: &OperationFault) -> Option<Self> {
        Some(Self {
            code: fault.code.clone()?,
            message: fault.message.clone().unwrap_or_default(),
            flat: fault.flat,
        })
    }
}

impl Operation {
    fn new(error: Option<OperationError>) -> Self {
        Self {
            id: Uuid::new_v4().to_string(),
            signature: Uuid::new_v4().simple().to_string(),
            status: "InProgress".to_owned(),
            start: now(),
            // Real operations that go on have been seen with an end and with an error.
            end: error.as_ref().map(|_| now()),
            error,
        }
    }

    /// The poll URL.
    pub(crate) fn url(&self, arm: &str, world: &World) -> String {
        format!(
            "{arm}{}/providers/Microsoft.ContainerService/locations/{}/operations/{}\
             ?api-version=2016-03-30&t={}&s={}&h=sim",
            world.names.subscription_id(),
            crate::names::LOCATION,
            self.id,
            OffsetDateTime::now_utc().unix_timestamp(),
            self.signature,
        )
    }

    /// Whether it has not ended.
    pub(crate) fn goes_on(&self) -> bool {
        self.end.is_none()
    }

    /// The body of the poll URL's answer.
    pub(crate) fn body(&self) -> Value {
        let mut body = json!({ "name": self.id, "status": self.status, "startTime": self.start });
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
            None => {}
        }
        body
    }
}

/// Starts the operation that makes the cluster what its document says.
pub(crate) fn start(world: &Arc<World>) -> Operation {
    let fault = world.faults.next_operation();
    // A success that comes with an error shows it from the start.
    let error = fault
        .as_ref()
        .filter(|fault| fault.status == "Succeeded")
        .and_then(OperationError::from_fault);
    let operation = Operation::new(error);
    world.cluster().operations.insert(operation.id.clone(), operation.clone());
    let half = world.scale.seconds(world.faults.operation_seconds() / 2.0);
    let (world, id) = (world.clone(), operation.id.clone());
    tokio::spawn(async move {
        // The API servers change in the middle of an operation, not when somebody learns of its end.
        pause(half).await;
        let ended = perform(&world, fault.as_ref()).await;
        pause(half).await;
        finish(&world, &id, ended);
    });
    operation
}

/// How an operation ended: its status and, where it did not succeed, its error.
type Ended = Result<(), (String, Option<OperationError>)>;

async fn pause(duration: std::time::Duration) {
    if !duration.is_zero() {
        tokio::time::sleep(duration).await;
    }
}

fn failed(code: &str, message: &str) -> (String, Option<OperationError>) {
    ("Failed".to_owned(), Some(OperationError::new(code, message)))
}

async fn perform(world: &World, fault: Option<&OperationFault>) -> Ended {
    let applied_to = fault.and_then(|fault| fault.applied_to.clone());
    if let Some(fault) = fault.filter(|fault| fault.status != "Succeeded") {
        if applied_to.is_some() {
            roll_out(world, applied_to).await?;
        }
        let error = OperationError::from_fault(fault).or_else(|| {
            Some(OperationError::new("InternalOperationError", "The operation failed."))
        });
        return Err((fault.status.clone(), error));
    }
    let profile = Profile::of(&world.cluster().document);
    if profile.enabled {
        validate(world, &profile).map_err(|reason| {
            failed(PERMISSION_ERROR, &format!("KMS can't use the key with this identity. {reason}"))
        })?;
    }
    roll_out(world, applied_to).await?;
    world.update_private_connections();
    upgrade(world).await
}

/// Gives the API servers the encryption configuration that the document asks for.
async fn roll_out(world: &World, applied_to: Option<Vec<usize>>) -> Ended {
    let config = {
        let cluster = world.cluster();
        let profile = Profile::of(&cluster.document);
        let version = cluster.property("currentKubernetesVersion");
        let config = next_config(&cluster.rolled_out, &profile, version);
        if config == cluster.rolled_out && cluster.uniform {
            return Ok(());
        }
        config
    };
    if let Some(backend) = world.backend() {
        backend
            .apply(config.clone(), applied_to.clone())
            .await
            .map_err(|reason| failed("InternalOperationError", &reason))?;
    }
    let mut cluster = world.cluster();
    cluster.rolled_out = config;
    cluster.uniform = applied_to.is_none();
    Ok(())
}

/// Brings control plane and node pools to the versions that the document asks for.
async fn upgrade(world: &World) -> Ended {
    let (wanted, current) = {
        let cluster = world.cluster();
        let version = |name| cluster.property(name).to_owned();
        (version("kubernetesVersion"), version("currentKubernetesVersion"))
    };
    if wanted != current
        && let Some(backend) = world.backend()
    {
        backend
            .set_version(&wanted)
            .await
            .map_err(|reason| failed("InternalOperationError", &reason))?;
    }
    let mut cluster = world.cluster();
    cluster.document["properties"]["currentKubernetesVersion"] = json!(wanted);
    if let Some(Value::Array(pools)) = cluster.document.pointer_mut("/properties/agentPoolProfiles")
    {
        for pool in pools {
            if pool["currentOrchestratorVersion"] != pool["orchestratorVersion"] {
                pool["currentOrchestratorVersion"] = pool["orchestratorVersion"].clone();
                pool["eTag"] = super::document::new_etag();
            }
        }
    }
    Ok(())
}

fn finish(world: &World, id: &str, ended: Ended) {
    let mut cluster = world.cluster();
    let (status, error) = match ended {
        Ok(()) => ("Succeeded".to_owned(), None),
        Err((status, error)) => (status, error),
    };
    cluster.document["properties"]["provisioningState"] = json!(status);
    cluster.touch();
    if let Some(operation) = cluster.operations.get_mut(id) {
        operation.status = status;
        operation.end = Some(now());
        operation.error = error.or(operation.error.take());
    }
}

fn now() -> String {
    OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default()
}
