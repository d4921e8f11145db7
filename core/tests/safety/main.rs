//! Sequences in which a secret was lost, a proof was false, or somebody was stuck: each is a test of
//! the right behaviour. `docs/safety.md` lists them.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::pedantic, dead_code, reason = "tests")]

#[path = "../common/mod.rs"]
mod common;
mod hands;
mod poison;
mod proofs;
mod real;
mod shared;
mod stuck;
mod webhook;

/// The library in another process; the tests above lead it.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "no test of its own: the others run it in another process"]
async fn puppet() {
    common::puppet::act().await;
}
