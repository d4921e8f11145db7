//! Answers that say no: `Status` objects.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use super::body::{Body, full};
use crate::http::host::MISDIRECTED;

/// A refusal.
#[derive(Clone, Debug)]
pub(super) struct ApiError {
    pub(super) code: u16,
    reason: &'static str,
    message: String,
    details: Value,
    retry_after: Option<u64>,
    /// `metadata.continue`.
    continue_token: Option<String>,
}

impl ApiError {
    fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
            details: Value::Null,
            retry_after: None,
            continue_token: None,
        }
    }

    /// 400.
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// 401.
    pub(super) fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    /// 421.
    pub(super) fn misdirected(message: String) -> Self {
        Self::new(MISDIRECTED, "MisdirectedRequest", message)
    }

    /// 403.
    pub(super) fn forbidden(resource: &str, name: &str, why: &str) -> Self {
        let message = match (resource, name) {
            ("", _) => format!("forbidden: {why}"),
            (_, "") => format!("{resource} is forbidden: {why}"),
            _ => format!("{resource} {name:?} is forbidden: {why}"),
        };
        let (kind, group) = resource.split_once('.').unwrap_or((resource, ""));
        Self::new(403, "Forbidden", message)
            .with_details(json!({"name": name, "group": group, "kind": kind}))
    }

    /// 404 for an object.
    pub(super) fn not_found(resource: &str, name: &str) -> Self {
        Self::new(404, "NotFound", format!("{resource} {name:?} not found"))
            .with_details(json!({"name": name, "kind": resource}))
    }

    /// 404 for a resource.
    pub(super) fn no_such_resource() -> Self {
        Self::new(404, "NotFound", "the server could not find the requested resource")
    }

    /// 405.
    pub(super) fn method_not_allowed() -> Self {
        Self::new(
            405,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
        )
    }

    /// 406.
    pub(super) fn not_acceptable() -> Self {
        Self::new(
            406,
            "NotAcceptable",
            "only the following media types are accepted: application/json",
        )
    }

    /// 406 of a streaming list as a table.
    pub(super) fn no_streaming_table() -> Self {
        Self::new(
            406,
            "NotAcceptable",
            "only the following media types are accepted: application/json, application/yaml, \
             application/vnd.kubernetes.protobuf",
        )
    }

    /// 409 because it exists.
    pub(super) fn already_exists(resource: &str, name: &str) -> Self {
        Self::new(409, "AlreadyExists", format!("{resource} {name:?} already exists"))
            .with_details(json!({"name": name, "kind": resource}))
    }

    /// 409 because it changed.
    pub(super) fn conflict(resource: &str, name: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {resource} {name:?}: the object has been modified; \
             please apply your changes to the latest version and try again"
        );
        Self::new(409, "Conflict", message).with_details(json!({"name": name, "kind": resource}))
    }

    /// 410 of a list that is no longer in the store; with the token to go on from.
    pub(super) fn expired_continue(token: Option<String>) -> Self {
        let message = if token.is_some() {
            "The provided continue parameter is too old to display a consistent list result. You \
             can start a new list without the continue parameter, or use the continue token in \
             this response to retrieve the remainder of the results. Continuing with the provided \
             token results in an inconsistent list - objects that were created, modified, or \
             deleted between the time the first chunk was returned and now may show up in the \
             list."
        } else {
            "The provided continue parameter is too old to display a consistent list result. You \
             can start a new list without the continue parameter."
        };
        Self { continue_token: token, ..Self::new(410, "Expired", message) }
    }

    /// 415.
    pub(super) fn unsupported_media_type() -> Self {
        Self::new(
            415,
            "UnsupportedMediaType",
            "the body of the request was in an unknown format - accepted media types include: \
             application/merge-patch+json, application/strategic-merge-patch+json",
        )
    }

    /// 422.
    pub(super) fn invalid(kind: &str, name: &str, cause: &str) -> Self {
        let (field, message) = cause.split_once(": ").unwrap_or(("", cause));
        let reason = match message.split(':').next() {
            Some("Forbidden") => "FieldValueForbidden",
            Some("Required value") => "FieldValueRequired",
            _ => "FieldValueInvalid",
        };
        Self::new(422, "Invalid", format!("{kind} {name:?} is invalid: {cause}")).with_details(
            json!({"name": name, "kind": kind, "causes": [{"reason": reason, "message": message, "field": field}]}),
        )
    }

    /// 429.
    pub(super) fn too_many_requests(message: &str, retry_after: u64) -> Self {
        let details = json!({"retryAfterSeconds": retry_after});
        Self {
            retry_after: Some(retry_after),
            ..Self::new(429, "TooManyRequests", message).with_details(details)
        }
    }

    /// 500.
    pub(super) fn internal(error: &str) -> Self {
        Self::new(500, "InternalError", format!("Internal error occurred: {error}"))
            .with_details(json!({"causes": [{"message": error}]}))
    }

    /// 500 of a list, with the keys of what could not be read.
    pub(super) fn storage_read(why: &str, keys: &[String]) -> Self {
        let causes = keys
            .iter()
            .map(|key| json!({"reason": "UnexpectedServerResponse", "message": why, "field": key}));
        let causes: Vec<Value> = causes.collect();
        let message = format!("failed to read one or more secrets from the storage: {why}");
        Self::new(500, "StorageReadError", message)
            .with_details(json!({"kind": "secrets", "causes": causes}))
    }

    /// 504 because the store has not reached that revision.
    pub(super) fn too_large_resource_version(asked: u64, newest: u64) -> Self {
        let cause = "Too large resource version";
        Self::new(504, "Timeout", format!("Timeout: {cause}: {asked}, current: {newest}"))
            .with_details(json!({
                "causes": [{"reason": "ResourceVersionTooLarge", "message": cause}],
                "retryAfterSeconds": 1,
            }))
    }

    /// Any status, for a fault of a script.
    pub(super) fn scripted(code: u16, retry_after: Option<u64>) -> Self {
        let (reason, message) = match code {
            400 => ("BadRequest", "the server rejected our request"),
            401 => ("Unauthorized", "Unauthorized"),
            403 => ("Forbidden", "forbidden by policy"),
            409 => ("Conflict", "the object has been modified"),
            410 => ("Expired", "The resourceVersion for the provided list is too old."),
            422 => ("Invalid", "the object is invalid"),
            429 => (
                "TooManyRequests",
                "the server has received too many requests and has asked us to try again later",
            ),
            500 => ("InternalError", "Internal error occurred"),
            503 => ("ServiceUnavailable", "the server is currently unable to handle the request"),
            504 => (
                "Timeout",
                "the server was unable to return a response in the time allotted, but may still \
                 be processing the request",
            ),
            _ => ("", "an error on the server prevented the request from succeeding"),
        };
        Self { retry_after, ..Self::new(code, reason, message) }
    }

    fn with_details(self, details: Value) -> Self {
        Self { details, ..self }
    }

    /// The `Status` object.
    pub(super) fn status(&self) -> Value {
        let mut status = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        });
        if let Some(token) = &self.continue_token {
            status["metadata"]["continue"] = json!(token);
        }
        if !self.details.is_null() {
            status["details"] = self.details.clone();
        }
        status
    }

    /// The answer.
    pub(super) fn response(&self) -> Response<Body> {
        let mut response = Response::new(full(Bytes::from(self.status().to_string())));
        *response.status_mut() =
            StatusCode::from_u16(self.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
