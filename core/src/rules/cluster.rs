//! Rules about the managed cluster.

use super::{check_fact, question::RuleContext};
use crate::{
    catalogue::{Level, RuleId},
    facts::{Configured, Fact, HeldRole, IdentityKind, is_terminal_state},
    ids::{KubernetesVersion, NetworkMode, Verb},
    report::Finding,
};

/// What KMS v1 supports, and from where on it is worth a warning.
const KMS_V1_SECRETS: u64 = 2_000;
const KMS_V1_SECRETS_WARN: u64 = 1_800;
/// Roles that a message names.
const ROLES_NAMED: usize = 20;

pub(super) fn check(question: &RuleContext<'_>) -> Vec<Finding> {
    let mut findings = busy(question);
    let others = [
        identity(question),
        identity_missing(question),
        failed(question),
        stopped(question),
        already_enabled(question),
        not_enabled(question),
        v1_on_enable(question),
        network_mode_locked(question),
        private_without_vnet_integration(question),
        tunnel(question),
        v1_secret_limit(question),
        v1_upgrade(question),
        private_endpoint_nsg(question),
    ];
    findings.extend(others.into_iter().flatten());
    findings
}

fn violated(question: &RuleContext<'_>, rule: RuleId, message: impl Into<String>) -> Finding {
    Finding::violated(rule, &question.observed.cluster.id, message)
}

fn identity(question: &RuleContext<'_>) -> Option<Finding> {
    let kind = match &question.observed.cluster.identity_kind {
        IdentityKind::UserAssigned => return None,
        IdentityKind::SystemAssigned => "a system-assigned identity",
        IdentityKind::None => "a service principal, no managed identity",
        IdentityKind::Other(kind) => kind,
    };
    let is_wrong = match question.verb {
        // Without KMS there is nothing wrong with it.
        Verb::Status => question.in_use().is_some(),
        // Without any, its own rule says so.
        Verb::SetDataEncryption | Verb::CreateCluster if question.data_encryption.is_some() => {
            question.target.is_some()
                && question.observed.cluster.identity_kind == IdentityKind::SystemAssigned
        }
        _ => true,
    };
    is_wrong.then(|| {
        let message = format!("the cluster has {kind}, and KMS needs a user-assigned one");
        let finding = violated(question, RuleId::ClusterIdentitySystemAssigned, message);
        match question.observed.held_roles.as_ref().map(held_roles) {
            Some(held) => Finding { remedy: format!("{} {held}", finding.remedy), ..finding },
            None => finding,
        }
    })
}

/// What another identity has to be given before it takes the place of the present one.
fn held_roles(held: &Fact<Vec<HeldRole>>) -> String {
    let give = "`az role assignment create --role <role> --assignee-object-id <principal id of the new identity> \
                --assignee-principal-type ServicePrincipal --scope <scope>`";
    match held {
        Fact::Unknown(why) => format!(
            "Which roles it holds could not be read ({why}); `az role assignment list --all --assignee` lists them, and \
             {give} gives each."
        ),
        Fact::Known(held) if held.is_empty() => "It holds no role in this subscription.".to_owned(),
        Fact::Known(held) => {
            let named: Vec<String> = held
                .iter()
                .take(ROLES_NAMED)
                .map(|role| format!("{} at {}", role.role, role.scope))
                .collect();
            let others = match held.len().saturating_sub(ROLES_NAMED) {
                0 => String::new(),
                more => format!(", and {more} more"),
            };
            format!(
                "It holds in this subscription: {}{others}; {give} gives each.",
                named.join(", ")
            )
        }
    }
}

fn identity_missing(question: &RuleContext<'_>) -> Option<Finding> {
    let why = question.identity_missing()?;
    Some(violated(question, RuleId::ClusterIdentityMissing, why))
}

pub(super) fn is_failed(provisioning_state: &str) -> bool {
    ["Failed", "Canceled"].iter().any(|state| state.eq_ignore_ascii_case(provisioning_state))
}

