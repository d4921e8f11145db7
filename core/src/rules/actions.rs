//! Rules about what is done elsewhere: to keys, vaults, identities and the cluster.
//!
//! What the cluster itself names is certain. For all other keys the ledger decides, and without one
//! that can be relied on the response is *undetermined*, which refuses.

mod keys;

use self::keys::{UsedKey, max_by_severity, not_needed};
use super::{access::grants_key_access, remedy};
use crate::{
    catalogue::RuleId,
    facts::{AccessFacts, ClusterFacts, ClusterWithKms, Fact, Lookup, VaultFacts},
    ids::{IdentityId, KeyId, KubernetesVersion, NetworkMode, VaultId},
    ledger::Need,
    observed::Observed,
    report::{Action, Finding},
};

/// What somebody is about to do, and to what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Guarded<'a> {
    pub(crate) action: &'a Action,
    pub(crate) observed: &'a Observed,
    /// All clusters that use keys in vaults, as far as they can be seen; this one may be among them.
    pub(crate) others: &'a Fact<Vec<ClusterWithKms>>,
}

/// What there is against it: nothing, where the list is empty.
pub(crate) fn guard(guarded: &Guarded<'_>) -> Vec<Finding> {
    let values = guarded.values();
    let mut findings: Vec<Finding> =
        guarded.judge().into_iter().map(|finding| remedy::fill(finding, &values)).collect();
    super::sort(&mut findings);
    findings
}

