//! What Azure and the way to it do wrong, made into the crate's error.
//!
//! Everything is decided by HTTP status and by the service's error code. A service's message text
//! is passed on, shortened, but never decides anything.

use std::error::Error as StdError;

use azure_core::error::ErrorKind as CoreErrorKind;
use serde_json::Value;

use crate::{
    error::{Error, ErrorKind},
    text::{LONGEST_NAME, one_line},
};

/// AKS could not use the key with the cluster's identity: no role, wrong role, a role that has not
/// reached the vault yet, a firewall, a key of the wrong type, a wrong address. One code for all.
const KEY_PERMISSION: &str = "AzureKeyVaultKmsValidateIdentityPermissionCustomerError";
/// What a vault says of a key that no role makes usable: waiting does not help.
const KEY_UNUSABLE: &[&str] = &["KeyNotFound", "VaultNotFound", "KeyDisabled", "KeyExpired"];
const ETAG_MISMATCH: &str = "EtagMismatch";
const DISALLOWED_BY_POLICY: &str = "RequestDisallowedByPolicy";
/// Stands for the code of a 412 whose body has none.
const PRECONDITION_FAILED: &str = "PreconditionFailed";

/// Longest part of a service's message that is passed on, in characters.
const LONGEST_MESSAGE: usize = 600;

/// Whether the error is AKS's catch-all for a key that the cluster's identity cannot use.
///
/// Right after a grant it is worth retrying for [`role_propagation`](crate::model::Timing): a role
/// takes minutes to reach the vault. Where the vault's own reason comes with it, such as
/// `KeyNotFound`, that is the error's code instead.
pub(crate) fn is_key_permission_error(error: &Error) -> bool {
    error.kind() == ErrorKind::OperationFailed && error.service_code() == Some(KEY_PERMISSION)
}

/// Whether the cluster was changed since its eTag was read, by anybody: a PUT that was sent again
/// after a lost response meets its own first try here.
pub(crate) fn is_etag_mismatch(error: &Error) -> bool {
    error.kind() == ErrorKind::Conflict
        && matches!(error.service_code(), Some(ETAG_MISMATCH | PRECONDITION_FAILED))
}

/// What an error body says, in either of Azure's two shapes.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct ServiceError {
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
    /// `innererror.code`: what a vault means by its code `Forbidden`.
    pub(super) inner_code: Option<String>,
}

impl ServiceError {
    /// `{"error": {code, message, …}}` or the flat `{code, message, subcode, details}`.
    /// What is not JSON is empty.
    pub(super) fn parse(body: &[u8]) -> Self {
        serde_json::from_slice::<Value>(body).map(|body| Self::from_json(&body)).unwrap_or_default()
    }