fn busy(question: &RuleContext<'_>) -> Vec<Finding> {
    if question.is_own_operation() {
        return Vec::new();
    }
    let cluster = &question.observed.cluster;
    let busy_cluster = (!is_terminal_state(&cluster.provisioning_state)).then(|| {
        let message = format!("cluster {} is {}", cluster.id.name(), cluster.provisioning_state);
        violated(question, RuleId::ClusterBusy, message)
    });
    let busy_pools =
        cluster.node_pools.iter().filter(|pool| !is_terminal_state(&pool.provisioning_state));
    let busy_pools = busy_pools.map(|pool| {
        let resource = format!("{}/agentPools/{}", cluster.id, pool.name);
        let message = format!("node pool {} is {}", pool.name, pool.provisioning_state);
        Finding::violated(RuleId::ClusterBusy, resource, message)
    });
    busy_cluster.into_iter().chain(busy_pools).collect()
}

/// With data encryption there is neither a key with a version to rotate to, nor off.
const ASK_AGAIN: &str = "Look at the cluster's activity log for the reason, `az monitor activity-log list --resource-group <group> --status Failed`, and leave updates of any other kind until this is settled: call `set_data_encryption` with the key that you want; with data-encryption-retry in allow it asks again for a change that did not succeed, once the secrets are proven.";

fn failed(question: &RuleContext<'_>) -> Option<Finding> {
    let state = &question.observed.cluster.provisioning_state;
    if !is_failed(state) {
        return None;
    }
    let told = format!("the cluster's provisioning state is {state}");
    let message = match &question.observed.cluster.kms {
        None => told,
        Some(profile) => {
            let key = profile.key.as_ref().filter(|_| profile.enabled);
            let configured =
                key.map_or_else(|| "KMS off".to_owned(), |key| format!("key {}", key.as_str()));
            format!("{told}, so {configured} is configured, and perhaps not in force")
        }
    };
    let finding = violated(question, RuleId::ClusterFailed, message);
    if question.observed.cluster.has_data_encryption() {
        return Some(Finding { remedy: ASK_AGAIN.to_owned(), ..finding });
    }
    Some(finding)
}

fn stopped(question: &RuleContext<'_>) -> Option<Finding> {
    question
        .observed
        .cluster
        .is_stopped()
        .then(|| violated(question, RuleId::ClusterStopped, "the cluster is stopped"))
}

fn already_enabled(question: &RuleContext<'_>) -> Option<Finding> {
    // Of data encryption its own rule says that it stays.
    let is_versioned = !question.observed.cluster.has_data_encryption();
    let profile = question.in_use().filter(|_| is_versioned)?;
    let target = question.sets()?;
    let unnamed = "a key that the cluster does not name";
    let configured = profile.key.as_ref().map_or(unnamed, Configured::as_str);
    let mode = profile.network_mode.map_or_else(String::new, |mode| format!(" ({mode} access)"));
    let message = format!(
        "KMS is on with {configured}{mode}, and {} ({} access) was asked for",
        target.key_id, target.network_mode
    );
    let finding = violated(question, RuleId::KmsAlreadyEnabled, message);
    if !question.observed.is_off() {
        return Some(finding);
    }
    // Azure calls it on, and the other verbs find it off.
    let remedy =
        "Turning it on did not succeed: call `enable` with exactly that, or `disable` first.";
    Some(Finding { remedy: remedy.to_owned(), ..finding })
}

fn not_enabled(question: &RuleContext<'_>) -> Option<Finding> {
    question.observed.cluster.experience().is_none().then(|| {
        violated(question, RuleId::KmsNotEnabled, "KMS is off, so there is no key to change")
    })
}

fn v1_on_enable(question: &RuleContext<'_>) -> Option<Finding> {
    // Data encryption has a rule of its own.
    let sets = question.sets().filter(|_| question.data_encryption.is_none());
    (sets.is_some() && question.below_kms_v2()).then(|| {
        let message = format!(
            "the cluster is at Kubernetes {}, where KMS is v1",
            question.observed.cluster.kubernetes_version
        );
        violated(question, RuleId::KmsV1OnEnable, message)
    })
}

