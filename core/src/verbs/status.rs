//! Read the present state: no steps, only findings.

use crate::{
    model::{Finding, ReencryptOptions, Verb},
    observed::Observed,
    rules::{self, RuleContext},
};

/// What is wrong with a cluster's KMS, or will be.
pub(crate) fn findings(observed: &Observed) -> Vec<Finding> {
    rules::judge(&RuleContext {
        verb: Verb::Status,
        observed,
        target: None,
        gate: false,
        rewrites: false,
        reencrypt: &ReencryptOptions::default(),
    })
}
