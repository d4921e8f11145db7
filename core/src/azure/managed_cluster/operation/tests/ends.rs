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

/// Between the last look at which it went on and the one that sees its end, others may have changed
/// the cluster.
#[tokio::test(start_paused = true)]
async fn an_end_that_is_seen_late_is_told() {
    for (silent, at_once) in [(0, true), (3, true), (20, false)] {
        let fake = FakeAzure::default();
        fake.on(Method::Get, "/managedClusters/", [json_reply(200, cluster_json())]);
        fake.on(Method::Put, CLUSTER, [accepted()]);
        let silence = std::iter::repeat_n((), silent).map(|()| FakeAzure::dropped());
        let polls = [status("InProgress")].into_iter().chain(silence).chain([status("Succeeded")]);
        fake.on(Method::Get, POLL_PART, polls);
        let azure = fake.client();
        let before = ManagedCluster::parse(&cluster_id(), cluster_json()).unwrap();
        let operation = azure.put_kms(&before, &KmsChange::Off).await.unwrap();
        let ended =
            operation.wait(&azure, Instant::now() + Duration::from_secs(7_200), |_| {}).await;
        assert_eq!(ended.unwrap().seen_at_once, at_once, "{silent} polls without a response");
    }
}
