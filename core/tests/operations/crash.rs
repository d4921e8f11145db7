//! A process is killed at every step boundary and at random moments within steps; another one
//! resumes. In the end the cluster is as if nobody had been killed.

use std::time::Duration;

use aks_kms::{NetworkMode, ReencryptSecretsOptions, ResumeOptions, RuleId, StatusOptions};
use futures::{StreamExt, stream};
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::json;

use crate::{
    common::{
        subprocess::Subprocess,
        world::{WIRINGS, World, is_all_proven},
    },
    data_encryption::{FOR_GOOD, customer, set},
};

/// Random moments for each wiring and verb.
const MOMENTS: usize = 10;
/// Worlds at the same time.
const AT_ONCE: usize = 6;
/// More phases than any verb has.
const PHASES: usize = 30;
/// Of the key, when a world begins.
const VERSIONS: usize = 5;

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
    /// Of a customer-managed key: AKS takes it up by itself.
    CustomerManagedToNewVersion,
}

const VERBS: [Verb; 8] = [
    Verb::Enable,
    Verb::Rotate,
    Verb::RotateToNewVersion,
    Verb::Disable,
    Verb::TurnOnDataEncryption,
    Verb::ToPlatform,
    Verb::ToCustomer,
    Verb::CustomerManagedToNewVersion,
];

impl Verb {
    fn start(self, world: &World) -> Subprocess {
        match self {
            Self::Enable => world.subprocess("enable", Some(2)),
            Self::Rotate => world.subprocess("rotate", Some(2)),
            Self::RotateToNewVersion | Self::CustomerManagedToNewVersion => {
                world.subprocess("rotate", None)
            }
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

    fn is_data_encryption(self) -> bool {
        self.is_to_platform()
            || matches!(self, Self::ToCustomer | Self::CustomerManagedToNewVersion)
    }

    /// Whether it makes a version of the key.
    fn makes_a_version(self) -> bool {
        matches!(self, Self::RotateToNewVersion | Self::CustomerManagedToNewVersion)
    }

    async fn world(self, wiring: &str) -> World {
        let mut given = json!({"secrets": {"namespaces": 3, "each": 20}});
        if matches!(self, Self::CustomerManagedToNewVersion) {
            given["data_encryption"]["look_seconds"] = json!(60);
        }
        let world = World::embedded(wiring, given).await;
        match self {
            Self::Enable | Self::TurnOnDataEncryption => {}
            Self::CustomerManagedToNewVersion => {
                set(&world, customer(&world, NetworkMode::Public), FOR_GOOD).await.unwrap();
            }
            _ => {
                world.enable(1).await.unwrap();
            }
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
        let has_rotated = self.makes_a_version() && world.versions().await.len() > VERSIONS;
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
            Self::ToCustomer => world.all_under(VERSIONS).await,
            Self::CustomerManagedToNewVersion => {
                let current = ledger.current.as_ref().and_then(|entry| entry.key_id.as_ref());
                world.all_under_key(current.unwrap().as_str()).await;
                assert!(world.is_removable(&ledger, VERSIONS), "{what}: {ledger:#?}");
            }
        }
        let versions = world.versions().await;
        let made = usize::from(self.makes_a_version());
        assert_eq!(versions.len(), VERSIONS + made, "{what}: {versions:?}");
        if self.is_data_encryption() {
            return;
        }
        let first = world.entry(&ledger, 1);
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
    assert!(kills >= 80, "{kills}");
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
