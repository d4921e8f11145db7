//! Rules about the managed cluster.

use super::{check_fact, question::RuleContext};
use crate::{
    catalogue::{Level, RuleId},
    model::{Fact, Finding, IdentityKind, KubernetesVersion, NetworkMode, Verb, is_terminal_state},
};

/// What KMS v1 supports, and from where on it is worth a warning.
const KMS_V1_SECRETS: u64 = 2_000;
const KMS_V1_SECRETS_WARN: u64 = 1_800;

pub(super) fn check(question: &RuleContext<'_>) -> Vec<Finding> {
    let mut findings = busy(question);
    findings.extend(
        [
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
            newer_experience(question),
            private_endpoint_nsg(question),
        ]
        .into_iter()
        .flatten(),
    );
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
    // Without KMS there is nothing wrong with it.
    (question.verb != Verb::Status || question.in_use().is_some()).then(|| {
        violated(
            question,
            RuleId::ClusterIdentitySystemAssigned,
            format!("the cluster has {kind}, and KMS needs a user-assigned one"),
        )
    })
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
        violated(
            question,
            RuleId::ClusterBusy,
            format!("cluster {} is {}", cluster.id.name(), cluster.provisioning_state),
        )
    });
    let busy_pools =
        cluster.node_pools.iter().filter(|pool| !is_terminal_state(&pool.provisioning_state));
    busy_cluster
        .into_iter()
        .chain(busy_pools.map(|pool| {
            Finding::violated(
                RuleId::ClusterBusy,
                format!("{}/agentPools/{}", cluster.id, pool.name),
                format!("node pool {} is {}", pool.name, pool.provisioning_state),
            )
        }))
        .collect()
}

fn failed(question: &RuleContext<'_>) -> Option<Finding> {
    let state = &question.observed.cluster.provisioning_state;
    if !is_failed(state) {
        return None;
    }
    let told = format!("the cluster's provisioning state is {state}");
    let message = match &question.observed.cluster.kms {
        None => told,
        Some(profile) => {
            let key_id = profile.key_id.as_deref().filter(|_| profile.enabled);
            let configured = key_id.map_or_else(|| "KMS off".to_owned(), |id| format!("key {id}"));
            format!("{told}, so {configured} is configured, and perhaps not in force")
        }
    };
    Some(violated(question, RuleId::ClusterFailed, message))
}

fn stopped(question: &RuleContext<'_>) -> Option<Finding> {
    question
        .observed
        .cluster
        .is_stopped()
        .then(|| violated(question, RuleId::ClusterStopped, "the cluster is stopped"))
}

fn already_enabled(question: &RuleContext<'_>) -> Option<Finding> {
    let profile = question.in_use()?;
    let target = question.sets()?;
    let configured = profile.key_id.as_deref().unwrap_or("a key that the cluster does not name");
    let mode = profile.network_mode.map_or_else(String::new, |mode| format!(" ({mode} access)"));
    Some(violated(
        question,
        RuleId::KmsAlreadyEnabled,
        format!(
            "KMS is on with {configured}{mode}, and {} ({} access) was asked for",
            target.key_id, target.network_mode
        ),
    ))
}

fn not_enabled(question: &RuleContext<'_>) -> Option<Finding> {
    question.in_use().is_none().then(|| {
        violated(question, RuleId::KmsNotEnabled, "KMS is off, so there is no key to change")
    })
}

fn v1_on_enable(question: &RuleContext<'_>) -> Option<Finding> {
    (question.sets().is_some() && question.below_kms_v2()).then(|| {
        violated(
            question,
            RuleId::KmsV1OnEnable,
            format!(
                "the cluster is at Kubernetes {}, where KMS is v1",
                question.observed.cluster.kubernetes_version
            ),
        )
    })
}

fn network_mode_locked(question: &RuleContext<'_>) -> Option<Finding> {
    let profile = question.in_use()?;
    let target = question.sets()?;
    let rule = RuleId::VaultNetworkModeLocked;
    match (profile.same_vault(target), profile.same_mode(target)) {
        (Some(false), _) | (_, Some(true)) => None,
        (Some(true), Some(false)) => Some(violated(
            question,
            rule,
            format!(
                "the cluster uses this vault already, and not with {} access",
                target.network_mode
            ),
        )),
        (None, _) => Some(Finding::undetermined(
            rule,
            &question.observed.cluster.id,
            "the cluster's KMS profile names no key",
        )),
        (_, None) => Some(Finding::undetermined(
            rule,
            &question.observed.cluster.id,
            "the cluster's KMS profile names no network mode",
        )),
    }
}

fn private_without_vnet_integration(question: &RuleContext<'_>) -> Option<Finding> {
    let cluster = &question.observed.cluster;
    let mode = question.configuration()?.network_mode;
    if cluster.vnet_integration || mode != Some(NetworkMode::Private) {
        return None;
    }
    let finding = violated(
        question,
        RuleId::PrivateVaultNeedsVnetIntegration,
        format!(
            "the vault is private and the cluster (Kubernetes {}) has no API Server VNet Integration",
            cluster.kubernetes_version
        ),
    );
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
    question.configuration()?;
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
    let finding = check_fact(
        RuleId::KmsV1SecretLimit,
        &question.observed.cluster.id,
        &kubernetes.secrets,
        |secrets| {
            (*secrets >= KMS_V1_SECRETS_WARN).then(|| {
                format!("the cluster has {secrets} secrets; KMS v1 supports {KMS_V1_SECRETS}")
            })
        },
    )?;
    match kubernetes.secrets {
        Fact::Known(secrets) if secrets <= KMS_V1_SECRETS => Some(finding.at(Level::Warn, false)),
        _ => Some(finding),
    }
}

fn v1_upgrade(question: &RuleContext<'_>) -> Option<Finding> {
    question.kms_v1_in_use().then(|| {
        violated(
            question,
            RuleId::KmsV1UpgradeBlocked,
            format!(
                "KMS v1 is on at Kubernetes {}: upgrades to 1.27 or later are refused",
                question.observed.cluster.kubernetes_version
            ),
        )
        // Nobody is upgrading here.
        .at(Level::Warn, false)
    })
}

fn newer_experience(question: &RuleContext<'_>) -> Option<Finding> {
    question.observed.cluster.infrastructure_encryption.then(|| {
        violated(
            question,
            RuleId::NewerExperienceIrreversible,
            "the cluster's infrastructureEncryption is Enabled, which cannot be undone",
        )
    })
}

fn private_endpoint_nsg(question: &RuleContext<'_>) -> Option<Finding> {
    let cluster = &question.observed.cluster;
    let private = question.sets()?.network_mode == NetworkMode::Private;
    (private && cluster.private_cluster && cluster.vnet_integration).then(|| {
        violated(
            question,
            RuleId::PrivateEndpointNsg,
            "whether the API server reaches the vault's private endpoint on TCP 443 cannot be seen from here",
        )
    })
}
