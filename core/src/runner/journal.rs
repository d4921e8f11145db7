//! Where operations and keys are recorded.

/// Where operations and keys are recorded.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Journal {
    /// In the cluster: `ConfigMap` and Lease `aks-kms`, where any later machine finds them.
    Cluster {
        /// Their namespace, and the canary secret's. Default: `kube-system`.
        namespace: String,
    },
    /// Nowhere. Every change of the key is preceded by a whole gate, nothing is known of earlier
    /// keys, nobody keeps two machines from working at once, and an operation that was interrupted
    /// is finished by calling the same verb again.
    None,
}

impl Default for Journal {
    fn default() -> Self {
        Self::Cluster { namespace: "kube-system".to_owned() }
    }
}

impl Journal {
    /// Where the canary secret lives, and the record if there is one.
    pub(crate) fn namespace(&self) -> &str {
        match self {
            Self::Cluster { namespace } => namespace,
            Self::None => "kube-system",
        }
    }

    pub(crate) fn is_kept(&self) -> bool {
        *self != Self::None
    }
}
