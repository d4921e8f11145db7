//! Rules about KMS data encryption: what it asks of the cluster, and what cannot be done with it.

use super::{check_fact, cluster::is_failed, question::RuleContext};
use crate::{
    catalogue::{Level, RuleId},
    facts::IdentityKind,
    ids::{ExpectedKey, KubernetesVersion, Verb},
    ledger::{Fit, Reconciled},
    report::{Experience, Finding},
};

pub(super) fn check(question: &RuleContext<'_>) -> Vec<Finding> {
    [
        newer_experience(question),
        cannot_disable(question),
        irreversible(question),
        retry(question),
        version(question),
        from_kms_v1(question),
        identity(question),
        preview(question),
        preview_feature(question),
        older_migrations(question),
        mode_change(question),
        key_change(question),
        changed_by_others(question),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn violated(question: &RuleContext<'_>, rule: RuleId, message: impl Into<String>) -> Finding {
    Finding::violated(rule, &question.observed.cluster.id, message)
}

/// What the cluster has that cannot be undone.
fn what_it_has(question: &RuleContext<'_>) -> Option<&'static str> {
    match question.observed.cluster.experience()? {
        Experience::KeyVault => None,
        Experience::CustomerManaged => {
            Some("the cluster has KMS data encryption with a customer-managed key")
        }
        Experience::PlatformManaged => {
            Some("the cluster has KMS data encryption with a platform-managed key")
        }
    }
}

fn newer_experience(question: &RuleContext<'_>) -> Option<Finding> {
    // A new version is what there is for a customer-managed key; disable has a rule of its own.
    let is_meant = question.new_version
        || question.data_encryption.is_some()
        || question.verb == Verb::Disable;
    let has = what_it_has(question).filter(|_| !is_meant)?;
    let message = format!("{has}, which cannot be undone");
    Some(violated(question, RuleId::NewerExperienceIrreversible, message))
}

fn cannot_disable(question: &RuleContext<'_>) -> Option<Finding> {
    let has = what_it_has(question).filter(|_| question.verb == Verb::Disable)?;
    let message = format!("{has}, which cannot be turned off");
    Some(violated(question, RuleId::DataEncryptionCannotDisable, message))
}

fn irreversible(question: &RuleContext<'_>) -> Option<Finding> {
    question.turns_on_data_encryption().then(|| {
        let message = "KMS data encryption is to be turned on, which cannot be undone";
        violated(question, RuleId::DataEncryptionIrreversible, message)
    })
}

fn retry(question: &RuleContext<'_>) -> Option<Finding> {
    let cluster = &question.observed.cluster;
    let did_not_succeed = is_failed(&cluster.provisioning_state) && cluster.has_data_encryption();
    (question.data_encryption.is_some() && did_not_succeed).then(|| {
        let message = format!(
            "KMS data encryption is configured, and the cluster's last change is {}",
            cluster.provisioning_state
        );
        violated(question, RuleId::DataEncryptionRetry, message)
    })
}

fn version(question: &RuleContext<'_>) -> Option<Finding> {
    let is = question.observed.cluster.kubernetes_version;
    let is_early = is < KubernetesVersion::DATA_ENCRYPTION;
    (question.data_encryption.is_some() && is_early).then(|| {
        let message = format!("the cluster is at Kubernetes {is}");
        violated(question, RuleId::DataEncryptionVersion, message)
    })
}

fn from_kms_v1(question: &RuleContext<'_>) -> Option<Finding> {
    (question.data_encryption.is_some() && question.kms_v1_in_use()).then(|| {
        let is = question.observed.cluster.kubernetes_version;
        let message = format!("KMS v1 is on at Kubernetes {is}");
        violated(question, RuleId::DataEncryptionFromKmsV1, message)
    })
}

fn identity(question: &RuleContext<'_>) -> Option<Finding> {
    question.data_encryption?;
    let kind = match &question.observed.cluster.identity_kind {
        IdentityKind::UserAssigned | IdentityKind::SystemAssigned => return None,
        IdentityKind::None => "a service principal, no managed identity",
        IdentityKind::Other(kind) => kind,
    };
    let message = format!("the cluster has {kind}");
    Some(violated(question, RuleId::DataEncryptionIdentity, message))
}

fn preview(question: &RuleContext<'_>) -> Option<Finding> {
    question.turns_on_data_encryption().then(|| {
        let message = "KMS data encryption is to be turned on, which is documented as a preview";
        violated(question, RuleId::DataEncryptionPreview, message)
    })
}

fn preview_feature(question: &RuleContext<'_>) -> Option<Finding> {
    let feature = question.observed.preview_feature.as_ref();
    let feature = feature.filter(|_| question.turns_on_data_encryption())?;
    let cluster = &question.observed.cluster.id;
    let rule = RuleId::PreviewFeatureUnregistered;
    let finding = check_fact(rule, cluster, feature, |registered| {
        (!registered).then(|| {
            format!(
                "feature Microsoft.ContainerService/KMSPMKPreview is not registered in subscription {}",
                cluster.subscription_id()
            )
        })
    })?;
    // It is there for those who may read it; without the right nothing is the matter.
    Some(if feature.known().is_none() { finding.at(Level::Info, false) } else { finding })
}

fn older_migrations(question: &RuleContext<'_>) -> Option<Finding> {
    let cluster = &question.observed.cluster;
    let sets = cluster.node_pools.iter().filter(|pool| pool.availability_set);
    let mut has: Vec<String> =
        sets.map(|pool| format!("node pool {} is an availability set", pool.name)).collect();
    if cluster.basic_load_balancer {
        has.push("its load balancer is a Basic one".to_owned());
    }
    (question.turns_on_data_encryption() && !has.is_empty())
        .then(|| violated(question, RuleId::BlocksOlderMigrations, has.join(", and ")))
}

fn mode_change(question: &RuleContext<'_>) -> Option<Finding> {
    let rule = RuleId::DataEncryptionModeChange;
    let profile = question.customer_managed_in_use().filter(|_| question.data_encryption.is_some());
    let (profile, target) = profile.zip(question.target)?;
    match (profile.same_vault(target)?, profile.same_mode(target)) {
        (false, _) | (true, Some(true)) => None,
        (true, Some(false)) => {
            let message = format!(
                "the key is in use, not with {mode} access, and {mode} access was asked for",
                mode = target.network_mode
            );
            Some(violated(question, rule, message))
        }
        (true, None) => {
            let why = "the cluster's KMS profile names no network mode";
            Some(Finding::undetermined(rule, &question.observed.cluster.id, why))
        }
    }
}

fn key_change(question: &RuleContext<'_>) -> Option<Finding> {
    let rule = RuleId::DataEncryptionKeyChange;
    let profile = question.customer_managed_in_use().filter(|_| question.data_encryption.is_some());
    let (profile, target) = profile.zip(question.target)?;
    let Some(key_id) = profile.key_id() else {
        let why = "the cluster's KMS profile names no key";
        return Some(Finding::undetermined(rule, &question.observed.cluster.id, why));
    };
    let (is, asked) = (key_id.without_version(), target.key_id.without_version());
    (is != asked).then(|| {
        let message = format!("the customer-managed key is {is}, and {asked} was asked for");
        violated(question, rule, message)
    })
}

/// The record is ours, and the cluster's document says something else.
fn changed_by_others(question: &RuleContext<'_>) -> Option<Finding> {
    let found = question.observed.recorded()?;
    let message = changed_key(question, found).or_else(|| lost_profile(question, found))?;
    Some(violated(question, RuleId::DataEncryptionChangedByOthers, message))
}

fn changed_key(question: &RuleContext<'_>, found: &Reconciled) -> Option<String> {
    let before = found.changed_from.as_ref()?;
    let cluster = &question.observed.cluster;
    let now = cluster.expected().ok()?;
    if !before.is_data_encryption() && !now.is_data_encryption() {
        return None;
    }
    let how = match (before, &now) {
        (_, ExpectedKey::Plaintext) => {
            "a request that leaves the profile out does so; whether secrets are still encrypted is not known, as it \
             cannot be turned off"
        }
        (ExpectedKey::AnyVersion(_), ExpectedKey::Platform) => {
            "az with --disable-azure-keyvault-kms does so, and Terraform that sends `enabled = false`"
        }
        (ExpectedKey::Key(_), ExpectedKey::AnyVersion(_)) => {
            "az with --kms-infrastructure-encryption Enabled alone does so"
        }
        (_, ExpectedKey::Key(_)) => "az and Terraform do so that are told of a versioned key",
        _ => "az with --kms-infrastructure-encryption does so",
    };
    Some(format!(
        "the record has {} as what secrets are under, and the cluster's document says {}: another tool changed it ({how})",
        in_words(before),
        in_words(&now)
    ))
}

/// We send both signs, and one is left.
fn lost_profile(question: &RuleContext<'_>, found: &Reconciled) -> Option<String> {
    question.customer_managed_in_use()?;
    let current = found.record.ledger.current.as_ref()?;
    let is_lost = found.fit == Fit::Changed
        && !question.observed.cluster.infrastructure_encryption
        && current.since.is_some()
        && current.key().is_data_encryption();
    is_lost.then(|| {
        "the cluster has a customer-managed key, and its infrastructureEncryption is not Enabled any more: another tool \
         changed the cluster by a request that leaves that profile out"
            .to_owned()
    })
}

fn in_words(key: &ExpectedKey) -> String {
    match key {
        ExpectedKey::Key(key_id) => format!("key {key_id}"),
        ExpectedKey::AnyVersion(key_id) => format!("customer-managed key {key_id}"),
        ExpectedKey::Platform => "a platform-managed key".to_owned(),
        ExpectedKey::Plaintext => "no encryption with KMS".to_owned(),
    }
}
