//! The steps that record, and the key version that is made once for each operation.

use std::ops::ControlFlow;

use time::OffsetDateTime;

use super::{RecordContext, RunState, Runner, change::InUse, recorder::BeginOutcome};
use crate::{
    catalogue::RuleId,
    error::{Error, ErrorKind, Result},
    ledger::{Certainty, Proof},
    model::{
        Counts, Evidence, ExpectedKey, KeyId, KeyVersion, KmsChange, Purpose, ReencryptReport,
        Scope, Step, StepKind, StepOutcome,
    },
    reencrypt::WritesWith,
};

impl Runner<'_> {
    /// Ensures that the operation is recorded and that this run holds the Lease.
    pub(super) async fn record_operation(&self) -> Result<ControlFlow<String, StepOutcome>> {
        let Some(recording) = &self.recording else {
            return Ok(ControlFlow::Continue(StepOutcome::Skipped));
        };
        let Some(found) = &recording.found else {
            return Err(Error::new(
                ErrorKind::Unexpected,
                "a record that was not read cannot be written",
            ));
        };
        Ok(match recording.recorder.begin(found, &recording.operation).await? {
            BeginOutcome::Recorded => ControlFlow::Continue(StepOutcome::Done),
            BeginOutcome::Already => ControlFlow::Continue(StepOutcome::AlreadyDone),
            BeginOutcome::Changed => {
                ControlFlow::Break("somebody else recorded an operation meanwhile".to_owned())
            }
        })
    }

    /// Ensures that the keys and their proof are recorded, and that the operation no longer is.
    pub(super) async fn record_key(&self) -> Result<ControlFlow<String, StepOutcome>> {
        let Some(recording) = &self.recording else {
            return Ok(ControlFlow::Continue(StepOutcome::Skipped));
        };
        if recording.found.is_none() {
            // It began while the API server was down. Now that it is back: what is the record?
            return Ok(ControlFlow::Break(
                "the API server is back, and its record with it".to_owned(),
            ));
        }
        recording.recorder.finish().await?;
        Ok(ControlFlow::Continue(StepOutcome::Done))
    }

    /// Ensures that the key has a version that was made for this operation, and that the record
    /// names it: who goes on with the operation goes on with that version.
    pub(super) async fn create_key_version(
        &self,
        key_id: &KeyId,
        later: &[Step],
        state: &mut RunState,
    ) -> Result<StepOutcome> {
        let (made, outcome) = match (&self.recording, self.made.get()) {
            (_, Some(made)) => (made.clone(), StepOutcome::AlreadyDone),
            (None, None) => {
                let id = uuid::Uuid::new_v4().to_string();
                (self.make_key_version(key_id, &id).await?, StepOutcome::Done)
            }
            (Some(RecordContext { recorder, operation, .. }), None) => {
                let versions = self.azure.key_versions(key_id).await?;
                let is_ours = |it: &&KeyVersion| it.operation.as_ref() == Some(&operation.id);
                if let Some(before) = versions.iter().find(is_ours) {
                    (before.key_id.clone(), StepOutcome::AlreadyDone)
                } else {
                    if let Some(newest) = versions.first() {
                        recorder.newest_version(&newest.key_id).await?;
                    }
                    recorder.check().await?;
                    (self.make_key_version(key_id, &operation.id).await?, StepOutcome::Done)
                }
            }
        };
        let _ = self.made.set(made.clone());
        state.made = Some(made);
        let set = later.iter().find_map(|step| match &step.kind {
            StepKind::SetKms { target } if target.is_on() => Some(target),
            _ => None,
        });
        if let (Some(recording), Some(target)) = (&self.recording, set) {
            recording.recorder.made(&Self::resolved(target, state)).await?;
        }
        Ok(outcome)
    }

    /// A new version like the one in use.
    async fn make_key_version(&self, key_id: &KeyId, operation: &str) -> Result<KeyId> {
        let model = self.key_in_use.as_ref().unwrap_or(key_id);
        self.azure.create_key_version(model, operation, OffsetDateTime::now_utc()).await
    }

    /// Records the change that is about to be asked of the cluster.
    pub(super) async fn intend(&self, target: &KmsChange, etag: Option<&str>) -> Result<()> {
        let Some(recording) = &self.recording else { return Ok(()) };
        recording.recorder.target(target).await;
        recording.recorder.intend(&target.expected(), etag).await
    }

    /// Records that the cluster is as intended.
    pub(super) async fn settled_as(
        &self,
        target: &KmsChange,
        etag: Option<&str>,
        certainty: Certainty,
    ) -> Result<()> {
        let Some(recording) = &self.recording else { return Ok(()) };
        recording.recorder.settled(&target.expected(), etag, certainty).await
    }

    /// Keeps the proof that a pass came to.
    pub(super) async fn prove(
        &self,
        expected: &ExpectedKey,
        report: &ReencryptReport,
        key_id_hash_seen: Option<String>,
        etag: Option<&str>,
    ) {
        let Some(recording) = &self.recording else { return };
        // No proof, but the caller says that this is the key: its name is known from now on.
        if report.evidence == Evidence::Weak
            && report.purpose == Purpose::Gate
            && self.allows(RuleId::KeyInUseUnproven)
            && let Some(hash) = &key_id_hash_seen
        {
            recording.recorder.learn(expected, hash).await;
        }
        // A name that can be computed need not be remembered.
        let unnamed = (report.evidence == Evidence::MetricsUnnamed).then_some(key_id_hash_seen);
        if let Some(proof) = Proof::of(report, unnamed.flatten()) {
            recording.recorder.prove(expected, proof, etag).await;
        }
    }

    /// Whether an earlier proof replaces the gate.
    pub(super) fn is_proven(&self, purpose: Purpose) -> bool {
        purpose == Purpose::Gate
            && self.recording.as_ref().is_some_and(|recording| recording.proof.is_some())
    }

    /// Reports the earlier proof in the place of the gate.
    pub(super) fn take_proof(&self, expected: &ExpectedKey, state: &mut RunState) {
        let Some(proof) = self.recording.as_ref().and_then(|recording| recording.proof.as_ref())
        else {
            return;
        };
        state.in_use = InUse::Heard(vec![expected.clone()]);
        state.before_change = Some(match expected {
            ExpectedKey::Plaintext => WritesWith::Plaintext,
            ExpectedKey::Key(key_id) => WritesWith::Key(
                proof.key_id_hash_seen.clone().unwrap_or_else(|| key_id.metrics_hash()),
            ),
        });
        self.log.pass(ReencryptReport {
            purpose: Purpose::Gate,
            scope: Scope::default(),
            evidence: Evidence::Ledger,
            watermark: proof.watermark.clone(),
            key_id: expected.key_id().map(ToString::to_string),
            counts: Counts::default(),
            blocked: Vec::new(),
            given_up: Vec::new(),
            complete: true,
            started_at: proof.at,
            finished_at: proof.at,
            seconds: 0.0,
            secrets_per_second: 0.0,
            requests: 0,
            api_servers: Vec::new(),
        });
    }
}
