//! What a rule is.

use std::{fmt, str::FromStr};

use serde::Serialize;

use crate::ids::{ParseError, Verb, serde_as_text, text_enum};

text_enum! {
    /// How much a violated rule weighs.
    #[derive(Ord, PartialOrd)]
    pub enum Level("level") {
        /// Worth knowing.
        Info = "info",
        /// Reported, not refused.
        Warn = "warn",
        /// Refused.
        Block = "block",
    }
}

/// A documented limitation.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "bindings", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Rule {
    /// Its stable id.
    pub id: RuleId,
    /// What a violation does.
    pub level: Level,
    /// Whether naming the rule in `allow` lifts the refusal.
    pub overridable: bool,
    /// The limitation, in one sentence.
    pub summary: &'static str,
    /// What to do about a violation.
    pub remedy: &'static str,
    /// Where it is documented; empty where it follows from how the service behaves.
    pub url: &'static str,
    /// The verbs that it concerns.
    pub verbs: &'static [Verb],
    /// What a violation is; completes "could not tell whether …".
    #[serde(skip)]
    pub(crate) violated_when: &'static str,
    /// Facts that cannot be read refuse the operation, because guessing could lose data.
    #[serde(skip)]
    pub(crate) refuses_undetermined: bool,
}

macro_rules! rule_ids {
    ($($variant:ident = $text:literal,)+) => {
        /// The id of a rule: stable, the same in every language.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[non_exhaustive]
        #[expect(missing_docs, reason = "the catalogue documents each rule")]
        pub enum RuleId {
            $($variant,)+
        }

        impl RuleId {
            /// All rules, in the catalogue's order.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The id, such as `vault-firewall`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }
    };
}

rule_ids! {
    KeyIdMalformed = "key-id-malformed",
    KeyIdVersionRequired = "key-id-version-required",
    KeyIdVersionForbidden = "key-id-version-forbidden",
    KeyVaultIdRequired = "key-vault-id-required",
    KeyVaultIdMalformed = "key-vault-id-malformed",
    KeyVaultIdMismatch = "key-vault-id-mismatch",
    KeyVaultCloudMismatch = "key-vault-cloud-mismatch",
    KeyIdNotCanonical = "key-id-not-canonical",
    ClusterIdentitySystemAssigned = "cluster-identity-system-assigned",
    ClusterIdentityMissing = "cluster-identity-missing",
    IdentityNotOfCluster = "identity-not-of-cluster",
    ClusterExists = "cluster-exists",
    ClusterBusy = "cluster-busy",
    ClusterFailed = "cluster-failed",
    ClusterStopped = "cluster-stopped",
    KmsAlreadyEnabled = "kms-already-enabled",
    KmsV1OnEnable = "kms-v1-on-enable",
    KmsNotEnabled = "kms-not-enabled",
    VaultNetworkModeLocked = "vault-network-mode-locked",
    PrivateVaultNeedsVnetIntegration = "private-vault-needs-vnet-integration",
    TunnelUnsupported = "tunnel-unsupported",
    KmsV1SecretLimit = "kms-v1-secret-limit",
    KmsV1UpgradeBlocked = "kms-v1-upgrade-blocked",
    UpgradeNotOffered = "upgrade-not-offered",
    UpgradeSkipsVersions = "upgrade-skips-versions",
    NodePoolVersionSkew = "node-pool-version-skew",
    UpgradeMayFail = "upgrade-may-fail",
    NewerExperienceIrreversible = "newer-experience-irreversible",
    DataEncryptionIrreversible = "data-encryption-irreversible",
    DataEncryptionRetry = "data-encryption-retry",
    DataEncryptionVersion = "data-encryption-version",
    DataEncryptionFromKmsV1 = "data-encryption-from-kms-v1",
    DataEncryptionIdentity = "data-encryption-identity",
    DataEncryptionCannotDisable = "data-encryption-cannot-disable",
    DataEncryptionPreview = "data-encryption-preview",
    PreviewFeatureUnregistered = "preview-feature-unregistered",
    BlocksOlderMigrations = "blocks-older-migrations",
    DataEncryptionModeChange = "data-encryption-mode-change",
    DataEncryptionKeyChange = "data-encryption-key-change",
    DataEncryptionChangedByOthers = "data-encryption-changed-by-others",
    PrivateEndpointNsg = "private-endpoint-nsg",
    VaultNotFound = "vault-not-found",
    VaultSoftDeleted = "vault-soft-deleted",
    VaultOtherTenant = "vault-other-tenant",
    VaultFirewall = "vault-firewall",
    VaultPublicAccessDisabled = "vault-public-access-disabled",
    VaultPurgeProtectionOff = "vault-purge-protection-off",
    KeyNotFound = "key-not-found",
    KeySoftDeleted = "key-soft-deleted",
    KeyDisabled = "key-disabled",
    KeyExpired = "key-expired",
    KeyNotYetValid = "key-not-yet-valid",
    KeyExpiresSoon = "key-expires-soon",
    KeyAge = "key-age",
    KeyTypeUnsupported = "key-type-unsupported",
    KeyOpsMissing = "key-ops-missing",
    AccessPolicyMissing = "access-policy-missing",
    AccessRoleMissing = "access-role-missing",
    AccessRoleWrong = "access-role-wrong",
    PreviousKeyUnusable = "previous-key-unusable",
    VaultDataPlaneUnreachable = "vault-data-plane-unreachable",
    PrivateEndpointNotApproved = "private-endpoint-not-approved",
    VaultShared = "vault-shared",
    VaultDiagnosticsOff = "vault-diagnostics-off",
    PrivateLinkRoleMissing = "private-link-role-missing",
    VaultNameTaken = "vault-name-taken",
    KeyInClosedVault = "key-in-closed-vault",
    TrustedServicesOff = "trusted-services-off",
    VaultNotPrivate = "vault-not-private",
    VaultNetworkPerimeter = "vault-network-perimeter",
    PrivateEndpointUnused = "private-endpoint-unused",
    VaultReadRoleMissing = "vault-read-role-missing",
    NewestVersionUnusable = "newest-version-unusable",
    OlderVersionUnusable = "older-version-unusable",
    NewestVersionUnproven = "newest-version-unproven",
    KeyRotationExpiry = "key-rotation-expiry",
    KubernetesClusterMismatch = "kubernetes-cluster-mismatch",
    KubernetesUnreachable = "kubernetes-unreachable",
    KubernetesPermissionMissing = "kubernetes-permission-missing",
    RecordUnsealed = "record-unsealed",
    SecretUpdatesDenied = "secret-updates-denied",
    SecretsUnreadable = "secrets-unreadable",
    SecretsUnproven = "secrets-unproven",
    RecordUnreadable = "record-unreadable",
    PreviousKeyStillNeeded = "previous-key-still-needed",
    KeyInUseUnproven = "key-in-use-unproven",
    RollbackUnproven = "rollback-unproven",
    EtcdGrowth = "etcd-growth",
    KeyReused = "key-reused",
    SecretsNotKmsEncryptedMeanwhile = "secrets-not-kms-encrypted-meanwhile",
    KeyStillNeeded = "key-still-needed",
    VaultStillNeeded = "vault-still-needed",
    IdentityStillNeeded = "identity-still-needed",
    AccessStillNeeded = "access-still-needed",
    StopWithPrivateVault = "stop-with-private-vault",
    ScaleToZero = "scale-to-zero",
    VaultClosingInPublicUse = "vault-closing-in-public-use",
    TrustedServicesStillNeeded = "trusted-services-still-needed",
    TenantMove = "tenant-move",
}

impl RuleId {
    /// The rule itself.
    pub(crate) fn entry(self) -> &'static Rule {
        super::entry(self)
    }

    /// Whether `allow` can name it: its refusal can be lifted, if only where the circumstances are so.
    pub(crate) fn can_be_allowed(self) -> bool {
        self.entry().overridable || OVERRIDABLE_AT_TIMES.contains(&self)
    }

    /// Whether it is about a vault, a key in it, or the access to it.
    pub(crate) fn is_about_key(self) -> bool {
        super::vault::RULES.iter().any(|rule| rule.id == self)
    }
}

