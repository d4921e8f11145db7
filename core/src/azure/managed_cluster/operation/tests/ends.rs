//! What ends an operation, and what is said of one that did not succeed.

use super::*;

#[tokio::test(start_paused = true)]
async fn the_status_is_read_in_any_case_and_unknown_ones_go_on() {
    let outcome = followed(["Reconciling", "", "running", "sUCCEEDED"].map(status)).await;
    assert!(outcome.result.is_ok());
    assert_eq!(outcome.polls.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_failed_operation_keeps_code_and_message_of_either_shape() {
    for body in [
        json!({"status": "Failed", "error": {"code": "OperationPreempted", "message": "another one"}}),
        json!({"status": "failed", "code": "OperationPreempted", "message": "another one", "details": []}),
    ] {
        let error = followed([json_reply(200, body)]).await.error();
        assert_eq!(error.kind(), ErrorKind::OperationFailed);
        assert_eq!(error.service_code(), Some("OperationPreempted"));
        assert!(error.to_string().contains("another one"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_operation_failed_in_either_spelling() {
    for state in ["Canceled", "Cancelled", "canceled"] {
        let error = followed([status(state)]).await.error();
        assert_eq!(error.kind(), ErrorKind::OperationFailed, "{state}");
        assert!(error.to_string().contains(state), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_permission_failure_is_told_apart_for_the_caller_to_retry() {
    let body = json!({"status": "Failed", "error": {
        "code": "AzureKeyVaultKmsValidateIdentityPermissionCustomerError", "message": "m"}});
    assert!(is_key_permission_error(&followed([json_reply(200, body)]).await.error()));
}
