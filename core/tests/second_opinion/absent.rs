//! Rules turned off one by one: without the rule, both sides must disagree.

use std::{collections::BTreeSet, sync::Arc};

use aks_kms::{Level, RuleId, Verb};

use crate::{
    change::{Asked, Change, Key, Mode, Named},
    compare::is_missed,
    region::Region,
    shape::{Shape, Start},
};

/// A world in which a rule would be missed.
struct Row {
    rule: RuleId,
    start: Start,
    deviations: &'static [&'static str],
    change: Change,
}

const fn row(
    rule: RuleId,
    start: Start,
    deviations: &'static [&'static str],
    change: Change,
) -> Row {
    Row { rule, start, deviations, change }
}

const fn asked(key: Key, mode: Mode, vault: Named) -> Asked {
    Asked { key, mode, vault }
}

const fn enable(key: Key) -> Change {
    Change::Enable(asked(key, Mode::Public, Named::Its))
}

const fn enable_privately(key: Key, vault: Named) -> Change {
    Change::Enable(asked(key, Mode::Private, vault))
}

const fn rotate(key: Key) -> Change {
    Change::Rotate(asked(key, Mode::Public, Named::Its))
}

const MISSED: &[Row] = &[
    row(RuleId::KeyIdMalformed, Start::Plain, &[], enable(Key::WithTrailingSlash)),
    row(RuleId::KeyIdVersionRequired, Start::Plain, &[], enable(Key::WithoutVersion)),
    row(RuleId::KeyVaultIdRequired, Start::Plain, &[], enable_privately(Key::First, Named::None)),
    row(
        RuleId::KeyVaultIdMalformed,
        Start::Plain,
        &[],
        enable_privately(Key::First, Named::Malformed),
    ),
    row(
        RuleId::KeyVaultIdMismatch,
        Start::Plain,
        &[],
        enable_privately(Key::First, Named::Another),
    ),
    row(RuleId::KeyVaultCloudMismatch, Start::Plain, &[], enable(Key::OfAnotherCloud)),
    row(
        RuleId::ClusterIdentitySystemAssigned,
        Start::Plain,
        &["system-assigned identity"],
        enable(Key::First),
    ),
    row(RuleId::ClusterBusy, Start::Plain, &["upgrading"], enable(Key::First)),
    row(RuleId::ClusterStopped, Start::Plain, &["stopped"], enable(Key::First)),
    row(RuleId::KmsNotEnabled, Start::Plain, &[], Change::NetworkMode(Mode::Private)),
    row(
        RuleId::VaultNetworkModeLocked,
        Start::On,
        &[],
        Change::Rotate(asked(Key::Second, Mode::Private, Named::Its)),
    ),
    row(
        RuleId::PrivateVaultNeedsVnetIntegration,
        Start::Plain,
        &["no VNet integration"],
        enable_privately(Key::First, Named::Its),
    ),
    row(RuleId::NewerExperienceIrreversible, Start::On, &["newer experience"], rotate(Key::Second)),
    row(RuleId::VaultNotFound, Start::Plain, &["no vault"], enable(Key::First)),
    row(RuleId::VaultSoftDeleted, Start::Plain, &["deleted vault"], enable(Key::First)),
    row(RuleId::VaultOtherTenant, Start::Plain, &["vault of another tenant"], enable(Key::First)),
    row(RuleId::VaultFirewall, Start::Plain, &["firewall"], enable(Key::First)),
    row(RuleId::VaultPublicAccessDisabled, Start::Plain, &["closed vault"], enable(Key::First)),
    row(RuleId::KeyNotFound, Start::Plain, &[], enable(Key::NoSuchVersion)),
    row(RuleId::KeySoftDeleted, Start::Plain, &["deleted key"], enable(Key::First)),
    row(RuleId::KeyDisabled, Start::Plain, &["disabled key"], enable(Key::First)),
    row(RuleId::KeyExpired, Start::Plain, &["expired key"], enable(Key::First)),
    row(RuleId::KeyNotYetValid, Start::Plain, &["key not yet valid"], enable(Key::First)),
    row(RuleId::KeyTypeUnsupported, Start::Plain, &["elliptic key"], enable(Key::First)),
    row(RuleId::KeyOpsMissing, Start::Plain, &["key without encrypt"], enable(Key::First)),
    row(RuleId::AccessPolicyMissing, Start::Plain, &["no policy"], enable(Key::First)),
    row(RuleId::AccessRoleMissing, Start::Plain, &["no role"], enable(Key::First)),
    row(RuleId::AccessRoleWrong, Start::Plain, &["role that only wraps"], enable(Key::First)),
    row(
        RuleId::PrivateEndpointNotApproved,
        Start::OnPrivately,
        &["closed vault", "pending private endpoint"],
        Change::Rotate(asked(Key::Second, Mode::Private, Named::Its)),
    ),
    row(
        RuleId::PrivateLinkRoleMissing,
        Start::Plain,
        &["no private link role"],
        enable_privately(Key::First, Named::Its),
    ),
];

