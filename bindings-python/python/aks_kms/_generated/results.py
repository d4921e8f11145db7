"""Results, and structured arguments.

Generated from bindings/schema.json by `bindings-python/generate`: change it there.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from aks_kms._model import Choice, Model, many, moment
from aks_kms._text import (
    ClusterListText,
    FindingText,
    FleetText,
    LedgerText,
    ProvisionedText,
    ReportText,
    StatusText,
    Steps,
    StepText,
    UnreadableText,
)

__all__ = [
    "Action",
    "ActionKind",
    "ApiServer",
    "BlockedReason",
    "BlockedSecret",
    "ClusterList",
    "ClusterSummary",
    "Counts",
    "CustomerManagedKey",
    "Evidence",
    "ExpectedKey",
    "Experience",
    "Finding",
    "FindingState",
    "FleetProgress",
    "FleetReport",
    "FleetRow",
    "FleetTotals",
    "KeyLedger",
    "KmsChange",
    "KmsConfiguration",
    "KmsStatus",
    "KmsVersion",
    "LedgerEntry",
    "Level",
    "NetworkMode",
    "NodePools",
    "OperationInProgress",
    "OperationOutcome",
    "OperationReport",
    "Pace",
    "Phase",
    "Progress",
    "ProvisionPart",
    "ProvisionStep",
    "Provisioned",
    "Purpose",
    "ReencryptOptions",
    "ReencryptReport",
    "ReencryptSample",
    "Rule",
    "RuleId",
    "Scope",
    "SecretTotal",
    "Step",
    "StepKind",
    "StepOutcome",
    "StepReport",
    "UnreadableResource",
    "VaultAccess",
    "VaultAuthorization",
    "Verb",
    "Versions",
]


class BlockedReason(StrEnum):
    """Why a secret could not be rewritten."""

    DENIED = "denied"
    """A policy or webhook denies it."""
    INVALID = "invalid"
    """Today's validation rejects the stored object."""
    UNREADABLE = "unreadable"
    """No API server can decrypt it."""
    TOO_LARGE = "too-large"
    """It exceeds a limit."""
    NAMESPACE_GONE = "namespace-gone"
    """Its Namespace does not exist any more: it can be listed, read and deleted, not changed."""
    ERROR = "error"
    """The API server responded with an error."""


class Evidence(StrEnum):
    """How it is known with which key the API servers write."""

    METRICS = "metrics"
    """Every live API server counted a write with the very key, and none with another."""
    METRICS_UNNAMED = "metrics-unnamed"
    """Every live API server counted writes with one same key whose name cannot be computed."""
    WEAK = "weak"
    """Only time passed: the API servers' metrics cannot be read."""
    LEDGER = "ledger"
    """An earlier proof, recorded in the cluster, still stands."""


class Experience(StrEnum):
    """Who manages the key that secrets are encrypted with."""

    KEY_VAULT = "key-vault"
    """KMS with a key of yours in your vault, which is named with its version."""
    CUSTOMER_MANAGED = "customer-managed"
    """KMS data encryption, the newer experience, with a key of yours."""
    PLATFORM_MANAGED = "platform-managed"
    """KMS data encryption, the newer experience, with a key of the platform's."""


class FindingState(StrEnum):
    """Why a finding was made."""

    VIOLATED = "violated"
    """The rule is violated."""
    UNDETERMINED = "undetermined"
    """The facts could not be read."""


class KmsVersion(StrEnum):
    """KMS plugin API version."""

    V1 = "v1"
    """Enabled on Kubernetes before 1.27."""
    V2 = "v2"
    """Enabled on Kubernetes 1.27 or later."""


class Level(StrEnum):
    """How much a violated rule weighs."""

    INFO = "info"
    """Worth knowing."""
    WARN = "warn"
    """Reported, not refused."""
    BLOCK = "block"
    """Refused."""


class NetworkMode(StrEnum):
    """How the API servers reach the key vault."""

    PUBLIC = "public"
    """Over the vault's public endpoint."""
    PRIVATE = "private"
    """Over a private endpoint that AKS makes."""


class NodePools(StrEnum):
    """What `migrate_to_v2` does with the node pools."""

    UPGRADE = "upgrade"
    """They follow the control plane, after each of its upgrades."""
    KEEP = "keep"
    """They stay at their version."""


class OperationOutcome(StrEnum):
    """What came of a call."""

    DONE = "done"
    """What was asked for holds, whether this call made it so or it was so before."""
    NOT_DUE = "not-due"
    """The key in use is younger than `when_older_than`: nothing was done, and no secret was asked.
    """
    PLANNED = "planned"
    """The dry run was told that it can be done."""
    REFUSED = "refused"
    """Rules refuse it, and nothing was changed: in a dry run, or in the report of an error."""
    UNFINISHED = "unfinished"
    """An operation is recorded in the cluster and not at its end: the same call, or `resume`, goes on
    with it.
    """
    FAILED = "failed"
    """It ended with an error, and no operation is recorded."""
    NOT_STARTED = "not-started"
    """Only of a row of a fleet: the cluster was not begun, because of what came of others."""


class Pace(StrEnum):
    """How hard the API server is pressed."""

    GENTLE = "gentle"
    """As many requests in flight as leave the API server's latency near what it is without them,
    `max_concurrency` at most; and etcd grows by no more than 1 GiB in ten minutes.
    """
    FAST = "fast"
    """`max_concurrency` requests in flight."""


class Phase(StrEnum):
    """What an operation is doing."""

    OBSERVE = "observe"
    """Reading cluster, vault, key, access and Kubernetes."""
    PLAN = "plan"
    """Judging the rules and ordering the steps."""
    CLUSTER = "cluster"
    """Changing the managed cluster."""
    VAULT = "vault"
    """Changing the vault."""
    UPGRADE = "upgrade"
    """Upgrading Kubernetes."""
    CONVERGE = "converge"
    """Waiting until every API server writes with the expected key."""
    REENCRYPT = "reencrypt"
    """Rewriting secrets."""
    VERIFY = "verify"
    """Proving that nothing is left under another key."""
    RECORD = "record"
    """Keeping the operation's record."""


class ProvisionPart(StrEnum):
    """A part of what a cluster with KMS needs."""

    IDENTITY = "identity"
    """The user-assigned identity."""
    KEY_VAULT = "key-vault"
    """The key vault."""
    PURGE_PROTECTION = "purge-protection"
    """Purge protection of a vault that was there without."""
    KEY = "key"
    """The key, with its first version."""
    KEY_ROLE = "key-role"
    """The identity's role on the vault to encrypt and decrypt with its keys."""
    KEY_POLICY = "key-policy"
    """The same as an access policy of the vault."""
    PRIVATE_LINK_ROLE = "private-link-role"
    """The identity's role on the vault to approve private endpoint connections."""
    VAULT_READ_ROLE = "vault-read-role"
    """The identity's role on the vault to read its keys through Resource Manager, by which AKS follows
    a customer-managed key.
    """


class Purpose(StrEnum):
    """What a pass over the secrets was for."""

    GATE = "gate"
    """Before the key changes: nothing may be left under an older one."""
    REWRITE = "rewrite"
    """After the key changed."""
    VERIFY = "verify"
    """Only to prove."""


