//! Sequences that did not come out safe once, as short as they could be made, and some that are
//! worth running each time.

use std::sync::Arc;

use futures::{StreamExt, stream};

#[allow(unused_imports, reason = "a row may need any of them")]
use crate::sequence::{After::*, Change::*, Ended::*, Fault::*, Forgery::*};
use crate::{
    region::Region,
    run::run,
    sequence::{
        Denied::*,
        ExternalAction::*,
        Kms::*,
        Sequence, Start,
        Step::{self, *},
        Verb::*,
        Wiring::*,
    },
};

struct Regression {
    name: &'static str,
    start: Start,
    steps: &'static [Step],
}

const REGRESSIONS: &[Regression] = &[
    Regression {
        name: "a rotation that skips the rewrite, is cut off again and again, and loses its record",
        start: Start { wiring: OneProvider, kms: Public, denied: Nowhere },
        steps: &[
            Call(RotateOnly(2)),
            Cut(Rotate(3), 700),
            Do(LoseRecord),
            Cut(Rotate(3), 1_400),
            Do(Tag),
            Call(Disable),
        ],
    },
    Regression {
        name: "a key from before KMS was off is kept until the next rotation",
        start: Start { wiring: OneProvider, kms: Public, denied: Nowhere },
        steps: &[Call(Rotate(2)), Call(DisableOnly), Call(Enable(1))],
    },
    Regression {
        name: "a vault that a key from before KMS was off is read from over the public way",
        start: Start { wiring: OneProvider, kms: Public, denied: Nowhere },
        steps: &[Call(DisableOnly), Call(EnablePrivate(3)), Call(GoPrivate)],
    },
    Regression {
        name: "a vault that a key from before anything was recorded is read from over the public way",
        start: Start { wiring: OneProvider, kms: Public, denied: Nowhere },
        steps: &[Do(DropProfile), Call(EnablePrivate(2)), Call(GoPrivate)],
    },
    Regression {
        name: "a vault that a key of others, from while KMS was off, is read from over the public way",
        start: Start { wiring: TwoProviders, kms: Off, denied: Nowhere },
        steps: &[
            Call(EnablePrivate(1)),
            Call(Disable),
            Do(SetKey(3)),
            Do(TurnOff),
            Call(EnablePrivate(2)),
            Call(GoPrivate),
        ],
    },
    Regression {
        name: "a vault that a key of a change that failed is read from over the public way",
        start: Start { wiring: TwoProviders, kms: Public, denied: Nowhere },
        steps: &[
            Call(Rotate(1)),
            Do(DropProfile),
            Do(FailToSet { change: To(2), ended: Failed, applied_to: Some(2) }),
            Call(GoPrivate),
        ],
    },
    Regression {
        name: "a way to private mode that a change of others crosses, which fails",
        start: Start { wiring: TwoProviders, kms: Public, denied: Nowhere },
        steps: &[
            AtPhase(GoPrivate, 2, FailToSet { change: To(2), ended: Failed, applied_to: Some(2) }),
            Call(GoPrivate),
        ],
    },
    Regression {
        name: "KMS v1, a change that reached one API server, and nothing recorded of before it",
        start: Start { wiring: OneProvider, kms: V1, denied: Nowhere },
        steps: &[
            Do(FailToSet { change: To(2), ended: Canceled, applied_to: Some(2) }),
            Call(MigrateToV2),
        ],
    },
    Regression {
        name: "a failed change that a record of the key before does not prove",
        start: Start { wiring: OneProvider, kms: Public, denied: Nowhere },
        steps: &[
            Call(Rotate(5)),
            Fail(Operation { skip: 0, ended: Failed, after: ControlPlane, applied_to: Some(1) }),
            Call(Disable),
            Call(VerifySecrets),
        ],
    },
    Regression {
        name: "a key there and back while the vault is closed",
        start: Start { wiring: TwoProviders, kms: Public, denied: Nowhere },
        steps: &[During(GoPrivate, 2_000, ThereAndBack(2, Some(8)))],
    },
    Regression {
        name: "a private cluster, whose profile a change that failed has dropped",
        start: Start { wiring: OneProvider, kms: Private, denied: Nowhere },
        steps: &[Call(Enable(3)), Do(FailToSet { change: ToOff, ended: Failed, applied_to: None })],
    },
    Regression {
        name: "a way to public mode, cut off, whose public key others fail to set",
        start: Start { wiring: OneProvider, kms: Private, denied: Nowhere },
        steps: &[
            CutAtPut(GoPublic, 2),
            Call(VerifySecrets),
            Do(FailToSet { change: To(1), ended: Failed, applied_to: None }),
        ],
    },
    Regression {
        name: "a way to private mode whose private key comes to nothing",
        start: Start { wiring: OneProvider, kms: Off, denied: Nowhere },
        steps: &[
            Do(SetKey(3)),
            CutAtPut(GoPrivate, 1),
            Fail(Operation { skip: 0, ended: Canceled, after: Encryption, applied_to: None }),
            AtPhase(GoPrivate, 8, DeleteOrphans),
        ],
    },
    Regression {
        name: "a key of others, set and turned off again in the middle of a way to private mode",
        start: Start { wiring: TwoProviders, kms: Public, denied: Nowhere },
        steps: &[During(GoPrivate, 606, SetKey(2)), Do(DropProfile)],
    },
    Regression {
        name: "the same, and then a change of others that fails",
        start: Start { wiring: TwoProviders, kms: Public, denied: Nowhere },
        steps: &[
            During(GoPrivate, 606, SetKey(2)),
            Do(DropProfile),
            Do(FailToSet { change: ToOff, ended: Failed, applied_to: None }),
        ],
    },
    Regression {
        name: "a key of others, of which nothing is recorded, and a way off and on that is cut off",
        start: Start { wiring: OneProvider, kms: Private, denied: Nowhere },
        steps: &[
            Call(Rotate(3)),
            Do(SetKey(2)),
            Do(FailToSet { change: To(2), ended: Failed, applied_to: None }),
            CutAtPut(GoPublic, 2),
        ],
    },
    Regression {
        name: "a key that others fail to set, and a way off and on that is cut off",
        start: Start { wiring: TwoProviders, kms: Private, denied: Nowhere },
        steps: &[
            Call(Rotate(3)),
            Do(FailToSet { change: To(2), ended: Failed, applied_to: Some(1) }),
            CutAtPut(GoPublic, 2),
        ],
    },
    Regression {
        name: "KMS v1, a key of others, and a change back to the recorded key that fails",
        start: Start { wiring: OneProvider, kms: V1, denied: Nowhere },
        steps: &[
            Call(Rotate(2)),
            Do(SetKey(4)),
            Do(FailToSet { change: To(2), ended: Failed, applied_to: None }),
            Call(MigrateToV2),
        ],
    },
    Regression {
        name: "the same in the middle of a migration",
        start: Start { wiring: OneProvider, kms: V1, denied: Nowhere },
        steps: &[DuringTwo(
            MigrateToV2,
            902,
            SetKey(4),
            726,
            FailToSet { change: To(1), ended: Failed, applied_to: None },
        )],
    },
    Regression {
        name: "a way off a customer-managed key that fails, the same key again, and a new version",
        start: Start { wiring: TwoProviders, kms: Customer, denied: Nowhere },
        steps: &[
            Do(FailToSet { change: ToOff, ended: Failed, applied_to: None }),
            During(GoPrivate, 2_000, Tag),
            Call(ToCustomer { other: false }),
            Call(RotateToNewVersion),
        ],
    },
];

/// Sequences at the same time.
const AT_ONCE: usize = 8;

pub(crate) async fn all_hold() {
    let region = Arc::new(Region::start().await);
    stream::iter(REGRESSIONS)
        .for_each_concurrent(AT_ONCE, |regression| {
            let region = Arc::clone(&region);
            // A task of its own: some steps block their task.
            let running = tokio::spawn(async move {
                let Regression { name, start, steps } = regression;
                let sequence = Sequence { start: *start, steps: steps.to_vec() };
                if let Err(violation) = run(&region, &sequence).await {
                    panic!("{name}: {violation:?}");
                }
            });
            async { running.await.unwrap() }
        })
        .await;
}
