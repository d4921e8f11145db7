//! The Secrets that a case starts with.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The Secrets of a cluster, in namespaces `team-1`, `team-2`, ….
/// Each is named `secret-1`, `secret-2`, …. Their values are random and never leave the store
/// except by a request that asks for them.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Secrets {
    /// Number of namespaces that hold secrets.
    pub namespaces: usize,
    /// Secrets in each.
    pub each: usize,
    /// `plaintext`, `platform`, `{{key.1}}`, …, or absent: as the cluster writes now.
    pub under: Option<String>,
    /// Secrets of another kind, on top.
    pub special: Vec<Special>,
}

impl Default for Secrets {
    fn default() -> Self {
        Self { namespaces: 2, each: 5, under: None, special: Vec::new() }
    }
}

/// A secret that needs attention.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Special {
    /// `namespace/name`; the namespace is made when it does not exist.
    pub name: String,
    /// What is special.
    pub kind: SpecialKind,
    /// `plaintext`, `platform` or a key; absent: as the others.
    #[serde(default)]
    pub under: Option<String>,
}

/// What is special about a secret.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SpecialKind {
    /// `immutable: true`.
    Immutable,
    /// A patch is answered 403 by a policy.
    Denied,
    /// A patch is answered 422: today's validation rejects the stored object.
    Invalid,
    /// It was written under a key that no API server has: 500.
    Unreadable,
    /// A patch is answered 500: the webhook is down.
    WebhookDown,
    /// About 1 MiB.
    Large,
    /// `deletionTimestamp` with a finalizer.
    Terminating,
    /// Written by `kubectl apply`: the last-applied annotation holds the values.
    Applied,
    /// Its namespace is gone: somebody took the finalizers of one that hung in Terminating. The
    /// namespace must hold nothing else.
    Orphan,
    /// The library's canary, which a run that died left behind: `kube-system/aks-kms-canary`.
    Canary,
}