class RuleId(StrEnum):
    """The id of a rule: stable, the same in every language."""

    KEY_ID_MALFORMED = "key-id-malformed"
    """A key id is `https://<vault host>/keys/<name>/<version>`, with nothing before, between or
    behind.
    """
    KEY_ID_VERSION_REQUIRED = "key-id-version-required"
    """KMS etcd encryption needs a key id with a version; without one, AKS takes it for the newer
    experience, which cannot be undone.
    """
    KEY_ID_VERSION_FORBIDDEN = "key-id-version-forbidden"
    """A customer-managed key of KMS data encryption is named without a version: AKS follows it to its
    newest one.
    """
    KEY_VAULT_ID_REQUIRED = "key-vault-id-required"
    """In private mode AKS needs the vault's resource id, to make a private endpoint for it; with a
    customer-managed key it needs it in both modes.
    """
    KEY_VAULT_ID_MALFORMED = "key-vault-id-malformed"
    """A vault's resource id is
    `/subscriptions/<id>/resourceGroups/<group>/providers/Microsoft.KeyVault/vaults/<vault>`.
    """
    KEY_VAULT_ID_MISMATCH = "key-vault-id-mismatch"
    """The key must lie in the vault that the resource id names."""
    KEY_VAULT_CLOUD_MISMATCH = "key-vault-cloud-mismatch"
    """The key must lie in a vault of the chosen cloud; managed HSMs are not documented for KMS, and no
    token is sent to another host.
    """
    KEY_ID_NOT_CANONICAL = "key-id-not-canonical"
    """The key id must be the vault's own `kid`, character by character: the KMS plugin hashes and
    compares the configured text; of a customer-managed key, the `kid` without its version.
    """
    CLUSTER_IDENTITY_SYSTEM_ASSIGNED = "cluster-identity-system-assigned"
    """KMS needs a user-assigned managed identity: it must have access to the key before KMS is turned
    on.
    """
    CLUSTER_IDENTITY_MISSING = "cluster-identity-missing"
    """The cluster's user-assigned identity must exist: it is what KMS and AKS itself reach the vault
    with.
    """
    IDENTITY_NOT_OF_CLUSTER = "identity-not-of-cluster"
    """KMS reaches the vault with the identity that the cluster runs as: access of another one is of no
    use to it.
    """
    CLUSTER_EXISTS = "cluster-exists"
    """A cluster that exists is not made, and not changed into what was asked for."""
    CLUSTER_BUSY = "cluster-busy"
    """While another operation runs on the cluster or on a node pool, nothing is changed."""
    CLUSTER_FAILED = "cluster-failed"
    """The last operation on the cluster failed or was aborted: it may have been a change of the key,
    which the next update of any kind applies.
    """
    CLUSTER_STOPPED = "cluster-stopped"
    """A stopped cluster has no API server: neither KMS nor secrets can be changed."""
    KMS_ALREADY_ENABLED = "kms-already-enabled"
    """KMS is on already, with another key, vault or network mode."""
    KMS_V1_ON_ENABLE = "kms-v1-on-enable"
    """Turning KMS on below Kubernetes 1.27 gives KMS v1: at most 2,000 secrets, and no upgrade to 1.27
    or later until it is migrated.
    """
    KMS_NOT_ENABLED = "kms-not-enabled"
    """Key, network mode and version of KMS can be changed only while it is on."""
    VAULT_NETWORK_MODE_LOCKED = "vault-network-mode-locked"
    """While KMS is on, the network mode of the vault in use cannot change: KMS must be turned off and
    on again, with all secrets rewritten in between.
    """
    PRIVATE_VAULT_NEEDS_VNET_INTEGRATION = "private-vault-needs-vnet-integration"
    """A private vault needs API Server VNet Integration: without exception from Kubernetes 1.31 on,
    and below for subscriptions that did not use Konnectivity for it before.
    """
    TUNNEL_UNSUPPORTED = "tunnel-unsupported"
    """KMS works over Konnectivity or API Server VNet Integration, and the cluster shows neither.
    """
    KMS_V1_SECRET_LIMIT = "kms-v1-secret-limit"
    """KMS v1 (Kubernetes below 1.27) supports at most 2,000 secrets in a cluster."""
    KMS_V1_UPGRADE_BLOCKED = "kms-v1-upgrade-blocked"
    """While KMS v1 is on, AKS refuses an upgrade to Kubernetes 1.27 or later."""
    UPGRADE_NOT_OFFERED = "upgrade-not-offered"
    """A cluster can be upgraded only along the versions that AKS offers for it."""
    UPGRADE_SKIPS_VERSIONS = "upgrade-skips-versions"
    """AKS offers to skip minor versions when the present one is out of support; what was deprecated in
    between is then removed at once.
    """
    NODE_POOL_VERSION_SKEW = "node-pool-version-skew"
    """Node pools must not fall further behind the control plane than Kubernetes allows."""
    UPGRADE_MAY_FAIL = "upgrade-may-fail"
    """Quota, PodDisruptionBudgets and removed APIs can stop an upgrade, and secrets are not
    KMS-encrypted while it lasts.
    """
    NEWER_EXPERIENCE_IRREVERSIBLE = "newer-experience-irreversible"
    """The cluster uses the newer KMS data encryption, which cannot be turned off or back into KMS with
    a versioned key; `provision` warns of it.
    """
    DATA_ENCRYPTION_IRREVERSIBLE = "data-encryption-irreversible"
    """KMS data encryption cannot be turned off, and there is no way back to KMS with a versioned key.
    """
    DATA_ENCRYPTION_RETRY = "data-encryption-retry"
    """A change of KMS data encryption that did not succeed has no documented way back, and that its
    repetition keeps what the API servers write with is not documented either.
    """
    DATA_ENCRYPTION_VERSION = "data-encryption-version"
    """KMS data encryption needs Kubernetes 1.33 or later; `provision` warns of an earlier one."""
    DATA_ENCRYPTION_FROM_KMS_V1 = "data-encryption-from-kms-v1"
    """From KMS v1 there is no move to KMS data encryption."""
    DATA_ENCRYPTION_IDENTITY = "data-encryption-identity"
    """KMS data encryption needs a managed identity: with a platform-managed key of either kind, with a
    customer-managed one a user-assigned identity.
    """
    DATA_ENCRYPTION_CANNOT_DISABLE = "data-encryption-cannot-disable"
    """KMS data encryption cannot be disabled."""
    DATA_ENCRYPTION_PREVIEW = "data-encryption-preview"
    """The documentation calls KMS data encryption a preview: without a service level agreement, and
    meant for trials.
    """
    PREVIEW_FEATURE_UNREGISTERED = "preview-feature-unregistered"
    """The documentation asks for the feature KMSPMKPreview in the subscription; whether Azure still
    needs it is not known.
    """
    BLOCKS_OLDER_MIGRATIONS = "blocks-older-migrations"
    """The moves away from availability sets and from the Basic load balancer ask for KMS with a
    private vault to be off, which KMS data encryption never is again.
    """
    DATA_ENCRYPTION_MODE_CHANGE = "data-encryption-mode-change"
    """How the vault of a customer-managed key is reached is not documented to be changed while the key
    is in use.
    """
    DATA_ENCRYPTION_KEY_CHANGE = "data-encryption-key-change"
    """A customer-managed key is not documented to be changed to another key or vault, only to its own
    newer versions.
    """
    DATA_ENCRYPTION_CHANGED_BY_OTHERS = "data-encryption-changed-by-others"
    """Another tool changed data encryption: az, Terraform that sends `enabled = false` or a versioned
    key, or a request that leaves the profile out, as every client does whose api-version is before
    2026-07-01.
    """
    PRIVATE_ENDPOINT_NSG = "private-endpoint-nsg"
    """In a private cluster with VNet integration, network security groups must let the API server
    reach the vault's private endpoint on TCP 443, which cannot be seen from outside.
    """
    VAULT_NOT_FOUND = "vault-not-found"
    """The key's vault must exist."""
    VAULT_SOFT_DELETED = "vault-soft-deleted"
    """The key's vault was deleted; until it is purged it can be recovered with its keys."""
    VAULT_OTHER_TENANT = "vault-other-tenant"
    """The vault must be in the tenant of the cluster's identity."""
    VAULT_FIREWALL = "vault-firewall"
    """In public mode the vault's firewall must not deny by default: it would block the KMS plugin.
    """
    VAULT_PUBLIC_ACCESS_DISABLED = "vault-public-access-disabled"
    """In public mode the vault's public network access must be enabled: the KMS plugin has no other
    way to it.
    """
    VAULT_PURGE_PROTECTION_OFF = "vault-purge-protection-off"
    """Without soft delete and purge protection, a purged key makes the cluster's secrets
    unrecoverable.
    """
    KEY_NOT_FOUND = "key-not-found"
    """The key and its version must exist in the vault."""
    KEY_SOFT_DELETED = "key-soft-deleted"
    """The key was deleted; until it is purged it can be recovered with all its versions."""
    KEY_DISABLED = "key-disabled"
    """The key version must be enabled: a disabled one neither encrypts nor decrypts."""
    KEY_EXPIRED = "key-expired"
    """The key version must not have expired: an expired one does not encrypt, and API servers stop
    working with it.
    """
    KEY_NOT_YET_VALID = "key-not-yet-valid"
    """The key version must be valid now: before its activation date it cannot be used."""
    KEY_EXPIRES_SOON = "key-expires-soon"
    """The key version expires within 30 days; when it does, API servers stop working."""
    KEY_AGE = "key-age"
    """The key in use is to be no older than when_older_than says; how old it is, the creation time of
    its version tells.
    """
    KEY_TYPE_UNSUPPORTED = "key-type-unsupported"
    """The key must be an RSA key, in software or in an HSM."""
    KEY_OPS_MISSING = "key-ops-missing"
    """The key's permitted operations must include encrypt and decrypt."""
    ACCESS_POLICY_MISSING = "access-policy-missing"
    """In a vault with access policies, the cluster's identity needs the key permissions encrypt and
    decrypt.
    """
    ACCESS_ROLE_MISSING = "access-role-missing"
    """In a vault with role-based access, the cluster's identity needs a role that may encrypt and
    decrypt with the key.
    """
    ACCESS_ROLE_WRONG = "access-role-wrong"
    """Key Vault Crypto Service Encryption User may only wrap and unwrap; AKS needs encrypt and
    decrypt.
    """
    PREVIOUS_KEY_UNUSABLE = "previous-key-unusable"
    """AKS uses two keys at a time: the previous one must stay usable until the next rotation, or API
    servers can go down; the key in use becomes the previous one when the key is changed.
    """
    VAULT_DATA_PLANE_UNREACHABLE = "vault-data-plane-unreachable"
    """To make a new key version, the vault must be in reach of this machine, and let it list, read and
    create keys.
    """
    PRIVATE_ENDPOINT_NOT_APPROVED = "private-endpoint-not-approved"
    """In private mode a closed vault is reached only through an approved private endpoint connection
    from the cluster's node resource group.
    """
    VAULT_SHARED = "vault-shared"
    """Closing the vault's public access closes it for everything else that uses the vault."""
    VAULT_DIAGNOSTICS_OFF = "vault-diagnostics-off"
    """Without diagnostic settings on the vault, no log of encryption and decryption is kept."""
    PRIVATE_LINK_ROLE_MISSING = "private-link-role-missing"
    """In private mode the cluster's identity needs Key Vault Contributor on the vault, to approve the
    private endpoint connection.
    """
    VAULT_NAME_TAKEN = "vault-name-taken"
    """The name of a key vault is unique in all of Azure, also for as long as a deleted one can be
    recovered.
    """
    KEY_IN_CLOSED_VAULT = "key-in-closed-vault"
    """Keys are not supported to be made or changed in a vault that is closed to the public and has no
    private endpoint.
    """
    TRUSTED_SERVICES_OFF = "trusted-services-off"
    """AKS reaches the closed vault of a customer-managed key as a trusted service of Azure, past the
    vault's firewall.
    """
    VAULT_NOT_PRIVATE = "vault-not-private"
    """In private mode the vault is meant to be closed to the public; open, it works as well, for
    everybody on the internet who has a token.
    """
    VAULT_NETWORK_PERIMETER = "vault-network-perimeter"
    """Trusted services do not pass a network security perimeter as they pass a vault's firewall:
    whether AKS gets to a customer-managed key in one is not known.
    """
    PRIVATE_ENDPOINT_UNUSED = "private-endpoint-unused"
    """AKS reaches a customer-managed key without private endpoints: one of the vault is used by
    others, or left over from KMS with a versioned key.
    """
    VAULT_READ_ROLE_MISSING = "vault-read-role-missing"
    """To follow a customer-managed key to its newest version, the cluster's identity needs a role that
    may read the vault's keys through Resource Manager; how AKS does without in public mode is not
    documented.
    """
    NEWEST_VERSION_UNUSABLE = "newest-version-unusable"
    """A customer-managed key is named without a version, which means its newest: that one must be
    enabled and valid.
    """
    OLDER_VERSION_UNUSABLE = "older-version-unusable"
    """Secrets may be under an older version of a customer-managed key until they are proven to be
    under a newer one, and until then that version must work.
    """
    NEWEST_VERSION_UNPROVEN = "newest-version-unproven"
    """Before another version of a customer-managed key is made, the API servers must have been heard
    to write with the newest one: what becomes of two new versions at once is not documented.
    """
    KEY_ROTATION_EXPIRY = "key-rotation-expiry"
    """When a version of a customer-managed key expires that is in use, API servers stop working; a
    rotation policy that ends new versions makes that certain to come.
    """
    KUBERNETES_CLUSTER_MISMATCH = "kubernetes-cluster-mismatch"
    """The Kubernetes API that is used must be this cluster's own."""
    KUBERNETES_UNREACHABLE = "kubernetes-unreachable"
    """Secrets can be rewritten and proven only where the cluster's API server can be reached."""
    KUBERNETES_PERMISSION_MISSING = "kubernetes-permission-missing"
    """Rewriting secrets needs list and patch on them, list on namespaces, and in the state namespace
    the canary Secret and, unless there is no journal, ConfigMap and Lease aks-kms and Secret
    aks-kms-seal; `status` tells less where a right to read is missing, which is a warning.
    """
    RECORD_UNSEALED = "record-unsealed"
    """A record without a valid seal is not believed: somebody else may have written it, so nothing is
    known of earlier keys, proofs and operations.
    """
    SECRET_UPDATES_DENIED = "secret-updates-denied"
    """An admission webhook or policy denies updates of a secret, even those that change nothing: it
    could not be rewritten, also not by AKS itself after a change of data encryption, before which
    this refuses.
    """
    SECRETS_UNREADABLE = "secrets-unreadable"
    """A secret that no key of the API servers decrypts is unreadable, and keeps an API server that
    restarts from getting ready.
    """
    SECRETS_UNPROVEN = "secrets-unproven"
    """Until every secret is proven to be under the key in use, keys from before may be needed, and a
    change of the key by other means than this library can make secrets unreadable.
    """
    RECORD_UNREADABLE = "record-unreadable"
    """What was proven, and which keys are still needed, is in the record in the cluster; while it
    cannot be read, nothing is known to be proven and no key may be removed.
    """
    PREVIOUS_KEY_STILL_NEEDED = "previous-key-still-needed"
    """Before the key changes, every secret must be proven to be under the current one: what is left
    under an older key becomes unreadable for good.
    """
    KEY_IN_USE_UNPROVEN = "key-in-use-unproven"
    """Which key the API servers write with can be seen only in their metrics, where KMS v1 names no
    keys; without that, no gate proves anything.
    """
    ROLLBACK_UNPROVEN = "rollback-unproven"
    """Without the API server no secret can be asked and the record of the keys cannot be read, so only
    a rollback to the key before the current one is safe, if it is that.
    """
    ETCD_GROWTH = "etcd-growth"
    """Each rewrite adds a revision to etcd that lives up to ten minutes; more than 1 GiB of them can
    fill it.
    """
    KEY_REUSED = "key-reused"
    """The new key is one that this cluster used before, so that its age and exposure go on counting.
    """
    SECRETS_NOT_KMS_ENCRYPTED_MEANWHILE = "secrets-not-kms-encrypted-meanwhile"
    """While KMS is off between disable and enable, secrets in etcd are not encrypted with your key.
    """
    KEY_STILL_NEEDED = "key-still-needed"
    """A key that is current, pending or previous, or that was the last one before KMS was turned off,
    must not be deleted, purged, disabled or expired.
    """
    VAULT_STILL_NEEDED = "vault-still-needed"
    """A vault that holds a key which the cluster still needs must not be deleted."""
    IDENTITY_STILL_NEEDED = "identity-still-needed"
    """The cluster's identity must not be deleted while a key is needed, also after KMS was turned off.
    """
    ACCESS_STILL_NEEDED = "access-still-needed"
    """The identity's access to a key must not be removed while the cluster needs the key, also after
    KMS was turned off.
    """
    STOP_WITH_PRIVATE_VAULT = "stop-with-private-vault"
    """A cluster with KMS and a private vault but without API Server VNet Integration cannot be stopped
    and started.
    """
    SCALE_TO_ZERO = "scale-to-zero"
    """With KMS on, scaling the nodes to zero through the scale-set API takes the cluster down for
    good.
    """
    VAULT_CLOSING_IN_PUBLIC_USE = "vault-closing-in-public-use"
    """A vault that a needed key is used from in public mode must keep its public network access and an
    open firewall.
    """
    TRUSTED_SERVICES_STILL_NEEDED = "trusted-services-still-needed"
    """A vault that a needed customer-managed key is used from in private mode must let trusted
    services of Azure in: AKS has no other way to it.
    """
    TENANT_MOVE = "tenant-move"
    """Neither the vault nor the cluster can move to another tenant while a key is needed."""


