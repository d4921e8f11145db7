//! What every call of a verb has: the looks at the cluster, progress, a time limit, and a report in every case.

use std::{future::Future, time::Duration};

use tokio::time::Instant;

use super::Inner;
use crate::{
    access::Access,
    error::{Error, ErrorKind, Result},
    facts::{ClusterFacts, KubernetesFacts},
    ids::{ClusterId, KeyId, KubernetesVersion, Verb},
    kubernetes::{KubernetesApi, Needs, ObserveScope},
    ledger::{Operation, Reconciled, Record, judge},
    observe::{DataEncryptionScope, KeyToObserve, Observation, ObserveContext, observe},
    observed::Observed,
    options::{ReencryptOptions, RunOptions},
    progress::Reporter,
    reencrypt::{Engine, EngineConfig},
    report::{KmsStatus, OperationReport},
    rules,
    runner::{RunLog, Waited},
};

/// How long a verb may take that only reads and has no time limit of its own.
pub(super) const READING: Duration = Duration::from_secs(120);

/// How long a call may take, and since when.
#[derive(Clone, Copy)]
pub(super) struct TimeLimit {
    began: Instant,
    limit: Duration,
}

impl From<Duration> for TimeLimit {
    /// From now on.
    fn from(limit: Duration) -> Self {
        Self { began: Instant::now(), limit }
    }
}

impl TimeLimit {
    /// This one, or a shorter one since the same moment.
    pub(super) fn at_most(self, limit: Duration) -> Self {
        Self { limit: self.limit.min(limit), ..self }
    }

    fn left(self) -> Duration {
        self.limit.saturating_sub(self.began.elapsed())
    }
}

/// What a verb leaves when its time limit ends it.
#[derive(Clone, Copy)]
pub(super) enum AtTimeLimit {
    /// Nothing was changed.
    Unchanged,
    /// What was begun is gone on with by the same call.
    GoesOn,
    /// The operation has begun, and is not recorded.
    IsForgotten,
}

/// A call of a verb that makes a report.
pub(super) struct Session<'a> {
    pub(super) inner: &'a Inner,
    verb: Verb,
    pub(super) reporter: Reporter,
    pub(super) log: RunLog,
}

impl<'a> Session<'a> {
    pub(super) fn new(inner: &'a Inner, verb: Verb, run: &RunOptions) -> Self {
        Self {
            inner,
            verb,
            reporter: Reporter::new(verb, run.on_progress.clone()),
            log: RunLog::new(
                verb,
                inner.cluster.clone(),
                run.dry_run,
                run.allow.clone(),
                inner.access.azure.managed_clusters_api_version(),
            ),
        }
    }

    /// What the call is, in words.
    pub(super) fn what(&self) -> String {
        format!("{} of cluster {}", self.verb, self.inner.cluster.name())
    }

    /// The work, unless it takes longer than the time limit: then the error says what was going on.
    pub(super) async fn in_time<T>(
        &self,
        limit: impl Into<TimeLimit>,
        then: AtTimeLimit,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        self.in_time_but_for(&Waited::default(), limit, then, work).await
    }

    /// The same, without the time that was waited for what is not part of the limit.
    pub(super) async fn in_time_but_for<T>(
        &self,
        waited: &Waited,
        limit: impl Into<TimeLimit>,
        then: AtTimeLimit,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let limit: TimeLimit = limit.into();
        let at_last = || self.reporter.last_message();
        let outcome = within(|| limit.left().saturating_add(waited.total()), work).await;
        in_words(outcome, &self.inner.cluster, self.verb, limit, then, at_last)
    }

    /// The report, on its own or with the error.
    pub(super) fn end(self, outcome: Result<()>) -> Result<OperationReport> {
        match &outcome {
            Ok(()) => self.reporter.finish("Done"),
            Err(error) => self.reporter.finish(error.to_string()),
        }
        let report = self.log.report(outcome.as_ref().err());
        match (outcome, report) {
            (Ok(()), Some(report)) => Ok(report),
            (Ok(()), None) => Err(Error::internal("the call ended without a look at the cluster")),
            (Err(error), Some(report)) => Err(error.with_report(report)),
            (Err(error), None) => Err(error),
        }
    }

