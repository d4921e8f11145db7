//! What is known of a managed cluster.

use std::str::FromStr;

use crate::{
    error::{Error, ErrorKind, Result},
    ids::{ClusterId, ExpectedKey, KeyId, KubernetesVersion, NetworkMode, VaultId},
    report::{Experience, KmsChange, KmsConfiguration},
};

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
    /// `networkProfile.loadBalancerSku` is basic.
    pub(crate) basic_load_balancer: bool,
    /// `identity.tenantId`: only system-assigned identities have it here.
    pub(crate) tenant_id: Option<String>,
    /// `identity.principalId`: the same.
    pub(crate) system_principal_id: Option<String>,
    /// `aadProfile` is present: the Kubernetes API takes Entra tokens.
    pub(crate) entra: bool,
}

impl ClusterFacts {
    /// A cluster that is yet to be made, as far as it is decided: at rest, without KMS.
    pub(crate) fn planned(
        id: ClusterId,
        location: String,
        identities: Vec<UserAssignedIdentity>,
    ) -> Self {
        Self {
            id,
            location,
            kubernetes_version: KubernetesVersion::OF_NEW_CLUSTERS,
            provisioning_state: "Succeeded".to_owned(),
            power_state: "Running".to_owned(),
            identity_kind: IdentityKind::UserAssigned,
            identities,
            kms: None,
            infrastructure_encryption: false,
            vnet_integration: false,
            private_cluster: false,
            hosts: Vec::new(),
            node_resource_group: String::new(),
            resource_uid: None,
            etag: None,
            node_pools: Vec::new(),
            basic_load_balancer: false,
            tenant_id: None,
            system_principal_id: None,
            entra: false,
        }
    }

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

    /// Who looks after the key. Either sign of the newer experience counts: its own profile, and a key
    /// that is named without a version. `None`: secrets are not encrypted with KMS.
    pub(crate) fn experience(&self) -> Option<Experience> {
        match self.kms_on() {
            Some(profile) if self.infrastructure_encryption || profile.has_any_version() => {
                Some(Experience::CustomerManaged)
            }
            Some(_) => Some(Experience::KeyVault),
            None => self.infrastructure_encryption.then_some(Experience::PlatformManaged),
        }
    }

    /// Whether the newer experience is on, which cannot be turned off.
    pub(crate) fn has_data_encryption(&self) -> bool {
        !matches!(self.experience(), None | Some(Experience::KeyVault))
    }

    /// What the cluster is configured with.
    ///
    /// # Errors
    /// [`ErrorKind::Unexpected`] when its key, or in private mode its vault, cannot be named.
    pub(crate) fn configured(&self) -> Result<KmsChange> {
        let Some(profile) = self.kms_on() else {
            let is_platform = self.infrastructure_encryption;
            return Ok(if is_platform { KmsChange::PlatformManaged } else { KmsChange::Off });
        };
        let key_vault_id = match &profile.vault {
            // Nobody goes by it, and Azure keeps whatever was there before.
            Some(Configured::Other(_)) if profile.network_mode == Some(NetworkMode::Public) => None,
            Some(Configured::Other(text)) => return Err(self.unnamed("vault", text)),
            Some(Configured::Id(id)) => Some(id.clone()),
            None => None,
        };
        let configuration = KmsConfiguration {
            key_id: self.configured_key(profile)?,
            network_mode: profile.network_mode.unwrap_or_default(),
            key_vault_id,
        };
        Ok(if self.has_data_encryption() {
            KmsChange::CustomerManaged(configuration)
        } else {
            KmsChange::On(configuration)
        })
    }

