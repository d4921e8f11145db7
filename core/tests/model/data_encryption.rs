//! Clusters with data encryption: what they have, and what others and AKS itself do to them.

use std::time::{Duration, Instant};

use aks_kms::{CustomerManagedKey, Experience, KeySource, NetworkMode};
use aks_kms_simulator::backend::{GroundTruth, KeyRef};
use serde_json::{Value, json};

use crate::{
    cluster::{Cluster, under},
    common::az::Az,
};

const PROFILE: &str = "kubernetesResourceObjectEncryptionProfile";
/// AKS has rewritten what it can by then.
const REWRITTEN: Duration = Duration::from_secs(20);

/// What a cluster is given that has it from the start: the newest version of the key, or the platform's.
pub(crate) fn given(by_platform: bool) -> Value {
    let kms = if by_platform {
        json!({"key": null, "enabled": false})
    } else {
        json!({"key": "{{key}}", "in_use": "{{key.3}}"})
    };
    json!({"infrastructure_encryption": true, "kms": kms})
}

/// How many secrets are under a key of the platform's.
pub(crate) fn under_platform(truth: &GroundTruth) -> usize {
    let keys = truth.by_key.iter().filter(|(key, _)| key.starts_with("platform/"));
    keys.map(|(_, count)| count).sum()
}

impl Cluster {
    /// Whether API servers have a key of data encryption, which they keep.
    pub(crate) fn has_data_encryption(&self) -> bool {
        self.rolled_out().0.current.as_ref().is_some_and(KeyRef::is_data_encryption)
    }

    /// Whether the cluster is set to it.
    pub(crate) fn is_set_to_data_encryption(&self) -> bool {
        let security = &self.document()["properties"]["securityProfile"];
        security[PROFILE]["infrastructureEncryption"] == "Enabled"
    }

    /// How many secrets are under what the cluster is set to.
    pub(crate) fn under_configured(&self, truth: &GroundTruth) -> usize {
        match self.configured() {
            Some(key) => under(truth, &key),
            None if self.is_set_to_data_encryption() => under_platform(truth),
            None => truth.plaintext,
        }
    }

    /// How many secrets are under a key that a pass proved, or one that AKS has moved on to since.
    pub(crate) fn under_proven(&self, truth: &GroundTruth, key_id: Option<&str>) -> usize {
        if !self.has_data_encryption() {
            return key_id.map_or(truth.plaintext, |key| under(truth, key));
        }
        let Some(key) = key_id else { return under_platform(truth) };
        let current = self.rolled_out().0.current.filter(|current| current.key_id != key);
        let has_version = key.matches('/').count() > 4;
        let moved_on = current.filter(|_| has_version).map_or(0, |it| under(truth, &it.key_id));
        under(truth, key) + moved_on
    }

    /// The key of the case's vault, or of the other one, as a customer-managed key.
    pub(crate) fn customer_managed(&self, other: bool) -> KeySource {
        let key = self.key(if other { 4 } else { 1 });
        let network_mode =
            if self.is_open(key) { NetworkMode::Public } else { NetworkMode::Private };
        KeySource::from(CustomerManagedKey {
            key_id: key.rsplit_once('/').unwrap().0.to_owned(),
            key_vault_id: self.vault_of(key).to_owned(),
            network_mode,
        })
    }

    /// The same security profile once more.
    pub(crate) fn ask_again(&self) -> bool {
        let security = self.document()["properties"]["securityProfile"].clone();
        security.as_object().is_some_and(|members| self.ask_for_security(members))
    }

    /// A tool that knows nothing of data encryption: it sends the cluster without its profile.
    pub(crate) fn drop_data_encryption(&self, disabled: bool) -> bool {
        let mut members = json!({PROFILE: null});
        if disabled {
            members["azureKeyVaultKms"] = json!({"enabled": false});
        }
        self.ask_for_security(members.as_object().unwrap())
    }

    /// `az keyvault key create`; gives whether the vault let it.
    pub(crate) async fn make_version(&self) -> bool {
        let name = self.key(1).split('/').nth(4).unwrap();
        let (status, _) = Az::login(self.case()).await.try_create_key(name).await;
        status.is_success()
    }

    /// Disables a version that neither API servers nor secrets have; gives whether there is one.
    pub(crate) async fn disable_older_version(&self, number: usize) -> bool {
        let key = self.key(number);
        let (config, uniform) = self.rolled_out();
        let has = |it: &Option<KeyRef>| it.as_ref().is_some_and(|it| it.key_id == key);
        let is_needed = has(&config.current) || has(&config.previous) || !uniform;
        if is_needed || !self.is_terminal_state() || under(&self.truth().await, key) > 0 {
            return false;
        }
        self.set_enabled(key, false);
        self.disabled.lock().unwrap().push(number);
        true
    }

    pub(crate) fn enable_versions(&self) {
        let disabled = std::mem::take(&mut *self.disabled.lock().unwrap());
        for number in disabled {
            self.set_enabled(self.key(number), true);
        }
    }

    /// AKS has taken up what there is, and has rewritten what it can.
    pub(crate) async fn rewritten(&self) -> Result<(), String> {
        self.look_for_key_versions().await;
        let began = Instant::now();
        while self.is_rewriting() {
            if began.elapsed() > REWRITTEN {
                return Err("AKS never ends rewriting secrets".to_owned());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    /// Whether an entry of the ledger is what the cluster is set to.
    pub(crate) fn is_configured(&self, entry: &aks_kms::LedgerEntry) -> bool {
        let key = entry.key_id.as_ref().map(aks_kms::KeyId::as_str);
        match (self.configured(), entry.experience) {
            (Some(configured), Some(Experience::CustomerManaged)) => {
                key.is_some_and(|key| is_of(key, &configured))
            }
            (Some(configured), _) => key == Some(configured.as_str()),
            (None, experience) => {
                self.is_set_to_data_encryption() && experience == Some(Experience::PlatformManaged)
            }
        }
    }
}

/// Whether a key id is this one, or names a version of it.
pub(crate) fn is_of(key_id: &str, key: &str) -> bool {
    key_id.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
