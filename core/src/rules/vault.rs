//! Rules about the vault.

use uuid::Uuid;

use super::{check_fact, question::RuleContext, remedy::fill};
use crate::{
    catalogue::{Level, RuleId},
    facts::{
        ClusterFacts, ClusterWithKms, ConnectionState, Fact, Lookup, PrivateEndpointConnection,
        VaultFacts,
    },
    ids::{ClusterId, KeyId, NetworkMode, VaultId},
    observed::Observed,
    report::Finding,
};

/// The vault in use is closed to the public: if that is why the API servers are down, they cannot
/// say so.
pub(crate) fn closed_vault_in_use(observed: &Observed) -> Option<String> {
    let profile = observed.cluster.kms_on()?;
    // Trusted services get into the vault of a customer-managed key.
    let is_trusted = observed.cluster.has_data_encryption()
        && profile.network_mode == Some(NetworkMode::Private);
    let vault = observed
        .found_vault()
        .filter(|_| !is_trusted)
        .filter(|vault| !vault.public_network_access)?;
    Some(format!(
        "public network access of key vault {} is disabled: if the API servers do not reach it over its private \
         endpoint, {} brings them back",
        vault.id.name(),
        how_to_open(&vault.id)
    ))
}

/// The command that enables a vault's public network access.
pub(crate) fn how_to_open(vault: &VaultId) -> String {
    format!("`az keyvault update --name {} --public-network-access Enabled`", vault.name())
}

/// The command that disables a vault's public network access.
pub(crate) fn how_to_close(vault: &VaultId) -> String {
    format!("`az keyvault update --name {} --public-network-access Disabled`", vault.name())
}

/// What to do before a vault is closed that others use.
const OTHERS_FIRST: &str = "Move the other cluster to private mode first, with a manager of its own, or pass vault_access = \
                            \"keep\" to leave the vault open.";

pub(super) fn check(question: &RuleContext<'_>) -> Vec<Finding> {
    [
        not_found(question),
        soft_deleted(question),
        other_tenant(question),
        firewall(question),
        public_access_disabled(question),
        private_way_not_approved(question),
        purge_protection_off(question),
        data_plane_unreachable(question),
        diagnostics_off(question),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn lookup<'a>(question: &RuleContext<'a>) -> Option<&'a Fact<Lookup<VaultFacts>>> {
    question.configuration()?;
    question.observed.vault.as_ref()
}

fn not_found(question: &RuleContext<'_>) -> Option<Finding> {
    check_fact(RuleId::VaultNotFound, question.vault_resource(), lookup(question)?, |vault| {
        matches!(vault, Lookup::NotFound)
            .then(|| format!("there is no vault {}", question.vault_resource()))
    })
}

fn soft_deleted(question: &RuleContext<'_>) -> Option<Finding> {
    check_fact(RuleId::VaultSoftDeleted, question.vault_resource(), lookup(question)?, |vault| {
        matches!(vault, Lookup::SoftDeleted)
            .then(|| format!("vault {} was deleted", question.vault_resource()))
    })
}

/// A rule about a vault that is there: where there is none, `vault-not-found` says so.
pub(super) fn property(
    question: &RuleContext<'_>,
    rule: RuleId,
    problem: impl FnOnce(&VaultFacts) -> Option<String>,
) -> Option<Finding> {
    check_fact(rule, question.vault_resource(), lookup(question)?, |vault| {
        vault.found().and_then(problem)
    })
}

fn other_tenant(question: &RuleContext<'_>) -> Option<Finding> {
    let identity_tenant = &question.observed.access.as_ref()?.tenant_id;
    let no_identity = !question.identity_is_usable() && matches!(identity_tenant, Fact::Unknown(_));
    if no_identity || question.vault_is_missing() {
        return None;
    }
    let tenants = lookup(question)?.and_then(|vault| {
        identity_tenant.and_then(|identity| {
            Fact::Known(vault.found().map(|vault| (vault.tenant_id.clone(), identity.clone())))
        })
    });
    check_fact(RuleId::VaultOtherTenant, question.vault_resource(), &tenants, |tenants| {
        let (vault, identity) = tenants.as_ref()?;
        (!same_tenant(vault, identity)).then(|| {
            format!("the vault is in tenant {vault}, the cluster's identity in tenant {identity}")
        })
    })
}