    /// The engine for a cluster, as it is observed and recorded.
    pub(super) fn engine(
        &self,
        api: KubernetesApi,
        facts: Option<&KubernetesFacts>,
        cluster: &ClusterFacts,
        recorded: Option<&Reconciled>,
        options: ReencryptOptions,
    ) -> Engine {
        let Access { timing, journal, .. } = &self.inner.access;
        let record = recorded.map(|found| &found.record);
        let in_use = key_in_use(cluster).into_iter();
        Engine::new(EngineConfig {
            api,
            timing: timing.clone(),
            options,
            state_namespace: journal.namespace().to_owned(),
            // not known now is not "no": a server may just be restarting
            metrics: facts.is_some_and(|facts| facts.metrics.known() != Some(&false)),
            total: facts.and_then(|facts| facts.secrets.known().copied()),
            reporter: self.reporter.clone(),
            known_key_id_hashes: record.map(Record::hashes_seen).unwrap_or_default(),
            known_keys: in_use.chain(record.into_iter().flat_map(Record::keys)).collect(),
            replaced_keys: recorded.map(Reconciled::replaced_keys).unwrap_or_default(),
            settled: cluster.is_succeeded(),
            kms_v1: cluster.kubernetes_version < KubernetesVersion::KMS_V2,
        })
    }
}

impl Inner {
    pub(super) async fn observe(
        &self,
        wanted: impl Fn(&ClusterFacts, Option<&Reconciled>) -> Option<KeyToObserve>,
        scope: (ObserveScope<'_>, DataEncryptionScope),
    ) -> Result<Observation> {
        let sources = ObserveContext {
            azure: &self.access.azure,
            cluster: &self.cluster,
            access: &self.access.kubernetes,
            timing: &self.access.timing,
        };
        Box::pin(observe(sources, wanted, scope)).await
    }

    /// Observes what is in use, for a verb that changes nothing of it.
    pub(super) async fn look(&self, count_secrets: bool) -> Result<Observation> {
        let scope = (self.scope_to_look(count_secrets), DataEncryptionScope::LOOK);
        self.observe(|cluster, _| KeyToObserve::in_use(cluster), scope).await
    }

    /// Work that only reads and has no time limit of its own.
    pub(super) async fn reading<T>(
        &self,
        verb: Verb,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let (limit, then) = (READING.into(), AtTimeLimit::Unchanged);
        in_time(&self.cluster, verb, limit, then, String::new, work).await
    }

    /// What follows a vault's name in its host. To ask for it is part of the call's time.
    pub(super) async fn key_vault_suffix(&self, verb: Verb, limit: TimeLimit) -> Result<&str> {
        let asked = self.access.azure.key_vault_suffix();
        // None at all is refused afterwards, with whatever else is wrong.
        let limit = if limit.limit.is_zero() { READING.into() } else { limit };
        let then = AtTimeLimit::Unchanged;
        in_time(&self.cluster, verb, limit, then, String::new, asked).await
    }

    /// What is looked at to see how things are.
    pub(super) fn scope_to_look(&self, count_secrets: bool) -> ObserveScope<'_> {
        ObserveScope {
            namespaces: None,
            needs: Needs::Status,
            state_namespace: self.access.journal.namespace(),
            dry_run_patches: false,
            count_secrets,
            journal: self.access.journal.is_kept(),
            closes_vault: false,
        }
    }
}

/// The cluster's state with what is recorded of it.
pub(super) fn status_with(cluster: &ClusterFacts, found: Option<&Reconciled>) -> KmsStatus {
    let mut status = cluster.status(Vec::new());
    status.ledger = found.map(judge);
    status.operation_in_progress = found.and_then(|found| {
        let unsealed = || found.unsealed.as_ref()?.operation.clone();
        found.record.operation.as_ref().map(Operation::in_progress).or_else(unsealed)
    });
    status
}

