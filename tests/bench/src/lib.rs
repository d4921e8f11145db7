#![doc = include_str!("../README.md")]

pub mod child;
pub mod cluster;
pub mod delay;
pub mod fleet;
pub mod load;
pub mod outcome;
pub mod probe;
pub mod process;
pub mod record;
pub mod reencrypt;
pub mod shell;
pub mod statistics;
pub mod target;
pub mod wire;
