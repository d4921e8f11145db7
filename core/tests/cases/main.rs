//! The cases that re-encryption must come through, each on the modelled Kubernetes API.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

#[path = "../common/mod.rs"]
mod common;

mod audit;
mod keys;
mod killed;
mod lists;
mod objects;
mod orphans;
mod pace;
mod transport;
mod world;
