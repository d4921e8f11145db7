//! The verbs of [`KmsManager`](crate::KmsManager).

use serde::{Deserialize, Serialize};

use super::text_enum::text_enum;

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

text_enum!(Verb, "operation":
    Enable = "enable",
    Rotate = "rotate",
    Disable = "disable",
    ChangeNetworkMode = "change_network_mode",
    MigrateToV2 = "migrate_to_v2",
    ReencryptSecrets = "reencrypt_secrets",
    VerifySecrets = "verify_secrets",
    Resume = "resume",
    Abandon = "abandon",
    Status = "status",
    CheckAction = "check_action",
    Provision = "provision",
    CreateCluster = "create_cluster",
);
