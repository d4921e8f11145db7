//! Which sequences are made, and how often what is in them.

use proptest::prelude::{Just, Strategy, any, prop_oneof};

use crate::sequence::{
    After, Azure, Change, Denied, Ended, ExternalAction, Fault, Forgery, Kms, Kubernetes, Lag,
    Method, Sequence, Start, Step, Verb, Wiring,
};

/// Longer than any verb takes.
const LONGEST: u64 = 2_500;
/// More than the phases that most verbs have.
const PHASES: usize = 12;

/// Sequences of any length up to this.
pub(crate) fn sequences(longest: usize) -> impl Strategy<Value = Sequence> {
    let start = (
        prop_oneof![Just(Wiring::OneProvider), Just(Wiring::TwoProviders)],
        prop_oneof![
            3 => Just(Kms::Off),
            4 => Just(Kms::Public),
            2 => Just(Kms::Private),
            1 => Just(Kms::V1),
            2 => Just(Kms::Platform),
            3 => Just(Kms::Customer),
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
        3 => (verb(), 1..=2_usize).prop_map(|(verb, put)| Step::CutAtPut(verb, put)),
        4 => (verb(), 1..LONGEST, action())
            .prop_map(|(verb, after, action)| Step::During(verb, after, action)),
        2 => (verb(), 1..LONGEST, action(), 0..LONGEST / 2, action()).prop_map(
            |(verb, after, action, later, other)| Step::DuringTwo(verb, after, action, later, other)
        ),
        5 => (verb(), 0..PHASES, action())
            .prop_map(|(verb, phase, action)| Step::AtPhase(verb, phase, action)),
        1 => (verb(), 1..LONGEST, verb())
            .prop_map(|(verb, after, other)| Step::Both(verb, after, other)),
        6 => action().prop_map(Step::Do),
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
        2 => Just(Verb::RotateToNewVersion),
        2 => Just(Verb::RotateWithoutWait),
        3 => Just(Verb::ToPlatform),
        3 => prop_oneof![3 => Just(false), 1 => Just(true)]
            .prop_map(|other| Verb::ToCustomer { other }),
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

/// External actions that can do no harm, whatever goes on.
fn harmless() -> impl Strategy<Value = ExternalAction> {
    prop_oneof![
        2 => Just(ExternalAction::Tag),
        3 => (0..20_usize).prop_map(ExternalAction::Write),
        2 => (0..20_usize).prop_map(ExternalAction::Delete),
        1 => Just(ExternalAction::LoseRecord),
        1 => Just(ExternalAction::SaveRecord),
        1 => Just(ExternalAction::Compact),
        2 => Just(ExternalAction::Restart),
    ]
}

fn action() -> impl Strategy<Value = ExternalAction> {
    prop_oneof![
        4 => key().prop_map(ExternalAction::SetKey),
        1 => Just(ExternalAction::TurnOff),
        1 => Just(ExternalAction::DropProfile),
        3 => failing(),
        3 => (key(), proptest::option::of(0..20_usize))
            .prop_map(|(key, write)| ExternalAction::ThereAndBack(key, write)),
        1 => Just(ExternalAction::RestoreRecord),
        2 => forgery().prop_map(ExternalAction::ForgeRecord),
        1 => Just(ExternalAction::Orphan),
        1 => Just(ExternalAction::DeleteOrphans),
        1 => Just(ExternalAction::LeaveCanary),
        1 => Just(ExternalAction::TakeCanarysName),
        1 => (0..2_usize).prop_map(ExternalAction::RemoveLease),
        1 => any::<bool>().prop_map(|renewed| ExternalAction::ForgeLease { renewed }),
        5 => harmless(),
        5 => of_data_encryption(),
    ]
}

fn of_data_encryption() -> impl Strategy<Value = ExternalAction> {
    prop_oneof![
        2 => Just(ExternalAction::NewVersion),
        3 => Just(ExternalAction::TakeUp),
        2 => Just(ExternalAction::RotatePlatformKey),
        1 => (1..=3_usize).prop_map(ExternalAction::DisableVersion),
        2 => any::<bool>().prop_map(|disabled| ExternalAction::ForgetDataEncryption { disabled }),
    ]
}

fn failing() -> impl Strategy<Value = ExternalAction> {
    let change = prop_oneof![
        4 => key().prop_map(Change::To),
        1 => Just(Change::ToOff),
        1 => Just(Change::ToNoProfile),
    ];
    let ended = prop_oneof![Just(Ended::Failed), Just(Ended::Canceled)];
    (change, ended, proptest::option::of(1..=2_usize)).prop_map(|(change, ended, applied_to)| {
        ExternalAction::FailToSet { change, ended, applied_to }
    })
}

fn forgery() -> impl Strategy<Value = Forgery> {
    prop_oneof![
        3 => key().prop_map(Forgery::ProofWithKeyBefore),
        2 => key().prop_map(Forgery::RotationTo),
        2 => key().prop_map(Forgery::ChangeFrom),
        1 => key().prop_map(Forgery::ClosedVaultOf),
        1 => Just(Forgery::Garbage),
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
        1 => (any::<bool>(), 0..30_usize, 1..40_usize)
            .prop_map(|(kubernetes, after, times)| Fault::Expired { kubernetes, after, times }),
        2 => (any::<bool>(), 20..200_u32)
            .prop_map(|(same_host, seconds)| Fault::Visitor { same_host, seconds }),
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
