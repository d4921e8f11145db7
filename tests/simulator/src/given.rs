//! What a case starts from: the `given` of a conformance case.
//!
//! Every field has a default, so a case names only what it is about. Unknown fields are refused,
//! so a misspelt one cannot make a case pass by accident.

mod faults;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::faults::{
    ApiServerFault, ApiServerFaultKind, AzureFault, Faults, KubernetesFault, OperationFault,
    OperationStep,
};

/// The world a case starts from. `{}` is a healthy cluster without KMS, a vault with one key and
/// an identity that may use it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Given {
    /// The managed cluster.
    pub cluster: Cluster,
    /// The key vault that the key lives in.
    pub vault: Vault,
    /// A second vault with a key of as many versions, which the identity may use as it may the
    /// first; absent: there is none.
    pub other_vault: Option<Vault>,
    /// The key and its versions.
    pub key: Key,
    /// What the cluster's identity and the caller may do.
    pub access: Access,
    /// The Secrets in the cluster.
    pub secrets: Secrets,
    /// Other clusters of the subscription, which only Resource Graph knows of.
    pub other_clusters: Vec<OtherCluster>,
    /// What goes wrong.
    pub faults: Faults,
}

/// A managed cluster.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact that a case can name")]
pub struct Cluster {
    /// `currentKubernetesVersion`.
    pub kubernetes_version: String,
    /// `identity.type`.
    pub identity: Identity,
    /// `provisioningState`.
    pub provisioning_state: String,
    /// `powerState.code`.
    pub power_state: String,
    /// The KMS profile; absent: never had one.
    pub kms: Option<Kms>,
    /// `apiServerAccessProfile.enableVnetIntegration`.
    pub vnet_integration: bool,
    /// `apiServerAccessProfile.enablePrivateCluster`.
    pub private_cluster: bool,
    /// `disableLocalAccounts` is the opposite; without them `listClusterAdminCredential` is refused.
    pub local_accounts: bool,
    /// Entra integration: the user kubeconfig has an exec plugin, and the API server takes Entra tokens.
    pub entra: bool,
    /// `kubernetesResourceObjectEncryptionProfile.infrastructureEncryption` is Enabled.
    pub infrastructure_encryption: bool,
    /// A `konnectivity-agent-*` pod runs in `kube-system`.
    pub konnectivity: bool,
    /// `provisioningState` of each node pool.
    pub node_pools: Vec<String>,
    /// How AKS gives an API server two keys.
    pub wiring: Wiring,
    /// What a key change does while secrets are under a key that it takes away.
    pub forgotten_secrets: ForgottenSecrets,
    /// The versions that AKS offers to upgrade to, by the version that it offers them from; for
    /// versions that are not named: later patches and the next minor version.
    pub upgrades: BTreeMap<String, Vec<String>>,
    /// How many API servers there are.
    pub api_servers: usize,
    /// Which Kubernetes the cluster has.
    pub backend: Backend,
}

impl Default for Cluster {
    fn default() -> Self {
        Self {
            kubernetes_version: "1.33.3".to_owned(),
            identity: Identity::UserAssigned,
            provisioning_state: "Succeeded".to_owned(),
            power_state: "Running".to_owned(),
            kms: None,
            vnet_integration: false,
            private_cluster: false,
            local_accounts: true,
            entra: false,
            infrastructure_encryption: false,
            konnectivity: true,
            node_pools: vec!["Succeeded".to_owned()],
            wiring: Wiring::TwoProviders,
            forgotten_secrets: ForgottenSecrets::Lost,
            upgrades: BTreeMap::new(),
            api_servers: 2,
            backend: Backend::Embedded,
        }
    }
}

/// A cluster's control plane identity.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Identity {
    /// One user-assigned managed identity.
    UserAssigned,
    /// The cluster's own identity.
    SystemAssigned,
    /// No managed identity; `servicePrincipalProfile` names an application.
    ServicePrincipal,
}

