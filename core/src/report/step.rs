//! The steps of a plan.

use std::{fmt, ops::Deref};

use serde::{Deserialize, Serialize};

use crate::{
    ids::{ExpectedKey, KeyId, KubernetesVersion, VaultId},
    report::{KmsChange, KmsConfiguration, Purpose},
};

/// One step of a plan: *ensure that something holds*. Performing it twice does no harm.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "bindings", derive(schemars::JsonSchema))]
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
        let digits = self.len().to_string().len();
        for (index, step) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{:>digits$}. {step}", index + 1)?;
        }
        Ok(())
    }
}

/// What a step ensures.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum StepKind {
    /// The operation is recorded in the cluster, and this run holds the cluster's Lease.
    RecordOperation,
    /// There is the cluster, with this KMS profile from the start.
    CreateCluster {
        /// The profile.
        target: KmsChange,
    },
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
    /// The cluster is set to the key that its API servers were found to write with, and its
    /// provisioning state is Succeeded.
    Settle,
    /// Every API server writes with this key.
    WaitForKey {
        /// The key.
        expected: ExpectedKey,
    },
    /// AKS has taken up this version of the customer-managed key, and every API server writes with it.
    WaitForKeyVersion {
        /// The version; without one: the one that the operation makes.
        key_id: KeyId,
    },
    /// Every API server writes with the key, every secret in scope is under it, and that is proven.
    ReencryptSecrets {
        /// The key. `None`: whichever the API servers are found to write with, since after a change that
        /// did not succeed the cluster's configuration does not tell.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expected: Option<ExpectedKey>,
        /// What for.
        purpose: Purpose,
        /// Only these namespaces.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        namespaces: Option<Vec<String>>,
    },
    /// Every secret is compared with the proof that is recorded.
    VerifySecrets,
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
                | Self::WaitForKey { .. }
                | Self::WaitForKeyVersion { .. }
                | Self::VerifySecrets
        )
    }

    /// Whether it asks Azure to change the managed cluster.
    pub(crate) fn changes_cluster(&self) -> bool {
        matches!(
            self,
            Self::CreateCluster { .. }
                | Self::SetKms { .. }
                | Self::Settle
                | Self::UpgradeControlPlane { .. }
                | Self::UpgradeNodePools { .. }
        )
    }

    fn summary(&self) -> String {
        match self {
            Self::RecordOperation => "Record the operation in the cluster".to_owned(),
            Self::CreateCluster { target } => {
                format!("Create the cluster with {}", new_kms(target))
            }
            Self::CreateKeyVersion { key_id } => format!("Make a new version of key {key_id}"),
            Self::RecordKey => "Record the keys and the proof in the cluster".to_owned(),
            Self::SetKms {
                target: KmsChange::On(KmsConfiguration { key_id, network_mode, .. }),
            } => {
                format!("Set the cluster's KMS key to {key_id} ({network_mode} access)")
            }
            Self::SetKms {
                target: KmsChange::CustomerManaged(KmsConfiguration { key_id, network_mode, .. }),
            } => {
                format!(
                    "Set the cluster's data encryption to customer-managed key {key_id} ({network_mode} access)"
                )
            }
            Self::SetKms { target: KmsChange::PlatformManaged } => {
                "Set the cluster's data encryption to a platform-managed key".to_owned()
            }
            Self::SetKms { target: KmsChange::Off } => "Turn the cluster's KMS off".to_owned(),
            Self::Settle => "Set the cluster to the key that its API servers write with".to_owned(),
            Self::WaitForKey { expected: ExpectedKey::Plaintext } => {
                "Wait until every API server writes without encryption".to_owned()
            }
            Self::WaitForKey { expected } => {
                format!("Wait until every API server writes with {expected}")
            }
            Self::WaitForKeyVersion { key_id } if key_id.version().is_none() => {
                format!(
                    "Wait until AKS has taken up the new version of {key_id}, which takes up to six hours"
                )
            }
            Self::WaitForKeyVersion { key_id } => {
                format!("Wait until AKS has taken up {key_id}, which takes up to six hours")
            }
            Self::ReencryptSecrets { expected, namespaces: Some(namespaces), .. } => format!(
                "Rewrite the secrets of {} {}, and prove it",
                namespaces.join(", "),
                under_key(expected.as_ref())
            ),
            Self::ReencryptSecrets { expected, purpose: Purpose::Gate, .. } => format!(
                "Prove that every secret is {}, and rewrite those that are not",
                under_key(expected.as_ref())
            ),
            Self::ReencryptSecrets { expected: Some(ExpectedKey::Plaintext), .. } => {
                "Rewrite every secret to plaintext, and prove it".to_owned()
            }
            Self::ReencryptSecrets { expected, .. } => {
                format!("Rewrite every secret {}, and prove it", under_key(expected.as_ref()))
            }
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
            Self::VerifySecrets => "Prove that no secret is under another key".to_owned(),
        }
    }
}

fn new_kms(target: &KmsChange) -> String {
    match target {
        KmsChange::On(KmsConfiguration { key_id, network_mode, .. }) => {
            format!("KMS key {key_id} ({network_mode} access)")
        }
        KmsChange::CustomerManaged(KmsConfiguration { key_id, network_mode, .. }) => {
            format!("KMS data encryption and customer-managed key {key_id} ({network_mode} access)")
        }
        KmsChange::PlatformManaged => "KMS data encryption and a platform-managed key".to_owned(),
        KmsChange::Off => "KMS off".to_owned(),
    }
}

fn under_key(key: Option<&ExpectedKey>) -> String {
    match key {
        Some(key @ (ExpectedKey::Key(_) | ExpectedKey::Platform)) => format!("under {key}"),
        Some(ExpectedKey::AnyVersion(key_id)) => format!("under the version in use of {key_id}"),
        Some(ExpectedKey::Plaintext) => "in plaintext".to_owned(),
        None => "under the key that the API servers write with".to_owned(),
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
