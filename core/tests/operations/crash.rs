//! A process is killed at every step boundary and at random moments within steps; another one
//! resumes. In the end the cluster is as if nobody had been killed.

use std::time::Duration;

use aks_kms::{ReencryptSecretsOptions, ResumeOptions, RuleId, StatusOptions};
use futures::{StreamExt, stream};
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::json;

use crate::common::{
    subprocess::Subprocess,
    world::{WIRINGS, World, is_all_proven},
};

/// Random moments for each wiring and verb.
const MOMENTS: usize = 10;
/// Worlds at the same time.
const AT_ONCE: usize = 6;
/// More phases than any verb has.
const PHASES: usize = 30;

/// What a verb makes of a cluster whose secrets are under the first key.
#[derive(Clone, Copy, Debug)]
enum Verb {
    Enable,
    Rotate,
    RotateToNewVersion,
    Disable,
    /// From nothing.
    TurnOnDataEncryption,
    ToPlatform,
    ToCustomer,
}

const VERBS: [Verb; 7] = [
    Verb::Enable,
    Verb::Rotate,
    Verb::RotateToNewVersion,
    Verb::Disable,
    Verb::TurnOnDataEncryption,
    Verb::ToPlatform,
    Verb::ToCustomer,
];

impl Verb {
    fn start(self, world: &World) -> Subprocess {
        match self {
            Self::Enable => world.subprocess("enable", Some(2)),
            Self::Rotate => world.subprocess("rotate", Some(2)),
            Self::RotateToNewVersion => world.subprocess("rotate", None),
            Self::Disable => world.subprocess("disable", None),
            Self::TurnOnDataEncryption | Self::ToPlatform => {
                world.subprocess("set_data_encryption", None)
            }
            Self::ToCustomer => world.subprocess("set_data_encryption", Some(5)),
        }
    }

    /// What cannot be undone is allowed again; and where nobody saw the change to a key of the platform's, which
    /// has no name, it is taken for that key.
    fn resumption() -> ResumeOptions {
        let allow = vec![RuleId::DataEncryptionIrreversible, RuleId::KeyInUseUnproven];
        ResumeOptions { allow, ..ResumeOptions::default() }
    }

    fn is_to_platform(self) -> bool {
        matches!(self, Self::TurnOnDataEncryption | Self::ToPlatform)
    }

    async fn world(self, wiring: &str) -> World {
        let world =
            World::embedded(wiring, json!({"secrets": {"namespaces": 3, "each": 20}})).await;
        if !matches!(self, Self::Enable | Self::TurnOnDataEncryption) {
            world.enable(1).await.unwrap();
        }
        world
    }

    /// As if nobody had been killed: resumed, and everything is where it belongs.
    async fn ends_right(self, world: &World, what: &str) {
        world.nothing_is_lost().await;
        let status = world.manager().status(StatusOptions::default()).await.unwrap();
        let begun = status.operation_in_progress.is_some();
        let manager = world.manager();
        let report = manager
            .resume(Self::resumption())
            .await
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(begun, !report.plan.is_empty(), "{what}: {report:#?}");
        let over = report.after.operation_in_progress.is_none();
        let is_proven = if self.is_to_platform() && !report.is_proven() {
            let proof = manager.reencrypt_secrets(ReencryptSecretsOptions::default()).await;
            is_all_proven(&proof.unwrap_or_else(|error| panic!("{what}: {error}")))
        } else {
            is_all_proven(&report)
        };
        assert!(over && (!begun || is_proven), "{what}: {report:#?}");
        // Each time it is called anew, a rotation without a key makes another version.
        let has_rotated = matches!(self, Self::RotateToNewVersion)
            && world.configured().as_deref() != Some(world.key(1));
        if !begun && !has_rotated {
            // killed before it was recorded, or after its end
            let outcome = self.start(world).end_unled().await;
            assert_eq!(outcome.code, None, "{what}: {}", outcome.message);
        }
        let ledger = world.ledger().await;
        assert!(ledger.pending.is_none(), "{what}: {ledger:#?}");
        match self {
            Self::Enable | Self::Rotate => world.all_under(2).await,
            Self::RotateToNewVersion => world.all_under_key(&world.configured().unwrap()).await,
            Self::Disable => world.all_plaintext().await,
            Self::TurnOnDataEncryption | Self::ToPlatform => world.all_under_platform().await,
            Self::ToCustomer => world.all_under(5).await,
        }
        let first = world.entry(&ledger, 1);
        if matches!(self, Self::TurnOnDataEncryption | Self::ToPlatform | Self::ToCustomer) {
            return;
        }
        let kept = matches!(self, Self::Enable) || first.is_some_and(|entry| !entry.removable);
        assert!(kept, "{what}: the API servers still read with the first key: {ledger:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_every_step_boundary_and_resumed_by_another_process() {
    let worlds = VERBS.iter().flat_map(|verb| WIRINGS.iter().map(move |wiring| (*verb, *wiring)));
    let kills: usize = stream::iter(worlds)
        .map(|(verb, wiring)| async move {
            for boundary in 0..PHASES {
                let world = verb.world(wiring).await;
                let mut subprocess = verb.start(&world);
                if subprocess.lead_past(boundary).await.is_some() {
                    return boundary;
                }
                subprocess.kill().await;
                verb.ends_right(&world, &format!("{verb:?}, {wiring}, boundary {boundary}")).await;
            }
            panic!("{verb:?} has no end");
        })
        .buffer_unordered(AT_ONCE)
        .fold(0, async |sum, kills| sum + kills)
        .await;
    println!("killed at {kills} step boundaries");
    assert!(kills >= 60, "{kills}");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_random_moments_and_resumed_by_another_process() {
    let seed: [u8; 32] = std::array::from_fn(|_| uuid::Uuid::new_v4().as_bytes()[0]);
    println!("seed {seed:?}");
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let mut moments = Vec::new();
    for verb in VERBS {
        for wiring in WIRINGS {
            for _ in 0..MOMENTS {
                let tree = (0_usize..14, 0_u64..60).new_tree(&mut runner).unwrap();
                moments.push((verb, wiring, tree.current()));
            }
        }
    }
    assert!(moments.len() >= 50);
    stream::iter(moments)
        .map(|(verb, wiring, (boundary, milliseconds))| async move {
            let world = verb.world(wiring).await;
            let mut subprocess = verb.start(&world);
            // within the step after this boundary, unless it has ended by then
            if subprocess.lead_past(boundary).await.is_none() {
                subprocess.go_on().await;
                tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            }
            subprocess.kill().await;
            let what = format!("{verb:?}, {wiring}, {milliseconds} ms after boundary {boundary}");
            verb.ends_right(&world, &what).await;
        })
        .buffer_unordered(AT_ONCE)
        .collect::<Vec<()>>()
        .await;
}
