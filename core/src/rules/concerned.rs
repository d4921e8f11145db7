//! Rules about the keys that a change concerns besides the one that it sets: the one in use, which
//! becomes the one before, and those that the API servers read with until then.
//!
//! Every API server has two keys, and is not healthy unless both work.

use time::Duration;

use super::{
    access,
    cluster::is_failed,
    key,
    question::RuleContext,
    remedy::{fill, of_key},
};
use crate::{
    catalogue::{Level, RuleId},
    facts::{Fact, KmsProfile, Lookup, VaultFacts},
    ids::{KeyId, NetworkMode},
    ledger::{KeyNeeds, Need},
    observed::PreviousKey,
    report::{Finding, FindingState},
};

/// An expiry that an operation may not outlast.
const EXPIRES_MEANWHILE: Duration = Duration::days(1);

/// What the API servers do with a key besides the one that the verb is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Role {
    /// They write with it, and read with it from the change on.
    InUse,
    /// They read with it until the change.
    Previous,
    /// They may read with it.
    Perhaps,
}

pub(super) fn check(question: &RuleContext<'_>) -> Vec<Finding> {
    if !question.identity_is_usable() {
        // Its own rules say so, and there is no access to judge.
        return Vec::new();
    }
    let observed = question.observed;
    let in_use = observed.in_use.iter().map(|key| (key, Role::InUse));
    let previous = observed.previous.iter().map(|key| (key, Role::Previous));
    let perhaps = observed.perhaps.iter().map(|key| (key, Role::Perhaps));
    in_use
        .chain(previous)
        .chain(perhaps)
        .filter(|(key, _)| !is_over(question, &key.key_id))
        .filter_map(|(key, role)| Judged { question, key, role }.unusable())
        .collect()
}

/// Versions of the customer-managed key in use have a rule of their own; and with data encryption, what is proven not
/// to be needed need not work.
fn is_over(question: &RuleContext<'_>, key_id: &KeyId) -> bool {
    let profile = question.customer_managed_in_use();
    let own = profile.and_then(KmsProfile::key_id).map(KeyId::without_version);
    let is_own = own.is_some_and(|own| own == key_id.without_version());
    let is_needed = || {
        let found = question.observed.recorded()?;
        let needs = KeyNeeds { reconciled: found };
        let need = found.record.ledger.entry(key_id).map(|entry| needs.of_entry(entry));
        Some(!matches!(need.unwrap_or_else(|| needs.of_others()), Need::NotNeeded { .. }))
    };
    let cluster = &question.observed.cluster;
    is_own || cluster.has_data_encryption() && is_needed() == Some(false)
}

struct Judged<'a> {
    question: &'a RuleContext<'a>,
    key: &'a PreviousKey,
    role: Role,
}

