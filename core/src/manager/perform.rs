//! Observe → plan → run, within the time limit, and with a report in every case.

use std::{future::Future, time::Duration};

use time::OffsetDateTime;
use tracing::Instrument;

use super::{Inner, recorded::continues};
use crate::{
    error::{Error, ErrorKind, Result},
    kubernetes::{Needs, ObserveScope},
    ledger::{Fit, Operation, Reconciled, judge},
    model::{
        ClusterFacts, ClusterId, ExpectedKey, Intent, KeyId, KmsStatus, KmsTarget,
        KubernetesVersion, OperationReport, ReencryptOptions, RunOptions, Verb,
    },
    observe::{Observation, Sources, Wanted, observe},
    operations,
    plan::Plan,
    progress::{Phase, Reporter},
    reencrypt::{Engine, EngineConfig},
    rules,
    runner::{Ended, Found, Recorder, Recording, RunLog, Runner},
};

/// How long the look at the cluster after an error may take.
const LAST_LOOK: Duration = Duration::from_secs(10);
/// How often a plan is made again when others keep changing the cluster.
const PLANS: usize = 4;

/// What a verb that writes is called with.
pub(super) struct Request<'a> {
    pub(super) intent: Intent,
    pub(super) run: &'a RunOptions,
    /// How secrets are rewritten; which ones is part of the intent.
    pub(super) reencrypt: ReencryptOptions,
}

/// A run, as it goes from round to round.
struct Run<'a> {
    inner: &'a Inner,
    request: &'a Request<'a>,
    reporter: Reporter,
    log: RunLog,
    recorder: tokio::sync::OnceCell<Recorder>,
}

