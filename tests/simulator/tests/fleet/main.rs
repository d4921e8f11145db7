//! Many clusters in several subscriptions, as one caller sees them.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]
#![expect(clippy::print_stdout, reason = "what was measured is to be seen")]

mod caller;
mod clusters;
mod measure;
mod throttling;
