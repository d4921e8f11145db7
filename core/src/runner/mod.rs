//! Performing the steps of a plan.
//!
//! Each step is *ensure that something holds*: look, act if it does not, look again. So a plan may
//! be run twice, or again after a crash at any point, and the future may be dropped at any point.

pub(crate) mod change;
pub(crate) mod closing;
mod journal;
mod lease;
mod log;
mod record;
mod recorder;
mod secrets;
mod set_kms;
mod settle;
mod upgrade;
mod vault_access;

use std::ops::ControlFlow;

use tokio::time::Instant;
use tracing::Instrument;

use self::{change::InUse, set_kms::changed};
use crate::{
    azure::Azure,
    catalogue::RuleId,
    error::{Error, Result},
    ledger::{Operation, Proof},
    model::{
        ClusterId, ExpectedKey, KeyId, KmsChange, Purpose, Step, StepKind, StepOutcome, Timing,
        VaultId,
    },
    observe::StoredRecord,
    plan::{Plan, has_gate, has_rewrite},
    progress::{Phase, Reporter},
    reencrypt::{Engine, Pass, WritesWith},
};

pub use self::journal::Journal;
pub(crate) use self::{log::RunLog, recorder::Recorder, set_kms::settled};

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
}

/// What is recorded of a run, and by whom.
pub(crate) struct RecordContext<'a> {
    pub(crate) recorder: &'a Recorder,
    /// `None`: it could not be read, because the API server is down.
    pub(crate) found: Option<StoredRecord>,
    pub(crate) operation: Operation,
    /// The operation begins with this run.
    pub(crate) is_new: bool,
    /// A recorded proof that makes a gate superfluous: nothing was changed since.
    pub(crate) proof: Option<Proof>,
}

/// How a run of a plan ended.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum RunOutcome {
    /// Every step holds.
    Done,
    /// Somebody else changed the cluster, or its record: observe and plan again.
    Replan(String),
}

/// What a run carries from step to step.
struct RunState {
    /// The cluster's eTag before the gate began: the change is sent only if nothing happened since.
    etag: Option<String>,
    pass: Option<Pass>,
    /// What the API servers wrote with at the gate.
    before_change: Option<WritesWith>,
    /// The keys that the API servers were heard to write with.
    in_use: InUse,
    /// The version that the operation made of a key.
    made: Option<KeyId>,
    /// The vault that the operation has closed.
    closed: Option<VaultId>,
    /// KMS is off in the middle of an operation that turns it on again.
    is_off: bool,
    /// Something besides the record was written, or is about to be.
    wrote: bool,
    /// Another change of the key follows: what this pass proves is the gate before it.
    key_change_follows: bool,
}

impl RunState {
    /// The key with the version that the operation made, where the plan names none.
    fn key(&self, key_id: &KeyId) -> KeyId {
        match &self.made {
            Some(made) if key_id.version().is_none() => made.clone(),
            _ => key_id.clone(),
        }
    }

    fn expected(&self, expected: &ExpectedKey) -> ExpectedKey {
        match expected {
            ExpectedKey::Key(key_id) => ExpectedKey::Key(self.key(key_id)),
            ExpectedKey::Plaintext => ExpectedKey::Plaintext,
        }
    }

    /// The API servers are down, so there is no gate.
    fn is_vouched(&self) -> bool {
        self.in_use == InUse::Vouched
    }
}

