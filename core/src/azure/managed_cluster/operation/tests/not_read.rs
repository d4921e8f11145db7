//! Operations that cannot be read: the cluster tells what it can.

use super::*;

#[tokio::test(start_paused = true)]
async fn what_a_poll_is_refused_with_says_nothing_of_the_operation() {
    for status in [302, 400, 403, 404, 409, 410] {
        let refusal = json_reply(status, json!({"error": {"code": "BadRequest"}}));
        let states = ["Updating", "Updating", "Succeeded"];
        let error = read_off_the_cluster(refusal, states.map(cluster)).await.unwrap_err();
        assert!(is_not_followed(&error), "{status}: {error}");
        assert_eq!(
            error.kind(),
            ErrorKind::Conflict,
            "only a new look tells: others may have changed it"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_cluster_says_why_an_operation_failed_that_cannot_be_read() {
    let mut failed = cluster("Failed");
    failed["properties"]["status"] = json!({"provisioningError": {
        "code": "BadRequest", "message": "no", "subcode": "KeyNotThere"}});
    let error = read_off_the_cluster(text_reply(403, ""), [failed]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OperationFailed);
    assert_eq!(error.service_code(), None, "it may be somebody else's");
    assert!(error.to_string().contains("no (KeyNotThere)"), "{error}");
}

/// Follows an operation whose polls are refused, while the cluster is read as these.
async fn read_off_the_cluster(
    poll: Reply,
    states: impl IntoIterator<Item = Value>,
) -> Result<ManagedCluster> {
    let fake = FakeAzure::default();
    fake.on(Method::Put, CLUSTER, [accepted()]);
    fake.on(Method::Get, POLL_PART, [poll]);
    fake.on(Method::Get, CLUSTER, states.into_iter().map(|state| json_reply(200, state)));
    wait_for(&fake).await
}

/// Wherever it is asked, so that a success is seen in spite of it.
#[tokio::test(start_paused = true)]
async fn a_token_that_cannot_be_had_for_a_moment_is_asked_for_again() {
    let fake = FakeAzure::default();
    fake.on(Method::Put, CLUSTER, [accepted()]);
    let rejected = || [text_reply(401, ""), text_reply(401, ""), text_reply(401, "")];
    fake.on(Method::Get, POLL_PART, rejected().into_iter().chain([status("Succeeded")]));
    let states = rejected().into_iter().chain([json_reply(200, cluster("Succeeded"))]);
    fake.on(Method::Get, CLUSTER, states);
    assert!(wait_for(&fake).await.unwrap().facts.is_succeeded());
}

#[tokio::test(start_paused = true)]
async fn where_the_cluster_cannot_be_read_azure_is_said_to_be_at_work() {
    let fake = FakeAzure::default();
    fake.on(Method::Put, CLUSTER, [accepted()]);
    fake.on(Method::Get, POLL_PART, [text_reply(403, "")]);
    fake.on(Method::Get, CLUSTER, [text_reply(403, "")]);
    let error = wait_for(&fake).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert!(error.to_string().contains("the same call goes on with it"), "{error}");
}
