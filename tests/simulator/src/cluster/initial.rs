//! What the API servers of a case's cluster have at the start.

use super::{
    data_encryption::Experience,
    state::{ManagedCluster, kms_version},
};
use crate::{
    backend::{EncryptionConfig, KeyRef, KmsVersion},
    given::{Given, Kms, ReadableVersions},
    key_id::KeyId,
};

/// How a case calls the platform's key.
const PLATFORM: &str = "platform";

/// By the document, and by what the case says besides. `key_ids`: the versions of the case's keys, oldest first.
pub(super) fn rolled_out(
    given: &Given,
    state: &mut ManagedCluster,
    key_ids: &[String],
) -> Result<EncryptionConfig, String> {
    let kms = given.cluster.kms.as_ref();
    let legacy = |key_id: &str| KeyRef {
        key_id: key_id.to_owned(),
        kms_version: kms_version(&given.cluster.kubernetes_version),
    };
    let before = |kms: &Kms, state: &mut ManagedCluster| match kms.previous.as_deref() {
        None => None,
        Some(PLATFORM) => Some(state.platform_key()),
        Some(key) if is_versionless(key) => versions(key, key_ids).pop(),
        Some(key) => Some(legacy(key)),
    };
    match (Experience::of(&state.document), kms) {
        (Experience::Customer, Some(kms)) => {
            let previous = before(kms, state);
            customer(given, kms, previous, key_ids)
        }
        (Experience::Platform, kms) => {
            let previous = kms.and_then(|kms| before(kms, state));
            let current = Some(state.platform_key());
            let retained = of_all(given, previous.as_ref(), key_ids);
            Ok(EncryptionConfig { current, previous, retained })
        }
        (_, Some(kms)) if kms.enabled => Ok(EncryptionConfig {
            current: kms.key.as_deref().map(legacy),
            previous: kms.previous.as_deref().map(legacy),
            ..EncryptionConfig::default()
        }),
        (_, Some(kms)) => Ok(EncryptionConfig {
            previous: kms.previous.as_deref().or(kms.key.as_deref()).map(legacy),
            ..EncryptionConfig::default()
        }),
        (_, None) => Ok(EncryptionConfig::default()),
    }
}

fn customer(
    given: &Given,
    kms: &Kms,
    previous: Option<KeyRef>,
    key_ids: &[String],
) -> Result<EncryptionConfig, String> {
    let versions = versions(kms.key.as_deref().unwrap_or_default(), key_ids);
    let position = match &kms.in_use {
        Some(in_use) => versions.iter().position(|version| version.key_id == *in_use),
        None => versions.len().checked_sub(1),
    };
    let position = position.ok_or_else(|| "the cluster's key has no such version".to_owned())?;
    let current = versions[position].clone();
    let own_previous = position.checked_sub(1).map(|before| versions[before].clone());
    let previous = previous.or(own_previous);
    let retained = [Some(&current), previous.as_ref()]
        .into_iter()
        .flatten()
        .flat_map(|key| of_all(given, Some(key), key_ids))
        .filter(|key| previous.as_ref() != Some(key))
        .fold(Vec::new(), |mut all, key| {
            if !all.contains(&key) {
                all.push(key);
            }
            all
        });
    Ok(EncryptionConfig { current: Some(current), previous, retained })
}

/// The versions before one of a customer's key, the newest first, where all can be read with.
fn of_all(given: &Given, key: Option<&KeyRef>, key_ids: &[String]) -> Vec<KeyRef> {
    let all = given.data_encryption.readable_versions == ReadableVersions::All;
    let key = key.filter(|key| all && key.is_data_encryption() && !key.is_platform());
    let Some(key) = key else { return Vec::new() };
    let versions = versions(key.source(), key_ids).into_iter().rev();
    versions.skip_while(|version| version != key).skip(1).collect()
}

/// The versions of a key, with its version or without, oldest first.
fn versions(key: &str, key_ids: &[String]) -> Vec<KeyRef> {
    let Some(source) = KeyId::parse(key).map(|key| key.source()) else { return Vec::new() };
    let of_key = |id: &&String| id.rsplit_once('/').is_some_and(|(own, _)| own == source);
    let versions = key_ids.iter().filter(of_key);
    versions.map(|id| KeyRef { key_id: id.clone(), kms_version: KmsVersion::V2Plus }).collect()
}

fn is_versionless(key: &str) -> bool {
    KeyId::parse(key).is_some_and(|key| key.version.is_none())
}
