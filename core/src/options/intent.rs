//! What a verb that writes is asked for.

use serde::{Deserialize, Serialize};

use crate::{
    ids::{KeyId, KubernetesVersion, NetworkMode, NodePools, VaultAccess, VaultId, Verb},
    report::{KmsChange, KmsConfiguration},
};

/// What a verb that writes is asked for: recorded in the cluster, so that another machine can go
/// on with exactly that. How fast it goes is not part of it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "verb", content = "options", rename_all = "snake_case")]
pub(crate) enum Intent {
    Enable(Enable),
    Rotate(Rotate),
    Disable(Disable),
    ChangeNetworkMode(ChangeNetworkMode),
    MigrateToV2(MigrateToV2),
    SetDataEncryption(SetDataEncryption),
    ReencryptSecrets(ReencryptSecrets),
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Enable {
    pub(crate) target: KmsConfiguration,
    /// Secrets are rewritten afterwards.
    pub(crate) reencrypt: bool,
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Rotate {
    /// `None`: a new version of the key in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key_id: Option<KeyId>,
    /// `None`: as now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) network_mode: Option<NetworkMode>,
    /// `None`: as now, if the key is in that vault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key_vault_id: Option<VaultId>,
    pub(crate) reencrypt: bool,
    /// The operation has made the version that `key_id` names.
    #[serde(skip)]
    pub(crate) made: bool,
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Disable {
    pub(crate) reencrypt: bool,
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct ChangeNetworkMode {
    pub(crate) network_mode: NetworkMode,
    pub(crate) vault_access: VaultAccess,
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct MigrateToV2 {
    /// `None`: the first that has KMS v2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) kubernetes_version: Option<KubernetesVersion>,
    pub(crate) node_pools: NodePools,
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct SetDataEncryption {
    /// Of the newer experience.
    pub(crate) target: KmsChange,
    /// Secrets are rewritten afterwards.
    pub(crate) reencrypt: bool,
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct ReencryptSecrets {
    /// `None`: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) namespaces: Option<Vec<String>>,
}

impl Intent {
    /// Whether a vault may be closed in the end.
    pub(crate) fn may_close_vault(&self) -> bool {
        matches!(self, Self::ChangeNetworkMode(asked)
            if asked.network_mode == NetworkMode::Private && asked.vault_access != VaultAccess::Keep)
    }

    /// Whether it turns KMS off on its way, and on again.
    pub(crate) fn turns_off_and_on(&self) -> bool {
        matches!(self, Self::ChangeNetworkMode(_) | Self::MigrateToV2(_))
    }

    pub(crate) fn verb(&self) -> Verb {
        match self {
            Self::Enable(_) => Verb::Enable,
            Self::Rotate(_) => Verb::Rotate,
            Self::Disable(_) => Verb::Disable,
            Self::ChangeNetworkMode(_) => Verb::ChangeNetworkMode,
            Self::MigrateToV2(_) => Verb::MigrateToV2,
            Self::SetDataEncryption(_) => Verb::SetDataEncryption,
            Self::ReencryptSecrets(_) => Verb::ReencryptSecrets,
        }
    }

    /// Only these namespaces.
    pub(crate) fn namespaces(&self) -> Option<&[String]> {
        match self {
            Self::ReencryptSecrets(asked) => asked.namespaces.as_deref(),
            _ => None,
        }
    }
}
