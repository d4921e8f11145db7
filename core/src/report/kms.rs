//! The KMS configuration of a cluster, as it is asked for and as it is set.

use serde::{Deserialize, Serialize};

use crate::ids::{ExpectedKey, KeyId, NetworkMode, VaultId};

/// A key, and how the API servers reach its vault.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct KmsConfiguration {
    /// The key; without a version: the one that the operation makes, or, of a customer-managed key, the one
    /// that AKS has taken up.
    pub key_id: KeyId,
    /// How its vault is reached.
    pub network_mode: NetworkMode,
    /// Its vault. Always there in private mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_vault_id: Option<VaultId>,
}

/// A KMS profile to set.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum KmsChange {
    /// KMS on with this key.
    On(KmsConfiguration),
    /// KMS data encryption with this customer-managed key, whose id has no version.
    CustomerManaged(KmsConfiguration),
    /// KMS data encryption with a key of the platform's.
    PlatformManaged,
    /// KMS off.
    Off,
}

impl KmsConfiguration {
    /// The change that sets it.
    pub(crate) fn set(&self) -> KmsChange {
        // AKS takes a vault's resource id in private mode only.
        let private = self.network_mode == NetworkMode::Private;
        let key_vault_id = self.key_vault_id.clone().filter(|_| private);
        KmsChange::On(Self { key_vault_id, ..self.clone() })
    }
}

impl KmsChange {
    /// The profile with this version of its key, where it names none.
    pub(crate) fn with_version(&self, made: &KeyId) -> Self {
        match self {
            Self::On(target) if target.key_id.version().is_none() => {
                Self::On(KmsConfiguration { key_id: made.clone(), ..target.clone() })
            }
            _ => self.clone(),
        }
    }

    /// The same as it is sent: AKS takes the vault of a key with a version in private mode only.
    pub(crate) fn as_sent(&self) -> Self {
        match self {
            Self::On(target) => target.set(),
            Self::CustomerManaged(_) | Self::PlatformManaged | Self::Off => self.clone(),
        }
    }

    /// Whether its key has a version: it need not be made any more.
    pub(crate) fn is_made(&self) -> bool {
        !matches!(self, Self::On(target) if target.key_id.version().is_none())
    }

    /// The key in a vault that is on afterwards.
    pub(crate) fn on(&self) -> Option<&KmsConfiguration> {
        match self {
            Self::On(target) | Self::CustomerManaged(target) => Some(target),
            Self::PlatformManaged | Self::Off => None,
        }
    }

    /// Whether secrets are encrypted afterwards.
    pub(crate) fn is_on(&self) -> bool {
        *self != Self::Off
    }

    /// Whether it is of the newer experience, which cannot be turned off.
    pub(crate) fn is_data_encryption(&self) -> bool {
        matches!(self, Self::CustomerManaged(_) | Self::PlatformManaged)
    }

    /// What API servers write with once this profile is set.
    pub(crate) fn expected(&self) -> ExpectedKey {
        match self {
            Self::On(target) => ExpectedKey::Key(target.key_id.clone()),
            Self::CustomerManaged(target) => {
                ExpectedKey::AnyVersion(target.key_id.without_version())
            }
            Self::PlatformManaged => ExpectedKey::Platform,
            Self::Off => ExpectedKey::Plaintext,
        }
    }
}
