//! What can happen to a cluster, and sequences of it.
//!
//! `{:?}` of a sequence can be pasted into [`crate::regressions`].

/// A cluster, and what happens to it, one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Sequence {
    pub(crate) start: Start,
    pub(crate) steps: Vec<Step>,
}

/// What a cluster is at first. Its secrets are as it writes them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start {
    pub(crate) wiring: Wiring,
    pub(crate) kms: Kms,
    pub(crate) denied: Denied,
}

/// A secret that a policy denies every patch of, so that it cannot be rewritten.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Denied {
    /// There is none.
    Nowhere,
    /// There is one, and nobody names it: it must never be lost.
    Kept,
    /// There is one, and every call gives it up by its name.
    GivenUp,
}

/// How AKS gives an API server two keys.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wiring {
    OneProvider,
    TwoProviders,
}

/// KMS at the start: off, or on with the first key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kms {
    Off,
    Public,
    Private,
    /// On Kubernetes 1.25.
    V1,
    /// Data encryption with a key of the platform's.
    Platform,
    /// Data encryption with a customer-managed key, whose newest version is the third.
    Customer,
}

impl Kms {
    /// Whether it is on with the first key.
    pub(crate) fn is_first_key(self) -> bool {
        matches!(self, Self::Public | Self::Private | Self::V1)
    }
}

/// One thing that happens.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// A verb, to its end, on a machine of its own.
    Call(Verb),
    /// A verb that is dropped after some milliseconds: to the cluster the same as a kill.
    Cut(Verb, u64),
    /// A verb that is dropped as soon as Azure has accepted its change of this number, from 1: killed
    /// between the request and its answer.
    CutAtPut(Verb, usize),
    /// A verb, and something that others do some milliseconds after it began.
    During(Verb, u64, ExternalAction),
    /// A verb, and two things that others do meanwhile, the second some milliseconds after the first.
    DuringTwo(Verb, u64, ExternalAction, u64, ExternalAction),
    /// A verb that waits when it comes to its phase of this number, from 0, until others have done
    /// something: nothing comes between two of its requests but that.
    AtPhase(Verb, usize, ExternalAction),
    /// Two machines: the second verb begins some milliseconds after the first.
    Both(Verb, u64, Verb),
    /// Others do something, and nothing of ours runs.
    Do(ExternalAction),
    /// From now on something goes wrong, until it is used up, over, or healed.
    Fail(Fault),
    /// Nothing goes wrong any more.
    Heal,
}

/// A call of the library. Keys count from 1: three in the first vault, then two in the other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verb {
    Enable(usize),
    EnablePrivate(usize),
    Rotate(usize),
    /// Without rewriting afterwards.
    RotateOnly(usize),
    RotateToNewVersion,
    /// The same, without waiting until AKS takes the version up.
    RotateWithoutWait,
    /// Data encryption with a key of the platform's.
    ToPlatform,
    /// Data encryption with the key of the first vault, or of the other one.
    ToCustomer {
        other: bool,
    },
    Disable,
    /// Without rewriting afterwards.
    DisableOnly,
    ReencryptSecrets,
    ReencryptNamespace,
    GoPrivate,
    GoPublic,
    MigrateToV2,
    VerifySecrets,
    Resume,
    Abandon,
    /// A rotation, as a dry run.
    TryRotate(usize),
}

