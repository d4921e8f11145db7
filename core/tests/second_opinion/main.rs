//! A second opinion on the rules: random worlds, in which a change is judged by a dry run and then forced past the
//! rules, as az sends it, onto the simulated service. What the service says to it, and what becomes of the secrets
//! and the API servers, must be what the rules said.
//!
//! `AKS_KMS_WORLDS` says how many worlds (600), `AKS_KMS_WORLDS_SECONDS` for how long at most (60) and
//! `AKS_KMS_WORLDS_SEED` which ones: without it always the same; `make soak` looks at new ones. A world on which
//! both sides disagree is made as small as it can be, and printed as a row for `cases.rs`.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]
#![allow(clippy::print_stderr, reason = "a seed that nobody sees cannot be used again")]

mod absent;
mod cases;
mod change;
#[path = "../common/mod.rs"]
mod common;
mod compare;
mod deviations;
mod documented;
mod region;
mod search;
mod service;
mod shape;
mod verdict;

use std::time::Duration;

use common::random::number;

/// Of the worlds that are looked at where none is named.
const SEED: u64 = 20_261_129;
/// Worlds at the same time: they wait some of the time.
const AT_ONCE: u64 = 12;

#[tokio::test(flavor = "multi_thread")]
async fn the_rules_say_of_random_worlds_what_the_service_does() {
    let limits = search::Limits {
        seed: number("AKS_KMS_WORLDS_SEED").unwrap_or(SEED),
        time: Duration::from_secs(number("AKS_KMS_WORLDS_SECONDS").unwrap_or(60)),
        worlds: number("AKS_KMS_WORLDS").unwrap_or(600),
        at_once: number("AKS_KMS_WORLDS_AT_ONCE").unwrap_or(AT_ONCE),
    };
    Box::pin(search::search(limits)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_is_turned_off_is_missed() {
    absent::each_is_missed().await;
}

#[test]
fn every_rule_that_blocks_would_be_missed_or_it_is_said_why_not() {
    absent::each_has_a_world_or_a_reason();
}

#[tokio::test(flavor = "multi_thread")]
async fn worlds_on_which_both_sides_once_disagreed_are_judged_alike() {
    cases::all_agree().await;
}
