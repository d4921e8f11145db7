//! Reads etcd: which secrets are there, what they are encrypted with, and who could read them.

use std::collections::{HashMap, HashSet};

use super::{
    chain::Chain,
    etcd::Etcd,
    stored::{SECRETS, StoredForm, StoredSecret, namespace_and_name},
};
use crate::backend::{GroundTruth, KeyRef, KmsVersion, OWN_SECRETS};

/// Where etcd holds the namespaces.
const NAMESPACES: &str = "/registry/namespaces/";

/// All secrets.
pub(super) async fn secrets(etcd: &Etcd) -> Result<Vec<StoredSecret>, String> {
    let mut secrets = Vec::new();
    etcd.visit(SECRETS, |stored| {
        if let Some((namespace, name)) = namespace_and_name(&stored.key) {
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

/// The names of the namespaces that there are.
async fn namespaces(etcd: &Etcd) -> Result<HashSet<String>, String> {
    let mut namespaces = HashSet::new();
    etcd.visit(NAMESPACES, |stored| {
        let name = stored.key.strip_prefix(NAMESPACES);
        namespaces.extend(name.map(str::to_owned));
    })
    .await?;
    Ok(namespaces)
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
    let namespaces = namespaces(etcd).await?;
    let mut truth = GroundTruth::default();
    for secret in secrets(etcd).await? {
        truth.orphans += usize::from(!namespaces.contains(&secret.namespace));
        let is_own = OWN_SECRETS.contains(&&*secret.name);
        if !is_own {
            let newest = &mut truth.newest_resource_version;
            *newest = secret.mod_revision.max(*newest);
        }
        if !chains.iter().any(|chain| chain.reads(&secret.form)) {
            truth.unreadable += 1;
        }
        let key = match &secret.form {
            StoredForm::Plaintext => None,
            StoredForm::Kms { plugin_key_id, .. } => {
                Some(names.get(plugin_key_id).copied().unwrap_or(plugin_key_id).as_str())
            }
            StoredForm::Unknown => {
                truth.total += 1;
                continue;
            }
        };
        truth.count(key, 1);
        if let StoredForm::Kms { provider, .. } = &secret.form {
            *truth.by_provider.entry(provider.clone()).or_default() += 1;
        }
        if is_own {
            truth.note_own(key);
        }
    }
    Ok(truth)
}

/// The keys of these chains that secrets are under.
pub(super) async fn keys_in_use(etcd: &Etcd, chains: &[&Chain]) -> Result<Vec<KeyRef>, String> {
    let mut keys: Vec<KeyRef> = Vec::new();
    for secret in secrets(etcd).await? {
        let key = chains.iter().find_map(|chain| chain.key_of(&secret.form));
        keys.extend(key.filter(|key| !keys.contains(key)).cloned());
    }
    Ok(keys)
}

impl Chain {
    /// The key that a value is under, if a provider has it.
    fn key_of(&self, form: &StoredForm) -> Option<&KeyRef> {
        let StoredForm::Kms { provider: name, plugin_key_id, .. } = form else { return None };
        let provider = self.providers().find(|provider| provider.name == *name)?;
        provider.keys.find(plugin_key_id)
    }

    /// Whether an API server with these providers can read it.
    pub(super) fn reads(&self, form: &StoredForm) -> bool {
        match form {
            // There is always an identity provider, or none at all.
            StoredForm::Plaintext => true,
            StoredForm::Kms { version, provider: name, plugin_key_id } => {
                self.providers().any(|provider| {
                    provider.name == *name
                        && provider.version.api() == *version
                        && provider.keys.find(plugin_key_id).is_some()
                })
            }
            StoredForm::Unknown => false,
        }
    }
}
