//! A cluster's row, from what came of its call. Pure.

use time::OffsetDateTime;

use super::keys::removable;
use crate::{
    catalogue::{Level, RuleId},
    error::{Error, ErrorKind, Result},
    ids::{ClusterId, Verb},
    report::{
        Finding, FleetRow, KmsStatus, OperationInProgress, OperationOutcome, OperationReport,
    },
};

/// What a call on a cluster gives.
pub(super) enum Given {
    Report(Box<OperationReport>),
    Status(Box<KmsStatus>),
}

/// The row of a cluster that was not begun.
pub(super) fn not_started(cluster: &ClusterId, wave: usize) -> FleetRow {
    FleetRow {
        cluster: cluster.clone(),
        wave,
        outcome: OperationOutcome::NotStarted,
        proven: false,
        started_at: None,
        seconds: 0.0,
        previous_key_id: None,
        key_id: None,
        key_created_at: None,
        removable_keys: Vec::new(),
        rules: Vec::new(),
        code: None,
        message: None,
        operation_in_progress: None,
        resume: None,
        status: None,
    }
}

/// The row of a cluster whose call came to this.
pub(super) fn ended(
    cluster: &ClusterId,
    wave: usize,
    verb: Verb,
    came: Result<Given>,
    (started_at, seconds): (OffsetDateTime, f64),
) -> FleetRow {
    let row = FleetRow { started_at: Some(started_at), seconds, ..not_started(cluster, wave) };
    let again = Again::after(&came);
    let row = match came {
        Ok(Given::Status(status)) => {
            let rules = told(&status.findings);
            let previous_key_id = status.key_id.clone();
            let row = FleetRow { outcome: OperationOutcome::Done, previous_key_id, rules, ..row };
            let row = of_state(row, &status);
            FleetRow { status: Some(*status), ..row }
        }
        Ok(Given::Report(report)) => {
            let refuses = |finding: &&Finding| finding.refuses(&report.allowed);
            let rules = match report.outcome {
                OperationOutcome::Refused => ids(report.findings.iter().filter(refuses)),
                // It was only looked at, as by `status`.
                OperationOutcome::NotDue => told(&report.findings),
                _ => Vec::new(),
            };
            of_report(FleetRow { rules, ..row }, &report)
        }
        Err(error) => of_error(row, &error),
    };
    let resume =
        row.operation_in_progress.as_ref().map(|recorded| how_to_go_on(verb, recorded, again));
    FleetRow { resume, ..row }
}

fn of_error(row: FleetRow, error: &Error) -> FleetRow {
    let allowed = error.report().map_or(&[][..], |report| &report.allowed);
    let refusing: Vec<&Finding> =
        error.findings().iter().filter(|finding| finding.refuses(allowed)).collect();
    let outcome =
        if refusing.is_empty() { OperationOutcome::Failed } else { OperationOutcome::Refused };
    let row = FleetRow {
        outcome,
        rules: ids(refusing.into_iter()),
        code: Some(error.code().to_owned()),
        message: Some(error.to_string()),
        ..row
    };
    match error.report() {
        Some(report) => of_report(row, report),
        None => row,
    }
}

fn of_report(row: FleetRow, report: &OperationReport) -> FleetRow {
    let row = FleetRow {
        outcome: report.outcome,
        proven: report.is_proven(),
        previous_key_id: report.before.key_id.clone(),
        ..row
    };
    of_state(row, &report.after)
}

fn of_state(row: FleetRow, status: &KmsStatus) -> FleetRow {
    FleetRow {
        key_id: status.key_id.clone(),
        key_created_at: status.key_created_at,
        removable_keys: status.ledger.as_ref().map(removable).unwrap_or_default(),
        operation_in_progress: status.operation_in_progress.clone(),
        ..row
    }
}

/// Rules that somebody should look at.
fn told(findings: &[Finding]) -> Vec<RuleId> {
    let is_told = |it: &&Finding| it.level >= Level::Warn || it.rule == RuleId::KeyAge;
    ids(findings.iter().filter(is_told))
}

fn ids<'a>(findings: impl Iterator<Item = &'a Finding>) -> Vec<RuleId> {
    let mut rules: Vec<RuleId> = findings.map(|finding| finding.rule).collect();
    rules.sort_unstable();
    rules.dedup();
    rules
}

/// What the same call comes to when it is made again.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Again {
    /// It goes on.
    GoesOn,
    /// It goes on once what rules say is done.
    Refused,
    /// It is told the same: what is recorded was begun with other arguments, or is not to be gone on with.
    Stuck,
}

impl Again {
    fn after(came: &Result<Given>) -> Self {
        match came {
            Err(error) if error.kind() == ErrorKind::Conflict && !error.is_retryable() => {
                Self::Stuck
            }
            Err(error) if !error.findings().is_empty() => Self::Refused,
            _ => Self::GoesOn,
        }
    }
}

fn how_to_go_on(verb: Verb, recorded: &OperationInProgress, again: Again) -> String {
    let OperationInProgress { operation, by, .. } = recorded;
    match again {
        Again::GoesOn if *operation == verb => {
            format!(
                "{operation} is unfinished: run the fleet again, or call resume on this cluster"
            )
        }
        Again::Refused if *operation == verb => format!(
            "{operation} is unfinished: do what the message says, then run the fleet again, or call resume on this \
             cluster"
        ),
        _ => format!(
            "{operation} is unfinished, begun by {by}: call resume or abandon on this cluster"
        ),
    }
}

#[cfg(test)]
#[path = "row_tests.rs"]
mod tests;
