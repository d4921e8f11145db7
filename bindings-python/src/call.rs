//! A call that runs.

use std::sync::{Arc, Mutex, PoisonError};

use aks_kms::{Error, ErrorKind, Timing};
use aks_kms_bindings::{default_credential, error_document};
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
    Ok(begun(&process, receiver, work, std::future::ready(())))
}

/// The one that a callable gives tokens for; none: it is looked for.
pub(crate) fn credential_of(token_source: Option<Py<PyAny>>) -> PyResult<Arc<dyn TokenCredential>> {
    match token_source {
        Some(source) => Ok(Arc::new(PythonCredential::new(source))),
        None => default_credential(None).map_err(|error| failure(&error)),
    }
}

pub(crate) fn timing() -> Option<Timing> {
    let scale = *SCALE.lock().unwrap_or_else(PoisonError::into_inner);
    scale.map(Timing::scaled)
}

pub(crate) fn object(arguments: &str) -> PyResult<Map<String, Value>> {
    match parsed(arguments)? {
        Value::Object(arguments) => Ok(arguments),
        _ => Err(pyo3::exceptions::PyValueError::new_err("arguments are an object")),
    }
}

/// Begins a piece of work, of whose end the receiver is told. Dropped, it may have Leases to give back, which
/// `released` waits for.
pub(crate) fn begun(
    process: &Process,
    receiver: Py<PyAny>,
    work: impl Future<Output = Result<String, Error>> + Send + 'static,
    released: impl Future<Output = ()> + Send + 'static,
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
        released.await;
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
