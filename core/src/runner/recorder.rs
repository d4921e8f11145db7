//! Keeping the record: intent before every change, and one writer.

use time::OffsetDateTime;
use tokio::sync::Mutex;

use super::lease::{HeldLease, lost, take};
use crate::{
    error::Result,
    kubernetes::{KubernetesApi, LeaseStore, StateStore, Written},
    ledger::{Certainty, Operation, Proof, Reconciled, Record},
    model::{ExpectedKey, KeyId, KmsTarget, Timing, VaultId},
    progress::Reporter,
};

/// A record as it was observed.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) reconciled: Reconciled,
    /// Of the `ConfigMap`; `None`: there is none yet.
    pub(crate) resource_version: Option<String>,
    /// How far the cluster's etcd has come.
    pub(crate) etcd_resource_version: u64,
}

/// How the recording of an operation ended.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Begun {
    Recorded,
    /// It was recorded before, by this run.
    Already,
    /// Somebody wrote the record since it was observed.
    Changed,
}

/// Keeps the record of one run in the cluster, under the cluster's Lease.
pub(crate) struct Recorder {
    state: StateStore,
    lease: LeaseStore,
    timing: Timing,
    reporter: Reporter,
    /// Who holds the Lease: unique to this run.
    by: String,
    kept: Mutex<Option<Kept>>,
}

struct Kept {
    lease: HeldLease,
    /// As far as it was written, or is to be written with the next intent.
    record: Record,
    /// What was written last, and its version.
    text: String,
    version: String,
}

impl Recorder {
    pub(crate) fn new(
        api: &KubernetesApi,
        namespace: &str,
        timing: Timing,
        reporter: Reporter,
    ) -> Self {
        Self {
            state: StateStore::new(api.clone(), namespace.to_owned()),
            lease: LeaseStore::new(api.clone(), namespace.to_owned()),
            timing,
            reporter,
            by: name(),
            kept: Mutex::new(None),
        }
    }

    /// Who records.
    pub(crate) fn by(&self) -> &str {
        &self.by
    }

    /// Takes the Lease and records the operation, over exactly what was observed.
    pub(super) async fn begin(&self, found: &Found, operation: &Operation) -> Result<Begun> {
        let mut kept = self.kept.lock().await;
        if let Some(kept) = kept.as_mut() {
            // A later round of the same run.
            if Some(&kept.version) != found.resource_version.as_ref() {
                return Err(lost(None));
            }
            kept.record = found.reconciled.record.clone();
            return Ok(Begun::Already);
        }
        let lease =
            take(self.lease.clone(), &self.by, &self.timing, |text| self.reporter.message(text))
                .await?;
        let mut record = found.reconciled.record.clone();
        record.begin(operation.clone());
        let text = record.render()?;
        match self.state.write(&text, found.resource_version.as_deref()).await {
            Ok(Written::As(version)) => {
                *kept = Some(Kept { lease, record, text, version });
                Ok(Begun::Recorded)
            }
            Ok(Written::Conflict) => {
                lease.release().await;
                Ok(Begun::Changed)
            }
            Err(error) => {
                lease.release().await;
                Err(error)
            }
        }
    }

    /// What the operation ends with, where that was not known when it began. Written with the
    /// intent.
    pub(super) async fn target(&self, target: &KmsTarget) {
        if let Some(kept) = self.kept.lock().await.as_mut() {
            ends_with(&mut kept.record, target);
        }
    }

    /// What the operation ends with, now that its key is made.
    pub(super) async fn made(&self, target: &KmsTarget) -> Result<()> {
        self.write(|record| ends_with(record, target)).await
    }

    /// The newest version of the key before the operation makes one.
    pub(super) async fn newest_version(&self, key_id: &KeyId) -> Result<()> {
        self.write(|record| {
            if let Some(operation) = &mut record.operation {
                operation.newest_version.get_or_insert_with(|| key_id.clone());
            }
        })
        .await
    }

