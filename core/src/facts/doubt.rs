//! Why it is not seen what the API servers write with.

use std::fmt;

/// Why it is not seen what the API servers write with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Doubt {
    /// Their metrics cannot be read.
    Metrics,
    /// Which there are is not known: none has an identity Lease.
    NoIdentityLeases,
    /// Which there are is not known: their identity Leases may not be listed.
    LeasesForbidden,
    /// What they all write with may be the expected key.
    KeyUnidentified,
    /// They were left on different versions of one key.
    VersionsDiffer,
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Metrics => "the API servers' metrics cannot be read",
            Self::NoIdentityLeases => {
                "which API servers there are cannot be seen: there are no identity Leases of theirs \
                 in kube-system, which they have since Kubernetes 1.26"
            }
            Self::LeasesForbidden => {
                "which API servers there are cannot be seen: the right to list leases in namespace \
                 kube-system is missing"
            }
            Self::KeyUnidentified => {
                "what they all write with is not known to be another key, nor to be this one"
            }
            Self::VersionsDiffer => "they write with different versions of this key",
        })
    }
}
