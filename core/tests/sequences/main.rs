//! Sequences of calls, crashes and foreign hands that must come out safe: no secret becomes
//! unreadable, no key is called removable that is needed, and what was begun can be finished.
//!
//! Each is run on the embedded API servers in both ways that AKS may wire two keys, and those that
//! say so on a real kube-apiserver and etcd too.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]
#![allow(clippy::print_stdout, reason = "the puppet tells its leader how it goes")]

mod at_work;
#[path = "../common/mod.rs"]
mod common;
mod foreign;
mod guards;
mod machines;
mod real;
mod record;
mod rotation;
mod way_back;

/// The library in another process; the tests above lead it.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "no test of its own: the others run it in another process"]
async fn puppet() {
    common::puppet::act().await;
}
