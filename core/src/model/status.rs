//! The state of a cluster's KMS.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::model::{
    ClusterFacts, ClusterId, Finding, IdentityKind, KeyId, KeyLedger, KubernetesVersion,
    NetworkMode, VaultId, Verb, text_enum,
};

/// The state of a cluster's KMS, as Azure and the cluster tell it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
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

/// KMS plugin API version.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum KmsVersion {
    /// Enabled on Kubernetes before 1.27.
    V1,
    /// Enabled on Kubernetes 1.27 or later.
    V2,
}

text_enum!(KmsVersion, "kms_version": V1 = "v1", V2 = "v2");

/// Who manages the key that secrets are encrypted with.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Experience {
    /// KMS with a key of yours in your vault: what this crate manages.
    KeyVault,
    /// The newer experience with a key of yours.
    CustomerManaged,
    /// The newer experience with a key of the platform's.
    PlatformManaged,
}

text_enum!(Experience, "experience":
    KeyVault = "key-vault",
    CustomerManaged = "customer-managed",
    PlatformManaged = "platform-managed",
);

/// An operation that was recorded in the cluster.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
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
    pub since: OffsetDateTime,
    /// The key that it is changing to.
    pub target_key_id: Option<KeyId>,
}

/// Number of secrets in a cluster.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SecretTotal {
    /// All secrets of all namespaces.
    pub total: u64,
}

impl ClusterFacts {
    /// The state of the cluster's KMS.
    pub(crate) fn status(&self, findings: Vec<Finding>) -> KmsStatus {
        let on = self.kms_on();
        let identity_type = match &self.identity_kind {
            IdentityKind::UserAssigned => "UserAssigned",
            IdentityKind::SystemAssigned => "SystemAssigned",
            IdentityKind::None => "None",
            IdentityKind::Other(text) => text,
        };
        KmsStatus {
            cluster: self.id.clone(),
            location: self.location.clone(),
            kubernetes_version: self.kubernetes_version,
            provisioning_state: self.provisioning_state.clone(),
            power_state: self.power_state.clone(),
            enabled: on.is_some(),
            key_id: on
                .and_then(|profile| profile.key_id.as_deref())
                .and_then(|key_id| KeyId::parse(key_id).ok()),
            network_mode: on.and_then(|profile| profile.network_mode),
            key_vault_id: on
                .and_then(|profile| profile.key_vault_id.as_deref())
                .and_then(|id| VaultId::parse(id).ok()),
            kms_version: on.map(|_| {
                if self.kubernetes_version < KubernetesVersion::KMS_V2 {
                    KmsVersion::V1
                } else {
                    KmsVersion::V2
                }
            }),
            experience: match (on, self.infrastructure_encryption) {
                (Some(_), true) => Some(Experience::CustomerManaged),
                (Some(_), false) => Some(Experience::KeyVault),
                (None, true) => Some(Experience::PlatformManaged),
                (None, false) => None,
            },
            vnet_integration: self.vnet_integration,
            identity_type: identity_type.to_owned(),
            etag: self.etag.clone(),
            findings,
            ledger: None,
            operation_in_progress: None,
            secrets: None,
        }
    }
}