impl Inner {
    /// Performs a verb that writes.
    pub(super) async fn perform(&self, request: Request<'_>) -> Result<OperationReport> {
        let verb = request.intent.verb();
        let options = request.run;
        let run = Run {
            inner: self,
            reporter: Reporter::new(verb, options.on_progress.clone()),
            log: RunLog::new(verb, self.cluster.clone(), options.dry_run, options.allow.clone()),
            recorder: tokio::sync::OnceCell::new(),
            request: &request,
        };
        let span = tracing::info_span!("operation", %verb, cluster = %self.cluster);
        let work = Box::pin(run.rounds().instrument(span));
        let outcome = within(options, verb, &self.cluster, work).await;
        if outcome.is_err() && run.log.has_begun() {
            run.last_look().await;
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
        wanted: impl FnOnce(&ClusterFacts, Option<&Reconciled>) -> Option<Wanted>,
        scope: ObserveScope<'_>,
    ) -> Result<Observation> {
        let sources = Sources {
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
    status.ledger = found.map(|found| judge(found, crate::ledger::Standing::Recorded));
    status.operation_in_progress =
        found.and_then(|found| found.record.operation.as_ref()).map(Operation::in_progress);
    status
}

impl Run<'_> {
    /// Plans and runs, again when somebody else changed the cluster in between.
    async fn rounds(&self) -> Result<()> {
        let Request { intent, run, .. } = self.request;
        let mut why = String::new();
        for _ in 0..PLANS {
            self.reporter.phase(
                Phase::Observe,
                None,
                "Reading cluster, vault, key, access and Kubernetes",
            );
            let wanted = |cluster: &ClusterFacts, recorded: Option<&Reconciled>| {
                Wanted::of(intent, cluster, recorded)
            };
            let seen = self.inner.observe(wanted, self.scope()).await?;
            let cluster = &seen.observed.cluster;
            self.log.seen(status_with(cluster, seen.observed.recorded()));
            let unfinished = match &seen.found {
                Some(Ok(found)) => match continues(found, intent, cluster) {
                    // A dry run answers in any case: with what a new operation would do.
                    Err(_) if run.dry_run => None,
                    outcome => outcome?,
                },
                _ => None,
            };
            if let Some(operation) = &unfinished {
                self.log.allow(&operation.allow);
            }
            let allow = self.log.allowed();
            self.reporter.phase(Phase::Plan, None, "Judging the rules and ordering the steps");
            let intent = with_key_made(intent, unfinished.as_ref());
            let plan = operations::plan(&seen.observed, &intent, &self.request.reencrypt, &allow)?;
            self.log.planned(&plan);
            if run.dry_run {
                return Ok(());
            }
            if let Some(refusal) = rules::refusal(&plan.findings, &allow) {
                return Err(refusal);
            }
            match Box::pin(self.run(seen, &plan, unfinished)).await? {
                Ended::Done => {
                    let after = self.inner.azure.cluster(&self.inner.cluster).await?;
                    self.log.seen(self.status_after(&after.facts).await);
                    return Ok(());
                }
                Ended::PlanAgain(reason) => why = reason,
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
    ) -> Result<Ended> {
        let Observation { observed, kubernetes, found } = seen;
        let facts = observed.kubernetes.known();
        // What is recorded could not be read although the API server answers.
        let found = match (found, facts) {
            (Some(Err(error)), Some(_)) => return Err(error),
            (found, _) => found.and_then(Result::ok),
        };
        let options = self.request.run;
        let give_up_secrets: Vec<String> = unfinished
            .iter()
            .flat_map(|operation| operation.give_up_secrets.iter().cloned())
            .chain(options.give_up_secrets.iter().cloned())
            .collect();
        let allow = self.log.allowed();
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
                Some(Recording {
                    recorder,
                    operation: self.operation(
                        plan,
                        unfinished,
                        &observed.cluster,
                        found.as_ref(),
                        recorder,
                        &give_up_secrets,
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
        let runner = Runner {
            azure: &self.inner.azure,
            cluster: &self.inner.cluster,
            engine,
            timing: &self.inner.timing,
            reporter: &self.reporter,
            log: &self.log,
            allow: &allow,
            give_up_secrets: &give_up_secrets,
            recording,
            key_in_use: key_in_use(&observed.cluster),
        };
        runner.run(plan, observed.cluster.etag).await
    }

    /// The operation as it is recorded: the one that is gone on with, else a new one.
    fn operation(
        &self,
        plan: &Plan,
        unfinished: Option<Operation>,
        cluster: &ClusterFacts,
        found: Option<&Found>,
        recorder: &Recorder,
        give_up_secrets: &[String],
    ) -> Result<Operation> {
        let allow = self.log.allowed();
        if let Some(operation) = unfinished {
            return Ok(Operation {
                by: recorder.by().to_owned(),
                allow,
                give_up_secrets: give_up_secrets.to_vec(),
                ..operation
            });
        }
        Ok(Operation {
            id: uuid::Uuid::new_v4().to_string(),
            intent: self.request.intent.clone(),
            allow,
            give_up_secrets: give_up_secrets.to_vec(),
            before: KmsTarget::of(cluster)?,
            target: plan.target().cloned(),
            newest_version: None,
            closed_vault: None,
            fence: found.map_or(0, |found| found.etcd_resource_version).to_string(),
            by: recorder.by().to_owned(),
            since: OffsetDateTime::now_utc(),
        })
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
    async fn last_look(&self) {
        let look = self.inner.azure.cluster(&self.inner.cluster);
        if let Ok(Ok(after)) = tokio::time::timeout(LAST_LOOK, look).await {
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
            Reconciled { record, fit: if unbroken { Fit::Unbroken } else { Fit::Changed } }
        });
        status_with(cluster, found.as_ref())
    }
}

/// The intent with the key version that the operation has made already.
fn with_key_made(intent: &Intent, recorded: Option<&Operation>) -> Intent {
    let made = recorded.and_then(|operation| operation.target.as_ref()?.expected());
    match (intent, made) {
        (Intent::Rotate(rotate), Some(ExpectedKey::Key(key_id))) if rotate.key_id.is_none() => {
            Intent::Rotate(crate::model::Rotate { key_id: Some(key_id), ..rotate.clone() })
        }
        _ => intent.clone(),
    }
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
