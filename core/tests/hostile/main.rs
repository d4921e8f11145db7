//! Whatever answers in place of Azure, of a vault or of the API server, every verb ends with a clear
//! error within its time limit, in bounded memory, and loses nothing.
//!
//! A proxy in between answers one kind of request with nonsense and passes on all others. Which kinds
//! of requests there are is learned from runs that nobody disturbs.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]
#![allow(clippy::print_stdout, reason = "a search says what it tried")]

#[path = "../common/mod.rs"]
mod common;

mod nonsense;
mod proxy;
mod verbs;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use aks_kms::ErrorKind;
use futures::{StreamExt, stream};

use self::{
    nonsense::{HEAVY, Nonsense},
    proxy::Endpoint,
    verbs::{Verb, World},
};

/// The time limit of each call, and what the machine may take besides.
const LIMIT: Duration = Duration::from_secs(4);
const GRACE: Duration = Duration::from_secs(12);
/// Worlds at once.
const AT_ONCE: usize = 6;
/// Without `AKS_KMS_HOSTILE=all`, one pair of so many is tried.
const SHARE: usize = 11;
const MEMORY: u64 = 100 * 1024 * 1024;

/// The requests that each verb sends and no verb before it does.
async fn endpoints() -> Vec<(Verb, Endpoint)> {
    let mut verb_of: BTreeMap<Endpoint, Verb> = BTreeMap::new();
    for verb in Verb::ALL {
        let world = World::new(verb, None).await;
        world.call(Duration::from_secs(60)).await.unwrap();
        for endpoint in world.proxy.seen() {
            verb_of.entry(endpoint).or_insert(verb);
        }
    }
    verb_of.into_iter().map(|(endpoint, verb)| (verb, endpoint)).collect()
}

/// A call with nonsense in the place of one kind of response.
async fn disturbed(
    verb: Verb,
    endpoint: &Endpoint,
    nonsense: Nonsense,
    limit: Duration,
) -> (String, bool) {
    let limit = verb.limit(limit);
    let what = format!("{verb:?}, {endpoint}, {nonsense:?}");
    let world = World::new(verb, Some((endpoint.clone(), nonsense))).await;
    let began = Instant::now();
    let outcome = world.call(limit).await;
    assert!(began.elapsed() < limit + GRACE, "{what}: {:?}", began.elapsed());
    if let Err(error) = &outcome {
        let shown = format!("{error}");
        assert!(
            error.kind() != ErrorKind::InvalidInput,
            "{what}: the caller did nothing wrong: {shown}"
        );
        assert!(shown.len() < 40_000, "{what}: {} bytes", shown.len());
        assert!(!shown.chars().any(char::is_control), "{what}: {shown:?}");
        assert!(!shown.contains("  "), "{what}: {shown}");
        for hidden in ['\u{202e}', '\u{200b}'] {
            assert!(!shown.contains(hidden), "{what}: {shown:?}");
        }
    }
    let truth = world.truth().await;
    assert_eq!(truth.unreadable, 0, "{what}: {outcome:?}");
    assert_eq!(truth.violations, Vec::<String>::new(), "{what}: {outcome:?}");
    (what, world.proxy.has_disturbed())
}

/// A figure of this process's memory, in bytes: `VmRSS` now, `VmHWM` at most since it was reset.
fn memory(figure: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(figure)).unwrap();
    line.trim_matches([':', ' ', '\t', 'k', 'B']).parse::<u64>().unwrap() * 1024
}

fn reset_peak() {
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_answers_every_verb_ends_in_time_and_loses_nothing() {
    nonsense::prepare();
    let endpoints = endpoints().await;
    assert!(endpoints.len() > 25, "{endpoints:#?}");

    // one after the other, for what it costs in memory: proxy and simulator included
    for nonsense in HEAVY {
        for part in ["managedClusters", "secrets"] {
            let (verb, endpoint) = endpoints.iter().find(|(_, it)| it.is_get_of(part)).unwrap();
            reset_peak();
            let before = memory("VmRSS");
            let (what, has_disturbed) = disturbed(*verb, endpoint, nonsense, LIMIT).await;
            assert!(has_disturbed, "{what}");
            let grown = memory("VmHWM").saturating_sub(before);
            println!("{what}: {} MiB", grown >> 20);
            assert!(grown < MEMORY, "{what}: {} MiB", grown >> 20);
        }
    }

    // What is given back after the time limit must not take time of its own.
    let leases = endpoints.iter().filter(|(_, endpoint)| endpoint.to_string().contains("leases"));
    let leases: Vec<&(Verb, Endpoint)> = leases.collect();
    assert!(!leases.is_empty(), "{endpoints:#?}");
    for (verb, endpoint) in leases {
        disturbed(*verb, endpoint, Nonsense::Silence, LIMIT).await;
    }

    let is_all = std::env::var("AKS_KMS_HOSTILE").is_ok_and(|it| it == "all");
    let pairs = endpoints.iter().enumerate().flat_map(|(row, (verb, endpoint))| {
        let columns = Nonsense::ALL.into_iter().enumerate();
        let tried = columns.filter(move |(column, _)| is_all || (row + column) % SHARE == 0);
        tried.map(move |(_, nonsense)| (*verb, endpoint, nonsense))
    });
    let pairs: Vec<_> = pairs.collect();
    let number = pairs.len();
    let outcomes: Vec<(&Endpoint, bool)> = stream::iter(pairs)
        .map(async |(verb, endpoint, nonsense)| {
            (endpoint, disturbed(verb, endpoint, nonsense, LIMIT).await.1)
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let mut met: BTreeSet<&Endpoint> =
        outcomes.iter().filter(|(_, has_disturbed)| *has_disturbed).map(|(it, _)| *it).collect();
    println!("{} kinds of requests, {number} pairs", endpoints.len());
    // On a busy machine the time limit may come before what is asked last: alone, there is time.
    let missed = endpoints.iter().filter(|(_, endpoint)| !met.contains(endpoint));
    let missed: Vec<&(Verb, Endpoint)> = missed.collect();
    for (verb, endpoint) in missed {
        if disturbed(*verb, endpoint, Nonsense::ALL[0], LIMIT * 10).await.1 {
            met.insert(endpoint);
        }
    }
    let missed: Vec<_> = endpoints.iter().filter(|(_, endpoint)| !met.contains(endpoint)).collect();
    assert!(missed.len() <= 2, "{missed:#?}");
}
