//! Rules about the keys that the cluster used before, as its ledger tells.

use time::Duration;

use super::{access, key, question::Question};
use crate::{
    catalogue::{Level, RuleId},
    ledger::Entry,
    model::{Fact, Finding, FindingState, Lookup, NetworkMode, VaultFacts},
    observed::PreviousKey,
};

/// An expiry that an operation may not outlast.
const EXPIRES_MEANWHILE: Duration = Duration::days(1);

pub(super) fn check(question: &Question<'_>) -> Vec<Finding> {
    [record_unsealed(question), previous_key_unusable(question), key_reused(question)]
        .into_iter()
        .flatten()
        .collect()
}

/// A text that anybody may have written.
fn record_unsealed(question: &Question<'_>) -> Option<Finding> {
    let observed = question.observed;
    if let (Some(Fact::Unknown(why)), Fact::Known(_)) = (&observed.record, &observed.kubernetes) {
        return Some(Finding::undetermined(RuleId::RecordUnsealed, &observed.cluster.id, why));
    }
    let unsealed = observed.recorded()?.unsealed.as_ref()?;
    let tells = unsealed.operation.as_ref().map_or_else(String::new, |operation| {
        format!("; it tells of {}, begun by {}", operation.operation, operation.by)
    });
    Some(Finding::violated(
        RuleId::RecordUnsealed,
        &question.observed.cluster.id,
        format!("the record in ConfigMap aks-kms has no valid seal, and is not believed{tells}"),
    ))
}

/// Every API server has both keys, and is not healthy unless both work.
fn previous_key_unusable(question: &Question<'_>) -> Option<Finding> {
    let rule = RuleId::PreviousKeyUnusable;
    let previous = question.observed.previous.as_ref()?;
    let (violated, undetermined): (Vec<Finding>, Vec<Finding>) = obstacles(question, previous)
        .into_iter()
        .filter(|finding| finding.level == Level::Block || finding.rule == RuleId::KeyExpiresSoon)
        .partition(|finding| finding.state == FindingState::Violated);
    let reasons = |findings: &[Finding]| {
        let mut messages: Vec<&str> =
            findings.iter().map(|finding| finding.message.as_str()).collect();
        messages.dedup();
        messages.join("; ")
    };
    if violated.is_empty() {
        return (!undetermined.is_empty())
            .then(|| Finding::undetermined(rule, &previous.key_id, &reasons(&undetermined)));
    }
    let finding = Finding::violated(
        rule,
        &previous.key_id,
        format!("of the key before the current one: {}", reasons(&violated)),
    );
    // Until it expires it does no harm, and a rotation is what makes it superfluous.
    let expires_later = violated.iter().all(|finding| finding.rule == RuleId::KeyExpiresSoon)
        && !expires_meanwhile(question, previous);
    Some(if question.gate && !expires_later { finding } else { finding.at(Level::Warn, false) })
}

fn expires_meanwhile(question: &Question<'_>, previous: &PreviousKey) -> bool {
    let key = previous.key.known().and_then(Lookup::found);
    key.and_then(|key| key.expires)
        .is_some_and(|expires| expires - question.observed.at < EXPIRES_MEANWHILE)
}

/// What keeps the API servers from using the previous key, rule by rule.
fn obstacles(question: &Question<'_>, previous: &PreviousKey) -> Vec<Finding> {
    let resource = previous.key_id.host();
    let of_vault = |rule, message: &str| vec![Finding::violated(rule, resource, message)];
    let vault = match &previous.vault {
        Fact::Known(Lookup::NotFound) => {
            return of_vault(RuleId::VaultNotFound, "its vault does not exist");
        }
        Fact::Known(Lookup::SoftDeleted) => {
            return of_vault(RuleId::VaultSoftDeleted, "its vault was deleted");
        }
        Fact::Known(Lookup::Found(vault)) => Some(vault),
        Fact::Unknown(_) => None,
    };
    let mut findings: Vec<Finding> =
        vault.and_then(|vault| closed(question, previous, vault)).into_iter().collect();
    let key_id = previous.key_id.as_str();
    findings.extend(key::usability(key_id, &previous.key, question.observed.at));
    findings.extend(access::key_access(&previous.access, &previous.vault, resource));
    findings
}

/// A vault that is closed to the public serves only what reaches it by a private endpoint.
fn closed(question: &Question<'_>, previous: &PreviousKey, vault: &VaultFacts) -> Option<Finding> {
    let rule = RuleId::VaultPublicAccessDisabled;
    if vault.public_network_access && !vault.firewall {
        return None;
    }
    let entry = question.observed.recorded()?.record.ledger.previous.as_ref();
    match entry.and_then(|entry| entry.network_mode) {
        Some(NetworkMode::Private) => None,
        Some(NetworkMode::Public) => Some(Finding::violated(
            rule,
            &vault.id,
            format!("its vault {} is closed, and it is used in public mode", vault.id.name()),
        )),
        None => Some(Finding::undetermined(
            rule,
            &vault.id,
            &format!(
                "vault {} is closed, and in which mode it is used is not known",
                previous.key_id.vault_name()
            ),
        )),
    }
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
