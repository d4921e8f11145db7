use super::*;
use crate::kubernetes::ServerMetrics;

const LIVENESS: Duration = Duration::from_secs(45);
const SPAN: Duration = Duration::from_secs(60);

fn server(lease: Option<&str>, started: f64) -> ProbedServer {
    let counters = ServerMetrics {
        apiserver_id_hash: lease.map(id_hash),
        process_start_time_seconds: Some(started),
        answered_at: Some(100_000.0),
        ..ServerMetrics::default()
    };
    ProbedServer { process: Process::of(&counters), writes_with: WritesWith::Plaintext, counters }
}

fn lease(name: &str, holder: &str, renew_time: u32) -> IdentityLease {
    IdentityLease {
        name: name.to_owned(),
        holder: holder.to_owned(),
        renew_time: renew_time.to_string(),
    }
}

fn holders(pairs: &[(&str, &str)]) -> Holders {
    pairs.iter().map(|&(name, holder)| (name.to_owned(), holder.to_owned())).collect()
}

#[test]
fn every_holder_needs_its_own_process() {
    let two = holders(&[("a", "1"), ("b", "2")]);
    let replaced = holders(&[("a", "1"), ("a", "2"), ("b", "3")]);
    let cases = [
        ("nobody", &two, vec![], 2),
        ("one", &two, vec![server(Some("a"), 1.0)], 1),
        ("both", &two, vec![server(Some("a"), 1.0), server(Some("b"), 2.0)], 0),
        (
            "two processes behind one Lease are not both",
            &two,
            vec![server(Some("a"), 1.0), server(Some("a"), 2.0)],
            1,
        ),
        ("without names they are counted", &two, vec![server(None, 1.0)], 1),
        (
            "a restart does not stand in for another server",
            &replaced,
            vec![server(None, 1.0), server(None, 2.0)],
            1,
        ),
        (
            "a holder that was never heard",
            &replaced,
            vec![server(Some("a"), 2.0), server(Some("b"), 3.0)],
            1,
        ),
        ("some have names", &two, vec![server(Some("a"), 1.0), server(None, 2.0)], 0),
        ("some respond", &holders(&[]), vec![], 1),
    ];
    for (name, holders, heard, expected) in cases {
        let processes: Vec<&Process> = heard.iter().map(|server| &server.process).collect();
        assert_eq!(not_yet_probed(holders, &processes), expected, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_stands_still_is_dead_and_one_that_moves_lives() {
    let roster = Roster::new(LIVENESS);
    let look = |renewed| roster.looked(vec![lease("live", "1", renewed), lease("dead", "2", 1)]);
    assert_eq!(look(1), holders(&[("dead", "2"), ("live", "1")]));
    tokio::time::advance(Duration::from_secs(30)).await;
    look(2);
    tokio::time::advance(Duration::from_secs(16)).await;
    assert_eq!(look(3), holders(&[("live", "1")]));
}

#[test]
fn a_process_that_came_and_went_in_the_pass_is_missed() {
    let roster = Roster::new(LIVENESS);
    roster.begin();
    roster.looked(vec![lease("a", "1", 1)]);
    roster.heard(&server(Some("a"), 1.0));
    assert!(!roster.missed());
    roster.looked(vec![lease("a", "1", 1), lease("b", "2", 1)]);
    roster.looked(vec![lease("a", "1", 1), lease("b", "3", 1)]);
    roster.heard(&server(Some("b"), 2.0));
    assert!(roster.missed(), "holder 2 of the second Lease was never heard");
    roster.begin();
    roster.looked(vec![lease("a", "1", 1), lease("b", "3", 1)]);
    roster.heard(&server(Some("a"), 1.0));
    roster.heard(&server(Some("b"), 2.0));
    assert!(!roster.missed());
}

#[tokio::test(start_paused = true)]
async fn one_that_was_dead_at_convergence_is_not_missed() {
    let roster = Roster::new(LIVENESS);
    let look = |renewed| roster.looked(vec![lease("a", "1", renewed), lease("dead", "2", 1)]);
    look(1);
    tokio::time::advance(Duration::from_secs(44)).await;
    roster.begin();
    look(2);
    roster.heard(&server(Some("a"), 1.0));
    tokio::time::advance(Duration::from_secs(2)).await;
    look(3);
    assert!(roster.missed());
    roster.converged();
    assert!(!roster.missed());
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_looked_at_for_long_counts_as_missed() {
    for (seconds, missed) in [(30, false), (50, true)] {
        let roster = Roster::new(LIVENESS);
        let look = || roster.looked(vec![lease("a", "1", seconds)]);
        roster.begin();
        look();
        roster.heard(&server(Some("a"), 1.0));
        roster.failed();
        tokio::time::advance(Duration::from_secs(seconds.into())).await;
        roster.failed();
        look();
        assert_eq!(roster.missed(), missed, "{seconds} s");
    }
}

#[test]
fn a_process_that_answers_differently_agrees_with_nothing() {
    let roster = Roster::new(LIVENESS);
    let plain = server(Some("a"), 1.0);
    let other = ProbedServer { writes_with: WritesWith::key("x"), ..plain.clone() };
    roster.heard(&plain);
    roster.heard(&other);
    roster.heard(&plain);
    let all: Vec<WritesWith> =
        roster.all_heard().into_iter().map(|server| server.writes_with).collect();
    assert_eq!(all, [WritesWith::Mixed]);
}

#[tokio::test(start_paused = true)]
async fn whether_a_process_ended_lately() {
    let old = |name: &str, started| server(Some(name), started);
    // what the first look shows, what the last does after 50 s, who was heard
    let cases = [
        (
            "nothing changed",
            vec![lease("a", "1", 1)],
            vec![lease("a", "1", 2)],
            vec![old("a", 1.0)],
            true,
        ),
        (
            "a young process, which may have replaced another",
            vec![lease("a", "1", 1)],
            vec![lease("a", "1", 2)],
            vec![old("a", 99_950.0)],
            false,
        ),
        (
            "another holder",
            vec![lease("a", "1", 1)],
            vec![lease("a", "2", 2)],
            vec![old("a", 1.0)],
            false,
        ),
        (
            "a Lease that went",
            vec![lease("a", "1", 1), lease("b", "2", 1)],
            vec![lease("a", "1", 2)],
            vec![old("a", 1.0)],
            false,
        ),
        (
            "a Lease that stands still",
            vec![lease("a", "1", 1), lease("b", "2", 1)],
            vec![lease("a", "1", 2), lease("b", "2", 1)],
            vec![old("a", 1.0)],
            false,
        ),
        (
            "two processes behind one Lease",
            vec![lease("a", "1", 1)],
            vec![lease("a", "1", 2)],
            vec![old("a", 1.0), old("a", 2.0)],
            false,
        ),
    ];
    for (name, first, last, heard, expected) in cases {
        let roster = Roster::new(LIVENESS);
        roster.looked(first);
        tokio::time::advance(Duration::from_secs(50)).await;
        roster.looked(last);
        assert_eq!(roster.nobody_ended_within(SPAN, &heard), expected, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_has_stood_still_for_long_is_no_reason_to_wait() {
    let roster = Roster::new(LIVENESS);
    let look = |renewed| roster.looked(vec![lease("a", "1", renewed), lease("dead", "2", 1)]);
    look(1);
    for (seconds, expected) in [(100, false), (10, true)] {
        tokio::time::advance(Duration::from_secs(seconds)).await;
        look(1 + u32::try_from(seconds).unwrap());
        let heard = [server(Some("a"), 1.0)];
        assert_eq!(roster.nobody_ended_within(SPAN, &heard), expected, "{seconds} s more");
    }
}
