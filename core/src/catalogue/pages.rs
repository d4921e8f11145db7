//! The documentation that rules point to: the page, and the section of it.

/// How KMS etcd encryption is turned on, rotated and turned off.
pub(super) const ENABLE: &str = "https://learn.microsoft.com/azure/aks/use-kms-etcd-encryption#enable-a-public-key-vault-and-kms-on-an-existing-aks-cluster";
pub(super) const ENABLE_PRIVATELY: &str = "https://learn.microsoft.com/azure/aks/use-kms-etcd-encryption?pivots=private-kv#enable-kms-for-a-private-key-vault-on-an-aks-cluster";
pub(super) const ROTATE: &str = "https://learn.microsoft.com/azure/aks/use-kms-etcd-encryption#rotate-existing-keys-in-a-public-key-vault";
pub(super) const LIMITATIONS: &str =
    "https://learn.microsoft.com/azure/aks/use-kms-etcd-encryption#limitations";
pub(super) const PREREQUISITES: &str =
    "https://learn.microsoft.com/azure/aks/use-kms-etcd-encryption#prerequisites";
pub(super) const KEY_ACCESS: &str = "https://learn.microsoft.com/azure/aks/use-kms-etcd-encryption#assign-permissions-to-decrypt-and-encrypt-a-public-key-vault";
pub(super) const PRIVATE_KEY: &str = "https://learn.microsoft.com/azure/aks/use-kms-etcd-encryption?pivots=private-kv#create-a-key-vault-and-key-for-a-private-key-vault";
pub(super) const PRIVATE_LINK_ROLE: &str = "https://learn.microsoft.com/azure/aks/use-kms-etcd-encryption?pivots=private-kv#assign-permissions-to-create-a-private-link";
pub(super) const KMS_V2: &str = "https://learn.microsoft.com/azure/aks/use-kms-v2";
pub(super) const NETWORK_MODE: &str =
    "https://learn.microsoft.com/azure/aks/update-kms-key-vault#update-a-key-vault-mode";
pub(super) const DATA_ENCRYPTION: &str =
    "https://learn.microsoft.com/azure/aks/kms-data-encryption";
pub(super) const DATA_ENCRYPTION_FEATURE: &str =
    "https://learn.microsoft.com/azure/aks/kms-data-encryption#register-the-feature-flag";
pub(super) const DATA_ENCRYPTION_ROTATION: &str =
    "https://learn.microsoft.com/azure/aks/kms-data-encryption#key-rotation";
pub(super) const DATA_ENCRYPTION_REQUIREMENTS: &str =
    "https://learn.microsoft.com/azure/aks/kms-data-encryption-concepts#requirements";
pub(super) const DATA_ENCRYPTION_NETWORK: &str = "https://learn.microsoft.com/azure/aks/kms-data-encryption-concepts#key-vault-network-access-options";
pub(super) const DATA_ENCRYPTION_MIGRATION: &str = "https://learn.microsoft.com/azure/aks/migrate-key-management-service-platform-managed-key-customer-managed-key";
pub(super) const AVAILABILITY_SETS: &str =
    "https://learn.microsoft.com/azure/aks/availability-sets-on-aks";
pub(super) const EXPIRED_KEY: &str =
    "https://learn.microsoft.com/azure/aks/kms-observability#example-problem";
pub(super) const DIAGNOSTICS: &str =
    "https://learn.microsoft.com/azure/aks/kms-observability#prerequisites";
pub(super) const KEY_WITHOUT_VERSION: &str = "https://learn.microsoft.com/azure/aks/kms-data-encryption?pivots=cmk-public#create-a-key-vault-and-key";
pub(super) const DATA_ENCRYPTION_LIMITATIONS: &str =
    "https://learn.microsoft.com/azure/aks/kms-data-encryption-concepts#limitations";

pub(super) const SECURITY_GROUPS: &str =
    "https://learn.microsoft.com/azure/aks/api-server-vnet-integration#nsg-security-rules";
pub(super) const OPERATIONS: &str =
    "https://learn.microsoft.com/azure/aks/manage-abort-operations#abort-a-long-running-operation";
pub(super) const START_STOP: &str =
    "https://learn.microsoft.com/azure/aks/start-stop-cluster#about-the-cluster-stopstart-feature";
pub(super) const UPGRADE: &str =
    "https://learn.microsoft.com/azure/aks/upgrade-aks-cluster#before-you-begin";
pub(super) const UPGRADES_OFFERED: &str = "https://learn.microsoft.com/azure/aks/upgrade-aks-cluster#check-for-available-aks-cluster-upgrades";
pub(super) const UPGRADE_ORDER: &str =
    "https://learn.microsoft.com/azure/aks/upgrade-aks-cluster#kubernetes-version-upgrades";
pub(super) const PRIVATE_ACCESS: &str =
    "https://learn.microsoft.com/azure/aks/access-private-cluster";

pub(super) const KEY_ATTRIBUTES: &str =
    "https://learn.microsoft.com/azure/key-vault/keys/about-keys-details#key-attributes";
pub(super) const KEY_TYPES: &str =
    "https://learn.microsoft.com/azure/key-vault/keys/about-keys-details#rsa-algorithms";
pub(super) const KEY_OPERATIONS: &str =
    "https://learn.microsoft.com/azure/key-vault/keys/about-keys-details#key-operations";
pub(super) const IDENTIFIERS: &str = "https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates#object-identifiers";
pub(super) const VAULT_HOSTS: &str = "https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates#dns-suffixes-for-object-identifiers";
pub(super) const VERSIONS: &str = "https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates#objects-identifiers-and-versioning";
pub(super) const RECOVERY: &str = "https://learn.microsoft.com/azure/key-vault/general/key-vault-recovery#what-are-soft-delete-and-purge-protection";
pub(super) const CLOSED_VAULT: &str = "https://learn.microsoft.com/azure/key-vault/general/network-security#public-access-disabled-private-endpoint-only";
pub(super) const VAULT_ROLES: &str = "https://learn.microsoft.com/azure/key-vault/general/rbac-guide#azure-built-in-roles-for-key-vault-data-plane-operations";
pub(super) const VAULT_PRIVATE_LINK: &str = "https://learn.microsoft.com/azure/key-vault/general/private-link-service#troubleshooting-guide";
pub(super) const VAULT_RESOURCE_ID: &str =
    "https://learn.microsoft.com/azure/key-vault/general/howto-logging#obtain-resource-ids";

pub(super) const KEY_ID: &str = "https://kubernetes.io/docs/tasks/administer-cluster/kms-provider/#developing-a-kms-plugin-gRPC-server-notes-kms-v2";
pub(super) const UNREADABLE: &str = "https://kubernetes.io/docs/tasks/administer-cluster/encrypt-data/#understanding-the-encryption-at-rest-configuration";
pub(super) const KUBERNETES_RBAC: &str =
    "https://kubernetes.io/docs/reference/access-authn-authz/rbac/#role-and-clusterrole";
pub(super) const KUBERNETES_RBAC_NAMES: &str =
    "https://kubernetes.io/docs/reference/access-authn-authz/rbac/#referring-to-resources";
pub(super) const KUBERNETES_ADMISSION: &str = "https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#response";
pub(super) const KUBERNETES_METRICS: &str = "https://kubernetes.io/docs/concepts/cluster-administration/system-metrics/#metrics-in-kubernetes";
pub(super) const KUBERNETES_SKEW: &str =
    "https://kubernetes.io/releases/version-skew-policy/#kubelet";
pub(super) const ETCD_SPACE: &str = "https://etcd.io/docs/v3.5/op-guide/maintenance/#space-quota";
