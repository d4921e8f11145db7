//! What the crate says of a result that a binding holds as JSON.

use aks_kms::{Error, Finding, OperationReport, Steps};
use serde_json::Value;

use crate::arguments::read;

/// [`OperationReport::is_proven`] of a report.
///
/// # Errors
/// `invalid_input` when this is no report.
pub fn is_proven(report: Value) -> Result<bool, Error> {
    read::<OperationReport>(report).map(|report| report.is_proven())
}

/// [`OperationReport::is_refused`] of a report.
///
/// # Errors
/// `invalid_input` when this is no report.
pub fn is_refused(report: Value) -> Result<bool, Error> {
    read::<OperationReport>(report).map(|report| report.is_refused())
}

/// How a `Finding`, or the list of a plan's steps, reads.
///
/// # Errors
/// `invalid_input` when it is neither.
pub fn shown(value: Value) -> Result<String, Error> {
    if value.is_array() {
        read::<Steps>(value).map(|steps| steps.to_string())
    } else {
        read::<Finding>(value).map(|finding| finding.to_string())
    }
}
