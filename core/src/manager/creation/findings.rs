//! What speaks against a creation: the rules, a cluster of that name, and one that came to be another. Pure.

use crate::{
    azure::NewCluster,
    catalogue::{Level, RuleId},
    error::{Error, ErrorKind},
    facts::{ClusterFacts, Configured},
    ids::{ClusterId, KubernetesVersion},
    report::{Experience, Finding, KmsChange},
    rules,
};

/// The cluster is as it is asked for, and its last operation did not succeed. Whether that was its creation
/// nobody can tell, and a cluster that exists is not changed.
pub(super) fn failed(id: &ClusterId, new: &NewCluster) -> Finding {
    let message = format!(
        "cluster {} exists with {}, and its last operation did not succeed",
        id.name(),
        as_asked(new)
    );
    let way_out = match new.target {
        // Nobody can name the key that its API servers write with, so no gate would pass.
        KmsChange::PlatformManaged => {
            format!(
                "let an update of it succeed, `az aks update --resource-group {} --name {}`, then call this again",
                id.resource_group(),
                id.name()
            )
        }
        KmsChange::CustomerManaged(_) => {
            "call set_data_encryption with the same key and data-encryption-retry in allow, which sets it to rights"
                .to_owned()
        }
        KmsChange::On(_) | KmsChange::Off => {
            "call enable with the same key, which sets it to rights".to_owned()
        }
    };
    let remedy = format!("If it ever worked, {way_out}; {}.", how_to_delete(id));
    Finding { remedy, ..Finding::violated(RuleId::ClusterExists, id, message) }
}

/// A cluster of that name is there: it is gone on with only if it is the one that is asked for.
pub(super) fn exists(there: &ClusterFacts, new: &NewCluster) -> Finding {
    let rule = RuleId::ClusterExists;
    if new.is(there) {
        let message = format!(
            "cluster {} exists with {} (provisioning state {}), so nothing else of body is applied",
            there.id.name(),
            as_asked(new),
            there.provisioning_state
        );
        let remedy = "Nothing needs to be done.".to_owned();
        let finding = Finding::violated(rule, &there.id, message).at(Level::Info, false);
        return Finding { remedy, ..finding };
    }
    let message = format!(
        "cluster {} exists, with {}, and not as it is asked for",
        there.id.name(),
        kms_of(there)
    );
    let finding = Finding::violated(rule, &there.id, message);
    if !there.has_data_encryption() && !new.target.is_data_encryption() {
        return finding;
    }
    let remedy = "Call `set_data_encryption`, or give the new cluster another name.".to_owned();
    Finding { remedy, ..finding }
}

/// What makes it the cluster that is asked for.
fn as_asked(new: &NewCluster) -> &'static str {
    match new.target {
        KmsChange::PlatformManaged => "this identity and a platform-managed key",
        _ => "this identity, key and network mode",
    }
}

/// What KMS a cluster has.
fn kms_of(there: &ClusterFacts) -> String {
    let key = there.kms_on().and_then(|profile| profile.key.as_ref());
    let key = key.map_or("that it does not name", Configured::as_str);
    match there.experience() {
        Some(Experience::KeyVault) => format!("KMS on with key {key}"),
        Some(Experience::CustomerManaged) => {
            format!("KMS data encryption with customer-managed key {key}")
        }
        Some(Experience::PlatformManaged) => {
            "KMS data encryption with a platform-managed key".to_owned()
        }
        None => "KMS off".to_owned(),
    }
}

/// The findings as they are of a cluster that is yet to be made: what they ask for goes into the call.
pub(super) fn judged(new: &NewCluster, findings: Vec<Finding>) -> Vec<Finding> {
    let before_creation = |finding: Finding| {
        let Some(remedy) = in_the_call(finding.rule, new) else { return finding };
        if finding.rule == RuleId::DataEncryptionVersion && !new.names_version {
            // Which one AKS takes then is not known, only that it is not below one.
            let first = KubernetesVersion::DATA_ENCRYPTION;
            let why = format!(
                "body names no kubernetesVersion, and what AKS takes then may be below {first}"
            );
            return Finding { remedy, ..Finding::undetermined(finding.rule, &new.facts.id, &why) };
        }
        Finding { remedy, ..finding }
    };
    rules::in_order(findings.into_iter().map(before_creation).collect())
}

