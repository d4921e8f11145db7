//! The steps of a plan.

use std::{fmt, ops::Deref};

use serde::{Deserialize, Serialize};

use crate::{
    error::{Error, ErrorKind, Result},
    model::{
        ClusterFacts, ExpectedKey, KeyId, KmsConfiguration, KubernetesVersion, NetworkMode,
        Purpose, VaultId,
    },
};

/// One step of a plan: *ensure that something holds*. Performing it twice does no harm.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Step {
    /// What it ensures.
    #[serde(flatten)]
    pub kind: StepKind,
    /// One readable line.
    pub summary: String,
}

/// The steps of a plan, in order. Prints as a numbered list, one step a line.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Steps(Vec<Step>);

impl From<Vec<Step>> for Steps {
    fn from(steps: Vec<Step>) -> Self {
        Self(steps)
    }
}

impl Deref for Steps {
    type Target = [Step];

    fn deref(&self) -> &[Step] {
        &self.0
    }
}

impl IntoIterator for Steps {
    type Item = Step;
    type IntoIter = std::vec::IntoIter<Step>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Steps {
    type Item = &'a Step;
    type IntoIter = std::slice::Iter<'a, Step>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl fmt::Display for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{}. {step}", index + 1)?;
        }
        Ok(())
    }
}

/// What a step ensures.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum StepKind {
    /// The operation is recorded in the cluster, and this run holds the cluster's Lease.
    RecordOperation,
    /// The key has a version that was made for this operation.
    CreateKeyVersion {
        /// The key, without a version.
        key_id: KeyId,
    },
    /// The cluster's KMS profile is this, and its provisioning state is Succeeded.
    SetKms {
        /// The profile.
        target: KmsChange,
    },
    /// It is known what every API server writes with: after a change that did not succeed, the
    /// cluster's configuration does not tell.
    FindKeyInUse {
        /// What for.
        purpose: Purpose,
    },
    /// The cluster is set to the key that its API servers were found to write with, and its
    /// provisioning state is Succeeded.
    Settle,
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
    /// The control plane is at this Kubernetes version, or a later one.
    UpgradeControlPlane {
        /// Without a patch: the lowest that AKS offers then.
        version: KubernetesVersion,
    },
    /// Every node pool is at the control plane's version.
    UpgradeNodePools {
        /// The control plane's version; without a patch as far as known.
        version: KubernetesVersion,
    },
    /// The vault's public network access is enabled, or disabled.
    SetVaultPublicAccess {
        /// The vault.
        key_vault_id: VaultId,
        /// Whether it is enabled.
        enabled: bool,
    },
    /// The cluster's keys and their proof are recorded, and the operation no longer is.
    RecordKey,
}

/// A KMS profile to set.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum KmsChange {
    /// KMS on with this key.
    On {
        /// The key; without a version: the one that the operation makes.
        key_id: KeyId,
        /// How its vault is reached.
        network_mode: NetworkMode,
        /// Its vault, in private mode.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key_vault_id: Option<VaultId>,
    },
    /// KMS off.
    Off,
}

impl KmsChange {
    /// The profile that the target asks for.
    pub(crate) fn on(target: &KmsConfiguration) -> Self {
        // AKS takes a vault's resource id in private mode only.
        let private = target.network_mode == NetworkMode::Private;
        Self::On {
            key_id: target.key_id.clone(),
            network_mode: target.network_mode,
            key_vault_id: target.key_vault_id.clone().filter(|_| private),
        }
    }

    /// The profile that a cluster has.
    ///
    /// # Errors
    /// [`ErrorKind::Unexpected`] when its key, or in private mode its vault, cannot be named.
    pub(crate) fn of(cluster: &ClusterFacts) -> Result<Self> {
        let Some(profile) = cluster.kms_on() else { return Ok(Self::Off) };
        let unnamed = |what: &str, why: &Error| {
            Error::new(
                ErrorKind::Unexpected,
                format!(
                    "the {what} that cluster {} is configured with cannot be named: {why}",
                    cluster.id
                ),
            )
        };
        let key_id = KeyId::parse(profile.key_id.as_deref().unwrap_or_default())
            .map_err(|error| unnamed("key", &error))?;
        let key_vault_id = profile
            .key_vault_id
            .as_deref()
            .filter(|id| !id.is_empty())
            .map(|id| VaultId::parse(id).map_err(|error| unnamed("vault", &error)))
            .transpose()?;
        let network_mode = profile.network_mode.unwrap_or_default();
        Ok(Self::On { key_id, network_mode, key_vault_id })
    }

