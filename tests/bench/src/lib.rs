#![doc = include_str!("../README.md")]

pub mod child;
pub mod load;
pub mod outcome;
pub mod process;
pub mod statistics;
pub mod target;
pub mod wire;
