use super::*;
use crate::{
    error::ErrorKind,
    ids::NetworkMode,
    report::{Finding, KmsStatus, OperationInProgress},
    rules::testing::{KEY_1, cluster, kms_on},
    runner::RunLog,
};

fn id() -> ClusterId {
    cluster().id
}

fn recorded(operation: Verb) -> OperationInProgress {
    OperationInProgress {
        id: "1".to_owned(),
        operation,
        by: "somebody".to_owned(),
        since: time::OffsetDateTime::UNIX_EPOCH,
        target_key_id: None,
    }
}

fn status(operation: Option<Verb>) -> KmsStatus {
    let mut facts = cluster();
    facts.kms = Some(kms_on(KEY_1, NetworkMode::Public));
    KmsStatus { operation_in_progress: operation.map(recorded), ..facts.status(Vec::new()) }
}

/// A rotation's error, whose report shows this operation recorded.
fn error(kind: ErrorKind, rules: &[RuleId], operation: Option<Verb>) -> Error {
    let findings = rules.iter().map(|rule| Finding::violated(*rule, "it", "it is so")).collect();
    let error = Error::new(kind, "it went wrong").with_findings(findings);
    let log = RunLog::new(Verb::Rotate, id(), false, Vec::new(), "2026-01-01");
    log.seen(status(operation));
    let report = log.report(Some(&error)).unwrap();
    error.with_report(report)
}

fn row_of(came: Result<Given>) -> FleetRow {
    ended(&id(), 1, Verb::Rotate, came, (time::OffsetDateTime::UNIX_EPOCH, 1.0))
}

#[test]
fn a_refusal_is_told_with_its_rules() {
    let rules = [RuleId::KeyDisabled, RuleId::KeyExpiresSoon];
    let row = row_of(Err(error(ErrorKind::PreflightFailed, &rules, None)));
    assert_eq!((row.outcome, row.rules), (OperationOutcome::Refused, vec![RuleId::KeyDisabled]));
    assert_eq!(row.code.as_deref(), Some("preflight_failed"));
    assert_eq!(row.key_id.unwrap().as_str(), KEY_1);
    // also one that has no report
    let told = Error::new(ErrorKind::InvalidInput, "no").with_findings(vec![Finding::violated(
        RuleId::KeyIdMalformed,
        "it",
        "it is so",
    )]);
    assert_eq!(row_of(Err(told)).outcome, OperationOutcome::Refused);
}

#[test]
fn what_is_unfinished_is_told_with_the_way_on() {
    let row = row_of(Err(error(ErrorKind::OperationFailed, &[], Some(Verb::Rotate))));
    assert_eq!(row.outcome, OperationOutcome::Unfinished);
    assert!(row.resume.unwrap().contains("run the fleet again"));
    let row = row_of(Err(error(ErrorKind::Conflict, &[], Some(Verb::Disable))));
    assert_eq!(row.outcome, OperationOutcome::Unfinished);
    let resume = row.resume.unwrap();
    assert!(resume.contains("disable") && resume.contains("abandon"), "{resume}");
}

/// A rotation to a key that somebody named is no rotation by age: the fleet does not go on with it.
#[test]
fn who_would_be_told_the_same_again_is_not_told_to_run_the_fleet_again() {
    let begun_otherwise = error(ErrorKind::Conflict, &[], Some(Verb::Rotate));
    let held_by_another = error(ErrorKind::Conflict, &[], Some(Verb::Rotate));
    let refused = error(ErrorKind::PreflightFailed, &[RuleId::KeyDisabled], Some(Verb::Rotate));
    let resume = |error: Error| row_of(Err(error)).resume.unwrap();
    let said = resume(begun_otherwise.until_somebody_acts());
    assert!(said.contains("resume or abandon") && !said.contains("fleet"), "{said}");
    assert!(resume(held_by_another).contains("run the fleet again"));
    let said = resume(refused);
    assert!(said.contains("do what the message says, then run the fleet again"), "{said}");
}

#[test]
fn a_failure_is_told_with_its_code() {
    let row = row_of(Err(Error::new(ErrorKind::NotFound, "there is no such cluster")));
    assert_eq!(row.outcome, OperationOutcome::Failed);
    assert_eq!(row.code.as_deref(), Some("not_found"));
    assert_eq!(row.message.as_deref(), Some("there is no such cluster"));
    assert!(row.resume.is_none() && row.key_id.is_none());
}

#[test]
fn a_state_is_told_with_the_rules_that_somebody_should_look_at() {
    let rules = [RuleId::KeyAge, RuleId::VaultDiagnosticsOff, RuleId::KeyExpiresSoon];
    let findings = rules.iter().map(|rule| Finding::violated(*rule, "it", "it is so")).collect();
    let state = KmsStatus { findings, ..status(None) };
    let row = row_of(Ok(Given::Status(Box::new(state.clone()))));
    assert_eq!(row.outcome, OperationOutcome::Done);
    assert_eq!(row.rules, [RuleId::KeyExpiresSoon, RuleId::KeyAge]);
    assert_eq!(row.status, Some(state));
}