class StepOutcome(StrEnum):
    """What became of a step."""

    DONE = "done"
    """It did not hold and was made to hold."""
    ALREADY_DONE = "already-done"
    """It held already."""
    SKIPPED = "skipped"
    """It was not needed."""


class VaultAccess(StrEnum):
    """What `change_network_mode` does with the vault's public network access."""

    CHANGE = "change"
    """It is closed once the private way is proven, and opened before the public way is taken."""
    KEEP = "keep"
    """It is left to its owner."""


class VaultAuthorization(StrEnum):
    """How a key vault decides who may do what with its keys."""

    RBAC = "rbac"
    """By Azure roles."""
    ACCESS_POLICY = "access-policy"
    """By the access policies that the vault itself has."""


class Verb(StrEnum):
    """A verb. It has the same name everywhere: methods, reports, docs, conformance cases."""

    ENABLE = "enable"
    """Turn KMS on and rewrite all secrets."""
    ROTATE = "rotate"
    """Change the key."""
    DISABLE = "disable"
    """Turn KMS off."""
    CHANGE_NETWORK_MODE = "change_network_mode"
    """Move the vault in use between public and private access."""
    MIGRATE_TO_V2 = "migrate_to_v2"
    """Move from KMS v1 to v2."""
    SET_DATA_ENCRYPTION = "set_data_encryption"
    """Move to KMS data encryption, the newer experience, or between its keys."""
    REENCRYPT_SECRETS = "reencrypt_secrets"
    """Rewrite secrets under the key in use."""
    VERIFY_SECRETS = "verify_secrets"
    """Prove that no secret is under another key."""
    RESUME = "resume"
    """Go on with the recorded operation."""
    ABANDON = "abandon"
    """Drop the recorded operation."""
    STATUS = "status"
    """Read the present state."""
    CHECK_ACTION = "check_action"
    """Judge something that is about to be done elsewhere."""
    PROVISION = "provision"
    """Make vault, key, identity and access."""
    CREATE_CLUSTER = "create_cluster"
    """Make a cluster with KMS on."""