/// Rules that block a change and that this comparison would not miss, and why.
const NOT_MISSED: &[(RuleId, &str)] = &[
    (
        RuleId::KeyIdNotCanonical,
        "documented only: the service takes every spelling, and the damage shows at the next change",
    ),
    (
        RuleId::ClusterIdentityMissing,
        "no world has it: the simulated Azure keeps the cluster's identity; conformance cases do",
    ),
    (
        RuleId::KmsAlreadyEnabled,
        "documented only: az has one command for turning on and rotating, and the gate proves all secrets for both",
    ),
    (RuleId::KmsV1SecretLimit, "documented only: the service does not count secrets"),
    (
        RuleId::PreviousKeyUnusable,
        "what is under an unusable key is kept by the gate, and API servers that need it were down before",
    ),
    (
        RuleId::VaultDataPlaneUnreachable,
        "no world has it: az passes the version that the library would have to make",
    ),
    (
        RuleId::KubernetesClusterMismatch,
        "the service does not look at the API server that the caller names; it is the gate that would prove the wrong secrets",
    ),
    (RuleId::KubernetesUnreachable, "left to the gate, which cannot begin without an API server"),
    (
        RuleId::KubernetesPermissionMissing,
        "left to the gate, which ends with the right that is missing, before the change",
    ),
    (RuleId::PreviousKeyStillNeeded, "it is the gate's own finding: no dry run has it"),
    (
        RuleId::KeyInUseUnproven,
        "left to the gate; documented, because weak evidence proves nothing",
    ),
    (
        RuleId::RollbackUnproven,
        "no world has it: the API servers of the simulated cluster are up when they are asked; the safety tests have it",
    ),
    (
        RuleId::DataEncryptionCannotDisable,
        "documented only: the service takes it for the move to the platform's key, or for nothing to do",
    ),
    (
        RuleId::TrustedServicesOff,
        "no world has it: customer-managed keys are not compared; conformance cases do",
    ),
    (
        RuleId::VaultReadRoleMissing,
        "no world has it: customer-managed keys are not compared; tests of the rules do",
    ),
    (
        RuleId::NewestVersionUnusable,
        "no world has it: customer-managed keys are not compared; conformance cases do",
    ),
    (
        RuleId::OlderVersionUnusable,
        "no world has it: customer-managed keys are not compared; tests of the rules do",
    ),
    (
        RuleId::NewestVersionUnproven,
        "no world has it: customer-managed keys are not compared; tests of the rules do",
    ),
    (
        RuleId::SecretUpdatesDenied,
        "left to the gate, which names each secret before the change; AKS rewrites none of these by itself",
    ),
    (
        RuleId::VaultClosingInPublicUse,
        "documented only: what API servers may read with is not known, so the vault stays open",
    ),
];

/// Whether a rule can refuse one of the changes that are compared.
fn is_compared(verbs: &[Verb]) -> bool {
    let compared = [Verb::Enable, Verb::Rotate, Verb::Disable, Verb::ChangeNetworkMode];
    verbs.iter().any(|verb| compared.contains(verb))
}

pub(crate) async fn each_is_missed() {
    let region = Arc::new(Region::start().await);
    let mut wrong = Vec::new();
    for Row { rule, start, deviations, change } in MISSED {
        let shape = Shape { start: *start, deviations: deviations.to_vec(), change: *change };
        match is_missed(&region, &shape, *rule).await {
            Ok(true) => {}
            Ok(false) => wrong.push(format!("{rule} is not missed in {shape:?}")),
            Err(what) => wrong.push(format!("{rule}: {what}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A new rule that blocks gets a world in which it would be missed, or a reason why there is none.
pub(crate) fn each_has_a_world_or_a_reason() {
    let missed = MISSED.iter().map(|row| row.rule);
    let reasons = NOT_MISSED.iter().filter(|(_, why)| !why.is_empty()).map(|(rule, _)| *rule);
    let named: Vec<RuleId> = missed.chain(reasons).collect();
    let rules = aks_kms::rules().into_iter();
    let block = rules.filter(|rule| rule.level == Level::Block && is_compared(rule.verbs));
    let expected: BTreeSet<RuleId> = block.map(|rule| rule.id).collect();
    assert_eq!(named.iter().copied().collect::<BTreeSet<_>>(), expected);
    assert_eq!(named.len(), expected.len(), "a rule is named twice");
}