/// The same, with the age of the key in use.
pub(super) fn status_of(observed: &Observed) -> KmsStatus {
    let mut status = status_with(&observed.cluster, observed.recorded());
    if let Some(Ok(age)) = rules::key_age(observed) {
        status.key_created_at = Some(age.created);
        status.key_expires_at = age.expires;
    }
    status
}

pub(super) fn key_in_use(cluster: &ClusterFacts) -> Option<KeyId> {
    cluster.kms_on()?.key_id().cloned()
}

/// The work, unless it takes longer than its time limit. `at_last`: what it was doing then.
pub(super) async fn in_time<T>(
    cluster: &ClusterId,
    verb: Verb,
    limit: TimeLimit,
    then: AtTimeLimit,
    at_last: impl FnOnce() -> String,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let outcome = within(|| limit.left(), work).await;
    in_words(outcome, cluster, verb, limit, then, at_last)
}

/// What comes of the work. `None`: nothing in time. `left` may grow while it goes on.
async fn within<T>(left: impl Fn() -> Duration, work: impl Future<Output = T>) -> Option<T> {
    let mut work = std::pin::pin!(work);
    loop {
        match tokio::time::timeout(left(), work.as_mut()).await {
            Ok(outcome) => return Some(outcome),
            Err(_) if left().is_zero() => return None,
            Err(_) => {}
        }
    }
}

fn in_words<T>(
    outcome: Option<Result<T>>,
    cluster: &ClusterId,
    verb: Verb,
    limit: TimeLimit,
    then: AtTimeLimit,
    at_last: impl FnOnce() -> String,
) -> Result<T> {
    let outcome = outcome.unwrap_or_else(|| {
        let then = match then {
            AtTimeLimit::Unchanged => {
                "Azure or the API server does not respond in time; nothing was changed, call it again"
            }
            AtTimeLimit::GoesOn => "calling it again goes on from here",
            AtTimeLimit::IsForgotten => {
                "without a journal nothing is recorded of how far it came: see the report and status, then call it again"
            }
        };
        let at_last = match at_last() {
            doing if doing.is_empty() => String::new(),
            doing => format!(" (at last: {doing})"),
        };
        let message = format!(
            "{verb} of {cluster} did not end within its time limit of {:.0} s{at_last}; {then}",
            limit.limit.as_secs_f64()
        );
        Err(Error::new(ErrorKind::Timeout, message))
    });
    outcome.map_err(|error| error.of(verb, cluster))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::testing::CLUSTER;

    #[tokio::test(start_paused = true)]
    async fn what_does_not_answer_ends_with_an_error_that_names_the_limit() {
        let cluster = ClusterId::parse(CLUSTER).unwrap();
        let then = AtTimeLimit::Unchanged;
        let never = std::future::pending::<Result<()>>();
        let at_last = || "asking".to_owned();
        let outcome = in_time(&cluster, Verb::Status, READING.into(), then, at_last, never).await;
        let error = outcome.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert!(error.to_string().contains("status of"), "{error}");
        assert!(error.to_string().contains("120 s (at last: asking)"), "{error}");
        let soon = async { Ok(1) };
        let limit = READING.into();
        let outcome = in_time(&cluster, Verb::Status, limit, then, String::new, soon).await;
        assert_eq!(outcome.unwrap(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_done_before_is_part_of_the_time() {
        let limit = TimeLimit::from(Duration::from_secs(60));
        tokio::time::sleep(Duration::from_secs(50)).await;
        assert_eq!(limit.left(), Duration::from_secs(10));
        assert_eq!(limit.at_most(Duration::from_secs(55)).left(), Duration::from_secs(5));
        assert_eq!(limit.at_most(Duration::from_secs(40)).left(), Duration::ZERO);
        assert_eq!(limit.at_most(Duration::MAX).left(), Duration::from_secs(10));
    }
}
