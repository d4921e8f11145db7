//! [`KmsManager`]: each verb is observe → plan → run.

use std::{fmt, future::Future, sync::Arc, time::Duration};

use tracing::Instrument;

use crate::{
    azure::Azure,
    builder::KmsManagerBuilder,
    error::{Error, ErrorKind, Result},
    kubernetes::{KubernetesAccess, Needs, ObserveScope},
    model::{
        ClusterId, EnableOptions, KmsStatus, KubernetesVersion, Observed, OperationReport,
        ReencryptOptions, ReencryptSecretsOptions, RunOptions, SecretTotal, StatusOptions, Target,
        Timing, Verb,
    },
    observe::{Observation, Sources, observe},
    operations,
    plan::Plan,
    progress::{Phase, Reporter},
    reencrypt::{Engine, EngineConfig},
    rules,
    runner::{Ended, RunLog, Runner},
};

/// Where the canary secret lives.
const STATE_NAMESPACE: &str = "kube-system";
/// How long the look at the cluster after an error may take.
const LAST_LOOK: Duration = Duration::from_secs(10);
/// How often a plan is made again when others keep changing the cluster.
const PLANS: usize = 4;

/// Manages the KMS etcd encryption of one cluster.
///
/// Cheap to make and to clone; does no I/O until a verb is called; usable from several tasks at
/// once. Every verb's future is `Send` and safe to drop: calling the verb again finishes what was
/// begun.
#[derive(Clone)]
pub struct KmsManager(Arc<Inner>);

struct Inner {
    cluster: ClusterId,
    azure: Arc<Azure>,
    kubernetes: KubernetesAccess,
    timing: Timing,
}

impl KmsManager {
    /// Begins to make a manager of one cluster.
    pub fn builder(cluster: ClusterId) -> KmsManagerBuilder {
        KmsManagerBuilder::new(cluster)
    }

    pub(crate) fn new(
        cluster: ClusterId,
        azure: Azure,
        kubernetes: KubernetesAccess,
        timing: Timing,
    ) -> Self {
        Self(Arc::new(Inner { cluster, azure: Arc::new(azure), kubernetes, timing }))
    }

    /// The cluster.
    #[must_use]
    pub fn cluster_id(&self) -> &ClusterId {
        &self.0.cluster
    }

    /// Turns KMS on with a key, rewrites every secret under it and proves it.
    ///
    /// Before the first write it checks every documented limitation. Already on with this key: the
    /// cluster is not changed, but secrets that an unfinished run left behind are rewritten, and
    /// all are verified. Documented at
    /// <https://learn.microsoft.com/azure/aks/use-kms-etcd-encryption>.
    ///
    /// # Errors
    /// `invalid_input` for malformed arguments, `preflight_failed` when rules are violated (all of
    /// them are in [`Error::findings`]), `conflict` when the cluster is busy or keeps changing,
    /// `operation_failed` when Azure ends the update as failed, `reencrypt_incomplete` when secrets
    /// are blocked, `kms_unavailable` when API servers do not come to write with the key, and those
    /// of Azure and the network.
    pub async fn enable(
        &self,
        key_id: impl AsRef<str> + Send,
        options: EnableOptions,
    ) -> Result<OperationReport> {
        let key_id = key_id.as_ref().to_owned();
        let problems = problems(Verb::Enable, &options.run, options.reencrypt.options());
        let suffix = self.0.azure.key_vault_suffix().await?;
        let vault_id = options.key_vault_id.as_deref();
        let target = match rules::target(&key_id, options.network_mode, vault_id, suffix) {
            Ok(target) if problems.is_empty() => target,
            Ok(_) => return Err(rules::invalid_input(Vec::new(), problems)),
            Err(findings) => return Err(rules::invalid_input(findings, problems)),
        };
        let request = Request {
            verb: Verb::Enable,
            run: &options.run,
            reencrypt: options.reencrypt.options(),
            target: Some(&target),
        };
        self.perform(request, |seen| operations::enable(seen, &target, &options)).await
    }

