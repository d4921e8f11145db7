//! What a run does to the world, and what can come of it.

use super::closing;
use crate::{
    facts::ClusterFacts,
    ids::{ExpectedKey, KeyId, KubernetesVersion, VaultId},
    ledger::Certainty,
    report::{KmsChange, Purpose, StepOutcome},
};

/// What to do next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Effect {
    /// Read the cluster; `wait` while it is busy.
    ReadCluster { wait: bool },
    /// Record the operation and take the Lease.
    BeginRecord,
    /// Make a version of the key that is this operation's, unless there is one.
    CreateKeyVersion { key_id: KeyId, target: Option<KmsChange> },
    /// Record what the cluster is about to be set to, what the operation ends with as far as that is
    /// known, and the profile that it `turns_off` to turn it on again.
    Intend {
        target: KmsChange,
        ends_with: Option<Box<KmsChange>>,
        turns_off: Option<Box<KmsChange>>,
    },
    /// Set the cluster's KMS profile, for the eTag that was seen last.
    PutKms { target: KmsChange },
    /// Upgrade Kubernetes, for the eTag that was seen last.
    PutVersions(Upgrade),
    /// Record that the cluster is set.
    RecordSettled { key: ExpectedKey, etag: Option<String>, certainty: Certainty },
    /// Look whether the target's vault can be reached in its public mode.
    ReadPublicAccess { target: KmsChange },
    /// Report the recorded proof in the place of the gate.
    TakeProof { expected: ExpectedKey },
    /// Wait until every API server writes with the key.
    Converge { purpose: Purpose, expected: ExpectedKey },
    /// Wait until AKS has taken up this version of a customer-managed key.
    AwaitVersion { expected: ExpectedKey },
    /// Record that this version of the customer-managed key is in use.
    RecordVersion { version: KeyId },
    /// Find which of these the API servers write with.
    FindKeyInUse { purpose: Purpose, candidates: Vec<ExpectedKey> },
    /// Rewrite every secret under the key in use.
    Rewrite,
    /// Prove that no secret is under another key.
    Verify,
    /// Report the pass, and keep its proof if the cluster is `unchanged`. `weak`: it is told that it
    /// proves nothing.
    Conclude { unchanged: bool, weak: bool },
    /// Enable the vault's public network access.
    OpenVault(VaultId),
    /// Read the vault and how the cluster reaches it.
    ReadVault(VaultId),
    /// Record that the operation closes the vault.
    RecordClosing(VaultId),
    /// Disable the vault's public network access.
    CloseVault(VaultId),
    /// Wait a moment for the approval of the private endpoint connection.
    AwaitConnection(VaultId),
    /// Look whether KMS stays healthy.
    CheckKms,
    /// Record the keys and their proof; the operation is over.
    FinishRecord,
    /// The step holds already, or is not needed.
    Pass(StepOutcome),
    /// Observe and plan again.
    Replan(Replan),
    /// The run ends with an error.
    Stop(Stop),
    /// Every step holds.
    Finish,
}

/// An upgrade of Kubernetes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Upgrade {
    /// The control plane, to this version or the next on the way to it.
    ControlPlane(KubernetesVersion),
    /// The node pools, to the control plane's version.
    NodePools(KubernetesVersion),
}

/// Why a plan has to be made again.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Replan {
    /// Somebody else changed the cluster.
    Changed,
    /// Somebody else recorded an operation.
    Recorded,
    /// The API server is back, and its record with it.
    ApiServerBack,
    /// The cluster was set back to this key: what the API servers write with is to be heard again.
    SetBack(ExpectedKey),
}

/// Why a run ends with an error.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Stop {
    /// An effect failed.
    Failed,
    /// The change would take a key away that the API servers write with.
    MayLose { configured: Option<ExpectedKey> },
    /// How the vault of this key is reached is not known.
    UnknownAccess(ExpectedKey),
    /// The metrics of KMS v1 name no keys, and nothing is recorded of before a change that failed.
    Unnamed,
    /// Secrets could not be rewritten: `namespace/name`.
    Incomplete { purpose: Purpose, left: Vec<String> },
    /// Which key is in use is not proven.
    Unproven,
    /// The API servers write with two keys.
    TwoKeys(Vec<ExpectedKey>),
    /// The cluster does not use the vault privately. `reopen`: the operation has closed it.
    NotInPrivateUse { vault: VaultId, reopen: bool },
    /// No approved connection leads to the closed vault.
    NotConnected { vault: VaultId, reopen: bool },
    /// With the vault closed, KMS is unhealthy, or that cannot be told.
    Unhealthy { vault: VaultId, reopen: bool },
}

/// What came of an effect.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// It came about.
    Done,
    /// It had come about before.
    AlreadyDone,
    /// Nothing is recorded in this cluster.
    Skipped,
    Cluster(Box<ClusterFacts>),
    Recorded(Recorded),
    /// The operation's version of the key.
    Made {
        key_id: KeyId,
        is_new: bool,
    },
    /// The cluster is set, and this is its eTag now. Where that was not seen at once, it may be the
    /// eTag of others who set another key and this one again.
    Set {
        etag: Option<String>,
        seen_at_once: bool,
    },
    /// What the API servers write with.
    Heard(Vec<ExpectedKey>),
    Verified(Verdict),
    Vault(closing::Look),
    Failed(Failure),
}

/// How the recording of an operation ended, where it did not come about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Recorded {
    /// Somebody wrote the record since it was observed.
    Changed,
    /// The record could not be read when the run began.
    NotRead,
}

/// How an effect failed, as far as it matters to what is done next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Failure {
    /// Azure refused the key's permissions, which a new role assignment explains.
    KeyPermission,
    /// It is not known whether the request came through.
    NoOutcome,
    /// The cluster has another eTag, or nobody saw which one it got.
    EtagMismatch,
    /// The API servers cannot write, or not with what is awaited.
    KmsUnavailable,
    /// What the API servers write with is nothing that was looked for, or has no name.
    Unproven,
    Other,
}

/// What a pass came to.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Verdict {
    /// What the secrets are under.
    pub(crate) keys: Vec<ExpectedKey>,
    /// Nothing kept the pass from its end.
    pub(crate) ended: bool,
    /// Which key is in use could not be seen.
    pub(crate) weak: bool,
    /// Blocked secrets that were not given up: `namespace/name`.
    pub(crate) left: Vec<String>,
    /// Every secret of the cluster is proven to be under one of the keys, or was given up.
    pub(crate) within: bool,
}

impl Effect {
    /// Whether something besides the record is written, or is about to be.
    pub(crate) fn writes(&self) -> bool {
        matches!(
            self,
            Self::CreateKeyVersion { .. }
                | Self::Intend { .. }
                | Self::PutKms { .. }
                | Self::PutVersions(_)
                | Self::Rewrite
                | Self::OpenVault(_)
                | Self::RecordClosing(_)
                | Self::CloseVault(_)
        )
    }
}

impl Stop {
    /// Whether the vault is opened again that the operation has closed.
    #[cfg(test)]
    pub(crate) fn reopens(&self) -> bool {
        match self {
            Self::NotInPrivateUse { reopen, .. }
            | Self::NotConnected { reopen, .. }
            | Self::Unhealthy { reopen, .. } => *reopen,
            _ => false,
        }
    }
}
