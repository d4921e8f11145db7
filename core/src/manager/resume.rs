//! Going on with a recorded operation, or dropping it.

use super::{
    Inner, KmsManager,
    perform::OperationRequest,
    recorded::{unsealed, without_seal},
    session::{AtTimeLimit, READING, Session, TimeLimit, in_time, status_with},
};
use crate::{
    error::{Error, ErrorKind, Result, api_server_unreachable},
    facts::Fact,
    ids::Verb,
    ledger::Operation,
    observe::{Observation, StoredRecord},
    options::{ResumeOptions, RunOptions},
    plan::Plan,
    report::{OperationReport, Step, StepKind, StepOutcome},
    rules,
    runner::Recorder,
};

impl KmsManager {
    /// Goes on with the operation that is recorded in the cluster, whoever began it.
    ///
    /// Its plan is made anew from what is observed. Nothing recorded: nothing is done, and the
    /// report has no steps.
    ///
    /// ```no_run
    /// # async fn example(manager: aks_kms::KmsManager) -> aks_kms::Result<()> {
    /// use aks_kms::ResumeOptions;
    ///
    /// let report = manager.resume(ResumeOptions::default()).await?;
    /// println!("{}: {} steps", report.operation, report.steps.len());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`conflict`](crate::ErrorKind::Conflict) when somebody is at work on it, or changed the key
    /// meanwhile; otherwise those of the recorded verb.
    pub async fn resume(&self, options: ResumeOptions) -> Result<OperationReport> {
        Box::pin(resume(&self.0, options)).await
    }

    /// Drops the recorded operation. The cluster stays as it is, which the report says; a key that
    /// the operation was changing to stays in the ledger as one that may still be needed.
    ///
    /// # Errors
    /// [`conflict`](crate::ErrorKind::Conflict) when somebody is at work on it, and those of Azure
    /// and the network.
    pub async fn abandon(&self) -> Result<OperationReport> {
        Box::pin(abandon(&self.0)).await
    }
}

/// Goes on with what is recorded.
pub(super) async fn resume(inner: &Inner, options: ResumeOptions) -> Result<OperationReport> {
    let run = options.run();
    let problems = rules::option_problems(Verb::Resume, &run, Some(&options.reencrypt));
    if !problems.is_empty() {
        return Err(rules::invalid_input(Vec::new(), problems));
    }
    let limit = TimeLimit::from(run.timeout);
    let (seen, found, operation) = look(inner, Verb::Resume, limit).await?;
    if let Some(unsealed) = unsealed(&found) {
        return Err(without_seal(unsealed, &inner.cluster));
    }
    match operation {
        Some(operation) => {
            let (intent, reencrypt) = (operation.intent, options.reencrypt);
            let (run, wait) = (&run, options.wait);
            let request = OperationRequest {
                intent,
                new: None,
                run,
                limit,
                wait,
                // It has begun, so it was due.
                when_older_than: None,
                reencrypt,
            };
            inner.perform(request).await
        }
        None => nothing_recorded(inner, Verb::Resume, &run, &seen),
    }
}

/// Drops what is recorded.
pub(super) async fn abandon(inner: &Inner) -> Result<OperationReport> {
    let run = RunOptions::default();
    let (seen, found, operation) = look(inner, Verb::Abandon, READING.into()).await?;
    if operation.is_none() && unsealed(&found).is_none() {
        return nothing_recorded(inner, Verb::Abandon, &run, &seen);
    }
    let session = Session::new(inner, Verb::Abandon, &run);
    let Session { reporter, log, .. } = &session;
    log.seen(status_with(&seen.observed.cluster, Some(&found.reconciled)));
    let step = Step::new(StepKind::RecordKey);
    log.planned(&Plan { findings: Vec::new(), steps: vec![step.clone()] });
    let unreachable = || api_server_unreachable(&inner.cluster);
    let api = seen.kubernetes.as_ref().ok_or_else(unreachable)?;
    let (namespace, timing) = (inner.access.journal.namespace(), inner.access.timing.clone());
    let recorder =
        Recorder::new(api, namespace, timing, reporter.clone(), inner.access.releases.clone());
    if let Some(operation) = &operation {
        log.recorded(recorder.by(), &operation.id);
    }
    let began = tokio::time::Instant::now();
    let limit = READING.saturating_add(inner.access.timing.lease);
    let work = Box::pin(recorder.drop_operation(&found));
    let outcome = session.in_time(limit, AtTimeLimit::GoesOn, work).await;
    if outcome.is_ok() {
        log.step(&step, StepOutcome::Done, began.elapsed().as_secs_f64());
        let mut after = found.reconciled;
        after.record.abandon();
        after.unsealed = None;
        log.seen(status_with(&seen.observed.cluster, Some(&after)));
    }
    recorder.release().await;
    session.end(outcome)
}

/// The record as it is now.
async fn look(
    inner: &Inner,
    verb: Verb,
    limit: TimeLimit,
) -> Result<(Observation, StoredRecord, Option<Operation>)> {
    if !inner.access.journal.is_kept() {
        let message = format!(
            "{verb} needs a journal, and this manager was made with none; make one with a journal"
        );
        return Err(Error::new(ErrorKind::InvalidInput, message));
    }
    let look = inner.look(false);
    let (limit, then) = (limit.at_most(READING), AtTimeLimit::Unchanged);
    let mut seen = in_time(&inner.cluster, verb, limit, then, String::new, look).await?;
    if let Fact::Unknown(why) = &seen.observed.kubernetes {
        let closed = rules::closed_vault_in_use(&seen.observed);
        let closed = closed.map_or_else(String::new, |closed| format!("; {closed}"));
        let message =
            format!("the record in cluster {} cannot be read: {why}{closed}", inner.cluster);
        return Err(Error::new(ErrorKind::Unavailable, message));
    }
    let unreachable = || Err(api_server_unreachable(&inner.cluster));
    let found = seen.found.take().unwrap_or_else(unreachable)?;
    let operation = found.reconciled.record.operation.clone();
    Ok((seen, found, operation))
}

/// There is no recorded operation: how things are.
fn nothing_recorded(
    inner: &Inner,
    verb: Verb,
    run: &RunOptions,
    seen: &Observation,
) -> Result<OperationReport> {
    let session = Session::new(inner, verb, run);
    session.log.seen(status_with(&seen.observed.cluster, seen.observed.recorded()));
    session.end(Ok(()))
}