    /// What the API servers write with as the cluster is configured.
    ///
    /// # Errors
    /// [`ErrorKind::Unexpected`] when its key cannot be named.
    pub(crate) fn expected(&self) -> Result<ExpectedKey> {
        let key = |profile| self.configured_key(profile);
        match (self.experience(), self.kms_on()) {
            (Some(Experience::CustomerManaged), Some(profile)) => {
                Ok(ExpectedKey::AnyVersion(key(profile)?.without_version()))
            }
            (_, Some(profile)) => key(profile).map(ExpectedKey::Key),
            (Some(_), None) => Ok(ExpectedKey::Platform),
            (None, None) => Ok(ExpectedKey::Plaintext),
        }
    }

    fn configured_key(&self, profile: &KmsProfile) -> Result<KeyId> {
        let text = profile.key.as_ref().map_or("", Configured::as_str);
        profile.key_id().cloned().ok_or_else(|| self.unnamed("key", text))
    }

    fn unnamed(&self, what: &str, text: &str) -> Error {
        let message = format!(
            "cluster {} is configured with {what} {text:?}, which cannot be read; name one that can with `az aks \
             update`, then run this again",
            self.id
        );
        Error::new(ErrorKind::Unexpected, message)
    }

    /// Whether the cluster has this profile.
    pub(crate) fn has(&self, profile: &KmsChange) -> bool {
        match profile {
            KmsChange::Off => self.experience().is_none(),
            KmsChange::PlatformManaged => self.experience() == Some(Experience::PlatformManaged),
            KmsChange::On(target) => {
                self.experience() == Some(Experience::KeyVault)
                    && self.kms_on().is_some_and(|profile| profile.is(target))
            }
            KmsChange::CustomerManaged(target) => {
                self.kms_on().is_some_and(|profile| profile.is_customer_managed(target))
            }
        }
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

/// An id in the cluster's document.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Configured<T> {
    Id(T),
    /// It cannot be read as one.
    Other(String),
}

impl<T> Configured<T> {
    fn id(&self) -> Option<&T> {
        match self {
            Self::Id(id) => Some(id),
            Self::Other(_) => None,
        }
    }
}

impl<T: AsRef<str>> Configured<T> {
    /// Character by character.
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Id(id) => id.as_ref(),
            Self::Other(text) => text,
        }
    }
}

impl<T: FromStr> From<String> for Configured<T> {
    fn from(text: String) -> Self {
        text.parse().map_or(Self::Other(text), Self::Id)
    }
}

/// `securityProfile.azureKeyVaultKms`, in any of the shapes that tools leave behind.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct KmsProfile {
    pub(crate) enabled: bool,
    pub(crate) key: Option<Configured<KeyId>>,
    pub(crate) network_mode: Option<NetworkMode>,
    pub(crate) vault: Option<Configured<VaultId>>,
}

impl KmsProfile {
    /// KMS off, and nothing remembered.
    pub(crate) const OFF: Self =
        Self { enabled: false, key: None, network_mode: None, vault: None };

    /// `None`: there is none, or it cannot be read.
    pub(crate) fn key_id(&self) -> Option<&KeyId> {
        self.key.as_ref()?.id()
    }

    /// `None`: there is none, or it cannot be read.
    pub(crate) fn key_vault_id(&self) -> Option<&VaultId> {
        self.vault.as_ref()?.id()
    }

    /// Whether its key is named without a version, which AKS takes for the newer experience.
    pub(crate) fn has_any_version(&self) -> bool {
        self.key_id().is_some_and(|key_id| key_id.version().is_none())
    }

    /// Whether this is the customer-managed target: same key without a version, same mode, and no
    /// other vault.
    pub(crate) fn is_customer_managed(&self, target: &KmsConfiguration) -> bool {
        self.enabled
            && self.key_id() == Some(&target.key_id)
            && self.network_mode == Some(target.network_mode)
            && (self.key_vault_id().is_none()
                || self.key_vault_id() == target.key_vault_id.as_ref())
    }

    /// Whether this is the target: same key, same mode, and in private mode the same vault.
    pub(crate) fn is(&self, target: &KmsConfiguration) -> bool {
        self.enabled
            && self.key_id() == Some(&target.key_id)
            && self.network_mode == Some(target.network_mode)
            && (target.network_mode == NetworkMode::Public
                || self.key_vault_id() == target.key_vault_id.as_ref())
    }
}

