//! Rules about the keys that the cluster used before, as its ledger tells.

use super::question::RuleContext;
use crate::{catalogue::RuleId, ledger::Entry, report::Finding};

pub(super) fn check(question: &RuleContext<'_>) -> Vec<Finding> {
    [record_unsealed(question), key_reused(question)].into_iter().flatten().collect()
}

/// A text that anybody may have written.
fn record_unsealed(question: &RuleContext<'_>) -> Option<Finding> {
    let observed = question.observed;
    let unsealed = observed.recorded()?.unsealed.as_ref()?;
    let tells = unsealed.operation.as_ref().map_or_else(String::new, |operation| {
        format!("; it names {}, begun by {}", operation.operation, operation.by)
    });
    let message =
        format!("the record in ConfigMap aks-kms has no valid seal, and is not believed{tells}");
    Some(Finding::violated(RuleId::RecordUnsealed, &question.observed.cluster.id, message))
}

/// A key that comes back: what is old under it, or in backups, is readable again.
fn key_reused(question: &RuleContext<'_>) -> Option<Finding> {
    let target = question.sets()?;
    let ledger = &question.observed.recorded()?.record.ledger;
    // One that was only to be set was perhaps never used.
    let was_used = |entry: &&Entry| entry.since.is_some() || !entry.abandoned;
    let mut used = ledger.previous.iter().chain(&ledger.retired).filter(was_used);
    let used = used.find(|entry| entry.key_id.as_ref() == Some(&target.key_id))?;
    let since = used.since.map_or_else(String::new, |since| format!(", from {} on", since.date()));
    let message = format!("this cluster used the key before{since}");
    Some(Finding::violated(RuleId::KeyReused, &target.key_id, message))
}
