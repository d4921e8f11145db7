//! What a verb is asked, in a world that a case may change.

use super::{
    KEY, KEY_0, KEY_1, KEY_2, VAULT, customer_managed_of, entry, key, key_version, kms_on,
    observed, platform_entry, previous_key, proven, recorded, target_of, version_entry,
};
use crate::{
    catalogue::RuleId,
    facts::{
        AccessFacts, ClusterFacts, Fact, KeyFacts, KeyVersion, KmsProfile, KubernetesFacts, Lookup,
        VaultFacts,
    },
    ids::{NetworkMode, Verb},
    ledger::Ledger,
    observed::{Observed, PreviousKey},
    options::ReencryptOptions,
    report::{Finding, KmsChange, KmsConfiguration},
    rules::{RuleContext, judge},
};

/// What a verb is asked in a world that a case may change.
pub(crate) struct World {
    pub(crate) verb: Verb,
    pub(crate) observed: Observed,
    pub(crate) target: Option<KmsConfiguration>,
    pub(crate) data_encryption: Option<KmsChange>,
    pub(crate) new_version: bool,
    pub(crate) gate: bool,
    pub(crate) rewrites: bool,
    pub(crate) reencrypt: ReencryptOptions,
}

impl World {
    /// `enable` with the first key in public mode.
    pub(crate) fn enable() -> Self {
        Self {
            verb: Verb::Enable,
            observed: observed(),
            target: Some(target_of(KEY_1, NetworkMode::Public)),
            data_encryption: None,
            new_version: false,
            gate: true,
            rewrites: true,
            reencrypt: ReencryptOptions::default(),
        }
    }

    /// `enable` with the first key in private mode, in a cluster with VNet integration.
    pub(crate) fn enable_private() -> Self {
        let mut world = Self::enable();
        world.observed.cluster.vnet_integration = true;
        world.target = Some(target_of(KEY_1, NetworkMode::Private));
        world
    }

    /// `rotate` from the first key to the second in public mode. The key before is in good order.
    pub(crate) fn rotate() -> Self {
        let mut world = Self::enable();
        world.verb = Verb::Rotate;
        world.observed.cluster.kms = Some(kms_on(KEY_1, NetworkMode::Public));
        world.observed.key = Some(Fact::Known(Lookup::Found(key(KEY_2))));
        world.target = Some(target_of(KEY_2, NetworkMode::Public));
        let found = recorded(proven(entry(KEY_1)), Some(proven(entry(KEY_0))), &[]);
        world.observed.record = Some(Fact::Known(found));
        world.observed.previous = Some(previous_key(KEY_0));
        world
    }

    /// `rotate` to a new version of the first key.
    pub(crate) fn rotate_to_new_version() -> Self {
        let mut world = Self::rotate();
        world.observed.key = Some(Fact::Known(Lookup::Found(key(KEY_1))));
        world.observed.versions = Some(Fact::Known(Vec::new()));
        let in_use = target_of(KEY_1, NetworkMode::Public);
        world.target = Some(KmsConfiguration { key_id: in_use.key_id.without_version(), ..in_use });
        world
    }

    /// `disable`, with the first key in use.
    pub(crate) fn disable() -> Self {
        let mut world = Self::status();
        world.verb = Verb::Disable;
        world.gate = true;
        world.rewrites = true;
        world
    }

    /// `reencrypt_secrets`, with the first key in use.
    pub(crate) fn reencrypt_secrets() -> Self {
        let mut world = Self::status();
        world.verb = Verb::ReencryptSecrets;
        world.rewrites = true;
        world
    }

    /// `status`, with the first key in use.
    pub(crate) fn status() -> Self {
        let mut world = Self::enable();
        world.verb = Verb::Status;
        world.observed.cluster.kms = Some(kms_on(KEY_1, NetworkMode::Public));
        world.target = None;
        world.gate = false;
        world.rewrites = false;
        world
    }

    /// `set_data_encryption` with a platform-managed key, in a cluster without KMS.
    pub(crate) fn to_platform() -> Self {
        let mut world = Self::enable();
        world.verb = Verb::SetDataEncryption;
        world.target = None;
        world.data_encryption = Some(KmsChange::PlatformManaged);
        world.observed.preview_feature = Some(Fact::Known(true));
        let Observed { vault, key, access, diagnostics, .. } = &mut world.observed;
        (*vault, *key, *access, *diagnostics) = (None, None, None, None);
        world
    }

    /// `set_data_encryption` with a customer-managed key in public mode, in a cluster without KMS.
    pub(crate) fn to_customer_managed() -> Self {
        let mut world = Self::enable();
        world.verb = Verb::SetDataEncryption;
        world.ask_customer_managed(KEY, NetworkMode::Public);
        world.observed.preview_feature = Some(Fact::Known(true));
        world
    }

    /// The same in private mode, with a closed vault.
    pub(crate) fn to_customer_managed_private() -> Self {
        let mut world = Self::to_customer_managed();
        world.ask_customer_managed(KEY, NetworkMode::Private);
        let vault = world.vault();
        (vault.public_network_access, vault.firewall) = (false, true);
        world
    }

