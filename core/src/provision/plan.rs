//! What is missing, and what speaks against making it. Pure.

use time::OffsetDateTime;

use super::{
    commands,
    look::{Seen, versioned},
    wanted::Wanted,
};
use crate::{
    catalogue::{Level, RuleId},
    facts::{ClusterFacts, Fact, IdentityKind, Lookup, VaultFacts, VaultRole},
    ids::{NetworkMode, VaultAuthorization, Verb},
    observed::Observed,
    options::ReencryptOptions,
    report::{Finding, ProvisionPart, ProvisionStep},
    rules::{self, RuleContext},
};

/// The parts that are missing, in the order in which they are made. What is there is left as it is.
pub(crate) fn steps(wanted: &Wanted, seen: &Seen) -> Vec<ProvisionStep> {
    let vault = seen.found_vault();
    let mut steps = Vec::new();
    if seen.identity.is_none() {
        let location = seen.identity_location.as_deref().unwrap_or_default();
        let id = &seen.identity_id;
        steps.push(ProvisionStep {
            part: ProvisionPart::Identity,
            resource: id.to_string(),
            summary: format!("Create identity {} in {location}", id.name()),
            command: commands::identity(id, location),
        });
    }
    steps.extend(vault_step(wanted, seen));
    if seen.found_key().is_none() && wanted.key.version().is_none() {
        steps.push(ProvisionStep {
            part: ProvisionPart::Key,
            resource: wanted.key.to_string(),
            summary: format!("Create RSA key {} of {} bits", wanted.key, wanted.key_size),
            command: commands::key(wanted, expires(wanted, OffsetDateTime::now_utc())),
        });
    }
    let lacks_key_access = match (&seen.access, vault) {
        (Some(access), Some(vault)) => rules::lacks_key_access(access, vault),
        _ => true,
    };
    if lacks_key_access {
        steps.push(key_access(wanted, seen));
    }
    if wanted.is_customer_managed {
        let lacks_reader = match (&seen.access, vault) {
            (Some(access), Some(vault)) => rules::lacks_key_reader(access, vault),
            _ => true,
        };
        steps.extend(lacks_reader.then(|| {
            let (part, role) = (ProvisionPart::VaultReadRole, VaultRole::Reader);
            role_step(part, role, "to look for new versions of its keys", wanted, seen)
        }));
    }
    if wanted.has_private_link() {
        let lacks_link = match (&seen.access, vault) {
            (Some(access), Some(vault)) => rules::lacks_private_link(access, vault),
            _ => true,
        };
        steps.extend(lacks_link.then(|| {
            let role = VaultRole::Contributor;
            let part = ProvisionPart::PrivateLinkRole;
            role_step(part, role, "to approve private endpoint connections", wanted, seen)
        }));
    }
    steps
}

/// When a key that is made now expires.
pub(super) fn expires(wanted: &Wanted, now: OffsetDateTime) -> Option<OffsetDateTime> {
    let expires = now.checked_add(wanted.key_expires_in?.try_into().ok()?)?;
    expires.replace_nanosecond(0).ok()
}

/// Whether access goes by roles: as the vault says, or as it is going to.
pub(super) fn is_rbac(wanted: &Wanted, vault: Option<&VaultFacts>) -> bool {
    vault.map_or(wanted.authorization == VaultAuthorization::Rbac, |vault| vault.rbac)
}

fn vault_step(wanted: &Wanted, seen: &Seen) -> Option<ProvisionStep> {
    let id = &wanted.vault;
    match &seen.vault {
        Lookup::NotFound => {
            let location = seen.vault_location.as_deref().unwrap_or_default();
            let by = match wanted.authorization {
                VaultAuthorization::Rbac => "roles",
                VaultAuthorization::AccessPolicy => "access policies",
            };
            let access = if wanted.has_firewall() {
                "closed to all but trusted services".to_owned()
            } else {
                wanted.network_mode.to_string()
            };
            let protection = match wanted.purge_protection {
                Some(false) => "without",
                _ => "with",
            };
            Some(ProvisionStep {
                part: ProvisionPart::KeyVault,
                resource: id.to_string(),
                summary: format!(
                    "Create key vault {} in {location}: {access}, access by {by}, {protection} purge protection",
                    id.name()
                ),
                command: commands::vault(wanted, location),
            })
        }
        Lookup::Found(vault)
            if wanted.purge_protection == Some(true) && !vault.purge_protection =>
        {
            Some(ProvisionStep {
                part: ProvisionPart::PurgeProtection,
                resource: id.to_string(),
                summary: format!("Turn on purge protection of key vault {}", id.name()),
                command: commands::purge_protection(wanted),
            })
        }
        Lookup::Found(_) | Lookup::SoftDeleted => None,
    }
}