impl Runner<'_> {
    /// Performs the steps. `etag` is the one that the plan was made from.
    pub(crate) async fn run(&self, plan: &Plan, etag: Option<String>) -> Result<RunOutcome> {
        let mut state = self.begun(plan, etag);
        let outcome = match self.steps(plan, &mut state).await {
            Err(error) => Err(self.after_error(error, &state).await),
            outcome => outcome,
        };
        if let Some(engine) = &self.engine {
            engine.clean_up().await;
        }
        outcome
    }

    fn begun(&self, plan: &Plan, etag: Option<String>) -> RunState {
        let in_use = if has_gate(&plan.steps) { InUse::NotHeard } else { InUse::Vouched };
        RunState {
            etag,
            pass: None,
            before_change: None,
            in_use,
            made: None,
            closed: self.closed_before(),
            is_off: self.off_and_on && self.kms_is_off,
            wrote: false,
            key_change_follows: false,
        }
    }

    /// What is left half-way is undone where that is safe, and told.
    async fn after_error(&self, error: Error, state: &RunState) -> Error {
        let error = self.undo_closing(error, state).await;
        if let (false, Some(recording)) = (state.wrote, &self.recording)
            && recording.is_new
            && let Err(why) = recording.recorder.forget().await
        {
            tracing::warn!(error = %why, "an operation that wrote nothing is still recorded");
        }
        if state.is_off { error.with_context(&self.while_off()) } else { error }
    }

    async fn steps(&self, plan: &Plan, state: &mut RunState) -> Result<RunOutcome> {
        for (index, step) in plan.steps.iter().enumerate() {
            self.reporter.step(index + 1, plan.steps.len());
            let later = &plan.steps[index + 1..];
            state.key_change_follows =
                later.iter().any(|step| matches!(step.kind, StepKind::SetKms { .. }));
            let began = Instant::now();
            let span = tracing::info_span!("step", number = index + 1, summary = step.summary);
            match self.step(step, later, state).instrument(span).await? {
                ControlFlow::Continue(outcome) => {
                    self.log.step(step, outcome, began.elapsed().as_secs_f64());
                }
                ControlFlow::Break(why) => return Ok(RunOutcome::Replan(why)),
            }
        }
        Ok(RunOutcome::Done)
    }

    /// Performs a step. Breaks off, and says why, when the plan has to be made again.
    async fn step(
        &self,
        step: &Step,
        later: &[Step],
        state: &mut RunState,
    ) -> Result<ControlFlow<String, StepOutcome>> {
        let phase = |phase| self.reporter.phase(phase, None, step.summary.clone());
        match &step.kind {
            StepKind::RecordOperation => {
                phase(Phase::Record);
                self.record_operation().await
            }
            StepKind::CreateKeyVersion { key_id } => {
                phase(Phase::Vault);
                state.wrote = true;
                self.create_key_version(key_id, later, state).await.map(ControlFlow::Continue)
            }
            StepKind::SetKms { target } => {
                phase(Phase::Cluster);
                let outcome = self.set_kms(target, state).await?;
                state.is_off = self.off_and_on && *target == KmsChange::Off;
                Ok(outcome)
            }
            StepKind::Settle => {
                phase(Phase::Cluster);
                self.settle(next_target(later), state).await
            }
            StepKind::FindKeyInUse { purpose } | StepKind::WaitForKey { purpose, .. }
                if self.is_proven(*purpose) =>
            {
                if let StepKind::WaitForKey { expected, .. } = &step.kind {
                    self.take_proof(expected, state);
                }
                Ok(ControlFlow::Continue(StepOutcome::Skipped))
            }
            StepKind::ReencryptSecrets { purpose, .. } | StepKind::VerifySecrets { purpose }
                if self.is_proven(*purpose)
                    || (*purpose == Purpose::Gate && state.is_vouched()) =>
            {
                Ok(ControlFlow::Continue(StepOutcome::Skipped))
            }
            StepKind::FindKeyInUse { purpose } => {
                self.find_key_in_use(*purpose, next_target(later), state).await
            }
            StepKind::WaitForKey { expected, purpose } => {
                let expected = state.expected(expected);
                let waited = self.wait_for_key(*purpose, &expected, next_target(later), state);
                let outcome = waited.await?;
                // Where a pass follows, it notices what others change.
                let passes = has_gate(later) || has_rewrite(later);
                if !passes && self.settled().await?.facts.etag != state.etag {
                    return Ok(changed());
                }
                Ok(outcome)
            }
            StepKind::ReencryptSecrets { .. } => {
                state.wrote = true;
                self.reencrypt_secrets(state).await?;
                Ok(ControlFlow::Continue(StepOutcome::Done))
            }
            StepKind::VerifySecrets { purpose } => self.verify_secrets(*purpose, state).await,
            StepKind::UpgradeControlPlane { version } => {
                phase(Phase::Upgrade);
                state.wrote = true;
                self.upgrade_control_plane(*version, state).await
            }
            StepKind::UpgradeNodePools { .. } => {
                phase(Phase::Upgrade);
                state.wrote = true;
                self.upgrade_node_pools(state).await
            }
            StepKind::SetVaultPublicAccess { key_vault_id, enabled } => {
                phase(Phase::Vault);
                state.wrote = true;
                if *enabled {
                    self.open_vault(key_vault_id).await.map(ControlFlow::Continue)
                } else {
                    self.close_vault(key_vault_id, state).await
                }
            }
            StepKind::RecordKey => {
                phase(Phase::Record);
                self.record_key().await
            }
        }
    }

    /// Whether the caller lifted a rule's refusal.
    fn allows(&self, rule: RuleId) -> bool {
        self.allow.contains(&rule)
    }
}

/// The profile that is set next.
fn next_target(later: &[Step]) -> Option<&KmsChange> {
    later.iter().find_map(|step| match &step.kind {
        StepKind::SetKms { target } => Some(target),
        _ => None,
    })
}
