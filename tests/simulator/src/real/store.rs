//! Reads etcd: which secrets are there, what they are encrypted with, and who could read them.

use std::collections::HashMap;

use super::{
    chain::Chain,
    etcd::Etcd,
    stored::{SECRETS, StoredForm, StoredSecret, namespace_and_name},
};
use crate::backend::{GroundTruth, KeyRef, KmsVersion};

/// The library's own Secret, which no count has.
pub(super) const CANARY: &str = "aks-kms-canary";

/// All secrets but the canary.
pub(super) async fn secrets(etcd: &Etcd) -> Result<Vec<StoredSecret>, String> {
    let mut secrets = Vec::new();
    etcd.visit(SECRETS, |stored| {
        if let Some((namespace, name)) = namespace_and_name(&stored.key)
            && name != CANARY
        {
            secrets.push(StoredSecret {
                namespace: namespace.to_owned(),
                name: name.to_owned(),
                mod_revision: stored.mod_revision,
                form: StoredForm::of(&stored.value),
            });
        }
    })
    .await?;
    Ok(secrets)
}

/// How many secrets no API server with one of these chains can read.
pub(super) async fn unreadable(etcd: &Etcd, chains: &[&Chain]) -> Result<usize, String> {
    let secrets = secrets(etcd).await?;
    Ok(secrets
        .iter()
        .filter(|secret| !chains.iter().any(|chain| chain.reads(&secret.form)))
        .count())
}

/// Counts the secrets; keys among `key_ids` are named as there.
pub(super) async fn ground_truth(
    etcd: &Etcd,
    chains: &[&Chain],
    key_ids: &[String],
) -> Result<GroundTruth, String> {
    let names: HashMap<String, &String> = key_ids
        .iter()
        .map(|key_id| {
            let key = KeyRef { key_id: key_id.clone(), kms_version: KmsVersion::V2 };
            (key.plugin_key_id(), key_id)
        })
        .collect();
    let mut truth = GroundTruth::default();
    for secret in secrets(etcd).await? {
        truth.total += 1;
        truth.newest_resource_version = truth.newest_resource_version.max(secret.mod_revision);
        if !chains.iter().any(|chain| chain.reads(&secret.form)) {
            truth.unreadable += 1;
        }
        match secret.form {
            StoredForm::Plaintext => truth.plaintext += 1,
            StoredForm::Kms { plugin_key_id, .. } => {
                let name = names.get(&plugin_key_id).copied().unwrap_or(&plugin_key_id);
                *truth.by_key.entry(name.clone()).or_default() += 1;
            }
            StoredForm::Unknown => {}
        }
    }
    Ok(truth)
}

impl Chain {
    /// Whether an API server with these providers can read it.
    pub(super) fn reads(&self, form: &StoredForm) -> bool {
        match form {
            // There is always an identity provider, or none at all.
            StoredForm::Plaintext => true,
            StoredForm::Kms { version, provider: name, plugin_key_id } => {
                self.providers().any(|provider| {
                    provider.name == name
                        && provider.version == *version
                        && provider.keys.find(plugin_key_id).is_some()
                })
            }
            StoredForm::Unknown => false,
        }
    }
}