/// What others do.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ExternalAction {
    /// `az aks update --azure-keyvault-kms-key-id`, unless that alone would lose a secret.
    SetKey(usize),
    /// `az aks update --disable-azure-keyvault-kms`, unless that alone would lose a secret.
    TurnOff,
    /// A tool that writes the cluster without its KMS profile, unless that alone would lose one.
    DropProfile,
    /// A change as above that does not succeed; API server 1 or 2 may have it all the same, unless
    /// that alone would lose a secret.
    FailToSet { change: Change, ended: Ended, applied_to: Option<usize> },
    /// Another key is set, a secret is perhaps written, and the previous key is set again; each
    /// unless that alone would lose a secret.
    ThereAndBack(usize, Option<usize>),
    /// A tag changes, and with it the eTag.
    Tag,
    /// `kubectl create secret`, or `kubectl patch secret`.
    Write(usize),
    /// `kubectl delete secret`.
    Delete(usize),
    /// `kubectl delete configmap aks-kms`.
    LoseRecord,
    /// The record is backed up.
    SaveRecord,
    /// The record comes back from the backup.
    RestoreRecord,
    /// The record says something that was never so.
    ForgeRecord(Forgery),
    /// A namespace with a secret is finalized away: the secret stays in etcd.
    Orphan,
    /// `kubectl delete secret` of every secret that is left like that.
    DeleteOrphans,
    /// A run that died leaves the library's canary behind.
    LeaveCanary,
    /// A secret of somebody's has the canary's name.
    TakeCanarysName,
    /// The identity Lease of this number, from 0, is deleted.
    RemoveLease(usize),
    /// A Lease as an API server has one, with a holder that never was; renewed for an hour or not.
    ForgeLease { renewed: bool },
    /// etcd forgets its history.
    Compact,
    /// Every API server restarts.
    Restart,
    /// `az keyvault key rotate`, of the key of the first vault.
    NewVersion,
    /// AKS looks for a version of the customer-managed key to take up.
    TakeUp,
    /// The platform takes another key of its own.
    RotatePlatformKey,
    /// The version of this number is disabled, unless something may need it.
    DisableVersion(usize),
    /// A tool sends the cluster as it knows it, without the profile of data encryption; with KMS off or as it is.
    ForgetDataEncryption { disabled: bool },
}

/// A change of the KMS profile.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Change {
    To(usize),
    ToOff,
    ToNoProfile,
}

/// What a forged record says.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Forgery {
    /// That the key in use is proven, that this one was before it, and all others are long retired.
    ProofWithKeyBefore(usize),
    /// That a rotation to this key goes on.
    RotationTo(usize),
    /// That the cluster is being changed from this key to the one that it is set to.
    ChangeFrom(usize),
    /// That a run has closed the vault of this key.
    ClosedVaultOf(usize),
    /// Nothing that can be read.
    Garbage,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// An operation on the cluster, after some that end well.
    Operation { skip: usize, ended: Ended, after: After, applied_to: Option<usize> },
    /// An API server, for some seconds of the cluster's time.
    ApiServer { server: usize, kind: Lag, seconds: u32 },
    /// The KMS plugin of every API server, for some seconds of the cluster's time.
    KmsOutage { seconds: u32 },
    /// Requests to Azure. Status 0: the connection is dropped.
    Azure { method: Method, on: Azure, status: u16, after: usize, times: usize, takes_effect: bool },
    /// Requests to the API servers. Status 0: the connection is dropped.
    Kubernetes {
        method: Method,
        on: Kubernetes,
        status: u16,
        after: usize,
        times: usize,
        takes_effect: bool,
    },
    /// The caller's credential is no longer valid: so many requests are answered 401, to Azure or to
    /// the API servers.
    Expired { kubernetes: bool, after: usize, times: usize },
    /// For some seconds of the cluster's time there is an API server too many, which has the
    /// configuration of before the last change; on the host of the first one or on its own.
    Visitor { same_host: bool, seconds: u32 },
    /// The streaming lists of each namespace break off, once.
    BrokenStreams,
    /// There are no streaming lists.
    NoStreams,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ended {
    Failed,
    Canceled,
    /// Although only some API servers have the new configuration.
    Succeeded,
}

/// What a failed operation did.
#[derive(Clone, Copy, Debug)]
pub(crate) enum After {
    Nothing,
    Encryption,
    ControlPlane,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Lag {
    WritesOld,
    Behind,
    KmsDown,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Method {
    Any,
    Get,
    Put,
    Patch,
    Post,
}

/// Parts of Azure.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Azure {
    Clusters,
    Operations,
    Vaults,
    Keys,
    Credentials,
}

/// Parts of the Kubernetes API.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kubernetes {
    Everything,
    Secrets,
    Canary,
    Metrics,
    Record,
    Leases,
    Namespaces,
    Reviews,
}

impl Verb {
    /// Whether it changes nothing.
    pub(crate) fn only_reads(self) -> bool {
        matches!(self, Self::VerifySecrets | Self::TryRotate(_))
    }

    /// The key that it sets.
    pub(crate) fn key(self) -> Option<usize> {
        match self {
            Self::Enable(key)
            | Self::EnablePrivate(key)
            | Self::Rotate(key)
            | Self::RotateOnly(key) => Some(key),
            _ => None,
        }
    }
}
