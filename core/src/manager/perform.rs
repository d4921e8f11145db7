//! Observe → plan → run, within the time limit, and with a report in every case.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tracing::Instrument;

use super::{
    Inner,
    creation::{self, Creation, Ensured},
    due,
    last_look::{last_look, status_after},
    operation::{as_arguments, goes_on, is_our_operation, new_operation, with_key_made},
    recorded::{is_misplaced, operation_to_resume},
    session::{AtTimeLimit, Session, TimeLimit, key_in_use},
};
use crate::{
    error::{Error, ErrorKind, Result},
    facts::{ClusterFacts, Fact},
    ids::{KeyId, KubernetesVersion, VaultId, Verb},
    kubernetes::{Needs, ObserveScope},
    ledger::{Operation, Reconciled},
    observe::{DataEncryptionScope, KeyToObserve, Observation},
    observed::Observed,
    options::{Intent, ReencryptOptions, RunOptions},
    plan::{Plan, has_gate},
    progress::Phase,
    report::{KmsStatus, OperationReport},
    rules,
    runner::{HalfWay, RecordContext, Recorder, RunOutcome, Runner, Waited, settled},
    verbs,
};

/// How many times a plan is made again when others keep changing the cluster.
const MAX_PLANS: usize = 4;

/// What a verb that writes is called with.
pub(super) struct OperationRequest<'a> {
    pub(super) intent: Intent,
    /// The cluster, where it is to be made first.
    pub(super) new: Option<Creation>,
    pub(super) run: &'a RunOptions,
    /// Of `run`, since the call began.
    pub(super) limit: TimeLimit,
    /// Whether to wait for what AKS does in its own time.
    pub(super) wait: bool,
    /// Only if the key in use is as old as that, unless the operation has begun.
    pub(super) when_older_than: Option<Duration>,
    /// How secrets are rewritten; which ones is part of the intent.
    pub(super) reencrypt: ReencryptOptions,
}

impl OperationRequest<'_> {
    /// What was called.
    fn verb(&self) -> Verb {
        if self.new.is_some() { Verb::CreateCluster } else { self.intent.verb() }
    }
}

/// A run, as it goes from round to round.
struct OperationRun<'a> {
    session: Session<'a>,
    request: &'a OperationRequest<'a>,
    recorder: tokio::sync::OnceCell<Recorder>,
    first_look: OnceLock<FirstLook>,
    /// The eTag of the cluster that this call made.
    made_cluster: OnceLock<String>,
    /// The key version that this call made.
    made: tokio::sync::OnceCell<KeyId>,
    /// The vault that this call closed.
    closed: tokio::sync::OnceCell<VaultId>,
    /// This call has written something besides the record.
    wrote: AtomicBool,
    half_way: HalfWay,
    waited: Waited,
}

/// How this call found the cluster.
struct FirstLook {
    key_in_use: Option<KeyId>,
    /// The operation that it was to go on with.
    operation: Option<String>,
}

impl Inner {
    /// Performs a verb that writes.
    pub(super) async fn perform(&self, request: OperationRequest<'_>) -> Result<OperationReport> {
        let (verb, options) = (request.verb(), request.run);
        let run = OperationRun {
            session: Session::new(self, verb, options),
            recorder: tokio::sync::OnceCell::new(),
            first_look: OnceLock::new(),
            made_cluster: OnceLock::new(),
            made: tokio::sync::OnceCell::new(),
            closed: tokio::sync::OnceCell::new(),
            wrote: AtomicBool::new(false),
            half_way: HalfWay::new(self.access.journal.is_kept()),
            waited: Waited::default(),
            request: &request,
        };
        let span = tracing::info_span!("operation", %verb, cluster = %self.cluster);
        let work = Box::pin(run.to_its_end().instrument(span));
        let is_recorded = self.access.journal.is_kept();
        let then = if is_recorded { AtTimeLimit::GoesOn } else { AtTimeLimit::IsForgotten };
        let outcome = run.session.in_time_but_for(&run.waited, request.limit, then, work).await;
        if run.is_taken_over().await {
            // What is recorded is the other's, who is at work on it.
            run.half_way.is_unfinished(None);
        }
        let outcome = outcome.map_err(|error| run.half_way.told_in(error));
        // A creation that failed or takes longer has no step yet.
        let may_be_there =
            |error: &Error| request.new.is_some() && error.kind() != ErrorKind::PreflightFailed;
        if outcome.as_ref().is_err_and(|error| run.session.log.has_begun() || may_be_there(error)) {
            run.read_final_status().await;
        }
        if let Some(recorder) = run.recorder.get() {
            recorder.release().await;
        }
        run.session.end(outcome)
    }
}

