//! The step that changes the managed cluster's KMS profile.

use std::ops::ControlFlow;

use tokio::time::{Instant, sleep};

use super::{Carried, Runner};
use crate::{
    azure::{ManagedCluster, is_etag_mismatch, is_key_permission_error},
    error::{Error, ErrorKind, Result},
    model::{KmsTarget, StepOutcome, Target},
};

impl Runner<'_> {
    /// Ensures that the profile is the target and the provisioning state Succeeded. Breaks off, and
    /// says why, when somebody else changed the cluster since the plan was made.
    pub(super) async fn set_kms(
        &self,
        target: &KmsTarget,
        carried: &mut Carried,
    ) -> Result<ControlFlow<String, StepOutcome>> {
        let began = Instant::now();
        let target = &Self::resolved(target, carried);
        loop {
            let seen = self.settled().await?;
            // Whose change it was, if it is what is wanted, the record tells when it is read again.
            if seen.facts.etag != carried.etag {
                return Ok(changed());
            }
            if holds(&seen, target) {
                self.settled_as(target, seen.facts.etag.as_deref()).await?;
                return Ok(ControlFlow::Continue(StepOutcome::AlreadyDone));
            }
            self.intend(target, carried.etag.as_deref()).await?;
            // What is sent is made from what is read now, after the intent.
            let cluster = self.settled().await?;
            if cluster.facts.etag != carried.etag {
                return Ok(changed());
            }
            match self.change(&cluster, target).await {
                Ok(after) => {
                    self.confirm(&after, target)?;
                    self.settled_as(target, after.facts.etag.as_deref()).await?;
                    carried.etag.clone_from(&after.facts.etag);
                    return Ok(ControlFlow::Continue(StepOutcome::Done));
                }
                // 412: our own write that was sent twice, or a foreign one. The next look tells.
                Err(error) if is_etag_mismatch(&error) => {
                    self.still_ours().await?;
                    let now = self.settled().await?;
                    if holds(&now, target) {
                        self.settled_as(target, now.facts.etag.as_deref()).await?;
                        carried.etag.clone_from(&now.facts.etag);
                        return Ok(ControlFlow::Continue(StepOutcome::Done));
                    }
                    return Ok(changed_by(&error));
                }
                // A role assignment takes minutes to reach the vault.
                Err(error)
                    if is_key_permission_error(&error)
                        && began.elapsed() < self.timing.role_propagation =>
                {
                    self.reporter.message(
                        "The identity may not use the key yet; a new role assignment takes minutes: trying again",
                    );
                    sleep(self.timing.operation_poll_longest).await;
                    let now = self.settled().await?;
                    if now.facts.etag != carried.etag && !is_our_failure(&cluster, &now, target) {
                        return Ok(changed());
                    }
                    carried.etag = now.facts.etag;
                }
                Err(error) => return Err(self.explain(error, &cluster).await),
            }
        }
    }

    /// The target with the key version that the operation made.
    pub(super) fn resolved(target: &KmsTarget, carried: &Carried) -> KmsTarget {
        match target {
            KmsTarget::On { key_id, network_mode, key_vault_id } => KmsTarget::On {
                key_id: carried.key(key_id),
                network_mode: *network_mode,
                key_vault_id: key_vault_id.clone(),
            },
            other => other.clone(),
        }
    }

    /// Whether this run still is the one writer.
    pub(super) async fn still_ours(&self) -> Result<()> {
        match &self.recording {
            Some(recording) => recording.recorder.check().await,
            None => Ok(()),
        }
    }

    async fn change(&self, cluster: &ManagedCluster, target: &KmsTarget) -> Result<ManagedCluster> {
        let operation = self.azure.put_kms(cluster, target).await?;
        // the operation's own time limit is the caller's, which drops this future
        let deadline = Instant::now() + self.timing.operation_limit;
        operation
            .wait(self.azure, deadline, |status| {
                self.reporter.message(format!("The cluster's operation is {status}"));
            })
            .await
    }

    /// Looks at the cluster, and waits while it is busy with something else.
    pub(super) async fn settled(&self) -> Result<ManagedCluster> {
        let deadline = Instant::now() + self.timing.cluster_busy;
        loop {
            let cluster = self.azure.cluster(self.cluster).await?;
            let Some(busy) = cluster.facts.busy() else { return Ok(cluster) };
            if Instant::now() >= deadline {
                return Err(Error::new(
                    ErrorKind::Conflict,
                    format!("{busy} for too long; run this again when it is settled"),
                ));
            }
            self.reporter.message(format!("Waiting: {busy}"));
            sleep(self.timing.operation_poll_first).await;
        }
    }

    /// Azure said Succeeded: does the cluster say so too?
    fn confirm(&self, after: &ManagedCluster, target: &KmsTarget) -> Result<()> {
        if holds(after, target) {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Conflict,
            format!(
                "the operation on {} succeeded, but the cluster's KMS profile is not what was asked for; \
                 somebody else changed it",
                self.cluster
            ),
        ))
    }

    /// Adds the state that the cluster is in now, and the way back.
    async fn explain(&self, error: Error, before: &ManagedCluster) -> Error {
        if error.kind() != ErrorKind::OperationFailed {
            return error;
        }
        let state = match self.azure.cluster(self.cluster).await {
            Ok(now) => {
                format!("the cluster's provisioning state is {}", now.facts.provisioning_state)
            }
            Err(_) => "the cluster's state could not be read".to_owned(),
        };
        if self.is_off_meanwhile(before) {
            return error.with_context(&format!("{state}; {}", self.while_off()));
        }
        let way_back = match before.facts.kms_on().and_then(|profile| profile.key_id.as_deref()) {
            Some(key_id) => format!("the key before was {key_id}: rotate to it goes back"),
            None => "KMS was off before: disable goes back".to_owned(),
        };
        error.with_context(&format!("{state}; {way_back}"))
    }
}

pub(super) fn changed() -> ControlFlow<String, StepOutcome> {
    let why = "the cluster was changed by somebody else since it was looked at";
    ControlFlow::Break(why.to_owned())
}

/// The plan is made again because of what Azure says.
pub(super) fn changed_by(error: &Error) -> ControlFlow<String, StepOutcome> {
    ControlFlow::Break(error.to_string())
}

/// Whether the cluster is as the target says and its last operation succeeded.
fn holds(cluster: &ManagedCluster, target: &KmsTarget) -> bool {
    cluster.facts.is_succeeded() && has_profile(cluster, target)
}

/// Whether the cluster's KMS profile is the target.
fn has_profile(cluster: &ManagedCluster, target: &KmsTarget) -> bool {
    let on = cluster.facts.kms_on();
    match target {
        KmsTarget::AsConfigured => true,
        KmsTarget::Off => on.is_none(),
        KmsTarget::On { key_id, network_mode, key_vault_id } => {
            let target = Target {
                key_id: key_id.clone(),
                network_mode: *network_mode,
                key_vault_id: key_vault_id.clone(),
            };
            on.is_some_and(|profile| profile.is(&target))
        }
    }
}

/// Whether a failed change of ours can have left the cluster so: with the profile that it had, or
/// with the one that we sent. Any other profile is somebody else's, and has had no gate.
fn is_our_failure(before: &ManagedCluster, now: &ManagedCluster, target: &KmsTarget) -> bool {
    now.facts.kms == before.facts.kms
        || (*target != KmsTarget::AsConfigured && has_profile(now, target))
}
