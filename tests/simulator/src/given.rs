//! What a case starts from: the `given` of a conformance case.
//!
//! Every field has a default, so a case names only what it is about. Unknown fields are refused,
//! so a misspelt one cannot make a case pass by accident.

mod access;
mod cluster;
mod data_encryption;
mod faults;
mod fleet;
mod secrets;
mod throttle;
mod vault;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use self::access::EVERYBODYS;
pub use self::{
    access::{Access, CustomRole, KubernetesRight, Scope},
    cluster::{
        Backend, Cluster, FailedChange, ForgottenSecrets, Identity, Kms, NetworkMode, OtherCluster,
        OtherSubscription, Wiring,
    },
    data_encryption::{
        DataEncryption, OldProvider, OperationEnds, ReadableVersions, WithoutProfile,
    },
    faults::{
        ApiServerFault, ApiServerFaultKind, AzureFault, Faults, KubernetesFault, OperationFault,
        OperationStep,
    },
    fleet::{FleetGiven, SomeClusters},
    secrets::{Secrets, Special, SpecialKind},
    throttle::{Bucket, Throttle},
    vault::{Authorization, Key, KeyException, PrivateEndpoint, Vault},
};

/// The world a case starts from. `{}` is a healthy cluster without KMS, a vault with one key and
/// an identity that may use it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Given {
    /// The managed cluster.
    pub cluster: Cluster,
    /// How its KMS data encryption behaves where no document says how.
    pub data_encryption: DataEncryption,
    /// The key vault that the key lives in.
    pub vault: Vault,
    /// A second vault with a key of as many versions, which the identity may use as it may the
    /// first; absent: there is none.
    pub other_vault: Option<Vault>,
    /// Names of vaults that somebody else has.
    pub taken_vault_names: Vec<String>,
    /// The key and its versions.
    pub key: Key,
    /// What the cluster's identity and the caller may do.
    pub access: Access,
    /// The Secrets in the cluster.
    pub secrets: Secrets,
    /// Other clusters of the subscription, which are in lists and searches and nowhere else.
    pub other_clusters: Vec<OtherCluster>,
    /// Other subscriptions of the tenant.
    pub other_subscriptions: Vec<OtherSubscription>,
    /// The library's record as somebody wrote it; absent: there is none. `{{cluster_uid}}`,
    /// `{{resource_uid}}` and `{{etag}}` stand for what the library finds.
    pub record: Option<serde_json::Value>,
    /// How many requests Azure takes; absent: as many as there are.
    pub throttle: Option<Throttle>,
    /// What goes wrong.
    pub faults: Faults,
}

impl Given {
    /// The other subscription with this id.
    pub(crate) fn other_subscription(&self, id: &str) -> Option<&OtherSubscription> {
        self.other_subscriptions.iter().find(|other| other.id.eq_ignore_ascii_case(id))
    }
}
