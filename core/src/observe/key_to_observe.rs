//! The key that a verb is about.

use crate::{
    facts::ClusterFacts,
    ids::{KeyId, NetworkMode, VaultAccess, VaultId},
    ledger::{Fit, Operation, Reconciled},
    options::{Enable, Intent, Rotate},
};

/// A key that a verb is about.
#[derive(Clone, Debug)]
pub(crate) struct KeyToObserve {
    pub(crate) key_id: KeyId,
    pub(crate) vault_id: Option<VaultId>,
    /// A version of it is to be made: which ones are there?
    pub(crate) versions: bool,
    /// The operation that goes on, and may have made that version already.
    pub(crate) unfinished: Option<Operation>,
    /// Its vault may be closed: which other keys are in it, and which other clusters use it?
    pub(crate) vault_users: bool,
    /// The cluster is to be upgraded: what is offered?
    pub(crate) upgrades: bool,
}

impl KeyToObserve {
    /// The key that a verb is about.
    pub(crate) fn of(
        intent: &Intent,
        cluster: &ClusterFacts,
        recorded: Option<&Reconciled>,
    ) -> Option<Self> {
        let in_use = Self::in_use(cluster);
        // While KMS is off in the middle of an operation, the key to go back on with is recorded.
        let before = || {
            let operation = recorded?.record.operation.as_ref()?;
            (operation.intent == *intent).then(|| Self::recorded(operation)).flatten()
        };
        match intent {
            Intent::Enable(Enable { target, .. }) => {
                Some(Self::key(target.key_id.clone(), target.key_vault_id.clone()))
            }
            Intent::Rotate(Rotate { key_id: Some(key_id), key_vault_id, .. }) => {
                let vault_in_use = in_use
                    .filter(|now| now.key_id.host().eq_ignore_ascii_case(key_id.host()))
                    .and_then(|now| now.vault_id);
                Some(Self::key(key_id.clone(), key_vault_id.clone().or(vault_in_use)))
            }
            Intent::Rotate(Rotate { key_id: None, .. }) => {
                // Where somebody else changed the key, nobody goes on with the operation.
                let unfinished = recorded
                    .filter(|found| found.fit != Fit::Superseded)
                    .and_then(|found| found.record.operation.as_ref())
                    .filter(|operation| operation.intent == *intent);
                in_use.map(|now| Self { versions: true, unfinished: unfinished.cloned(), ..now })
            }
            Intent::ChangeNetworkMode(asked) => {
                let closes = asked.network_mode == NetworkMode::Private
                    && asked.vault_access == VaultAccess::Change;
                in_use.or_else(before).map(|wanted| Self { vault_users: closes, ..wanted })
            }
            Intent::MigrateToV2(_) => {
                in_use.or_else(before).map(|wanted| Self { upgrades: true, ..wanted })
            }
            Intent::SetDataEncryption(asked) => match asked.target.on() {
                Some(target) => Some(Self::key(target.key_id.clone(), target.key_vault_id.clone())),
                None => in_use,
            },
            Intent::Disable(_) | Intent::ReencryptSecrets(_) => in_use,
        }
    }

    fn key(key_id: KeyId, vault_id: Option<VaultId>) -> Self {
        Self {
            key_id,
            vault_id,
            versions: false,
            unfinished: None,
            vault_users: false,
            upgrades: false,
        }
    }

    /// The key that an operation began with.
    fn recorded(operation: &Operation) -> Option<Self> {
        let before = operation.before.on()?;
        Some(Self::key(before.key_id.clone(), before.key_vault_id.clone()))
    }

    /// The key that a cluster is configured with.
    pub(crate) fn in_use(cluster: &ClusterFacts) -> Option<Self> {
        let profile = cluster.kms_on()?;
        // AKS goes by the newest version of a customer-managed key, whichever a profile may name.
        let key_id = profile.key_id()?;
        let is_any = cluster.has_data_encryption();
        let key_id = if is_any { key_id.without_version() } else { key_id.clone() };
        Some(Self::key(key_id, profile.key_vault_id().cloned()))
    }
}
