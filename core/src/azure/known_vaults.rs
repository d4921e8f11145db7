//! Where vaults are, looked for once for many clusters: Resource Graph takes three queries a second.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::ids::VaultId;

/// A vault can be moved to another resource group; Resource Graph itself lags behind by minutes.
const KNOWN: Duration = Duration::from_secs(600);

/// Vaults by name in lower case: there are no two of one name in a cloud.
#[derive(Debug, Default)]
pub(super) struct KnownVaults(Mutex<Option<Known>>);

#[derive(Debug)]
struct Known {
    since: Instant,
    vaults: HashMap<String, VaultId>,
}

impl KnownVaults {
    /// The vault of this name, if it was seen a short time ago.
    pub(super) fn get(&self, name: &str) -> Option<VaultId> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.take_if(|known| known.since.elapsed() >= KNOWN);
        known.as_ref()?.vaults.get(&name.to_ascii_lowercase()).cloned()
    }

    /// The vault of this name is there now, or nobody knows where: what was seen before is no longer so.
    pub(super) fn correct(&self, name: &str, now: Option<VaultId>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = known.as_mut() else { return };
        let name = name.to_ascii_lowercase();
        match now {
            Some(id) => drop(known.vaults.insert(name, id)),
            None => drop(known.vaults.remove(&name)),
        }
    }

    /// These are all vaults there were then.
    pub(super) fn set(&self, since: Instant, vaults: impl Iterator<Item = VaultId>) {
        let vaults = vaults.map(|id| (id.name().to_ascii_lowercase(), id)).collect();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Known { since, vaults });
    }
}
