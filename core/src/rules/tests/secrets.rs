//! The secrets: under which key they are, how many they are, and whether they can be read.

use super::*;
use crate::{
    catalogue::RuleId::*,
    facts::{Doubt, Fact, KmsProfile, Unreadable},
    ids::{ClusterId, ExpectedKey, KeyId, KubernetesVersion, NetworkMode},
    ledger::Entry,
    options::{Intent, Pace},
    report::Finding,
    rules::{
        key_in_use_not_seen,
        testing::{
            CLUSTER, KEY, KEY_1, entry, kms_on, operation, plaintext_entry, proven, recorded,
            unknown,
        },
    },
};

#[test]
fn the_key_that_is_written_with() {
    check(&[
        ("metrics can be read", World::enable, |_| {}, KeyInUseUnproven, Answer::Holds),
        (
            "metrics cannot be read, and a gate needs them",
            World::enable,
            |world| world.kubernetes().metrics = Fact::Known(false),
            KeyInUseUnproven,
            REFUSED_UNLESS_ALLOWED,
        ),
        (
            "without a gate it is worth a warning",
            World::reencrypt_secrets,
            |world| world.kubernetes().metrics = Fact::Known(false),
            KeyInUseUnproven,
            WARNED,
        ),
        (
            "whether metrics can be read is unknown, and a gate needs them",
            World::enable,
            |world| world.kubernetes().metrics = unknown(),
            KeyInUseUnproven,
            UNDETERMINED_REFUSED,
        ),
        (
            "whether they can is unknown, without a gate",
            World::reencrypt_secrets,
            |world| world.kubernetes().metrics = unknown(),
            KeyInUseUnproven,
            UNDETERMINED,
        ),
        (
            "KMS v1 does not show in metrics",
            World::enable,
            |world| {
                world.cluster().kubernetes_version = KubernetesVersion::parse("1.26.3").unwrap();
                world.cluster().kms = Some(kms_on(KEY_1, NetworkMode::Public));
            },
            KeyInUseUnproven,
            REFUSED_UNLESS_ALLOWED,
        ),
        (
            "nor does it where nobody knows whether metrics can be read",
            World::enable,
            |world| {
                world.cluster().kubernetes_version = KubernetesVersion::parse("1.26.3").unwrap();
                world.cluster().kms = Some(kms_on(KEY_1, NetworkMode::Public));
                world.kubernetes().metrics = unknown();
            },
            KeyInUseUnproven,
            REFUSED_UNLESS_ALLOWED,
        ),
        (
            "plaintext shows in metrics at any version",
            World::enable,
            |world| {
                world.cluster().kubernetes_version = KubernetesVersion::parse("1.26.3").unwrap();
            },
            KeyInUseUnproven,
            Answer::Holds,
        ),
        (
            "status proves nothing",
            World::status,
            |world| world.kubernetes().metrics = Fact::Known(false),
            KeyInUseUnproven,
            Answer::Holds,
        ),
    ]);
}

/// What is not seen is given the remedy that helps with this key.
#[test]
fn a_key_that_is_not_seen_has_a_remedy_of_its_own() {
    let cluster = ClusterId::parse(CLUSTER).unwrap();
    let platform = ExpectedKey::Platform;
    let any = ExpectedKey::AnyVersion(KeyId::parse(KEY).unwrap());
    let versioned = ExpectedKey::Key(KeyId::parse(KEY_1).unwrap());
    let unidentified = Some(Doubt::KeyUnidentified);
    let learn = "`reencrypt_secrets` with key-in-use-unproven in allow";
    let cases = [
        (&platform, unidentified, learn),
        (&any, unidentified, learn),
        (&any, unidentified, "list-versions --vault-name shop-keys --name etcd"),
        (&versioned, unidentified, "key-in-use-unproven in allow"),
        (&any, Some(Doubt::VersionsDiffer), "az aks update --resource-group shop --name prod"),
        (&platform, Some(Doubt::Metrics), "--non-resource-url=/metrics"),
        (&versioned, Some(Doubt::Metrics), "--non-resource-url=/metrics"),
        (&platform, Some(Doubt::LeasesForbidden), "leases.coordination.k8s.io"),
    ];
    for (expected, doubt, says) in cases {
        let Finding { remedy, .. } = key_in_use_not_seen(&cluster, expected, doubt);
        let what = format!("{expected}, {doubt:?}: {remedy}");
        assert!(remedy.contains(says), "{what}");
        let is_seen = matches!(doubt, Some(Doubt::KeyUnidentified | Doubt::VersionsDiffer));
        assert!(!is_seen || !remedy.contains("/metrics"), "the metrics were read: {what}");
        assert!(!remedy.contains("KMS v1"), "it is on KMS v2: {what}");
        assert!(!remedy.contains('<') || remedy.contains("<user>"), "{what}");
    }
}

