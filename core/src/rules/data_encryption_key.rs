//! Rules about a customer-managed key: its vault and its versions. AKS goes by the newest version, and secrets may be
//! under older ones.

use time::{Duration, OffsetDateTime};

use super::{
    check_fact,
    key::{EXPIRES_SOON, in_words},
    question::RuleContext,
    remedy::{fill, of_key},
    vault::property,
};
use crate::{
    catalogue::{Level, RuleId},
    facts::{Fact, KeyFacts, KeyVersion, Lookup, VaultFacts},
    ids::{KeyId, NetworkMode, Verb},
    ledger::{Entry, KeyNeeds, Need},
    report::Finding,
};

pub(super) fn check(question: &RuleContext<'_>) -> Vec<Finding> {
    let Some(configuration) = question.customer_managed() else { return Vec::new() };
    let mut findings: Vec<Finding> =
        [perimeter(question), private_endpoint_unused(question)].into_iter().flatten().collect();
    if configuration.network_mode == Some(NetworkMode::Private) {
        findings.extend(trusted_services(question).into_iter().chain(not_private(question)));
    }
    if !question.vault_is_missing() {
        findings.extend(newest_unusable(question).into_iter().chain(expiry(question)));
    }
    findings.extend(older_unusable(question));
    findings.extend(newest_unproven(question));
    findings
}

fn trusted_services(question: &RuleContext<'_>) -> Option<Finding> {
    property(question, RuleId::TrustedServicesOff, |vault| {
        (!vault.trusted_services)
            .then(|| format!("networkAcls.bypass of vault {} is None", vault.id.name()))
    })
}

fn not_private(question: &RuleContext<'_>) -> Option<Finding> {
    property(question, RuleId::VaultNotPrivate, |vault| {
        let is_closed = vault.firewall || !vault.public_network_access || vault.perimeter;
        (!is_closed).then(|| {
            format!(
                "public network access of vault {} is enabled, and its firewall lets everybody in",
                vault.id.name()
            )
        })
    })
}

fn perimeter(question: &RuleContext<'_>) -> Option<Finding> {
    property(question, RuleId::VaultNetworkPerimeter, |vault| {
        vault.perimeter.then(|| {
            format!("publicNetworkAccess of vault {} is SecuredByPerimeter", vault.id.name())
        })
    })
}

fn private_endpoint_unused(question: &RuleContext<'_>) -> Option<Finding> {
    let names = |vault: &VaultFacts| {
        let connections = vault.private_endpoint_connections.iter();
        connections.map(|connection| connection.name.clone()).collect::<Vec<_>>().join(", ")
    };
    property(question, RuleId::PrivateEndpointUnused, |vault| {
        (!vault.private_endpoint_connections.is_empty()).then(|| {
            format!("vault {} has private endpoint connections: {}", vault.id.name(), names(vault))
        })
    })
}

/// The key, where it is there: where there is none, `key-not-found` says so.
fn newest<'a>(question: &RuleContext<'a>) -> Option<&'a Fact<Lookup<KeyFacts>>> {
    let key = question.observed.key.as_ref()?;
    match key {
        Fact::Known(Lookup::NotFound | Lookup::SoftDeleted) => None,
        Fact::Known(Lookup::Found(_)) | Fact::Unknown(_) => Some(key),
    }
}

fn newest_unusable(question: &RuleContext<'_>) -> Option<Finding> {
    let at = question.observed.at;
    let key = newest(question)?;
    let resource = resource(question);
    let finding = check_fact(RuleId::NewestVersionUnusable, resource, key, |key| {
        let key = key.found()?;
        let why = unusable(key.enabled, key.expires, key.not_before, at)?;
        Some(format!("the newest version, {}, {why}", key.kid))
    })?;
    Some(naming(finding, question.found_key().and_then(|key| KeyId::parse(&key.kid).ok()).as_ref()))
}

/// Older versions that secrets may be under.
fn older_unusable(question: &RuleContext<'_>) -> Vec<Finding> {
    let rule = RuleId::OlderVersionUnusable;
    let (Some(_), Some(versions)) =
        (question.customer_managed_in_use(), &question.observed.own_versions)
    else {
        return Vec::new();
    };
    // A plan without a gate neither sets a key nor makes a version: its rewrite is the way out.
    let refuses = question.verb != Verb::Status && question.gate;
    let level = |finding: Finding| if refuses { finding } else { finding.at(Level::Warn, false) };
    let versions = match versions {
        Fact::Known(versions) => versions,
        Fact::Unknown(why) => return vec![Finding::undetermined(rule, resource(question), why)],
    };
    let older = versions.iter().filter(|version| Some(&version.key_id) != newest_id(versions));
    let needs = question.observed.recorded().map(|reconciled| KeyNeeds { reconciled });
    older
        .filter_map(|version| {
            let KeyVersion { key_id, enabled, expires, not_before, .. } = version;
            let why = unusable(*enabled, *expires, *not_before, question.observed.at)?;
            may_be_in_use(needs, key_id, versions).then(|| {
                let message = format!("version {key_id}, which secrets may be under, {why}");
                level(naming(Finding::violated(rule, key_id, message), Some(key_id)))
            })
        })
        .collect()
}

