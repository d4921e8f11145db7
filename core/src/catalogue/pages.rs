//! The documentation that rules point to.

/// What KMS etcd encryption on AKS is, and how each part of it is done.
pub(super) const KMS: &str = "https://learn.microsoft.com/azure/aks/use-kms-etcd-encryption";
pub(super) const LIMITATIONS: &str =
    "https://learn.microsoft.com/azure/aks/use-kms-etcd-encryption#limitations";
pub(super) const PREREQUISITES: &str =
    "https://learn.microsoft.com/azure/aks/use-kms-etcd-encryption#prerequisites";
pub(super) const KMS_V2: &str = "https://learn.microsoft.com/azure/aks/use-kms-v2";
pub(super) const NETWORK_MODE: &str =
    "https://learn.microsoft.com/azure/aks/update-kms-key-vault#update-a-key-vault-mode";
pub(super) const OBSERVABILITY: &str = "https://learn.microsoft.com/azure/aks/kms-observability";
pub(super) const DATA_ENCRYPTION: &str =
    "https://learn.microsoft.com/azure/aks/kms-data-encryption";
pub(super) const DATA_ENCRYPTION_FEATURE: &str =
    "https://learn.microsoft.com/azure/aks/kms-data-encryption#register-the-feature-flag";
pub(super) const DATA_ENCRYPTION_ROTATION: &str =
    "https://learn.microsoft.com/azure/aks/kms-data-encryption#key-rotation";
pub(super) const DATA_ENCRYPTION_REQUIREMENTS: &str =
    "https://learn.microsoft.com/azure/aks/kms-data-encryption-concepts#requirements";
pub(super) const DATA_ENCRYPTION_LIMITATIONS: &str =
    "https://learn.microsoft.com/azure/aks/kms-data-encryption-concepts#limitations";
pub(super) const DATA_ENCRYPTION_NETWORK: &str = "https://learn.microsoft.com/azure/aks/kms-data-encryption-concepts#key-vault-network-access-options";
pub(super) const DATA_ENCRYPTION_MIGRATION: &str = "https://learn.microsoft.com/azure/aks/migrate-key-management-service-platform-managed-key-customer-managed-key";
pub(super) const AVAILABILITY_SETS: &str =
    "https://learn.microsoft.com/azure/aks/availability-sets-on-aks";

pub(super) const VNET_INTEGRATION: &str =
    "https://learn.microsoft.com/azure/aks/api-server-vnet-integration";
pub(super) const OPERATIONS: &str = "https://learn.microsoft.com/azure/aks/manage-abort-operations";
pub(super) const START_STOP: &str = "https://learn.microsoft.com/azure/aks/start-stop-cluster";
pub(super) const UPGRADE: &str = "https://learn.microsoft.com/azure/aks/upgrade-aks-cluster";
pub(super) const VERSIONS: &str =
    "https://learn.microsoft.com/azure/aks/supported-kubernetes-versions";
pub(super) const PRIVATE_ACCESS: &str =
    "https://learn.microsoft.com/azure/aks/access-private-cluster";
pub(super) const LARGE_CLUSTERS: &str =
    "https://learn.microsoft.com/azure/aks/best-practices-performance-scale-large";

pub(super) const KEYS: &str = "https://learn.microsoft.com/azure/key-vault/keys/about-keys-details";
pub(super) const IDENTIFIERS: &str =
    "https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates";
pub(super) const RECOVERY: &str =
    "https://learn.microsoft.com/azure/key-vault/general/key-vault-recovery";
pub(super) const VAULT_NETWORK: &str =
    "https://learn.microsoft.com/azure/key-vault/general/network-security";
pub(super) const VAULT_ROLES: &str =
    "https://learn.microsoft.com/azure/key-vault/general/rbac-guide";
pub(super) const VAULT_POLICIES: &str =
    "https://learn.microsoft.com/azure/key-vault/general/assign-access-policy";
pub(super) const VAULT_PRIVATE_LINK: &str =
    "https://learn.microsoft.com/azure/key-vault/general/private-link-service";
pub(super) const VAULT_LOGGING: &str =
    "https://learn.microsoft.com/azure/key-vault/general/howto-logging";

pub(super) const KUBERNETES_KMS: &str =
    "https://kubernetes.io/docs/tasks/administer-cluster/kms-provider/";
pub(super) const KUBERNETES_RBAC: &str =
    "https://kubernetes.io/docs/reference/access-authn-authz/rbac/";
pub(super) const KUBERNETES_ADMISSION: &str =
    "https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/";
pub(super) const KUBERNETES_METRICS: &str =
    "https://kubernetes.io/docs/concepts/cluster-administration/system-metrics/";
