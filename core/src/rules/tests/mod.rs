//! Each rule violated, holding and undetermined. Case names are sentences.

mod access;
mod actions;
mod cluster;
mod concerned;
mod coverage;
mod data_encryption;
mod data_encryption_effects;
mod data_encryption_key;
mod data_encryption_versions;
mod input;
mod judge;
mod key;
mod key_age;
mod kms;
mod kubernetes;
mod ledger;
mod refusal;
mod secrets;
mod vault;

use super::testing::World;
use crate::{
    catalogue::{Level, RuleId},
    report::FindingState,
};

/// How a rule answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Answer {
    /// No finding of this rule.
    Holds,
    /// Violated at this level; whether it can be allowed.
    Violated(Level, bool),
    /// Undetermined at this level.
    Undetermined(Level),
}

const REFUSED: Answer = Answer::Violated(Level::Block, false);
const REFUSED_UNLESS_ALLOWED: Answer = Answer::Violated(Level::Block, true);
const WARNED: Answer = Answer::Violated(Level::Warn, false);
const NOTED: Answer = Answer::Violated(Level::Info, false);
const UNDETERMINED_NOTED: Answer = Answer::Undetermined(Level::Info);
const UNDETERMINED: Answer = Answer::Undetermined(Level::Warn);
const UNDETERMINED_REFUSED: Answer = Answer::Undetermined(Level::Block);

/// A case: a world, what is different in it, a rule and its response.
type Case = (&'static str, fn() -> World, fn(&mut World), RuleId, Answer);

fn check(cases: &[Case]) {
    for (name, world, change, rule, expected) in cases {
        let mut world = world();
        change(&mut world);
        let findings = world.judge();
        let mut answers = findings.iter().filter(|finding| finding.rule == *rule).map(|finding| {
            assert!(!finding.message.ends_with('.'), "{name}: {}", finding.message);
            assert!(finding.remedy.ends_with('.'), "{name}: {}", finding.remedy);
            assert!(!finding.resource.is_empty(), "{name}");
            match finding.state {
                FindingState::Violated => Answer::Violated(finding.level, finding.overridable),
                FindingState::Undetermined => {
                    assert!(
                        finding.message.starts_with("could not tell whether "),
                        "{name}: {}",
                        finding.message
                    );
                    Answer::Undetermined(finding.level)
                }
            }
        });
        assert_eq!(answers.next().unwrap_or(Answer::Holds), *expected, "{name}: {findings:#?}");
    }
}