fn network_mode_locked(question: &RuleContext<'_>) -> Option<Finding> {
    let profile = question.in_use()?;
    let target = question.sets()?;
    let rule = RuleId::VaultNetworkModeLocked;
    let undetermined = |why| Some(Finding::undetermined(rule, &question.observed.cluster.id, why));
    match (profile.same_vault(target), profile.same_mode(target)) {
        (Some(false), _) | (_, Some(true)) => None,
        (Some(true), Some(false)) => {
            let mode = target.network_mode;
            let message =
                format!("the cluster uses this vault already, and not with {mode} access");
            Some(violated(question, rule, message))
        }
        (None, _) => undetermined("the cluster's KMS profile names no key"),
        (_, None) => undetermined("the cluster's KMS profile names no network mode"),
    }
}

fn private_without_vnet_integration(question: &RuleContext<'_>) -> Option<Finding> {
    let cluster = &question.observed.cluster;
    // AKS reaches a customer-managed key as a trusted service.
    let configuration = question.configuration().filter(|it| !it.is_customer_managed)?;
    let mode = configuration.network_mode;
    if cluster.vnet_integration || mode != Some(NetworkMode::Private) {
        return None;
    }
    let message = format!(
        "the vault is private and the cluster (Kubernetes {}) has no API Server VNet Integration",
        cluster.kubernetes_version
    );
    let finding = violated(question, RuleId::PrivateVaultNeedsVnetIntegration, message);
    Some(if question.sets().is_none() {
        // It is so already: worth knowing, not worth refusing.
        finding.at(Level::Warn, false)
    } else if cluster.kubernetes_version < KubernetesVersion::PRIVATE_NEEDS_VNET {
        finding.at(Level::Block, true)
    } else {
        finding
    })
}

fn tunnel(question: &RuleContext<'_>) -> Option<Finding> {
    question.configuration().filter(|configuration| !configuration.is_customer_managed)?;
    let cluster = &question.observed.cluster;
    // Without an API server the rule on reaching it says what is the matter.
    let kubernetes = question.observed.kubernetes.known()?;
    if cluster.vnet_integration {
        return None;
    }
    check_fact(RuleId::TunnelUnsupported, &cluster.id, &kubernetes.konnectivity, |konnectivity| {
        (!konnectivity).then(|| {
            "API Server VNet Integration is off and no konnectivity-agent pod runs in kube-system"
                .to_owned()
        })
    })
}

fn v1_secret_limit(question: &RuleContext<'_>) -> Option<Finding> {
    if !question.below_kms_v2() || question.configuration().is_none() {
        return None;
    }
    let kubernetes = question.observed.kubernetes.known()?;
    if question.verb == Verb::Status && matches!(kubernetes.secrets, Fact::Unknown(_)) {
        // `status` counts secrets only when asked to.
        return None;
    }
    let (rule, cluster) = (RuleId::KmsV1SecretLimit, &question.observed.cluster.id);
    let finding = check_fact(rule, cluster, &kubernetes.secrets, |secrets| {
        (*secrets >= KMS_V1_SECRETS_WARN)
            .then(|| format!("the cluster has {secrets} secrets; KMS v1 supports {KMS_V1_SECRETS}"))
    })?;
    match kubernetes.secrets {
        Fact::Known(secrets) if secrets <= KMS_V1_SECRETS => Some(finding.at(Level::Warn, false)),
        _ => Some(finding),
    }
}

fn v1_upgrade(question: &RuleContext<'_>) -> Option<Finding> {
    question.kms_v1_in_use().then(|| {
        let message = format!(
            "KMS v1 is on at Kubernetes {}: upgrades to 1.27 or later are refused",
            question.observed.cluster.kubernetes_version
        );
        // Nobody is upgrading here.
        violated(question, RuleId::KmsV1UpgradeBlocked, message).at(Level::Warn, false)
    })
}

fn private_endpoint_nsg(question: &RuleContext<'_>) -> Option<Finding> {
    let cluster = &question.observed.cluster;
    let target = question.sets().filter(|_| question.data_encryption.is_none())?;
    let private = target.network_mode == NetworkMode::Private;
    (private && cluster.private_cluster && cluster.vnet_integration).then(|| {
        let message = "whether the API server reaches the vault's private endpoint on TCP 443 cannot be seen from here";
        violated(question, RuleId::PrivateEndpointNsg, message)
    })
}
