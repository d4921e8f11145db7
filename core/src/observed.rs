//! Everything that a plan is made from.

use time::OffsetDateTime;

use crate::{
    error::Result,
    facts::{
        AccessFacts, ClusterFacts, ClusterWithKms, Fact, HeldRole, KeyFacts, KeyVersion,
        KubernetesFacts, Lookup, Obstacle, VaultFacts,
    },
    ids::{KeyId, KubernetesVersion},
    ledger::{Operation, Reconciled, profile_in_force},
    options::Intent,
    report::KmsConfiguration,
};

/// The world as it was seen, read-only, before a plan was made.
#[derive(Clone, Debug)]
pub(crate) struct Observed {
    pub(crate) at: OffsetDateTime,
    pub(crate) cluster: ClusterFacts,
    /// The vault that the verb is about: the target's, else the one in use.
    /// `None`: the verb is about no vault.
    pub(crate) vault: Option<Fact<Lookup<VaultFacts>>>,
    /// The key version that the verb is about. `None`: it is about no key.
    pub(crate) key: Option<Fact<Lookup<KeyFacts>>>,
    /// `None`: the verb is about no key.
    pub(crate) access: Option<AccessFacts>,
    /// Whether the vault has diagnostic settings.
    pub(crate) diagnostics: Option<Fact<bool>>,
    /// The versions of the key, where one is to be made. `Unknown`: the vault does not respond here.
    pub(crate) versions: Option<Fact<Vec<KeyVersion>>>,
    /// The versions of the customer-managed key in use, the newest first, where an older one may be in use.
    pub(crate) own_versions: Option<Fact<Vec<KeyVersion>>>,
    /// Whether the preview feature of data encryption is registered, where that is to be turned on.
    pub(crate) preview_feature: Option<Fact<bool>>,
    /// Names of the vault's keys, where the vault may be closed.
    pub(crate) vault_keys: Option<Fact<Vec<String>>>,
    /// The Kubernetes versions that AKS offers to upgrade to, where that may be done.
    pub(crate) upgrades: Option<Fact<Vec<KubernetesVersion>>>,
    /// The roles of the identity that the cluster runs as, where that is not one that KMS can use.
    pub(crate) held_roles: Option<Fact<Vec<HeldRole>>>,
    /// `Unknown`: the API server cannot be reached from here.
    pub(crate) kubernetes: Fact<KubernetesFacts>,
    /// What kept it from being looked at. `None`: nothing did.
    pub(crate) obstacle: Option<Obstacle>,
    /// The API servers cannot be reached, or fail in what they are asked.
    pub(crate) down: bool,
    /// What is recorded in the cluster, in line with the rest. `None`: nothing is to be recorded.
    pub(crate) record: Option<Fact<Reconciled>>,
    /// The key that the API servers read with besides the one in use, where the record names it
    /// and the verb is not about it.
    pub(crate) previous: Option<PreviousKey>,
    /// The key in use, where the verb is about another one: it is going to be the one before.
    pub(crate) in_use: Option<PreviousKey>,
    /// Keys that the API servers may still read with, by the record, besides those above.
    pub(crate) perhaps: Vec<PreviousKey>,
    /// The clusters that use keys in vaults, where the vault may be closed to them.
    pub(crate) others: Option<Fact<Vec<ClusterWithKms>>>,
}

/// A key that the API servers read with besides the one that the verb is about, and what AKS
/// needs to go on reading with it.
#[derive(Clone, Debug)]
pub(crate) struct PreviousKey {
    pub(crate) key_id: KeyId,
    pub(crate) vault: Fact<Lookup<VaultFacts>>,
    pub(crate) key: Fact<Lookup<KeyFacts>>,
    pub(crate) access: AccessFacts,
}

impl Observed {
    /// A cluster, of which nothing but itself and perhaps its API server was seen.
    pub(crate) fn of(cluster: ClusterFacts, kubernetes: Fact<KubernetesFacts>) -> Self {
        Self {
            at: crate::clock::now(),
            cluster,
            vault: None,
            key: None,
            access: None,
            diagnostics: None,
            versions: None,
            own_versions: None,
            preview_feature: None,
            vault_keys: None,
            upgrades: None,
            held_roles: None,
            kubernetes,
            obstacle: None,
            down: false,
            record: None,
            previous: None,
            in_use: None,
            perhaps: Vec::new(),
            others: None,
        }
    }

