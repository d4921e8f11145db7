//! Move the vault in use between public and private access: gate → KMS off → rewrite → KMS on in
//! the other mode → rewrite.
//!
//! <https://learn.microsoft.com/azure/aks/update-kms-key-vault#update-a-key-vault-mode>
//!
//! The vault is opened before KMS is turned off to come back in public mode, and closed only after every secret is
//! proven to be under the key over the private way. (The page of 2023 closed it while KMS was off,
//! and left secrets as they were.)

use super::{judge_off_and_on, not_enabled, refused};
use crate::{
    catalogue::{Level, RuleId},
    error::Result,
    facts::Fact,
    ids::{ExpectedKey, NetworkMode, VaultAccess, VaultId, Verb},
    ledger::{Entry, Slot},
    observed::Observed,
    options::{ChangeNetworkMode, Intent, ReencryptOptions},
    plan::{Plan, gate, rewrite},
    report::{Finding, KmsChange, KmsConfiguration, Step, StepKind},
    rules::{self, RuleContext},
};

/// The plan of `change_network_mode`, from wherever an earlier run of it stopped.
///
/// 1. On in the other mode: gate, open the vault if the public way is to be taken, turn KMS off, go
///    on with 2.
/// 2. Off, in the middle of this operation: open the vault as in 1, prove that every secret is
///    plaintext, turn KMS on in the new mode, go on with 3.
/// 3. On in the new mode: rewrite every secret and prove it; close the vault if the private way
///    was to be taken.
pub(super) fn plan(
    observed: &Observed,
    asked: &ChangeNetworkMode,
    reencrypt: &ReencryptOptions,
) -> Result<Plan> {
    let intent = Intent::ChangeNetworkMode(asked.clone());
    let Some(before) = observed.configured_before(&intent)? else {
        let what = "no vault is in use whose network mode could be changed";
        return Ok(not_enabled(Verb::ChangeNetworkMode, observed, reencrypt, what));
    };
    let vault_id = before
        .key_vault_id
        .clone()
        .or_else(|| observed.found_vault().map(|vault| vault.id.clone()));
    let private = asked.network_mode == NetworkMode::Private;
    if private && vault_id.is_none() {
        return Ok(vault_not_found(observed, reencrypt));
    }
    let target = KmsConfiguration {
        network_mode: asked.network_mode,
        key_vault_id: vault_id.clone().filter(|_| private),
        ..before
    };
    let mut steps = steps(observed, asked, &target, vault_id.as_ref())?;
    let mut unknown =
        unknown_key_in_public_use(observed, &intent, &target).filter(|_| closes(&steps));
    if goes_on_without_closing(observed, &intent)
        && let Some(finding) = unknown.take()
    {
        let keep = ChangeNetworkMode { vault_access: VaultAccess::Keep, ..asked.clone() };
        steps = self::steps(observed, &keep, &target, vault_id.as_ref())?;
        unknown = Some(left_open(finding));
    }

    let found = if private { observed.clone() } else { with_vault_open(observed, asked) };
    let question = RuleContext::of(Verb::ChangeNetworkMode, &found, &steps, reencrypt);
    let mut findings = judge_off_and_on(&question, &intent, &steps, &found, &target);
    if !private {
        tell_of_closed_vault(&mut findings, observed);
    }
    if closes(&steps) {
        findings.extend(rules::vault_shared(&found));
        findings.extend(rules::used_publicly_by_others(&found));
        findings.extend(still_read_publicly(observed, &intent, &target));
    }
    findings.extend(unknown);
    Ok(Plan { findings: rules::in_order(findings), steps })
}

fn steps(
    observed: &Observed,
    asked: &ChangeNetworkMode,
    target: &KmsConfiguration,
    vault_id: Option<&VaultId>,
) -> Result<Vec<Step>> {
    let cluster = &observed.cluster;
    let public_access = |enabled: bool| {
        let key_vault_id = vault_id.filter(|_| asked.vault_access == VaultAccess::Change)?.clone();
        Some(Step::new(StepKind::SetVaultPublicAccess { key_vault_id, enabled }))
    };
    let private = asked.network_mode == NetworkMode::Private;
    let key = ExpectedKey::Key(target.key_id.clone());
    let mut steps = Vec::new();
    match cluster.kms_on() {
        Some(profile) if profile.is(target) => {
            // Before anything is set that needs it.
            steps.extend(public_access(true).filter(|_| !private));
            if !cluster.is_succeeded() {
                steps.extend(gate(cluster)?);
                steps.push(Step::new(StepKind::SetKms { target: target.set() }));
            }
        }
        on => {
            let is_on = on.is_some() || !cluster.is_succeeded();
            if is_on {
                steps.extend(gate(cluster)?);
            }
            // It may be refused: while KMS is on no secret is in plaintext.
            steps.extend(public_access(true).filter(|_| !private));
            if is_on {
                steps.push(Step::new(StepKind::SetKms { target: KmsChange::Off }));
            }
            steps.extend(rewrite(&ExpectedKey::Plaintext, true));
            steps.push(Step::new(StepKind::SetKms { target: target.set() }));
        }
    }
    steps.extend(rewrite(&key, true));
    if private && let Some(close) = public_access(false) {
        steps.push(close);
        steps.push(Step::new(StepKind::WaitForKey { expected: key }));
    }
    Ok(steps)
}

fn closes(steps: &[Step]) -> bool {
    let closes =
        |step: &Step| matches!(step.kind, StepKind::SetVaultPublicAccess { enabled: false, .. });
    steps.iter().any(closes)
}