/// Whether secrets may be under a version, as far as it is recorded.
fn may_be_in_use(needs: Option<KeyNeeds<'_>>, key_id: &KeyId, versions: &[KeyVersion]) -> bool {
    let need = needs.map(|needs| of_version(needs, key_id, Ok(versions)));
    !matches!(need, Some(Need::NotNeeded { .. }))
}

/// Whether a version of the customer-managed key in use is needed. AKS takes up newer versions by itself, so nothing
/// but an age above the one that is proven speaks of one that is not recorded.
pub(super) fn of_version(
    needs: KeyNeeds<'_>,
    key_id: &KeyId,
    versions: Result<&[KeyVersion], &str>,
) -> Need {
    let ledger = &needs.reconciled.record.ledger;
    if let Some(entry) = ledger.entry(key_id) {
        return needs.of_entry(entry);
    }
    let unknown = |why: &str| Need::Unknown(why.to_owned());
    let proven = ledger.current.as_ref().and_then(|entry| entry.key_id.as_ref());
    let Some(proven) = proven.filter(|proven| proven.version().is_some()) else {
        return unknown(
            "which version of the key the API servers write with is not known; call reencrypt_secrets",
        );
    };
    let versions = match versions {
        Ok(versions) => versions,
        Err(why) => return Need::Unknown(format!("the versions of the key are not known: {why}")),
    };
    let made = |key_id: &KeyId| versions.iter().find(|version| version.key_id == *key_id)?.created;
    match (made(key_id), made(proven)) {
        (Some(asked), Some(proven)) if asked < proven => needs.of_others(),
        _ => unknown(
            "it is not older than the version that is recorded to be in use, so that AKS may have taken it up; call \
             reencrypt_secrets",
        ),
    }
}

/// Two new versions at once: the newest must be in use before another one is made.
fn newest_unproven(question: &RuleContext<'_>) -> Option<Finding> {
    let rule = RuleId::NewestVersionUnproven;
    // Without a gate the version is made already.
    if !(question.new_version && question.gate) {
        return None;
    }
    let resource = resource(question);
    let undetermined = |why: &str| Some(Finding::undetermined(rule, &resource, why));
    let newest = match newest(question)?.get() {
        Ok(key) => KeyId::parse(&key.found()?.kid).ok()?,
        Err(why) => return undetermined(why),
    };
    let versions = question.observed.own_versions.as_ref().and_then(Fact::known);
    if versions.is_some_and(|versions| versions.iter().all(|it| it.key_id == newest)) {
        return None;
    }
    let Some(found) = question.observed.recorded() else {
        return undetermined("which version is in use is recorded nowhere");
    };
    let ledger = &found.record.ledger;
    let is = |entry: &Option<Entry>| {
        entry.as_ref().is_some_and(|entry| entry.key_id.as_ref() == Some(&newest))
    };
    if is(&ledger.current) {
        return None;
    }
    if is(&ledger.pending) {
        let message =
            format!("the newest version, {newest}, was made, and not seen to be in use everywhere");
        return Some(Finding::violated(rule, &newest, message));
    }
    undetermined(&format!("whether the newest version, {newest}, is in use is not recorded"))
}

fn expiry(question: &RuleContext<'_>) -> Option<Finding> {
    let at = question.observed.at;
    let key = newest(question)?;
    let resource = resource(question);
    let policy = key.and_then(|key| match key.found() {
        Some(key) => Fact::Known(key),
        None => Fact::Unknown(String::new()),
    });
    let expires_soon = policy.known().and_then(|key| {
        let left = key.expires? - at;
        (left > Duration::ZERO && left <= EXPIRES_SOON)
            .then(|| format!("the newest version expires in {}", in_words(left)))
    });
    let rule = RuleId::KeyRotationExpiry;
    let finding = if let Some(message) = expires_soon {
        Finding::violated(rule, resource, message)
    } else {
        let policy = policy.and_then(|key| key.rotation_expiry.clone());
        check_fact(rule, resource, &policy, |expiry| {
            let life = expiry.as_ref()?;
            Some(format!("the key's rotation policy ends new versions after {life}"))
        })?
    };
    Some(naming(finding, question.found_key().and_then(|key| KeyId::parse(&key.kid).ok()).as_ref()))
}

/// Why a version cannot be used.
fn unusable(
    enabled: bool,
    expires: Option<OffsetDateTime>,
    not_before: Option<OffsetDateTime>,
    at: OffsetDateTime,
) -> Option<String> {
    if !enabled {
        return Some("is disabled".to_owned());
    }
    if let Some(expires) = expires.filter(|expires| *expires <= at) {
        return Some(format!("expired on {}", expires.date()));
    }
    let from = not_before.filter(|from| *from > at)?;
    Some(format!("is valid only from {}", from.date()))
}

/// The newest of a list that has the newest first.
fn newest_id(versions: &[KeyVersion]) -> Option<&KeyId> {
    versions.first().map(|version| &version.key_id)
}

fn resource(question: &RuleContext<'_>) -> String {
    question.configuration().map_or_else(String::new, |configuration| configuration.text.to_owned())
}

/// Its commands name the version.
fn naming(finding: Finding, version: Option<&KeyId>) -> Finding {
    let Some(version) = version else { return finding };
    let mut values = of_key(version);
    values.extend(version.version().map(|version| ("<version>", version.to_owned())));
    fill(finding, &values)
}