/// What is true of KMS v1 alone is said of KMS v1 alone.
#[test]
fn a_right_that_is_missing_has_the_remedy_of_the_cluster_it_is_missing_in() {
    for (version, says_v1) in [("1.26.3", true), ("1.33.2", false)] {
        let mut world = World::enable();
        world.cluster().kubernetes_version = KubernetesVersion::parse(version).unwrap();
        world.cluster().kms = Some(kms_on(KEY_1, NetworkMode::Public));
        world.kubernetes().metrics = Fact::Known(false);
        let findings = world.judge();
        let found = findings.iter().find(|it| it.rule == KeyInUseUnproven).unwrap();
        assert_eq!(found.remedy.contains("migrate_to_v2"), says_v1, "{version}: {}", found.remedy);
        assert_ne!(found.remedy.contains("clusterrole"), says_v1, "{version}: {}", found.remedy);
    }
}

fn fast(world: &mut World, secrets: u64, rate: Option<u32>, bytes: Option<u64>) {
    world.reencrypt.pace = Pace::Fast;
    world.reencrypt.max_requests_per_second = rate;
    world.kubernetes().secrets = Fact::Known(secrets);
    world.kubernetes().mean_secret_bytes = bytes;
}

#[test]
fn growth_of_etcd() {
    check(&[
        (
            "gentle keeps below the limit by itself",
            World::enable,
            |world| world.kubernetes().secrets = Fact::Known(10_000_000),
            EtcdGrowth,
            Answer::Holds,
        ),
        (
            "1 GiB in secrets of 4 KiB is not more than 1 GiB",
            World::enable,
            |world| fast(world, 262_144, None, None),
            EtcdGrowth,
            Answer::Holds,
        ),
        (
            "one secret more is",
            World::enable,
            |world| fast(world, 262_145, None, None),
            EtcdGrowth,
            WARNED,
        ),
        (
            "small secrets are many before they are",
            World::enable,
            |world| fast(world, 1_000_000, None, Some(900)),
            EtcdGrowth,
            Answer::Holds,
        ),
        (
            "large secrets are few",
            World::reencrypt_secrets,
            |world| fast(world, 1_100, None, Some(1 << 20)),
            EtcdGrowth,
            WARNED,
        ),
        (
            "a rate keeps below the limit",
            World::enable,
            |world| fast(world, 10_000_000, Some(436), None),
            EtcdGrowth,
            Answer::Holds,
        ),
        (
            "a higher rate does not",
            World::enable,
            |world| fast(world, 10_000_000, Some(437), None),
            EtcdGrowth,
            WARNED,
        ),
        (
            "the number of secrets is unknown",
            World::enable,
            |world| {
                fast(world, 0, None, None);
                world.kubernetes().secrets = unknown();
            },
            EtcdGrowth,
            UNDETERMINED,
        ),
        (
            "at that rate the number of secrets does not matter",
            World::enable,
            |world| {
                fast(world, 0, Some(100), None);
                world.kubernetes().secrets = unknown();
            },
            EtcdGrowth,
            Answer::Holds,
        ),
    ]);
}

