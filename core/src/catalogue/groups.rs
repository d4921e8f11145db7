//! What rules have in common: how much they weigh, and which verbs they concern.

use crate::{
    catalogue::{Level, Rule, RuleId},
    ids::Verb::{
        self, ChangeNetworkMode, CheckAction, CreateCluster, Disable, Enable, MigrateToV2,
        Provision, ReencryptSecrets, Rotate, SetDataEncryption, Status, VerifySecrets,
    },
};

/// Refused.
pub(super) const BLOCK: Rule = Rule {
    id: RuleId::KeyIdMalformed,
    level: Level::Block,
    overridable: false,
    summary: "",
    remedy: "",
    url: "",
    verbs: &[],
    violated_when: "",
    refuses_undetermined: false,
};

/// Refused, also when it cannot be judged: guessing could lose data.
pub(super) const BLOCK_UNLESS_HOLDS: Rule = Rule { refuses_undetermined: true, ..BLOCK };

/// Refused unless the caller allows it.
pub(super) const BLOCK_UNLESS_ALLOWED: Rule = Rule { overridable: true, ..BLOCK };

/// Reported.
pub(super) const WARN: Rule = Rule { level: Level::Warn, ..BLOCK };

/// Worth knowing.
pub(super) const INFO: Rule = Rule { level: Level::Info, ..BLOCK };

/// Verbs that take a key id.
pub(super) const TAKES_KEY: &[Verb] = &[Enable, Rotate, SetDataEncryption, CreateCluster];

/// Verbs that take a version of a key.
pub(super) const TAKES_VERSION: &[Verb] = &[Enable, Rotate, CreateCluster];

/// Verbs that take a vault's resource id.
pub(super) const TAKES_VAULT: &[Verb] = TAKES_KEY;

/// Verbs that put a key into the cluster's KMS profile.
pub(super) const SETS_KEY: &[Verb] =
    &[Enable, Rotate, ChangeNetworkMode, MigrateToV2, CreateCluster];

/// The same, and the verb that tells what is wrong now.
pub(super) const SETS_KEY_OR_STATUS: &[Verb] =
    &[Enable, Rotate, ChangeNetworkMode, MigrateToV2, CreateCluster, Status];

/// The same, and the verb that sets a key without a version.
pub(super) const SETS_ANY_KEY_OR_STATUS: &[Verb] =
    &[Enable, Rotate, ChangeNetworkMode, MigrateToV2, SetDataEncryption, CreateCluster, Status];

/// Verbs for which a key in a vault must be usable, and the one that tells whether it is.
/// `reencrypt_secrets` is not among them: it needs no right to read a vault, and a key that does
/// not work shows in the API server's answers.
pub(super) const USES_KEY: &[Verb] = &[
    Enable,
    Rotate,
    Disable,
    ChangeNetworkMode,
    MigrateToV2,
    SetDataEncryption,
    CreateCluster,
    Status,
];

/// The same, and the verb that makes what of it is missing.
pub(super) const USES_KEY_OR_PROVISIONS: &[Verb] = &[
    Enable,
    Rotate,
    Disable,
    ChangeNetworkMode,
    MigrateToV2,
    SetDataEncryption,
    CreateCluster,
    Provision,
    Status,
];

/// Verbs that put a key into the cluster's KMS profile, and those that come before and after.
pub(super) const SETS_KEY_PROVISIONS_OR_STATUS: &[Verb] = &[
    Enable,
    Rotate,
    ChangeNetworkMode,
    MigrateToV2,
    SetDataEncryption,
    CreateCluster,
    Provision,
    Status,
];

/// Verbs that change the managed cluster and are gated.
pub(super) const CHANGES_KMS: &[Verb] =
    &[Enable, Rotate, Disable, ChangeNetworkMode, MigrateToV2, SetDataEncryption];

/// The same, and the verb that tells what is wrong now.
pub(super) const CHANGES_KMS_OR_STATUS: &[Verb] =
    &[Enable, Rotate, Disable, ChangeNetworkMode, MigrateToV2, SetDataEncryption, Status];

/// Verbs of KMS with a versioned key, but for the one that turns it off, and the one that makes a key for them.
pub(super) const CHANGES_VERSIONED_KMS_OR_PROVISIONS: &[Verb] =
    &[Enable, Rotate, ChangeNetworkMode, MigrateToV2, Provision];

/// Verbs that turn data encryption on.
pub(super) const TURNS_ON_DATA_ENCRYPTION: &[Verb] = &[SetDataEncryption, CreateCluster];

/// The same, and the verb that makes a key for them.
pub(super) const TURNS_ON_DATA_ENCRYPTION_OR_PROVISIONS: &[Verb] =
    &[SetDataEncryption, CreateCluster, Provision];

/// Verbs that set data encryption, and those that come before and after.
pub(super) const SETS_DATA_ENCRYPTION_PROVISIONS_OR_STATUS: &[Verb] =
    &[SetDataEncryption, CreateCluster, Provision, Status];

/// Verbs that need a customer-managed key to work, and the one that tells whether it does.
pub(super) const USES_CUSTOMER_MANAGED_KEY: &[Verb] =
    &[Rotate, SetDataEncryption, CreateCluster, Status];

/// The same, and the verb that makes what of it is missing.
pub(super) const USES_CUSTOMER_MANAGED_KEY_OR_PROVISIONS: &[Verb] =
    &[Rotate, SetDataEncryption, CreateCluster, Provision, Status];

/// Verbs that write secrets.
pub(super) const WRITES_SECRETS: &[Verb] =
    &[Enable, Rotate, Disable, ChangeNetworkMode, MigrateToV2, SetDataEncryption, ReencryptSecrets];

/// The same, and the verb that tells what is wrong now.
pub(super) const WRITES_SECRETS_OR_STATUS: &[Verb] = &[
    Enable,
    Rotate,
    Disable,
    ChangeNetworkMode,
    MigrateToV2,
    SetDataEncryption,
    ReencryptSecrets,
    Status,
];

/// The same, and those for which the cluster's identity must be there before and afterwards.
pub(super) const USES_IDENTITY: &[Verb] = &[
    Enable,
    Rotate,
    Disable,
    ChangeNetworkMode,
    MigrateToV2,
    SetDataEncryption,
    ReencryptSecrets,
    CreateCluster,
    Provision,
    Status,
];

/// Verbs that talk to the cluster's Kubernetes API.
pub(super) const USES_KUBERNETES: &[Verb] = &[
    Enable,
    Rotate,
    Disable,
    ChangeNetworkMode,
    MigrateToV2,
    SetDataEncryption,
    ReencryptSecrets,
    VerifySecrets,
    Status,
];

/// The verb that judges what is about to be done elsewhere.
pub(super) const GUARDS: &[Verb] = &[CheckAction];
