#![doc = include_str!("../README.md")]

mod access;
mod azure;
mod builder;
mod catalogue;
mod clock;
mod error;
#[cfg(test)]
mod error_document_tests;
mod facts;
mod fleet;
mod ids;
mod kubernetes;
mod ledger;
mod limits;
mod list_clusters;
mod manager;
mod observe;
mod observed;
mod operation;
mod options;
#[cfg(test)]
#[path = "permissions/tests/mod.rs"]
mod permissions;
mod plan;
mod progress;
mod provision;
mod reencrypt;
mod report;
mod rules;
mod runner;
mod seal;
#[cfg(test)]
mod source_tests;
#[cfg(test)]
mod testing;
mod text;
mod verbs;

#[doc(hidden)]
pub use access::AccessConfig;
#[doc(hidden)]
pub use azure::AzureConfig;
pub use azure::Cloud;
pub use builder::KmsManagerBuilder;
pub use catalogue::{Level, Rule, RuleId, rules};
pub use error::{Error, ErrorKind, Result};
pub use fleet::{ClusterFilter, Fleet, FleetBuilder, FleetClusters};
pub use ids::{
    ClusterId, ExpectedKey, IdentityId, KeyId, KubernetesVersion, NetworkMode, NodePools,
    ParseError, VaultAccess, VaultAuthorization, VaultId, Verb,
};
pub use kubernetes::KubernetesAccess;
pub use list_clusters::{ListClustersOptions, Subscriptions, list_clusters};
pub use manager::KmsManager;
#[doc(hidden)]
pub use options::Timing;
pub use options::{
    ChangeNetworkModeOptions, ClusterKeySource, CreateClusterOptions, CustomerManagedKey,
    DisableOptions, EnableOptions, FleetOptions, FleetVerb, KeySource, MigrateToV2Options, NewKey,
    Pace, PerCluster, ProvisionOptions, Reencrypt, ReencryptOptions, ReencryptSecretsOptions,
    ResumeOptions, RotateOptions, RunOptions, SetDataEncryptionOptions, StatusOptions,
    VerifySecretsOptions,
};
pub use progress::{OnProgress, Phase, Progress};
pub use report::{
    Action, ApiServer, BlockedReason, BlockedSecret, ClusterList, ClusterSummary, Counts, Evidence,
    Experience, Finding, FindingState, FleetProgress, FleetReport, FleetRow, FleetTotals,
    KeyLedger, KmsChange, KmsConfiguration, KmsStatus, KmsVersion, LedgerEntry, OnFleetProgress,
    OperationInProgress, OperationOutcome, OperationReport, ProvisionPart, ProvisionStep,
    Provisioned, Purpose, ReencryptReport, ReencryptSample, Scope, SecretTotal, Step, StepKind,
    StepOutcome, StepReport, Steps, UnreadableResource, Versions,
};
pub use runner::Journal;
/// The examples of the documentation.
#[cfg(doctest)]
#[doc = include_str!("../../docs/commands.md")]
struct Commands;

/// The examples of the page on KMS data encryption.
#[cfg(doctest)]
#[doc = include_str!("../../docs/data-encryption.md")]
struct DataEncryption;

/// The examples of the page on many clusters.
#[cfg(doctest)]
#[doc = include_str!("../../docs/fleet.md")]
struct Fleets;

/// The crate's own versions of the crates that its interface shows.
pub use {azure_core, kube};
