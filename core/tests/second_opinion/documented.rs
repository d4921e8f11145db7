//! Where the two sides need not say the same, each with the sentence that says so; and which rule a refusal of
//! the service is about.

use aks_kms::{Finding, FindingState, RuleId};

use crate::change::Change;

/// Words of a refusal, and the rules that are about it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reason {
    pub(crate) words: &'static str,
    pub(crate) rules: &'static [RuleId],
}

const fn because(words: &'static str, rules: &'static [RuleId]) -> Reason {
    Reason { words, rules }
}

const REASONS: &[Reason] = &[
    because("managed cluster is stopped", &[RuleId::ClusterStopped]),
    because("Another operation", &[RuleId::ClusterBusy]),
    because("must name a key version", &[RuleId::KeyIdVersionRequired]),
    // A key id without a version asks for KMS data encryption.
    because(
        "can't be enabled while KMS v1 is",
        &[RuleId::DataEncryptionFromKmsV1, RuleId::KeyIdVersionRequired],
    ),
    because("not a valid key identifier", &[RuleId::KeyIdMalformed]),
    because("requires a user-assigned managed identity", &[RuleId::ClusterIdentitySystemAssigned]),
    because("infrastructureEncryption is enabled", &[RuleId::NewerExperienceIrreversible]),
    // What is asked for of a cluster with data encryption is refused for that, whatever else it lacks.
    because(
        "data encryption requires a managed identity",
        &[
            RuleId::DataEncryptionIdentity,
            RuleId::DataEncryptionCannotDisable,
            RuleId::NewerExperienceIrreversible,
        ],
    ),
    because("is required for private access", &[RuleId::KeyVaultIdRequired]),
    because("is not the key's vault", &[RuleId::KeyVaultIdMismatch]),
    because("requires API Server VNet Integration", &[RuleId::PrivateVaultNeedsVnetIntegration]),
    because(
        "can't be changed while KMS is enabled with this key vault",
        &[RuleId::VaultNetworkModeLocked],
    ),
    because("does not exist", &[RuleId::VaultNotFound, RuleId::VaultSoftDeleted]),
    // As the vault's name says it, which KMS data encryption is set with.
    because("There is no vault at", &[RuleId::VaultNotFound, RuleId::VaultSoftDeleted]),
    // The tenant is told of a vault that the identity may use; of one that KMS cannot use, nothing but that.
    because(
        "in another tenant",
        &[RuleId::VaultOtherTenant, RuleId::ClusterIdentitySystemAssigned],
    ),
    because("AKV10032", &[RuleId::VaultOtherTenant]),
    because("may not approve private endpoint", &[RuleId::PrivateLinkRoleMissing]),
    because(
        "Public network access is disabled",
        // Where there is no connection yet, it is the role that approves the one that AKS makes.
        &[
            RuleId::VaultPublicAccessDisabled,
            RuleId::PrivateEndpointNotApproved,
            RuleId::PrivateLinkRoleMissing,
        ],
    ),
    because(
        "Client address is not authorized",
        &[RuleId::VaultFirewall, RuleId::PrivateEndpointNotApproved],
    ),
    // Of an identity that KMS cannot use, nothing but that is told.
    because(
        "ForbiddenByRbac",
        &[
            RuleId::AccessRoleMissing,
            RuleId::AccessRoleWrong,
            RuleId::ClusterIdentitySystemAssigned,
        ],
    ),
    because(
        "not authorized to perform action",
        &[
            RuleId::AccessRoleMissing,
            RuleId::AccessRoleWrong,
            RuleId::ClusterIdentitySystemAssigned,
        ],
    ),
    because(
        "does not have keys",
        &[RuleId::AccessPolicyMissing, RuleId::ClusterIdentitySystemAssigned],
    ),
    because("was not found in this key vault", &[RuleId::KeyNotFound, RuleId::KeySoftDeleted]),
    because("on a disabled key", &[RuleId::KeyDisabled]),
    because("on an expired key", &[RuleId::KeyExpired]),
    because("not yet valid", &[RuleId::KeyNotYetValid]),
    because("not supported by a key of this type", &[RuleId::KeyTypeUnsupported]),
    because("is not permitted on this key", &[RuleId::KeyOpsMissing]),
];

/// What a refusal of the service is about.
pub(crate) fn reason(text: &str) -> Option<&'static Reason> {
    REASONS.iter().find(|reason| text.contains(reason.words))
}

/// A rule that blocks although the service does what is asked for without harm, and what says that it must.
struct Documented {
    rule: RuleId,
    /// Whether the row is about this finding.
    covers: fn(Change, &Finding) -> bool,
    /// What the documentation says, in short, and where.
    why: &'static str,
}

const fn documented(
    rule: RuleId,
    covers: fn(Change, &Finding) -> bool,
    why: &'static str,
) -> Documented {
    Documented { rule, covers, why }
}

fn always(_: Change, _: &Finding) -> bool {
    true
}

fn violated(_: Change, finding: &Finding) -> bool {
    finding.state == FindingState::Violated
}

fn undetermined(_: Change, finding: &Finding) -> bool {
    finding.state == FindingState::Undetermined
}

fn changes_mode(change: Change, _: &Finding) -> bool {
    matches!(change, Change::NetworkMode(_))
}

