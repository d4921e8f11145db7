//! Re-encryption and its proof: what they must come through, and that no value leaves the API server.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]
#![allow(clippy::print_stdout, reason = "the child's report goes to its standard output")]

#[path = "../common/mod.rs"]
mod common;

mod audit;
mod convergence;
mod crash;
mod keys;
mod lists;
mod objects;
mod orphans;
mod pace;
mod real;
mod real_world;
mod transport;
mod two_versions;
mod values;
mod world;
