//! An Azure region on loopback, for tests.

pub mod backend;
pub mod clock;
pub mod given;
pub mod real;
pub mod tls;
pub mod writes;