    /// Records that the operation is about to close a vault.
    pub(super) async fn closes_vault(&self, id: &VaultId) -> Result<()> {
        self.write(|record| {
            if let Some(operation) = &mut record.operation {
                operation.closed_vault = Some(id.clone());
            }
        })
        .await
    }

    /// Records that the cluster is about to be set to this key by a request that needs this eTag,
    /// and makes sure that this run still is the one writer.
    pub(super) async fn intend(&self, key: &ExpectedKey, etag: Option<&str>) -> Result<()> {
        self.write(|record| record.intend(key, etag)).await?;
        self.check().await
    }

    /// Records that the cluster is set, and its eTag now.
    pub(super) async fn settled(
        &self,
        key: &ExpectedKey,
        etag: Option<&str>,
        certainty: Certainty,
    ) -> Result<()> {
        self.write(|record| record.settled(key, etag, OffsetDateTime::now_utc(), certainty)).await
    }

    /// Keeps a proof. It is written with the next intent, or at the end.
    pub(super) async fn prove(&self, key: &ExpectedKey, proof: Proof, etag: Option<&str>) {
        if let Some(kept) = self.kept.lock().await.as_mut() {
            kept.record.prove(key, proof, etag);
        }
    }

    /// Keeps the hash under which the API servers count a key.
    pub(super) async fn learn(&self, key: &ExpectedKey, hash: &str) {
        if let Some(kept) = self.kept.lock().await.as_mut() {
            kept.record.learn(key, hash);
        }
    }

    /// Records the keys and their proof; the operation is over.
    pub(super) async fn finish(&self) -> Result<()> {
        self.write(Record::finish).await
    }

    /// The operation ends before it wrote anything: it is as if it had not begun.
    pub(super) async fn forget(&self) -> Result<()> {
        self.write(Record::abandon).await
    }

    /// Takes the Lease and drops the operation, keeping what must still be known.
    pub(crate) async fn drop_operation(&self, found: &Found, operation: &Operation) -> Result<()> {
        match self.begin(found, operation).await? {
            Begun::Recorded | Begun::Already => self.write(Record::abandon).await,
            Begun::Changed => Err(lost(None)),
        }
    }

    /// Whether this run still is the one writer.
    pub(super) async fn check(&self) -> Result<()> {
        match self.kept.lock().await.as_ref() {
            Some(kept) => kept.lease.check().await,
            None => Ok(()),
        }
    }

    /// The record as it is now, if this run keeps it.
    pub(crate) async fn record(&self) -> Option<Record> {
        self.kept.lock().await.as_ref().map(|kept| kept.record.clone())
    }

    /// Ends this run's part: the next need not wait for the Lease.
    pub(crate) async fn release(&self) {
        if let Some(kept) = self.kept.lock().await.take() {
            kept.lease.release().await;
        }
    }

    async fn write(&self, change: impl FnOnce(&mut Record)) -> Result<()> {
        let mut kept = self.kept.lock().await;
        let Some(kept) = kept.as_mut() else { return Ok(()) };
        change(&mut kept.record);
        let text = kept.record.render()?;
        if text == kept.text {
            return Ok(());
        }
        match self.state.write(&text, Some(&kept.version)).await? {
            Written::As(version) => {
                (kept.text, kept.version) = (text, version);
                Ok(())
            }
            // Whoever wrote it holds the Lease now, or nobody must write it.
            Written::Conflict => Err(lost(None)),
        }
    }
}

fn ends_with(record: &mut Record, target: &KmsTarget) {
    if let Some(operation) = &mut record.operation {
        operation.target.get_or_insert_with(|| target.clone());
    }
}

/// A name for this run that tells a person where it is.
fn name() -> String {
    let host = ["HOSTNAME", "COMPUTERNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|host| !host.is_empty()))
        .or_else(|| std::fs::read_to_string("/etc/hostname").ok())
        .map_or_else(|| "a machine without a name".to_owned(), |host| host.trim().to_owned());
    format!("aks-kms on {host}, process {}, run {}", std::process::id(), uuid::Uuid::new_v4())
}
