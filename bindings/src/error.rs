//! An error as JSON.

use aks_kms::Error;
use serde_json::{Value, json};

/// `code`, `message`, `retryable`, `service_code`, `findings` and `report` of an error.
#[must_use]
pub fn error_document(error: &Error) -> Value {
    json!({
        "code": error.code(),
        "message": error.to_string(),
        "retryable": error.is_retryable(),
        "service_code": error.service_code(),
        "findings": error.findings(),
        "report": error.report(),
    })
}
