//! An Azure region on loopback, for tests: Entra, Resource Manager, AKS, Key Vault, and the
//! Kubernetes API of each cluster.
//!
//! A [`Simulator`] serves everything on ports of 127.0.0.1. A [`Case`] is made from a [`Given`]
//! and has a subscription, a cluster, a vault and an identity of its own, so cases run in parallel.
//!
//! It knows nothing of the library that it tests: a wrong belief must not be shared by both sides.

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
mod faults;
mod http;
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
pub use given::Given;
pub use simulator::{Error, Options, Simulator};