    /// Rewrites secrets under the key in use, and proves it: the storage migration.
    ///
    /// The cluster's configuration is not changed. Secrets that are under the key already are not
    /// written. With `namespaces` it covers a part of the cluster, which is never proof of the whole.
    ///
    /// # Errors
    /// As [`enable`](Self::enable), without `operation_failed`.
    pub async fn reencrypt_secrets(
        &self,
        options: ReencryptSecretsOptions,
    ) -> Result<OperationReport> {
        let problems = problems(Verb::ReencryptSecrets, &options.run, Some(&options.reencrypt));
        if !problems.is_empty() {
            return Err(rules::invalid_input(Vec::new(), problems));
        }
        let request = Request {
            verb: Verb::ReencryptSecrets,
            run: &options.run,
            reencrypt: Some(&options.reencrypt),
            target: None,
        };
        self.perform(request, |seen| operations::reencrypt_secrets(seen, &options)).await
    }

    /// Reads the present state, and says what is wrong or will be.
    ///
    /// # Errors
    /// Those of Azure and the network. An API server that cannot be reached is a finding.
    pub async fn status(&self, options: StatusOptions) -> Result<KmsStatus> {
        let scope = ObserveScope {
            namespaces: None,
            needs: Needs::Status,
            state_namespace: STATE_NAMESPACE,
            dry_run_patches: false,
            count_secrets: options.secrets,
        };
        let seen = self.observe(None, scope).await?.observed;
        let mut status = seen.cluster.status(operations::status(&seen));
        if options.secrets {
            status.secrets = seen
                .kubernetes
                .known()
                .and_then(|facts| facts.secrets.known())
                .map(|&total| SecretTotal { total });
        }
        Ok(status)
    }

    /// Observe → plan → run, within the time limit, and with a report in every case.
    async fn perform(
        &self,
        request: Request<'_>,
        plan: impl Fn(&Observed) -> Result<Plan> + Send + Sync,
    ) -> Result<OperationReport> {
        let run = request.run;
        let reporter = Reporter::new(request.verb, run.on_progress.clone());
        let log = RunLog::new(request.verb, self.0.cluster.clone(), run.dry_run, run.allow.clone());
        let span =
            tracing::info_span!("operation", verb = %request.verb, cluster = %self.0.cluster);
        let work = Box::pin(self.rounds(&request, plan, &reporter, &log).instrument(span));
        let outcome = within(run, request.verb, &self.0.cluster, work).await;
        if outcome.is_err() && log.has_begun() {
            // how the cluster is now, which an error's report is read for
            let look = self.0.azure.cluster(&self.0.cluster);
            if let Ok(Ok(after)) = tokio::time::timeout(LAST_LOOK, look).await {
                log.seen(after.facts.status(Vec::new()));
            }
        }
        match &outcome {
            Ok(()) => reporter.finish("Done"),
            Err(error) => reporter.finish(error.to_string()),
        }
        let report = log.report();
        match outcome {
            Ok(()) => report.ok_or_else(|| {
                Error::new(
                    ErrorKind::Unexpected,
                    "the operation ended without having seen the cluster",
                )
            }),
            Err(error) => Err(match report {
                Some(report) => error.with_report(report),
                None => error,
            }),
        }
    }

