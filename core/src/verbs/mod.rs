//! The verbs as pure plans: one file each, in the order of the documentation page.

mod change_network_mode;
mod disable;
mod enable;
mod migrate_to_v2;
mod new_version;
mod reencrypt_secrets;
mod rollback;
mod rotate;
mod set_data_encryption;
mod status;
#[cfg(test)]
mod testing;
mod upgrade_path;

pub(crate) use status::findings as status;

use crate::{
    catalogue::RuleId,
    error::Result,
    facts::{Fact, KmsProfile},
    ids::Verb,
    observed::Observed,
    options::{Intent, ReencryptOptions},
    plan::Plan,
    report::{Finding, KmsConfiguration, Step, StepKind},
    rules::{self, RuleContext},
};

/// The plan of a verb that writes, from what was observed.
pub(crate) fn plan(
    observed: &Observed,
    intent: &Intent,
    reencrypt: &ReencryptOptions,
    allow: &[RuleId],
) -> Result<Plan> {
    let back = allow.contains(&RuleId::RollbackUnproven);
    let plan = match intent {
        Intent::Enable(asked) => enable::plan(observed, asked, reencrypt),
        Intent::Rotate(asked) => rotate::plan(observed, asked, reencrypt, back),
        Intent::Disable(asked) => disable::plan(observed, asked, reencrypt, back),
        Intent::ChangeNetworkMode(asked) => change_network_mode::plan(observed, asked, reencrypt),
        Intent::MigrateToV2(asked) => migrate_to_v2::plan(observed, asked, reencrypt),
        Intent::SetDataEncryption(asked) => {
            set_data_encryption::plan(observed, asked, reencrypt, allow)
        }
        Intent::ReencryptSecrets(asked) => reencrypt_secrets::plan(observed, asked, reencrypt),
    }?;
    Ok(match &observed.record {
        None => plan,
        // While the API server is down, the rollback has nowhere to be recorded before.
        Some(record) => {
            let operation = record.known().and_then(|found| found.record.operation.as_ref());
            let unfinished = operation.is_some_and(|it| it.intent.verb() == intent.verb());
            plan.recorded(matches!(record, Fact::Known(_)), unfinished)
        }
    })
}

/// Nothing can be planned: judged for all that is wrong besides, with the finding in place of the
/// rule's own.
fn refused(
    verb: Verb,
    observed: &Observed,
    reencrypt: &ReencryptOptions,
    finding: Finding,
) -> Plan {
    let context = RuleContext::of(verb, observed, &[], reencrypt);
    let mut findings = rules::judge(&RuleContext { gate: true, rewrites: true, ..context });
    findings.retain(|other| other.rule != finding.rule);
    findings.push(finding);
    Plan { findings: rules::in_order(findings), steps: Vec::new() }
}

/// KMS is off, which an operation is to turn off and on again: so `what`.
fn not_enabled(verb: Verb, observed: &Observed, reencrypt: &ReencryptOptions, what: &str) -> Plan {
    let rule = RuleId::KmsNotEnabled;
    let finding = |why| Finding::violated(rule, &observed.cluster.id, format!("{why}, so {what}"));
    let finding = match observed.cluster.kms_on() {
        None => finding("KMS is off"),
        Some(_) => Finding {
            remedy: "Call `enable` with the key and the network mode that the change was to set, or `disable` first."
                .to_owned(),
            ..finding("KMS was off before the last change, and that change did not succeed")
        },
    };
    refused(verb, observed, reencrypt, finding)
}

/// What the rules say of an operation that turns KMS off and on again: as it is now, and, if it
/// is yet to be turned on, as that step will find it: `later`, with KMS off.
fn judge_off_and_on(
    question: &RuleContext<'_>,
    intent: &Intent,
    steps: &[Step],
    later: &Observed,
    target: &KmsConfiguration,
) -> Vec<Finding> {
    let unfinished = question.observed.unfinished(intent).is_some();
    let mut findings = rules::judge(question);
    // Off is where this operation left it, and what keeps the cluster busy it began itself: the
    // first step waits for that.
    findings.retain(|finding| match finding.rule {
        RuleId::KmsNotEnabled => false,
        RuleId::ClusterBusy => !unfinished,
        _ => true,
    });
    let sets = |step: &Step| matches!(&step.kind, StepKind::SetKms { target } if target.is_on());
    // With data encryption nothing is turned off, nor on again.
    if !steps.iter().any(sets) || question.observed.cluster.has_data_encryption() {
        return findings;
    }
    let mut later = later.clone();
    later.cluster.kms = Some(KmsProfile::OFF);
    let turned_on =
        rules::judge(&RuleContext { observed: &later, target: Some(target), ..*question });
    let of_now = |rule| matches!(rule, RuleId::KmsNotEnabled | RuleId::ClusterBusy);
    findings.extend(turned_on.into_iter().filter(|finding| !of_now(finding.rule)));
    findings
}
