//! The types everything speaks: parsed once at the edge, then passed as they are.

mod access;
mod action;
mod cluster;
mod etcd;
mod expected_key;
mod fact;
mod finding;
mod intent;
mod key;
mod key_id;
mod kms_user;
mod kubernetes;
mod kubernetes_version;
mod ledger;
mod network_mode;
mod node_pools;
mod options;
mod report;
mod resource_id;
mod status;
mod step;
mod target;
#[cfg(test)]
mod tests;
mod text_enum;
mod timing;
mod vault;
mod vault_access;
mod verb;

pub(crate) use access::{AccessFacts, RoleGrant};
pub use action::Action;
pub(crate) use cluster::{
    ClusterFacts, IdentityKind, KmsProfile, NodePoolFacts, UserAssignedIdentity, is_terminal_state,
};
pub(crate) use etcd::{ETCD_GROWTH, ETCD_RETENTION, SECRET_BYTES};
pub use expected_key::ExpectedKey;
pub(crate) use fact::{Fact, Lookup};
pub use finding::{Finding, FindingState};
pub(crate) use intent::{
    ChangeNetworkMode, Disable, Enable, Intent, MigrateToV2, ReencryptSecrets, Rotate,
};
pub(crate) use key::{KeyFacts, KeyVersion};
pub use key_id::KeyId;
pub(crate) use kms_user::ClusterWithKms;
pub(crate) use kubernetes::{DeniedPatch, KubernetesFacts, Permission, Unreadable};
pub use kubernetes_version::KubernetesVersion;
pub use ledger::{KeyLedger, LedgerEntry};
pub use network_mode::NetworkMode;
pub use node_pools::NodePools;
pub use options::{
    ChangeNetworkModeOptions, DisableOptions, EnableOptions, MigrateToV2Options, Pace, Reencrypt,
    ReencryptOptions, ReencryptSecretsOptions, ResumeOptions, RotateOptions, RunOptions,
    StatusOptions, VerifySecretsOptions,
};
pub use report::{
    ApiServer, BlockedReason, BlockedSecret, Counts, Evidence, OperationReport, Purpose,
    ReencryptReport, Scope, StepOutcome, StepReport,
};
pub use resource_id::{ClusterId, IdentityId, VaultId};
pub use status::{Experience, KmsStatus, KmsVersion, OperationInProgress, SecretTotal};
pub use step::{KmsChange, Step, StepKind, Steps};
pub(crate) use target::KmsConfiguration;
pub(crate) use text_enum::{by_name, text_enum};
#[doc(hidden)]
pub use timing::Timing;
pub(crate) use vault::{AccessPolicy, ConnectionState, PrivateEndpointConnection, VaultFacts};
pub use vault_access::VaultAccess;
pub use verb::Verb;