/// The pages are under <https://learn.microsoft.com/azure/aks/> unless another one is named.
const BLOCKS_ALL_THE_SAME: &[Documented] = &[
    documented(
        RuleId::KmsAlreadyEnabled,
        violated,
        "use-kms-etcd-encryption, Rotate existing keys: another key is a rotation, with its own rules for the key before; \
         az has one command for both, this library two verbs",
    ),
    documented(
        RuleId::KmsNotEnabled,
        violated,
        "use-kms-etcd-encryption, Rotate existing keys: what is rotated or moved is a key in use; az has one command for \
         turning on and rotating, this library two verbs",
    ),
    documented(
        RuleId::ClusterIdentitySystemAssigned,
        violated,
        "use-kms-etcd-encryption, Limitations: KMS does not work with a system-assigned identity. Such a cluster with \
         KMS on is one that nobody can make",
    ),
    documented(
        RuleId::KeyIdNotCanonical,
        violated,
        "kubernetes.io, Using a KMS provider: the key id tells whether data is stale, and the plugin's is the hash of \
         the configured text: one key under two spellings looks like two",
    ),
    documented(
        RuleId::KeyIdVersionRequired,
        violated,
        "kms-data-encryption-concepts, Limitations: a key id without a version turns on KMS data encryption, which cannot \
         be turned off; a verb of its own asks for that",
    ),
    documented(
        RuleId::NewerExperienceIrreversible,
        violated,
        "kms-data-encryption, Limitations: it cannot be turned off, and there is no way back; turning off what is off \
         is accepted",
    ),
    documented(
        RuleId::DataEncryptionCannotDisable,
        violated,
        "kms-data-encryption-concepts, Limitations: it cannot be turned off; turning off what is off is accepted, and \
         with a customer-managed key it is the move to the platform's",
    ),
    documented(
        RuleId::VaultPublicAccessDisabled,
        changes_mode,
        "update-kms-key-vault, Update a key vault mode: KMS is turned off and on again, and in between nothing may be under \
         the key; while the vault is closed to the API servers no secret can be rewritten",
    ),
    documented(
        RuleId::VaultFirewall,
        changes_mode,
        "update-kms-key-vault, Update a key vault mode: KMS is turned off and on again, and in between nothing may be under \
         the key; while the firewall denies the API servers no secret can be rewritten",
    ),
    documented(
        RuleId::VaultNotFound,
        |change, finding| changes_mode(change, finding) && undetermined(change, finding),
        "update-kms-key-vault, Update a key vault mode: private mode is set with the vault's resource id, which the \
         cluster does not tell in public mode",
    ),
    documented(
        RuleId::VaultPublicAccessDisabled,
        undetermined,
        "use-kms-etcd-encryption, Limitations: a closed vault blocks the plugin; where the vault cannot be read, guessing \
         could take the API servers down",
    ),
    documented(
        RuleId::VaultClosingInPublicUse,
        always,
        "use-kms-etcd-encryption, Rotate existing keys: after one rotation the key before is still read; where it is not \
         known, the vault may be its way",
    ),
    documented(
        RuleId::KubernetesPermissionMissing,
        violated,
        "use-kms-etcd-encryption, Rotate existing keys: every secret must be updated before the next change, which the \
         caller has no right to",
    ),
    documented(
        RuleId::KeyInUseUnproven,
        violated,
        "use-kms-etcd-encryption, Rotate existing keys: secrets left under the key before the previous one are lost, and \
         without metrics nothing shows which key is in use",
    ),
];

/// Rules that only warn of what the service refuses where the plan does not set the profile, and why.
const WARNS_OF_WHAT_IS: &[(RuleId, &str)] = &[(
    RuleId::PrivateVaultNeedsVnetIntegration,
    "use-kms-etcd-encryption, Prerequisites: subscriptions that used Konnectivity for a private vault before go on with it;      az sends the same profile again to close the vault, the library does not",
)];

/// Refusals of what is set, where the plan sets nothing because the cluster has it, and why.
const ABOUT_SETTING: &[(&str, &str)] = &[(
    "may not approve private endpoint",
    "use-kms-etcd-encryption, Assign permissions to create a private link: the right is needed to make the connection, \
     and it is there",
)];

/// What the service refuses while an operation goes on, and the library waits for where that operation is the change
/// that is asked for: nobody has to begin it again.
const WAITED_FOR: &str = "Another operation (Updating)";

/// Refusals that nothing shows before the change, and why.
const NOT_TO_BE_SEEN: &[(&str, &str)] = &[];

/// Whether the documentation forbids what the service does.
pub(crate) fn blocks_all_the_same(change: Change, finding: &Finding) -> bool {
    let mut rows = BLOCKS_ALL_THE_SAME.iter();
    rows.any(|row| row.rule == finding.rule && !row.why.is_empty() && (row.covers)(change, finding))
}

pub(crate) fn only_warns(rule: RuleId, sets: bool) -> bool {
    !sets && WARNS_OF_WHAT_IS.iter().any(|(warns, why)| *warns == rule && !why.is_empty())
}

pub(crate) fn is_about_setting(words: &str) -> bool {
    ABOUT_SETTING.iter().any(|(about, why)| *about == words && !why.is_empty())
}

/// Without the vault's resource id there is no plan whose steps could be judged, and the cluster's key does not tell
/// it; with KMS data encryption the verb is refused for that, whatever else the cluster lacks.
pub(crate) fn keeps_from_judging(change: Change, finding: &Finding) -> bool {
    match finding.rule {
        RuleId::VaultNotFound => {
            finding.state == FindingState::Undetermined || changes_mode(change, finding)
        }
        RuleId::VaultSoftDeleted => changes_mode(change, finding),
        RuleId::NewerExperienceIrreversible | RuleId::DataEncryptionCannotDisable => {
            finding.state == FindingState::Violated
        }
        _ => false,
    }
}

pub(crate) fn is_waited_for(reason: &str) -> bool {
    reason.contains(WAITED_FOR)
}

pub(crate) fn is_not_to_be_seen(words: &str) -> bool {
    NOT_TO_BE_SEEN.iter().any(|(unseen, why)| *unseen == words && !why.is_empty())
}
