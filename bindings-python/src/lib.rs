//! `aks_kms._native`: calls verbs by name, with JSON for what goes in and comes out. Everything that a user
//! of the Python package sees is in `python/aks_kms`.
//!
//! Work runs on a tokio runtime of its own, no thread of which ever waits for the interpreter: progress, results, logs
//! and what credentials are asked go to Python through one thread, `relay`, which ends before the interpreter does.

mod call;
mod credential;
mod fleet;
mod logging;
mod manager;
mod process;
mod relay;

use pyo3::prelude::*;

/// The native part of aks-kms: private, it changes without notice.
#[pymodule(gil_used = false)]
mod _native {
    use aks_kms::Provisioned;
    use pyo3::{create_exception, exceptions::PyException, prelude::*};
    use serde_json::{Value, from_str};

    #[pymodule_export]
    use crate::call::{Call, list_clusters, scale_time};
    #[pymodule_export]
    use crate::credential::Reply;
    #[pymodule_export]
    use crate::fleet::Fleet;
    use crate::logging;
    #[pymodule_export]
    use crate::manager::Manager;

    create_exception!(
        aks_kms._native,
        Failure,
        PyException,
        "An error of the library, as a JSON document."
    );

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("Failure", module.py().get_type::<Failure>())?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        logging::install();
        Ok(())
    }

    /// Is called before the interpreter ends.
    #[pyfunction]
    fn _end(py: Python<'_>) {
        crate::process::end(py);
    }

    /// Reports what a callback raised, by `sys.unraisablehook`.
    #[pyfunction]
    fn _report(problem: Bound<'_, PyAny>, callback: &Bound<'_, PyAny>) {
        let py = callback.py();
        PyErr::from_value(problem).write_unraisable(py, Some(callback));
    }

    /// The catalogue of rules, as JSON.
    #[pyfunction]
    fn rules() -> PyResult<String> {
        aks_kms_bindings::rules().map_err(|error| super::failure(&error))
    }

    /// Whether a report proves that every secret is under the expected key.
    #[pyfunction]
    fn is_proven(report: &str) -> PyResult<bool> {
        aks_kms_bindings::is_proven(super::parsed(report)?).map_err(|error| super::failure(&error))
    }

    /// Whether a report of a dry run says that the verb would be refused.
    #[pyfunction]
    fn is_refused(report: &str) -> PyResult<bool> {
        aks_kms_bindings::is_refused(super::parsed(report)?).map_err(|error| super::failure(&error))
    }

    /// Whether a report of a fleet says that every cluster is as it was asked for.
    #[pyfunction]
    fn is_fleet_complete(report: &str) -> PyResult<bool> {
        let report = super::parsed(report)?;
        aks_kms_bindings::is_fleet_complete(report).map_err(|error| super::failure(&error))
    }

    /// Whether what a dry run of `provision` gave says that it would be refused.
    #[pyfunction]
    fn is_provision_refused(provisioned: &str) -> PyResult<bool> {
        let provisioned: Provisioned =
            from_str(provisioned).map_err(|error| super::malformed(&error))?;
        Ok(provisioned.is_refused())
    }

    /// How a result reads, by the name of its type.
    #[pyfunction]
    fn shown(kind: &str, value: &str) -> PyResult<String> {
        let value: Value = super::parsed(value)?;
        aks_kms_bindings::shown(kind, value).map_err(|error| super::failure(&error))
    }

    /// A report as one HTML file.
    #[pyfunction]
    fn to_html(report: &str) -> PyResult<String> {
        aks_kms_bindings::to_html(super::parsed(report)?).map_err(|error| super::failure(&error))
    }

    /// A report as Markdown.
    #[pyfunction]
    fn to_markdown(report: &str) -> PyResult<String> {
        let report = super::parsed(report)?;
        aks_kms_bindings::to_markdown(report).map_err(|error| super::failure(&error))
    }
}

/// An error of the library, as Python's own part expects it.
fn failure(error: &aks_kms::Error) -> PyErr {
    _native::Failure::new_err(aks_kms_bindings::error_document(error).to_string())
}

/// JSON that Python's own part wrote.
fn parsed(text: &str) -> PyResult<serde_json::Value> {
    serde_json::from_str(text).map_err(|error| malformed(&error))
}

fn malformed(error: &serde_json::Error) -> PyErr {
    pyo3::exceptions::PyValueError::new_err(error.to_string())
}
