//! Why Azure refused a request: its error code says, or else the HTTP status.

use super::error::{ETAG_MISMATCH, PRECONDITION_FAILED, ServiceError};
use crate::error::{Error, ErrorKind};

/// What a 409 has in its code where somebody else is at work, or was.
const CONCURRENT: &[&str] = &[
    "Busy",
    "Concurrent",
    "Conflict",
    ETAG_MISMATCH,
    "InProgress",
    "OperationNotAllowed",
    "Precondition",
    "Preempted",
    "Retry",
];
/// What a 404 on a write means by "not found": what was to be written, and not something that it needs.
const ITSELF_MISSING: &[&str] = &[
    "NotFound",
    "ParentResourceNotFound",
    "ResourceGroupNotFound",
    "ResourceNotFound",
    "SubscriptionNotFound",
];

/// The error of a request that was answered with a failure status.
pub(super) fn refused(
    what: &str,
    permission: &str,
    writes: bool,
    status: u16,
    service: &ServiceError,
) -> Error {
    let (kind, why) = meaning(permission, writes, status, service);
    let said = match &service.message {
        Some(message) => format!(": {}", message.trim_end_matches('.')),
        None => String::new(),
    };
    let error = Error::new(kind, format!("could not {what}: {why}{said}"));
    match service.code.as_deref().or((status == 412).then_some(PRECONDITION_FAILED)) {
        Some(code) => error.with_service_code(code),
        None => error,
    }
}

fn meaning(
    permission: &str,
    writes: bool,
    status: u16,
    service: &ServiceError,
) -> (ErrorKind, String) {
    let code = service.code.as_deref();
    let (kind, why) = match (status, code) {
        (_, Some("ScopeLocked")) => (
            ErrorKind::Forbidden,
            "a lock forbids it; whoever may delete locks (Microsoft.Authorization/locks/delete, such as an Owner) \
             must remove it first"
                .to_owned(),
        ),
        (_, Some("RequestDisallowedByPolicy")) => {
            (ErrorKind::Forbidden, "an Azure Policy forbids it".to_owned())
        }
        (_, Some("MissingSubscriptionRegistration")) => {
            let provider = service.provider.as_deref().unwrap_or("<the one that Azure names>");
            let why = format!(
                "the subscription has not registered a resource provider; register it: az provider register \
                 --namespace {provider}"
            );
            (ErrorKind::OperationFailed, why)
        }
        (401, _) => (
            ErrorKind::Unauthenticated,
            "Azure does not accept the token; sign in again".to_owned(),
        ),
        (403, _) => {
            let action = service.missing_action.as_deref().unwrap_or(permission);
            let why = format!("access is denied; needed is the permission {action}");
            (ErrorKind::Forbidden, why)
        }
        (404, code) if !writes || code.is_none_or(|code| ITSELF_MISSING.contains(&code)) => {
            (ErrorKind::NotFound, "there is no such resource".to_owned())
        }
        (400..=499, Some(ETAG_MISMATCH)) if status != 404 => {
            (ErrorKind::Conflict, "it was changed meanwhile".to_owned())
        }
        (412, _) => (ErrorKind::Conflict, "it was changed meanwhile".to_owned()),
        (409, code) if code.is_none_or(is_concurrent) => {
            (ErrorKind::Conflict, "it is in conflict with another change".to_owned())
        }
        (429, _) => {
            (ErrorKind::Throttled, "Azure keeps throttling; try again later".to_owned())
        }
        (408 | 500.., _) => {
            (ErrorKind::Unavailable, "Azure is not available; try again later".to_owned())
        }
        (400..=499, Some(_)) => {
            (ErrorKind::OperationFailed, "Azure refused the request".to_owned())
        }
        _ => (ErrorKind::Unexpected, "the response is unexpected here".to_owned()),
    };
    (kind, format!("{why} (HTTP {status})"))
}

fn is_concurrent(code: &str) -> bool {
    CONCURRENT.iter().any(|part| code.contains(part))
}

#[cfg(test)]
#[path = "refusal_tests.rs"]
pub(super) mod tests;
