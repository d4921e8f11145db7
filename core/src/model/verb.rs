//! The verbs of [`KmsManager`](crate::KmsManager).

use std::fmt;

use serde::{Deserialize, Serialize};

/// A verb. It has the same name everywhere: methods, reports, docs, conformance cases.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verb {
    /// Turn KMS on and rewrite all secrets.
    Enable,
    /// Change the key.
    Rotate,
    /// Turn KMS off.
    Disable,
    /// Move the vault in use between public and private access.
    ChangeNetworkMode,
    /// Move from KMS v1 to v2.
    MigrateToV2,
    /// Rewrite secrets under the key in use.
    ReencryptSecrets,
    /// Prove that no secret is under another key.
    VerifySecrets,
    /// Go on with the recorded operation.
    Resume,
    /// Drop the recorded operation.
    Abandon,
    /// Read the present state.
    Status,
    /// Judge something that is about to be done elsewhere.
    CheckAction,
    /// Make vault, key, identity and access.
    Provision,
    /// Make a cluster with KMS on.
    CreateCluster,
}

impl Verb {
    /// The name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enable => "enable",
            Self::Rotate => "rotate",
            Self::Disable => "disable",
            Self::ChangeNetworkMode => "change_network_mode",
            Self::MigrateToV2 => "migrate_to_v2",
            Self::ReencryptSecrets => "reencrypt_secrets",
            Self::VerifySecrets => "verify_secrets",
            Self::Resume => "resume",
            Self::Abandon => "abandon",
            Self::Status => "status",
            Self::CheckAction => "check_action",
            Self::Provision => "provision",
            Self::CreateCluster => "create_cluster",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
