//! Forms of secrets without their values, and metrics: what is asked for, and how it is read.

pub(super) mod metrics;
pub(super) mod table;
pub(super) mod watch;
