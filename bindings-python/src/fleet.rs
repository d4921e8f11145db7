//! Many clusters.

use std::sync::Arc;

use aks_kms::{Error, OnFleetProgress, Timing};
use aks_kms_bindings::FleetSettings;
use azure_core::credentials::TokenCredential;
use pyo3::prelude::*;
use serde_json::to_string;

use crate::{
    call::{Call, begun, credential_of, object, timing},
    failure, logging,
    manager::reporter,
    parsed, process,
};

/// The clusters, and how they are reached. Each call has connections of its own: so a child that is made by `fork` uses
/// none of its parent's, and what a filter leaves may differ from call to call.
#[pyclass(frozen, module = "aks_kms._native")]
pub(crate) struct Fleet {
    settings: FleetSettings,
    credential: Arc<dyn TokenCredential>,
    timing: Option<Timing>,
}

#[pymethods]
impl Fleet {
    /// From settings in JSON. The callable gives tokens; none: the credential is looked for.
    #[new]
    fn new(settings: &str, token_source: Option<Py<PyAny>>) -> PyResult<Self> {
        let settings = FleetSettings::read(parsed(settings)?).map_err(|error| failure(&error))?;
        let fleet = Self { settings, credential: credential_of(token_source)?, timing: timing() };
        // what is wrong is told now
        fleet.made(None).map_err(|error| failure(&error))?;
        Ok(fleet)
    }

    /// Refuses what a verb would refuse before any request.
    fn check(&self, verb: &str, arguments: &str) -> PyResult<()> {
        let arguments = object(arguments)?;
        let checked = self
            .made(None)
            .and_then(|fleet| aks_kms_bindings::check_fleet(&fleet, verb, arguments));
        checked.map_err(|error| failure(&error))
    }

    /// Begins a verb on the clusters; on those of `only`, if it is given. The receiver is called as that of a
    /// manager's verb is.
    #[allow(
        clippy::too_many_arguments,
        clippy::needless_pass_by_value,
        reason = "Python's own part is the only caller, and a list comes by value"
    )]
    fn start(
        &self,
        py: Python<'_>,
        verb: String,
        arguments: &str,
        only: Option<Vec<String>>,
        progress: bool,
        receiver: Py<PyAny>,
        log_level: u8,
    ) -> PyResult<Call> {
        logging::set_level(log_level);
        let process = process::current(py)?;
        let arguments = object(arguments)?;
        let fleet = self.made(only.as_deref()).map_err(|error| failure(&error))?;
        let on_progress = progress.then(|| {
            let tell = reporter(process.relay.clone(), receiver.clone_ref(py));
            Arc::new(move |now| tell(to_string(&now))) as OnFleetProgress
        });
        let at_work = fleet.clone();
        let work = async move {
            Box::pin(aks_kms_bindings::call_fleet(&at_work, &verb, arguments, on_progress)).await
        };
        let released = async move { fleet.leases_released().await };
        Ok(begun(&process, receiver, work, released))
    }
}

impl Fleet {
    fn made(&self, only: Option<&[String]>) -> Result<aks_kms::Fleet, Error> {
        self.settings.fleet(Arc::clone(&self.credential), only, self.timing.clone())
    }
}