fn same_tenant(left: &str, right: &str) -> bool {
    match (Uuid::try_parse(left), Uuid::try_parse(right)) {
        (Ok(left), Ok(right)) => left == right,
        _ => left.eq_ignore_ascii_case(right),
    }
}

fn is_public(question: &RuleContext<'_>) -> bool {
    question
        .configuration()
        .is_some_and(|configuration| configuration.network_mode == Some(NetworkMode::Public))
}

fn firewall(question: &RuleContext<'_>) -> Option<Finding> {
    if !is_public(question) {
        return None;
    }
    property(question, RuleId::VaultFirewall, |vault| {
        vault
            .firewall
            .then(|| format!("the firewall of vault {} denies by default", vault.id.name()))
    })
}

fn public_access_disabled(question: &RuleContext<'_>) -> Option<Finding> {
    if !is_public(question) {
        return None;
    }
    property(question, RuleId::VaultPublicAccessDisabled, |vault| {
        (!vault.public_network_access)
            .then(|| format!("public network access of vault {} is disabled", vault.id.name()))
    })
}

/// Where AKS has made a private endpoint and nobody has approved it, a closed vault is out of reach. Where there is
/// none yet, AKS makes it.
fn private_way_not_approved(question: &RuleContext<'_>) -> Option<Finding> {
    let configuration = question.configuration().filter(|it| !it.is_customer_managed)?;
    if configuration.network_mode != Some(NetworkMode::Private) {
        return None;
    }
    let vault = lookup(question)?.known()?.found()?;
    let cluster = &question.observed.cluster;
    let is_closed = !vault.public_network_access || vault.firewall;
    (is_closed && vault.connections_of(cluster).next().is_some())
        .then(|| private_endpoint_not_approved(vault, cluster))?
}

fn purge_protection_off(question: &RuleContext<'_>) -> Option<Finding> {
    property(question, RuleId::VaultPurgeProtectionOff, |vault| {
        let off = match (vault.soft_delete, vault.purge_protection) {
            (true, true) => return None,
            (false, _) => "soft delete",
            (true, false) => "purge protection",
        };
        Some(format!("vault {} has no {off}", vault.id.name()))
    })
}

/// AKS takes up a version of a customer-managed key whoever made it; no call sets one.
const MADE_ELSEWHERE: &str = "Run where the vault can be reached, with the right to its keys (role Key Vault Crypto Officer, or key permissions list, get and create); or make the version elsewhere, `az keyvault key rotate --vault-name <vault> --name <key>`, which makes one of the key's kind and size with or without a rotation policy (key permission rotate), and which AKS takes up within six hours; call `reencrypt_secrets` then.";

/// A key version is made by the vault itself, so it has to respond here.
fn data_plane_unreachable(question: &RuleContext<'_>) -> Option<Finding> {
    let key = question.observed.key.as_ref().and_then(Fact::known);
    let key_is_missing = key.is_some_and(|key| key.found().is_none());
    if question.vault_is_missing() || key_is_missing {
        return None;
    }
    let Fact::Unknown(why) = question.observed.versions.as_ref()? else { return None };
    let message = format!("the versions of the key cannot be listed from here: {why}");
    let finding =
        Finding::violated(RuleId::VaultDataPlaneUnreachable, question.vault_resource(), message);
    if question.new_version {
        return Some(Finding { remedy: MADE_ELSEWHERE.to_owned(), ..finding });
    }
    Some(finding)
}

