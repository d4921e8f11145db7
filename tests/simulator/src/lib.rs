//! An Azure region on loopback, for tests.

pub mod backend;
pub mod clock;
pub mod embedded;
pub mod given;
pub mod tls;
pub mod writes;
