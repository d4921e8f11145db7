//! The simulated Azure, over HTTP as clients use it.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

#[path = "../common/mod.rs"]
mod common;

mod access;
mod administration;
mod clusters;
mod creation;
mod data_encryption;
mod faults;
mod folder;
mod identities;
mod key_life;
mod kms;
mod lifecycle;
mod recorded;
mod refusals;
mod run_command;
mod sign_in;
mod strangers;
mod subscriptions;
mod support;
mod tokens;
mod users;
mod vault_life;
mod vault_refusals;
mod vaults;
