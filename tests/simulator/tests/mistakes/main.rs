//! The documented mistakes destroy secrets here as they do on AKS, and the documented procedure
//! does not: what prevents them elsewhere is proven against something that bites.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

#[path = "../common/mod.rs"]
mod common;

mod cluster;
mod data_encryption;
mod keys;
mod rotation;
mod v1;

use aks_kms_simulator::real::Binaries;

/// Which Kubernetes a test runs on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Backend {
    Embedded,
    Real,
}

impl Backend {
    /// Whether this machine has what it takes.
    pub(crate) fn available(self) -> bool {
        self == Self::Embedded || Binaries::available()
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Real => "real",
        }
    }
}
