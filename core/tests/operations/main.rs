//! The verbs, and sequences of calls, crashes and changes by others that must come out safe: no secret
//! becomes unreadable, no key is called removable that is needed, and what was begun can be finished.
//!
//! Most run on the embedded API servers in both ways that AKS may wire two keys, and those that say so
//! on a real kube-apiserver and etcd.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]
#![allow(clippy::print_stdout, reason = "the subprocess tells its leader how it goes")]

#[path = "../common/mod.rs"]
mod common;

mod access;
mod busy_clusters;
mod check_action;
mod crash;
mod crash_from_nothing;
mod create_cluster;
mod create_encrypted;
mod data_encryption;
mod dropped;
mod evidence;
mod interrupted;
mod limits;
mod list_clusters;
mod manifests;
mod messages;
mod migration;
mod network_mode;
mod network_mode_half_way;
mod other_tools;
mod others;
mod place;
mod provision;
mod provision_interrupted;
mod real;
mod real_data_encryption;
mod real_enable;
mod real_modes;
mod record;
mod record_policy;
mod rollback;
mod rotation;
mod rotation_by_age;
mod two_machines;

/// The library in another process; the tests above lead it.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "no test of its own: the others run it in another process"]
async fn subprocess() {
    common::subprocess::act().await;
}
