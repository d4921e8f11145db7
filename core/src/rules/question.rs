//! What the rules are asked.

use crate::{
    facts::{Fact, IdentityKind, KeyFacts, KmsProfile, Lookup},
    ids::{KeyId, KubernetesVersion, NetworkMode, VaultId, Verb},
    observed::Observed,
    options::ReencryptOptions,
    plan::{has_gate, has_rewrite},
    report::{Experience, KmsChange, KmsConfiguration, Step},
};

/// What a verb is about to do, and to what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RuleContext<'a> {
    pub(crate) verb: Verb,
    pub(crate) observed: &'a Observed,
    /// The KMS configuration that is asked for. `None`: the verb sets none. A key without a
    /// version: the operation makes one, and the version in use is what can be judged.
    pub(crate) target: Option<&'a KmsConfiguration>,
    /// What is asked for of the newer experience. `None`: nothing.
    pub(crate) data_encryption: Option<&'a KmsChange>,
    /// A new version of the customer-managed key is what the verb is about.
    pub(crate) new_version: bool,
    /// The plan has a gate.
    pub(crate) gate: bool,
    /// The plan rewrites secrets after what it changes, or only rewrites.
    pub(crate) rewrites: bool,
    /// How secrets are rewritten.
    pub(crate) reencrypt: &'a ReencryptOptions,
}

/// A KMS configuration: the one that the plan will set, or the one in use.
#[derive(Clone, Copy, Debug)]
pub(super) struct Configuration<'a> {
    /// Character by character.
    pub(super) text: &'a str,
    /// `None`: the text cannot be read as a key id.
    pub(super) key_id: Option<&'a KeyId>,
    /// `None`: the cluster does not say.
    pub(super) network_mode: Option<NetworkMode>,
    /// The cluster has the key already.
    pub(super) is_in_use: bool,
    /// The key is named without a version, for AKS to go by the newest one.
    pub(super) is_customer_managed: bool,
}

impl<'a> RuleContext<'a> {
    /// Of a plan with these steps; what it sets is not judged.
    pub(crate) fn of(
        verb: Verb,
        observed: &'a Observed,
        steps: &[Step],
        reencrypt: &'a ReencryptOptions,
    ) -> Self {
        let (gate, rewrites) = (has_gate(steps), has_rewrite(steps));
        Self {
            verb,
            observed,
            target: None,
            data_encryption: None,
            new_version: false,
            gate,
            rewrites,
            reencrypt,
        }
    }

