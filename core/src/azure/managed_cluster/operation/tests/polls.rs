//! When it is looked at again, and what a look that fails says of the operation: nothing.

use super::*;

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
async fn a_pause_that_no_clock_can_count_is_the_longest_that_azure_may_ask_for() {
    for asked in
        ["9223372036854775807", "18446744073709551615", "1e30", "Fri, 31 Dec 9999 23:59:59 GMT"]
    {
        let outcome = run(
            accepted().with("retry-after", asked),
            POLL_PART,
            [status("InProgress").with("retry-after", asked), status("Succeeded")],
        )
        .await;
        assert!(outcome.result.is_ok(), "{asked}");
        let last = outcome.polls.last().unwrap();
        assert!(*last <= 2.0 * LONGEST_ASKED.as_secs_f64() + 0.1, "{asked}: {:?}", outcome.polls);
    }
}