class ActionKind(StrEnum):
    """What kind of Action it is."""

    DELETE_KEY = "delete-key"
    """Delete or purge a key."""
    DISABLE_KEY = "disable-key"
    """Disable a key."""
    EXPIRE_KEY = "expire-key"
    """Let a key expire."""
    DELETE_VAULT = "delete-vault"
    """Delete or purge a vault."""
    DELETE_IDENTITY = "delete-identity"
    """Delete a user-assigned managed identity."""
    REMOVE_ROLE = "remove-role"
    """Take a role on a vault, or an access policy of it, away from a principal."""
    STOP_CLUSTER = "stop-cluster"
    """Stop the cluster."""
    SCALE_TO_ZERO = "scale-to-zero"
    """Scale a node pool to zero through the scale-set API."""
    UPGRADE = "upgrade"
    """Upgrade the cluster's control plane."""
    CLOSE_VAULT = "close-vault"
    """Close a vault's public network access, or set its firewall to deny by default."""
    DENY_TRUSTED_SERVICES = "deny-trusted-services"
    """Keep trusted services of Azure out of a vault: set its `networkAcls.bypass` to None."""
    MOVE_TENANT = "move-tenant"
    """Move the vault or the cluster to another tenant."""


class StepKind(StrEnum):
    """What kind of Step it is."""

    RECORD_OPERATION = "record_operation"
    """The operation is recorded in the cluster, and this run holds the cluster's Lease."""
    CREATE_CLUSTER = "create_cluster"
    """There is the cluster, with this KMS profile from the start."""
    CREATE_KEY_VERSION = "create_key_version"
    """The key has a version that was made for this operation."""
    SET_KMS = "set_kms"
    """The cluster's KMS profile is this, and its provisioning state is Succeeded."""
    SETTLE = "settle"
    """The cluster is set to the key that its API servers were found to write with, and its
    provisioning state is Succeeded.
    """
    WAIT_FOR_KEY = "wait_for_key"
    """Every API server writes with this key."""
    WAIT_FOR_KEY_VERSION = "wait_for_key_version"
    """AKS has taken up this version of the customer-managed key, and every API server writes with it.
    """
    REENCRYPT_SECRETS = "reencrypt_secrets"
    """Every API server writes with the key, every secret in scope is under it, and that is proven.
    """
    VERIFY_SECRETS = "verify_secrets"
    """Every secret is compared with the proof that is recorded."""
    UPGRADE_CONTROL_PLANE = "upgrade_control_plane"
    """The control plane is at this Kubernetes version, or a later one."""
    UPGRADE_NODE_POOLS = "upgrade_node_pools"
    """Every node pool is at the control plane's version."""
    SET_VAULT_PUBLIC_ACCESS = "set_vault_public_access"
    """The vault's public network access is enabled, or disabled."""
    RECORD_KEY = "record_key"
    """The cluster's keys and their proof are recorded, and the operation no longer is."""


