//! What must be there before KMS is turned on: vault, key, identity and access.
//!
//! Observe → plan → run, as with the verbs; there is no cluster yet in which anything could be
//! recorded. So every name is decided before the first request, and each part is looked for right
//! before it is made: whoever goes on, from whatever machine, comes to the same parts, and nothing
//! that is there is written over.

mod commands;
mod look;
mod make;
mod plan;
#[cfg(test)]
mod tests;
mod wanted;

pub(crate) use look::{look, versioned};
pub(crate) use make::{Made, Maker};
pub(crate) use plan::{findings, steps};
pub(crate) use wanted::Wanted;