    pub(super) fn from_json(body: &Value) -> Self {
        let error = body.get("error").filter(|error| error.is_object()).unwrap_or(body);
        let text = |value: Option<&Value>| {
            value.and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let name = |value: Option<&Value>| text(value).map(|text| one_line(&text, LONGEST_NAME));
        let code = name(error.get("code"));
        let inner_code = name(error.pointer("/innererror/code"));
        let details = error.get("details").and_then(Value::as_array).into_iter().flatten();
        let nested: Vec<String> = [text(error.get("subcode")), inner_code.clone()]
            .into_iter()
            .chain(details.flat_map(|detail| {
                [text(detail.get("code")), text(detail.pointer("/innererror/code"))]
            }))
            .flatten()
            .collect();
        // A general code may wrap the one that callers decide on, and the catch-all the reason.
        let first = |codes: &[&str]| nested.iter().find(|code| codes.contains(&code.as_str()));
        let code = first(&[KEY_PERMISSION, ETAG_MISMATCH]).cloned().or(code);
        let is_catch_all = code.as_deref() == Some(KEY_PERMISSION);
        let reason = first(KEY_UNUSABLE).filter(|_| is_catch_all).cloned();
        Self {
            code: reason.or(code),
            message: text(error.get("message")).map(|message| one_line(&message, LONGEST_MESSAGE)),
            inner_code,
        }
    }

    /// The error of an operation that Azure ended as failed or cancelled.
    pub(super) fn ended(self, what: &str, status: &str) -> Error {
        let said = self.message.unwrap_or_else(|| "no reason was given".to_owned());
        let error = Error::new(
            ErrorKind::OperationFailed,
            format!("could not {what}: Azure ended the operation as {status}: {said}"),
        );
        match self.code {
            Some(code) => error.with_service_code(code),
            None => error,
        }
    }

    /// The action that a refusal names; only used to name it.
    fn denied_action(&self) -> Option<&str> {
        let message = self.message.as_deref()?;
        // A linked refusal first names the action that is allowed.
        let after = ["perform action(s) '", "perform action '", "Action: '"]
            .into_iter()
            .find_map(|marker| message.split_once(marker))?
            .1;
        after.split('\'').next().filter(|action| !action.is_empty())
    }
}

/// The error of a request that was answered with a failure status.
pub(super) fn refused(what: &str, permission: &str, status: u16, service: &ServiceError) -> Error {
    let said = match &service.message {
        Some(message) => format!(": {message}"),
        None => String::new(),
    };
    let etag_mismatch = service.code.as_deref() == Some(ETAG_MISMATCH);
    let (kind, sentence) = match status {
        401 => (
            ErrorKind::Unauthenticated,
            format!(
                "could not {what}: Azure does not accept the token (HTTP 401); sign in again{said}"
            ),
        ),
        403 if service.code.as_deref() == Some(DISALLOWED_BY_POLICY) => (
            ErrorKind::Forbidden,
            format!("could not {what}: an Azure Policy forbids it (HTTP 403){said}"),
        ),
        403 => {
            let action = service.denied_action().unwrap_or(permission);
            (
                ErrorKind::Forbidden,
                format!(
                    "could not {what}: access is denied (HTTP 403); needed is the permission {action}{said}"
                ),
            )
        }
        404 => (
            ErrorKind::NotFound,
            format!("could not {what}: there is no such resource (HTTP 404){said}"),
        ),
        409 | 412 => (
            ErrorKind::Conflict,
            format!(
                "could not {what}: it is in conflict with another change (HTTP {status}){said}"
            ),
        ),
        _ if etag_mismatch => (
            ErrorKind::Conflict,
            format!("could not {what}: it was changed meanwhile (HTTP {status}){said}"),
        ),
        429 => (
            ErrorKind::Throttled,
            format!("could not {what}: Azure keeps throttling (HTTP 429); try again later{said}"),
        ),
        408 | 500.. => (
            ErrorKind::Unavailable,
            format!(
                "could not {what}: Azure is not available (HTTP {status}); try again later{said}"
            ),
        ),
        400..=499 if service.code.is_some() => (
            ErrorKind::OperationFailed,
            format!("could not {what}: Azure refused the request (HTTP {status}){said}"),
        ),
        _ => (
            ErrorKind::Unexpected,
            format!(
                "could not {what}: Azure responded HTTP {status}, which is unexpected here{said}"
            ),
        ),
    };
    let error = Error::new(kind, sentence);
    match service.code.as_deref().or((status == 412).then_some(PRECONDITION_FAILED)) {
        Some(code) => error.with_service_code(code),
        None => error,
    }
}

/// The error of a credential that gave no token.
pub(super) fn no_token(what: &str, error: &azure_core::Error) -> Error {
    Error::new(
        ErrorKind::Unauthenticated,
        format!("could not {what}: no token could be obtained; sign in and try again"),
    )
    .with_source(Cause::of(error))
}

/// The error of a request that got no response.
pub(super) fn no_response(what: &str, error: &azure_core::Error) -> Error {
    let (kind, sentence) = match error.kind() {
        CoreErrorKind::Credential => return no_token(what, error),
        CoreErrorKind::Io | CoreErrorKind::Connection => (
            ErrorKind::Unavailable,
            format!(
                "could not {what}: Azure could not be reached; check the network and try again"
            ),
        ),
        _ => (ErrorKind::Unexpected, format!("could not {what}: the request could not be sent")),
    };
    Error::new(kind, sentence).with_source(Cause::of(error))
}

/// The error of a response that cannot be read. It says what is wrong, never what was answered.
pub(super) fn unreadable(what: &str, problem: &str) -> Error {
    Error::new(
        ErrorKind::Unexpected,
        format!("could not {what}: the response is not understood: {problem}"),
    )
}

/// Why a request got no response, as text.
///
/// The original is not kept: its `Debug` may hold requests and signed addresses.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Cause(String);

impl Cause {
    fn of(error: &azure_core::Error) -> Self {
        let mut messages: Vec<String> = Vec::new();
        let mut next: Option<&(dyn StdError + 'static)> = Some(error);
        while let Some(error) = next {
            // reqwest puts the whole address into its message, a poll address's signature included.
            let message =
                if error.is::<reqwest::Error>() { String::new() } else { error.to_string() };
            if !message.is_empty() && !messages.iter().any(|said| said.contains(&message)) {
                messages.push(one_line(&message, LONGEST_MESSAGE));
            }
            next = error.source();
        }
        Self(messages.join(": "))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusal(status: u16, body: &Value) -> Error {
        refused("read X", "Some/read", status, &ServiceError::from_json(body))
    }

    #[test]
    fn both_shapes_of_error_bodies_are_read() {
        let nested = json!({"error": {"code": "OperationNotAllowed", "message": "busy"}});
        let flat =
            json!({"code": "OperationNotAllowed", "message": "busy", "subcode": "", "details": []});
        assert_eq!(ServiceError::from_json(&nested), ServiceError::from_json(&flat));
        assert_eq!(ServiceError::from_json(&flat).code.as_deref(), Some("OperationNotAllowed"));
        assert_eq!(ServiceError::parse(b"<html>Bad gateway</html>"), ServiceError::default());
        assert_eq!(ServiceError::parse(br#"{"error": null}"#), ServiceError::default());
    }

    #[test]
    fn a_status_decides_the_kind() {
        let none = json!({});
        for (status, kind) in [
            (301, ErrorKind::Unexpected),
            (400, ErrorKind::Unexpected),
            (401, ErrorKind::Unauthenticated),
            (403, ErrorKind::Forbidden),
            (404, ErrorKind::NotFound),
            (408, ErrorKind::Unavailable),
            (409, ErrorKind::Conflict),
            (412, ErrorKind::Conflict),
            (429, ErrorKind::Throttled),
            (500, ErrorKind::Unavailable),
            (504, ErrorKind::Unavailable),
        ] {
            let error = refusal(status, &none);
            assert_eq!(error.kind(), kind, "{status}");
            assert!(error.to_string().contains(&format!("HTTP {status}")), "{error}");
        }
    }

    #[test]
    fn a_refused_request_with_a_code_failed_and_keeps_the_code() {
        let error =
            refusal(400, &json!({"error": {"code": "K8sVersionNotSupported", "message": "no"}}));
        assert_eq!(error.kind(), ErrorKind::OperationFailed);
        assert_eq!(error.service_code(), Some("K8sVersionNotSupported"));
    }

    #[test]
    fn a_missing_permission_is_named_by_the_service_or_by_the_request() {
        let said = refusal(
            403,
            &json!({"error": {"code": "AuthorizationFailed", "message":
            "The client 'a' with object id 'b' does not have authorization to perform action \
             'Microsoft.ContainerService/managedClusters/write' over scope '/subscriptions/c'"}}),
        );
        assert!(
            said.to_string()
                .contains("the permission Microsoft.ContainerService/managedClusters/write")
        );
        let linked = refusal(
            403,
            &json!({"error": {"code": "LinkedAuthorizationFailed", "message":
            "The client has permission to perform action 'A/write' on scope 's'; however, it does \
             not have permission to perform action(s) 'B/join/action' on the linked scope(s) 't'"}}),
        );
        assert!(linked.to_string().contains("the permission B/join/action"), "{linked}");
        let silent = refusal(403, &json!({}));
        assert!(silent.to_string().contains("the permission Some/read"), "{silent}");
    }

    #[test]
    fn a_policy_that_forbids_is_not_a_missing_permission() {
        let error = refusal(403, &json!({"error": {"code": "RequestDisallowedByPolicy"}}));
        assert_eq!(error.kind(), ErrorKind::Forbidden);
        assert!(!error.to_string().contains("permission"), "{error}");
    }

    #[test]
    fn a_changed_etag_is_told_from_other_conflicts() {
        for (status, body) in [
            (412, json!({})),
            (412, json!({"error": {"code": "EtagMismatch"}})),
            (409, json!({"code": "EtagMismatch"})),
            (400, json!({"code": "EtagMismatch"})),
        ] {
            assert!(is_etag_mismatch(&refusal(status, &body)), "{status} {body}");
        }
        assert!(!is_etag_mismatch(&refusal(409, &json!({"code": "OperationNotAllowed"}))));
        assert!(!is_etag_mismatch(&refusal(404, &json!({"code": "EtagMismatch"}))));
    }

    #[test]
    fn the_catch_all_of_key_permissions_is_found_by_its_code_alone() {
        let code = KEY_PERMISSION;
        for body in [
            json!({"error": {"code": code, "message": "x"}}),
            json!({"code": code}),
            json!({"code": "BadRequest", "subcode": code}),
            json!({"code": "BadRequest", "details": [{"code": code}]}),
        ] {
            assert!(is_key_permission_error(&refusal(400, &body)), "{body}");
            let ended = ServiceError::from_json(&body).ended("update X", "Failed");
            assert!(is_key_permission_error(&ended), "{body}");
        }
        let only_text = json!({"error": {"code": "BadRequest", "message": code}});
        assert!(!is_key_permission_error(&refusal(400, &only_text)));
    }

    #[test]
    fn what_no_role_makes_usable_is_not_worth_the_wait() {
        for reason in ["KeyNotFound", "VaultNotFound", "KeyDisabled", "KeyExpired"] {
            for body in [
                json!({"code": KEY_PERMISSION, "details": [{"code": reason}]}),
                json!({"code": KEY_PERMISSION, "subcode": reason}),
                json!({"error": {"code": KEY_PERMISSION, "innererror": {"code": reason}}}),
                json!({"error": {"code": "BadRequest", "details": [{"code": KEY_PERMISSION, "innererror": {"code": reason}}]}}),
            ] {
                let error = ServiceError::from_json(&body).ended("update X", "Failed");
                assert!(!is_key_permission_error(&error), "{body}");
                assert_eq!(error.service_code(), Some(reason));
            }
        }
        let denied = json!({"code": KEY_PERMISSION, "details": [{"code": "ForbiddenByRbac"}]});
        assert!(is_key_permission_error(&refusal(400, &denied)));
        let other = json!({"error": {"code": "Forbidden", "innererror": {"code": "KeyDisabled"}}});
        assert_eq!(ServiceError::from_json(&other).code.as_deref(), Some("Forbidden"));
    }

    #[test]
    fn a_long_message_is_shortened_to_one_line() {
        let error = refusal(409, &json!({"code": "X", "message": "word\n".repeat(1_000)}));
        let text = error.to_string();
        assert!(text.chars().count() < 800 && !text.contains('\n'), "{text}");
    }

    #[tokio::test]
    async fn an_unreachable_service_leaves_no_address_in_the_error() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let failure = client.get(format!("http://127.0.0.1:{port}/poll?s=signature")).send().await;
        let error = azure_core::Error::with_error(
            CoreErrorKind::Connection,
            failure.unwrap_err(),
            "failed to execute `reqwest` request",
        );
        let error = no_response("read X", &error);
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        let source = error.source().unwrap();
        for text in
            [format!("{error}"), format!("{error:?}"), format!("{source}"), format!("{source:?}")]
        {
            assert!(!text.contains("signature"), "{text}");
        }
        assert!(source.to_string().contains("refused"), "{source}");
    }
}
