use std::sync::Mutex;

use serde_json::json;

use super::*;
use crate::{
    azure::{
        error::is_key_permission_error,
        testing::{FakeAzure, Reply, cluster_id, cluster_json, json_reply, text_reply},
    },
    report::KmsChange,
};

const CLUSTER: &str = "/managedClusters/prod?";
const POLL: &str =
    "https://management.azure.com/locations/westeurope/operations/1?t=1&s=signed%2Bx";
const POLL_PART: &str = "/operations/1?t=1&s=signed%2Bx";

fn status(state: &str) -> Reply {
    json_reply(200, json!({"name": "1", "status": state, "startTime": "2026-01-01T00:00:00Z"}))
}

fn cluster(state: &str) -> Value {
    let mut cluster = cluster_json();
    cluster["properties"]["provisioningState"] = json!(state);
    cluster
}

/// What came of an operation.
struct Outcome {
    result: Result<ManagedCluster>,
    /// When each poll address was asked, in seconds since the change was sent.
    polls: Vec<f64>,
    /// What the callback was told.
    told: Vec<String>,
}

impl Outcome {
    fn error(self) -> Error {
        self.result.unwrap_err()
    }
}

/// Sends a change that is answered with `accepted`, follows it with `polls`, then reads the cluster.
async fn run(
    accepted: Reply,
    part: &'static str,
    polls: impl IntoIterator<Item = Reply>,
) -> Outcome {
    run_for(Duration::from_secs(7_200), accepted, part, polls).await
}

async fn run_for(
    limit: Duration,
    accepted: Reply,
    part: &'static str,
    polls: impl IntoIterator<Item = Reply>,
) -> Outcome {
    let fake = FakeAzure::default();
    fake.on(Method::Get, "/managedClusters/", [json_reply(200, cluster_json())]);
    fake.on(Method::Put, CLUSTER, [accepted]);
    fake.on(Method::Get, part, polls);
    let azure = fake.client();
    let before = ManagedCluster::parse(&cluster_id(), cluster_json()).unwrap();
    let started = Instant::now();
    let told = Mutex::new(Vec::new());
    let on_poll = |state: &str| told.lock().unwrap().push(state.to_owned());
    let result = match azure.put_kms(&before, &KmsChange::Off).await {
        Ok(operation) => {
            operation.wait(&azure, started + limit, on_poll).await.map(|it| it.cluster)
        }
        Err(error) => Err(error),
    };
    let polls = fake
        .seen()
        .iter()
        .filter(|seen| seen.method == Method::Get && seen.url.as_str().contains(part))
        .map(|seen| (seen.at - started).as_secs_f64())
        .collect();
    Outcome { result, polls, told: told.into_inner().unwrap() }
}

fn accepted() -> Reply {
    json_reply(200, cluster("Updating")).with("azure-asyncoperation", POLL)
}

async fn followed(polls: impl IntoIterator<Item = Reply>) -> Outcome {
    run(accepted(), POLL_PART, polls).await
}

