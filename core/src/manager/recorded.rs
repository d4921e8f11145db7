//! Going on with a recorded operation, or dropping it.

use std::time::Duration;

use super::{
    Inner,
    perform::{OperationRequest, reported, status_with},
    read::{READING, in_time},
};
use crate::{
    error::{Error, ErrorKind, Result},
    ledger::{Fit, Operation},
    model::{
        ClusterFacts, ClusterId, Fact, Intent, KmsChange, OperationInProgress, OperationReport,
        ResumeOptions, RunOptions, Step, StepKind, StepOutcome, Verb,
    },
    observe::{KeyToObserve, Observation, StoredRecord},
    plan::Plan,
    progress::Reporter,
    rules,
    runner::{Recorder, RunLog},
};

/// The recorded operation that a call goes on with. `None`: a new one begins.
///
/// # Errors
/// `conflict` when another operation is recorded, or when somebody else changed the key.
pub(super) fn operation_to_resume(
    found: &StoredRecord,
    intent: &Intent,
    cluster: &ClusterFacts,
) -> Result<Option<Operation>> {
    if let Some(unsealed) = unsealed(found).filter(|it| it.operation != intent.verb()) {
        return Err(without_seal(unsealed, &cluster.id));
    }
    let Some(recorded) = &found.reconciled.record.operation else { return Ok(None) };
    if recorded.intent == *intent {
        let sets_key = !matches!(intent, Intent::ReencryptSecrets(_));
        if found.reconciled.fit == Fit::Superseded && sets_key {
            return Err(superseded(recorded, cluster));
        }
        return Ok(Some(recorded.clone()));
    }
    if goes_back(recorded, intent) {
        return Ok(None);
    }
    Err(Error::new(
        ErrorKind::Conflict,
        format!(
            "{} of cluster {} is unfinished (since {}, by {}); call resume to finish it, or abandon to drop it",
            recorded.intent.verb(),
            cluster.id,
            recorded.since,
            recorded.by()
        ),
    ))
}

/// An operation that a text without a valid seal names.
fn unsealed(found: &StoredRecord) -> Option<&OperationInProgress> {
    found.reconciled.unsealed.as_ref()?.operation.as_ref()
}

fn without_seal(unsealed: &OperationInProgress, cluster: &ClusterId) -> Error {
    Error::new(
        ErrorKind::Conflict,
        format!(
            "the record of cluster {cluster} names {} (since {}, by {}), but has no valid seal: somebody else may have \
             written it, and it is not gone on with; call that verb itself if it is yours, or abandon to drop it",
            unsealed.operation, unsealed.since, unsealed.by
        ),
    )
}

/// Whether the call undoes the recorded operation: back to the key before it.
fn goes_back(recorded: &Operation, intent: &Intent) -> bool {
    match (intent, &recorded.before) {
        (Intent::Rotate(rotate), KmsChange::On { key_id, .. }) => {
            rotate.key_id.as_ref() == Some(key_id)
        }
        (Intent::Disable(_), KmsChange::Off) => true,
        _ => false,
    }
}

fn superseded(recorded: &Operation, cluster: &ClusterFacts) -> Error {
    let now = cluster
        .kms_on()
        .and_then(|profile| profile.key_id.clone())
        .map_or_else(|| "KMS is off".to_owned(), |key_id| format!("the key is {key_id}"));
    Error::new(
        ErrorKind::Conflict,
        format!(
            "somebody else changed the key of cluster {} while {} was unfinished (since {}, by {}): now {now}; call abandon, \
             then decide anew",
            cluster.id,
            recorded.intent.verb(),
            recorded.since,
            recorded.by()
        ),
    )
}

/// Goes on with what is recorded.
pub(super) async fn resume(inner: &Inner, options: ResumeOptions) -> Result<OperationReport> {
    let run = options.run();
    let problems = rules::option_problems(Verb::Resume, &run, Some(&options.reencrypt));
    if !problems.is_empty() {
        return Err(rules::invalid_input(Vec::new(), problems));
    }
    let (seen, found, operation) = look(inner, Verb::Resume, run.timeout).await?;
    if let Some(unsealed) = unsealed(&found) {
        return Err(without_seal(unsealed, &inner.cluster));
    }
    match operation {
        Some(operation) => {
            let (intent, reencrypt) = (operation.intent, options.reencrypt);
            inner.perform(OperationRequest { intent, run: &run, reencrypt }).await
        }
        None => nothing_recorded(inner, Verb::Resume, &run, &seen),
    }
}

/// Drops what is recorded.
pub(super) async fn abandon(inner: &Inner) -> Result<OperationReport> {
    let run = RunOptions::default();
    let (seen, found, operation) = look(inner, Verb::Abandon, READING).await?;
    if operation.is_none() && unsealed(&found).is_none() {
        return nothing_recorded(inner, Verb::Abandon, &run, &seen);
    }
    let log = RunLog::new(Verb::Abandon, inner.cluster.clone(), false, Vec::new());
    log.seen(status_with(&seen.observed.cluster, Some(&found.reconciled)));
    let step = Step::new(StepKind::RecordKey);
    log.planned(&Plan { findings: Vec::new(), steps: vec![step.clone()] });
    let api = seen.kubernetes.as_ref().ok_or_else(unreachable)?;
    let reporter = Reporter::new(Verb::Abandon, None);
    let recorder = Recorder::new(api, inner.journal.namespace(), inner.timing.clone(), reporter);
    let began = tokio::time::Instant::now();
    let outcome = recorder.drop_operation(&found).await;
    if outcome.is_ok() {
        log.step(&step, StepOutcome::Done, began.elapsed().as_secs_f64());
        let mut after = found.reconciled;
        after.record.abandon();
        after.unsealed = None;
        log.seen(status_with(&seen.observed.cluster, Some(&after)));
    }
    recorder.release().await;
    reported(outcome, &log)
}

/// The record as it is now.
async fn look(
    inner: &Inner,
    verb: Verb,
    limit: Duration,
) -> Result<(Observation, StoredRecord, Option<Operation>)> {
    if !inner.journal.is_kept() {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            format!("{verb} needs a journal, and this manager was made with none"),
        ));
    }
    let look =
        inner.observe(|cluster, _| KeyToObserve::in_use(cluster), inner.scope_to_look(false));
    let mut seen = in_time(&inner.cluster, verb, limit.min(READING), look).await?;
    if let Fact::Unknown(why) = &seen.observed.kubernetes {
        let closed = rules::closed_vault_in_use(&seen.observed);
        let closed = closed.map_or_else(String::new, |closed| format!("; {closed}"));
        return Err(Error::new(
            ErrorKind::Unavailable,
            format!("the record in cluster {} cannot be read: {why}{closed}", inner.cluster),
        ));
    }
    let found = seen.found.take().unwrap_or_else(|| Err(unreachable()))?;
    let operation = found.reconciled.record.operation.clone();
    Ok((seen, found, operation))
}

fn unreachable() -> Error {
    Error::new(ErrorKind::Unavailable, "the API server cannot be reached from here")
}

/// There is no recorded operation: how things are.
fn nothing_recorded(
    inner: &Inner,
    verb: Verb,
    run: &RunOptions,
    seen: &Observation,
) -> Result<OperationReport> {
    let log = RunLog::new(verb, inner.cluster.clone(), run.dry_run, Vec::new());
    log.seen(status_with(&seen.observed.cluster, seen.observed.recorded()));
    reported(Ok(()), &log)
}