    /// Whether the API servers cannot be reached, or cannot decrypt. A response, even a refusal, is
    /// none of both.
    pub(crate) fn is_down(&self) -> bool {
        self.down && !self.cluster.is_stopped()
    }

    /// The record, where there is one and it could be read.
    pub(crate) fn recorded(&self) -> Option<&Reconciled> {
        self.record.as_ref().and_then(Fact::known)
    }

    /// The vault, where it was found.
    pub(crate) fn found_vault(&self) -> Option<&VaultFacts> {
        self.vault.as_ref().and_then(Fact::known).and_then(Lookup::found)
    }

    pub(crate) fn found_vault_mut(&mut self) -> Option<&mut VaultFacts> {
        match &mut self.vault {
            Some(Fact::Known(Lookup::Found(vault))) => Some(vault),
            _ => None,
        }
    }

    /// The recorded operation, where it is this very one.
    pub(crate) fn unfinished(&self, intent: &Intent) -> Option<&Operation> {
        self.recorded()?.record.operation.as_ref().filter(|operation| operation.intent == *intent)
    }

    /// The version of the key in use that an operation made. The vault tells, by the version's own
    /// tag; where it does not respond, the cluster, if it is set to what the operation was to set.
    pub(crate) fn made_for(&self, operation: &Operation) -> Option<KeyId> {
        let is_ours = |it: &&KeyVersion| it.operation.as_ref() == Some(&operation.id);
        for versions in [&self.versions, &self.own_versions] {
            if let Some(Fact::Known(versions)) = versions {
                return versions.iter().find(is_ours).map(|version| version.key_id.clone());
            }
        }
        let target = operation.target.as_ref()?.expected();
        let in_use = self.cluster.kms_on()?.key_id()?;
        (target.key_id() == Some(in_use)).then(|| in_use.clone())
    }

    /// The versions of the customer-managed key under which the API server that was asked has counted writes, the
    /// newest first. `None`: the cluster has no such key, or that cannot be told.
    pub(crate) fn versions_written_with(&self) -> Option<Vec<KeyId>> {
        let versions = self.own_versions.as_ref()?.known()?;
        let hashes = self.kubernetes.known()?.written_hashes.known()?;
        // The hash is of the id as it is configured, which may be another spelling than the vault's.
        let configured = self.cluster.kms_on()?.key_id()?;
        let is_seen = |key_id: &&KeyId| {
            let spellings = key_id.as_configured(configured).into_iter().chain([(*key_id).clone()]);
            spellings.into_iter().any(|it| hashes.contains(&it.metrics_hash()))
        };
        let key_ids = versions.iter().map(|version| &version.key_id);
        Some(key_ids.filter(is_seen).cloned().collect())
    }

    /// Whether KMS is off, as far as that is known: turning it on may have failed.
    pub(crate) fn is_off(&self) -> bool {
        let ledger = self.recorded().map(|found| &found.record.ledger);
        profile_in_force(&self.cluster, ledger).is_ok_and(|profile| !profile.is_on())
    }

    /// The KMS configuration that an operation turns off and on again: the one that is on, else the
    /// one that it turned off. `None`: KMS is off, and was when the operation began; also where the
    /// change that was to turn it on did not succeed.
    ///
    /// # Errors
    /// The key in use cannot be named.
    pub(crate) fn configured_before(&self, intent: &Intent) -> Result<Option<KmsConfiguration>> {
        let ledger = self.recorded().map(|found| &found.record.ledger);
        let configured = match self.unfinished(intent) {
            Some(operation) if self.cluster.kms_on().is_none() => Some(operation.before.clone()),
            None if !profile_in_force(&self.cluster, ledger)?.is_on() => None,
            _ => Some(self.cluster.configured()?),
        };
        Ok(configured.and_then(|it| it.on().cloned()))
    }
}
