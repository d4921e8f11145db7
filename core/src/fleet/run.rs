//! Goes through the clusters of a fleet.

use std::sync::Arc;

use futures::{StreamExt, stream::FuturesUnordered};
use tokio::time::Instant;

use super::{
    Inner,
    clusters::{Selected, select},
    given,
    keys::KeysOfClusters,
    progress::FleetReporter,
    row::{self, Given},
    turns::AtWork,
    waves::{is_failure, problems, split, why_not_next},
};
use crate::{
    error::{Error, Result},
    ids::{ClusterId, KeyId},
    options::{
        EnableOptions, FleetOptions, FleetVerb, ReencryptSecretsOptions, RotateOptions,
        SetDataEncryptionOptions, VerifySecretsOptions,
    },
    progress::OnProgress,
    report::{FleetReport, FleetRow, FleetTotals, KmsStatus, UnreadableResource, Versions},
    rules,
};

/// Clusters at work at once, where nothing else is asked for.
const MAX_CLUSTERS: usize = 8;
/// The same, where nothing is written.
const MAX_CLUSTERS_READING: usize = 32;

/// So many clusters look for their vaults one by one: Resource Graph takes fifteen queries at once.
const FEW: usize = 8;

/// A run over the clusters.
struct FleetRun<'a> {
    fleet: &'a Inner,
    verb: FleetVerb,
    options: FleetOptions,
    dry_run: bool,
    reporter: Arc<FleetReporter>,
}

/// A cluster that is to come, with its wave.
struct Planned<'a> {
    cluster: &'a ClusterId,
    wave: usize,
}

/// Does something to every cluster.
pub(super) async fn run(
    fleet: &Inner,
    verb: FleetVerb,
    options: FleetOptions,
) -> Result<FleetReport> {
    let started_at = crate::clock::now();
    check(fleet, &verb, &options)?;
    let dry_run = options.dry_run || verb.run().is_some_and(|run| run.dry_run);
    let reporter = Arc::new(FleetReporter::new(verb.verb(), options.on_progress.clone()));
    let run = FleetRun { fleet, verb, options, dry_run, reporter };
    let outcome = run.through_all().await;
    run.reporter.finish(match &outcome {
        Ok(done) => done.totals.to_string(),
        Err(error) => error.to_string(),
    });
    let Done { clusters, totals, removable_keys, unreadable, stopped } = outcome?;
    Ok(FleetReport {
        operation: run.verb.verb(),
        dry_run,
        when_older_than_seconds: run.verb.when_older_than().map(|age| age.as_secs_f64()),
        versions: Versions::with(fleet.access.azure.managed_clusters_api_version()),
        started_at,
        finished_at: crate::clock::now(),
        clusters,
        totals,
        removable_keys,
        unreadable,
        stopped,
    })
}

/// Refuses what is malformed.
pub(super) fn check(fleet: &Inner, verb: &FleetVerb, options: &FleetOptions) -> Result<()> {
    let problems = wrong_options(fleet, verb, options);
    if problems.is_empty() { Ok(()) } else { Err(rules::invalid_input(Vec::new(), problems)) }
}

/// What is wrong with the options of the fleet, and those of the verb that no cluster needs to be asked for.
fn wrong_options(fleet: &Inner, verb: &FleetVerb, options: &FleetOptions) -> Vec<String> {
    let FleetOptions { waves, max_clusters, stop_after_failures, .. } = options;
    let mut wrong = problems(waves, *max_clusters, *stop_after_failures);
    if let Some(run) = verb.run() {
        wrong.extend(rules::option_problems(verb.verb(), &run, None));
    }
    if let FleetVerb::Rotate(rotate) = verb {
        match rotate.when_older_than {
            Some(than) => wrong.extend(rules::age_problems(than, fleet.access.journal.is_kept())),
            None => wrong.push(
                "when_older_than is missing, without which each run would rotate every cluster once more; pass how old \
                 a key may become"
                    .to_owned(),
            ),
        }
    }
    wrong
}

