//! Many clusters in several subscriptions, as one caller sees them.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod caller;
mod clusters;
mod measure;
mod throttling;