/// Rules whose refusal can be lifted in some circumstances, and not as the catalogue has them: of Kubernetes below
/// 1.31, and of a vault that others use.
const OVERRIDABLE_AT_TIMES: &[RuleId] =
    &[RuleId::PrivateVaultNeedsVnetIntegration, RuleId::VaultClosingInPublicUse];

/// How alike an id must be to what was written: one that is not was hardly meant.
const ALIKE: f64 = 0.6;

/// The id that is most like a text, if one is like it.
pub(crate) fn nearest(text: &str, ids: impl Iterator<Item = RuleId>) -> Option<RuleId> {
    let written = text.trim().to_ascii_lowercase().replace(['_', ' '], "-");
    ids.map(|id| (strsim::normalized_damerau_levenshtein(&written, id.as_str()), id))
        .filter(|(alike, _)| *alike >= ALIKE)
        .max_by(|(left, _), (right, _)| left.total_cmp(right))
        .map(|(_, id)| id)
}

/// The ids that `allow` can name, as text.
pub(crate) fn overridable() -> String {
    let ids = RuleId::ALL.iter().filter(|id| id.can_be_allowed());
    ids.map(|id| id.as_str()).collect::<Vec<_>>().join(", ")
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for RuleId {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::ALL.iter().copied().find(|id| id.as_str() == text).ok_or_else(|| {
            let nearest = nearest(text, Self::ALL.iter().copied());
            let meant = nearest.map_or_else(String::new, |id| format!("did you mean {id}? "));
            let hint = format!("{meant}`rules()` lists them; allow takes {}", overridable());
            ParseError::new("rule", text, "the id of a rule", hint)
        })
    }
}

serde_as_text!(RuleId);

#[cfg(feature = "bindings")]
impl schemars::JsonSchema for RuleId {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "RuleId".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let ids = Self::ALL.iter().map(|id| {
            serde_json::json!({ "const": id.as_str(), "type": "string", "description": id.entry().summary })
        });
        schemars::json_schema!({
            "description": "The id of a rule: stable, the same in every language.",
            "oneOf": ids.collect::<Vec<_>>(),
        })
    }
}