/// What came of all clusters.
struct Done {
    clusters: Vec<FleetRow>,
    totals: FleetTotals,
    removable_keys: Vec<KeyId>,
    unreadable: Vec<UnreadableResource>,
    stopped: Option<String>,
}

impl FleetRun<'_> {
    async fn through_all(&self) -> Result<Done> {
        self.reporter.looks();
        let selected = select(self.fleet).await?;
        let mut stopped = selected.why_none();
        let Selected { clusters, left_out, unreadable } = selected;
        given::each_has_its_own(&self.verb, &clusters)?;
        // Where the cloud does not say what its vaults are called, each cluster tells why.
        if let Ok(suffix) = self.fleet.access.azure.key_vault_suffix().await {
            given::each_can_be_used(&self.verb, &clusters, suffix)?;
        }
        if self.fleet.resource_graph && clusters.len() > FEW {
            // Where it gives nothing, each cluster looks for its own.
            let _ = self.fleet.access.azure.look_for_vaults().await;
        }
        let waves = split(clusters.len(), &self.options.waves);
        self.reporter.found(clusters.len(), waves.len());
        let numbers =
            waves.iter().zip(1..).flat_map(|(size, wave)| std::iter::repeat_n(wave, *size));
        let planned: Vec<Planned<'_>> =
            clusters.iter().zip(numbers).map(|(cluster, wave)| Planned { cluster, wave }).collect();
        let mut rows: Vec<FleetRow> = Vec::with_capacity(planned.len());
        let mut keys = KeysOfClusters::default();
        for cluster in left_out {
            keys.left_out(&cluster);
        }
        if !unreadable.is_empty() {
            // clusters that were not found may need any
            keys.silent();
        }
        for wave in self.together(&planned) {
            let first = wave.first().map_or(0, |planned| planned.wave);
            if stopped.is_none() {
                self.reporter.wave(first, wave.len());
                let (of_wave, why) = self.through(wave, &rows, &mut keys).await;
                let next = planned.len() > rows.len() + of_wave.len();
                stopped = why.or_else(|| why_not_next(first, &of_wave).filter(|_| next));
                rows.extend(of_wave);
            } else {
                keys.silent();
                rows.extend(wave.iter().map(|it| row::not_started(it.cluster, it.wave)));
            }
        }
        let totals = FleetTotals::of(&rows);
        Ok(Done { clusters: rows, totals, removable_keys: keys.removable(), unreadable, stopped })
    }

    /// What is gone through together: a wave, or all where nothing is written.
    fn together<'p, 'c>(&self, planned: &'p [Planned<'c>]) -> Vec<&'p [Planned<'c>]> {
        if self.writes() {
            planned.chunk_by(|one, next| one.wave == next.wave).collect()
        } else {
            planned.chunks(planned.len().max(1)).collect()
        }
    }

    fn writes(&self) -> bool {
        !(self.dry_run || self.verb.only_reads())
    }

    /// Goes through clusters, several at a time; gives their rows, and why some of them were not begun.
    async fn through(
        &self,
        wave: &[Planned<'_>],
        before: &[FleetRow],
        keys: &mut KeysOfClusters,
    ) -> (Vec<FleetRow>, Option<String>) {
        let usual = if self.writes() { MAX_CLUSTERS } else { MAX_CLUSTERS_READING };
        let at_once = self.options.max_clusters.unwrap_or(usual);
        let mut failures = before.iter().filter(|row| is_failure(row.outcome)).count();
        let mut rows: Vec<FleetRow> =
            wave.iter().map(|it| row::not_started(it.cluster, it.wave)).collect();
        let mut waiting: Vec<_> = wave.iter().zip(rows.iter_mut()).collect();
        let mut at_work = FuturesUnordered::new();
        let mut in_subscription = AtWork::default();
        let is_enough =
            |failures| self.options.stop_after_failures.is_some_and(|most| failures >= most);
        loop {
            while at_work.len() < at_once && !is_enough(failures) {
                let subscriptions = waiting.iter().map(|(it, _)| it.cluster.subscription_id());
                let Some(next) = in_subscription.next(subscriptions) else { break };
                let (planned, row) = waiting.remove(next);
                in_subscription.began(planned.cluster.subscription_id());
                at_work.push(async move {
                    let (came, status) = Box::pin(self.at(planned)).await;
                    *row = came;
                    (planned, row.outcome, status)
                });
            }
            let Some((planned, outcome, status)) = at_work.next().await else { break };
            in_subscription.ended(planned.cluster.subscription_id());
            failures += usize::from(is_failure(outcome));
            match status {
                Some(status) => keys.told(&status),
                None => keys.silent(),
            }
        }
        let left = waiting.len();
        drop(at_work);
        if left > 0 {
            keys.silent();
        }
        let why = (left > 0).then(|| {
            format!(
                "no more clusters were begun after {failures} were refused, unfinished or failed; do what their rows \
                 say and run this again, which leaves those alone that are done"
            )
        });
        (rows, why)
    }

    /// Does it to one cluster; gives its row, and what it says of its keys.
    async fn at(&self, planned: &Planned<'_>) -> (FleetRow, Option<Box<KmsStatus>>) {
        let Planned { cluster, wave } = *planned;
        self.reporter.began(cluster);
        let (started_at, began) = (crate::clock::now(), Instant::now());
        let came = self.call(cluster).await;
        let status = match &came {
            Ok(Given::Report(report)) => Some(Box::new(report.after.clone())),
            Ok(Given::Status(status)) => Some(status.clone()),
            Err(error) => error.report().map(|report| Box::new(report.after.clone())),
        };
        let took = (started_at, began.elapsed().as_secs_f64());
        let row = row::ended(cluster, wave, self.verb.verb(), came, took);
        self.reporter.ended(cluster, row.outcome);
        (row, status)
    }

    async fn call(&self, cluster: &ClusterId) -> Result<Given> {
        let manager = self.fleet.manager(cluster.clone());
        let (dry_run, on_progress) = (self.dry_run, self.progress_of(cluster));
        let lacks = || Error::internal("a cluster has nothing that its verb takes");
        let report = match &self.verb {
            FleetVerb::Rotate(options) => {
                let options = RotateOptions { dry_run, on_progress, ..options.clone() };
                manager.rotate(None, options).await
            }
            FleetVerb::Enable { key_ids, options } => {
                let options = EnableOptions { dry_run, on_progress, ..options.clone() };
                manager.enable(key_ids.get(cluster).ok_or_else(lacks)?, options).await
            }
            FleetVerb::SetDataEncryption { key_sources, options } => {
                let options = SetDataEncryptionOptions { dry_run, on_progress, ..options.clone() };
                let key_source = key_sources.get(cluster).ok_or_else(lacks)?;
                manager.set_data_encryption(key_source, options).await
            }
            FleetVerb::ReencryptSecrets(options) => {
                let options = ReencryptSecretsOptions { dry_run, on_progress, ..options.clone() };
                manager.reencrypt_secrets(options).await
            }
            FleetVerb::VerifySecrets(options) => {
                let options = VerifySecretsOptions { dry_run, on_progress, ..options.clone() };
                manager.verify_secrets(options).await
            }
            FleetVerb::Status(options) => {
                let status = manager.status(options.clone()).await?;
                return Ok(Given::Status(Box::new(status)));
            }
        };
        Ok(Given::Report(Box::new(report?)))
    }

    fn progress_of(&self, cluster: &ClusterId) -> Option<OnProgress> {
        self.options.on_progress.as_ref()?;
        let (reporter, cluster) = (Arc::clone(&self.reporter), cluster.clone());
        Some(Arc::new(move |progress| reporter.went_on(&cluster, progress)))
    }
}