class Action(Model):
    """Something that somebody is about to do to a key, a vault, an identity or the cluster, outside of
    this library: `check_action` judges it.

    Attributes:
        kind: What kind it is; which of the others it has depends on that.
        key_id: The version; without one: all versions. Of `delete-key`, `disable-key`,
            `expire-key`.
        key_vault_id: The vault. Of `delete-vault`, `remove-role`, `close-vault`,
            `deny-trusted-services`.
        identity_id: The identity. Of `delete-identity`.
        principal_id: Object id of the principal: an identity, or a group that it is in. Of
            `remove-role`.
        node_pool: The node pool's name. Of `scale-to-zero`.
        kubernetes_version: To this version. Of `upgrade`.
    """

    kind: ActionKind
    key_id: str | None = None
    key_vault_id: str | None = None
    identity_id: str | None = None
    principal_id: str | None = None
    node_pool: str | None = None
    kubernetes_version: str | None = None
    _fields = {
        "kind": ActionKind,
        "key_id": None,
        "key_vault_id": None,
        "identity_id": None,
        "principal_id": None,
        "node_pool": None,
        "kubernetes_version": None,
    }
    _omitted = frozenset(
        {"key_id", "key_vault_id", "identity_id", "principal_id", "node_pool", "kubernetes_version"}
    )

    @classmethod
    def delete_key(cls, *, key_id: str) -> Action:
        """Delete or purge a key.

        Args:
            key_id: The version; without one: all versions.
        """
        return cls(kind=ActionKind.DELETE_KEY, key_id=key_id)

    @classmethod
    def disable_key(cls, *, key_id: str) -> Action:
        """Disable a key.

        Args:
            key_id: The version; without one: all versions.
        """
        return cls(kind=ActionKind.DISABLE_KEY, key_id=key_id)

    @classmethod
    def expire_key(cls, *, key_id: str) -> Action:
        """Let a key expire.

        Args:
            key_id: The version; without one: all versions.
        """
        return cls(kind=ActionKind.EXPIRE_KEY, key_id=key_id)

    @classmethod
    def delete_vault(cls, *, key_vault_id: str) -> Action:
        """Delete or purge a vault.

        Args:
            key_vault_id: The vault.
        """
        return cls(kind=ActionKind.DELETE_VAULT, key_vault_id=key_vault_id)

    @classmethod
    def delete_identity(cls, *, identity_id: str) -> Action:
        """Delete a user-assigned managed identity.

        Args:
            identity_id: The identity.
        """
        return cls(kind=ActionKind.DELETE_IDENTITY, identity_id=identity_id)

    @classmethod
    def remove_role(cls, *, key_vault_id: str, principal_id: str) -> Action:
        """Take a role on a vault, or an access policy of it, away from a principal.

        Args:
            key_vault_id: The vault.
            principal_id: Object id of the principal: an identity, or a group that it is in.
        """
        return cls(kind=ActionKind.REMOVE_ROLE, key_vault_id=key_vault_id, principal_id=principal_id)

    @classmethod
    def stop_cluster(cls) -> Action:
        """Stop the cluster."""
        return cls(kind=ActionKind.STOP_CLUSTER)

    @classmethod
    def scale_to_zero(cls, *, node_pool: str) -> Action:
        """Scale a node pool to zero through the scale-set API.

        Args:
            node_pool: The node pool's name.
        """
        return cls(kind=ActionKind.SCALE_TO_ZERO, node_pool=node_pool)

    @classmethod
    def upgrade(cls, *, kubernetes_version: str) -> Action:
        """Upgrade the cluster's control plane.

        Args:
            kubernetes_version: To this version.
        """
        return cls(kind=ActionKind.UPGRADE, kubernetes_version=kubernetes_version)

    @classmethod
    def close_vault(cls, *, key_vault_id: str) -> Action:
        """Close a vault's public network access, or set its firewall to deny by default.

        Args:
            key_vault_id: The vault.
        """
        return cls(kind=ActionKind.CLOSE_VAULT, key_vault_id=key_vault_id)

    @classmethod
    def deny_trusted_services(cls, *, key_vault_id: str) -> Action:
        """Keep trusted services of Azure out of a vault: set its `networkAcls.bypass` to None.

        Args:
            key_vault_id: The vault.
        """
        return cls(kind=ActionKind.DENY_TRUSTED_SERVICES, key_vault_id=key_vault_id)

    @classmethod
    def move_tenant(cls) -> Action:
        """Move the vault or the cluster to another tenant."""
        return cls(kind=ActionKind.MOVE_TENANT)


class ApiServer(Model):
    """An API server that was heard.

    Attributes:
        id: Its id, as its metrics tell it.
        key_id_hash: Hash of the key that it writes with; `None`: plaintext.
    """

    id: str
    key_id_hash: str | None
    _fields = {"id": None, "key_id_hash": None}


class BlockedSecret(Model):
    """A secret that could not be rewritten.

    Attributes:
        namespace: Its namespace.
        name: Its name.
        reason: Why.
        message: The API server's own words.
    """

    namespace: str
    name: str
    reason: BlockedReason
    message: str
    _fields = {"namespace": None, "name": None, "reason": BlockedReason, "message": None}


class CustomerManagedKey(Model):
    """A key of yours for KMS data encryption.

    Attributes:
        key_id: The key without a version: `https://<vault host>/keys/<name>`.
        key_vault_id: Resource id of its vault, in both network modes.
        network_mode: How AKS reaches the vault. Private: as a trusted service, past the vault's
            firewall. Default: public.
    """

    key_id: str
    key_vault_id: str
    network_mode: NetworkMode | str = NetworkMode("public")
    _fields = {"key_id": None, "key_vault_id": None, "network_mode": NetworkMode}
    _omitted = frozenset({"network_mode"})


class ClusterSummary(Model):
    """A cluster in a list: what its document in Azure says of its KMS.

    Attributes:
        id: Its resource id, which `KmsManager` takes.
        name: Its name.
        resource_group: Its resource group.
        location: Its region.
        kubernetes_version: Its Kubernetes version.
        provisioning_state: `provisioningState`, such as `Succeeded` or `Updating`.
        enabled: Whether secrets are encrypted with a key in a vault.
        key_id: The key that is configured; absent when KMS is off, or when it is no key's id.
        network_mode: How the vault is reached; absent when KMS is off.
        kms_version: KMS v1 or v2; absent when KMS is off.
        experience: Which of the AKS experiences manages the key; absent when secrets are not
            KMS-encrypted.
    """

    id: str
    name: str
    resource_group: str
    location: str
    kubernetes_version: str
    provisioning_state: str
    enabled: bool
    key_id: str | None
    network_mode: NetworkMode | None
    kms_version: KmsVersion | None
    experience: Experience | None
    _fields = {
        "id": None,
        "name": None,
        "resource_group": None,
        "location": None,
        "kubernetes_version": None,
        "provisioning_state": None,
        "enabled": None,
        "key_id": None,
        "network_mode": NetworkMode,
        "kms_version": KmsVersion,
        "experience": Experience,
    }


class UnreadableResource(UnreadableText, Model):
    """A subscription or a cluster that could not be read.

    Attributes:
        resource: Its resource id.
        code: The code that an error for it alone would have, such as `forbidden`.
        message: Why, in a sentence.
    """

    resource: str
    code: str
    message: str
    _fields = {"resource": None, "code": None, "message": None}


class ClusterList(ClusterListText, Model):
    """The clusters of some subscriptions, and what of them could not be read.

    It prints as a table as `az aks list --output table` prints it, and after it a line for each
    resource that could not be read.

    Attributes:
        clusters: By resource id.
        unreadable: What could not be read: whether there are clusters with KMS in it is not known.
            Empty: all was read.
    """

    clusters: tuple[ClusterSummary, ...]
    unreadable: tuple[UnreadableResource, ...]
    _fields = {"clusters": many(ClusterSummary.from_dict), "unreadable": many(UnreadableResource.from_dict)}


class Counts(Model):
    """How many secrets ended how.

    Attributes:
        total: All that were listed.
        rewritten: Rewritten, by this pass or by another writer meanwhile.
        current: Found to be under the key already.
        gone: Deleted meanwhile.
        blocked: Refused by the API server, one by one.
        failed: No response after bounded retries.
    """

    total: int
    rewritten: int
    current: int
    gone: int
    blocked: int
    failed: int
    _fields = {
        "total": None,
        "rewritten": None,
        "current": None,
        "gone": None,
        "blocked": None,
        "failed": None,
    }


class ExpectedKey(Choice):
    """What API servers are expected to write secrets with.

    Attributes:
        key: A key in a vault, in this version.
        any_version: A key in a vault, in whichever of its versions AKS has taken up: a
            customer-managed key.
        platform: A key of the platform's, which nobody can name. None of these: plaintext.
    """

    _word = "plaintext"
    key: str | None = None
    any_version: str | None = None
    platform: bool = False
    _fields = {"key": None, "any_version": None, "platform": None}


class Finding(FindingText, Model):
    """A rule that does not hold, or could not be judged.

    Attributes:
        rule: The rule.
        level: `block` refuses the operation, `warn` and `info` are only reported.
        overridable: Whether naming the rule in `allow` lifts the refusal.
        state: Violated, or undetermined.
        resource: The resource it is about: a resource id, a key id, `namespace/name`, or a part of
            the cluster.
        message: One sentence: what is the matter here.
        remedy: What to do about it.
        url: Where the limitation is documented.
    """

    rule: RuleId
    level: Level
    overridable: bool
    state: FindingState
    resource: str
    message: str
    remedy: str
    url: str
    _fields = {
        "rule": RuleId,
        "level": Level,
        "overridable": None,
        "state": FindingState,
        "resource": None,
        "message": None,
        "remedy": None,
        "url": None,
    }