#[test]
fn a_half_done_disable() {
    check(&[
        (
            "KMS was on before",
            World::enable,
            |world| {
                world.cluster().kms =
                    Some(KmsProfile { enabled: false, key: None, network_mode: None, vault: None });
            },
            SecretsNotKmsEncryptedMeanwhile,
            NOTED,
        ),
        ("KMS never was", World::enable, |_| {}, SecretsNotKmsEncryptedMeanwhile, Answer::Holds),
        (
            "KMS is on",
            World::enable,
            |world| world.cluster().kms = Some(kms_on(KEY_1, NetworkMode::Public)),
            SecretsNotKmsEncryptedMeanwhile,
            Answer::Holds,
        ),
    ]);
}

#[test]
fn what_is_unfinished_is_advised_to_be_gone_on_with() {
    let mut world = World::status();
    let before = world.observed.cluster.configured().unwrap();
    let mut found = recorded(entry(KEY_1), None, &[]);
    let reencrypt = true;
    let intent = Intent::Disable(crate::options::Disable { reencrypt });
    found.record.operation = Some(operation(intent, before));
    world.observed.record = Some(Fact::Known(found));
    let findings = world.judge();
    let finding = findings.iter().find(|finding| finding.rule == SecretsUnproven).unwrap();
    assert!(finding.message.ends_with("disable is unfinished"), "{finding}");
    assert!(finding.remedy.starts_with("Call `resume`"), "{finding}");
}

fn recorded_as(world: &mut World, current: Entry, previous: Option<Entry>) {
    world.observed.record = Some(Fact::Known(recorded(current, previous, &[])));
}

#[test]
fn secrets_that_nothing_is_proven_of() {
    check(&[
        (
            "a pass came to its end",
            World::status,
            |world| recorded_as(world, proven(entry(KEY_1)), None),
            SecretsUnproven,
            Answer::Holds,
        ),
        (
            "no pass is recorded of the key in use",
            World::status,
            |world| recorded_as(world, entry(KEY_1), None),
            SecretsUnproven,
            WARNED,
        ),
        (
            "KMS was turned off, and nothing rewritten",
            World::status,
            |world| {
                world.cluster().kms = None;
                recorded_as(world, plaintext_entry(), Some(entry(KEY_1)));
            },
            SecretsUnproven,
            WARNED,
        ),
        (
            "KMS is off by the profile, and nothing is recorded of it",
            World::status,
            |world| {
                world.cluster().kms.as_mut().unwrap().enabled = false;
                recorded_as(world, plaintext_entry(), None);
            },
            SecretsUnproven,
            WARNED,
        ),
        (
            "the cluster never had KMS",
            World::status,
            |world| {
                world.cluster().kms = None;
                recorded_as(world, plaintext_entry(), None);
            },
            SecretsUnproven,
            Answer::Holds,
        ),
        ("no record is kept", World::status, |_| {}, SecretsUnproven, Answer::Holds),
        (
            "a change proves them before",
            World::rotate,
            |world| recorded_as(world, entry(KEY_1), None),
            SecretsUnproven,
            Answer::Holds,
        ),
    ]);
}

#[test]
fn secrets_that_cannot_be_read() {
    let lost = "unable to transform key".to_owned();
    let mut world = World::status();
    world.kubernetes().unreadable = Some(Unreadable::Secret(lost));
    assert_eq!(world.rules(), [SecretsUnreadable]);
    assert_eq!(world.judge()[0].level, Level::Block);
    assert_eq!(world.judge()[0].state, FindingState::Violated);
    world.kubernetes().unreadable = Some(Unreadable::NotReady);
    assert_eq!(world.rules(), [SecretsUnreadable]);
    assert_eq!(world.judge()[0].state, FindingState::Undetermined);
    // The way out is a change of the key: it is never refused for this.
    let mut world = World::rotate();
    world.kubernetes().unreadable = Some(Unreadable::NotReady);
    assert_eq!(world.rules(), []);
}