#[tokio::test(start_paused = true)]
async fn the_first_poll_is_at_once_and_pauses_grow_from_five_to_fifteen_seconds() {
    let states = ["InProgress"; 6].map(status).into_iter().chain([status("Succeeded")]);
    let outcome = followed(states).await;
    assert!(outcome.result.unwrap().facts.is_succeeded());
    let pauses: Vec<f64> = outcome.polls.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(outcome.polls[0] < 0.1, "{:?}", outcome.polls);
    for (pause, expected) in pauses.iter().zip([5.0, 7.5, 11.25, 15.0, 15.0, 15.0]) {
        assert!((pause - expected).abs() < 0.1, "{pauses:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_honoured_on_polls_and_on_the_accepting_answer() {
    let outcome = run(
        accepted().with("retry-after", "3"),
        POLL_PART,
        [status("InProgress").with("retry-after", "40"), status("InProgress"), status("Succeeded")],
    )
    .await;
    assert!(outcome.result.is_ok());
    for (at, expected) in outcome.polls.iter().zip([3.0, 43.0, 48.0]) {
        assert!((at - expected).abs() < 0.1, "{:?}", outcome.polls);
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_of_zero_is_no_invitation_to_hammer() {
    let outcome =
        followed([status("InProgress").with("retry-after", "0"), status("Succeeded")]).await;
    assert!(outcome.polls[1] - outcome.polls[0] >= 0.5, "{:?}", outcome.polls);
}

#[tokio::test(start_paused = true)]
async fn success_with_an_error_inside_is_success() {
    let body =
        json!({"status": "Succeeded", "error": {"code": "NotLatestOperation", "message": "m"}});
    assert!(followed([json_reply(200, body)]).await.result.is_ok());
}

#[tokio::test(start_paused = true)]
async fn in_progress_with_an_end_time_and_an_error_goes_on() {
    let body = json!({
        "status": "InProgress", "endTime": "2026-01-01T00:01:00Z",
        "error": {"code": "InternalOperationError", "message": "m"}
    });
    let outcome = followed([json_reply(200, body), status("Succeeded")]).await;
    assert!(outcome.result.is_ok());
    assert_eq!(outcome.told, ["InProgress", "Succeeded"]);
}

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

#[tokio::test(start_paused = true)]
async fn errors_of_polls_are_not_errors_of_the_operation() {
    let troubles = [408, 429, 500, 502, 503, 504].map(|status| text_reply(status, "<html>"));
    let polls = troubles
        .into_iter()
        .chain([Reply::Dropped, Reply::Unreachable, text_reply(200, "<html>proxy</html>")])
        .chain([json_reply(200, json!({})), status("Succeeded")]);
    let outcome = followed(polls).await;
    assert!(outcome.result.is_ok());
    assert_eq!(outcome.polls.len(), 11);
    assert!(outcome.told[3].contains("502"), "{:?}", outcome.told);
}

#[tokio::test(start_paused = true)]
async fn polls_that_keep_failing_are_bounded_by_the_time_limit_only() {
    let outcome =
        run_for(Duration::from_secs(3_600), accepted(), POLL_PART, [text_reply(504, "")]).await;
    assert!(outcome.polls.len() > 200, "{}", outcome.polls.len());
    let error = outcome.error();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.to_string().contains("504"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn throttled_polls_wait_as_long_as_they_are_told() {
    let outcome =
        followed([text_reply(429, "").with("retry-after", "90"), status("Succeeded")]).await;
    assert!((outcome.polls[1] - 90.0).abs() < 0.1, "{:?}", outcome.polls);
}

#[tokio::test(start_paused = true)]
async fn an_operation_that_never_ends_times_out_and_says_what_was_seen_last() {
    let outcome =
        run_for(Duration::from_secs(60), accepted(), POLL_PART, [status("InProgress")]).await;
    assert!(*outcome.polls.last().unwrap() <= 60.1);
    let error = outcome.error();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.to_string().contains("InProgress"), "{error}");
}

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

async fn wait_for(fake: &FakeAzure) -> Result<ManagedCluster> {
    let azure = fake.client();
    let before = ManagedCluster::parse(&cluster_id(), cluster_json()).unwrap();
    let operation = azure.put_kms(&before, &KmsChange::Off).await.unwrap();
    let ended = operation.wait(&azure, Instant::now() + Duration::from_secs(7_200), |_| {}).await;
    ended.map(|it| it.cluster)
}

/// Wherever it is asked, so that a success is seen in spite of it.
#[tokio::test(start_paused = true)]
async fn a_token_that_cannot_be_had_for_a_moment_is_asked_for_again() {
    let fake = FakeAzure::default();
    let rejected = || [text_reply(401, ""), text_reply(401, ""), text_reply(401, "")];
    fake.on(Method::Put, CLUSTER, [accepted()]);
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

#[tokio::test(start_paused = true)]
async fn an_operation_that_follows_is_left_to_the_next_look() {
    let fake = FakeAzure::default();
    fake.on(Method::Put, CLUSTER, [accepted()]);
    fake.on(Method::Get, POLL_PART, [status("Succeeded")]);
    fake.on(Method::Get, CLUSTER, [json_reply(200, cluster("Updating"))]);
    assert_eq!(wait_for(&fake).await.unwrap().facts.provisioning_state, "Updating");
}

#[tokio::test(start_paused = true)]
async fn azure_asyncoperation_is_preferred_to_location() {
    let both = accepted().with("location", "https://management.azure.com/results/1");
    let outcome = run(both, POLL_PART, [status("Succeeded")]).await;
    assert!(outcome.result.is_ok());
    assert_eq!(outcome.polls.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_location_goes_on_while_it_answers_202() {
    let accepted = text_reply(202, "").with("location", "https://management.azure.com/results/1");
    let outcome = run(
        accepted,
        "/results/1",
        [
            text_reply(202, ""),
            json_reply(200, cluster("Updating")),
            text_reply(502, ""),
            json_reply(200, cluster("Succeeded")),
        ],
    )
    .await;
    assert!(outcome.result.is_ok());
    assert_eq!(outcome.polls.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_location_may_end_empty_or_failed() {
    let accepted =
        || text_reply(202, "").with("location", "https://management.azure.com/results/1");
    assert!(run(accepted(), "/results/1", [text_reply(204, "")]).await.result.is_ok());
    let error = run(accepted(), "/results/1", [json_reply(200, cluster("Failed"))]).await.error();
    assert_eq!(error.kind(), ErrorKind::OperationFailed);
}

#[tokio::test(start_paused = true)]
async fn without_a_poll_header_the_provisioning_state_tells() {
    let states = ["Updating", "Updating", "Succeeded"].map(|state| json_reply(200, cluster(state)));
    let outcome = run(json_reply(200, cluster("Updating")), CLUSTER, states).await;
    assert!(outcome.result.unwrap().facts.is_succeeded());
    assert_eq!(outcome.polls.len(), 3);

    let error =
        run(json_reply(200, cluster("Updating")), CLUSTER, [json_reply(200, cluster("Failed"))])
            .await
            .error();
    assert_eq!(error.kind(), ErrorKind::OperationFailed);
}

#[tokio::test(start_paused = true)]
async fn a_200_without_a_header_and_with_a_terminal_state_is_done_at_once() {
    let outcome = run(
        json_reply(200, cluster("Succeeded")),
        CLUSTER,
        [json_reply(200, cluster("Succeeded"))],
    )
    .await;
    assert!(outcome.result.is_ok());
    assert!(outcome.polls.len() == 1 && outcome.polls[0] < 0.1, "{:?}", outcome.polls);
}

#[tokio::test(start_paused = true)]
async fn success_is_followed_by_a_read_of_the_cluster_which_may_take_some_tries() {
    let fake = FakeAzure::default();
    fake.on(Method::Put, CLUSTER, [accepted()]);
    fake.on(Method::Get, POLL_PART, [status("Succeeded")]);
    let mut after = cluster("Succeeded");
    after["eTag"] = json!("etag-2");
    fake.on(Method::Get, CLUSTER, [text_reply(503, ""), Reply::Dropped, json_reply(200, after)]);
    let azure = fake.client();
    let before = ManagedCluster::parse(&cluster_id(), cluster_json()).unwrap();
    let operation = azure.put_kms(&before, &KmsChange::Off).await.unwrap();
    let deadline = Instant::now() + Duration::from_secs(7_200);
    let cluster = operation.wait(&azure, deadline, |_| {}).await.unwrap();
    assert_eq!(cluster.cluster.facts.etag.as_deref(), Some("etag-2"));
}

#[tokio::test(start_paused = true)]
async fn an_operation_that_azure_forgot_is_read_off_the_cluster() {
    let outcome = followed([status("InProgress"), json_reply(404, json!({}))]).await;
    assert!(is_not_followed(&outcome.error()));
}

#[tokio::test(start_paused = true)]
async fn the_poll_address_is_used_verbatim_and_never_shown() {
    let outcome = followed([status("Succeeded")]).await;
    assert_eq!(outcome.polls.len(), 1, "the signed address was asked as it was given");
    let operation = Operation {
        cluster: cluster_id(),
        source: Source::Status(Url::parse(POLL).unwrap()),
        first_pause: None,
        accepted_at: LastInProgress::now(),
    };
    assert!(!format!("{operation:?}").contains("signed"));
    let failed = followed([status("Failed")]).await.error();
    assert!(!format!("{failed} {failed:?}").contains("signed"));
}

#[tokio::test(start_paused = true)]
async fn a_poll_address_elsewhere_is_refused() {
    for address in [
        "https://example.org/operations/1",
        "http://management.azure.com/operations/1",
        "/operations/1",
    ] {
        for header in ["azure-asyncoperation", "location"] {
            let accepted = json_reply(200, cluster("Updating")).with(header, address);
            let outcome = run(accepted, "example.org", [status("Succeeded")]).await;
            assert!(outcome.polls.is_empty());
            assert_eq!(outcome.error().kind(), ErrorKind::Unexpected, "{header}: {address}");
        }
    }
}

/// Between the last look at which it went on and the one that sees its end, others may have changed
/// the cluster.
#[tokio::test(start_paused = true)]
async fn an_end_that_is_seen_late_is_told() {
    for (silent, at_once) in [(0, true), (3, true), (20, false)] {
        let fake = FakeAzure::default();
        fake.on(Method::Get, "/managedClusters/", [json_reply(200, cluster_json())]);
        fake.on(
            Method::Put,
            CLUSTER,
            [json_reply(200, cluster("Updating")).with("azure-asyncoperation", POLL)],
        );
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
