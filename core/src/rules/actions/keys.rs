//! Which keys a cluster may need.

use super::Guarded;
use crate::{
    facts::{Fact, Lookup},
    ids::{KeyId, NetworkMode},
    ledger::{KeyNeeds, Need},
    observed::Observed,
    rules::data_encryption_key::of_version,
};

/// A key that this cluster uses, used, or may have used.
pub(super) struct UsedKey {
    pub(super) key_id: KeyId,
    pub(super) need: Need,
    pub(super) network_mode: Option<NetworkMode>,
    /// Named without a version, for AKS to go by the newest one.
    pub(super) is_customer_managed: bool,
}

impl Guarded<'_> {
    pub(super) fn needs(&self) -> Result<KeyNeeds<'_>, String> {
        match &self.observed.record {
            Some(Fact::Known(reconciled)) => Ok(KeyNeeds { reconciled }),
            Some(Fact::Unknown(why)) => Err(format!("the cluster's ledger cannot be read: {why}")),
            None => Err("no ledger is kept: this manager was made without a journal".to_owned()),
        }
    }

    /// Every key that this cluster names or its ledger knows.
    pub(super) fn keys(&self) -> Vec<UsedKey> {
        let mut keys = Vec::new();
        if let Some(profile) = &self.cluster().kms
            && let Some(key_id) = profile.key_id()
        {
            let needed = |why: &str| Need::Needed(why.to_owned());
            let need = match (profile.enabled, self.cluster().has_data_encryption()) {
                (true, _) => needed("it is the key in use"),
                (false, false) => needed("KMS is off, and the last key must be kept"),
                // What is left of a key before the platform's.
                (false, true) => self.unlisted(),
            };
            keys.push(UsedKey {
                key_id: key_id.clone(),
                need,
                network_mode: profile.network_mode,
                is_customer_managed: profile.enabled && self.cluster().has_data_encryption(),
            });
        }
        for (key_id, entry, need) in self.needs().iter().flat_map(|needs| needs.keys()) {
            if !keys.iter().any(|key| key.key_id == *key_id) {
                keys.push(UsedKey {
                    key_id: key_id.clone(),
                    need,
                    network_mode: entry.network_mode,
                    is_customer_managed: entry.key().is_data_encryption(),
                });
            }
        }
        keys
    }

    /// Whether keys are needed that neither the cluster nor its ledger names.
    pub(super) fn unlisted(&self) -> Need {
        match self.needs() {
            Ok(needs) => needs.of_others(),
            Err(why) => Need::Unknown(why),
        }
    }

    /// The gravest need of these keys, and of others that may be among them.
    pub(super) fn most_severe(&self, which: impl Fn(&UsedKey) -> bool) -> Need {
        let named =
            self.keys().into_iter().filter(which).map(|UsedKey { key_id, need, .. }| match need {
                Need::Needed(why) => Need::Needed(format!("of key {key_id}: {why}")),
                Need::Unknown(why) => Need::Unknown(format!("of key {key_id}: {why}")),
                not_needed @ Need::NotNeeded { .. } => not_needed,
            });
        named.fold(self.unlisted(), max_by_severity)
    }

    /// Whether a version of the customer-managed key in use is needed. `None`: it is none of that key.
    pub(super) fn of_own_version(&self, key_id: &KeyId) -> Option<Need> {
        let Observed { cluster, key, own_versions, .. } = self.observed;
        key_id.version()?;
        let own = cluster.kms_on().filter(|_| cluster.has_data_encryption())?.key_id()?;
        (own.without_version() == key_id.without_version()).then_some(())?;
        let unknown = |what: &str, why: &str| Need::Unknown(format!("{what}: {why}"));
        let newest = match key.as_ref().map(Fact::get) {
            Some(Ok(Lookup::Found(newest))) if newest.kid == key_id.as_str() => Need::Needed(
                "it is the newest version of the customer-managed key, which AKS takes up"
                    .to_owned(),
            ),
            Some(Ok(_)) => not_needed(),
            Some(Err(why)) => unknown("which version of the key is the newest is not known", why),
            None => unknown("which version of the key is the newest is not known", "nobody looked"),
        };
        let versions = match own_versions.as_ref().map(Fact::get) {
            Some(Ok(versions)) => Ok(versions.as_slice()),
            Some(Err(why)) => Err(why),
            None => Err("nobody looked"),
        };
        let recorded = match self.needs() {
            Ok(needs) => of_version(needs, key_id, versions),
            Err(why) => Need::Unknown(why),
        };
        Some(max_by_severity(newest, recorded))
    }
}

pub(super) fn not_needed() -> Need {
    Need::NotNeeded { reason: String::new() }
}

pub(super) fn max_by_severity(left: Need, right: Need) -> Need {
    let gravity = |need: &Need| match need {
        Need::Needed(_) => 2,
        Need::Unknown(_) => 1,
        Need::NotNeeded { .. } => 0,
    };
    if gravity(&right) > gravity(&left) { right } else { left }
}
