//! Rules about the managed cluster.

use super::{
    Rule, RuleId,
    groups::{
        BLOCK, BLOCK_UNLESS_ALLOWED, BLOCK_UNLESS_HOLDS, CHANGES_KMS_OR_STATUS,
        CHANGES_VERSIONED_KMS_OR_PROVISIONS, INFO, SETS_KEY, SETS_KEY_OR_STATUS,
        SETS_KEY_PROVISIONS_OR_STATUS, TURNS_ON_DATA_ENCRYPTION,
        TURNS_ON_DATA_ENCRYPTION_OR_PROVISIONS, USES_IDENTITY, WARN, WRITES_SECRETS,
    },
    pages,
};
use crate::ids::Verb;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: RuleId::ClusterIdentitySystemAssigned,
        summary: "KMS needs a user-assigned managed identity: it must have access to the key before KMS is turned on.",
        remedy: "Make a user-assigned identity, `az identity create --resource-group <group> --name <cluster>-identity`, or let `provision` do it; give it every role that the present identity holds; then assign it: `az aks update --resource-group <group> --name <cluster> --enable-managed-identity --assign-identity <identity id>`. Keep the roles of the present one: parts of the control plane use its tokens for hours.",
        url: pages::LIMITATIONS,
        verbs: SETS_KEY_PROVISIONS_OR_STATUS,
        violated_when: "the cluster's identity is not user-assigned",
        ..BLOCK
    },
    Rule {
        id: RuleId::ClusterIdentityMissing,
        summary: "The cluster's user-assigned identity must exist: it is what KMS and AKS itself reach the vault with.",
        remedy: "Create one, `az identity create --resource-group <identity group> --name <identity>`, grant it the access to the keys that the old one had, and give it to the cluster: `az aks update --resource-group <group> --name <cluster> --enable-managed-identity --assign-identity <identity id>`; not while the last operation on the cluster has failed, because any update would apply that one's key.",
        url: pages::LIMITATIONS,
        verbs: USES_IDENTITY,
        violated_when: "the cluster's identity was deleted",
        ..BLOCK
    },
    Rule {
        id: RuleId::IdentityNotOfCluster,
        summary: "KMS reaches the vault with the identity that the cluster runs as: access of another one is of no use to it.",
        remedy: "Leave identity out, or pass the one that the cluster runs as; to change that: `az aks update --resource-group <group> --name <cluster> --enable-managed-identity --assign-identity <identity id>`.",
        url: pages::KEY_ACCESS,
        verbs: &[Verb::Provision],
        violated_when: "the cluster runs as another identity",
        ..WARN
    },
    Rule {
        id: RuleId::ClusterExists,
        summary: "A cluster that exists is not made, and not changed into what was asked for.",
        remedy: "Call `enable` or `rotate` for the cluster that exists, or make one with another name.",
        url: pages::ENABLE,
        verbs: &[Verb::CreateCluster],
        violated_when: "the cluster exists already",
        ..BLOCK
    },
    Rule {
        id: RuleId::ClusterBusy,
        summary: "While another operation runs on the cluster or on a node pool, nothing is changed.",
        remedy: "Wait until `az aks show --resource-group <group> --name <cluster> --query provisioningState` and each node pool say Succeeded; `az aks operation-abort` ends an operation that hangs.",
        url: pages::OPERATIONS,
        verbs: WRITES_SECRETS,
        violated_when: "another operation is running on the cluster",
        ..BLOCK
    },
    Rule {
        id: RuleId::ClusterFailed,
        summary: "The last operation on the cluster failed or was aborted: it may have been a change of the key, which the next update of any kind applies.",
        remedy: "Look at the cluster's activity log for the reason, `az monitor activity-log list --resource-group <group> --status Failed`, and leave updates of any other kind until this is settled: call `rotate` or `enable` with the key that you want, or `disable`; each proves the secrets first.",
        url: pages::OPERATIONS,
        verbs: CHANGES_KMS_OR_STATUS,
        violated_when: "the last operation on the cluster failed",
        ..WARN
    },
    Rule {
        id: RuleId::ClusterStopped,
        summary: "A stopped cluster has no API server: neither KMS nor secrets can be changed.",
        remedy: "Start it: `az aks start --resource-group <group> --name <cluster>`.",
        url: pages::START_STOP,
        verbs: WRITES_SECRETS,
        violated_when: "the cluster is stopped",
        ..BLOCK
    },
    Rule {
        id: RuleId::KmsAlreadyEnabled,
        summary: "KMS is on already, with another key, vault or network mode.",
        remedy: "Use `rotate` to change the key or the vault, `change_network_mode` to change how the vault in use is reached.",
        url: pages::ROTATE,
        verbs: &[Verb::Enable],
        violated_when: "KMS is on with another key",
        ..BLOCK
    },
    Rule {
        id: RuleId::KmsV1OnEnable,
        summary: "Turning KMS on below Kubernetes 1.27 gives KMS v1: at most 2,000 secrets, and no upgrade to 1.27 or later until it is migrated.",
        remedy: "Upgrade the cluster to 1.27 or later first: `az aks upgrade --resource-group <group> --name <cluster> --kubernetes-version <kubernetes version>`; or use `migrate_to_v2` later.",
        url: pages::KMS_V2,
        verbs: &[Verb::Enable, Verb::CreateCluster],
        violated_when: "KMS would be v1",
        ..WARN
    },
    Rule {
        id: RuleId::KmsNotEnabled,
        summary: "Key, network mode and version of KMS can be changed only while it is on.",
        remedy: "Use `enable` with the key that you want.",
        url: pages::ROTATE,
        verbs: &[Verb::Rotate, Verb::ChangeNetworkMode, Verb::MigrateToV2],
        violated_when: "KMS is off",
        ..BLOCK
    },
    Rule {
        id: RuleId::VaultNetworkModeLocked,
        summary: "While KMS is on, the network mode of the vault in use cannot change: KMS must be turned off and on again, with all secrets rewritten in between.",
        remedy: "Use `change_network_mode`, which does that in the safe order; to another vault in another mode, `rotate` directly.",
        url: pages::NETWORK_MODE,
        verbs: &[Verb::Enable, Verb::Rotate],
        violated_when: "the network mode of the vault in use would change",
        ..BLOCK_UNLESS_HOLDS
    },
    Rule {
        id: RuleId::PrivateVaultNeedsVnetIntegration,
        summary: "A private vault needs API Server VNet Integration: without exception from Kubernetes 1.31 on, and below for subscriptions that did not use Konnectivity for it before.",
        remedy: "Turn it on: `az aks update --resource-group <group> --name <cluster> --enable-apiserver-vnet-integration --apiserver-subnet-id <subnet id>`; or use a public vault.",
        url: pages::PREREQUISITES,
        verbs: SETS_KEY_OR_STATUS,
        violated_when: "the private vault is out of the API server's reach",
        ..BLOCK
    },
    Rule {
        id: RuleId::TunnelUnsupported,
        summary: "KMS works over Konnectivity or API Server VNet Integration, and the cluster shows neither.",
        remedy: "See whether `kubectl get pods --namespace kube-system` shows a konnectivity-agent pod; if not, upgrade the cluster or turn on API Server VNet Integration.",
        url: pages::PREREQUISITES,
        verbs: SETS_KEY_OR_STATUS,
        violated_when: "the cluster has neither Konnectivity nor API Server VNet Integration",
        ..WARN
    },
    Rule {
        id: RuleId::KmsV1SecretLimit,
        summary: "KMS v1 (Kubernetes below 1.27) supports at most 2,000 secrets in a cluster.",
        remedy: "Move to KMS v2: upgrade to Kubernetes 1.27 or later before turning KMS on, or use `migrate_to_v2`; or delete secrets that nothing needs.",
        url: pages::LIMITATIONS,
        verbs: &[Verb::Enable, Verb::Rotate, Verb::ChangeNetworkMode, Verb::Status],
        violated_when: "the cluster has more than 2,000 secrets",
        ..BLOCK
    },
    Rule {
        id: RuleId::KmsV1UpgradeBlocked,
        summary: "While KMS v1 is on, AKS refuses an upgrade to Kubernetes 1.27 or later.",
        remedy: "Use `migrate_to_v2`, or create a new cluster of Kubernetes 1.27 or later with KMS on.",
        url: pages::KMS_V2,
        verbs: &[Verb::Status, Verb::CheckAction],
        violated_when: "KMS v1 is on",
        ..BLOCK_UNLESS_HOLDS
    },
    Rule {
        id: RuleId::UpgradeNotOffered,
        summary: "A cluster can be upgraded only along the versions that AKS offers for it.",
        remedy: "Choose a version from `az aks get-upgrades --resource-group <group> --name <cluster> -o table`.",
        url: pages::UPGRADES_OFFERED,
        verbs: &[Verb::MigrateToV2],
        violated_when: "no upgrades that AKS offers lead to the version",
        ..BLOCK
    },
    Rule {
        id: RuleId::UpgradeSkipsVersions,
        summary: "AKS offers to skip minor versions when the present one is out of support; what was deprecated in between is then removed at once.",
        remedy: "Check for removed APIs before the upgrade: `kubectl get --raw /metrics` has `apiserver_requested_deprecated_apis` for each that is in use.",
        url: pages::UPGRADE_ORDER,
        verbs: &[Verb::MigrateToV2],
        violated_when: "the upgrade would skip minor versions",
        ..WARN
    },
    Rule {
        id: RuleId::NodePoolVersionSkew,
        summary: "Node pools must not fall further behind the control plane than Kubernetes allows.",
        remedy: "Let the node pools be upgraded too: pass node_pools = \"upgrade\".",
        url: pages::KUBERNETES_SKEW,
        verbs: &[Verb::MigrateToV2],
        violated_when: "a node pool would fall too far behind the control plane",
        ..BLOCK
    },
    Rule {
        id: RuleId::UpgradeMayFail,
        summary: "Quota, PodDisruptionBudgets and removed APIs can stop an upgrade, and secrets are not KMS-encrypted while it lasts.",
        remedy: "Before you start, check quota (`az vm list-usage --location <location> -o table`), budgets (`kubectl get poddisruptionbudgets --all-namespaces`) and removed APIs.",
        url: pages::UPGRADE,
        verbs: &[Verb::MigrateToV2],
        violated_when: "something would stop the upgrade",
        ..INFO
    },
    Rule {
        id: RuleId::NewerExperienceIrreversible,
        summary: "The cluster uses the newer KMS data encryption, which cannot be turned off or back into KMS with a versioned key; `provision` warns of it.",
        remedy: "Call `set_data_encryption` for another key, or `rotate` without a key id for a new version of a customer-managed key; `az aks show --resource-group <group> --name <cluster> --query securityProfile` shows what the cluster has.",
        url: pages::DATA_ENCRYPTION_LIMITATIONS,
        verbs: CHANGES_VERSIONED_KMS_OR_PROVISIONS,
        violated_when: "the cluster uses the newer KMS data encryption",
        ..BLOCK_UNLESS_HOLDS
    },
    Rule {
        id: RuleId::DataEncryptionIrreversible,
        summary: "KMS data encryption cannot be turned off, and there is no way back to KMS with a versioned key.",
        remedy: "Decide whether you want it for good; then name data-encryption-irreversible in allow.",
        url: pages::DATA_ENCRYPTION_LIMITATIONS,
        verbs: TURNS_ON_DATA_ENCRYPTION,
        violated_when: "it would be turned on for good",
        ..BLOCK_UNLESS_ALLOWED
    },
    Rule {
        id: RuleId::DataEncryptionRetry,
        summary: "A change of KMS data encryption that did not succeed has no documented way back, and that its repetition keeps what the API servers write with is not documented either.",
        remedy: "Ask Azure support, or name data-encryption-retry in allow: every secret is then proven to be under the key that the API servers write with, and the change that is configured is asked for again.",
        url: pages::DATA_ENCRYPTION,
        verbs: &[Verb::SetDataEncryption],
        violated_when: "the last change of data encryption did not succeed",
        ..BLOCK_UNLESS_ALLOWED
    },
    Rule {
        id: RuleId::DataEncryptionVersion,
        summary: "KMS data encryption needs Kubernetes 1.33 or later; `provision` warns of an earlier one.",
        remedy: "Upgrade the cluster first: `az aks upgrade --resource-group <group> --name <cluster> --kubernetes-version <kubernetes version>`.",
        url: pages::DATA_ENCRYPTION_REQUIREMENTS,
        verbs: TURNS_ON_DATA_ENCRYPTION_OR_PROVISIONS,
        violated_when: "the cluster is below Kubernetes 1.33",
        ..BLOCK
    },
    Rule {
        id: RuleId::DataEncryptionFromKmsV1,
        summary: "From KMS v1 there is no move to KMS data encryption.",
        remedy: "Call `migrate_to_v2` first, and upgrade to Kubernetes 1.33 or later.",
        url: pages::DATA_ENCRYPTION_MIGRATION,
        verbs: &[Verb::SetDataEncryption],
        violated_when: "KMS v1 is on",
        ..BLOCK
    },
    Rule {
        id: RuleId::DataEncryptionIdentity,
        summary: "KMS data encryption needs a managed identity: with a platform-managed key of either kind, with a customer-managed one a user-assigned identity.",
        remedy: "Give the cluster one in place of its service principal: `az aks update --resource-group <group> --name <cluster> --enable-managed-identity --assign-identity <identity id>`, and upgrade its node pools so that they use it.",
        url: pages::DATA_ENCRYPTION_REQUIREMENTS,
        verbs: TURNS_ON_DATA_ENCRYPTION,
        violated_when: "the cluster has no managed identity",
        ..BLOCK
    },
    Rule {
        id: RuleId::DataEncryptionCannotDisable,
        summary: "KMS data encryption cannot be disabled.",
        remedy: "Call `set_data_encryption` with a platform-managed key where the vault is to be given up; `az aks show --resource-group <group> --name <cluster> --query securityProfile` shows what the cluster has.",
        url: pages::DATA_ENCRYPTION_LIMITATIONS,
        verbs: &[Verb::Disable],
        violated_when: "the cluster uses KMS data encryption",
        ..BLOCK_UNLESS_HOLDS
    },
    Rule {
        id: RuleId::DataEncryptionPreview,
        summary: "The documentation calls KMS data encryption a preview: without a service level agreement, and meant for trials.",
        remedy: "Try it on a cluster that can be made anew first.",
        url: pages::DATA_ENCRYPTION,
        verbs: TURNS_ON_DATA_ENCRYPTION,
        violated_when: "a preview is to be turned on",
        ..WARN
    },
    Rule {
        id: RuleId::PreviewFeatureUnregistered,
        summary: "The documentation asks for the feature KMSPMKPreview in the subscription; whether Azure still needs it is not known.",
        remedy: "Register it where Azure refuses the change: `az feature register --namespace Microsoft.ContainerService --name KMSPMKPreview`, and when `az feature show --namespace Microsoft.ContainerService --name KMSPMKPreview` says Registered, `az provider register --namespace Microsoft.ContainerService`.",
        url: pages::DATA_ENCRYPTION_FEATURE,
        verbs: TURNS_ON_DATA_ENCRYPTION,
        violated_when: "the feature is not registered",
        ..WARN
    },
    Rule {
        id: RuleId::BlocksOlderMigrations,
        summary: "The moves away from availability sets and from the Basic load balancer ask for KMS with a private vault to be off, which KMS data encryption never is again.",
        remedy: "Do them first: `az aks update --resource-group <group> --name <cluster> --migrate-vmas-to-vms` moves both.",
        url: pages::AVAILABILITY_SETS,
        verbs: TURNS_ON_DATA_ENCRYPTION,
        violated_when: "the cluster has availability sets or a Basic load balancer",
        ..WARN
    },
    Rule {
        id: RuleId::DataEncryptionModeChange,
        summary: "How the vault of a customer-managed key is reached is not documented to be changed while the key is in use.",
        remedy: "Call `set_data_encryption` with a platform-managed key first, then with the customer-managed key in the other mode, each step of which is documented; or name data-encryption-mode-change in allow. `az aks show --resource-group <group> --name <cluster> --query securityProfile.azureKeyVaultKms` shows the mode.",
        url: pages::DATA_ENCRYPTION,
        verbs: &[Verb::SetDataEncryption],
        violated_when: "the network mode of the vault in use would change",
        ..BLOCK_UNLESS_ALLOWED
    },
    Rule {
        id: RuleId::DataEncryptionKeyChange,
        summary: "A customer-managed key is not documented to be changed to another key or vault, only to its own newer versions.",
        remedy: "Call `set_data_encryption` with a platform-managed key first, then with the other customer-managed key, each step of which is documented; or name data-encryption-key-change in allow. `az aks show --resource-group <group> --name <cluster> --query securityProfile.azureKeyVaultKms` shows the key.",
        url: pages::DATA_ENCRYPTION,
        verbs: &[Verb::SetDataEncryption],
        violated_when: "the customer-managed key would be another one",
        ..BLOCK_UNLESS_ALLOWED
    },
    Rule {
        id: RuleId::DataEncryptionChangedByOthers,
        summary: "Another tool changed data encryption: az, Terraform that sends `enabled = false` or a versioned key, or a request that leaves the profile out, as every client does whose api-version is before 2026-07-01.",
        remedy: "Look who did it, `az monitor activity-log list --resource-group <group>`, and bring that tool's configuration in line with the cluster; `az aks show --resource-group <group> --name <cluster> --query securityProfile` shows what it has now. Where a request left the profile out, `az aks update --resource-group <group> --name <cluster> --kms-infrastructure-encryption Enabled` (extension aks-preview) puts it back. Then call `set_data_encryption` with the key that you want, which proves every secret; keep every key until then.",
        url: pages::DATA_ENCRYPTION,
        verbs: CHANGES_KMS_OR_STATUS,
        violated_when: "another tool changed data encryption",
        ..WARN
    },
    Rule {
        id: RuleId::PrivateEndpointNsg,
        summary: "In a private cluster with VNet integration, network security groups must let the API server reach the vault's private endpoint on TCP 443, which cannot be seen from outside.",
        remedy: "Check the rules of the API server's and the private endpoint's subnets: `az network nsg rule list --resource-group <network group> --nsg-name <nsg> -o table`.",
        url: pages::SECURITY_GROUPS,
        verbs: SETS_KEY,
        violated_when: "a network security group keeps the API server from the private endpoint",
        ..INFO
    },
];
