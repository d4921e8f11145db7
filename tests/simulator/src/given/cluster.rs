//! The managed cluster that a case starts from, and others beside it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
    /// `kubernetesResourceObjectEncryptionProfile.infrastructureEncryption` is Enabled: KMS data
    /// encryption, with the platform's keys unless `kms` names a key.
    pub infrastructure_encryption: bool,
    /// A `konnectivity-agent-*` pod runs in `kube-system`.
    pub konnectivity: bool,
    /// `provisioningState` of each node pool.
    pub node_pools: Vec<String>,
    /// The node pools are in a subnet that is not AKS's own: `vnetSubnetID`.
    pub subnet: bool,
    /// How AKS gives an API server two keys.
    pub wiring: Wiring,
    /// What a key change does while secrets are under a key that it takes away.
    pub forgotten_secrets: ForgottenSecrets,
    /// The versions that AKS offers to upgrade to, by the version that it offers them from; for
    /// versions that are not named: later patches and the next minor version.
    pub upgrades: BTreeMap<String, Vec<String>>,
    /// A change of the KMS profile that somebody else asked for last, and that did not succeed.
    pub failed_change: Option<FailedChange>,
    /// How many API servers there are.
    pub api_servers: usize,
    /// Which Kubernetes the cluster has.
    pub backend: Backend,
}

impl Default for Cluster {
    fn default() -> Self {
        Self {
            kubernetes_version: newest(),
            identity: Identity::UserAssigned,
            provisioning_state: succeeded(),
            power_state: "Running".to_owned(),
            kms: None,
            vnet_integration: false,
            private_cluster: false,
            local_accounts: true,
            entra: false,
            infrastructure_encryption: false,
            konnectivity: true,
            node_pools: vec!["Succeeded".to_owned()],
            subnet: false,
            wiring: Wiring::TwoProviders,
            forgotten_secrets: ForgottenSecrets::Lost,
            upgrades: BTreeMap::new(),
            failed_change: None,
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
    /// `currentKubernetesVersion`.
    #[serde(default = "newest")]
    pub kubernetes_version: String,
    /// `provisioningState`.
    #[serde(default = "succeeded")]
    pub provisioning_state: String,
    /// Its KMS profile; absent: never had one.
    #[serde(default)]
    pub kms: Option<Kms>,
    /// `kubernetesResourceObjectEncryptionProfile.infrastructureEncryption` is Enabled.
    #[serde(default)]
    pub infrastructure_encryption: bool,
}

/// A subscription that has nothing but clusters which are only known to be there.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OtherSubscription {
    /// Its id.
    pub id: String,
    /// Whether the caller has a role there: the same as in its own.
    #[serde(default = "yes")]
    pub readable: bool,
    /// Its clusters.
    #[serde(default)]
    pub clusters: Vec<OtherCluster>,
}

/// The KMS profile of a cluster.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Kms {
    /// `{{key.1}}` or any key id; absent with `enabled: false`. One without a version, such as `{{key}}`,
    /// is a customer's key of KMS data encryption, whatever else the cluster says.
    #[serde(default)]
    pub key: Option<String>,
    /// With KMS data encryption: the version in use; absent: the newest.
    #[serde(default)]
    pub in_use: Option<String>,
    /// Whether KMS is on.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// `keyVaultNetworkAccess`.
    #[serde(default)]
    pub network_mode: NetworkMode,
    /// The key before this one, which the API servers can still read with. With KMS data encryption: a
    /// key of legacy KMS, or `platform`; absent: the version before the one in use.
    #[serde(default)]
    pub previous: Option<String>,
}

/// A change of the KMS profile that did not succeed: the cluster's document says what was asked
/// for, and the API servers have what they had before.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FailedChange {
    /// The key that was asked for; absent: KMS was to be off.
    #[serde(default)]
    pub key: Option<String>,
    /// `provisioningState` since: `Failed` or `Canceled`.
    #[serde(default = "failed")]
    pub status: String,
    /// The API servers that have it all the same, from 1.
    #[serde(default)]
    pub applied_to: Vec<usize>,
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

fn newest() -> String {
    "1.34.3".to_owned()
}

fn succeeded() -> String {
    "Succeeded".to_owned()
}

fn yes() -> bool {
    true
}

fn failed() -> String {
    "Failed".to_owned()
}
