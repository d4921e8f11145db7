//! The effects on the managed cluster.

use tokio::time::{Instant, sleep};

use super::{RunData, Runner};
use crate::{
    azure::{Azure, Ended, ManagedCluster, Operation, UpgradeTarget},
    catalogue::RuleId,
    error::{Error, ErrorKind, Result},
    facts::{Fact, is_terminal_state},
    ids::{ClusterId, KubernetesVersion, NetworkMode},
    operation::{Failure, Outcome, Upgrade},
    options::Timing,
    progress::Reporter,
    report::{Finding, KmsChange, KmsConfiguration},
};

impl Runner<'_> {
    pub(super) async fn read_cluster(&self, wait: bool, data: &mut RunData) -> Result<Outcome> {
        let seen =
            if wait { self.settled().await? } else { self.azure.cluster(self.cluster).await? };
        let facts = Box::new(seen.facts.clone());
        data.cluster = Some(seen);
        Ok(Outcome::Cluster(facts))
    }

    /// Sets the profile. What is sent is made from what was just read, after the intent.
    pub(super) async fn put_kms(&self, target: &KmsChange, data: &mut RunData) -> Result<Outcome> {
        self.still_ours().await?;
        let Ended { cluster: after, seen_at_once } = match self.change(read(data)?, target).await {
            Ok(ended) => ended,
            Err(error) => {
                let failure = data.retry.after(&error, self.timing, self.reporter).await;
                data.error = Some(error);
                return Ok(Outcome::Failed(failure.unwrap_or(Failure::Other)));
            }
        };
        self.confirm(&after, target)?;
        Ok(set(after, seen_at_once, data))
    }

    /// Whether this run still is the one writer.
    pub(super) async fn still_ours(&self) -> Result<()> {
        match &self.recording {
            Some(recording) => recording.recorder.check().await,
            None => Ok(()),
        }
    }

    /// Sends a change. Who is dropped meanwhile keeps the Lease.
    pub(super) async fn sent<T>(&self, request: impl Future<Output = Result<T>>) -> Result<T> {
        match &self.recording {
            Some(recording) => recording.recorder.sent(request).await,
            None => request.await,
        }
    }

    async fn change(&self, cluster: &ManagedCluster, target: &KmsChange) -> Result<Ended> {
        let operation = self.sent(self.azure.put_kms(cluster, target)).await?;
        self.ended(operation, "The cluster's operation").await
    }

    /// Waits for an operation of the cluster, and says how it stands.
    async fn ended(&self, operation: Operation, what: &str) -> Result<Ended> {
        // the operation's own time limit is the caller's, which drops this future
        let deadline = Instant::now() + self.timing.operation_limit;
        let say = |status: &str| self.reporter.message(format!("{what} is {status}"));
        operation.wait(self.azure, deadline, say).await
    }

    /// Looks at the cluster, and waits while it is busy with something else.
    pub(super) async fn settled(&self) -> Result<ManagedCluster> {
        settled(self.azure, self.cluster, self.timing, self.reporter).await
    }

    /// Azure said Succeeded: does the cluster say so too? What it goes on with by itself is waited for
    /// by the next look.
    fn confirm(&self, after: &ManagedCluster, target: &KmsChange) -> Result<()> {
        let state = &after.facts.provisioning_state;
        let why = match (after.facts.has(target), is_terminal_state(state)) {
            (true, false) => return Ok(()),
            (true, true) if after.facts.is_succeeded() => return Ok(()),
            (true, true) => format!("the cluster is {state} after another operation"),
            (false, _) => {
                "the cluster's KMS profile is not what was asked for; somebody else changed it"
                    .to_owned()
            }
        };
        let message =
            format!("the operation on {} succeeded, but {why}; run this again", self.cluster);
        Err(Error::new(ErrorKind::Conflict, message))
    }

    /// A vault that is closed is not one to be reached over the public way: API servers that reach
    /// it over the private one would lose it.
    pub(super) async fn read_public_access(&self, target: &KmsChange) -> Result<Outcome> {
        let public = |target: &&KmsConfiguration| target.network_mode == NetworkMode::Public;
        let Some(KmsConfiguration { key_id, .. }) = target.on().filter(public) else {
            return Ok(Outcome::Done);
        };
        let seen = self.azure.vault(key_id, None, self.cluster).await;
        let Fact::Known(found) = seen else { return Ok(Outcome::Done) };
        let Some(vault) = found.found().filter(|vault| !vault.public_network_access) else {
            return Ok(Outcome::Done);
        };
        let message = format!(
            "the last change of cluster {} did not succeed and reaches {key_id} over the public way, and public \
             network access of vault {} is disabled",
            self.cluster.name(),
            vault.id.name()
        );
        let finding = Finding::violated(RuleId::VaultPublicAccessDisabled, &vault.id, message);
        if !finding.refuses(self.allow) {
            return Ok(Outcome::Done);
        }
        let message = format!("{} Then run this again", finding.told());
        Err(Error::new(ErrorKind::PreflightFailed, message).with_findings(vec![finding]))
    }

    pub(super) async fn put_versions(
        &self,
        upgrade: Upgrade,
        data: &mut RunData,
    ) -> Result<Outcome> {
        let seen = read(data)?;
        let target = match upgrade {
            Upgrade::ControlPlane(version) => {
                let to = self.offered(seen.facts.kubernetes_version, version).await?;
                UpgradeTarget::ControlPlane(to)
            }
            Upgrade::NodePools(version) => UpgradeTarget::NodePools(version),
        };
        self.still_ours().await?;
        let operation = self.sent(self.azure.put_versions(seen, target)).await?;
        let ended = self.ended(operation, &format!("The upgrade to {target}")).await?;
        if let (UpgradeTarget::ControlPlane(to), Some(engine)) = (target, &self.engine) {
            engine.upgraded(to);
        }
        Ok(set(ended.cluster, ended.seen_at_once, data))
    }

    /// The version that AKS offers on the way to the one that is wanted.
    async fn offered(
        &self,
        now: KubernetesVersion,
        wanted: KubernetesVersion,
    ) -> Result<KubernetesVersion> {
        let offered = self.azure.upgrades(self.cluster).await?;
        if let Some(version) = now.next(wanted, &offered) {
            if version.minor() > now.minor() + 1 {
                let message =
                    format!("the upgrade from {now} to {version} leaves out minor versions");
                let rule = RuleId::UpgradeSkipsVersions;
                self.log.finding(Finding::violated(rule, self.cluster, message));
            }
            return Ok(version);
        }
        let message = format!("from {now}, AKS offers no upgrades to {wanted}");
        let finding = Finding::violated(RuleId::UpgradeNotOffered, self.cluster, message);
        let message = format!("the upgrade of {} cannot go on: {}", self.cluster, finding.told());
        Err(Error::new(ErrorKind::PreflightFailed, message).with_findings(vec![finding]))
    }
}

/// The cluster is set, and this is how it was read afterwards.
fn set(after: ManagedCluster, seen_at_once: bool, data: &mut RunData) -> Outcome {
    let etag = after.facts.etag.clone();
    data.cluster = Some(after);
    Outcome::Set { etag, seen_at_once }
}

fn read(data: &RunData) -> Result<&ManagedCluster> {
    data.cluster.as_ref().ok_or_else(|| Error::internal("the cluster was not read"))
}

/// Looks at a cluster, and waits while it is busy.
pub(crate) async fn settled(
    azure: &Azure,
    cluster: &ClusterId,
    timing: &Timing,
    reporter: &Reporter,
) -> Result<ManagedCluster> {
    let deadline = Instant::now() + timing.cluster_busy;
    loop {
        let seen = azure.cluster(cluster).await?;
        let Some(busy) = seen.facts.busy() else { return Ok(seen) };
        if Instant::now() >= deadline {
            let message = format!("{busy} for too long; run this again when it is settled");
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        reporter.message(format!("Waiting: {busy}"));
        sleep(timing.operation_poll_first).await;
    }
}
