#![doc = include_str!("../README.md")]

mod azure;
mod builder;
mod catalogue;
mod clock;
mod error;
#[cfg(test)]
mod error_document_tests;
mod facts;
mod ids;
mod kubernetes;
mod ledger;
mod limits;
mod manager;
mod observe;
mod observed;
mod operation;
mod options;
mod plan;
mod progress;
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

pub use azure::Cloud;
pub use builder::KmsManagerBuilder;
pub use catalogue::{Level, Rule, RuleId, rules};
pub use error::{Error, ErrorKind, Result};
pub use ids::{
    ClusterId, ExpectedKey, IdentityId, KeyId, KubernetesVersion, NetworkMode, NodePools,
    ParseError, VaultAccess, VaultId, Verb,
};
pub use kubernetes::KubernetesAccess;
pub use manager::KmsManager;
#[doc(hidden)]
pub use options::Timing;
pub use options::{
    ChangeNetworkModeOptions, DisableOptions, EnableOptions, MigrateToV2Options, NewKey, Pace,
    Reencrypt, ReencryptOptions, ReencryptSecretsOptions, ResumeOptions, RotateOptions, RunOptions,
    StatusOptions, VerifySecretsOptions,
};
pub use progress::{OnProgress, Phase, Progress};
pub use report::{
    Action, ApiServer, BlockedReason, BlockedSecret, Counts, Evidence, Experience, Finding,
    FindingState, KeyLedger, KmsChange, KmsConfiguration, KmsStatus, KmsVersion, LedgerEntry,
    OperationInProgress, OperationReport, Purpose, ReencryptReport, Scope, SecretTotal, Step,
    StepKind, StepOutcome, StepReport, Steps,
};
pub use runner::Journal;
/// The crate's own versions of the crates that its interface shows.
pub use {azure_core, kube};
