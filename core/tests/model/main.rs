//! Random sequences of all verbs, crashes, faults and concurrent changes by others, on the embedded API servers:
//! whatever happens, nothing is lost, nothing is called proven or removable that is not, and what
//! was begun can be finished.
//!
//! `AKS_KMS_MODEL_SECONDS` says for how long (20), `AKS_KMS_MODEL_SEQUENCES` how many at most, and
//! `AKS_KMS_MODEL_SEED` which ones: without it always the same, so that a change is judged by what
//! it changes; `make soak` looks for new ones.
//! `AKS_KMS_MODEL_AT_ONCE` says how many at the same time (24): fewer on a machine that is busy. A
//! sequence that fails is made as short as it can be, and printed as a row of `regressions`.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]
#![allow(clippy::print_stderr, reason = "a seed that nobody sees cannot be used again")]

mod check;
mod cluster;
#[path = "../common/mod.rs"]
mod common;
mod data_encryption;
mod external_actions;
mod faults;
mod others;
mod region;
mod regressions;
mod run;
mod search;
mod sequence;
mod settle;
mod strategy;
mod tamper;
mod trace;

use std::time::Duration;

use common::random::number;

/// Of the sequences that are run where none is named.
const SEED: u64 = 20_261_128;
/// Sequences at the same time: they wait most of the time.
const AT_ONCE: u64 = 24;

#[tokio::test(flavor = "multi_thread")]
async fn random_sequences_come_out_safe() {
    let limits = search::Limits {
        seed: number("AKS_KMS_MODEL_SEED").unwrap_or(SEED),
        time: Duration::from_secs(number("AKS_KMS_MODEL_SECONDS").unwrap_or(20)),
        sequences: number("AKS_KMS_MODEL_SEQUENCES").unwrap_or(u64::MAX),
        at_once: number("AKS_KMS_MODEL_AT_ONCE").unwrap_or(AT_ONCE),
    };
    search::search(limits).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sequences_that_once_failed_come_out_safe() {
    regressions::all_hold().await;
}
