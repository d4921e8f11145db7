//! The steps of a plan.

use std::fmt;

use serde::Serialize;

use crate::model::{KeyId, NetworkMode, Purpose, VaultId};

/// One step of a plan: *ensure that something holds*. Performing it twice does no harm.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Step {
    /// What it ensures.
    #[serde(flatten)]
    pub kind: StepKind,
    /// One readable line.
    pub summary: String,
}

/// What a step ensures.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum StepKind {
    /// The cluster's KMS profile is this, and its provisioning state is Succeeded.
    SetKms {
        /// The profile.
        target: KmsTarget,
    },
    /// Every API server writes with this key.
    WaitForKey {
        /// The key.
        expected: ExpectedKey,
        /// What for.
        purpose: Purpose,
    },
    /// Every secret is under the key in use.
    ReencryptSecrets {
        /// What for.
        purpose: Purpose,
        /// Only these namespaces.
        #[serde(skip_serializing_if = "Option::is_none")]
        namespaces: Option<Vec<String>>,
    },
    /// It is proven that no secret is under another key.
    VerifySecrets {
        /// What for.
        purpose: Purpose,
    },
}

/// A KMS profile to set.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum KmsTarget {
    /// KMS on with this key.
    On {
        /// The key.
        key_id: KeyId,
        /// How its vault is reached.
        network_mode: NetworkMode,
        /// Its vault, in private mode.
        #[serde(skip_serializing_if = "Option::is_none")]
        key_vault_id: Option<VaultId>,
    },
    /// KMS off.
    Off,
    /// Whatever is configured now: settles a cluster whose last operation failed.
    AsConfigured,
}

/// What API servers are expected to write secrets with.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ExpectedKey {
    /// A key in a vault.
    Key(KeyId),
    /// No encryption.
    Plaintext,
}

impl fmt::Display for ExpectedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key_id) => write!(f, "{key_id}"),
            Self::Plaintext => f.write_str("plaintext"),
        }
    }
}

impl Step {
    /// A step with its summary.
    pub(crate) fn new(kind: StepKind) -> Self {
        let summary = kind.summary();
        Self { kind, summary }
    }
}

impl StepKind {
    fn summary(&self) -> String {
        match self {
            Self::SetKms { target: KmsTarget::On { key_id, network_mode, .. } } => {
                format!("Set the cluster's KMS key to {key_id} ({network_mode} access)")
            }
            Self::SetKms { target: KmsTarget::Off } => "Turn the cluster's KMS off".to_owned(),
            Self::SetKms { target: KmsTarget::AsConfigured } => {
                "Settle the cluster with its present KMS configuration".to_owned()
            }
            Self::WaitForKey { expected: ExpectedKey::Plaintext, .. } => {
                "Wait until every API server writes without encryption".to_owned()
            }
            Self::WaitForKey { expected: ExpectedKey::Key(key_id), .. } => {
                format!("Wait until every API server writes with {key_id}")
            }
            Self::ReencryptSecrets { namespaces: Some(namespaces), .. } => {
                format!("Rewrite the secrets of {} under the key in use", namespaces.join(", "))
            }
            Self::ReencryptSecrets { purpose: Purpose::Gate, .. } => {
                "Ask every secret whether it is under the key in use; rewrite those that are not"
                    .to_owned()
            }
            Self::ReencryptSecrets { .. } => "Rewrite every secret under the key in use".to_owned(),
            Self::VerifySecrets { .. } => "Prove that no secret is under another key".to_owned(),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.summary)
    }
}