impl Guarded<'_> {
    fn judge(&self) -> Vec<Finding> {
        match self.action {
            Action::DeleteKey { key_id }
            | Action::DisableKey { key_id }
            | Action::ExpireKey { key_id } => self.key(key_id),
            Action::DeleteVault { key_vault_id } => self.vault(key_vault_id),
            Action::DeleteIdentity { identity_id } => self.identity(identity_id),
            Action::RemoveRole { key_vault_id, principal_id } => {
                self.role(key_vault_id, principal_id)
            }
            Action::StopCluster => self.stop().into_iter().collect(),
            Action::ScaleToZero { node_pool } => {
                self.scale_to_zero(node_pool).into_iter().collect()
            }
            Action::Upgrade { kubernetes_version } => {
                self.upgrade(*kubernetes_version).into_iter().collect()
            }
            Action::CloseVault { key_vault_id } => self.close(key_vault_id),
            Action::DenyTrustedServices { key_vault_id } => self.trusted_services(key_vault_id),
            Action::MoveTenant => {
                let cluster = self.cluster().id.to_string();
                let need = self.most_severe(|_| true);
                finding(RuleId::TenantMove, &cluster, need).into_iter().collect()
            }
        }
    }

    fn cluster(&self) -> &ClusterFacts {
        &self.observed.cluster
    }

    fn key(&self, key_id: &KeyId) -> Vec<Finding> {
        let rule = RuleId::KeyStillNeeded;
        let resource = key_id.to_string();
        let listed = self.keys().into_iter().find(|key| key.key_id == *key_id);
        let need = match listed {
            Some(key) => key.need,
            None => self.most_severe(|key| covers(key_id, &key.key_id)),
        };
        let need = match self.of_own_version(key_id) {
            Some(of_version) => max_by_severity(need, of_version),
            None => need,
        };
        let is_hit = |user: &ClusterWithKms| {
            KeyId::parse(&user.key_id).is_ok_and(|key| covers(key_id, &key) || covers(&key, key_id))
        };
        let mut findings = self.with_others(rule, &resource, need, is_hit);
        let perhaps = self.other_users().filter(|user| !is_hit(user) && user.shares_vault(key_id));
        findings.extend(perhaps.map(|user| previous_of_other(rule, user, key_id)));
        findings
    }

    /// Other clusters that use keys in vaults, as far as they can be seen.
    fn other_users(&self) -> impl Iterator<Item = &ClusterWithKms> {
        let own = self.cluster().id.to_string();
        let users = self.others.known().map_or(&[][..], Vec::as_slice);
        users.iter().filter(move |user| !user.id.eq_ignore_ascii_case(&own))
    }

    fn vault(&self, vault: &VaultId) -> Vec<Finding> {
        let need = self.most_severe(|key| is_in(&key.key_id, vault));
        let is_hit = |user: &ClusterWithKms| user.uses(vault);
        self.with_others(RuleId::VaultStillNeeded, &vault.to_string(), need, is_hit)
    }

    fn identity(&self, identity: &IdentityId) -> Vec<Finding> {
        let is = |id: &str| IdentityId::parse(id).is_ok_and(|id| id == *identity);
        let is_own = self.cluster().identities.iter().any(|own| is(&own.resource_id));
        let need = if is_own { self.most_severe(|_| true) } else { not_needed() };
        let is_hit = |user: &ClusterWithKms| user.identities.iter().any(|(id, _)| is(id));
        self.with_others(RuleId::IdentityStillNeeded, &identity.to_string(), need, is_hit)
    }

    fn role(&self, vault: &VaultId, principal: &str) -> Vec<Finding> {
        let in_vault = |key: &UsedKey| is_in(&key.key_id, vault);
        let need = match self.most_severe(in_vault) {
            not_needed @ Need::NotNeeded { .. } => not_needed,
            need => match self.gives_access(vault, principal) {
                Ok(true) => need,
                Ok(false) => not_needed(),
                Err(why) => Need::Unknown(why),
            },
        };
        let is_hit = |user: &ClusterWithKms| {
            let mut principals =
                user.identities.iter().filter_map(|(_, principal)| principal.as_ref());
            user.uses(vault) && principals.any(|own| own.eq_ignore_ascii_case(principal))
        };
        self.with_others(RuleId::AccessStillNeeded, &vault.to_string(), need, is_hit)
    }

    /// Whether the cluster's identity has its access to the vault's keys through this principal:
    /// itself, or a group that it is in.
    fn gives_access(&self, vault: &VaultId, principal: &str) -> Result<bool, String> {
        let is_own = |own: &str| own.eq_ignore_ascii_case(principal);
        let cluster = self.cluster();
        if cluster.identities.iter().filter_map(|it| it.principal_id.as_deref()).any(is_own) {
            return Ok(true);
        }
        let Some((facts, access)) = self.seen_of(vault) else {
            return Err(format!(
                "whether {principal} is a group of the cluster's identity cannot be seen at vault {}",
                vault.name()
            ));
        };
        match (&access.principal_id, &access.roles) {
            (Fact::Known(own), _) if is_own(own) => Ok(true),
            (Fact::Unknown(why), _) | (_, Fact::Unknown(why)) => Err(why.clone()),
            // With a customer-managed key the identity needs to read keys, too.
            (Fact::Known(_), Fact::Known(roles))
                if cluster.has_data_encryption()
                    && roles.iter().any(|role| is_own(&role.principal_id) && role.reads_keys()) =>
            {
                Ok(true)
            }
            (Fact::Known(own), Fact::Known(roles)) => {
                grants_key_access(facts, own, roles, principal)
            }
        }
    }

    /// What was seen of a vault and of the access to it.
    fn seen_of(&self, vault: &VaultId) -> Option<(&VaultFacts, &AccessFacts)> {
        let Observed { vault: in_use, access, previous, .. } = self.observed;
        let in_use = in_use.as_ref().zip(access.as_ref());
        let previous = previous.as_ref().map(|previous| (&previous.vault, &previous.access));
        [in_use, previous].into_iter().flatten().find_map(|(seen, access)| {
            let facts = seen.known().and_then(Lookup::found)?;
            (facts.id == *vault).then_some((facts, access))
        })
    }

    fn stop(&self) -> Option<Finding> {
        let rule = RuleId::StopWithPrivateVault;
        let cluster = self.cluster();
        // AKS reaches a customer-managed key as a trusted service.
        let is_reached = cluster.vnet_integration || cluster.has_data_encryption();
        let profile = cluster.kms_on().filter(|_| !is_reached)?;
        match profile.network_mode {
            Some(NetworkMode::Public) => None,
            Some(NetworkMode::Private) => Some(Finding::violated(
                rule,
                &cluster.id,
                "KMS is on with a private vault, and API Server VNet Integration is off",
            )),
            None => Some(Finding::undetermined(
                rule,
                &cluster.id,
                "the cluster's KMS profile names no network mode",
            )),
        }
    }

    fn scale_to_zero(&self, node_pool: &str) -> Option<Finding> {
        let cluster = self.cluster();
        cluster.kms_on().map(|_| {
            let resource = format!("{}/agentPools/{node_pool}", cluster.id);
            Finding::violated(RuleId::ScaleToZero, resource, "KMS is on")
        })
    }

    fn upgrade(&self, to: KubernetesVersion) -> Option<Finding> {
        let cluster = self.cluster();
        let from = cluster.kubernetes_version;
        let blocked = from < KubernetesVersion::KMS_V2 && to >= KubernetesVersion::KMS_V2;
        cluster.kms_on().filter(|_| blocked).map(|_| {
            let message = format!("KMS v1 is on at Kubernetes {from}, and the upgrade is to {to}");
            Finding::violated(RuleId::KmsV1UpgradeBlocked, &cluster.id, message)
        })
    }

    fn close(&self, vault: &VaultId) -> Vec<Finding> {
        let in_vault = self.keys().into_iter().filter(|key| is_in(&key.key_id, vault));
        let needs = in_vault.filter_map(|UsedKey { key_id, need, network_mode, .. }| {
            match (need, network_mode) {
                (_, Some(NetworkMode::Private)) => None,
                (Need::Needed(why), None) => Some(Need::Unknown(format!(
                    "of key {key_id} it is not known in which mode it is used, and {why}"
                ))),
                (Need::Needed(why), Some(NetworkMode::Public)) => {
                    Some(Need::Needed(format!("of key {key_id}, used in public mode: {why}")))
                }
                (need, _) => Some(need),
            }
        });
        let need = needs.fold(self.unlisted(), max_by_severity);
        let is_hit = |user: &ClusterWithKms| user.uses_publicly(vault);
        self.with_others(RuleId::VaultClosingInPublicUse, &vault.to_string(), need, is_hit)
    }

    /// In private mode a customer-managed key is reached as a trusted service, and in no other way.
    fn trusted_services(&self, vault: &VaultId) -> Vec<Finding> {
        let in_vault = self.keys().into_iter();
        let in_vault = in_vault.filter(|key| key.is_customer_managed && is_in(&key.key_id, vault));
        let needs = in_vault.filter_map(|UsedKey { key_id, need, network_mode, .. }| {
            match (need, network_mode) {
                (_, Some(NetworkMode::Public)) => None,
                (Need::Needed(why), None) => Some(Need::Unknown(format!(
                    "of key {key_id} it is not known in which mode it is used, and {why}"
                ))),
                (Need::Needed(why), Some(NetworkMode::Private)) => {
                    Some(Need::Needed(format!("of key {key_id}, used in private mode: {why}")))
                }
                (need, _) => Some(need),
            }
        });
        // Without data encryption there never was such a key.
        let is_on = self.cluster().has_data_encryption();
        let others = if is_on { self.unlisted() } else { not_needed() };
        let need = needs.fold(others, max_by_severity);
        let is_hit = |user: &ClusterWithKms| {
            let is_public = user.network_mode == Some(NetworkMode::Public);
            let key_id = KeyId::parse(&user.key_id);
            user.uses(vault) && !is_public && key_id.is_ok_and(|key| key.version().is_none())
        };
        let rule = RuleId::TrustedServicesStillNeeded;
        self.with_others(rule, &vault.to_string(), need, is_hit)
    }

    /// What this cluster needs, and each other cluster that does.
    fn with_others(
        &self,
        rule: RuleId,
        resource: &str,
        need: Need,
        is_hit: impl Fn(&ClusterWithKms) -> bool,
    ) -> Vec<Finding> {
        let mut findings: Vec<Finding> = finding(rule, resource, need).into_iter().collect();
        findings.extend(self.other_users().filter(|user| is_hit(user)).map(|user| {
            let message = format!("cluster {} has key {} in its KMS profile", user.id, user.key_id);
            Finding::violated(rule, &user.id, message)
        }));
        if let Fact::Unknown(why) = self.others {
            let why = format!("whether another cluster uses it cannot be seen: {why}");
            findings.push(Finding::undetermined(rule, resource, &why));
        }
        findings
    }

    /// What the placeholders of remedies stand for.
    fn values(&self) -> remedy::Values {
        let cluster = &self.cluster().id;
        let mut values = vec![
            ("<group>", cluster.resource_group().to_owned()),
            ("<cluster>", cluster.name().to_owned()),
        ];
        match self.action {
            Action::DeleteKey { key_id }
            | Action::DisableKey { key_id }
            | Action::ExpireKey { key_id } => values.extend(remedy::of_key(key_id)),
            Action::DeleteVault { key_vault_id }
            | Action::CloseVault { key_vault_id }
            | Action::DenyTrustedServices { key_vault_id } => {
                values.push(("<vault>", key_vault_id.name().to_owned()));
            }
            Action::RemoveRole { key_vault_id, principal_id } => {
                values.push(("<vault id>", key_vault_id.to_string()));
                values.push(("<principal id>", principal_id.clone()));
            }
            Action::ScaleToZero { node_pool } => values.push(("<pool>", node_pool.clone())),
            _ => {}
        }
        values
    }
}