/// What the call is to say instead, where the catalogue's remedy changes a cluster that is there.
fn in_the_call(rule: RuleId, new: &NewCluster) -> Option<String> {
    const USER_ASSIGNED: &str = "Pass the resource id of a user-assigned identity as identity_id, and leave identity out \
                                 of body; `provision` makes one that may use the key.";
    let version =
        |first: KubernetesVersion| format!("Name {first} or later as kubernetesVersion in body.");
    Some(match rule {
        RuleId::ClusterIdentitySystemAssigned => USER_ASSIGNED.to_owned(),
        RuleId::ClusterIdentityMissing => {
            "Pass the resource id of an identity that exists as identity_id; `provision` makes one that may use the key."
                .to_owned()
        }
        RuleId::DataEncryptionIdentity => match new.target {
            // With identity_id the identity is a managed one.
            KmsChange::PlatformManaged => {
                "Pass the resource id of a user-assigned identity as identity_id, or put `\"identity\": {\"type\": \
                 \"SystemAssigned\"}` into body, in place of a service principal."
                    .to_owned()
            }
            _ => USER_ASSIGNED.to_owned(),
        },
        RuleId::DataEncryptionVersion => version(KubernetesVersion::DATA_ENCRYPTION),
        RuleId::KmsV1OnEnable => version(KubernetesVersion::KMS_V2),
        RuleId::PrivateVaultNeedsVnetIntegration => {
            "Put `\"apiServerAccessProfile\": {\"enableVnetIntegration\": true}` into properties of body; or use a public \
             vault."
                .to_owned()
        }
        RuleId::BlocksOlderMigrations => {
            "Make the cluster without them: in properties of body, `VirtualMachineScaleSets` as type of each of \
             agentPoolProfiles, and `standard` as loadBalancerSku of networkProfile."
                .to_owned()
        }
        _ => return None,
    })
}

/// The way out where a creation failed.
pub(super) fn how_to_delete(id: &ClusterId) -> String {
    format!("if its creation failed, delete it and call this again: `az aks delete --ids {id}`")
}

