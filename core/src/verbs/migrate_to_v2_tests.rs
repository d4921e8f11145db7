use super::*;
use crate::{
    catalogue::RuleId,
    facts::Fact,
    ids::{NetworkMode, NodePools},
    rules::testing::{KEY_1, World, kms_on, unknown},
    verbs::testing,
};

fn version(text: &str) -> KubernetesVersion {
    text.parse().unwrap()
}

/// KMS v1 is on at this Kubernetes version, and AKS offers these.
fn on(now: &str, offered: &[&str]) -> World {
    let mut world = World::status();
    world.cluster().kms = Some(kms_on(KEY_1, NetworkMode::Public));
    world.cluster().kubernetes_version = version(now);
    world.cluster().node_pools[0].kubernetes_version = Some(version(now));
    world.observed.upgrades =
        Some(Fact::Known(offered.iter().map(|offer| version(offer)).collect()));
    world
}

/// The operation has turned KMS off.
fn off_meanwhile(asked: &MigrateToV2, now: &str, offered: &[&str]) -> World {
    testing::off_meanwhile(on(now, offered), Intent::MigrateToV2(asked.clone()))
}

fn asked() -> MigrateToV2 {
    MigrateToV2 { kubernetes_version: None, node_pools: NodePools::Upgrade }
}

fn to(text: &str) -> MigrateToV2 {
    MigrateToV2 { kubernetes_version: Some(version(text)), ..asked() }
}

fn planned(world: &World, asked: &MigrateToV2) -> Plan {
    plan(&world.observed, asked, &ReencryptOptions::default()).unwrap()
}

fn lines(world: &World, asked: &MigrateToV2) -> String {
    testing::lines(&planned(world, asked))
}

/// Versions of the control plane's upgrades.
fn hops(world: &World, asked: &MigrateToV2) -> Vec<String> {
    let steps = planned(world, asked).steps;
    let hop = |step: &Step| match &step.kind {
        StepKind::UpgradeControlPlane { version } => Some(version.to_string()),
        _ => None,
    };
    steps.iter().filter_map(hop).collect()
}

fn rules(world: &World, asked: &MigrateToV2) -> Vec<RuleId> {
    testing::rules(&planned(world, asked))
}