/// A node pool.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct NodePoolFacts {
    pub(crate) name: String,
    pub(crate) provisioning_state: String,
    /// `currentOrchestratorVersion`, or `orchestratorVersion` where that is absent.
    pub(crate) kubernetes_version: Option<KubernetesVersion>,
    /// `type` is `AvailabilitySet`.
    pub(crate) availability_set: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::testing::{KEY_1, VAULT, World, kms_on};

    /// A cluster whose profile names something else than a vault.
    fn with_vault(mode: Option<NetworkMode>, vault: &str) -> ClusterFacts {
        let mut cluster = World::rotate().observed.cluster;
        let profile = KmsProfile {
            network_mode: mode,
            vault: Some(Configured::from(vault.to_owned())),
            ..kms_on(KEY_1, NetworkMode::Public)
        };
        cluster.kms = Some(profile);
        cluster
    }

    #[test]
    fn only_where_the_vault_is_needed_it_has_to_be_named() {
        let public = with_vault(Some(NetworkMode::Public), "nonsense").configured().unwrap();
        let public = public.on().unwrap();
        assert_eq!((public.network_mode, &public.key_vault_id), (NetworkMode::Public, &None));
        let named = with_vault(Some(NetworkMode::Private), VAULT).configured().unwrap();
        assert_eq!(named.on().unwrap().key_vault_id, VaultId::parse(VAULT).ok());
        for mode in [Some(NetworkMode::Private), None] {
            let error = with_vault(mode, "nonsense").configured().unwrap_err().to_string();
            assert!(error.contains("vault \"nonsense\""), "{error}");
            assert!(error.contains("az aks update"), "a way out: {error}");
        }
    }

    #[test]
    fn either_sign_is_the_newer_experience() {
        let key_id = KeyId::parse(KEY_1).unwrap();
        let versionless = key_id.without_version();
        let profile = |key_id: &KeyId, enabled| KmsProfile {
            enabled,
            ..kms_on(key_id.as_str(), NetworkMode::Public)
        };
        let any = ExpectedKey::AnyVersion(versionless.clone());
        let customer = Some(Experience::CustomerManaged);
        let cases = [
            (None, false, None, ExpectedKey::Plaintext),
            (None, true, Some(Experience::PlatformManaged), ExpectedKey::Platform),
            (
                Some(profile(&versionless, false)),
                true,
                Some(Experience::PlatformManaged),
                ExpectedKey::Platform,
            ),
            (
                Some(profile(&key_id, true)),
                false,
                Some(Experience::KeyVault),
                ExpectedKey::Key(key_id.clone()),
            ),
            (Some(profile(&versionless, true)), true, customer, any.clone()),
            (Some(profile(&versionless, true)), false, customer, any.clone()),
            (Some(profile(&key_id, true)), true, customer, any),
        ];
        for (kms, infrastructure_encryption, experience, expected) in cases {
            let cluster =
                ClusterFacts { kms, infrastructure_encryption, ..World::rotate().observed.cluster };
            assert_eq!(cluster.experience(), experience, "{cluster:?}");
            assert_eq!(cluster.expected().unwrap(), expected, "{cluster:?}");
            let configured = cluster.configured().unwrap();
            assert_eq!(configured.expected(), expected, "{cluster:?}");
            let target = match configured {
                KmsChange::CustomerManaged(now) => KmsChange::CustomerManaged(KmsConfiguration {
                    key_id: versionless.clone(),
                    ..now
                }),
                other => other,
            };
            // A customer-managed key with a version is not what is ever asked for.
            let named = cluster.kms_on().and_then(KmsProfile::key_id);
            let is_asked_for = experience != customer || named == Some(&versionless);
            assert_eq!(cluster.has(&target), is_asked_for, "{cluster:?}");
        }
    }
}
