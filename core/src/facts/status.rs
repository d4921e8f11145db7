//! What a cluster's document tells of its KMS.

use super::{ClusterFacts, IdentityKind};
use crate::{
    ids::KubernetesVersion,
    report::{ClusterSummary, Finding, KmsStatus, KmsVersion},
};

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
        let is_v1 = self.kubernetes_version < KubernetesVersion::KMS_V2;
        let version = if is_v1 { KmsVersion::V1 } else { KmsVersion::V2 };
        KmsStatus {
            cluster: self.id.clone(),
            location: self.location.clone(),
            kubernetes_version: self.kubernetes_version,
            provisioning_state: self.provisioning_state.clone(),
            power_state: self.power_state.clone(),
            enabled: on.is_some(),
            key_id: on.and_then(|profile| profile.key_id().cloned()),
            network_mode: on.and_then(|profile| profile.network_mode),
            key_vault_id: on.and_then(|profile| profile.key_vault_id().cloned()),
            kms_version: on.map(|_| version),
            experience: self.experience(),
            key_versions_seen: None,
            key_created_at: None,
            key_expires_at: None,
            vnet_integration: self.vnet_integration,
            identity_type: identity_type.to_owned(),
            etag: self.etag.clone(),
            findings,
            ledger: None,
            operation_in_progress: None,
            secrets: None,
        }
    }

    /// The row of the cluster in a list.
    pub(crate) fn summary(&self) -> ClusterSummary {
        let status = self.status(Vec::new());
        ClusterSummary {
            name: status.cluster.name().to_owned(),
            resource_group: status.cluster.resource_group().to_owned(),
            id: status.cluster,
            location: status.location,
            kubernetes_version: status.kubernetes_version,
            provisioning_state: status.provisioning_state,
            enabled: status.enabled,
            key_id: status.key_id,
            network_mode: status.network_mode,
            kms_version: status.kms_version,
            experience: status.experience,
        }
    }
}
