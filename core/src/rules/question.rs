//! What the rules are asked.

use crate::{
    facts::{Fact, IdentityKind, KmsProfile, Lookup},
    ids::{KeyId, KubernetesVersion, NetworkMode, VaultId, Verb},
    observed::Observed,
    options::ReencryptOptions,
    plan::{has_gate, has_rewrite},
    report::{KmsChange, KmsConfiguration, Step},
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
        let data_encryption = None;
        Self { verb, observed, target: None, data_encryption, gate, rewrites, reencrypt }
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
        self.target.filter(|target| !self.in_use().is_some_and(|profile| profile.is(target)))
    }

    /// The cluster is busy with the very change that is asked for, which an earlier run began: it
    /// is waited for.
    pub(super) fn is_own_operation(&self) -> bool {
        self.target.is_some()
            && self.sets().is_none()
            && self.observed.cluster.provisioning_state.eq_ignore_ascii_case("Updating")
    }

    /// Secrets are asked or rewritten.
    pub(super) fn touches_secrets(&self) -> bool {
        self.gate || self.rewrites
    }

    /// The configuration whose vault, key and access are judged.
    pub(super) fn configuration(&self) -> Option<Configuration<'a>> {
        match (self.sets(), self.in_use()) {
            (Some(target), Some(profile)) if target.key_id.version().is_none() => {
                Some(Configuration {
                    text: profile.key.as_ref()?.as_str(),
                    key_id: profile.key_id(),
                    network_mode: Some(target.network_mode),
                    is_in_use: true,
                })
            }
            (Some(target), _) => Some(Configuration {
                text: target.key_id.as_str(),
                key_id: Some(&target.key_id),
                network_mode: Some(target.network_mode),
                is_in_use: false,
            }),
            (None, Some(profile)) => Some(Configuration {
                text: profile.key.as_ref()?.as_str(),
                key_id: profile.key_id(),
                network_mode: profile.network_mode,
                is_in_use: true,
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
