//! From findings to a refusal.

use crate::{
    catalogue::{Level, RuleId},
    error::{Error, ErrorKind},
    report::Finding,
};

/// Why the operation must not begin, given what the caller allows: `preflight_failed` with all
/// findings, or `conflict` when all that is in the way is that the cluster is busy. `before`: what
/// this call has done already. `what`: the operation, such as "rotate of cluster shop".
pub(crate) fn refusal(
    what: &str,
    findings: &[Finding],
    allow: &[RuleId],
    before: &[String],
) -> Option<Error> {
    let refused: Vec<&Finding> = findings.iter().filter(|finding| finding.refuses(allow)).collect();
    let (kind, why) = if refused.is_empty() {
        return None;
    } else if refused.iter().all(|finding| finding.rule == RuleId::ClusterBusy) {
        (ErrorKind::Conflict, "has to wait: another operation is at work")
    } else {
        (ErrorKind::PreflightFailed, "was refused")
    };
    let done = match before {
        [] => "nothing was changed".to_owned(),
        steps => format!("done before that: {}", steps.join("; ")),
    };
    let reasons: Vec<String> = refused.iter().map(|finding| reason(finding)).collect();
    let mut message = format!("{what} {why}, and {done}: {}", reasons.join(" "));
    let others = findings.iter().filter(|finding| !finding.refuses(allow));
    let others: Vec<&str> = others.map(|finding| finding.rule.as_str()).collect();
    if !others.is_empty() {
        let others = others.join(", ");
        message = format!("{message} Other findings that do not block: {others}.");
    }
    Some(Error::new(kind, message).with_findings(findings.to_vec()))
}

fn reason(finding: &Finding) -> String {
    let told = finding.told();
    if finding.overridable {
        format!("{told} To override, add {} to allow.", finding.rule)
    } else {
        told
    }
}

/// The rules whose refusal the caller lifts and that would have refused, in the catalogue's order.
pub(crate) fn allowed(findings: &[Finding], allow: &[RuleId]) -> Vec<RuleId> {
    let is_allowed = |it: &&Finding| it.level == Level::Block && !it.refuses(allow);
    let lifted = findings.iter().filter(is_allowed);
    let mut rules: Vec<RuleId> = lifted.map(|finding| finding.rule).collect();
    rules.sort_unstable();
    rules.dedup();
    rules
}