    /// Whether a cluster has this profile.
    pub(crate) fn is_of(&self, cluster: &ClusterFacts) -> bool {
        let on = cluster.kms_on();
        match self.clone() {
            Self::Off => on.is_none(),
            Self::On { key_id, network_mode, key_vault_id } => {
                let target = KmsConfiguration { key_id, network_mode, key_vault_id };
                on.is_some_and(|profile| profile.is(&target))
            }
        }
    }

    /// The profile with this version of its key, where it names none.
    pub(crate) fn with_version(&self, made: &KeyId) -> Self {
        match self {
            Self::On { key_id, network_mode, key_vault_id } if key_id.version().is_none() => {
                let (key_id, network_mode) = (made.clone(), *network_mode);
                Self::On { key_id, network_mode, key_vault_id: key_vault_id.clone() }
            }
            _ => self.clone(),
        }
    }

    /// Whether it turns KMS on.
    pub(crate) fn is_on(&self) -> bool {
        matches!(self, Self::On { .. })
    }

    /// What API servers write with once this profile is set.
    pub(crate) fn expected(&self) -> ExpectedKey {
        match self {
            Self::On { key_id, .. } => ExpectedKey::Key(key_id.clone()),
            Self::Off => ExpectedKey::Plaintext,
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
    /// Whether it changes the cluster, its vault or its secrets, where that is needed.
    pub(crate) fn changes_something(&self) -> bool {
        !matches!(
            self,
            Self::RecordOperation
                | Self::RecordKey
                | Self::FindKeyInUse { .. }
                | Self::WaitForKey { .. }
                | Self::VerifySecrets { .. }
        )
    }

    /// Whether it asks Azure to change the managed cluster.
    pub(crate) fn changes_cluster(&self) -> bool {
        matches!(
            self,
            Self::SetKms { .. }
                | Self::Settle
                | Self::UpgradeControlPlane { .. }
                | Self::UpgradeNodePools { .. }
        )
    }

    fn summary(&self) -> String {
        match self {
            Self::RecordOperation => "Record the operation in the cluster".to_owned(),
            Self::CreateKeyVersion { key_id } => format!("Make a new version of key {key_id}"),
            Self::RecordKey => "Record the keys and the proof in the cluster".to_owned(),
            Self::SetKms { target: KmsChange::On { key_id, network_mode, .. } } => {
                format!("Set the cluster's KMS key to {key_id} ({network_mode} access)")
            }
            Self::SetKms { target: KmsChange::Off } => "Turn the cluster's KMS off".to_owned(),
            Self::FindKeyInUse { .. } => {
                "Find the key that every API server writes with".to_owned()
            }
            Self::Settle => "Set the cluster to the key that its API servers write with".to_owned(),
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
            Self::UpgradeControlPlane { version } => {
                format!("Upgrade the control plane to Kubernetes {version}")
            }
            Self::UpgradeNodePools { version } => {
                format!("Upgrade the node pools to Kubernetes {version}")
            }
            Self::SetVaultPublicAccess { key_vault_id, enabled: true } => {
                format!("Open vault {} to public network access", key_vault_id.name())
            }
            Self::SetVaultPublicAccess { key_vault_id, enabled: false } => {
                format!("Close vault {} to public network access", key_vault_id.name())
            }
            Self::VerifySecrets { .. } => "Prove that no secret is under another key".to_owned(),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.summary)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_prints_as_a_numbered_list_and_serialises_as_a_plain_one() {
        let steps = vec![
            Step::new(StepKind::RecordOperation),
            Step::new(StepKind::SetKms { target: KmsChange::Off }),
            Step::new(StepKind::RecordKey),
        ];
        let plan = Steps::from(steps.clone());
        insta::assert_snapshot!(plan, @"
        1. Record the operation in the cluster
        2. Turn the cluster's KMS off
        3. Record the keys and the proof in the cluster
        ");
        assert_eq!(serde_json::to_value(&plan).unwrap(), serde_json::to_value(&steps).unwrap());
        assert_eq!(Steps::default().to_string(), "");
    }
}