    /// The profile, if KMS is on now.
    pub(super) fn in_use(&self) -> Option<&'a KmsProfile> {
        self.observed.cluster.kms_on()
    }

    /// KMS is on now and it is v1.
    pub(super) fn kms_v1_in_use(&self) -> bool {
        self.in_use().is_some() && self.below_kms_v2()
    }

    /// KMS is v1 on the cluster's Kubernetes version.
    pub(super) fn below_kms_v2(&self) -> bool {
        self.observed.cluster.kubernetes_version < KubernetesVersion::KMS_V2
    }

    /// The target, unless the cluster has exactly that configuration already.
    pub(super) fn sets(&self) -> Option<&'a KmsConfiguration> {
        let cluster = &self.observed.cluster;
        let has = |target| match self.data_encryption {
            Some(change) => cluster.has(change),
            None => self.in_use().is_some_and(|profile| profile.is(target)),
        };
        self.target.filter(|target| !has(target))
    }

    /// Data encryption is asked for, and the cluster has none.
    pub(super) fn turns_on_data_encryption(&self) -> bool {
        self.data_encryption.is_some() && !self.observed.cluster.has_data_encryption()
    }

    /// Data encryption is asked for with another key than the cluster has.
    pub(super) fn changes_data_encryption(&self) -> bool {
        self.data_encryption.is_some_and(|change| !self.observed.cluster.has(change))
    }

    /// The profile, if it is of a customer-managed key.
    pub(super) fn customer_managed_in_use(&self) -> Option<&'a KmsProfile> {
        let is = self.observed.cluster.experience() == Some(Experience::CustomerManaged);
        self.in_use().filter(|_| is)
    }

    /// The configuration, if it is of a customer-managed key.
    pub(super) fn customer_managed(&self) -> Option<Configuration<'a>> {
        self.configuration().filter(|configuration| configuration.is_customer_managed)
    }

    /// The key version that the verb is about, where it was found.
    pub(super) fn found_key(&self) -> Option<&'a KeyFacts> {
        self.observed.key.as_ref().and_then(Fact::known).and_then(Lookup::found)
    }

    /// The cluster is busy with the very change that is asked for, which an earlier run began: it
    /// is waited for.
    pub(super) fn is_own_operation(&self) -> bool {
        let is_asked = self.target.is_some() || self.data_encryption.is_some();
        is_asked
            && self.sets().is_none()
            && !self.changes_data_encryption()
            && self.observed.cluster.provisioning_state.eq_ignore_ascii_case("Updating")
    }

    /// Secrets are asked or rewritten.
    pub(super) fn touches_secrets(&self) -> bool {
        self.gate || self.rewrites
    }

    /// The configuration whose vault, key and access are judged.
    pub(super) fn configuration(&self) -> Option<Configuration<'a>> {
        match (self.sets(), self.in_use()) {
            (Some(target), Some(profile))
                if target.key_id.version().is_none() && self.data_encryption.is_none() =>
            {
                Some(Configuration {
                    text: profile.key.as_ref()?.as_str(),
                    key_id: profile.key_id(),
                    network_mode: Some(target.network_mode),
                    is_in_use: true,
                    is_customer_managed: false,
                })
            }
            (Some(target), _) => Some(Configuration {
                text: target.key_id.as_str(),
                key_id: Some(&target.key_id),
                network_mode: Some(target.network_mode),
                is_in_use: false,
                is_customer_managed: self.data_encryption.is_some(),
            }),
            (None, Some(profile)) => Some(Configuration {
                text: profile.key.as_ref()?.as_str(),
                key_id: profile.key_id(),
                network_mode: profile.network_mode,
                is_in_use: true,
                is_customer_managed: self.observed.cluster.has_data_encryption(),
            }),
            (None, None) => None,
        }
    }

    /// The vault's resource id: the one that was found, else the one that was passed.
    pub(super) fn vault_id(&self) -> Option<&'a VaultId> {
        let found = self.observed.vault.as_ref().and_then(Fact::known).and_then(Lookup::found);
        let passed = self.target.and_then(|target| target.key_vault_id.as_ref());
        found.map(|vault| &vault.id).or(passed)
    }

    /// Whether it is known that there is no vault, so that nothing in it needs to be judged.
    pub(super) fn vault_is_missing(&self) -> bool {
        matches!(self.observed.vault, Some(Fact::Known(Lookup::NotFound | Lookup::SoftDeleted)))
    }

    /// Whether the cluster's identity is of the kind that KMS needs, and there. Of another,
    /// nothing but that is worth telling.
    pub(super) fn identity_is_usable(&self) -> bool {
        self.observed.cluster.identity_kind == IdentityKind::UserAssigned
            && self.identity_missing().is_none()
    }

    /// How it shows that the cluster's identity does not exist any more.
    pub(super) fn identity_missing(&self) -> Option<&'a str> {
        self.observed.access.as_ref()?.identity_missing.as_deref()
    }

    /// The vault as findings name it: its resource id where that is known, else its host.
    pub(super) fn vault_resource(&self) -> String {
        if let Some(id) = self.vault_id() {
            return id.to_string();
        }
        let Some(configuration) = self.configuration() else { return String::new() };
        configuration.key_id.map_or(configuration.text, KeyId::host).to_owned()
    }
}

impl KmsProfile {
    /// `None`: the cluster names no key that tells its vault.
    pub(super) fn same_vault(&self, target: &KmsConfiguration) -> Option<bool> {
        Some(self.key_id()?.host().eq_ignore_ascii_case(target.key_id.host()))
    }

    /// `None`: the cluster does not say.
    pub(super) fn same_mode(&self, target: &KmsConfiguration) -> Option<bool> {
        self.network_mode.map(|mode| mode == target.network_mode)
    }
}
