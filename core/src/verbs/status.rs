//! Read the present state: no steps, only findings.

use std::time::Duration;

use crate::{
    ids::Verb,
    observed::Observed,
    options::ReencryptOptions,
    report::Finding,
    rules::{self, Due, RuleContext},
};

/// What is wrong with a cluster's KMS, or will be; also that its key is as old as that.
pub(crate) fn findings(observed: &Observed, when_older_than: Option<Duration>) -> Vec<Finding> {
    let options = ReencryptOptions::default();
    let mut findings = rules::judge(&RuleContext::of(Verb::Status, observed, &[], &options));
    let due = when_older_than.and_then(|than| rules::rotation_due(observed, than));
    findings.extend(due.and_then(Due::finding));
    rules::in_order(findings)
}