#[test]
fn off_then_upgraded_then_on_again_with_every_secret_proven_in_between() {
    let world = on("1.25.3", &["1.25.7", "1.26.3", "1.26.7"]);
    insta::assert_snapshot!(lines(&world, &asked()), @"
    Prove that every secret is under KEY, and rewrite those that are not
    Turn the cluster's KMS off
    Rewrite every secret to plaintext, and prove it
    Upgrade the control plane to Kubernetes 1.26.3
    Upgrade the node pools to Kubernetes 1.26.3
    Upgrade the control plane to Kubernetes 1.27
    Upgrade the node pools to Kubernetes 1.27
    Set the cluster's KMS key to KEY (public access)
    Rewrite every secret under KEY, and prove it
    ");
}

#[test]
fn interrupted_between_upgrades_it_goes_on_from_there() {
    let asked = asked();
    let mut world = off_meanwhile(&asked, "1.26.3", &["1.26.7", "1.27.3", "1.27.7"]);
    world.cluster().node_pools[0].kubernetes_version = Some(version("1.25.3"));
    insta::assert_snapshot!(lines(&world, &asked), @"
    Rewrite every secret to plaintext, and prove it
    Upgrade the node pools to Kubernetes 1.26.3
    Upgrade the control plane to Kubernetes 1.27.3
    Upgrade the node pools to Kubernetes 1.27.3
    Set the cluster's KMS key to KEY (public access)
    Rewrite every secret under KEY, and prove it
    ");
}

#[test]
fn upgraded_and_still_off_it_is_only_turned_on() {
    let asked = asked();
    assert_eq!(hops(&off_meanwhile(&asked, "1.27.3", &[]), &asked), Vec::<String>::new());
    assert!(
        lines(&off_meanwhile(&asked, "1.27.3", &[]), &asked).contains("Set the cluster's KMS key")
    );
}

#[test]
fn with_v2_there_is_nothing_to_do_unless_this_operation_turned_it_on() {
    let mut world = on("1.27.3", &["1.28.3"]);
    assert_eq!(planned(&world, &asked()).steps, []);
    testing::record_unfinished(&mut world, Intent::MigrateToV2(asked()));
    insta::assert_snapshot!(lines(&world, &asked()), @"Rewrite every secret under KEY, and prove it");
}

#[test]
fn each_hop_is_the_lowest_that_is_offered_at_or_above_the_next_minor_version() {
    for (now, offered, asked, expected) in [
        ("1.26.3", vec!["1.26.7", "1.27.3", "1.27.7"], asked(), vec!["1.27.3"]),
        ("1.26.3", vec!["1.26.7", "1.27.3", "1.27.7"], to("1.27.7"), vec!["1.27.7"]),
        ("1.26.3", vec!["1.26.7", "1.27.3"], to("1.28"), vec!["1.27.3", "1.28"]),
        ("1.26.3", vec!["1.27.3"], to("1.29.7"), vec!["1.27.3", "1.28", "1.29.7"]),
        ("1.24.9", vec!["1.28.3", "1.27.7", "1.27.3"], asked(), vec!["1.27.3"]),
        ("1.24.9", vec!["1.28.3"], asked(), vec!["1.28.3"]),
        ("1.24.9", vec!["1.26.3"], asked(), vec!["1.26.3", "1.27"]),
        ("1.26.3", vec!["1.26.7"], asked(), vec![]),
        ("1.26.3", vec!["1.27.3"], to("1.27.7"), vec![]),
        ("1.24.9", vec!["1.28.3"], to("1.27.3"), vec![]),
    ] {
        let mut offers: Vec<&str> = offered.clone();
        offers.sort_unstable();
        let world = on(now, &offers);
        assert_eq!(hops(&world, &asked), expected, "{now} {offered:?} {asked:?}");
        let refused = rules(&world, &asked).contains(&RuleId::UpgradeNotOffered);
        assert_eq!(refused, expected.is_empty(), "{now} {offered:?} {asked:?}");
    }
}

#[test]
fn what_is_offered_but_could_not_be_read_is_a_warning() {
    let mut world = on("1.25.3", &[]);
    world.observed.upgrades = Some(unknown());
    assert_eq!(hops(&world, &asked()), ["1.26", "1.27"]);
    let findings = planned(&world, &asked()).findings;
    let unread = findings.iter().find(|it| it.rule == RuleId::UpgradeNotOffered).unwrap();
    assert_eq!(unread.level, crate::catalogue::Level::Warn);
}

#[test]
fn a_skip_is_a_warning_and_every_upgrade_is_told() {
    use RuleId::{UpgradeMayFail, UpgradeSkipsVersions};
    let skip = rules(&on("1.24.9", &["1.27.3"]), &asked());
    assert!(skip.contains(&UpgradeSkipsVersions) && skip.contains(&UpgradeMayFail), "{skip:?}");
    let step = rules(&on("1.26.3", &["1.27.3"]), &asked());
    assert!(!step.contains(&UpgradeSkipsVersions) && step.contains(&UpgradeMayFail), "{step:?}");
}

#[test]
fn node_pools_that_are_kept_must_not_be_left_too_far_behind() {
    let keep = |goal: &str| MigrateToV2 { node_pools: NodePools::Keep, ..to(goal) };
    for (now, offered, goal, refused) in [
        ("1.25.3", "1.26.3", "1.27", false),
        ("1.24.9", "1.27.3", "1.27", true),
        ("1.25.3", "1.26.3", "1.28", false),
        ("1.24.9", "1.28.3", "1.28", true),
    ] {
        let world = on(now, &[offered]);
        let rules = rules(&world, &keep(goal));
        assert_eq!(rules.contains(&RuleId::NodePoolVersionSkew), refused, "{now} {goal}");
        assert!(!lines(&world, &keep(goal)).contains("node pools"));
    }
}

#[test]
fn kms_v1_shows_no_keys_so_its_gate_must_be_accepted() {
    let findings = planned(&on("1.26.3", &["1.27.3"]), &asked()).findings;
    let unproven = findings.iter().find(|it| it.rule == RuleId::KeyInUseUnproven).unwrap();
    assert!(unproven.overridable && unproven.refuses(&[]));
}

#[test]
fn what_the_newer_version_needs_is_judged_before_the_upgrade() {
    let mut world = on("1.30.3", &["1.31.3"]);
    world.cluster().kms = Some(kms_on(KEY_1, NetworkMode::Private));
    world.cluster().kubernetes_version = version("1.26.3");
    world.observed.upgrades = Some(Fact::Known(vec![version("1.31.3")]));
    let findings = planned(&world, &to("1.31")).findings;
    let rule = RuleId::PrivateVaultNeedsVnetIntegration;
    let vnet = findings.iter().find(|finding| finding.rule == rule).unwrap();
    assert!(!vnet.overridable && vnet.refuses(&[rule]), "{vnet}");
}

#[test]
fn without_kms_there_is_nothing_to_migrate() {
    let mut world = on("1.26.3", &["1.27.3"]);
    world.cluster().kms = None;
    assert!(rules(&world, &asked()).contains(&RuleId::KmsNotEnabled));
    assert_eq!(planned(&world, &asked()).steps, []);
}