/// A cluster that is only known to be there.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OtherCluster {
    /// Its name.
    pub name: String,
    /// Its KMS profile.
    pub kms: Kms,
}

/// The KMS profile of a cluster.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Kms {
    /// `{{key.1}}` or any key id; absent with `enabled: false`.
    pub key: Option<String>,
    /// Whether KMS is on.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// `keyVaultNetworkAccess`.
    #[serde(default)]
    pub network_mode: NetworkMode,
    /// The key before this one, which the API servers can still read with.
    #[serde(default)]
    pub previous: Option<String>,
}

/// How a cluster reaches its vault.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NetworkMode {
    /// Over the internet.
    #[default]
    Public,
    /// Over a private endpoint.
    Private,
}

/// How AKS gives an API server the current and the previous key. It is not documented; both ways are built.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wiring {
    /// Two KMS providers under two names; API servers restart, one after the other, first with the
    /// intermediate order [old, new], then with [new, old].
    #[default]
    TwoProviders,
    /// One provider whose `key_id` changes while the API servers go on running.
    OneProvider,
}

/// What becomes of a key change while secrets are still under a key that the API servers would no
/// longer have: neither the current nor the previous one. Both have been reported.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ForgottenSecrets {
    /// It succeeds, and those secrets are unreadable.
    #[default]
    Lost,
    /// It hangs in Updating until they are rewritten, or until it is aborted; the API servers keep
    /// the keys that they have.
    Hang,
}

/// Which Kubernetes API a cluster has.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Backend {
    /// The model in this crate.
    #[default]
    Embedded,
    /// etcd and kube-apiserver, with a KMS plugin of this crate.
    Real,
}

/// A key vault.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact that a case can name")]
pub struct Vault {
    /// False: there is no such vault.
    pub exists: bool,
    /// The vault was deleted and can be recovered.
    pub soft_deleted: bool,
    /// RBAC or access policies.
    pub authorization: Authorization,
    /// `publicNetworkAccess` is Enabled.
    pub public_access: bool,
    /// `networkAcls.defaultAction` is Deny.
    pub firewall: bool,
    /// The vault's tenant is another than the cluster's.
    pub other_tenant: bool,
    /// `enablePurgeProtection` is true.
    pub purge_protection: bool,
    /// `diagnosticSettings` has one.
    pub diagnostics: bool,
    /// What becomes of the private endpoint connection that AKS makes for private mode.
    pub private_endpoint: PrivateEndpoint,
}

/// A private endpoint connection as AKS leaves it.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PrivateEndpoint {
    /// AKS approves it with the rights of the cluster's identity.
    #[default]
    Approved,
    /// It waits for somebody to approve it.
    Pending,
}

impl Default for Vault {
    fn default() -> Self {
        Self {
            exists: true,
            soft_deleted: false,
            authorization: Authorization::Rbac,
            public_access: true,
            firewall: false,
            other_tenant: false,
            purge_protection: true,
            diagnostics: true,
            private_endpoint: PrivateEndpoint::Approved,
        }
    }
}

/// How a vault decides who may do what with its keys.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Authorization {
    /// Azure role-based access control.
    Rbac,
    /// The vault's own access policies.
    AccessPolicy,
}

/// A key.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Key {
    /// False: there is no such key.
    pub exists: bool,
    /// The key was deleted and can be recovered.
    pub soft_deleted: bool,
    /// How many versions: `{{key.1}}` is the oldest.
    pub versions: usize,
    /// `RSA`, `RSA-HSM` or `EC`.
    pub kind: String,
    /// Bits of an RSA key.
    pub size: u32,
    /// `attributes.enabled` of every version.
    pub enabled: bool,
    /// Days from now to `attributes.exp`; negative: expired.
    pub expires_in_days: Option<i64>,
    /// Days from now to `attributes.nbf`.
    pub not_before_in_days: Option<i64>,
    /// `key_ops`.
    pub operations: Vec<String>,
}

