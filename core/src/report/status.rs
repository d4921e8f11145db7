//! The state of a cluster's KMS.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{
    ids::{ClusterId, KeyId, KubernetesVersion, NetworkMode, VaultId, Verb, text_enum},
    report::{Finding, KeyLedger},
};

/// The state of a cluster's KMS, as Azure and the cluster tell it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct KmsStatus {
    /// The cluster.
    pub cluster: ClusterId,
    /// Its region.
    pub location: String,
    /// Its Kubernetes version.
    pub kubernetes_version: KubernetesVersion,
    /// `provisioningState`, such as `Succeeded` or `Updating`.
    pub provisioning_state: String,
    /// `powerState.code`: `Running` or `Stopped`.
    pub power_state: String,
    /// Whether secrets are encrypted with a key in a vault.
    pub enabled: bool,
    /// The key in use; absent when KMS is off.
    pub key_id: Option<KeyId>,
    /// How the vault is reached; absent when KMS is off.
    pub network_mode: Option<NetworkMode>,
    /// The vault's resource id, where the cluster names it (private mode).
    pub key_vault_id: Option<VaultId>,
    /// KMS v1 or v2; absent when KMS is off.
    pub kms_version: Option<KmsVersion>,
    /// Which of the AKS experiences manages the key; absent when secrets are not KMS-encrypted.
    pub experience: Option<Experience>,
    /// The versions of a customer-managed key under which an API server has counted writes since it began,
    /// the newest version first. Only `status` looks, at the metrics of the API server that responds: absent in
    /// the reports of other verbs, for another kind of key, and where versions or metrics cannot be read.
    pub key_versions_seen: Option<Vec<KeyId>>,
    /// When the version of the key in use was made, by its vault; of a customer-managed key, the newest version that
    /// the API servers are known to write with. Only `status` looks, and `rotate` with `when_older_than`: absent in
    /// the reports of other verbs, when KMS is off, for a key of the platform's, and where it cannot be read.
    #[serde(default, with = "time::serde::rfc3339::option")]
    #[cfg_attr(feature = "bindings", schemars(with = "Option<crate::ids::Time>"))]
    pub key_created_at: Option<OffsetDateTime>,
    /// When that version expires; absent as `key_created_at`, and where it does not expire.
    #[serde(default, with = "time::serde::rfc3339::option")]
    #[cfg_attr(feature = "bindings", schemars(with = "Option<crate::ids::Time>"))]
    pub key_expires_at: Option<OffsetDateTime>,
    /// API Server VNet Integration is on.
    pub vnet_integration: bool,
    /// `identity.type` of the cluster, such as `UserAssigned`.
    pub identity_type: String,
    /// The cluster's eTag.
    pub etag: Option<String>,
    /// What is wrong or will be.
    pub findings: Vec<Finding>,
    /// The keys that the cluster used; absent when there is no record.
    pub ledger: Option<KeyLedger>,
    /// The recorded operation, if one is going on.
    pub operation_in_progress: Option<OperationInProgress>,
    /// Number of secrets; absent when not asked for or not readable.
    pub secrets: Option<SecretTotal>,
}

text_enum! {
    /// KMS plugin API version.
    pub enum KmsVersion("kms_version") {
        /// Enabled on Kubernetes before 1.27.
        V1 = "v1",
        /// Enabled on Kubernetes 1.27 or later.
        V2 = "v2",
    }
}

text_enum! {
    /// Who manages the key that secrets are encrypted with.
    #[derive(Default)]
    pub enum Experience("experience") {
        /// KMS with a key of yours in your vault, which is named with its version.
        #[default]
        KeyVault = "key-vault",
        /// KMS data encryption, the newer experience, with a key of yours.
        CustomerManaged = "customer-managed",
        /// KMS data encryption, the newer experience, with a key of the platform's.
        PlatformManaged = "platform-managed",
    }
}

/// An operation that was recorded in the cluster.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct OperationInProgress {
    /// Its id.
    pub id: String,
    /// The verb.
    pub operation: Verb,
    /// Who runs it.
    pub by: String,
    /// When it began.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(feature = "bindings", schemars(with = "crate::ids::Time"))]
    pub since: OffsetDateTime,
    /// The key that it is changing to.
    pub target_key_id: Option<KeyId>,
}

/// Number of secrets in a cluster.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct SecretTotal {
    /// All secrets of all namespaces.
    pub total: u64,
}