/// The key used before KMS was last turned off, which AKS keeps as the previous key: the API
/// servers may still reach it over the public way that is to be closed. Not so where this plan, or
/// the run that it goes on with, turns KMS off and on with one and the same key.
fn still_read_publicly(
    observed: &Observed,
    intent: &Intent,
    target: &KmsConfiguration,
) -> Option<Finding> {
    let came_by_itself = observed.unfinished(intent).is_none()
        && observed.cluster.kms_on().is_some_and(|profile| profile.is(target));
    let vault = observed.found_vault().filter(|vault| vault.public_network_access)?;
    let ledger = &observed.recorded().filter(|_| came_by_itself)?.record.ledger;
    ledger.previous.as_ref().filter(|entry| entry.key_id.is_none())?;
    let mut public =
        ledger.retired.iter().filter(|entry| entry.network_mode != Some(NetworkMode::Private));
    let key = public.find_map(|entry| {
        let key_id = entry.key_id.as_ref()?;
        key_id.vault_name().eq_ignore_ascii_case(vault.id.name()).then_some(key_id)
    })?;
    let message = format!(
        "the API servers may still read with {key}, over the public way, because KMS was turned off and on since"
    );
    Some(closing_too_early(&vault.id, message, "Rotate once more"))
}

/// API servers may read with a key that nobody knows here, over the public way that is to be closed:
/// of somebody's change that did not succeed, of changes while KMS was off, or from before anything was
/// recorded. Turning KMS off and on replaces what they read with besides the key in use, and no more.
fn unknown_key_in_public_use(
    observed: &Observed,
    intent: &Intent,
    target: &KmsConfiguration,
) -> Option<Finding> {
    let cluster = &observed.cluster;
    let vault = observed.found_vault().filter(|vault| vault.public_network_access)?;
    let unfinished = observed.unfinished(intent).is_some();
    let is_plaintext = |entry: &Entry| entry.key_id.is_none();
    // Of a change that is still under way another rule tells.
    if cluster.busy().is_some() {
        return None;
    }
    let ledger = observed.recorded().map(|found| &found.record.ledger);
    let is_off_in_force = cluster.is_succeeded()
        || ledger.and_then(|ledger| ledger.current.as_ref()).is_none_or(is_plaintext);
    let stays = match ledger.and_then(|ledger| ledger.unknown_key) {
        Some(Slot::Current) => true,
        Some(Slot::Previous) => match cluster.kms_on() {
            Some(profile) => profile.is(target),
            None => is_off_in_force,
        },
        // of an operation of ours that goes on it is the operation's own
        None => !cluster.is_succeeded() && !unfinished,
    };
    if !stays {
        return None;
    }
    let recorded = ledger.and_then(|ledger| ledger.current.as_ref());
    let is_off = recorded.map_or(cluster.kms_on().is_none(), is_plaintext);
    let replaced = match (unfinished, is_off) {
        (true, _) => "Call abandon and rotate",
        (false, true) => "Call enable and rotate",
        (false, false) => "Rotate once",
    };
    let message = format!(
        "the API servers of cluster {} may still read, over the public way, with a key that is not known here: of \
         somebody's change that did not succeed or while KMS was off, or from before anything was recorded",
        cluster.id.name()
    );
    Some(closing_too_early(&vault.id, message, replaced))
}

/// An operation that has turned KMS off goes on, since a tag may be all that others changed meanwhile.
fn goes_on_without_closing(observed: &Observed, intent: &Intent) -> bool {
    let slot = observed.recorded().and_then(|found| found.record.ledger.unknown_key);
    let was_off = observed.cluster.kms_on().is_none() || slot == Some(Slot::Previous);
    observed.unfinished(intent).is_some() && was_off
}

/// The vault is left open.
fn left_open(finding: Finding) -> Finding {
    let remedy = "Rotate once, then call change_network_mode again, which closes it.".to_owned();
    let message = format!("{}; the vault is left open", finding.message);
    Finding { message, remedy, ..finding }.at(Level::Warn, false)
}

/// `replaced`: what makes the API servers forget the key.
fn closing_too_early(vault: &VaultId, message: String, replaced: &str) -> Finding {
    let remedy = format!(
        "{replaced}, then call change_network_mode again; or pass vault_access = \"keep\" to leave the vault open."
    );
    Finding { remedy, ..Finding::violated(RuleId::VaultClosingInPublicUse, vault, message) }
}

/// The steps open the vault; as long as the API server cannot be reached they do not begin, and
/// the vault may be why.
fn tell_of_closed_vault(findings: &mut [Finding], observed: &Observed) {
    let Some(closed) = rules::closed_vault_in_use(observed) else { return };
    let unreachable = |finding: &&mut Finding| finding.rule == RuleId::KubernetesUnreachable;
    for finding in findings.iter_mut().filter(unreachable) {
        finding.message = format!("{}; {closed}", finding.message);
    }
}

/// The world as the steps find it that use the vault over the public way.
fn with_vault_open(observed: &Observed, asked: &ChangeNetworkMode) -> Observed {
    let mut found = observed.clone();
    if asked.vault_access == VaultAccess::Change
        && let Some(vault) = found.found_vault_mut()
    {
        vault.public_network_access = true;
    }
    found
}

fn vault_not_found(observed: &Observed, reencrypt: &ReencryptOptions) -> Plan {
    let cluster = &observed.cluster.id;
    let (rule, message) = (RuleId::VaultNotFound, "the vault of the key in use was not found");
    let finding = match &observed.vault {
        Some(Fact::Unknown(why)) => Finding::undetermined(rule, cluster, why),
        _ => Finding::violated(rule, cluster, message),
    };
    // Private mode needs its resource id.
    refused(Verb::ChangeNetworkMode, observed, reencrypt, finding.at(Level::Block, false))
}

#[cfg(test)]
#[path = "change_network_mode_tests.rs"]
mod tests;
