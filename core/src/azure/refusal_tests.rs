use serde_json::{Value, json};

use super::*;
use crate::azure::error::is_etag_mismatch;

fn refusal(status: u16, body: &Value) -> Error {
    refused("read X", "Some/read", false, status, &ServiceError::from_json(body))
}

fn refused_write(status: u16, code: &str, message: &str) -> Error {
    let body = json!({"error": {"code": code, "message": message}});
    refused("write X", "Some/write", true, status, &ServiceError::from_json(&body))
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
fn a_conflict_is_one_of_concurrency_only() {
    for code in
        ["EtagMismatch", "OperationNotAllowed", "ConflictError", "AnotherOperationInProgress"]
    {
        assert_eq!(refused_write(409, code, "").kind(), ErrorKind::Conflict, "{code}");
    }
    for code in ["ReadOnlyDisabledSubscription", "K8sVersionNotSupported"] {
        assert_eq!(refused_write(409, code, "").kind(), ErrorKind::OperationFailed, "{code}");
    }
}

#[test]
fn a_lock_forbids_whatever_the_status() {
    for status in [403, 409] {
        let error = refused_write(status, "ScopeLocked", "the scope is locked");
        assert_eq!(error.kind(), ErrorKind::Forbidden);
        assert_eq!(error.service_code(), Some("ScopeLocked"));
        let text = error.to_string();
        assert!(text.contains("a lock forbids it") && text.contains("locks/delete"), "{text}");
        assert!(!text.contains("needed is the permission"), "{text}");
    }
}

#[test]
fn a_write_that_needs_something_missing_is_not_itself_not_found() {
    for code in ["ResourceNotFound", "ResourceGroupNotFound"] {
        assert_eq!(refused_write(404, code, "").kind(), ErrorKind::NotFound, "{code}");
    }
    let error = refused_write(404, "ServicePrincipalNotFound", "principal p was not found");
    assert_eq!(error.kind(), ErrorKind::OperationFailed);
    assert!(error.to_string().contains("principal p"), "{error}");
}

#[test]
fn a_provider_that_is_not_registered_is_named() {
    let message = "The subscription is not registered to use namespace 'Microsoft.KeyVault'. See \
                   https://aka.ms/rps-not-found for how to register subscriptions.";
    let error = refused_write(409, "MissingSubscriptionRegistration", message);
    assert_eq!(error.kind(), ErrorKind::OperationFailed);
    let remedy = "az provider register --namespace Microsoft.KeyVault";
    assert!(error.to_string().contains(remedy), "{error}");
}

#[test]
fn the_missing_action_is_found_however_long_the_message_is() {
    let scope = "s".repeat(2_000);
    let message = format!(
        "The client has permission to perform action 'A/write' on scope '{scope}'; however, it does not have \
         permission to perform action 'B/assign/action' on the linked scope(s) 't'"
    );
    let text = refused_write(403, "LinkedAuthorizationFailed", &message).to_string();
    assert!(text.contains("the permission B/assign/action"), "{text}");
    let elsewhere = "The client has permission to perform action 'A/write' on scope 's', however the linked \
                     subscription 't' was not found.";
    let text = refused_write(403, "LinkedAuthorizationFailed", elsewhere).to_string();
    assert!(text.contains("the permission Some/write"), "{text}");
}

/// What becomes of a refusal to change a cluster.
pub(crate) fn of_a_change(status: u16, code: &str) -> Error {
    let service = ServiceError { code: Some(code.to_owned()), ..ServiceError::default() };
    let permission = "Microsoft.ContainerService/managedClusters/write";
    refused("set the KMS profile of managed cluster prod", permission, true, status, &service)
}
