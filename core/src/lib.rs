#![doc = include_str!("../../README.md")]

mod azure;
mod catalogue;
mod error;
mod kubernetes;
mod model;
mod progress;
mod rules;

pub use azure::Cloud;
pub use catalogue::{Level, Rule, RuleId, rules};
pub use error::{Error, ErrorKind, Result};
pub use kubernetes::KubernetesAccess;
#[doc(hidden)]
pub use model::Timing;
pub use model::{
    ApiServer, BlockedReason, BlockedSecret, ClusterId, Counts, EnableOptions, Evidence,
    ExpectedKey, Experience, Finding, FindingState, KeyId, KeyLedger, KmsStatus, KmsTarget,
    KmsVersion, KubernetesVersion, LedgerEntry, NetworkMode, OperationInProgress, OperationReport,
    Pace, Purpose, Reencrypt, ReencryptOptions, ReencryptReport, ReencryptSecretsOptions,
    RunOptions, Scope, SecretTotal, StatusOptions, Step, StepKind, StepOutcome, StepReport,
    VaultId, Verb,
};
pub use progress::{OnProgress, Phase, Progress};
