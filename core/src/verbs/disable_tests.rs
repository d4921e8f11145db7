use super::*;
use crate::{
    catalogue::{Level, RuleId},
    facts::{Fact, KmsProfile, Lookup},
    ids::NetworkMode,
    rules::testing::{
        KEY_0, KEY_1, World, entry, key, kms_on, plaintext_entry, proven, recorded, unknown,
    },
    verbs::testing::lines,
};

fn planned(world: &World, reencrypt: bool, vouched: bool) -> Plan {
    plan(&world.observed, &Disable { reencrypt }, &ReencryptOptions::default(), vouched).unwrap()
}

/// KMS was turned on with a key that nothing is proven to be under.
fn after_enabling_without_proof() -> World {
    let mut world = World::disable();
    let found = recorded(entry(KEY_1), Some(proven(plaintext_entry())), &[]);
    world.observed.record = Some(Fact::Known(found));
    world
}

#[test]
fn a_gate_then_off_then_the_rewrite_to_plaintext() {
    insta::assert_snapshot!(lines(&planned(&World::disable(), true, false)), @"
    Prove that every secret is under KEY, and rewrite those that are not
    Turn the cluster's KMS off
    Rewrite every secret to plaintext, and prove it
    ");
}

#[test]
fn what_is_off_already_is_only_rewritten_and_proven() {
    let mut world = World::disable();
    for kms in [None, Some(KmsProfile { enabled: false, ..kms_on(KEY_1, NetworkMode::Public) })] {
        world.observed.cluster.kms = kms;
        insta::allow_duplicates!(
            insta::assert_snapshot!(lines(&planned(&world, true, false)), @"Rewrite every secret to plaintext, and prove it")
        );
    }
}

#[test]
fn a_failed_cluster_is_settled_first() {
    let mut world = World::disable();
    "Failed".clone_into(&mut world.observed.cluster.provisioning_state);
    let text = lines(&planned(&world, true, false));
    assert!(
        text.starts_with(
            "Prove that every secret is under the key that the API servers write with"
        ),
        "{text}"
    );
    world.observed.cluster.kms = None;
    insta::assert_snapshot!(lines(&planned(&world, false, false)), @"
    Prove that every secret is under the key that the API servers write with, and rewrite those that are not
    Set the cluster to the key that its API servers write with
    Turn the cluster's KMS off
    ");
}

#[test]
fn without_a_rewrite_the_gate_still_runs() {
    insta::assert_snapshot!(lines(&planned(&World::disable(), false, false)), @"
    Prove that every secret is under KEY, and rewrite those that are not
    Turn the cluster's KMS off
    ");
}

#[test]
fn an_unusable_first_key_does_not_refuse_the_rollback_from_it() {
    let mut bad = key(KEY_1);
    bad.enabled = false;
    let bad = Some(Fact::Known(Lookup::Found(bad)));
    let refuses = |world: &World| {
        let mut findings = planned(world, true, true).findings.into_iter();
        findings.any(|finding| finding.level == Level::Block && finding.rule.is_about_key())
    };
    let mut back = after_enabling_without_proof();
    back.observed.kubernetes = unknown();
    back.observed.record = Some(unknown());
    back.observed.down = true;
    back.observed.key.clone_from(&bad);
    assert!(!refuses(&back));
    let mut failed = after_enabling_without_proof();
    "Failed".clone_into(&mut failed.observed.cluster.provisioning_state);
    failed.observed.key.clone_from(&bad);
    assert!(!refuses(&failed), "a key that was never in force");
    let mut ordinary = World::disable();
    ordinary.observed.key = bad;
    assert!(refuses(&ordinary));
}

#[test]
fn a_proven_key_or_a_key_before_it_has_a_gate() {
    for found in [
        recorded(proven(entry(KEY_1)), Some(proven(plaintext_entry())), &[]),
        recorded(entry(KEY_1), Some(entry(KEY_0)), &[]),
        recorded(entry(KEY_1), None, &[]),
    ] {
        let mut world = World::disable();
        world.observed.record = Some(Fact::Known(found));
        let text = lines(&planned(&world, true, false));
        assert!(text.starts_with("Prove that every secret is under KEY, and rewrite"), "{text}");
    }
}

#[test]
fn with_the_api_server_down_somebody_must_vouch_for_the_rollback() {
    let mut world = after_enabling_without_proof();
    world.observed.kubernetes = unknown();
    world.observed.record = Some(unknown());
    world.observed.down = true;
    let refused = planned(&world, true, false);
    assert!(rules::refusal("it", &refused.findings, &[], &[]).is_some());
    assert!(lines(&refused).starts_with("Prove that every secret is under KEY, and rewrite"));
    let vouched = planned(&world, true, true);
    assert!(lines(&vouched).starts_with("Turn the cluster's KMS off\n"));
    assert!(rules::refusal("it", &vouched.findings, &[RuleId::RollbackUnproven], &[]).is_none());
}