fn key_access(wanted: &Wanted, seen: &Seen) -> ProvisionStep {
    if is_rbac(wanted, seen.found_vault()) {
        let part = ProvisionPart::KeyRole;
        return role_step(part, VaultRole::CryptoUser, "to encrypt and decrypt", wanted, seen);
    }
    ProvisionStep {
        part: ProvisionPart::KeyPolicy,
        resource: wanted.vault.to_string(),
        summary: format!(
            "Give identity {} encrypt and decrypt by an access policy of key vault {}",
            seen.identity_id.name(),
            wanted.vault.name()
        ),
        command: commands::policy(wanted, seen),
    }
}

fn role_step(
    part: ProvisionPart,
    role: VaultRole,
    what_for: &str,
    wanted: &Wanted,
    seen: &Seen,
) -> ProvisionStep {
    ProvisionStep {
        part,
        resource: wanted.vault.to_string(),
        summary: format!(
            "Give identity {} the role {role} on key vault {}, {what_for}",
            seen.identity_id.name(),
            wanted.vault.name()
        ),
        command: commands::role(wanted, seen, role),
    }
}

/// What the rules have to say: of what is there, and of what is to be made.
pub(crate) fn findings(wanted: &Wanted, seen: &Seen) -> Vec<Finding> {
    let observed = seen.observed(wanted);
    let key_id = seen.found_key().and_then(|key| versioned(key).ok());
    let target = wanted.target(wanted.named(key_id.unwrap_or_else(|| wanted.key.clone())));
    let data_encryption = Some(&target).filter(|target| target.is_data_encryption());
    let reencrypt = ReencryptOptions::default();
    let judge = |observed: &Observed| {
        let context = RuleContext::of(Verb::Provision, observed, &[], &reencrypt);
        rules::judge(&RuleContext { target: target.on(), data_encryption, ..context })
    };
    let mut findings = judge(&observed);
    findings.retain(|it| it.rule != RuleId::KeyNotFound && !is_about_use(it.rule));
    findings.extend(cluster_identity(wanted, seen, judge));
    findings.extend(use_in_cluster(seen, judge));
    findings.extend(name_taken(wanted, seen));
    findings.extend(given_key_missing(wanted, seen));
    if let (Some(access), Some(vault)) = (&seen.access, seen.found_vault()) {
        let (link, reader) = (wanted.has_private_link(), wanted.is_customer_managed);
        findings.extend(rules::undetermined_access(access, vault, link, reader));
    }
    findings.extend(key_in_closed_vault(wanted, seen));
    rules::in_order(findings)
}

/// Whether the cluster, as it is, can use the key that is made.
fn is_about_use(rule: RuleId) -> bool {
    matches!(rule, RuleId::NewerExperienceIrreversible | RuleId::DataEncryptionVersion)
}

/// What keeps the cluster from using what is made. Nothing of it is lost thereby: the cluster can be upgraded or made
/// anew, and vault and key serve either kind of KMS.
fn use_in_cluster(seen: &Seen, judge: impl Fn(&Observed) -> Vec<Finding>) -> Vec<Finding> {
    let Some(cluster) = &seen.cluster else { return Vec::new() };
    let mut findings = judge(&Observed::of(cluster.clone(), Fact::Unknown(String::new())));
    findings.retain(|finding| is_about_use(finding.rule));
    rules::downgrade_to_warning(&mut findings, |_| true);
    let for_this_call = |finding: Finding| match finding.rule {
        RuleId::NewerExperienceIrreversible => {
            Finding { remedy: OTHER_EXPERIENCE.to_owned(), ..finding }
        }
        _ => finding,
    };
    findings.into_iter().map(for_this_call).collect()
}

const OTHER_EXPERIENCE: &str = "Pass the experience customer-managed, for a key that `set_data_encryption` takes; `enable` \
                                refuses this cluster.";

