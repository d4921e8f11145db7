#![doc = include_str!("../README.md")]

pub mod backend;
pub mod clock;
pub mod conformance;
pub mod embedded;
pub mod given;
pub mod real;
pub mod tls;
pub mod writes;

mod admin;
mod arm;
mod backends;
mod case;
mod cluster;
mod entra;
mod environment;
mod faults;
mod http;
mod identities;
mod key_id;
mod names;
mod region;
mod roles;
mod sdk;
mod simulator;
mod vault;
mod world;

pub use backends::{BackendFactory, Starting};
pub use case::Case;
pub use clock::TimeScale;
pub use environment::write as write_environment;
pub use given::Given;
pub use simulator::{Error, Options, Simulator};