    /// `status` of a cluster with a platform-managed key, which we set.
    pub(crate) fn platform() -> Self {
        let mut world = Self::to_platform();
        world.verb = Verb::Status;
        world.data_encryption = None;
        (world.gate, world.rewrites) = (false, false);
        world.observed.preview_feature = None;
        world.observed.cluster.infrastructure_encryption = true;
        let found = recorded(proven(platform_entry()), None, &[]);
        world.observed.record = Some(Fact::Known(found));
        world
    }

    /// `status` of a cluster with a customer-managed key in public mode: the newest version is in use and proven,
    /// the one before was used.
    pub(crate) fn customer_managed() -> Self {
        let mut world = Self::platform();
        let on = kms_on(KEY, NetworkMode::Public);
        world.observed.cluster.kms =
            Some(KmsProfile { vault: Some(VAULT.to_owned().into()), ..on });
        let Observed { vault, key, access, diagnostics, .. } = observed();
        world.observed = Observed { vault, key, access, diagnostics, ..world.observed };
        world.observed.key = Some(Fact::Known(Lookup::Found(self::key(KEY_2))));
        world.observed.own_versions =
            Some(Fact::Known(vec![key_version(KEY_2, 10), key_version(KEY_1, 90)]));
        let found = recorded(proven(version_entry(KEY_2)), Some(version_entry(KEY_1)), &[]);
        world.observed.record = Some(Fact::Known(found));
        world
    }

    /// The same in private mode, with a closed vault.
    pub(crate) fn customer_managed_private() -> Self {
        let mut world = Self::customer_managed();
        let private = Some(NetworkMode::Private);
        world.observed.cluster.kms.as_mut().unwrap().network_mode = private;
        let ledger = world.ledger();
        for entry in [&mut ledger.current, &mut ledger.previous].into_iter().flatten() {
            entry.network_mode = private;
        }
        let vault = world.vault();
        (vault.public_network_access, vault.firewall) = (false, true);
        world
    }

    /// `rotate` without a key id on a customer-managed key.
    pub(crate) fn new_version() -> Self {
        let mut world = Self::customer_managed();
        world.verb = Verb::Rotate;
        (world.new_version, world.gate, world.rewrites) = (true, true, true);
        world.observed.versions = world.observed.own_versions.clone();
        world
    }

    /// Asks for a customer-managed key.
    pub(crate) fn ask_customer_managed(&mut self, key_id: &str, network_mode: NetworkMode) {
        let target = customer_managed_of(key_id, network_mode);
        self.target = Some(target.clone());
        self.data_encryption = Some(KmsChange::CustomerManaged(target));
    }

    /// Asks of the cluster as it is for a platform-managed key.
    pub(crate) fn ask_platform(&mut self) {
        self.verb = Verb::SetDataEncryption;
        self.data_encryption = Some(KmsChange::PlatformManaged);
        (self.gate, self.rewrites) = (true, true);
    }

    /// The versions of the customer-managed key in use.
    pub(crate) fn own_versions(&mut self) -> &mut Vec<KeyVersion> {
        match &mut self.observed.own_versions {
            Some(Fact::Known(versions)) => versions,
            other => panic!("there are no versions to change: {other:?}"),
        }
    }

    pub(crate) fn cluster(&mut self) -> &mut ClusterFacts {
        &mut self.observed.cluster
    }

    pub(crate) fn vault(&mut self) -> &mut VaultFacts {
        match &mut self.observed.vault {
            Some(Fact::Known(Lookup::Found(vault))) => vault,
            other => panic!("there is no vault to change: {other:?}"),
        }
    }

    pub(crate) fn key(&mut self) -> &mut KeyFacts {
        match &mut self.observed.key {
            Some(Fact::Known(Lookup::Found(key))) => key,
            other => panic!("there is no key to change: {other:?}"),
        }
    }

    /// The key before the one in use.
    pub(crate) fn previous(&mut self) -> &mut PreviousKey {
        self.observed.previous.as_mut().unwrap()
    }

    /// The version before the one in use.
    pub(crate) fn previous_version(&mut self) -> &mut KeyFacts {
        match &mut self.previous().key {
            Fact::Known(Lookup::Found(key)) => key,
            other => panic!("there is no previous key to change: {other:?}"),
        }
    }

    /// The ledger of the record.
    pub(crate) fn ledger(&mut self) -> &mut Ledger {
        match &mut self.observed.record {
            Some(Fact::Known(found)) => &mut found.record.ledger,
            other => panic!("there is no record to change: {other:?}"),
        }
    }

    pub(crate) fn access(&mut self) -> &mut AccessFacts {
        self.observed.access.as_mut().unwrap()
    }

    pub(crate) fn kubernetes(&mut self) -> &mut KubernetesFacts {
        match &mut self.observed.kubernetes {
            Fact::Known(kubernetes) => kubernetes,
            Fact::Unknown(why) => panic!("there is no API server to change: {why}"),
        }
    }

    pub(crate) fn question(&self) -> RuleContext<'_> {
        RuleContext {
            data_encryption: self.data_encryption.as_ref(),
            new_version: self.new_version,
            verb: self.verb,
            observed: &self.observed,
            target: self.target.as_ref(),
            gate: self.gate,
            rewrites: self.rewrites,
            reencrypt: &self.reencrypt,
        }
    }

    pub(crate) fn judge(&self) -> Vec<Finding> {
        judge(&self.question())
    }

    pub(crate) fn rules(&self) -> Vec<RuleId> {
        self.judge().iter().map(|finding| finding.rule).collect()
    }
}