class Progress(Model):
    """A snapshot of a running operation: sent at most ten times a second, at each change of phase, and
    once more at the end with `finished` true.

    Attributes:
        operation: The verb.
        phase: What is being done.
        step: Number of the present step, from 1; 0 before the first.
        steps: Number of steps in the plan; 0 before it is made.
        done: Secrets answered so far in this phase.
        total: Secrets to do in this phase, as far as known.
        rate: Secrets a second, over the last few seconds.
        eta_seconds: Seconds to the end of this phase at that rate.
        message: One line for people.
        finished: True for the last snapshot of a run.
    """

    operation: Verb
    phase: Phase
    step: int
    steps: int
    done: int
    total: int | None
    rate: float | None
    eta_seconds: float | None
    message: str
    finished: bool
    _fields = {
        "operation": Verb,
        "phase": Phase,
        "step": None,
        "steps": None,
        "done": None,
        "total": None,
        "rate": None,
        "eta_seconds": None,
        "message": None,
        "finished": None,
    }


class FleetTotals(Model):
    """How many clusters ended how.

    Attributes:
        clusters: All of them.
        done: `done`.
        not_due: `not-due`.
        planned: `planned`.
        refused: `refused`.
        unfinished: `unfinished`.
        failed: `failed`.
        not_started: `not-started`.
    """

    clusters: int
    done: int
    not_due: int
    planned: int
    refused: int
    unfinished: int
    failed: int
    not_started: int
    _fields = {
        "clusters": None,
        "done": None,
        "not_due": None,
        "planned": None,
        "refused": None,
        "unfinished": None,
        "failed": None,
        "not_started": None,
    }


class FleetProgress(Model):
    """A snapshot of a running `Fleet`: sent when a wave or a cluster begins or ends, when a cluster
    has progress of its own, and once more at the end with `finished` true.

    Attributes:
        operation: The verb.
        wave: The present wave, from 1; 0 before the first.
        waves: Number of waves; 0 as long as the clusters are looked for.
        at_work: Clusters at work.
        totals: How many clusters ended how so far; `not_started` are those that are yet to come.
        cluster: The cluster that has begun, went on or ended; absent: it is of the whole.
        progress: Progress of that cluster; absent when it begins or ends.
        outcome: What came of that cluster; absent until it ends.
        message: One line for people.
        finished: True for the last snapshot of a run.
    """

    operation: Verb
    wave: int
    waves: int
    at_work: int
    totals: FleetTotals
    cluster: str | None
    progress: Progress | None
    outcome: OperationOutcome | None
    message: str
    finished: bool
    _fields = {
        "operation": Verb,
        "wave": None,
        "waves": None,
        "at_work": None,
        "totals": FleetTotals.from_dict,
        "cluster": None,
        "progress": Progress.from_dict,
        "outcome": OperationOutcome,
        "message": None,
        "finished": None,
    }


class OperationInProgress(Model):
    """An operation that was recorded in the cluster.

    Attributes:
        id: Its id.
        operation: The verb.
        by: Who runs it.
        since: When it began.
        target_key_id: The key that it is changing to.
    """

    id: str
    operation: Verb
    by: str
    since: datetime
    target_key_id: str | None
    _fields = {"id": None, "operation": Verb, "by": None, "since": moment, "target_key_id": None}


class LedgerEntry(Model):
    """A key in the ledger.

    Attributes:
        key_id: The key; absent for one of the platform's, which has no name. A customer-managed key
            has the version that the API servers were heard to write with, and none as long as they were
            not heard.
        experience: Which of the AKS experiences it was used by; absent when not known.
        key_id_hash: Hash under which the API servers count it in their metrics, where it cannot be
            computed from its id: always for a key of the platform's. Absent as long as it was not
            learned.
        key_id_hash_since: When that hash was learned.
        since: When it came into use.
        proven_at: When every secret was proven to be under it.
        evidence: How that was proven.
        removable: Whether this cluster no longer needs it; never so of a key of the platform's,
            which nobody removes.
        reason: Why, or what is missing.
    """

    key_id: str | None
    experience: Experience | None
    key_id_hash: str | None
    key_id_hash_since: datetime | None
    since: datetime | None
    proven_at: datetime | None
    evidence: Evidence | None
    removable: bool
    reason: str
    _fields = {
        "key_id": None,
        "experience": Experience,
        "key_id_hash": None,
        "key_id_hash_since": moment,
        "since": moment,
        "proven_at": moment,
        "evidence": Evidence,
        "removable": None,
        "reason": None,
    }


class KeyLedger(LedgerText, Model):
    """The keys of a cluster, with the proof of each.

    Attributes:
        current: The key in use.
        pending: The key that an unfinished operation is changing to.
        previous: The key before the current one: the API servers can still read with it.
        retired: Keys before that.
    """

    current: LedgerEntry | None
    pending: LedgerEntry | None
    previous: LedgerEntry | None
    retired: tuple[LedgerEntry, ...]
    _fields = {
        "current": LedgerEntry.from_dict,
        "pending": LedgerEntry.from_dict,
        "previous": LedgerEntry.from_dict,
        "retired": many(LedgerEntry.from_dict),
    }


class SecretTotal(Model):
    """Number of secrets in a cluster.

    Attributes:
        total: All secrets of all namespaces.
    """

    total: int
    _fields = {"total": None}


class KmsStatus(StatusText, Model):
    """The state of a cluster's KMS, as Azure and the cluster tell it.

    Attributes:
        cluster: The cluster.
        location: Its region.
        kubernetes_version: Its Kubernetes version.
        provisioning_state: `provisioningState`, such as `Succeeded` or `Updating`.
        power_state: `powerState.code`: `Running` or `Stopped`.
        enabled: Whether secrets are encrypted with a key in a vault.
        key_id: The key in use; absent when KMS is off.
        network_mode: How the vault is reached; absent when KMS is off.
        key_vault_id: The vault's resource id, where the cluster names it (private mode).
        kms_version: KMS v1 or v2; absent when KMS is off.
        experience: Which of the AKS experiences manages the key; absent when secrets are not
            KMS-encrypted.
        key_versions_seen: The versions of a customer-managed key under which an API server has
            counted writes since it began, the newest version first. Only `status` looks, at the metrics
            of the API server that responds: absent in the reports of other verbs, for another kind of
            key, and where versions or metrics cannot be read.
        key_created_at: When the version of the key in use was made, by its vault; of a
            customer-managed key, the newest version that the API servers are known to write with. Only
            `status` looks, and `rotate` with `when_older_than`: absent in the reports of other verbs,
            when KMS is off, for a key of the platform's, and where it cannot be read.
        key_expires_at: When that version expires; absent as `key_created_at`, and where it does not
            expire.
        vnet_integration: API Server VNet Integration is on.
        identity_type: `identity.type` of the cluster, such as `UserAssigned`.
        etag: The cluster's eTag.
        findings: What is wrong or will be.
        ledger: The keys that the cluster used; absent when there is no record.
        operation_in_progress: The recorded operation, if one is going on.
        secrets: Number of secrets; absent when not asked for or not readable.
    """

    cluster: str
    location: str
    kubernetes_version: str
    provisioning_state: str
    power_state: str
    enabled: bool
    key_id: str | None
    network_mode: NetworkMode | None
    key_vault_id: str | None
    kms_version: KmsVersion | None
    experience: Experience | None
    key_versions_seen: tuple[str, ...] | None
    key_created_at: datetime | None
    key_expires_at: datetime | None
    vnet_integration: bool
    identity_type: str
    etag: str | None
    findings: tuple[Finding, ...]
    ledger: KeyLedger | None
    operation_in_progress: OperationInProgress | None
    secrets: SecretTotal | None
    _fields = {
        "cluster": None,
        "location": None,
        "kubernetes_version": None,
        "provisioning_state": None,
        "power_state": None,
        "enabled": None,
        "key_id": None,
        "network_mode": NetworkMode,
        "key_vault_id": None,
        "kms_version": KmsVersion,
        "experience": Experience,
        "key_versions_seen": many(None),
        "key_created_at": moment,
        "key_expires_at": moment,
        "vnet_integration": None,
        "identity_type": None,
        "etag": None,
        "findings": many(Finding.from_dict),
        "ledger": KeyLedger.from_dict,
        "operation_in_progress": OperationInProgress.from_dict,
        "secrets": SecretTotal.from_dict,
    }


