//! Performing a plan: what [`operation`](crate::operation) says is to be done, is done here, and what
//! came of it is told. What is decided here is only how often a request is tried again, and what is
//! undone after an error.
//!
//! The future may be dropped at any point: a plan may be run again after a crash at any point.

mod cluster;
mod half_way;
mod journal;
mod lease;
mod log;
mod record;
mod recorder;
mod retry;
mod secrets;
mod stopped;
#[cfg(test)]
mod tests;
mod vault;
mod waited;

use std::{
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::time::Instant;
use tracing::Instrument;

use crate::{
    azure::{Azure, ManagedCluster, is_etag_mismatch, is_not_followed},
    catalogue::RuleId,
    error::{Error, ErrorKind, Result},
    facts::ClusterFacts,
    ids::{ClusterId, KeyId, NetworkMode, VaultId},
    ledger::{Operation, Proof},
    observe::StoredRecord,
    operation::{self, Context, Effect, Failure, OperationState, Outcome, Replan, Stage},
    options::Timing,
    plan::Plan,
    progress::{Phase, Reporter},
    reencrypt::{Engine, Pass, WritesWith},
    report::{Finding, KmsChange, StepKind, StepOutcome},
};

pub use self::journal::Journal;
pub(crate) use self::{
    cluster::settled, half_way::HalfWay, log::RunLog, recorder::Recorder, retry::Retry,
    waited::Waited,
};

/// What a run works with.
pub(crate) struct Runner<'a> {
    pub(crate) azure: &'a Azure,
    pub(crate) cluster: &'a ClusterId,
    /// `None`: no step of the plan touches secrets.
    pub(crate) engine: Option<Engine>,
    pub(crate) timing: &'a Timing,
    pub(crate) reporter: &'a Reporter,
    pub(crate) log: &'a RunLog,
    pub(crate) allow: &'a [RuleId],
    pub(crate) give_up_secrets: &'a [String],
    /// `None`: nothing is recorded.
    pub(crate) recording: Option<RecordContext<'a>>,
    /// The key in use, a version of which may have to be made.
    pub(crate) key_in_use: Option<KeyId>,
    /// The version of it that an earlier round of this call made.
    pub(crate) made: &'a tokio::sync::OnceCell<KeyId>,
    /// The KMS profile that the operation began with. `None`: it cannot be named.
    pub(crate) before: Option<KmsChange>,
    /// The operation turns KMS off and on again.
    pub(crate) off_and_on: bool,
    /// KMS is off now.
    pub(crate) kms_is_off: bool,
    /// This call made the cluster, and nobody has changed it since: it never had another key.
    pub(crate) is_new_cluster: bool,
    /// What every error of the call says meanwhile.
    pub(crate) half_way: &'a HalfWay,
    /// The vault that an earlier round of this call closed.
    pub(crate) closed: &'a tokio::sync::OnceCell<VaultId>,
    /// Whether this call has written anything besides the record.
    pub(crate) wrote: &'a AtomicBool,
    /// What AKS takes in its own time is not part of the call's time limit.
    pub(crate) waited: &'a Waited,
}

/// What is recorded of a run, and by whom.
pub(crate) struct RecordContext<'a> {
    pub(crate) recorder: &'a Recorder,
    /// `None`: it could not be read, because the API server is down.
    pub(crate) found: Option<StoredRecord>,
    pub(crate) operation: Operation,
    /// The operation begins with this run: nobody has recorded it before.
    pub(crate) is_new: bool,
    /// A recorded proof that makes a gate superfluous: nothing was changed since.
    pub(crate) proof: Option<Proof>,
}

/// How a run of a plan ended.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum RunOutcome {
    /// Every step holds. The cluster as it was read last.
    Done(Option<Box<ClusterFacts>>),
    /// Somebody else changed the cluster, or its record: observe and plan again.
    Replan(String),
}

/// What effects hand on to each other.
struct RunData {
    /// The cluster as it was read last.
    cluster: Option<ManagedCluster>,
    pass: Option<Pass>,
    /// What the API servers wrote with at the gate.
    before_change: Option<WritesWith>,
    /// Why a pass proves nothing, where that could not be seen.
    unproven: Option<Finding>,
    /// What is wrong with the private endpoint connection.
    unconnected: Option<Finding>,
    /// Why the last effect failed.
    error: Option<Error>,
    /// When the step began.
    began: Instant,
    /// What the step has tried so far.
    retry: Retry,
}

