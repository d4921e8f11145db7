//! Observe → plan → run, within the time limit, and with a report in every case.

use std::{future::Future, time::Duration};

use tracing::Instrument;

use super::{
    Inner,
    operation::{goes_on, with_key_made},
    recorded::operation_to_resume,
};
use crate::{
    error::{Error, ErrorKind, Result},
    kubernetes::{Needs, ObserveScope},
    ledger::{Fit, Operation, Reconciled, judge},
    model::{
        ClusterFacts, ClusterId, Intent, KeyId, KmsChange, KmsStatus, KubernetesVersion,
        OperationReport, ReencryptOptions, RunOptions, VaultId, Verb,
    },
    observe::{KeyToObserve, Observation, ObserveContext, StoredRecord, observe},
    plan::{Plan, has_gate},
    progress::{Phase, Reporter},
    reencrypt::{Engine, EngineConfig},
    rules,
    runner::{HalfWay, RecordContext, Recorder, RunLog, RunOutcome, Runner, settled},
    verbs,
};

/// How long the look at the cluster after an error may take.
const FINAL_STATUS_TIMEOUT: Duration = Duration::from_secs(10);
/// How many times a plan is made again when others keep changing the cluster.
const MAX_PLANS: usize = 4;

/// What a verb that writes is called with.
pub(super) struct OperationRequest<'a> {
    pub(super) intent: Intent,
    pub(super) run: &'a RunOptions,
    /// How secrets are rewritten; which ones is part of the intent.
    pub(super) reencrypt: ReencryptOptions,
}

/// A run, as it goes from round to round.
pub(super) struct OperationRun<'a> {
    pub(super) inner: &'a Inner,
    pub(super) request: &'a OperationRequest<'a>,
    reporter: Reporter,
    log: RunLog,
    recorder: tokio::sync::OnceCell<Recorder>,
    /// The key version that this call made.
    made: tokio::sync::OnceCell<KeyId>,
    /// The vault that this call closed.
    closed: tokio::sync::OnceCell<VaultId>,
    half_way: HalfWay,
}

impl Inner {
    /// Performs a verb that writes.
    pub(super) async fn perform(&self, request: OperationRequest<'_>) -> Result<OperationReport> {
        let verb = request.intent.verb();
        let options = request.run;
        let run = OperationRun {
            inner: self,
            reporter: Reporter::new(verb, options.on_progress.clone()),
            log: RunLog::new(verb, self.cluster.clone(), options.dry_run, options.allow.clone()),
            recorder: tokio::sync::OnceCell::new(),
            made: tokio::sync::OnceCell::new(),
            closed: tokio::sync::OnceCell::new(),
            half_way: HalfWay::default(),
            request: &request,
        };
        let span = tracing::info_span!("operation", %verb, cluster = %self.cluster);
        let work = Box::pin(run.plan_and_run().instrument(span));
        let outcome = within(options, verb, &self.cluster, work).await;
        let outcome = outcome.map_err(|error| run.half_way.told_in(error));
        if outcome.is_err() && run.log.has_begun() {
            run.read_final_status().await;
        }
        if let Some(recorder) = run.recorder.get() {
            recorder.release().await;
        }
        match &outcome {
            Ok(()) => run.reporter.finish("Done"),
            Err(error) => run.reporter.finish(error.to_string()),
        }
        reported(outcome, &run.log)
    }

    pub(super) async fn observe(
        &self,
        wanted: impl FnOnce(&ClusterFacts, Option<&Reconciled>) -> Option<KeyToObserve>,
        scope: ObserveScope<'_>,
    ) -> Result<Observation> {
        let sources = ObserveContext {
            azure: &self.azure,
            cluster: &self.cluster,
            access: &self.kubernetes,
            timing: &self.timing,
        };
        Box::pin(observe(sources, wanted, scope)).await
    }

    /// What is looked at to see how things are.
    pub(super) fn scope_to_look(&self, count_secrets: bool) -> ObserveScope<'_> {
        ObserveScope {
            namespaces: None,
            needs: Needs::Status,
            state_namespace: self.journal.namespace(),
            dry_run_patches: false,
            count_secrets,
            journal: self.journal.is_kept(),
        }
    }
}

/// The report, on its own or with the error.
pub(super) fn reported(outcome: Result<()>, log: &RunLog) -> Result<OperationReport> {
    let report = log.report();
    match (outcome, report) {
        (Ok(()), Some(report)) => Ok(report),
        (Ok(()), None) => Err(Error::new(
            ErrorKind::Unexpected,
            "the operation ended without having seen the cluster",
        )),
        (Err(error), Some(report)) => Err(error.with_report(report)),
        (Err(error), None) => Err(error),
    }
}