impl OperationRun<'_> {
    async fn to_its_end(&self) -> Result<()> {
        if let Some(new) = &self.request.new {
            let ensured = creation::ensure(&self.session, new, self.request.run);
            match Box::pin(ensured).await? {
                Ensured::Planned => return Ok(()),
                Ensured::Made(Some(etag)) => {
                    self.made_cluster.get_or_init(|| etag);
                }
                Ensured::Made(None) | Ensured::Ready => {}
            }
        }
        let outcome = self.plan_and_run().await;
        if outcome.is_err() && !self.wrote.load(Ordering::Relaxed) {
            self.forget().await;
        }
        outcome
    }

    /// Nothing was written: the operation is as if it had not begun, if it began with this call.
    async fn forget(&self) {
        let Some(recorder) = self.recorder.get() else { return };
        if recorder.is_lost().await {
            return;
        }
        match recorder.forget().await {
            Ok(true) => self.half_way.is_unfinished(None),
            Ok(false) => {}
            Err(why) => {
                tracing::warn!(error = %why, "an operation that wrote nothing is still recorded");
            }
        }
    }

    async fn is_taken_over(&self) -> bool {
        match self.recorder.get() {
            Some(recorder) => recorder.is_lost().await,
            None => false,
        }
    }

    /// Plans and runs, again when somebody else changed the cluster in between.
    async fn plan_and_run(&self) -> Result<()> {
        let OperationRequest { intent, run, when_older_than, .. } = self.request;
        if let Some(than) = *when_older_than
            && due::is_not_due_at_first_look(&self.session, than).await?
        {
            return Ok(());
        }
        let Session { inner, reporter, log, .. } = &self.session;
        let mut why = String::new();
        for _ in 0..MAX_PLANS {
            let with_made = with_key_made(intent, self.made.get());
            let doing = "Reading cluster, vault, key, access and Kubernetes";
            reporter.phase(Phase::Observe, None, doing);
            let wanted = |cluster: &ClusterFacts, recorded: Option<&Reconciled>| {
                KeyToObserve::of(&with_made, cluster, recorded)
            };
            let scope = || (self.scope(), DataEncryptionScope::of(&with_made));
            let mut seen = inner.observe(wanted, scope()).await?;
            if let Some(error) = seen.found.take_if(is_misplaced).and_then(Result::err) {
                return Err(error);
            }
            if seen.observed.unfinished(intent).is_none() {
                rules::namespaces_exist(&seen.observed)?;
            }
            if is_our_operation(intent, &seen) && !run.dry_run {
                self.settled().await?;
                seen = inner.observe(wanted, scope()).await?;
            }
            let cluster = &seen.observed.cluster;
            log.seen(due::state(&seen.observed, *when_older_than));
            let unfinished = match &seen.found {
                Some(Ok(found)) => match operation_to_resume(found, intent, cluster) {
                    // A dry run answers in any case: with what a new operation would do.
                    Err(_) if run.dry_run => None,
                    outcome => outcome?,
                },
                _ => None,
            };
            self.first_look.get_or_init(|| FirstLook {
                key_in_use: key_in_use(cluster),
                operation: unfinished.as_ref().map(|operation| operation.id.clone()),
            });
            if let Some(operation) = &unfinished {
                let is_off = intent.turns_off_and_on() && seen.observed.is_off();
                self.half_way.kms_is_off(is_off, Some(&operation.before));
                self.half_way.is_unfinished(Some(intent.verb()));
                as_arguments(&inner.access.azure, operation, cluster).await?;
            }
            // What has begun is gone on with, however young its key is.
            let than = when_older_than.filter(|_| unfinished.is_none());
            let Some(age) = due::judge_new(&self.session, &seen, than) else { return Ok(()) };
            let allow = &run.allow;
            reporter.phase(Phase::Plan, None, "Judging the rules and ordering the steps");
            let made = match &unfinished {
                Some(operation) => seen.observed.made_for(operation),
                None => self.made_by_another_call(&seen.observed),
            };
            let intent = with_key_made(&with_made, made.as_ref());
            let plan = verbs::plan(&seen.observed, &intent, &self.request.reencrypt, allow)?;
            let plan = due::told(plan, age);
            let plan = if self.request.wait { plan } else { plan.until_wait() };
            let changes = plan.steps.iter().any(|step| step.kind.changes_cluster());
            if let Some(new) = self.request.new.as_ref().filter(|_| changes && !run.dry_run) {
                return Err(creation::changed(&inner.cluster, &new.cluster, cluster));
            }
            log.planned(&plan);
            if let Some(operation) = &unfinished {
                reporter.phase(Phase::Plan, None, goes_on(operation, &plan));
            }
            if run.dry_run {
                return Ok(());
            }
            let what = self.session.what();
            if let Some(refusal) = rules::refusal(&what, &plan.findings, allow, &log.done()) {
                return Err(refusal);
            }
            match Box::pin(self.run(seen, &plan, unfinished)).await? {
                RunOutcome::Done(last) => {
                    // What is done is done, whatever this look comes to.
                    if let Some(after) = last_look(inner).await.or(last) {
                        log.seen(self.status_after(&after).await);
                    }
                    return Ok(());
                }
                RunOutcome::Replan(reason) => {
                    why = reason;
                    self.settled().await?;
                }
            }
        }
        let message = format!(
            "cluster {} keeps changing: {why}; run this again when nobody else works on it",
            inner.cluster
        );
        Err(Error::new(ErrorKind::Conflict, message))
    }

    async fn run(
        &self,
        seen: Observation,
        plan: &Plan,
        unfinished: Option<Operation>,
    ) -> Result<RunOutcome> {
        let Observation { observed, kubernetes, found } = seen;
        let Session { inner, reporter, log, .. } = &self.session;
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
        // AKS moves on from a key of data encryption by itself, which changes no eTag.
        let moves_on = observed.cluster.has_data_encryption();
        // KMS v1 names no keys: what its API servers wrote with before the change must be heard, or
        // the same provider looks like another one.
        let named = observed.cluster.kms_on().is_none()
            || observed.cluster.kubernetes_version >= KubernetesVersion::KMS_V2;
        let proven =
            found.as_ref().filter(|_| named && !moves_on && observed.cluster.is_succeeded());
        let proof = proven.and_then(|found| found.reconciled.standing_proof());
        let recording = match &kubernetes {
            Some(api) if inner.access.journal.is_kept() => {
                let namespace = inner.access.journal.namespace();
                let make = || async {
                    let (timing, releases) =
                        (inner.access.timing.clone(), inner.access.releases.clone());
                    Recorder::new(api, namespace, timing, reporter.clone(), releases)
                };
                let recorder = self.recorder.get_or_init(make).await;
                let operation = if let Some(operation) = unfinished {
                    Operation { by: recorder.by().to_owned(), ..operation }
                } else {
                    let (cluster, found) = (&observed.cluster, found.as_ref());
                    new_operation(&self.request.intent, plan, cluster, found, recorder)?
                };
                log.recorded(&operation.by, &operation.id);
                Some(RecordContext { recorder, is_new, operation, proof, found: found.clone() })
            }
            _ => None,
        };
        let engine = kubernetes.map(|api| {
            let mut options = self.request.reencrypt.clone();
            options.namespaces = self.request.intent.namespaces().map(<[String]>::to_vec);
            let recorded = found.as_ref().map(|found| &found.reconciled);
            self.session.engine(api, facts, &observed.cluster, recorded, options)
        });
        let before = recording.as_ref().map(|recording| recording.operation.before.clone());
        let runner = Runner {
            azure: &inner.access.azure,
            cluster: &inner.cluster,
            engine,
            timing: &inner.access.timing,
            reporter,
            log,
            allow: &options.allow,
            give_up_secrets: &options.give_up_secrets,
            recording,
            key_in_use: key_in_use(&observed.cluster),
            made: &self.made,
            before: before.or_else(|| observed.cluster.configured().ok()),
            off_and_on: self.request.intent.turns_off_and_on(),
            kms_is_off: observed.is_off(),
            is_new_cluster: self
                .made_cluster
                .get()
                .is_some_and(|it| observed.cluster.etag.as_ref() == Some(it)),
            half_way: &self.half_way,
            closed: &self.closed,
            wrote: &self.wrote,
            waited: &self.waited,
        };
        runner.run(plan, observed.cluster.etag).await
    }

    /// The version in use, where another call has made it since this one began: two rotations at
    /// once are one.
    fn made_by_another_call(&self, observed: &Observed) -> Option<KeyId> {
        let (first, in_use) = (self.first_look.get()?, key_in_use(&observed.cluster)?);
        let versions = observed.versions.as_ref().and_then(Fact::known)?;
        let version = versions.iter().find(|version| version.key_id == in_use)?;
        let operation = version.operation.as_ref()?;
        let is_new = first.key_in_use.as_ref() != Some(&in_use);
        (is_new || first.operation.as_ref() == Some(operation)).then_some(in_use)
    }

    /// Waits until nobody is at work on the cluster.
    async fn settled(&self) -> Result<()> {
        let Inner { cluster, access } = self.session.inner;
        settled(&access.azure, cluster, &access.timing, &self.session.reporter).await.map(|_| ())
    }

    /// What is looked at in Kubernetes.
    fn scope(&self) -> ObserveScope<'_> {
        ObserveScope {
            namespaces: self.request.intent.namespaces(),
            needs: Needs::Rewrite,
            state_namespace: self.session.inner.access.journal.namespace(),
            dry_run_patches: true,
            count_secrets: true,
            journal: self.session.inner.access.journal.is_kept(),
            closes_vault: self.request.intent.may_close_vault(),
        }
    }

    /// How the cluster is now, which an error's report is read for.
    async fn read_final_status(&self) {
        if let Some(after) = last_look(self.session.inner).await {
            self.session.log.seen(self.status_after(&after).await);
        }
    }

    async fn status_after(&self, cluster: &ClusterFacts) -> KmsStatus {
        let record = match self.recorder.get() {
            Some(recorder) => recorder.record().await,
            None => None,
        };
        status_after(cluster, record)
    }
}