impl Runner<'_> {
    /// Performs the steps. `etag` is the one that the plan was made from.
    pub(crate) async fn run(&self, plan: &Plan, etag: Option<String>) -> Result<RunOutcome> {
        let mut state =
            OperationState::new(self.context(plan), etag, self.before.clone(), self.kms_is_off);
        state.closed = self.closed_before();
        self.half_way.kms_is_off(state.is_off, state.before.as_ref());
        let mut data = RunData {
            cluster: None,
            pass: None,
            before_change: self.written_before(),
            unproven: None,
            unconnected: None,
            error: None,
            began: Instant::now(),
            retry: Retry::default(),
        };
        let outcome = match self.steps(&mut state, &mut data).await {
            Err(error) => Err(self.undo_closing(error).await),
            outcome => outcome,
        };
        if let Some(engine) = &self.engine {
            engine.clean_up().await;
        }
        outcome
    }

    fn context(&self, plan: &Plan) -> Context {
        let found = self.recording.as_ref().and_then(|recording| recording.found.as_ref());
        Context {
            steps: plan.steps.clone().into(),
            recorded: found.map(|found| Arc::new(found.reconciled.clone())),
            is_proven: self.proof().is_some(),
            off_and_on: self.off_and_on,
            accepts_unproven: self.allows(RuleId::KeyInUseUnproven),
            accepts_retry: self.allows(RuleId::DataEncryptionRetry),
        }
    }

    async fn steps(&self, state: &mut OperationState, data: &mut RunData) -> Result<RunOutcome> {
        let steps = Arc::clone(&state.context.steps);
        for (index, step) in steps.iter().enumerate() {
            let phase = phase(&step.kind);
            self.reporter.step(index + 1, steps.len(), phase, step.summary.clone());
            (data.began, data.retry, data.error) = (Instant::now(), Retry::default(), None);
            let span = tracing::info_span!("step", number = index + 1, summary = step.summary);
            match self.step(state, data).instrument(span).await? {
                ControlFlow::Continue(outcome) => {
                    self.log.step(step, outcome, data.began.elapsed().as_secs_f64());
                }
                ControlFlow::Break(why) => return Ok(RunOutcome::Replan(why)),
            }
        }
        Ok(RunOutcome::Done(data.cluster.take().map(|seen| Box::new(seen.facts))))
    }

    /// Performs a step. Breaks off, and says why, when the plan has to be made again.
    async fn step(
        &self,
        state: &mut OperationState,
        data: &mut RunData,
    ) -> Result<ControlFlow<String, StepOutcome>> {
        loop {
            let effect = operation::next(state);
            match &effect {
                Effect::Replan(why) => {
                    let is_changing = state.step().is_some_and(|step| step.kind.changes_cluster());
                    if is_changing {
                        self.still_ours().await?;
                    }
                    let error = data.error.as_ref().filter(|_| is_changing);
                    return Ok(ControlFlow::Break(in_words(why, error)));
                }
                Effect::Stop(why) => return Err(self.stopped(why, state, data).await),
                effect => {
                    self.wrote.fetch_or(effect.writes(), Ordering::Relaxed);
                    let outcome = match self.perform(effect, state, data).await {
                        Ok(outcome) => outcome,
                        Err(error) => failed(error, &state.stage, data),
                    };
                    self.note_half_way(effect, &outcome, state);
                    let done = state.apply(effect, outcome);
                    self.half_way.kms_is_off(state.is_off, state.before.as_ref());
                    if let Some(outcome) = done {
                        return Ok(ControlFlow::Continue(outcome));
                    }
                }
            }
        }
    }

    /// What is left half-way from now on, or no more.
    fn note_half_way(&self, effect: &Effect, outcome: &Outcome, state: &OperationState) {
        let recorded = self.recording.as_ref().map(|recording| recording.operation.intent.verb());
        match (effect, outcome) {
            (Effect::BeginRecord, Outcome::Done | Outcome::AlreadyDone) => {
                self.half_way.is_unfinished(recorded);
            }
            (Effect::FinishRecord, Outcome::Done | Outcome::AlreadyDone) => {
                self.half_way.is_unfinished(None);
            }
            // Opened by this call, for the profile that is set next. A vault that was open before may
            // be in use, and is not ours to close.
            (Effect::OpenVault(id), Outcome::Done)
                if state.key_change_follows() && !is_public(state.before.as_ref()) =>
            {
                self.half_way.vault_is_open(Some(id));
            }
            // Whatever came of it, API servers may use the vault from now on.
            (Effect::PutKms { target }, _) if target.is_on() => {
                self.half_way.vault_is_open(None);
            }
            _ => {}
        }
    }

    async fn perform(
        &self,
        effect: &Effect,
        state: &OperationState,
        data: &mut RunData,
    ) -> Result<Outcome> {
        match effect {
            Effect::ReadCluster { wait } => self.read_cluster(*wait, data).await,
            Effect::BeginRecord => self.begin_record().await,
            Effect::CreateKeyVersion { key_id, target } => {
                self.create_key_version(key_id, target.as_ref()).await
            }
            Effect::Intend { target, ends_with, turns_off } => {
                let (ends_with, turns_off) = (ends_with.as_deref(), turns_off.as_deref());
                self.intend(target, ends_with, turns_off, state.etag.as_deref()).await
            }
            Effect::PutKms { target } => self.put_kms(target, data).await,
            Effect::PutVersions(upgrade) => self.put_versions(*upgrade, data).await,
            Effect::RecordSettled { key, etag, certainty } => {
                self.record_settled(key, etag.as_deref(), *certainty).await
            }
            Effect::ReadPublicAccess { target } => self.read_public_access(target).await,
            Effect::TakeProof { expected } => Ok(self.take_proof(expected, data)),
            Effect::Converge { purpose, expected } => self.converge(*purpose, expected, data).await,
            Effect::AwaitVersion { expected } => self.await_version(expected, data).await,
            Effect::RecordVersion { version } => self.record_version(version).await,
            Effect::FindKeyInUse { purpose, candidates } => {
                self.find_key_in_use(*purpose, candidates, data).await
            }
            Effect::Rewrite => self.rewrite(data).await,
            Effect::Verify => self.verify(data).await,
            Effect::Conclude { unchanged, weak } => {
                self.conclude(*unchanged, *weak, state, data).await
            }
            Effect::OpenVault(id) => self.open_vault(id).await,
            Effect::ReadVault(id) => self.read_vault(id, state, data).await,
            Effect::RecordClosing(id) => self.record_closing(id).await,
            Effect::CloseVault(id) => self.close_vault(id, data).await,
            Effect::AwaitConnection(id) => self.await_connection(id, data).await,
            Effect::CheckKms => self.check_kms().await,
            Effect::FinishRecord => self.finish_record().await,
            Effect::Pass(_) => Ok(Outcome::Done),
            Effect::Replan(_) | Effect::Stop(_) | Effect::Finish => {
                Err(Error::internal("the run has ended already"))
            }
        }
    }

    /// Whether the caller lifted a rule's refusal.
    fn allows(&self, rule: RuleId) -> bool {
        self.allow.contains(&rule)
    }
}

