//! What is in force, where the cluster's document does not tell.

use super::Ledger;
use crate::{
    error::Result,
    facts::ClusterFacts,
    report::{KmsChange, KmsConfiguration},
};

/// The profile that an operation begins with: after a change that did not succeed, the one that is
/// recorded to be in use.
///
/// # Errors
/// [`ErrorKind::Unexpected`](crate::ErrorKind::Unexpected): it cannot be named.
pub(crate) fn profile_in_force(now: &ClusterFacts, ledger: Option<&Ledger>) -> Result<KmsChange> {
    let current = ledger.and_then(|ledger| ledger.current.as_ref());
    let Some(entry) = current.filter(|_| !now.is_succeeded()) else { return now.configured() };
    match (&entry.key_id, entry.network_mode) {
        (None, _) => Ok(KmsChange::Off),
        (Some(key_id), Some(network_mode)) => {
            let (key_id, key_vault_id) = (key_id.clone(), entry.key_vault_id.clone());
            Ok(KmsConfiguration { key_id, network_mode, key_vault_id }.set())
        }
        (Some(_), None) => now.configured(),
    }
}
