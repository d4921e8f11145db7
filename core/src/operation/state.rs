//! Where a run is.

use std::sync::Arc;

use super::{
    change::{self, InUse},
    closing,
    effect::{Replan, Stop, Verdict},
};
use crate::{
    facts::ClusterFacts,
    ids::{ExpectedKey, KeyId, VaultId},
    ledger::{Certainty, Ledger, Reconciled},
    plan::{has_gate, last_target},
    report::{KmsChange, Step, StepKind},
};

/// What does not change while a plan is run.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) steps: Arc<[Step]>,
    /// What is recorded of the cluster's keys, as it was when the plan was made.
    pub(crate) recorded: Option<Arc<Reconciled>>,
    /// A recorded proof takes the gate's place: nothing was changed since.
    pub(crate) is_proven: bool,
    /// The operation turns KMS off and on again.
    pub(crate) off_and_on: bool,
    /// The caller accepts that the key in use is not proven.
    pub(crate) accepts_unproven: bool,
    /// The caller accepts that a change of data encryption is asked for again.
    pub(crate) accepts_retry: bool,
}

/// A run of a plan.
#[derive(Clone, Debug)]
pub(crate) struct OperationState {
    pub(crate) context: Context,
    /// Number of the step, from 0.
    pub(crate) at: usize,
    /// How far the step has come.
    pub(crate) stage: Stage,
    /// The cluster's eTag before the gate, or after the run's own last change.
    pub(crate) etag: Option<String>,
    /// The KMS profile that the operation began with, or turned off to turn it on again. `None`: it
    /// cannot be named.
    pub(crate) before: Option<KmsChange>,
    /// The keys that the API servers were heard to write with.
    pub(crate) in_use: InUse,
    /// The version that the operation made of a key.
    pub(crate) made: Option<KeyId>,
    /// The vault that the operation has closed, or asked to be.
    pub(crate) closed: Option<VaultId>,
    /// KMS is off in the middle of an operation that turns it on again.
    pub(crate) is_off: bool,
    /// The last look at the cluster, unless something was done since.
    pub(crate) seen: Option<Box<ClusterFacts>>,
}

/// How far a step has come.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Stage {
    /// Nothing was done for it.
    Begun,
    /// A change of the KMS profile. `sets_back`: from what was configured to what is in use.
    Change { target: KmsChange, progress: change::Progress, sets_back: bool },
    /// The cluster is set; that is to be recorded.
    Set { key: ExpectedKey, etag: Option<String>, certainty: Certainty, sets_back: bool },
    /// The API servers do not come to write with what is configured.
    NotConverged,
    /// Every API server writes with the key.
    Converged,
    /// Every secret is rewritten.
    Rewritten,
    /// A pass has ended.
    Verified(Verdict),
    /// It is reported.
    Concluded { verdict: Verdict, unchanged: bool },
    /// The vault is being closed. `seen`: the last look at it, unless something was done since.
    Closing { progress: closing::Progress, seen: Option<closing::Look> },
    /// It has to be planned again.
    Replan(Replan),
    /// It ends with an error.
    Stopped(Stop),
}

impl OperationState {
    /// Before the first step. `etag` is the one that the plan was made from.
    pub(crate) fn new(
        context: Context,
        etag: Option<String>,
        before: Option<KmsChange>,
        is_off: bool,
    ) -> Self {
        let vouched = !has_gate(&context.steps);
        Self {
            at: 0,
            stage: Stage::Begun,
            etag,
            before,
            in_use: if vouched { InUse::Vouched } else { InUse::NotHeard },
            made: None,
            closed: None,
            is_off: context.off_and_on && is_off,
            seen: None,
            context,
        }
    }

    /// The step that is being performed. `None`: all were.
    pub(crate) fn step(&self) -> Option<&Step> {
        self.context.steps.get(self.at)
    }

    /// The steps after it.
    pub(super) fn later(&self) -> &[Step] {
        self.context.steps.get(self.at + 1..).unwrap_or_default()
    }

    /// The profile that is set next.
    pub(super) fn next_target(&self) -> Option<KmsChange> {
        let set = self.later().iter().find_map(|step| match &step.kind {
            StepKind::SetKms { target } => Some(target),
            _ => None,
        });
        set.map(|target| self.resolved(target))
    }

    /// The profile that the operation ends with. `None`: it sets none, or its key is yet to be made.
    pub(super) fn ends_with(&self) -> Option<KmsChange> {
        let target = last_target(&self.context.steps)?;
        Some(self.resolved(target)).filter(KmsChange::is_made)
    }

    /// Whether another change of the key follows: what a pass proves is the gate before it.
    pub(crate) fn key_change_follows(&self) -> bool {
        self.next_target().is_some()
    }

    pub(super) fn ledger(&self) -> Option<&Ledger> {
        self.context.recorded.as_ref().map(|recorded| &recorded.record.ledger)
    }

    /// The target with the key version that the operation made.
    pub(super) fn resolved(&self, target: &KmsChange) -> KmsChange {
        self.made.as_ref().map_or_else(|| target.clone(), |made| target.with_version(made))
    }

    /// The version of a customer-managed key that is waited for. `None`: it is not made yet.
    pub(super) fn version(&self, key_id: &KeyId) -> Option<KeyId> {
        let made = self.made.as_ref().filter(|made| made.without_version() == *key_id);
        if key_id.version().is_some() { Some(key_id.clone()) } else { made.cloned() }
    }

    /// The key with the version that the operation made, where the plan names none.
    pub(super) fn expected(&self, expected: &ExpectedKey) -> ExpectedKey {
        match expected {
            ExpectedKey::Key(key_id) if key_id.version().is_none() => {
                ExpectedKey::Key(self.made.as_ref().unwrap_or(key_id).clone())
            }
            _ => expected.clone(),
        }
    }
}