/// Whether an action on `asked`, perhaps all versions of it, hits this key.
fn covers(asked: &KeyId, key: &KeyId) -> bool {
    asked == key || (asked.version().is_none() && *asked == key.without_version())
}

/// Names of vaults are unique in a cloud.
fn is_in(key_id: &KeyId, vault: &VaultId) -> bool {
    key_id.vault_name().eq_ignore_ascii_case(vault.name())
}

/// A cluster names the key in use only: the one before, which its API servers read with too, may
/// be any other of the vault.
fn previous_of_other(rule: RuleId, user: &ClusterWithKms, key_id: &KeyId) -> Finding {
    let why = format!(
        "cluster {} uses key {} of the same vault, and may have used this one before, which Azure does not show",
        user.id, user.key_id
    );
    Finding {
        remedy: format!(
            "Ask a manager of that cluster: its `status` lists the keys that it used, and its `check_action` judges {key_id}; \
             where nothing is recorded there, keep the key until that cluster was rotated twice by one."
        ),
        ..Finding::undetermined(rule, &user.id, &why)
    }
}

fn finding(rule: RuleId, resource: &str, need: Need) -> Option<Finding> {
    match need {
        Need::Needed(why) => Some(Finding::violated(rule, resource, why)),
        Need::Unknown(why) => Some(Finding::undetermined(rule, resource, &why)),
        Need::NotNeeded { .. } => None,
    }
}
