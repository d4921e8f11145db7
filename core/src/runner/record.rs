//! The effects on the record, and the key version that is made once for each operation.

use super::{RecordContext, RunData, Runner, recorder::BeginOutcome};
use crate::{
    catalogue::RuleId,
    error::{Error, Result},
    facts::KeyVersion,
    ids::{ExpectedKey, KeyId, VaultId, VersionInUse},
    ledger::{Certainty, Proof},
    operation::{Outcome, Recorded},
    reencrypt::WritesWith,
    report::{Counts, Evidence, KmsChange, Purpose, ReencryptReport, Scope},
};

impl Runner<'_> {
    /// Ensures that the operation is recorded and that this run holds the Lease.
    pub(super) async fn begin_record(&self) -> Result<Outcome> {
        let Some(recording) = &self.recording else { return Ok(Outcome::Skipped) };
        let Some(found) = &recording.found else {
            return Err(Error::internal("a record that was not read cannot be written"));
        };
        let RecordContext { recorder, operation, is_new, .. } = recording;
        Ok(match recorder.begin(found, operation, *is_new).await? {
            BeginOutcome::Recorded => Outcome::Done,
            BeginOutcome::Already => Outcome::AlreadyDone,
            BeginOutcome::Changed => Outcome::Recorded(Recorded::Changed),
        })
    }

    /// Ensures that the keys and their proof are recorded, and that the operation no longer is.
    pub(super) async fn finish_record(&self) -> Result<Outcome> {
        let Some(recording) = &self.recording else { return Ok(Outcome::Skipped) };
        if recording.found.is_none() {
            // It began while the API server was down. Now that it is back: what is the record?
            return Ok(Outcome::Recorded(Recorded::NotRead));
        }
        recording.recorder.finish().await?;
        Ok(Outcome::Done)
    }

    /// Ensures that the key has a version that was made for this operation, and that the record
    /// names it: who goes on with the operation goes on with that version.
    pub(super) async fn create_key_version(
        &self,
        key_id: &KeyId,
        target: Option<&KmsChange>,
    ) -> Result<Outcome> {
        let (made, is_new) = match (&self.recording, self.made.get()) {
            (_, Some(made)) => (made.clone(), false),
            (None, None) => {
                let id = uuid::Uuid::new_v4().to_string();
                (self.make_key_version(key_id, &id).await?, true)
            }
            (Some(RecordContext { recorder, operation, .. }), None) => {
                let versions = self.azure.key_versions(key_id).await?;
                let is_ours = |it: &&KeyVersion| it.operation.as_ref() == Some(&operation.id);
                if let Some(before) = versions.iter().find(is_ours) {
                    (before.key_id.clone(), false)
                } else {
                    if let Some(newest) = versions.first() {
                        recorder.newest_version(&newest.key_id).await?;
                    }
                    recorder.check().await?;
                    (self.make_key_version(key_id, &operation.id).await?, true)
                }
            }
        };
        let _ = self.made.set(made.clone());
        match (&self.recording, target) {
            (Some(recording), Some(target)) => {
                recording.recorder.made(&target.with_version(&made)).await?;
            }
            // No change of the cluster follows: AKS takes it up by itself.
            (Some(recording), None) => recording.recorder.awaits(&made).await?,
            (None, _) => {}
        }
        Ok(Outcome::Made { key_id: made, is_new })
    }

    /// A new version like the one in use.
    async fn make_key_version(&self, key_id: &KeyId, operation: &str) -> Result<KeyId> {
        let model = self.key_in_use.as_ref().unwrap_or(key_id);
        self.sent(self.azure.create_key_version(model, operation, crate::clock::now())).await
    }

    /// Records the change that is about to be asked of the cluster.
    pub(super) async fn intend(
        &self,
        target: &KmsChange,
        ends_with: Option<&KmsChange>,
        turns_off: Option<&KmsChange>,
        etag: Option<&str>,
    ) -> Result<Outcome> {
        if let Some(recording) = &self.recording {
            recording.recorder.intend(&target.expected(), ends_with, turns_off, etag).await?;
        }
        Ok(Outcome::Done)
    }

    /// Records that the cluster is as intended.
    pub(super) async fn record_settled(
        &self,
        key: &ExpectedKey,
        etag: Option<&str>,
        certainty: Certainty,
    ) -> Result<Outcome> {
        if let Some(recording) = &self.recording {
            recording.recorder.settled(key, etag, certainty).await?;
        }
        Ok(Outcome::Done)
    }

    /// Records that AKS has taken up a version of the customer-managed key.
    pub(super) async fn record_version(&self, version: &KeyId) -> Result<Outcome> {
        if let Some(recording) = &self.recording {
            recording.recorder.taken_up(version).await?;
        }
        Ok(Outcome::Done)
    }

    /// Records that the operation is about to close a vault.
    pub(super) async fn record_closing(&self, id: &VaultId) -> Result<Outcome> {
        if let Some(recording) = &self.recording {
            recording.recorder.closes_vault(id).await?;
        }
        Ok(Outcome::Done)
    }

    /// Keeps the proof that a pass came to.
    pub(super) async fn prove(
        &self,
        expected: &ExpectedKey,
        report: &ReencryptReport,
        (version, key_id_hash_seen): (Option<VersionInUse>, Option<String>),
        etag: Option<&str>,
    ) {
        let Some(recording) = &self.recording else { return };
        // No proof, but the caller says that this is the key: its name is known from now on.
        if report.evidence == Evidence::Weak
            && (report.purpose == Purpose::Gate || expected.is_data_encryption())
            && self.allows(RuleId::KeyInUseUnproven)
            && let Some(hash) = &key_id_hash_seen
        {
            recording.recorder.learn(expected, hash).await;
        }
        // A name that can be computed need not be remembered.
        let unnamed = (report.evidence == Evidence::MetricsUnnamed).then_some(key_id_hash_seen);
        if let Some(proof) = Proof::of(report, version, unnamed.flatten()) {
            recording.recorder.prove(expected, proof, etag).await;
        }
    }

    /// What the API servers wrote with before the change to data encryption that an earlier run made; in a cluster
    /// that this call made with it nobody wrote with any key before.
    pub(super) fn written_before(&self) -> Option<WritesWith> {
        if self.is_new_cluster && self.before.as_ref().is_some_and(KmsChange::is_data_encryption) {
            return Some(WritesWith::Plaintext);
        }
        let found = self.recording.as_ref()?.found.as_ref()?;
        let before = found.reconciled.written_before()?;
        written(before.key_id.as_ref(), &before.key(), before.key_id_hash_seen.as_deref())
    }

    /// What the API servers write with as it was proven, where nobody has changed the cluster since. AKS may have
    /// moved on from it.
    pub(super) fn written_by_record(&self) -> Option<WritesWith> {
        let found = &self.recording.as_ref()?.found.as_ref()?.reconciled;
        let current = found.record.ledger.current.as_ref().filter(|_| found.is_unbroken())?;
        current.proven_at?;
        written(current.key_id.as_ref(), &current.key(), current.key_id_hash_seen.as_deref())
    }

    /// A recorded proof that takes the gate's place.
    pub(super) fn proof(&self) -> Option<&Proof> {
        self.recording.as_ref()?.proof.as_ref()
    }

    /// Reports the earlier proof in the place of the gate.
    pub(super) fn take_proof(&self, expected: &ExpectedKey, data: &mut RunData) -> Outcome {
        let Some(proof) = self.proof() else { return Outcome::Done };
        data.before_change =
            written(expected.key_id(), expected, proof.key_id_hash_seen.as_deref());
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
            samples: Vec::new(),
            requests: 0,
            api_servers: Vec::new(),
        });
        Outcome::Done
    }
}

/// What API servers write with that have this key, as far as that has a name.
fn written(
    key_id: Option<&KeyId>,
    key: &ExpectedKey,
    hash_seen: Option<&str>,
) -> Option<WritesWith> {
    if *key == ExpectedKey::Plaintext {
        return Some(WritesWith::Plaintext);
    }
    let version = key_id.filter(|key_id| key_id.version().is_some());
    let hash = hash_seen.map(str::to_owned).or_else(|| version.map(KeyId::metrics_hash))?;
    Some(WritesWith::Key { hash, prefix: String::new() })
}