class FleetRow(Model):
    """A cluster in a `FleetReport`.

    Attributes:
        cluster: The cluster.
        wave: The wave that it belongs to, from 1.
        outcome: What came of it.
        proven: Whether the call proved that every secret of the cluster is under the key in use.
        started_at: When it was begun; absent: it was not.
        seconds: How long it took.
        previous_key_id: The key that was in use before; absent when KMS was off, and where the
            cluster was not read.
        key_id: The key in use; absent when KMS is off, and where the cluster was not read.
        key_created_at: When the version of the key in use was made, where this call has read it.
        removable_keys: Keys that this cluster no longer needs. Another one may.
        rules: The rules that refuse it; of `status` and where it is not due, also those that warn,
            and `key-age`.
        code: The code of the error, such as `operation_failed`; absent: there was none.
        message: What the error says.
        operation_in_progress: The recorded operation, if one is unfinished.
        resume: How an unfinished operation is gone on with; absent: none is.
        status: The whole state, where the verb is `status`.
    """

    cluster: str
    wave: int
    outcome: OperationOutcome
    proven: bool
    started_at: datetime | None
    seconds: float
    previous_key_id: str | None
    key_id: str | None
    key_created_at: datetime | None
    removable_keys: tuple[str, ...]
    rules: tuple[RuleId, ...]
    code: str | None
    message: str | None
    operation_in_progress: OperationInProgress | None
    resume: str | None
    status: KmsStatus | None
    _fields = {
        "cluster": None,
        "wave": None,
        "outcome": OperationOutcome,
        "proven": None,
        "started_at": moment,
        "seconds": None,
        "previous_key_id": None,
        "key_id": None,
        "key_created_at": moment,
        "removable_keys": many(None),
        "rules": many(RuleId),
        "code": None,
        "message": None,
        "operation_in_progress": OperationInProgress.from_dict,
        "resume": None,
        "status": KmsStatus.from_dict,
    }


class Versions(Model):
    """What a report was made with.

    Attributes:
        aks_kms: Version of this library.
        api_version: The api-version by which managed clusters were read and changed.
    """

    aks_kms: str
    api_version: str
    _fields = {"aks_kms": None, "api_version": None}


class FleetReport(FleetText, Model):
    """What became of every cluster of a `Fleet`.

    It prints as a table with a line a cluster, what could not be read below it, and the totals
    last.

    Attributes:
        operation: The verb.
        dry_run: Nothing was written because the caller asked for a dry run.
        when_older_than_seconds: The age from which a key is due, in seconds, where the call was
            given one.
        versions: What it was made with.
        started_at: When the call began.
        finished_at: When it ended.
        clusters: The clusters in their order: as they were named, else by resource id. They are
            begun in this order, but within a wave those of a subscription that has more of them at work
            come later.
        totals: How many clusters ended how.
        removable_keys: Keys that no cluster of this run needs any more. Empty as long as one of
            them could not say which keys it needs or is not proven to be under its key in use, or
            something is `unreadable`. No version of a key is among them that a cluster is set to which
            the filter left out. Other clusters were not asked: `check_action` asks them, before a key
            is deleted. Each row names those that its own cluster no longer needs.
        unreadable: Subscriptions and clusters that could not be read: nothing was done there.
        stopped: Why no more clusters were begun, or none was found; absent: all were begun.
    """

    operation: Verb
    dry_run: bool
    when_older_than_seconds: float | None
    versions: Versions
    started_at: datetime
    finished_at: datetime
    clusters: tuple[FleetRow, ...]
    totals: FleetTotals
    removable_keys: tuple[str, ...]
    unreadable: tuple[UnreadableResource, ...]
    stopped: str | None
    _fields = {
        "operation": Verb,
        "dry_run": None,
        "when_older_than_seconds": None,
        "versions": Versions.from_dict,
        "started_at": moment,
        "finished_at": moment,
        "clusters": many(FleetRow.from_dict),
        "totals": FleetTotals.from_dict,
        "removable_keys": many(None),
        "unreadable": many(UnreadableResource.from_dict),
        "stopped": None,
    }


class KmsConfiguration(Model):
    """A key, and how the API servers reach its vault.

    Attributes:
        key_id: The key; without a version: the one that the operation makes, or, of a
            customer-managed key, the one that AKS has taken up.
        network_mode: How its vault is reached.
        key_vault_id: Its vault. Always there in private mode.
    """

    key_id: str
    network_mode: NetworkMode
    key_vault_id: str | None = None
    _fields = {"key_id": None, "network_mode": NetworkMode, "key_vault_id": None}
    _omitted = frozenset({"key_vault_id"})


class KmsChange(Choice):
    """A KMS profile to set.

    Attributes:
        on: KMS on with this key.
        customer_managed: KMS data encryption with this customer-managed key, whose id has no
            version.
        platform_managed: KMS data encryption with a key of the platform's. None of these: off.
    """

    _word = "off"
    on: KmsConfiguration | None = None
    customer_managed: KmsConfiguration | None = None
    platform_managed: bool = False
    _fields = {
        "on": KmsConfiguration.from_dict,
        "customer_managed": KmsConfiguration.from_dict,
        "platform_managed": None,
    }


class Step(StepText, Model):
    """One step of a plan: *ensure that something holds*. Performing it twice does no harm.

    Attributes:
        kind: What kind it is; which of the others it has depends on that.
        target: The profile. Of `create_cluster`, `set_kms`.
        key_id: create_key_version: The key, without a version; wait_for_key_version: The version;
            without one: the one that the operation makes. Of `create_key_version`,
            `wait_for_key_version`.
        expected: wait_for_key: The key; reencrypt_secrets: The key. `None`: whichever the API
            servers are found to write with, since after a change that did not succeed the cluster's
            configuration does not tell. Of `wait_for_key`, `reencrypt_secrets`.
        namespaces: Only these namespaces. Of `reencrypt_secrets`.
        purpose: What for. Of `reencrypt_secrets`.
        version: upgrade_control_plane: Without a patch: the lowest that AKS offers then;
            upgrade_node_pools: The control plane's version; without a patch as far as known. Of
            `upgrade_control_plane`, `upgrade_node_pools`.
        enabled: Whether it is enabled. Of `set_vault_public_access`.
        key_vault_id: The vault. Of `set_vault_public_access`.
        summary: One readable line.
    """

    kind: StepKind
    summary: str
    target: KmsChange | None = None
    key_id: str | None = None
    expected: ExpectedKey | None = None
    namespaces: tuple[str, ...] | None = None
    purpose: Purpose | None = None
    version: str | None = None
    enabled: bool | None = None
    key_vault_id: str | None = None
    _fields = {
        "kind": StepKind,
        "summary": None,
        "target": KmsChange.from_dict,
        "key_id": None,
        "expected": ExpectedKey.from_dict,
        "namespaces": many(None),
        "purpose": Purpose,
        "version": None,
        "enabled": None,
        "key_vault_id": None,
    }
    _omitted = frozenset(
        {"target", "key_id", "expected", "namespaces", "purpose", "version", "enabled", "key_vault_id"}
    )


class ReencryptSample(Model):
    """How far a pass was.

    Attributes:
        seconds: Seconds since the pass began.
        done: Secrets answered until then.
    """

    seconds: float
    done: int
    _fields = {"seconds": None, "done": None}


class Scope(Model):
    """Which secrets a pass went over.

    Attributes:
        namespaces: Only these namespaces; absent: the whole cluster.
    """

    namespaces: tuple[str, ...] | None = None
    _fields = {"namespaces": many(None)}
    _omitted = frozenset({"namespaces"})


