#![doc = include_str!("../README.md")]

mod azure;
mod builder;
mod catalogue;
mod error;
mod kubernetes;
mod ledger;
mod manager;
mod model;
mod observe;
mod observed;
mod operation;
mod plan;
mod progress;
mod reencrypt;
mod rules;
mod runner;
mod seal;
#[cfg(test)]
mod source_tests;
mod text;
mod verbs;

pub use azure::Cloud;
pub use builder::KmsManagerBuilder;
pub use catalogue::{Level, Rule, RuleId, rules};
pub use error::{Error, ErrorKind, Result};
pub use kubernetes::KubernetesAccess;
pub use manager::KmsManager;
#[doc(hidden)]
pub use model::Timing;
pub use model::{
    Action, ApiServer, BlockedReason, BlockedSecret, ChangeNetworkModeOptions, ClusterId, Counts,
    DisableOptions, EnableOptions, Evidence, ExpectedKey, Experience, Finding, FindingState,
    IdentityId, KeyId, KeyLedger, KmsChange, KmsStatus, KmsVersion, KubernetesVersion, LedgerEntry,
    MigrateToV2Options, NetworkMode, NodePools, OperationInProgress, OperationReport, Pace,
    Purpose, Reencrypt, ReencryptOptions, ReencryptReport, ReencryptSecretsOptions, ResumeOptions,
    RotateOptions, RunOptions, Scope, SecretTotal, StatusOptions, Step, StepKind, StepOutcome,
    StepReport, Steps, VaultAccess, VaultId, Verb, VerifySecretsOptions,
};
pub use progress::{OnProgress, Phase, Progress};
pub use runner::Journal;
/// The crate's own versions of the crates that its interface shows.
pub use {azure_core, kube};