/// The cluster came to be another one than was asked for.
pub(in crate::manager) fn changed(id: &ClusterId, new: &NewCluster, found: &ClusterFacts) -> Error {
    let has = if !found.has(&new.target) {
        kms_of(found)
    } else if new.is(found) {
        format!("provisioning state {}", found.provisioning_state)
    } else {
        "another identity".to_owned()
    };
    let was_turned_on = found.has_data_encryption() && !new.target.is_data_encryption();
    let message = if was_turned_on {
        format!(
            "cluster {id} has {has}, and a key with a version was asked for: AKS turned data encryption on by itself, as \
             it does in some new clusters, or somebody else made or changed the cluster meanwhile; it cannot be turned \
             off, so call set_data_encryption for it, or make another cluster"
        )
    } else {
        format!(
            "somebody else made or changed cluster {id} meanwhile, which has {has}; look at it, and call enable, rotate or \
             set_data_encryption for it"
        )
    };
    Error::new(ErrorKind::Conflict, message).until_somebody_acts()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        catalogue::{Rule, rules},
        facts::KmsProfile,
        ids::{IdentityId, NetworkMode, Verb},
        rules::testing::{CLUSTER, KEY, KEY_1, cluster, customer_managed_of, kms_on, target_of},
    };

    fn new(target: KmsChange, change: impl FnOnce(&mut Value)) -> NewCluster {
        let mut body = json!({"location": "westeurope", "properties": {"dnsPrefix": "x"}});
        change(&mut body);
        let identity = IdentityId::parse(&cluster().identities[0].resource_id).unwrap();
        NewCluster::new(&ClusterId::parse(CLUSTER).unwrap(), body, Some(&identity), target).unwrap()
    }

    fn versioned() -> KmsChange {
        KmsChange::On(target_of(KEY_1, NetworkMode::Public))
    }

    fn customer_managed() -> KmsChange {
        KmsChange::CustomerManaged(customer_managed_of(KEY, NetworkMode::Public))
    }

    fn there(kms: Option<KmsProfile>, infrastructure_encryption: bool) -> ClusterFacts {
        ClusterFacts { kms, infrastructure_encryption, ..cluster() }
    }

    /// What AKS turns on by itself is nobody's doing.
    #[test]
    fn a_cluster_that_came_to_be_another_is_told_with_what_it_has() {
        let by_itself = "AKS turned data encryption on by itself";
        let on = || Some(kms_on(KEY_1, NetworkMode::Public));
        let platform = || there(None, true);
        let elsewhere = || {
            let mut elsewhere = there(on(), false);
            elsewhere.identities[0].resource_id.push('2');
            elsewhere
        };
        let failed =
            || ClusterFacts { provisioning_state: "Failed".to_owned(), ..there(on(), false) };
        for (target, found, has, may_be_by_itself) in [
            (versioned(), platform(), "KMS data encryption with a platform-managed key", true),
            (
                versioned(),
                there(Some(kms_on(KEY, NetworkMode::Public)), true),
                "customer-managed key",
                true,
            ),
            (versioned(), there(None, false), "KMS off", false),
            (versioned(), elsewhere(), "another identity", false),
            (versioned(), failed(), "provisioning state Failed", false),
            (customer_managed(), platform(), "with a platform-managed key", false),
            (KmsChange::PlatformManaged, there(on(), false), KEY_1, false),
        ] {
            let new = new(target, |_| {});
            let error = changed(&found.id, &new, &found);
            let message = error.to_string();
            assert_eq!(error.kind(), ErrorKind::Conflict, "{message}");
            assert!(
                message.contains(has) && message.contains("somebody else made or changed"),
                "{message}"
            );
            assert_eq!(message.contains(by_itself), may_be_by_itself, "{message}");
            assert_eq!(message.contains("call enable"), !may_be_by_itself, "{message}");
        }
    }

    /// There is no cluster yet that could be updated or upgraded.
    #[test]
    fn before_a_creation_the_remedy_is_what_to_put_into_the_call() {
        let (platform, customer) = (KmsChange::PlatformManaged, customer_managed());
        for (rule, target, says) in [
            (
                RuleId::DataEncryptionIdentity,
                &platform,
                r#""identity": {"type": "SystemAssigned"}"#,
            ),
            (RuleId::DataEncryptionIdentity, &customer, "a user-assigned identity as identity_id"),
            (RuleId::ClusterIdentitySystemAssigned, &customer, "as identity_id"),
            (RuleId::ClusterIdentityMissing, &customer, "as identity_id"),
            (
                RuleId::DataEncryptionVersion,
                &platform,
                "1.33 or later as kubernetesVersion in body",
            ),
            (RuleId::KmsV1OnEnable, &versioned(), "1.27 or later as kubernetesVersion in body"),
            (
                RuleId::PrivateVaultNeedsVnetIntegration,
                &versioned(),
                r#""enableVnetIntegration": true"#,
            ),
            (RuleId::BlocksOlderMigrations, &platform, "`standard` as loadBalancerSku"),
        ] {
            let new =
                new(target.clone(), |body| body["properties"]["kubernetesVersion"] = json!("1.32"));
            let finding = Finding::violated(rule, &new.facts.id, "it is so");
            let [judged] = &*judged(&new, vec![finding.clone()]) else { panic!("{rule}") };
            assert_eq!(
                (&judged.message, judged.level),
                (&finding.message, finding.level),
                "{rule}"
            );
            assert!(judged.remedy.contains(says), "{rule}: {}", judged.remedy);
            assert!(!judged.remedy.contains("az aks"), "{rule}: {}", judged.remedy);
        }
    }

    /// No remedy of a creation changes a cluster that is there.
    #[test]
    fn every_remedy_of_a_creation_that_updates_a_cluster_has_another() {
        let new = new(KmsChange::PlatformManaged, |_| {});
        let of_a_creation = |rule: &Rule| rule.verbs.contains(&Verb::CreateCluster);
        for rule in rules().into_iter().filter(of_a_creation) {
            let updates =
                ["az aks update", "az aks upgrade"].iter().any(|it| rule.remedy.contains(it));
            assert!(!updates || in_the_call(rule.id, &new).is_some(), "{}", rule.id);
        }
    }
}
