//! What the library says: findings, plans, reports, the state of a cluster and its keys.

mod action;
mod cluster_list;
mod columns;
mod display;
mod evidence;
mod finding;
mod fleet;
mod fleet_progress;
mod kms;
mod ledger;
mod operation;
mod provisioned;
mod status;
mod step;

pub use action::Action;
pub use cluster_list::{ClusterList, ClusterSummary, UnreadableResource};
pub use finding::{Finding, FindingState};
pub use fleet::{FleetReport, FleetRow, FleetTotals};
pub use fleet_progress::{FleetProgress, OnFleetProgress};
pub use kms::{KmsChange, KmsConfiguration};
pub use ledger::{KeyLedger, LedgerEntry};
pub use operation::{
    ApiServer, BlockedReason, BlockedSecret, Counts, Evidence, OperationOutcome, OperationReport,
    Purpose, ReencryptReport, ReencryptSample, Scope, StepOutcome, StepReport, Versions,
};
pub use provisioned::{ProvisionPart, ProvisionStep, Provisioned};
pub use status::{Experience, KmsStatus, KmsVersion, OperationInProgress, SecretTotal};
pub use step::{Step, StepKind, Steps};