fn diagnostics_off(question: &RuleContext<'_>) -> Option<Finding> {
    question.configuration()?;
    if question.vault_is_missing() {
        return None;
    }
    let diagnostics = question.observed.diagnostics.as_ref()?;
    check_fact(RuleId::VaultDiagnosticsOff, question.vault_resource(), diagnostics, |on| {
        (!on).then(|| "the vault has no diagnostic settings".to_owned())
    })
}

/// Closing the vault closes it for everything else in it.
pub(crate) fn vault_shared(observed: &Observed) -> Option<Finding> {
    let vault = observed.found_vault()?;
    let key = observed.key.as_ref().and_then(Fact::known).and_then(Lookup::found);
    let own = key.and_then(|key| KeyId::parse(&key.kid).ok());
    let is_own =
        |name: &String| own.as_ref().is_some_and(|own| own.name().eq_ignore_ascii_case(name));
    let own_connections = vault.connections_of(&observed.cluster).count();
    let other_connections = vault.private_endpoint_connections.len() - own_connections;
    check_fact(RuleId::VaultShared, &vault.id, observed.vault_keys.as_ref()?, |keys| {
        let other_keys = keys.iter().filter(|name| !is_own(name)).count();
        let others: Vec<String> = [
            (other_keys, "other keys"),
            (other_connections, "private endpoint connections from elsewhere"),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
        (!others.is_empty()).then(|| format!("the vault has {}", others.join(" and ")))
    })
}

/// Closing the vault takes KMS away from a cluster that uses it in public mode.
pub(crate) fn used_publicly_by_others(observed: &Observed) -> Vec<Finding> {
    let vault = observed.found_vault().filter(|vault| vault.public_network_access);
    match (vault, &observed.others) {
        (Some(vault), Some(others)) => public_users(&vault.id, &observed.cluster.id, others),
        _ => Vec::new(),
    }
}

/// Of the clusters that use KMS, those that use the vault in public mode, but for our own.
pub(crate) fn public_users(
    vault: &VaultId,
    own: &ClusterId,
    others: &Fact<Vec<ClusterWithKms>>,
) -> Vec<Finding> {
    let rule = RuleId::VaultClosingInPublicUse;
    let own = own.to_string();
    let findings = match others {
        Fact::Unknown(why) => {
            let why = format!("whether another cluster uses it cannot be seen: {why}");
            vec![Finding::undetermined(rule, vault, &why)]
        }
        Fact::Known(users) => users
            .iter()
            .filter(|user| !user.id.eq_ignore_ascii_case(&own) && user.uses_publicly(vault))
            .map(|user| {
                let message =
                    format!("cluster {} uses key {} of it in public mode", user.id, user.key_id);
                Finding::violated(rule, &user.id, message)
            })
            .collect(),
    };
    findings
        .into_iter()
        .map(|finding| {
            Finding { remedy: OTHERS_FIRST.to_owned(), ..finding }.at(Level::Block, true)
        })
        .collect()
}

/// Why a vault must not be closed: no approved connection leads to it from where AKS makes them.
pub(crate) fn private_endpoint_not_approved(
    vault: &VaultFacts,
    cluster: &ClusterFacts,
) -> Option<Finding> {
    let connections: Vec<&PrivateEndpointConnection> = vault.connections_of(cluster).collect();
    if connections.iter().any(|connection| connection.state == ConnectionState::Approved) {
        return None;
    }
    let group = &cluster.node_resource_group;
    let mut values = vec![("<vault>", vault.id.name().to_owned())];
    let message = match connections.first() {
        None => format!("no private endpoint connection leads to the vault from {group}"),
        Some(connection) => {
            values.push(("<connection>", connection.name.clone()));
            let state = match &connection.state {
                ConnectionState::Approved => "Approved",
                ConnectionState::Pending => "Pending",
                ConnectionState::Other(state) => state,
            };
            format!("the private endpoint connection {} from {group} is {state}", connection.name)
        }
    };
    let finding = Finding::violated(RuleId::PrivateEndpointNotApproved, &vault.id, message);
    Some(fill(finding, &values))
}
