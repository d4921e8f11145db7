//! A manager.

use std::sync::{Arc, Mutex, PoisonError, mpsc::Sender};

use aks_kms::{Error, KmsManager, OnProgress, Timing};
use aks_kms_bindings::Settings;
use azure_core::credentials::TokenCredential;
use pyo3::prelude::*;
use serde_json::{Map, Value, to_string};

use crate::{
    call::{Call, begun, credential_of, object, timing},
    failure, logging, parsed, process,
    relay::Message,
};

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
        let on_progress = progress.then(|| {
            let tell = reporter(process.relay.clone(), receiver.clone_ref(py));
            Arc::new(move |now| tell(to_string(&now))) as OnProgress
        });
        let work = perform(manager.clone(), verb, arguments, on_progress);
        let released = async move { manager.leases_released().await };
        Ok(begun(&process, receiver, work, released))
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

/// Brings each snapshot of progress, which is JSON, to the receiver.
pub(crate) fn reporter(
    relay: Sender<Message>,
    receiver: Py<PyAny>,
) -> impl Fn(serde_json::Result<String>) + Send + Sync {
    let receiver = Arc::new(receiver);
    // a sender is not for several threads at once; the calls never overlap
    let relay = Mutex::new(relay);
    move |snapshot| {
        let relay = relay.lock().unwrap_or_else(PoisonError::into_inner);
        let receiver = Arc::clone(&receiver);
        let _ = relay.send(Message::Progress { receiver, payload: snapshot.unwrap_or_default() });
    }
}

async fn perform(
    manager: KmsManager,
    verb: String,
    arguments: Map<String, Value>,
    on_progress: Option<OnProgress>,
) -> Result<String, Error> {
    Box::pin(aks_kms_bindings::call(&manager, &verb, arguments, on_progress)).await
}
