//! What can happen to a cluster, and sequences of it.
//!
//! `{:?}` of a sequence can be pasted into [`crate::regressions`].

use proptest::prelude::{Just, Strategy, any, prop_oneof};

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
}

/// One thing that happens.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// A verb, to its end, on a machine of its own.
    Call(Verb),
    /// A verb that is dropped after some milliseconds: to the cluster the same as a kill.
    Cut(Verb, u64),
    /// A verb, and something that others do some milliseconds after it began.
    During(Verb, u64, Deed),
    /// Two machines: the second verb begins some milliseconds after the first.
    Both(Verb, u64, Verb),
    /// Others do something, and nothing of ours runs.
    Do(Deed),
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
pub(crate) enum Deed {
    /// `az aks update --azure-keyvault-kms-key-id`, unless that alone would lose a secret.
    SetKey(usize),
    /// `az aks update --disable-azure-keyvault-kms`, unless that alone would lose a secret.
    TurnOff,
    /// A tool that writes the cluster without its KMS profile, unless that alone would lose one.
    DropProfile,
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
    /// etcd forgets its history.
    Compact,
    /// Every API server restarts.
    Restart,
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

/// Longer than any verb takes.
const LONGEST: u64 = 2_500;

/// Sequences of any length up to this.
pub(crate) fn sequences(longest: usize) -> impl Strategy<Value = Sequence> {
    let start = (
        prop_oneof![Just(Wiring::OneProvider), Just(Wiring::TwoProviders)],
        prop_oneof![
            3 => Just(Kms::Off),
            4 => Just(Kms::Public),
            2 => Just(Kms::Private),
            1 => Just(Kms::V1),
        ],
        prop_oneof![
            8 => Just(Denied::Nowhere),
            1 => Just(Denied::Kept),
            1 => Just(Denied::GivenUp),
        ],
    )
        .prop_map(|(wiring, kms, denied)| Start { wiring, kms, denied });
    (start, proptest::collection::vec(step(), 1..=longest))
        .prop_map(|(start, steps)| Sequence { start, steps })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => verb().prop_map(Step::Call),
        8 => (verb(), 1..LONGEST).prop_map(|(verb, after)| Step::Cut(verb, after)),
        3 => (verb(), 1..LONGEST, harmless())
            .prop_map(|(verb, after, deed)| Step::During(verb, after, deed)),
        1 => (verb(), 1..LONGEST, verb())
            .prop_map(|(verb, after, other)| Step::Both(verb, after, other)),
        5 => deed().prop_map(Step::Do),
        4 => fault().prop_map(Step::Fail),
        3 => Just(Step::Heal),
    ]
}

fn key() -> impl Strategy<Value = usize> {
    prop_oneof![3 => 1..=3_usize, 1 => 4..=5_usize]
}

fn verb() -> impl Strategy<Value = Verb> {
    prop_oneof![
        3 => key().prop_map(Verb::Enable),
        1 => key().prop_map(Verb::EnablePrivate),
        6 => key().prop_map(Verb::Rotate),
        3 => key().prop_map(Verb::RotateOnly),
        1 => Just(Verb::RotateToNewVersion),
        3 => Just(Verb::Disable),
        2 => Just(Verb::DisableOnly),
        2 => Just(Verb::ReencryptSecrets),
        1 => Just(Verb::ReencryptNamespace),
        2 => Just(Verb::GoPrivate),
        2 => Just(Verb::GoPublic),
        2 => Just(Verb::MigrateToV2),
        1 => Just(Verb::VerifySecrets),
        4 => Just(Verb::Resume),
        2 => Just(Verb::Abandon),
        1 => key().prop_map(Verb::TryRotate),
    ]
}

/// Deeds that can do no harm, whatever goes on.
fn harmless() -> impl Strategy<Value = Deed> {
    prop_oneof![
        2 => Just(Deed::Tag),
        3 => (0..20_usize).prop_map(Deed::Write),
        2 => (0..20_usize).prop_map(Deed::Delete),
        1 => Just(Deed::LoseRecord),
        1 => Just(Deed::SaveRecord),
        1 => Just(Deed::Compact),
        2 => Just(Deed::Restart),
    ]
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        4 => key().prop_map(Deed::SetKey),
        1 => Just(Deed::TurnOff),
        1 => Just(Deed::DropProfile),
        1 => Just(Deed::RestoreRecord),
        4 => harmless(),
    ]
}

fn fault() -> impl Strategy<Value = Fault> {
    let operation = (
        0..3_usize,
        prop_oneof![Just(Ended::Failed), Just(Ended::Canceled), Just(Ended::Succeeded)],
        prop_oneof![Just(After::Nothing), Just(After::Encryption), Just(After::ControlPlane)],
        proptest::option::of(1..=2_usize),
    )
        .prop_map(|(skip, ended, after, applied_to)| Fault::Operation {
            skip,
            ended,
            after,
            applied_to,
        });
    let lag = prop_oneof![Just(Lag::WritesOld), Just(Lag::Behind), Just(Lag::KmsDown)];
    prop_oneof![
        4 => operation,
        2 => (1..=2_usize, lag, 10..300_u32)
            .prop_map(|(server, kind, seconds)| Fault::ApiServer { server, kind, seconds }),
        1 => (10..120_u32).prop_map(|seconds| Fault::KmsOutage { seconds }),
        3 => azure(),
        3 => kubernetes(),
        1 => Just(Fault::BrokenStreams),
        1 => Just(Fault::NoStreams),
    ]
}

fn azure() -> impl Strategy<Value = Fault> {
    let method = prop_oneof![Just(Method::Any), Just(Method::Get), Just(Method::Put)];
    let on = prop_oneof![
        4 => Just(Azure::Clusters),
        2 => Just(Azure::Operations),
        2 => Just(Azure::Vaults),
        1 => Just(Azure::Keys),
        1 => Just(Azure::Credentials),
    ];
    let status =
        prop_oneof![Just(0), Just(429), Just(500), Just(502), Just(503), Just(504), Just(412)];
    (method, on, status, 0..6_usize, 1..6_usize, any::<bool>()).prop_map(
        |(method, on, status, after, times, takes_effect)| Fault::Azure {
            method,
            on,
            status,
            after,
            times,
            takes_effect,
        },
    )
}

fn kubernetes() -> impl Strategy<Value = Fault> {
    let method =
        prop_oneof![Just(Method::Any), Just(Method::Get), Just(Method::Patch), Just(Method::Post)];
    let on = prop_oneof![
        2 => Just(Kubernetes::Everything),
        4 => Just(Kubernetes::Secrets),
        1 => Just(Kubernetes::Canary),
        2 => Just(Kubernetes::Metrics),
        2 => Just(Kubernetes::Record),
        1 => Just(Kubernetes::Leases),
        1 => Just(Kubernetes::Namespaces),
        1 => Just(Kubernetes::Reviews),
    ];
    let status = prop_oneof![Just(0), Just(429), Just(500), Just(503), Just(504)];
    (method, on, status, 0..12_usize, 1..20_usize, any::<bool>()).prop_map(
        |(method, on, status, after, times, takes_effect)| Fault::Kubernetes {
            method,
            on,
            status,
            after,
            times,
            takes_effect,
        },
    )
}
