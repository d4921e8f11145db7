//! What is known of a managed cluster.

use crate::model::{ClusterId, KeyId, KmsConfiguration, KubernetesVersion, NetworkMode, VaultId};

/// A managed cluster as Azure Resource Manager describes it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct ClusterFacts {
    pub(crate) id: ClusterId,
    pub(crate) location: String,
    /// `currentKubernetesVersion`, or `kubernetesVersion` where that is absent.
    pub(crate) kubernetes_version: KubernetesVersion,
    pub(crate) provisioning_state: String,
    /// `powerState.code`.
    pub(crate) power_state: String,
    pub(crate) identity_kind: IdentityKind,
    pub(crate) identities: Vec<UserAssignedIdentity>,
    /// Absent: the cluster never had a KMS profile.
    pub(crate) kms: Option<KmsProfile>,
    /// `kubernetesResourceObjectEncryptionProfile.infrastructureEncryption` is Enabled.
    pub(crate) infrastructure_encryption: bool,
    pub(crate) vnet_integration: bool,
    pub(crate) private_cluster: bool,
    /// `fqdn`, `privateFQDN` and `azurePortalFQDN`.
    pub(crate) hosts: Vec<String>,
    pub(crate) node_resource_group: String,
    pub(crate) resource_uid: Option<String>,
    pub(crate) etag: Option<String>,
    pub(crate) node_pools: Vec<NodePoolFacts>,
    /// `identity.tenantId`: only system-assigned identities have it here.
    pub(crate) tenant_id: Option<String>,
    /// `aadProfile` is present: the Kubernetes API takes Entra tokens.
    pub(crate) entra: bool,
}

impl ClusterFacts {
    pub(crate) fn is_succeeded(&self) -> bool {
        self.provisioning_state.eq_ignore_ascii_case("Succeeded")
    }

    /// What is busy with an operation, in words: the cluster itself, or one of its node pools.
    pub(crate) fn busy(&self) -> Option<String> {
        if !is_terminal_state(&self.provisioning_state) {
            return Some(format!("cluster {} is {}", self.id, self.provisioning_state));
        }
        let pool =
            self.node_pools.iter().find(|pool| !is_terminal_state(&pool.provisioning_state))?;
        Some(format!("node pool {} of {} is {}", pool.name, self.id, pool.provisioning_state))
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.power_state.eq_ignore_ascii_case("Stopped")
    }

    /// Whether secrets are encrypted with a key in a vault now.
    pub(crate) fn kms_on(&self) -> Option<&KmsProfile> {
        self.kms.as_ref().filter(|profile| profile.enabled)
    }
}

/// Whether a provisioning state says that nothing is going on. Azure calls a cancelled operation
/// Canceled.
pub(crate) fn is_terminal_state(provisioning_state: &str) -> bool {
    ["Succeeded", "Failed", "Canceled"]
        .iter()
        .any(|state| provisioning_state.eq_ignore_ascii_case(state))
}

/// `identity.type`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum IdentityKind {
    UserAssigned,
    SystemAssigned,
    /// No managed identity: a service principal.
    None,
    Other(String),
}

/// An entry of `identity.userAssignedIdentities`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct UserAssignedIdentity {
    pub(crate) resource_id: String,
    pub(crate) principal_id: Option<String>,
}

/// `securityProfile.azureKeyVaultKms`, in any of the shapes that tools leave behind.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct KmsProfile {
    pub(crate) enabled: bool,
    /// As configured, character by character.
    pub(crate) key_id: Option<String>,
    pub(crate) network_mode: Option<NetworkMode>,
    pub(crate) key_vault_id: Option<String>,
}

impl KmsProfile {
    /// Whether this is the target: same key, same mode, and in private mode the same vault.
    pub(crate) fn is(&self, target: &KmsConfiguration) -> bool {
        let key = self.key_id.as_deref().and_then(|key_id| KeyId::parse(key_id).ok());
        let vault = self.key_vault_id.as_deref().and_then(|id| VaultId::parse(id).ok());
        self.enabled
            && key.as_ref() == Some(&target.key_id)
            && self.network_mode == Some(target.network_mode)
            && (target.network_mode == NetworkMode::Public || vault == target.key_vault_id)
    }
}

/// A node pool.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct NodePoolFacts {
    pub(crate) name: String,
    pub(crate) provisioning_state: String,
    /// `currentOrchestratorVersion`, or `orchestratorVersion` where that is absent.
    pub(crate) kubernetes_version: Option<KubernetesVersion>,
}
