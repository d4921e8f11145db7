//! Rules about the key version.

use time::{Duration, OffsetDateTime};

use super::{
    check_fact,
    question::{Configuration, RuleContext},
};
use crate::{
    catalogue::{Level, RuleId},
    facts::{Fact, KeyFacts, Lookup},
    report::Finding,
};

/// How long before its end a key's expiry is reported.
pub(super) const EXPIRES_SOON: Duration = Duration::days(30);

pub(super) fn check(question: &RuleContext<'_>) -> Vec<Finding> {
    let (Some(configuration), Some(key)) = (question.configuration(), &question.observed.key)
    else {
        return Vec::new();
    };
    if question.vault_is_missing() {
        return Vec::new();
    }
    let judged = Judged { key_id: configuration.text, key, at: question.observed.at };
    // Of a customer-managed key the newest version is judged, by rules of its own.
    let mut findings = if configuration.is_customer_managed {
        [judged.not_found(), judged.soft_deleted()].into_iter().flatten().collect()
    } else {
        judged.usability()
    };
    let others = [judged.canonical(&configuration), judged.kind(), judged.operations()];
    findings.extend(others.into_iter().flatten());
    findings
}

pub(super) struct Judged<'a> {
    /// As configured, character by character.
    pub(super) key_id: &'a str,
    pub(super) key: &'a Fact<Lookup<KeyFacts>>,
    pub(super) at: OffsetDateTime,
}

impl Judged<'_> {
    /// What keeps a key version from being used, now or soon.
    pub(super) fn usability(&self) -> Vec<Finding> {
        [
            self.not_found(),
            self.soft_deleted(),
            self.disabled(),
            self.expired(),
            self.not_yet_valid(),
            self.expires_soon(),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn check_fact(
        &self,
        rule: RuleId,
        problem: impl FnOnce(&Lookup<KeyFacts>) -> Option<String>,
    ) -> Option<Finding> {
        check_fact(rule, self.key_id, self.key, problem)
    }

    /// A rule about a key that is there: where there is none, `key-not-found` says so.
    fn property(
        &self,
        rule: RuleId,
        problem: impl FnOnce(&KeyFacts) -> Option<String>,
    ) -> Option<Finding> {
        self.check_fact(rule, |key| key.found().and_then(problem))
    }

    fn not_found(&self) -> Option<Finding> {
        self.check_fact(RuleId::KeyNotFound, |key| {
            matches!(key, Lookup::NotFound).then(|| format!("there is no key {}", self.key_id))
        })
    }

    fn soft_deleted(&self) -> Option<Finding> {
        self.check_fact(RuleId::KeySoftDeleted, |key| {
            matches!(key, Lookup::SoftDeleted).then(|| format!("key {} was deleted", self.key_id))
        })
    }

    fn canonical(&self, configuration: &Configuration<'_>) -> Option<Finding> {
        let any_version = configuration.is_customer_managed;
        // A profile may name a version of it all the same.
        let has_version = configuration.key_id.is_some_and(|key_id| key_id.version().is_some());
        let written =
            if any_version && has_version { without_version(self.key_id) } else { self.key_id };
        let spelt = |key: &KeyFacts| {
            if any_version { without_version(&key.kid) } else { &key.kid }.to_owned()
        };
        let finding = self.property(RuleId::KeyIdNotCanonical, |key| {
            let spelt = spelt(key);
            (spelt != written)
                .then(|| format!("the key id is {written}, and its vault spells it {spelt}"))
        })?;
        let Some(key) = self.key.known().and_then(Lookup::found) else {
            return Some(finding);
        };
        let spelt = spelt(key);
        Some(if configuration.is_in_use {
            // It works, as long as nobody spells it otherwise.
            let remedy = format!(
                "Nothing needs to be done. The key that is set next must be spelt as its vault spells it; this one is {spelt}."
            );
            Finding { remedy, ..finding }.at(Level::Warn, false)
        } else {
            Finding { remedy: format!("Pass it exactly so: {spelt}."), ..finding }
        })
    }

    fn disabled(&self) -> Option<Finding> {
        self.property(RuleId::KeyDisabled, |key| {
            (!key.enabled).then(|| "the key version is disabled".to_owned())
        })
    }

    fn expired(&self) -> Option<Finding> {
        self.property(RuleId::KeyExpired, |key| {
            let expires = key.expires.filter(|expires| *expires <= self.at)?;
            Some(format!("the key version expired on {}", expires.date()))
        })
    }

    fn not_yet_valid(&self) -> Option<Finding> {
        self.property(RuleId::KeyNotYetValid, |key| {
            let from = key.not_before.filter(|from| *from > self.at)?;
            Some(format!("the key version is valid only from {}", from.date()))
        })
    }

    fn expires_soon(&self) -> Option<Finding> {
        self.property(RuleId::KeyExpiresSoon, |key| {
            let left = key.expires? - self.at;
            (left > Duration::ZERO && left <= EXPIRES_SOON)
                .then(|| format!("the key version expires in {}", in_words(left)))
        })
    }

    fn kind(&self) -> Option<Finding> {
        self.property(RuleId::KeyTypeUnsupported, |key| {
            let supported = ["RSA", "RSA-HSM"];
            (!supported.iter().any(|kind| kind.eq_ignore_ascii_case(&key.kind)))
                .then(|| format!("the key is of type {}", key.kind))
        })
    }

    fn operations(&self) -> Option<Finding> {
        self.property(RuleId::KeyOpsMissing, |key| {
            let missing: Vec<&str> = ["encrypt", "decrypt"]
                .into_iter()
                .filter(|needed| {
                    !key.operations.iter().any(|operation| operation.eq_ignore_ascii_case(needed))
                })
                .collect();
            (!missing.is_empty())
                .then(|| format!("the key's permitted operations lack {}", missing.join(" and ")))
        })
    }
}

/// A key id without its last segment.
fn without_version(kid: &str) -> &str {
    kid.rsplit_once('/').map_or(kid, |(key, _)| key)
}

/// Days, or hours where it is less than two days.
pub(super) fn in_words(left: Duration) -> String {
    match left.whole_days() {
        0 | 1 => format!("{} hours", left.whole_hours()),
        days => format!("{days} days"),
    }
}
