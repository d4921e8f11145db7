//! Read the present state: no steps, only findings.

use crate::{
    ids::Verb,
    observed::Observed,
    options::ReencryptOptions,
    report::Finding,
    rules::{self, RuleContext},
};

/// What is wrong with a cluster's KMS, or will be.
pub(crate) fn findings(observed: &Observed) -> Vec<Finding> {
    rules::judge(&RuleContext::of(Verb::Status, observed, &[], &ReencryptOptions::default()))
}