/// Whether the profile reaches its vault over the public way.
fn is_public(profile: Option<&KmsChange>) -> bool {
    profile
        .and_then(KmsChange::on)
        .is_some_and(|profile| profile.network_mode == NetworkMode::Public)
}

/// What a step is reported as at first.
fn phase(step: &StepKind) -> Phase {
    match step {
        StepKind::RecordOperation | StepKind::RecordKey => Phase::Record,
        StepKind::CreateKeyVersion { .. } | StepKind::SetVaultPublicAccess { .. } => Phase::Vault,
        StepKind::CreateCluster { .. } | StepKind::SetKms { .. } | StepKind::Settle => {
            Phase::Cluster
        }
        StepKind::UpgradeControlPlane { .. } | StepKind::UpgradeNodePools { .. } => Phase::Upgrade,
        StepKind::WaitForKey { .. }
        | StepKind::WaitForKeyVersion { .. }
        | StepKind::ReencryptSecrets { .. } => Phase::Converge,
        StepKind::VerifySecrets => Phase::Verify,
    }
}

/// Keeps the error, and says what it means for what is done next.
fn failed(error: Error, stage: &Stage, data: &mut RunData) -> Outcome {
    let failure = match error.kind() {
        ErrorKind::KmsUnavailable => Failure::KmsUnavailable,
        ErrorKind::PreflightFailed => Failure::Unproven,
        _ if is_etag_mismatch(&error) || is_not_followed(&error) => Failure::EtagMismatch,
        _ => Failure::Other,
    };
    // Where a second look fails, too, the first says more.
    if *stage != Stage::NotConverged {
        data.error = Some(error);
    }
    Outcome::Failed(failure)
}

fn in_words(why: &Replan, error: Option<&Error>) -> String {
    match (why, error) {
        (Replan::Changed, Some(error)) => error.to_string(),
        (Replan::Changed, None) => {
            "the cluster was changed by somebody else since it was looked at".to_owned()
        }
        (Replan::Recorded, _) => "somebody else recorded an operation meanwhile".to_owned(),
        (Replan::ApiServerBack, _) => "the API server is back, and its record with it".to_owned(),
        (Replan::SetBack(key), _) => format!("the cluster is set back to {key}"),
    }
}
