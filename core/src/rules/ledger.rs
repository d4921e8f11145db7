//! Rules about the keys that the cluster used before, as its ledger tells.

use super::question::Question;
use crate::{catalogue::RuleId, ledger::Entry, model::Finding};

pub(super) fn check(question: &Question<'_>) -> Vec<Finding> {
    key_reused(question).into_iter().collect()
}

/// A key that comes back: what is old under it, or in backups, is readable again.
fn key_reused(question: &Question<'_>) -> Option<Finding> {
    let target = question.sets()?;
    let ledger = &question.observed.recorded()?.record.ledger;
    // One that was only to be set was perhaps never used.
    let was_used = |entry: &&Entry| entry.since.is_some() || !entry.abandoned;
    let used = ledger
        .previous
        .iter()
        .chain(&ledger.retired)
        .filter(was_used)
        .find(|entry| entry.key_id.as_ref() == Some(&target.key_id))?;
    let since = used.since.map_or_else(String::new, |since| format!(", from {} on", since.date()));
    Some(Finding::violated(
        RuleId::KeyReused,
        &target.key_id,
        format!("this cluster used the key before{since}"),
    ))
}
