//! The steps that upgrade Kubernetes, while KMS is off.

use std::ops::ControlFlow;

use tokio::time::Instant;

use super::{
    RunState, Runner,
    set_kms::{changed, changed_by},
};
use crate::{
    azure::{ManagedCluster, UpgradeTarget, is_etag_mismatch},
    catalogue::RuleId,
    error::{Error, ErrorKind, Result},
    ledger::Certainty,
    model::{Finding, KmsChange, KubernetesVersion, StepOutcome},
};

impl Runner<'_> {
    /// Ensures that the control plane is at the version, or a later one.
    pub(super) async fn upgrade_control_plane(
        &self,
        version: KubernetesVersion,
        state: &mut RunState,
    ) -> Result<ControlFlow<String, StepOutcome>> {
        let seen = self.settled().await?;
        if seen.facts.etag != state.etag {
            return Ok(changed());
        }
        let now = seen.facts.kubernetes_version;
        if now >= version && seen.facts.is_succeeded() {
            return Ok(ControlFlow::Continue(StepOutcome::AlreadyDone));
        }
        let to = self.offered(now, version).await?;
        let outcome = self.upgrade(&seen, UpgradeTarget::ControlPlane(to), state).await?;
        if let Some(engine) = &self.engine {
            engine.upgraded(to);
        }
        Ok(outcome)
    }

    /// Ensures that every node pool is at the control plane's version.
    pub(super) async fn upgrade_node_pools(
        &self,
        state: &mut RunState,
    ) -> Result<ControlFlow<String, StepOutcome>> {
        let seen = self.settled().await?;
        if seen.facts.etag != state.etag {
            return Ok(changed());
        }
        let version = seen.facts.kubernetes_version;
        let mut pools = seen.facts.node_pools.iter();
        if pools.all(|pool| pool.kubernetes_version.is_none_or(|it| it >= version)) {
            return Ok(ControlFlow::Continue(StepOutcome::AlreadyDone));
        }
        self.upgrade(&seen, UpgradeTarget::NodePools(version), state).await
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
        Err(Error::new(
            ErrorKind::PreflightFailed,
            format!(
                "the upgrade of {} cannot go on: [{}] {}. {}",
                self.cluster, finding.rule, finding.message, finding.remedy
            ),
        )
        .with_findings(vec![finding]))
    }

    async fn upgrade(
        &self,
        cluster: &ManagedCluster,
        target: UpgradeTarget,
        state: &mut RunState,
    ) -> Result<ControlFlow<String, StepOutcome>> {
        self.still_ours().await?;
        let after = match self.run_upgrade(cluster, target).await {
            Ok(after) => after,
            Err(error) if is_etag_mismatch(&error) => {
                self.still_ours().await?;
                return Ok(changed_by(&error));
            }
            Err(error) => return Err(error),
        };
        // KMS is off before and after: no key changed.
        self.settled_as(&KmsChange::Off, after.facts.etag.as_deref(), Certainty::Seen).await?;
        state.etag = after.facts.etag;
        Ok(ControlFlow::Continue(StepOutcome::Done))
    }

    async fn run_upgrade(
        &self,
        cluster: &ManagedCluster,
        target: UpgradeTarget,
    ) -> Result<ManagedCluster> {
        let operation = self.azure.put_versions(cluster, target).await?;
        let deadline = Instant::now() + self.timing.operation_limit;
        operation
            .wait(self.azure, deadline, |status| {
                self.reporter.message(format!("The upgrade to {target} is {status}"));
            })
            .await
    }

    /// How things are while the operation has KMS off, and the ways out.
    pub(super) fn while_off(&self) -> String {
        let key = match &self.before {
            Some(KmsChange::On { key_id, .. }) => format!("{key_id}"),
            _ => "the previous key".to_owned(),
        };
        format!(
            "KMS is off meanwhile, and secrets are not encrypted with your key: fix what stopped it and call resume, or \
             abandon and enable with {key}"
        )
    }
}
