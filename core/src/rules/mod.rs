//! Judges the documented limitations against what was observed. Pure: no request is made here.
//!
//! A rule *holds*, is *violated*, or is *undetermined* because a fact could not be read. Rules are
//! judged against the state that the plan's steps will find, and all of them at once, before the
//! first write. Where one fact makes others meaningless (there is no vault, so there is no key in
//! it), only the first is reported.

mod access;
mod actions;
mod cluster;
mod concerned;
mod data_encryption;
mod data_encryption_key;
mod input;
mod key;
mod key_age;
mod ledger;
mod options;
mod question;
mod refusal;
mod remedy;
mod secrets;
#[cfg(test)]
pub(crate) mod testing;
mod vault;

use std::{cmp::Reverse, fmt};

pub(crate) use access::{
    lacks_key_access, lacks_key_reader, lacks_private_link, undetermined_access,
};
pub(crate) use actions::{Guarded, guard};
pub(crate) use input::{
    completed, customer_managed, invalid_input, namespaces_exist, rotation, target,
    version_forbidden,
};
pub(crate) use key_age::{Due, age_unknown, key_age, rotation_due};
pub(crate) use options::{age_problems, cannot_skip, option_problems, version_with_v2};
pub(crate) use question::RuleContext;
pub(crate) use refusal::{allowed, refusal};
pub(crate) use secrets::{key_in_use_not_seen, unproven_on_kms_v1};
pub(crate) use vault::{
    closed_vault_in_use, how_to_close, how_to_open, private_endpoint_not_approved, public_users,
    used_publicly_by_others, vault_shared,
};

use crate::{
    catalogue::{Level, RuleId},
    facts::Fact,
    ids::Verb,
    report::Finding,
};

/// The groups of checks. Each answers for every verb; the catalogue says which rules concern which.
const GROUPS: &[fn(&RuleContext<'_>) -> Vec<Finding>] = &[
    cluster::check,
    data_encryption::check,
    vault::check,
    key::check,
    access::check,
    data_encryption_key::check,
    concerned::check,
    ledger::check,
    secrets::check,
];

/// Everything that the rules have to say: the most severe first, then in the catalogue's order.
pub(crate) fn judge(question: &RuleContext<'_>) -> Vec<Finding> {
    let values = remedy::values(question);
    let mut findings: Vec<Finding> = GROUPS
        .iter()
        .flat_map(|check| check(question))
        .filter(|finding| finding.rule.entry().verbs.contains(&question.verb))
        .map(|finding| remedy::fill(finding, &values))
        .collect();
    if question.verb == Verb::Disable
        && cluster::is_failed(&question.observed.cluster.provisioning_state)
    {
        // The key that is configured was perhaps never in force, and is left in any case.
        downgrade_to_warning(&mut findings, RuleId::is_about_key);
    }
    if findings.iter().any(|finding| is_other_experience(finding.rule)) {
        // What is asked for cannot be had, so nothing of its key is to be judged.
        findings.retain(|it| !it.rule.is_about_key() && it.rule != RuleId::KeyIdNotCanonical);
    }
    sort(&mut findings);
    findings
}

/// The rules that are judged for a verb.
pub(crate) fn of_verb(verb: Verb) -> Vec<RuleId> {
    let concerns = |id: &RuleId| id.entry().verbs.contains(&verb);
    RuleId::ALL.iter().copied().filter(concerns).collect()
}

/// The verb is of KMS with a versioned key, and the cluster has data encryption.
fn is_other_experience(rule: RuleId) -> bool {
    matches!(rule, RuleId::NewerExperienceIrreversible | RuleId::DataEncryptionCannotDisable)
}

/// Findings of several judgements as one: the most severe first, then in the catalogue's order,
/// each once.
pub(crate) fn in_order(mut findings: Vec<Finding>) -> Vec<Finding> {
    sort(&mut findings);
    let mut seen: Vec<(RuleId, String)> = Vec::new();
    findings.retain(|finding| {
        let this = (finding.rule, finding.resource.clone());
        let is_new = !seen.contains(&this);
        if is_new {
            seen.push(this);
        }
        is_new
    });
    findings
}

/// Refusals of these rules become warnings.
pub(crate) fn downgrade_to_warning(findings: &mut [Finding], which: impl Fn(RuleId) -> bool) {
    for finding in findings {
        if finding.level == Level::Block && which(finding.rule) {
            *finding = finding.clone().at(Level::Warn, false);
        }
    }
}

/// The most severe first, then in the catalogue's order.
pub(crate) fn sort(findings: &mut [Finding]) {
    findings.sort_by_key(|finding| (Reverse(finding.level), finding.rule));
}

/// A rule about one fact: undetermined when the fact is unknown, else violated when `problem`
/// says so.
fn check_fact<T>(
    rule: RuleId,
    resource: impl fmt::Display,
    fact: &Fact<T>,
    problem: impl FnOnce(&T) -> Option<String>,
) -> Option<Finding> {
    match fact {
        Fact::Known(value) => {
            problem(value).map(|message| Finding::violated(rule, resource, message))
        }
        Fact::Unknown(why) => Some(Finding::undetermined(rule, resource, why)),
    }
}

#[cfg(test)]
mod tests;
