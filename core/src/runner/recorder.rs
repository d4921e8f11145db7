//! Keeping the record: intent before every change, and one writer.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Mutex;
use tokio_util::task::TaskTracker;

use super::lease::{HeldLease, lost, take};
use crate::{
    error::{Error, ErrorKind, Result},
    ids::{ExpectedKey, KeyId, VaultId},
    kubernetes::{KubernetesApi, LeaseStore, RecordStore, SealStore, Stored, Written},
    ledger::{Certainty, Operation, Proof, Record},
    observe::StoredRecord,
    options::Timing,
    progress::Reporter,
    report::KmsChange,
    seal::SealKey,
    text::{LONGEST_NAME, one_line},
};

/// How many times a record is written again over one that differs only in what is not ours.
const TRIES: usize = 5;

/// How the recording of an operation ended.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum BeginOutcome {
    Recorded,
    /// It was recorded before, by this run.
    Already,
    /// Somebody wrote the record since it was observed.
    Changed,
}

/// Keeps the record of one run in the cluster, under the cluster's Lease.
pub(crate) struct Recorder {
    state: RecordStore,
    seals: SealStore,
    lease: LeaseStore,
    timing: Timing,
    reporter: Reporter,
    /// Where the Lease of a dropped run is given back.
    releases: TaskTracker,
    /// Who holds the Lease: unique to this run.
    by: String,
    /// Somebody else was seen to have taken the record over.
    lost: AtomicBool,
    kept: Mutex<Option<OwnedRecord>>,
}

struct OwnedRecord {
    lease: HeldLease,
    /// The operation in it began with this run.
    is_new: bool,
    /// As far as it was written, or is to be written with the next intent.
    record: Record,
    /// `None`: the API servers could not give or take one yet.
    seal_key: Option<SealKey>,
    last: Option<Stored>,
}

impl Recorder {
    pub(crate) fn new(
        api: &KubernetesApi,
        namespace: &str,
        timing: Timing,
        reporter: Reporter,
        releases: TaskTracker,
    ) -> Self {
        Self {
            state: RecordStore::new(api.clone(), namespace.to_owned()),
            seals: SealStore::new(api.clone(), namespace.to_owned()),
            lease: LeaseStore::new(api.clone(), namespace.to_owned()),
            timing,
            reporter,
            releases,
            by: name(),
            lost: AtomicBool::new(false),
            kept: Mutex::new(None),
        }
    }

    /// Who records.
    pub(crate) fn by(&self) -> &str {
        &self.by
    }

    /// Takes the Lease and records the operation, over exactly what was observed. `is_new`: nobody
    /// has recorded it before.
    pub(super) async fn begin(
        &self,
        found: &StoredRecord,
        operation: &Operation,
        is_new: bool,
    ) -> Result<BeginOutcome> {
        self.open(found, is_new, |record| record.begin(operation.clone())).await
    }

    async fn open(
        &self,
        found: &StoredRecord,
        is_new: bool,
        change: impl FnOnce(&mut Record),
    ) -> Result<BeginOutcome> {
        let mut kept = self.kept.lock().await;
        if let Some(kept) = kept.as_mut() {
            // A later round of the same run.
            if kept.version() != found.stored.as_ref().map(Stored::version) {
                self.look_again(kept).await?;
            }
            let mut record = found.reconciled.record.clone();
            // Of what could not be sealed yet nothing is read back.
            record.operation = record.operation.or(kept.record.operation.take());
            kept.record = record;
            return Ok(BeginOutcome::Already);
        }
        let say = |text| self.reporter.message(text);
        let lease = take(self.lease.clone(), &self.by, &self.timing, &self.releases, say).await?;
        let mut record = found.reconciled.record.clone();
        change(&mut record);
        let seal_key = found.seal.clone();
        let mut now = OwnedRecord { lease, is_new, record, seal_key, last: None };
        match self.first(&mut now, found).await {
            Ok(Written::As(_)) => {
                *kept = Some(now);
                Ok(BeginOutcome::Recorded)
            }
            Ok(Written::Conflict) => {
                now.lease.release().await;
                Ok(BeginOutcome::Changed)
            }
            Err(error) => {
                now.lease.release().await;
                Err(error)
            }
        }
    }

    /// Writes over what was observed.
    async fn first(&self, kept: &mut OwnedRecord, found: &StoredRecord) -> Result<Written> {
        let (text, seal) = self.sealed(kept).await?;
        let written = self.state.write(&text, seal.as_deref(), found.stored.as_ref()).await?;
        if let Written::As(stored) = &written {
            kept.last = Some(stored.clone());
        }
        Ok(written)
    }