/// The cluster's state with what is recorded of it.
pub(super) fn status_with(cluster: &ClusterFacts, found: Option<&Reconciled>) -> KmsStatus {
    let mut status = cluster.status(Vec::new());
    status.ledger = found.map(judge);
    status.operation_in_progress = found.and_then(|found| {
        let unsealed = || found.unsealed.as_ref()?.operation.clone();
        found.record.operation.as_ref().map(Operation::in_progress).or_else(unsealed)
    });
    status
}

impl OperationRun<'_> {
    /// Plans and runs, again when somebody else changed the cluster in between.
    async fn plan_and_run(&self) -> Result<()> {
        let OperationRequest { intent, run, .. } = self.request;
        let mut why = String::new();
        for _ in 0..MAX_PLANS {
            let with_made = with_key_made(intent, self.made.get());
            self.reporter.phase(
                Phase::Observe,
                None,
                "Reading cluster, vault, key, access and Kubernetes",
            );
            let wanted = |cluster: &ClusterFacts, recorded: Option<&Reconciled>| {
                KeyToObserve::of(&with_made, cluster, recorded)
            };
            let mut seen = self.inner.observe(wanted, self.scope()).await?;
            if let Some(error) = seen.found.take_if(is_misplaced).and_then(Result::err) {
                return Err(error);
            }
            if self.is_our_operation(&seen) && !run.dry_run {
                self.settled().await?;
                seen = self.inner.observe(wanted, self.scope()).await?;
            }
            let cluster = &seen.observed.cluster;
            self.log.seen(status_with(cluster, seen.observed.recorded()));
            let unfinished = match &seen.found {
                Some(Ok(found)) => match operation_to_resume(found, intent, cluster) {
                    // A dry run answers in any case: with what a new operation would do.
                    Err(_) if run.dry_run => None,
                    outcome => outcome?,
                },
                _ => None,
            };
            if let Some(operation) = &unfinished {
                let is_off = intent.turns_off_and_on() && cluster.kms_on().is_none();
                self.half_way.kms_is_off(is_off, Some(&operation.before));
                self.as_arguments(operation, cluster).await?;
            }
            let allow = &run.allow;
            self.reporter.phase(Phase::Plan, None, "Judging the rules and ordering the steps");
            let made = unfinished.as_ref().and_then(|operation| seen.observed.made_for(operation));
            let intent = with_key_made(&with_made, made.as_ref());
            let plan = verbs::plan(&seen.observed, &intent, &self.request.reencrypt, allow)?;
            self.log.planned(&plan);
            if let Some(operation) = &unfinished {
                self.reporter.phase(Phase::Plan, None, goes_on(operation, &plan));
            }
            if run.dry_run {
                return Ok(());
            }
            if let Some(refusal) = rules::refusal(&plan.findings, allow, &self.log.done()) {
                return Err(refusal);
            }
            match Box::pin(self.run(seen, &plan, unfinished)).await? {
                RunOutcome::Done => {
                    let after = self.inner.azure.cluster(&self.inner.cluster).await?;
                    self.log.seen(self.status_after(&after.facts).await);
                    return Ok(());
                }
                RunOutcome::Replan(reason) => {
                    why = reason;
                    self.settled().await?;
                }
            }
        }
        Err(Error::new(
            ErrorKind::Conflict,
            format!(
                "cluster {} keeps changing: {why}; run this again when nobody else works on it",
                self.inner.cluster
            ),
        ))
    }

    async fn run(
        &self,
        seen: Observation,
        plan: &Plan,
        unfinished: Option<Operation>,
    ) -> Result<RunOutcome> {
        let Observation { observed, kubernetes, found } = seen;
        let facts = observed.kubernetes.known();
        // What is recorded could not be read although the API server responds. Only the rollback
        // that the caller vouches for goes without: the seal may be what cannot be decrypted.
        let vouched = observed.is_down() && plan.target().is_some() && !has_gate(&plan.steps);
        let found = match (found, facts) {
            (Some(Err(error)), Some(_)) if !vouched => return Err(error),
            (found, _) => found.and_then(Result::ok),
        };
        let options = self.request.run;
        let is_new = unfinished.is_none();
        let recording = match &kubernetes {
            Some(api) if self.inner.journal.is_kept() => {
                let recorder = self
                    .recorder
                    .get_or_init(|| async {
                        Recorder::new(
                            api,
                            self.inner.journal.namespace(),
                            self.inner.timing.clone(),
                            self.reporter.clone(),
                        )
                    })
                    .await;
                Some(RecordContext {
                    recorder,
                    is_new,
                    operation: self.operation(
                        plan,
                        unfinished,
                        &observed.cluster,
                        found.as_ref(),
                        recorder,
                    )?,
                    proof: found
                        .as_ref()
                        .filter(|_| {
                            // KMS v1 names no keys: what its API servers wrote with before the
                            // change must be heard, or the same provider looks like another one.
                            let named = observed.cluster.kms_on().is_none()
                                || observed.cluster.kubernetes_version >= KubernetesVersion::KMS_V2;
                            named && observed.cluster.is_succeeded()
                        })
                        .and_then(|found| found.reconciled.standing_proof()),
                    found: found.clone(),
                })
            }
            _ => None,
        };
        let engine = kubernetes.map(|api| {
            let mut options = self.request.reencrypt.clone();
            options.namespaces = self.request.intent.namespaces().map(<[String]>::to_vec);
            Engine::new(EngineConfig {
                api,
                timing: self.inner.timing.clone(),
                options,
                state_namespace: self.inner.journal.namespace().to_owned(),
                // not known now is not "no": a server may just be restarting
                metrics: facts.is_some_and(|facts| facts.metrics.known() != Some(&false)),
                total: facts.and_then(|facts| facts.secrets.known().copied()),
                reporter: self.reporter.clone(),
                known_key_id_hashes: found
                    .as_ref()
                    .map(|found| found.reconciled.record.hashes_seen())
                    .unwrap_or_default(),
                known_keys: known_keys(&observed.cluster, found.as_ref().map(|it| &it.reconciled)),
                settled: observed.cluster.is_succeeded(),
                kms_v1: observed.cluster.kubernetes_version < KubernetesVersion::KMS_V2,
            })
        });
        let before = recording.as_ref().map(|recording| recording.operation.before.clone());
        let runner = Runner {
            azure: &self.inner.azure,
            cluster: &self.inner.cluster,
            engine,
            timing: &self.inner.timing,
            reporter: &self.reporter,
            log: &self.log,
            allow: &options.allow,
            give_up_secrets: &options.give_up_secrets,
            recording,
            key_in_use: key_in_use(&observed.cluster),
            made: &self.made,
            before: before.or_else(|| KmsChange::of(&observed.cluster).ok()),
            off_and_on: self.request.intent.turns_off_and_on(),
            kms_is_off: observed.cluster.kms_on().is_none(),
            half_way: &self.half_way,
            closed: &self.closed,
        };
        runner.run(plan, observed.cluster.etag).await
    }

    /// Waits until nobody is at work on the cluster.
    async fn settled(&self) -> Result<()> {
        let Inner { azure, cluster, timing, .. } = self.inner;
        settled(azure, cluster, timing, &self.reporter).await.map(|_| ())
    }

    /// What is looked at in Kubernetes.
    fn scope(&self) -> ObserveScope<'_> {
        ObserveScope {
            namespaces: self.request.intent.namespaces(),
            needs: Needs::Rewrite,
            state_namespace: self.inner.journal.namespace(),
            dry_run_patches: true,
            count_secrets: true,
            journal: self.inner.journal.is_kept(),
        }
    }

    /// How the cluster is now, which an error's report is read for.
    async fn read_final_status(&self) {
        let look = self.inner.azure.cluster(&self.inner.cluster);
        if let Ok(Ok(after)) = tokio::time::timeout(FINAL_STATUS_TIMEOUT, look).await {
            self.log.seen(self.status_after(&after.facts).await);
        }
    }

    async fn status_after(&self, cluster: &ClusterFacts) -> KmsStatus {
        let record = match self.recorder.get() {
            Some(recorder) => recorder.record().await,
            None => None,
        };
        let found = record.map(|record| {
            let unbroken = cluster.etag.is_some() && record.cluster.etag == cluster.etag;
            let fit = if unbroken { Fit::Unbroken } else { Fit::Changed };
            Reconciled { record, fit, unsealed: None }
        });
        status_with(cluster, found.as_ref())
    }
}

/// Whether the place of the record is not one: an argument is wrong.
fn is_misplaced(found: &mut Result<StoredRecord>) -> bool {
    matches!(found, Err(error) if error.kind() == ErrorKind::InvalidInput)
}

/// The keys that may concern the cluster, as its document and the record spell them.
pub(super) fn known_keys(cluster: &ClusterFacts, recorded: Option<&Reconciled>) -> Vec<KeyId> {
    let recorded = recorded.map(|found| found.record.keys()).unwrap_or_default();
    key_in_use(cluster).into_iter().chain(recorded).collect()
}

fn key_in_use(cluster: &ClusterFacts) -> Option<KeyId> {
    KeyId::parse(cluster.kms_on()?.key_id.as_deref()?).ok()
}

/// The caller's time limit.
async fn within(
    run: &RunOptions,
    verb: Verb,
    cluster: &ClusterId,
    work: impl Future<Output = Result<()>>,
) -> Result<()> {
    tokio::time::timeout(run.timeout, work).await.unwrap_or_else(|_| {
        Err(Error::new(
            ErrorKind::Timeout,
            format!(
                "{verb} of {cluster} did not end within its time limit of {} s; calling it again goes on from here",
                run.timeout.as_secs()
            ),
        ))
    })
}
