//! From findings to a refusal.

use crate::{
    catalogue::{Level, RuleId},
    error::{Error, ErrorKind},
    model::Finding,
};

/// Why the operation must not begin, given what the caller allows: `preflight_failed` with all
/// findings, or `conflict` when all that is in the way is that the cluster is busy. `before`: what
/// this call has done already.
pub(crate) fn refusal(findings: &[Finding], allow: &[RuleId], before: &[String]) -> Option<Error> {
    let refused: Vec<&Finding> = findings.iter().filter(|finding| finding.refuses(allow)).collect();
    let (kind, what) = if refused.is_empty() {
        return None;
    } else if refused.iter().all(|finding| finding.rule == RuleId::ClusterBusy) {
        (ErrorKind::Conflict, "another operation is at work")
    } else {
        (ErrorKind::PreflightFailed, "the operation was refused")
    };
    let done = match before {
        [] => "nothing was changed".to_owned(),
        steps => format!("done before that: {}", steps.join("; ")),
    };
    let reasons: Vec<String> = refused.iter().map(|finding| reason(finding)).collect();
    let mut message = format!("{what}, and {done}: {}", reasons.join(" "));
    let others: Vec<&str> = findings
        .iter()
        .filter(|finding| !finding.refuses(allow))
        .map(|finding| finding.rule.as_str())
        .collect();
    if !others.is_empty() {
        message.push_str(" Other findings that do not block: ");
        message.push_str(&others.join(", "));
        message.push('.');
    }
    Some(Error::new(kind, message).with_findings(findings.to_vec()))
}

fn reason(finding: &Finding) -> String {
    let Finding { rule, message, remedy, .. } = finding;
    let way_out = if finding.overridable {
        format!(" To override, add {rule} to allow.")
    } else {
        String::new()
    };
    format!("[{rule}] {message}. {remedy}{way_out}")
}

/// The rules whose refusal the caller lifts and that would have refused, in the catalogue's order.
pub(crate) fn allowed(findings: &[Finding], allow: &[RuleId]) -> Vec<RuleId> {
    let mut rules: Vec<RuleId> = findings
        .iter()
        .filter(|finding| finding.level == Level::Block && !finding.refuses(allow))
        .map(|finding| finding.rule)
        .collect();
    rules.sort_unstable();
    rules.dedup();
    rules
}
