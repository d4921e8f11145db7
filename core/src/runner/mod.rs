//! Performing the steps of a plan.
//!
//! Each step is *ensure that something holds*: look, act if it does not, look again. So a plan may
//! be run twice, or again after a crash at any point, and the future may be dropped at any point.

mod journal;
mod lease;
mod log;
mod record;
mod recorder;
mod secrets;
mod set_kms;
mod upgrade;
mod vault_access;

use std::ops::ControlFlow;

use tokio::time::Instant;
use tracing::Instrument;

use crate::{
    azure::Azure,
    catalogue::RuleId,
    error::Result,
    ledger::{Operation, Proof},
    model::{ClusterId, ExpectedKey, KeyId, Step, StepKind, StepOutcome, Timing, VaultId},
    plan::Plan,
    progress::{Phase, Reporter},
    reencrypt::{Engine, Pass, WritesWith},
};

pub use self::journal::Journal;
pub(crate) use self::{
    log::RunLog,
    recorder::{Found, Recorder},
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
    pub(crate) recording: Option<Recording<'a>>,
    /// The key in use, a version of which may have to be made.
    pub(crate) key_in_use: Option<KeyId>,
}

/// What is recorded of a run, and by whom.
pub(crate) struct Recording<'a> {
    pub(crate) recorder: &'a Recorder,
    /// `None`: it could not be read, because the API server is down.
    pub(crate) found: Option<Found>,
    pub(crate) operation: Operation,
    /// A recorded proof that makes a gate superfluous: nothing was changed since.
    pub(crate) proof: Option<Proof>,
}

/// How a run of a plan ended.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Ended {
    /// Every step holds.
    Done,
    /// Somebody else changed the cluster, or its record: observe and plan again.
    PlanAgain(String),
}

/// What a run carries from step to step.
#[derive(Default)]
struct Carried {
    /// The cluster's eTag before the gate began: the change is sent only if nothing happened since.
    etag: Option<String>,
    pass: Option<Pass>,
    /// What the API servers wrote with at the gate.
    before_change: Option<WritesWith>,
    /// The version that the operation made of a key.
    made: Option<KeyId>,
    /// The vault that the operation has closed.
    closed: Option<VaultId>,
    /// Another change of the key follows: what this pass proves is the gate before it.
    guards: bool,
}

impl Carried {
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
}

impl Runner<'_> {
    /// Performs the steps. `etag` is the one that the plan was made from.
    pub(crate) async fn run(&self, plan: &Plan, etag: Option<String>) -> Result<Ended> {
        let mut carried = Carried { etag, ..Carried::default() };
        carried.closed = self.closed_before();
        let outcome = match self.steps(plan, &mut carried).await {
            Err(error) => Err(self.undo_closing(error, &carried).await),
            outcome => outcome,
        };
        if let Some(engine) = &self.engine {
            engine.tidy().await;
        }
        outcome
    }

    async fn steps(&self, plan: &Plan, carried: &mut Carried) -> Result<Ended> {
        for (index, step) in plan.steps.iter().enumerate() {
            self.reporter.step(index + 1, plan.steps.len());
            let later = &plan.steps[index + 1..];
            carried.guards = later.iter().any(|step| matches!(step.kind, StepKind::SetKms { .. }));
            let began = Instant::now();
            let span = tracing::info_span!("step", number = index + 1, summary = step.summary);
            match self.step(step, later, carried).instrument(span).await? {
                ControlFlow::Continue(outcome) => {
                    self.log.step(step, outcome, began.elapsed().as_secs_f64());
                }
                ControlFlow::Break(why) => return Ok(Ended::PlanAgain(why)),
            }
        }
        Ok(Ended::Done)
    }

    /// Performs a step. Breaks off, and says why, when the plan has to be made again.
    async fn step(
        &self,
        step: &Step,
        later: &[Step],
        carried: &mut Carried,
    ) -> Result<ControlFlow<String, StepOutcome>> {
        match &step.kind {
            StepKind::RecordOperation => {
                self.reporter.phase(Phase::Record, None, step.summary.clone());
                return self.record_operation().await;
            }
            StepKind::CreateKeyVersion { key_id } => {
                self.reporter.phase(Phase::Vault, None, step.summary.clone());
                let outcome = self.create_key_version(key_id, later, carried).await?;
                return Ok(ControlFlow::Continue(outcome));
            }
            StepKind::SetKms { target } => {
                self.reporter.phase(Phase::Cluster, None, step.summary.clone());
                return self.set_kms(target, carried).await;
            }
            StepKind::WaitForKey { purpose, .. }
            | StepKind::ReencryptSecrets { purpose, .. }
            | StepKind::VerifySecrets { purpose }
                if self.is_proven(*purpose) =>
            {
                if let StepKind::WaitForKey { expected, .. } = &step.kind {
                    self.take_proof(expected, carried);
                }
                return Ok(ControlFlow::Continue(StepOutcome::Skipped));
            }
            StepKind::WaitForKey { expected, purpose } => {
                let expected = carried.expected(expected);
                self.wait_for_key(*purpose, &expected, carried).await?;
            }
            StepKind::ReencryptSecrets { .. } => self.reencrypt_secrets(carried).await?,
            StepKind::VerifySecrets { purpose } => self.verify_secrets(*purpose, carried).await?,
            StepKind::UpgradeControlPlane { version } => {
                self.reporter.phase(Phase::Upgrade, None, step.summary.clone());
                return self.upgrade_control_plane(*version, carried).await;
            }
            StepKind::UpgradeNodePools { .. } => {
                self.reporter.phase(Phase::Upgrade, None, step.summary.clone());
                return self.upgrade_node_pools(carried).await;
            }
            StepKind::SetVaultPublicAccess { key_vault_id, enabled } => {
                self.reporter.phase(Phase::Vault, None, step.summary.clone());
                let outcome = if *enabled {
                    self.open_vault(key_vault_id).await?
                } else {
                    self.close_vault(key_vault_id, carried).await?
                };
                return Ok(ControlFlow::Continue(outcome));
            }
            StepKind::RecordKey => {
                self.reporter.phase(Phase::Record, None, step.summary.clone());
                return self.record_key().await;
            }
        }
        Ok(ControlFlow::Continue(StepOutcome::Done))
    }

    /// Whether the caller lifted a rule's refusal.
    fn allows(&self, rule: RuleId) -> bool {
        self.allow.contains(&rule)
    }
}
