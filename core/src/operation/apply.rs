//! What came of an effect.

use super::{
    change::{self, InUse},
    closing,
    effect::{Effect, Failure, Outcome, Recorded, Replan, Stop},
    state::{OperationState, Stage},
};
use crate::{
    facts::ClusterFacts,
    ids::{ExpectedKey, KubernetesVersion, VaultId},
    ledger::Certainty,
    report::{KmsChange, Purpose, StepKind, StepOutcome},
};

impl OperationState {
    /// Notes what came of an effect. `Some`: the step is done.
    pub(crate) fn apply(&mut self, effect: &Effect, outcome: Outcome) -> Option<StepOutcome> {
        let seen = self.seen.take();
        match (effect, outcome) {
            (_, Outcome::Failed(failure)) => return self.failed(effect, failure, seen),
            (Effect::ReadCluster { .. }, Outcome::Cluster(now)) => self.seen = Some(now),
            (Effect::Pass(outcome), _) => return Some(self.done(*outcome)),
            (Effect::CreateKeyVersion { .. }, Outcome::Made { key_id, is_new }) => {
                self.made = Some(key_id);
                return Some(self.done(done_now(is_new)));
            }
            (Effect::ReadPublicAccess { target }, _) => {
                self.seen = seen;
                self.stage = changing(target, change::Progress::Begun, false);
            }
            (Effect::Intend { target, turns_off, .. }, _) => {
                self.before = turns_off.as_deref().cloned().or(self.before.take());
                let sets_back = self.sets_back(target, seen.as_deref());
                self.stage = changing(target, change::Progress::Intended, sets_back);
            }
            (Effect::PutKms { target }, Outcome::Set { etag, seen_at_once }) => {
                self.note_off(target.is_on());
                let key = target.expected();
                let certainty =
                    if seen_at_once { self.certainty(seen.as_deref()) } else { Certainty::InUse };
                let sets_back = matches!(self.stage, Stage::Change { sets_back: true, .. });
                self.stage = Stage::Set { key, etag, certainty, sets_back };
            }
            // KMS is off before and after: no key changed.
            (Effect::PutVersions(_), Outcome::Set { seen_at_once: false, .. }) => {
                self.stage = Stage::Replan(Replan::Changed);
            }
            (Effect::PutVersions(_), Outcome::Set { etag, .. }) => {
                let (key, certainty) = (ExpectedKey::Plaintext, Certainty::Seen);
                self.stage = Stage::Set { key, etag, certainty, sets_back: false };
            }
            (Effect::RecordSettled { key, etag, .. }, _) => {
                self.etag.clone_from(etag);
                if !matches!(self.stage, Stage::Set { sets_back: true, .. }) {
                    return Some(self.done(StepOutcome::Done));
                }
                // An API server may still be about to notice the key that was configured.
                self.stage = Stage::Replan(Replan::SetBack(key.clone()));
            }
            (Effect::TakeProof { expected }, _) => {
                self.in_use = InUse::Heard(vec![expected.clone()]);
                return Some(self.done(StepOutcome::Skipped));
            }
            (
                Effect::Converge { .. } | Effect::AwaitVersion { .. } | Effect::FindKeyInUse { .. },
                Outcome::Heard(keys),
            ) => {
                self.heard(&keys);
            }
            (Effect::RecordVersion { .. }, Outcome::Done) => {
                // It has been hours, perhaps. The pass begins with the cluster as it is now.
                self.etag = seen.and_then(|seen| seen.etag);
                return Some(self.done(StepOutcome::Done));
            }
            (Effect::Rewrite, Outcome::Done) => self.stage = Stage::Rewritten,
            (Effect::Verify, Outcome::Verified(verdict)) => self.stage = Stage::Verified(verdict),
            (Effect::Conclude { unchanged, .. }, _) => self.conclude(*unchanged),
            (Effect::ReadVault(_), Outcome::Vault(look)) => {
                let progress = self.closing();
                self.stage = Stage::Closing { progress, seen: Some(look) };
            }
            (Effect::RecordClosing(_), _) => self.stage = closing_to(closing::Progress::Recorded),
            (Effect::CloseVault(id), _) => {
                self.closed = Some(id.clone());
                self.stage = closing_to(closing::Progress::Closed);
            }
            (Effect::AwaitConnection(_), _) => self.stage = closing_to(self.closing()),
            (Effect::CheckKms, _) => {
                return Some(self.done(done_now(self.has_closed())));
            }
            (Effect::BeginRecord, Outcome::Recorded(Recorded::Changed)) => {
                self.stage = Stage::Replan(Replan::Recorded);
            }
            (Effect::FinishRecord, Outcome::Recorded(Recorded::NotRead)) => {
                self.stage = Stage::Replan(Replan::ApiServerBack);
            }
            (_, Outcome::Done) => return Some(self.done(StepOutcome::Done)),
            (_, Outcome::AlreadyDone) => return Some(self.done(StepOutcome::AlreadyDone)),
            (_, Outcome::Skipped) => return Some(self.done(StepOutcome::Skipped)),
            (_, _) => self.stage = Stage::Stopped(Stop::Failed),
        }
        None
    }

