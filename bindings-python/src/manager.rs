//! A manager, and a call that runs.

use std::sync::{Arc, Mutex, PoisonError, mpsc::Sender};

use aks_kms::{Error, ErrorKind, KmsManager, OnProgress, Timing};
use aks_kms_bindings::{Settings, default_credential, error_document};
use azure_core::credentials::TokenCredential;
use pyo3::prelude::*;
use serde_json::{Map, Value, json};
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

use crate::{
    credential::PythonCredential,
    failure, logging, parsed,
    process::{self, Process},
    relay::Message,
};

/// How much shorter every wait is, in tests.
static SCALE: Mutex<Option<f64>> = Mutex::new(None);

/// Makes every wait of managers that are made from here on so much shorter: for tests against a simulator
/// that is as much faster. On Azure, it would make wrong what is proven.
#[pyfunction]
#[pyo3(name = "_scale_time")]
pub(crate) fn scale_time(factor: f64) {
    *SCALE.lock().unwrap_or_else(PoisonError::into_inner) = Some(factor);
}

/// The manager of one cluster.
#[pyclass(frozen, module = "aks_kms._native")]
pub(crate) struct Manager {
    settings: Settings,
    credential: Arc<dyn TokenCredential>,
    timing: Option<Timing>,
    /// Of which process it is, and the manager: connections of a parent are not a child's.
    made: Mutex<(u32, KmsManager)>,
}

#[pymethods]
impl Manager {
    /// From settings in JSON. The callable gives tokens; none: the credential is looked for.
    #[new]
    fn new(settings: &str, token_source: Option<Py<PyAny>>) -> PyResult<Self> {
        let settings = Settings::read(parsed(settings)?).map_err(|error| failure(&error))?;
        let credential = credential_of(token_source)?;
        let timing = timing();
        let manager = settings
            .manager(Arc::clone(&credential), timing.clone())
            .map_err(|error| failure(&error))?;
        let made = Mutex::new((std::process::id(), manager));
        Ok(Self { settings, credential, timing, made })
    }

    /// The cluster's resource id.
    #[getter]
    fn cluster_id(&self) -> String {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.1.cluster_id().to_string()
    }

    /// Begins a verb. The receiver is called with pairs: `progress` and JSON, as often as there is any; at
    /// last `done` and the result, `failed` and the error, or `cancelled` and nothing.
    fn start(
        &self,
        py: Python<'_>,
        verb: String,
        arguments: &str,
        progress: bool,
        receiver: Py<PyAny>,
        log_level: u8,
    ) -> PyResult<Call> {
        logging::set_level(log_level);
        let process = process::current(py)?;
        let arguments = object(arguments)?;
        let manager = self.manager_of(process.id)?;
        let on_progress = progress.then(|| reporter(process.relay.clone(), receiver.clone_ref(py)));
        let work = perform(manager.clone(), verb, arguments, on_progress);
        Ok(begun(&process, receiver, Some(manager), work))
    }
}

impl Manager {
    /// The manager of this process.
    fn manager_of(&self, id: u32) -> PyResult<KmsManager> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if made.0 != id {
            let manager = self
                .settings
                .manager(Arc::clone(&self.credential), self.timing.clone())
                .map_err(|error| failure(&error))?;
            // its connections are the parent's: they are left alone
            std::mem::forget(std::mem::replace(&mut *made, (id, manager)));
        }
        Ok(made.1.clone())
    }
}

fn reporter(relay: Sender<Message>, receiver: Py<PyAny>) -> OnProgress {
    let receiver = Arc::new(receiver);
    // a sender is not for several threads at once; the calls never overlap
    let relay = Mutex::new(relay);
    Arc::new(move |now| {
        let payload = serde_json::to_string(&now).unwrap_or_default();
        let relay = relay.lock().unwrap_or_else(PoisonError::into_inner);
        let receiver = Arc::clone(&receiver);
        let _ = relay.send(Message::Progress { receiver, payload });
    })
}

async fn perform(
    manager: KmsManager,
    verb: String,
    arguments: Map<String, Value>,
    on_progress: Option<OnProgress>,
) -> Result<String, Error> {
    Box::pin(aks_kms_bindings::call(&manager, &verb, arguments, on_progress)).await
}

/// Begins `list_clusters`, which needs no manager. The receiver is called as that of a verb is.
#[pyfunction]
pub(crate) fn list_clusters(
    py: Python<'_>,
    arguments: &str,
    token_source: Option<Py<PyAny>>,
    receiver: Py<PyAny>,
    log_level: u8,
) -> PyResult<Call> {
    logging::set_level(log_level);
    let process = process::current(py)?;
    let arguments = object(arguments)?;
    let credential = credential_of(token_source)?;
    let work = aks_kms_bindings::list_clusters(credential, arguments, timing());
    Ok(begun(&process, receiver, None, work))
}

/// The one that a callable gives tokens for; none: it is looked for.
fn credential_of(token_source: Option<Py<PyAny>>) -> PyResult<Arc<dyn TokenCredential>> {
    match token_source {
        Some(source) => Ok(Arc::new(PythonCredential::new(source))),
        None => default_credential(None).map_err(|error| failure(&error)),
    }
}

fn timing() -> Option<Timing> {
    let scale = *SCALE.lock().unwrap_or_else(PoisonError::into_inner);
    scale.map(Timing::scaled)
}

fn object(arguments: &str) -> PyResult<Map<String, Value>> {
    match parsed(arguments)? {
        Value::Object(arguments) => Ok(arguments),
        _ => Err(pyo3::exceptions::PyValueError::new_err("arguments are an object")),
    }
}

/// Begins a piece of work, of whose end the receiver is told. Dropped, it may have a Lease to give back.
fn begun(
    process: &Process,
    receiver: Py<PyAny>,
    manager: Option<KmsManager>,
    work: impl Future<Output = Result<String, Error>> + Send + 'static,
) -> Call {
    let relay = process.relay.clone();
    let dropped = process.end.child_token();
    let task = process.runtime.spawn(dropped.clone().run_until_cancelled_owned(work));
    let ended = async move {
        let (kind, payload) = match task.await {
            Ok(Some(Ok(result))) => ("done", result),
            Ok(Some(Err(error))) => ("failed", error_document(&error).to_string()),
            Ok(None) => ("cancelled", String::new()),
            Err(error) => ("failed", panicked(&error)),
        };
        let _ = relay.send(Message::Deliver { receiver, kind, payload });
        if let Some(manager) = manager {
            manager.leases_released().await;
        }
    };
    process.calls.spawn_on(ended, process.runtime.handle());
    Call(dropped)
}

/// The error of a call that ended by a fault of the library.
fn panicked(error: &JoinError) -> String {
    json!({
        "code": ErrorKind::Unexpected.code(),
        "message": format!("{error}: this is a fault of aks-kms, please report it"),
        "retryable": false,
        "service_code": null,
        "findings": [],
        "report": null,
    })
    .to_string()
}

/// A call that runs.
#[pyclass(frozen, module = "aks_kms._native")]
pub(crate) struct Call(CancellationToken);

#[pymethods]
impl Call {
    /// Drops its work, which may be gone on with later.
    fn cancel(&self) {
        self.0.cancel();
    }
}
