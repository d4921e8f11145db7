//! What tests of plans have in common.

use crate::{
    catalogue::RuleId,
    facts::{Fact, KmsProfile},
    options::Intent,
    plan::Plan,
    rules::testing::{KEY_1, World, entry, operation, plaintext_entry, recorded},
};

/// The steps in words, a line each.
pub(super) fn lines_with_ids(plan: &Plan) -> String {
    let lines: Vec<String> = plan.steps.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

/// The steps in words, a line each; the first key is `KEY`.
pub(super) fn lines(plan: &Plan) -> String {
    lines_with_ids(plan).replace(KEY_1, "KEY")
}

/// The rules that have something to say.
pub(super) fn rules(plan: &Plan) -> Vec<RuleId> {
    plan.findings.iter().map(|finding| finding.rule).collect()
}

/// It is recorded that this operation turned KMS off and is unfinished: the cluster was as it is
/// now before.
pub(super) fn record_unfinished(world: &mut World, intent: Intent) {
    let before = world.observed.cluster.configured().unwrap();
    let mut found = recorded(plaintext_entry(), Some(entry(KEY_1)), &[]);
    found.record.operation = Some(operation(intent, before));
    world.observed.record = Some(Fact::Known(found));
}

/// The same cluster in the middle of this operation, which has turned KMS off.
pub(super) fn off_meanwhile(mut world: World, intent: Intent) -> World {
    record_unfinished(&mut world, intent);
    world.cluster().kms = Some(KmsProfile::OFF);
    world
}
