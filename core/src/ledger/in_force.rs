//! What is in force, where the cluster's document does not tell.

use super::Ledger;
use crate::{
    error::Result,
    facts::ClusterFacts,
    ids::ExpectedKey,
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
    let key_vault_id = entry.key_vault_id.clone();
    match (entry.key(), entry.network_mode) {
        (ExpectedKey::Plaintext, _) => Ok(KmsChange::Off),
        (ExpectedKey::Platform, _) => Ok(KmsChange::PlatformManaged),
        (ExpectedKey::Key(key_id), Some(network_mode)) => {
            Ok(KmsConfiguration { key_id, network_mode, key_vault_id }.set())
        }
        (ExpectedKey::AnyVersion(key_id), Some(network_mode)) => {
            let configuration = KmsConfiguration { key_id, network_mode, key_vault_id };
            Ok(KmsChange::CustomerManaged(configuration))
        }
        (ExpectedKey::Key(_) | ExpectedKey::AnyVersion(_), None) => now.configured(),
    }
}
