//! Sequences in which a secret was lost, a proof was false, or somebody was stuck: each is a test of
//! the right behaviour. `docs/safety.md` lists them.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]
#![allow(clippy::print_stdout, reason = "the subprocess tells its leader how it goes")]

#[path = "../common/mod.rs"]
mod common;

mod canary;
mod changes_between_runs;
mod changes_during_runs;
mod failed_changes;
mod keys_concerned;
mod processes;
mod real;
mod record_forged;
mod stuck_keys;
mod stuck_meanwhile;
mod stuck_preflight;
mod stuck_unfinished;
mod webhook;
mod webhook_server;
mod world;

/// The library in another process; the tests above lead it.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "no test of its own: the others run it in another process"]
async fn subprocess() {
    common::subprocess::act().await;
}