    /// What the operation ends with, now that its key is made.
    pub(super) async fn made(&self, target: &KmsChange) -> Result<()> {
        self.write(|record| record.plans(Some(target), None)).await
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

    /// Records the version of the customer-managed key that AKS is going to take up.
    pub(super) async fn awaits(&self, version: &KeyId) -> Result<()> {
        self.write(|record| record.awaits(version)).await
    }

    /// Records that AKS has taken it up.
    pub(super) async fn taken_up(&self, version: &KeyId) -> Result<()> {
        self.write(|record| record.taken_up(version, crate::clock::now())).await
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
    pub(super) async fn intend(
        &self,
        key: &ExpectedKey,
        ends_with: Option<&KmsChange>,
        turns_off: Option<&KmsChange>,
        etag: Option<&str>,
    ) -> Result<()> {
        self.write(|record| {
            record.intend(key, etag);
            record.plans(ends_with, turns_off);
        })
        .await?;
        self.check().await
    }

    /// Records that the cluster is set, and its eTag now.
    pub(super) async fn settled(
        &self,
        key: &ExpectedKey,
        etag: Option<&str>,
        certainty: Certainty,
    ) -> Result<()> {
        self.write(|record| record.settled(key, etag, crate::clock::now(), certainty)).await
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
            kept.record.learn(key, hash, crate::clock::now());
        }
    }

    /// Records the keys and their proof; the operation is over.
    pub(super) async fn finish(&self) -> Result<()> {
        self.write(Record::finish).await
    }

    /// The run ends before it wrote anything: an operation that began with it is as if it had not
    /// begun. False: it is recorded as before.
    pub(crate) async fn forget(&self) -> Result<bool> {
        let is_new = self.kept.lock().await.as_ref().is_some_and(|kept| kept.is_new);
        if is_new {
            self.write(Record::abandon).await?;
        }
        Ok(is_new)
    }

    /// Takes the Lease and drops the operation, keeping what must still be known.
    pub(crate) async fn drop_operation(&self, found: &StoredRecord) -> Result<()> {
        match self.open(found, false, Record::abandon).await? {
            BeginOutcome::Recorded | BeginOutcome::Already => Ok(()),
            BeginOutcome::Changed => Err(lost(None)),
        }
    }

    /// Whether this run still is the one writer.
    pub(super) async fn check(&self) -> Result<()> {
        match self.kept.lock().await.as_ref() {
            Some(kept) => kept.lease.check().await,
            None => Ok(()),
        }
    }

    /// Sends a change of what is not in the record. Where this is dropped meanwhile, the Lease is not given
    /// back: the change may come through until it is dead.
    /// So it is where the response was lost.
    pub(super) async fn sent<T>(&self, request: impl Future<Output = Result<T>>) -> Result<T> {
        self.is_sending(true).await;
        let response = request.await;
        let is_lost =
            |error: &Error| matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Timeout);
        if !response.as_ref().is_err_and(is_lost) {
            self.is_sending(false).await;
        }
        response
    }

    async fn is_sending(&self, sending: bool) {
        if let Some(kept) = self.kept.lock().await.as_ref() {
            kept.lease.is_sending(sending);
        }
    }

    /// Whether somebody else has taken over: what is recorded is theirs.
    pub(crate) async fn is_lost(&self) -> bool {
        let kept = self.kept.lock().await;
        self.lost.load(Ordering::Relaxed) || kept.as_ref().is_some_and(|kept| kept.lease.is_lost())
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
        let (text, seal) = self.sealed(kept).await?;
        if kept.last.as_ref().is_some_and(|last| last.is(&text, seal.as_deref())) {
            return Ok(());
        }
        for _ in 0..TRIES {
            match self.state.write(&text, seal.as_deref(), kept.last.as_ref()).await? {
                Written::As(stored) => {
                    kept.last = Some(stored);
                    return Ok(());
                }
                Written::Conflict => self.look_again(kept).await?,
            }
        }
        let message = "somebody keeps changing ConfigMap aks-kms, in which the operation is recorded; nothing more \
                       was written here: run this again when nobody does";
        Err(Error::new(ErrorKind::Conflict, message))
    }

    /// The record's text and its seal. While the API servers can neither give nor take the key of
    /// the seal there is none: what is written then is believed by nobody, until it is written
    /// again.
    async fn sealed(&self, kept: &mut OwnedRecord) -> Result<(String, Option<String>)> {
        let text = kept.record.render()?;
        if kept.seal_key.is_none() {
            match self.seals.make().await {
                Ok(key) => kept.seal_key = Some(key),
                Err(error) if is_down(&error) => {
                    tracing::warn!(%error, "the record is not sealed yet");
                }
                Err(error) => return Err(error),
            }
        }
        let uid = &kept.record.cluster.uid;
        let seal = kept.seal_key.as_ref().map(|key| key.seal(uid, &text));
        Ok((text, seal))
    }

    /// The object was changed. Where text and seal are what this run wrote last, and the Lease is
    /// still its own, somebody changed what is not ours, such as a label: then this run goes on.
    async fn look_again(&self, kept: &mut OwnedRecord) -> Result<()> {
        let is_ours = |now: &Stored| {
            kept.last.as_ref().is_some_and(|last| now.is(&last.text, last.seal.as_deref()))
        };
        let Some(now) = self.state.read().await?.filter(is_ours) else {
            // Whoever wrote it holds the Lease now, or nobody must write it.
            self.lost.store(true, Ordering::Relaxed);
            return Err(lost(None));
        };
        kept.lease.check().await?;
        kept.last = Some(now);
        Ok(())
    }
}

impl OwnedRecord {
    /// Of what was written last.
    fn version(&self) -> Option<&str> {
        self.last.as_ref().map(Stored::version)
    }
}

/// Whether the API servers do not respond, or not as they should.
fn is_down(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Timeout | ErrorKind::Throttled)
}

/// A name for this run that tells a person where it is.
fn name() -> String {
    let host = ["HOSTNAME", "COMPUTERNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|host| !host.is_empty()))
        .or_else(|| std::fs::read_to_string("/etc/hostname").ok())
        .map_or_else(|| "unknown host".to_owned(), |host| one_line(&host, LONGEST_NAME));
    format!("aks-kms on {host}, process {}, run {}", std::process::id(), uuid::Uuid::new_v4())
}
