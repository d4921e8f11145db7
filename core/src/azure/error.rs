//! What Azure and the way to it do wrong, made into the crate's error.
//!
//! Everything is decided by HTTP status and by the service's error code. A service's message text
//! is passed on, shortened, but never decides anything.

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
pub(super) const ETAG_MISMATCH: &str = "EtagMismatch";
/// Stands for the code of a 412 whose body has none.
pub(super) const PRECONDITION_FAILED: &str = "PreconditionFailed";

/// Longest part of a service's message that is passed on, in characters.
pub(super) const LONGEST_PART: usize = 600;

/// Whether the error is AKS's catch-all for a key that the cluster's identity cannot use.
///
/// Right after a grant it is worth retrying for [`role_propagation`](crate::options::Timing): a role
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
    /// The action that the caller may not perform, as the message names it.
    pub(super) missing_action: Option<String>,
    /// The resource provider that the message names as not registered.
    pub(super) provider: Option<String>,
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
        let subcode = text(error.get("subcode"));
        let message = match (text(error.get("message")), subcode) {
            (Some(message), Some(subcode)) => Some(format!("{message} ({subcode})")),
            (message, subcode) => message.or(subcode),
        };
        let quoted = |find: fn(&str) -> Option<&str>| {
            message.as_deref().and_then(find).map(|text| one_line(text, LONGEST_NAME))
        };
        Self {
            code: reason.or(code),
            inner_code,
            missing_action: quoted(missing_action),
            provider: quoted(provider),
            message: message.map(|message| one_line(&message, LONGEST_PART)),
        }
    }

    /// The error of an operation that Azure ended as failed or cancelled.
    pub(super) fn ended(self, what: &str, status: &str) -> Error {
        let said = self.message.unwrap_or_else(|| "no reason was given".to_owned());
        let message = format!("could not {what}: Azure ended the operation as {status}: {said}");
        let error = Error::new(ErrorKind::OperationFailed, message);
        match self.code {
            Some(code) => error.with_service_code(code),
            None => error,
        }
    }
}

/// The action that a refusal says is missing; only used to name it. A refusal because of a linked
/// resource first names the one that is not.
fn missing_action(message: &str) -> Option<&str> {
    let missing = match message.split_once("does not have") {
        Some((_, missing)) => missing,
        None if message.contains("has permission to perform") => return None,
        None => message,
    };
    ["perform action(s) '", "perform action '", "Action: '"]
        .into_iter()
        .find_map(|marker| in_quotes(missing, marker))
}

fn provider(message: &str) -> Option<&str> {
    in_quotes(message, "namespace '")
}

/// What stands between the marker, which ends with a quote, and the next quote.
fn in_quotes<'a>(text: &'a str, marker: &str) -> Option<&'a str> {
    let quoted = text.split_once(marker)?.1.split_once('\'')?.0;
    Some(quoted).filter(|quoted| !quoted.is_empty())
}

/// The error of a response that cannot be read. It says what is wrong, never what was answered.
pub(super) fn unreadable(what: &str, problem: &str) -> Error {
    let message = format!("could not {what}: the response is not understood: {problem}");
    Error::new(ErrorKind::Unexpected, message)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::azure::refusal::refused;

    fn refusal(status: u16, body: &Value) -> Error {
        refused("read X", "Some/read", false, status, &ServiceError::from_json(body))
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
}