impl Judged<'_> {
    fn unusable(&self) -> Option<Finding> {
        let rule = RuleId::PreviousKeyUnusable;
        let (violated, undetermined): (Vec<Finding>, Vec<Finding>) = self
            .obstacles()
            .into_iter()
            .filter(|finding| {
                finding.level == Level::Block || finding.rule == RuleId::KeyExpiresSoon
            })
            .partition(|finding| finding.state == FindingState::Violated);
        if violated.is_empty() {
            return (!undetermined.is_empty()).then(|| {
                Finding::undetermined(rule, &self.key.key_id, &reasons(&undetermined))
                    .at(Level::Warn, false)
            });
        }
        let message = format!("{}: {}", self.which(), reasons(&violated));
        let mut finding = Finding::violated(rule, &self.key.key_id, message);
        if self.is_gone() {
            self.gone_for_good().clone_into(&mut finding.remedy);
            finding = fill(finding, &of_key(&self.key.key_id));
        }
        Some(if self.refuses(&violated) { finding } else { finding.at(Level::Warn, false) })
    }

    fn which(&self) -> &'static str {
        match self.role {
            Role::InUse => {
                "of the key in use, which the API servers read with until the rotation after this one"
            }
            Role::Previous => "of the key before the current one",
            Role::Perhaps => "of a key that the API servers may still read with",
        }
    }

    /// Only what certainly is in the way of a change, and what the change itself does not cure.
    fn refuses(&self, violated: &[Finding]) -> bool {
        let expires_later = violated.iter().all(|it| it.rule == RuleId::KeyExpiresSoon)
            && !(self.role == Role::Previous && self.expires_meanwhile());
        let is_certain = match self.role {
            // After a failed change nobody knows whether the API servers ever had it.
            Role::InUse => !is_failed(&self.question.observed.cluster.provisioning_state),
            Role::Previous => true,
            Role::Perhaps => false,
        };
        self.question.gate && is_certain && !expires_later
    }

    fn expires_meanwhile(&self) -> bool {
        let key = self.key.key.known().and_then(Lookup::found);
        key.and_then(|key| key.expires)
            .is_some_and(|expires| expires - self.question.observed.at < EXPIRES_MEANWHILE)
    }

    fn is_gone(&self) -> bool {
        matches!(self.key.key, Fact::Known(Lookup::NotFound))
            || matches!(self.key.vault, Fact::Known(Lookup::NotFound))
    }

    fn gone_for_good(&self) -> &'static str {
        match self.role {
            Role::InUse => {
                "Check that it is not only deleted, `az keyvault list-deleted --resource-type vault` and `az keyvault key \
                 list-deleted --vault-name <vault>`, and recover it; where it is gone for good, name previous-key-unusable \
                 in allow while the API servers still run and read every secret, and rotate once more right after."
            }
            Role::Previous | Role::Perhaps => {
                "Check that it is not only deleted, `az keyvault list-deleted --resource-type vault` and `az keyvault key \
                 list-deleted --vault-name <vault>`, and recover it; where it is gone for good, name previous-key-unusable \
                 in allow and rotate to another key: every secret is proven beforehand not to be under it."
            }
        }
    }

    /// What keeps the API servers from using the key, rule by rule.
    fn obstacles(&self) -> Vec<Finding> {
        let resource = self.key.key_id.host();
        let of_vault = |rule, message: &str| vec![Finding::violated(rule, resource, message)];
        let vault = match &self.key.vault {
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
            vault.and_then(|vault| self.closed(vault)).into_iter().collect();
        let key_id = self.key.key_id.as_str();
        let key = key::Judged { key_id, key: &self.key.key, at: self.question.observed.at };
        findings.extend(key.usability());
        let (access, vault) = (&self.key.access, Some(&self.key.vault));
        let judged = access::Judged { access, vault, resource: resource.to_owned() };
        findings.extend(judged.key_access());
        findings
    }

    /// A vault that is closed to the public serves only what reaches it by a private endpoint.
    fn closed(&self, vault: &VaultFacts) -> Option<Finding> {
        let rule = RuleId::VaultPublicAccessDisabled;
        if vault.public_network_access && !vault.firewall {
            return None;
        }
        match self.network_mode() {
            Some(NetworkMode::Private) => None,
            Some(NetworkMode::Public) => Some(Finding::violated(
                rule,
                &vault.id,
                format!("its vault {} is closed, and it is used in public mode", vault.id.name()),
            )),
            None => {
                let name = self.key.key_id.vault_name();
                let why =
                    format!("vault {name} is closed, and in which mode it is used is not known");
                Some(Finding::undetermined(rule, &vault.id, &why))
            }
        }
    }

    fn network_mode(&self) -> Option<NetworkMode> {
        let is = |key_id: Option<&KeyId>| key_id == Some(&self.key.key_id);
        if self.role == Role::InUse {
            return self.question.in_use()?.network_mode;
        }
        let ledger = &self.question.observed.recorded()?.record.ledger;
        [&ledger.previous, &ledger.pending]
            .into_iter()
            .flatten()
            .chain(&ledger.retired)
            .find(|entry| is(entry.key_id.as_ref()))?
            .network_mode
    }
}

fn reasons(findings: &[Finding]) -> String {
    let mut messages: Vec<&str> = findings.iter().map(|finding| finding.message.as_str()).collect();
    messages.dedup();
    messages.join("; ")
}