    fn failed(
        &mut self,
        effect: &Effect,
        failure: Failure,
        seen: Option<Box<ClusterFacts>>,
    ) -> Option<StepOutcome> {
        self.stage = match (effect, failure) {
            (Effect::PutKms { target }, Failure::KeyPermission | Failure::NoOutcome) => {
                // What is refused later is compared with what was seen before this request.
                self.etag = seen.and_then(|seen| seen.etag);
                let sets_back = matches!(self.stage, Stage::Change { sets_back: true, .. });
                let progress = match failure {
                    Failure::KeyPermission => change::Progress::Refused,
                    _ => change::Progress::Sent,
                };
                changing(target, progress, sets_back)
            }
            (Effect::PutVersions(_), Failure::EtagMismatch) => Stage::Replan(Replan::Changed),
            (Effect::CloseVault(id), Failure::NoOutcome) => {
                self.closed = Some(id.clone());
                closing_to(closing::Progress::Sent)
            }
            (Effect::Converge { purpose, expected }, Failure::KmsUnavailable)
                if *purpose == Purpose::Gate && self.has_other_target(expected) =>
            {
                Stage::NotConverged
            }
            // They cannot write at all: it may be a rollback that the record vouches for.
            (Effect::FindKeyInUse { .. }, Failure::KmsUnavailable)
                if self.stage == Stage::NotConverged && self.may_roll_back() =>
            {
                self.in_use = InUse::Vouched;
                return Some(self.done(StepOutcome::Skipped));
            }
            (Effect::FindKeyInUse { candidates, .. }, Failure::Unproven)
                if *candidates == [ExpectedKey::Plaintext]
                    && seen.is_some_and(|it| it.kubernetes_version < KubernetesVersion::KMS_V2) =>
            {
                Stage::Stopped(Stop::Unnamed)
            }
            (Effect::CheckKms, _) => self.unhealthy(),
            // Whether it may stay closed cannot be told.
            (Effect::ReadVault(_), _) if self.has_closed() => self.unhealthy(),
            _ => Stage::Stopped(Stop::Failed),
        };
        None
    }

    /// The step is done.
    fn done(&mut self, outcome: StepOutcome) -> StepOutcome {
        if let Some(StepKind::SetKms { target }) = self.step().map(|step| &step.kind) {
            self.note_off(target.is_on());
            if outcome == StepOutcome::Done {
                // What the API servers write with now is yet to be heard.
                self.in_use = InUse::NotHeard;
            }
        }
        self.at += 1;
        self.stage = Stage::Begun;
        self.seen = None;
        outcome
    }

    fn note_off(&mut self, is_on: bool) {
        self.is_off = self.context.off_and_on && !is_on;
    }

    /// The API servers write with these.
    fn heard(&mut self, keys: &[ExpectedKey]) {
        let is_target = || self.next_target().is_some_and(|target| *keys == [target.expected()]);
        self.stage = if self.stage == Stage::NotConverged && !is_target() {
            Stage::Stopped(Stop::Failed)
        } else {
            Stage::Converged
        };
    }

    fn conclude(&mut self, unchanged: bool) {
        let Stage::Verified(verdict) = &self.stage else {
            self.stage = Stage::Stopped(Stop::Failed);
            return;
        };
        if unchanged && verdict.ended {
            self.in_use = InUse::Heard(verdict.keys.clone());
        }
        self.stage = Stage::Concluded { verdict: verdict.clone(), unchanged };
    }

    /// Whether the cluster is set from what was configured to what is in use.
    fn sets_back(&self, target: &KmsChange, seen: Option<&ClusterFacts>) -> bool {
        let configured = seen.and_then(|seen| seen.expected().ok());
        self.is_settling() && configured != Some(target.expected())
    }

    fn is_settling(&self) -> bool {
        matches!(self.step().map(|step| &step.kind), Some(StepKind::Settle))
    }

    /// A change from what was configured, in force and written with leaves exactly two keys.
    fn certainty(&self, before: Option<&ClusterFacts>) -> Certainty {
        let (InUse::Heard(keys), Some(before)) = (&self.in_use, before) else {
            return Certainty::InUse;
        };
        let configured = before.expected().ok();
        let is_certain = keys.len() == 1 && configured.as_ref() == keys.first();
        if is_certain && before.is_succeeded() && !self.is_settling() {
            Certainty::Seen
        } else {
            Certainty::InUse
        }
    }

    fn has_other_target(&self, expected: &ExpectedKey) -> bool {
        self.next_target().is_some_and(|target| target.expected() != *expected)
    }

    fn may_roll_back(&self) -> bool {
        let recorded = self.context.recorded.as_ref();
        let target = self.next_target().map(|target| target.expected());
        recorded.zip(target).is_some_and(|(recorded, target)| recorded.is_rollback_to(&target))
    }

    /// How far the closing of the vault has come.
    fn closing(&self) -> closing::Progress {
        match self.stage {
            Stage::Closing { progress, .. } => progress,
            _ => closing::Progress::Begun,
        }
    }

    /// Whether this run has closed the vault, or perhaps has.
    fn has_closed(&self) -> bool {
        matches!(self.closing(), closing::Progress::Sent | closing::Progress::Closed)
    }

    fn unhealthy(&self) -> Stage {
        let Some(StepKind::SetVaultPublicAccess { key_vault_id, .. }) =
            self.step().map(|step| &step.kind)
        else {
            return Stage::Stopped(Stop::Failed);
        };
        let (vault, reopen) =
            (VaultId::clone(key_vault_id), self.closed.as_ref() == Some(key_vault_id));
        Stage::Stopped(Stop::Unhealthy { vault, reopen })
    }
}

fn done_now(is_new: bool) -> StepOutcome {
    if is_new { StepOutcome::Done } else { StepOutcome::AlreadyDone }
}

fn changing(target: &KmsChange, progress: change::Progress, sets_back: bool) -> Stage {
    Stage::Change { target: target.clone(), progress, sets_back }
}

fn closing_to(progress: closing::Progress) -> Stage {
    Stage::Closing { progress, seen: None }
}