/// Of the identity that the cluster runs as: what is made is of use for another one only.
fn cluster_identity(
    wanted: &Wanted,
    seen: &Seen,
    judge: impl Fn(&Observed) -> Vec<Finding>,
) -> Vec<Finding> {
    let Some(cluster) = &seen.cluster else { return Vec::new() };
    if cluster.identity_kind != IdentityKind::UserAssigned {
        let of_cluster = Observed {
            held_roles: seen.held_roles.clone(),
            ..Observed::of(cluster.clone(), Fact::Unknown(String::new()))
        };
        let mut findings = judge(&of_cluster);
        findings.retain(|finding| finding.rule == RuleId::ClusterIdentitySystemAssigned);
        // Making another identity is how it begins.
        rules::downgrade_to_warning(&mut findings, |_| true);
        return findings;
    }
    let id = seen.identity_id.to_string();
    let runs_as = cluster.identities.first().map(|identity| &identity.resource_id);
    let other = runs_as.filter(|runs_as| !runs_as.eq_ignore_ascii_case(&id));
    let other = other.map(|runs_as| {
        let message =
            format!("cluster {} runs as {runs_as}, and not as {id}", wanted.cluster.name());
        Finding::violated(RuleId::IdentityNotOfCluster, &seen.identity_id, message)
    });
    other.into_iter().chain(identity_missing(wanted, seen, cluster)).collect()
}

/// The identity that the cluster runs as was deleted: one of the same name is another one.
fn identity_missing(wanted: &Wanted, seen: &Seen, cluster: &ClusterFacts) -> Option<Finding> {
    let runs_as = cluster.identities.first()?;
    let principal = runs_as.principal_id.as_ref()?;
    if !runs_as.resource_id.eq_ignore_ascii_case(&seen.identity_id.to_string()) {
        return None;
    }
    let now = seen.identity.as_ref().map(|identity| &identity.principal_id);
    if now.is_some_and(|now| now.eq_ignore_ascii_case(principal)) {
        return None;
    }
    let message = format!(
        "cluster {} runs as principal {principal} of identity {}, which does not exist any more: one of that name is \
         another",
        wanted.cluster.name(),
        seen.identity_id
    );
    let rule = RuleId::ClusterIdentityMissing;
    // Making another identity is how it begins.
    Some(Finding::violated(rule, &seen.identity_id, message).at(Level::Warn, false))
}

fn name_taken(wanted: &Wanted, seen: &Seen) -> Option<Finding> {
    let said = seen.name_taken.as_ref()?;
    let message = format!("a key vault cannot have the name {}: {said}", wanted.vault.name());
    Some(Finding::violated(RuleId::VaultNameTaken, &wanted.vault, message))
}

/// A version that the caller names is not made.
fn given_key_missing(wanted: &Wanted, seen: &Seen) -> Option<Finding> {
    wanted.key.version()?;
    let rule = RuleId::KeyNotFound;
    match &seen.key {
        Some(Fact::Known(Lookup::Found(_) | Lookup::SoftDeleted)) => None,
        Some(Fact::Unknown(why)) => {
            Some(Finding::undetermined(rule, &wanted.key, why).at(Level::Block, false))
        }
        Some(Fact::Known(Lookup::NotFound)) | None => {
            let message =
                format!("there is no key {}, and a version that is named is not made", wanted.key);
            Some(Finding::violated(rule, &wanted.key, message))
        }
    }
}

/// Whether the vault is closed to the public, or made so, and no private endpoint leads to it.
fn is_closed(wanted: &Wanted, seen: &Seen) -> bool {
    match &seen.vault {
        Lookup::Found(vault) => {
            !vault.public_network_access && vault.private_endpoint_connections.is_empty()
        }
        Lookup::NotFound => wanted.network_mode == NetworkMode::Private,
        Lookup::SoftDeleted => false,
    }
}

/// Resource Manager makes the key all the same; who asks the vault itself is turned away.
fn key_in_closed_vault(wanted: &Wanted, seen: &Seen) -> Option<Finding> {
    if seen.found_key().is_some() || wanted.key.version().is_some() {
        return None;
    }
    is_closed(wanted, seen).then(|| {
        let message = format!(
            "key vault {} is closed to the public, and no private endpoint leads to it",
            wanted.vault.name()
        );
        Finding::violated(RuleId::KeyInClosedVault, &wanted.vault, message)
    })
}
