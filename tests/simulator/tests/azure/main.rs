//! The simulated Azure, over HTTP as clients use it.

mod access;
mod administration;
mod clusters;
mod faults;
mod support;
mod tokens;
mod vaults;
