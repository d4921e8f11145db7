//! Where an operation is followed: at the address that Azure gave, or at the cluster.

use super::*;

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
async fn the_poll_address_is_used_verbatim_and_never_shown() {
    let outcome = followed([status("Succeeded")]).await;
    assert_eq!(outcome.polls.len(), 1, "the signed address was asked as it was given");
    let operation = Operation {
        what: "update it".to_owned(),
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
