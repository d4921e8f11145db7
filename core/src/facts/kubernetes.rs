//! What is known of a cluster's Kubernetes API.

use std::fmt;

use crate::facts::Fact;

/// What was seen through the Kubernetes API, or why each could not be seen.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct KubernetesFacts {
    /// Host of the API server that was asked.
    pub(crate) host: String,
    /// Resource ids of the groups named in the nodes' `spec.providerID`.
    pub(crate) node_resource_groups: Fact<Vec<String>>,
    /// Of the namespaces asked for, those that do not exist, as far as that may be seen.
    pub(crate) missing_namespaces: Vec<String>,
    /// A `konnectivity-agent-*` pod runs in `kube-system`.
    pub(crate) konnectivity: Fact<bool>,
    /// What is missing of what the verb needs, for the scope asked.
    pub(crate) missing_permissions: Fact<Vec<Permission>>,
    /// Whether `/metrics` can be read.
    pub(crate) metrics: Fact<bool>,
    /// Hashes of the keys under which the API server that was asked has counted writes since it began.
    pub(crate) written_hashes: Fact<Vec<String>>,
    /// Secrets in the scope asked, the canary left out.
    pub(crate) secrets: Fact<u64>,
    /// Mean stored size of a secret in bytes, from metrics.
    pub(crate) mean_secret_bytes: Option<u64>,
    /// What the API server says of a secret that it cannot decrypt, or of not getting ready.
    pub(crate) unreadable: Option<Unreadable>,
    /// Dry-run patches, one a namespace sampled, that were denied.
    pub(crate) denied_patches: Fact<Vec<DeniedPatch>>,
    /// Whether admission lets our own secret be made, the canary.
    pub(crate) denied_canary: Fact<Option<DeniedPatch>>,
}

/// A sign that secrets cannot be read any more.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Unreadable {
    /// A secret cannot be decrypted: the API server's words.
    Secret(String),
    /// An API server does not get ready, because it cannot list everything: it may be that.
    NotReady,
}

/// A right in Kubernetes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Permission {
    pub(crate) verb: String,
    /// A resource or a path.
    pub(crate) resource: String,
    /// `None`: in all namespaces, or not namespaced.
    pub(crate) namespace: Option<String>,
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb, self.resource)?;
        match &self.namespace {
            Some(namespace) => write!(f, " in namespace {namespace}"),
            None => Ok(()),
        }
    }
}

/// A trial of a change that admission denied.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct DeniedPatch {
    /// `namespace/name`.
    pub(crate) secret: String,
    /// Who denied it.
    pub(crate) message: String,
}
