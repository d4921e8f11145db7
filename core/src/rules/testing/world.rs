//! What a verb is asked, in a world that a case may change.

use super::{
    KEY_0, KEY_1, KEY_2, entry, key, kms_on, observed, previous_key, proven, recorded, target_of,
};
use crate::{
    catalogue::RuleId,
    facts::{AccessFacts, ClusterFacts, Fact, KeyFacts, KubernetesFacts, Lookup, VaultFacts},
    ids::{NetworkMode, Verb},
    ledger::Ledger,
    observed::{Observed, PreviousKey},
    options::ReencryptOptions,
    report::{Finding, KmsConfiguration},
    rules::{RuleContext, judge},
};

/// What a verb is asked in a world that a case may change.
pub(crate) struct World {
    pub(crate) verb: Verb,
    pub(crate) observed: Observed,
    pub(crate) target: Option<KmsConfiguration>,
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
            data_encryption: None,
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