    /// Plans and runs, again when somebody else changed the cluster in between.
    async fn rounds(
        &self,
        request: &Request<'_>,
        plan: impl Fn(&Observed) -> Result<Plan> + Send + Sync,
        reporter: &Reporter,
        log: &RunLog,
    ) -> Result<()> {
        let mut why = String::new();
        for _ in 0..PLANS {
            reporter.phase(
                Phase::Observe,
                None,
                "Reading cluster, vault, key, access and Kubernetes",
            );
            let seen = self.observe(request.target, request.scope()).await?;
            log.seen(seen.observed.cluster.status(Vec::new()));
            reporter.phase(Phase::Plan, None, "Judging the rules and ordering the steps");
            let plan = plan(&seen.observed)?;
            log.planned(&plan);
            if request.run.dry_run {
                return Ok(());
            }
            if let Some(refusal) = rules::refusal(&plan.findings, &request.run.allow) {
                return Err(refusal);
            }
            match self.run(request, seen, &plan, reporter, log).await? {
                Ended::Done => {
                    let after = self.0.azure.cluster(&self.0.cluster).await?;
                    log.seen(after.facts.status(Vec::new()));
                    return Ok(());
                }
                Ended::PlanAgain(reason) => why = reason,
            }
        }
        Err(Error::new(
            ErrorKind::Conflict,
            format!(
                "cluster {} keeps changing: {why}; run this again when nobody else works on it",
                self.0.cluster
            ),
        ))
    }

    async fn run(
        &self,
        request: &Request<'_>,
        seen: Observation,
        plan: &Plan,
        reporter: &Reporter,
        log: &RunLog,
    ) -> Result<Ended> {
        let facts = seen.observed.kubernetes.known();
        let engine = seen.kubernetes.map(|api| {
            Engine::new(EngineConfig {
                api,
                timing: self.0.timing.clone(),
                options: request.reencrypt.cloned().unwrap_or_default(),
                state_namespace: STATE_NAMESPACE.to_owned(),
                // not known now is not "no": a server may just be restarting
                metrics: facts.is_some_and(|facts| facts.metrics.known() != Some(&false)),
                total: facts.and_then(|facts| facts.secrets.known().copied()),
                reporter: reporter.clone(),
                known_key_id_hash: None,
                kms_v1: seen.observed.cluster.kubernetes_version < KubernetesVersion::KMS_V2,
            })
        });
        let runner = Runner {
            azure: &self.0.azure,
            cluster: &self.0.cluster,
            engine,
            timing: &self.0.timing,
            reporter,
            log,
            allow: &request.run.allow,
            give_up_secrets: &request.run.give_up_secrets,
        };
        runner.run(plan, seen.observed.cluster.etag).await
    }

    async fn observe(
        &self,
        target: Option<&Target>,
        scope: ObserveScope<'_>,
    ) -> Result<Observation> {
        let sources = Sources {
            azure: &self.0.azure,
            cluster: &self.0.cluster,
            access: &self.0.kubernetes,
            timing: &self.0.timing,
        };
        observe(sources, target, scope).await
    }
}

/// What a verb is called with.
struct Request<'a> {
    verb: Verb,
    run: &'a RunOptions,
    reencrypt: Option<&'a ReencryptOptions>,
    target: Option<&'a Target>,
}

impl Request<'_> {
    /// What is looked at in Kubernetes.
    fn scope(&self) -> ObserveScope<'_> {
        ObserveScope {
            namespaces: self.reencrypt.and_then(|options| options.namespaces.as_deref()),
            needs: Needs::Rewrite,
            state_namespace: STATE_NAMESPACE,
            dry_run_patches: true,
            count_secrets: true,
        }
    }
}

/// What is wrong with a verb's options.
fn problems(verb: Verb, run: &RunOptions, reencrypt: Option<&ReencryptOptions>) -> Vec<String> {
    let mut problems = rules::run_options(run);
    problems
        .extend(reencrypt.into_iter().flat_map(|options| rules::reencrypt_options(verb, options)));
    problems
}

/// The caller's time limit.
async fn within(
    run: &RunOptions,
    verb: Verb,
    cluster: &ClusterId,
    work: impl Future<Output = Result<()>>,
) -> Result<()> {
    tokio::time::timeout(run.timeout, work).await.unwrap_or_else(|_| {
        Err(Error::new(
            ErrorKind::Timeout,
            format!(
                "{verb} of {cluster} did not end within its time limit of {} s; calling it again goes on from here",
                run.timeout.as_secs()
            ),
        ))
    })
}

impl fmt::Debug for KmsManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KmsManager").field("cluster", &self.0.cluster).finish_non_exhaustive()
    }
}