class ReencryptReport(Model):
    """A pass over the secrets of a cluster.

    Attributes:
        purpose: What it was for.
        scope: Which secrets.
        evidence: How it is known with which key the API servers write.
        watermark: The cluster's resource version after which every write is under the key; once the
            pass is complete, also that up to which everything was proven.
        key_id: The key; `None`: plaintext.
        counts: How many secrets ended how.
        blocked: The secrets that could not be rewritten, or be proven to be.
        given_up: Those of them that the caller gave up by name, as `namespace/name`.
        complete: True: every secret of the whole cluster is under the key, with evidence that is
            not weak.
        started_at: When the pass began.
        finished_at: When it ended.
        seconds: How long it took.
        secrets_per_second: Secrets answered a second, over the time that rewriting took.
        samples: How many secrets were answered by when, in order: a few dozen points, however long
            the pass took.
        requests: Requests sent.
        api_servers: The API servers that were heard, with the key that each writes with.
    """

    purpose: Purpose
    scope: Scope
    evidence: Evidence
    watermark: str
    key_id: str | None
    counts: Counts
    blocked: tuple[BlockedSecret, ...]
    given_up: tuple[str, ...]
    complete: bool
    started_at: datetime
    finished_at: datetime
    seconds: float
    secrets_per_second: float
    samples: tuple[ReencryptSample, ...]
    requests: int
    api_servers: tuple[ApiServer, ...]
    _fields = {
        "purpose": Purpose,
        "scope": Scope.from_dict,
        "evidence": Evidence,
        "watermark": None,
        "key_id": None,
        "counts": Counts.from_dict,
        "blocked": many(BlockedSecret.from_dict),
        "given_up": many(None),
        "complete": None,
        "started_at": moment,
        "finished_at": moment,
        "seconds": None,
        "secrets_per_second": None,
        "samples": many(ReencryptSample.from_dict),
        "requests": None,
        "api_servers": many(ApiServer.from_dict),
    }


class StepReport(Model):
    """What became of a step.

    Attributes:
        step: The step.
        outcome: What became of it.
        started_at: When it began.
        seconds: How long it took.
    """

    step: Step
    outcome: StepOutcome
    started_at: datetime
    seconds: float
    _fields = {"step": Step.from_dict, "outcome": StepOutcome, "started_at": moment, "seconds": None}


class OperationReport(ReportText, Model):
    """What an operation did, or a dry run would do.

    Attributes:
        operation: The verb.
        cluster: The cluster.
        dry_run: Nothing was written because the caller asked for a dry run.
        outcome: What came of the call.
        by: Who ran it, as the cluster's record and its Lease name it: the program, with machine and
            process. Absent where nothing was to be recorded.
        operation_id: The operation's id in the record: a call that goes on with an operation has
            the id of the one that began it. Absent where nothing was to be recorded.
        versions: What it was made with.
        started_at: When the call began.
        finished_at: When it ended.
        before: The cluster before.
        after: The cluster after.
        plan: The steps, in order.
        steps: What became of the steps that were begun.
        checked: The rules that were judged: those of the catalogue that concern the verb. Of one
            that is not among the findings, nothing was found. Empty where no plan was made.
        findings: What the rules had to say.
        allowed: Rules whose refusal the caller lifted, and that would have refused.
        reencryption: Each pass over the secrets.
        ledger: The keys of the cluster afterwards; absent when there is no record.
    """

    operation: Verb
    cluster: str
    dry_run: bool
    outcome: OperationOutcome
    by: str | None
    operation_id: str | None
    versions: Versions
    started_at: datetime
    finished_at: datetime
    before: KmsStatus
    after: KmsStatus
    plan: Steps
    steps: tuple[StepReport, ...]
    checked: tuple[RuleId, ...]
    findings: tuple[Finding, ...]
    allowed: tuple[RuleId, ...]
    reencryption: tuple[ReencryptReport, ...]
    ledger: KeyLedger | None
    _fields = {
        "operation": Verb,
        "cluster": None,
        "dry_run": None,
        "outcome": OperationOutcome,
        "by": None,
        "operation_id": None,
        "versions": Versions.from_dict,
        "started_at": moment,
        "finished_at": moment,
        "before": KmsStatus.from_dict,
        "after": KmsStatus.from_dict,
        "plan": lambda steps: Steps(map(Step.from_dict, steps)),
        "steps": many(StepReport.from_dict),
        "checked": many(RuleId),
        "findings": many(Finding.from_dict),
        "allowed": many(RuleId),
        "reencryption": many(ReencryptReport.from_dict),
        "ledger": KeyLedger.from_dict,
    }


class ProvisionStep(StepText, Model):
    """Something that is made.

    Attributes:
        part: What.
        resource: Its resource id; of access, the vault's; of a key, the key id.
        summary: One readable line.
        command: The `az` command that does the same.
    """

    part: ProvisionPart
    resource: str
    summary: str
    command: str
    _fields = {"part": ProvisionPart, "resource": None, "summary": None, "command": None}


class Provisioned(ProvisionedText, Model):
    """Vault, key, identity and access of a cluster, as `provision` left them.

    Attributes:
        dry_run: Nothing was written because the caller asked for a dry run.
        key_vault_id: The vault.
        key_id: The key: its newest version, which `enable` takes; without a version where a dry run
            would make it. A customer-managed key has none, as `set_data_encryption` takes it, with the
            vault and its network mode.
        identity_id: The identity, which a new cluster is to run as.
        identity_principal_id: Object id of the identity; absent where a dry run would make it.
        plan: What was missing, in the order in which it is made.
        created: What was made. Empty: all was there.
        findings: What the rules have to say.
        allowed: Rules whose refusal the caller lifted, and that would have refused.
    """

    dry_run: bool
    key_vault_id: str
    key_id: str
    identity_id: str
    identity_principal_id: str | None
    plan: tuple[ProvisionStep, ...]
    created: tuple[ProvisionStep, ...]
    findings: tuple[Finding, ...]
    allowed: tuple[RuleId, ...]
    _fields = {
        "dry_run": None,
        "key_vault_id": None,
        "key_id": None,
        "identity_id": None,
        "identity_principal_id": None,
        "plan": many(ProvisionStep.from_dict),
        "created": many(ProvisionStep.from_dict),
        "findings": many(Finding.from_dict),
        "allowed": many(RuleId),
    }


class ReencryptOptions(Model):
    """How secrets are rewritten.

    Attributes:
        max_concurrency: Requests in flight at most, 1 to 1024. Default: 64.
        max_requests_per_second: Requests a second at most. Default: no limit.
        namespaces: Only these namespaces; a part of the cluster is never proof of the whole. Only
            for `reencrypt_secrets`. Default: all.
        pace: How hard to press the API server. Default: gentle.
    """

    max_concurrency: int = 64
    max_requests_per_second: int | None = None
    namespaces: Sequence[str] | None = None
    pace: Pace | str = Pace("gentle")
    _fields = {
        "max_concurrency": None,
        "max_requests_per_second": None,
        "namespaces": many(None),
        "pace": Pace,
    }
    _omitted = frozenset({"max_concurrency", "max_requests_per_second", "namespaces", "pace"})


class Rule(Model):
    """A documented limitation.

    Attributes:
        id: Its stable id.
        level: What a violation does.
        overridable: Whether naming the rule in `allow` lifts the refusal.
        summary: The limitation, in one sentence.
        remedy: What to do about a violation.
        url: Where it is documented; empty where it follows from how the service behaves.
        verbs: The verbs that it concerns.
    """

    id: RuleId
    level: Level
    overridable: bool
    summary: str
    remedy: str
    url: str
    verbs: tuple[Verb, ...]
    _fields = {
        "id": RuleId,
        "level": Level,
        "overridable": None,
        "summary": None,
        "remedy": None,
        "url": None,
        "verbs": many(Verb),
    }