impl Default for Key {
    fn default() -> Self {
        Self {
            exists: true,
            soft_deleted: false,
            versions: 2,
            kind: "RSA".to_owned(),
            size: 2048,
            enabled: true,
            expires_in_days: None,
            not_before_in_days: None,
            operations: ["encrypt", "decrypt", "sign", "verify", "wrapKey", "unwrapKey"]
                .map(str::to_owned)
                .to_vec(),
        }
    }
}

/// Rights of the cluster's identity and of the caller.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Access {
    /// Name of the built-in role that the cluster's identity has (RBAC vaults); null: none.
    pub role: Option<String>,
    /// Where that role is assigned.
    pub scope: Scope,
    /// The role assignment has a condition.
    pub condition: bool,
    /// The role is given to a group that the identity is in, not to the identity itself.
    pub through_group: bool,
    /// Key permissions of the identity's access policy (access-policy vaults).
    pub policy: Vec<String>,
    /// Key Vault Contributor on the vault, for the private link.
    pub private_link_role: bool,
    /// Azure actions that the caller does not have, such as `Microsoft.KeyVault/vaults/read`.
    pub caller_lacks: Vec<String>,
    /// What the caller may not do in Kubernetes.
    pub kubernetes_lacks: Vec<KubernetesRight>,
}

impl Default for Access {
    fn default() -> Self {
        Self {
            role: Some("Key Vault Crypto User".to_owned()),
            scope: Scope::Vault,
            condition: false,
            through_group: false,
            policy: vec!["encrypt".to_owned(), "decrypt".to_owned()],
            private_link_role: true,
            caller_lacks: Vec::new(),
            kubernetes_lacks: Vec::new(),
        }
    }
}

/// Scope of a role assignment.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// The key.
    Key,
    /// The vault.
    #[default]
    Vault,
    /// The vault's resource group.
    ResourceGroup,
    /// The subscription.
    Subscription,
}

/// A right in Kubernetes.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct KubernetesRight {
    /// `get`, `list`, `watch`, `patch`, `create`, `delete`.
    pub verb: String,
    /// A resource (`secrets`, `namespaces`, `nodes`, `pods`, `leases`, `configmaps`) or a path (`/metrics`).
    pub resource: String,
    /// Only in this namespace; absent: everywhere.
    #[serde(default)]
    pub namespace: Option<String>,
}

/// The Secrets of a cluster, in namespaces `team-1`, `team-2`, ….
/// Each is named `secret-1`, `secret-2`, …. Their values are random and never leave the store
/// except by a request that asks for them.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Secrets {
    /// Number of namespaces that hold secrets.
    pub namespaces: usize,
    /// Secrets in each.
    pub each: usize,
    /// `plaintext`, `{{key.1}}`, …, or absent: as the cluster writes now.
    pub under: Option<String>,
    /// Secrets of another kind, on top.
    pub special: Vec<Special>,
}

impl Default for Secrets {
    fn default() -> Self {
        Self { namespaces: 2, each: 5, under: None, special: Vec::new() }
    }
}

/// A secret that needs attention.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Special {
    /// `namespace/name`; the namespace is made when it does not exist.
    pub name: String,
    /// What is special.
    pub kind: SpecialKind,
    /// `plaintext` or a key; absent: as the others.
    #[serde(default)]
    pub under: Option<String>,
}

/// What is special about a secret.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SpecialKind {
    /// `immutable: true`.
    Immutable,
    /// A patch is answered 403 by a policy.
    Denied,
    /// A patch is answered 422: today's validation rejects the stored object.
    Invalid,
    /// It was written under a key that no API server has: 500.
    Unreadable,
    /// A patch is answered 500: the webhook is down.
    WebhookDown,
    /// About 1 MiB.
    Large,
    /// `deletionTimestamp` with a finalizer.
    Terminating,
    /// Written by `kubectl apply`: the last-applied annotation holds the values.
    Applied,
}

fn yes() -> bool {
    true
}
