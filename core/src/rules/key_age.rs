//! How old the key in use is, and whether a rotation is due by that.
//!
//! The age is that of the version that the API servers write with, whatever newer ones there are: secrets are under
//! that one.

use std::time::Duration;

use time::OffsetDateTime;

use super::key::in_words;
use crate::{
    catalogue::{Level, RuleId},
    facts::{Fact, KeyFacts, KmsProfile, Lookup},
    ids::KeyId,
    ledger::{Fit, profile_in_force},
    observed::Observed,
    report::{Experience, Finding},
};

/// The version of the key in use, and when it was made.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct KeyAge {
    pub(crate) key_id: KeyId,
    pub(crate) created: OffsetDateTime,
    pub(crate) expires: Option<OffsetDateTime>,
}

/// Whether the key in use is due to be changed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Due {
    /// It is younger.
    No,
    /// It is as old as that, or older.
    Yes(Finding),
    /// That cannot be told.
    Unknown(Finding),
}

/// How old the key in use is, or why that is not known. `None`: no key of a vault is in use.
pub(crate) fn key_age(observed: &Observed) -> Option<Result<KeyAge, String>> {
    let profile = observed.cluster.kms_on()?;
    match observed.cluster.experience()? {
        Experience::PlatformManaged => None,
        Experience::CustomerManaged => Some(of_any_version(observed)),
        Experience::KeyVault => Some(of_version(observed, profile)),
    }
}

/// Whether the key in use is as old as that. `None`: no key of a vault is in use.
pub(crate) fn rotation_due(observed: &Observed, than: Duration) -> Option<Due> {
    let resource = observed.cluster.kms_on()?.key.as_ref()?.as_str();
    Some(match key_age(observed)? {
        Ok(KeyAge { key_id, created, .. }) => {
            let age = observed.at - created;
            if age < than {
                return Some(Due::No);
            }
            let than = time::Duration::try_from(than).unwrap_or(time::Duration::MAX);
            let message = format!(
                "key {key_id} was made on {}, {} ago, and when_older_than is {}: a rotation is due since {}",
                created.date(),
                in_words(age),
                in_words(than),
                created.saturating_add(than).date()
            );
            Due::Yes(Finding::violated(RuleId::KeyAge, resource, message))
        }
        Err(why) => return age_unknown(observed, &why),
    })
}

/// Whether the key in use is old enough cannot be told. `None`: no key of a vault is in use.
pub(crate) fn age_unknown(observed: &Observed, why: &str) -> Option<Due> {
    let resource = observed.cluster.kms_on()?.key.as_ref()?.as_str();
    Some(Due::Unknown(Finding {
        remedy: "Do what the message says and run this again; or call `rotate` without when_older_than, which does not ask how old the key is."
            .to_owned(),
        ..Finding::undetermined(RuleId::KeyAge, resource, why)
    }))
}

impl Due {
    /// As a verb that rotates by it is told: without an answer it is refused, for it would make a version each time.
    pub(crate) fn refusing(self) -> Self {
        match self {
            Self::Unknown(finding) => Self::Unknown(finding.at(Level::Block, false)),
            due => due,
        }
    }

    /// What is to be told.
    pub(crate) fn finding(self) -> Option<Finding> {
        match self {
            Self::No => None,
            Self::Yes(finding) | Self::Unknown(finding) => Some(finding),
        }
    }
}

/// Of a key that is named with its version.
fn of_version(observed: &Observed, profile: &KmsProfile) -> Result<KeyAge, String> {
    let key_id = profile.key_id().ok_or("the cluster names a key that is no key's id")?;
    in_force(observed, key_id)?;
    let facts = match &observed.in_use {
        Some(in_use) => Some(&in_use.key),
        None => observed.key.as_ref(),
    };
    let key = match facts {
        Some(Fact::Known(Lookup::Found(key))) => key,
        Some(Fact::Known(Lookup::NotFound | Lookup::SoftDeleted)) => {
            return Err(format!("key {key_id} is not in its vault"));
        }
        Some(Fact::Unknown(why)) => return Err(why.clone()),
        None => return Err(format!("key {key_id} was not looked at")),
    };
    let KeyFacts { kid, created, expires, .. } = key;
    if !KeyId::parse(kid).is_ok_and(|found| found == *key_id) {
        return Err(format!("the vault has {kid} in place of key {key_id}"));
    }
    let created =
        created.ok_or_else(|| format!("the vault does not say when {key_id} was made"))?;
    Ok(KeyAge { key_id: key_id.clone(), created, expires: *expires })
}

/// After a change that did not succeed, what is configured is in use only if it is recorded to be.
fn in_force(observed: &Observed, configured: &KeyId) -> Result<(), String> {
    if observed.cluster.is_succeeded() {
        return Ok(());
    }
    let ledger = observed.recorded().map(|found| &found.record.ledger);
    let is_recorded = ledger.is_some_and(|ledger| ledger.current.is_some());
    let in_force =
        profile_in_force(&observed.cluster, ledger).map_err(|error| error.to_string())?;
    if is_recorded && in_force.on().is_some_and(|now| now.key_id == *configured) {
        return Ok(());
    }
    Err(format!(
        "the last change of the cluster did not succeed (provisioningState {}), so which key is in use is not known; \
         `reencrypt_secrets` finds out",
        crate::text::shown(&observed.cluster.provisioning_state)
    ))
}

/// Of a customer-managed key, which AKS moves on to newer versions by itself: the newest version that is recorded to be
/// in use, or was seen to be written with.
fn of_any_version(observed: &Observed) -> Result<KeyAge, String> {
    let versions = match &observed.own_versions {
        Some(Fact::Known(versions)) => versions,
        Some(Fact::Unknown(why)) => return Err(why.clone()),
        None => return Err("the versions of the key were not looked at".to_owned()),
    };
    let recorded = observed
        .recorded()
        .filter(|found| matches!(found.fit, Fit::Unbroken | Fit::Changed))
        .and_then(|found| found.record.ledger.current.as_ref()?.key_id.clone());
    let seen = observed.versions_written_with().unwrap_or_default();
    let is_in_use = |key_id: &KeyId| {
        versions.len() == 1 || recorded.as_ref() == Some(key_id) || seen.contains(key_id)
    };
    let in_use = versions.iter().find(|version| is_in_use(&version.key_id)).ok_or(
        "which version of the key the API servers write with is not known; `reencrypt_secrets` tells",
    )?;
    let key_id = in_use.key_id.clone();
    let created =
        in_use.created.ok_or_else(|| format!("the vault does not say when {key_id} was made"))?;
    Ok(KeyAge { key_id, created, expires: in_use.expires })
}
