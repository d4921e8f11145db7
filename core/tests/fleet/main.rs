//! Many clusters at once: waves, failures, kills, and what Azure lets through in a time.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]
#![allow(clippy::print_stdout, reason = "the subprocess tells its leader how it goes")]

#[path = "../common/mod.rs"]
mod common;

mod crash;
mod dropped;
mod dry_run;
mod input;
mod region;
mod report;
mod schedulers;
mod throttling;
mod waves;
mod world;

/// The library in another process; the tests above lead it.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "no test of its own: the others run it in another process"]
async fn subprocess() {
    crash::act().await;
}
