//! The steps that change the managed cluster's KMS profile: what [`change`](super::change) decides.

use std::ops::ControlFlow;

use tokio::time::{Instant, sleep};

use super::{
    RunState, Runner,
    change::{InUse, Look, Next, Progress, next},
};
use crate::{
    azure::{Azure, ManagedCluster, is_key_permission_error},
    error::{Error, ErrorKind, Result},
    ledger::{Certainty, Ledger},
    model::{ClusterFacts, ClusterId, KmsChange, KmsConfiguration, StepOutcome, Timing},
    plan::expected_now,
    progress::Reporter,
};

/// Requests in a row whose outcome is not known.
const TRIES: u32 = 7;

impl Runner<'_> {
    /// Ensures that the profile is the target and the provisioning state Succeeded. Breaks off, and
    /// says why, when somebody else changed the cluster since the plan was made.
    pub(super) async fn set_kms(
        &self,
        target: &KmsChange,
        state: &mut RunState,
    ) -> Result<ControlFlow<String, StepOutcome>> {
        let target = &Self::resolved(target, state);
        let outcome = self.ensure(target, state, None).await?;
        if let ControlFlow::Continue(StepOutcome::Done) = outcome {
            // What the API servers write with now is yet to be heard.
            state.in_use = InUse::NotHeard;
        }
        Ok(outcome)
    }

    pub(super) async fn ensure(
        &self,
        target: &KmsChange,
        state: &mut RunState,
        certainty: Option<Certainty>,
    ) -> Result<ControlFlow<String, StepOutcome>> {
        let began = Instant::now();
        let mut progress = Progress::Begun;
        let mut tries = 0;
        let mut outcome: Option<Error> = None;
        loop {
            let seen = self.settled().await?;
            let look = look(&seen, target);
            match next(target, state.etag.as_deref(), &state.in_use, progress, &look) {
                // `settled` waits.
                Next::Wait => {}
                Next::Replan => {
                    self.still_ours().await?;
                    return Ok(outcome.as_ref().map_or_else(changed, changed_by));
                }
                Next::Refuse => return Err(self.may_lose(&state.in_use, look.configured.as_ref())),
                Next::Done => return Ok(ControlFlow::Continue(StepOutcome::AlreadyDone)),
                Next::Intend => {
                    state.wrote = true;
                    self.intend(target, state.etag.as_deref()).await?;
                    progress = Progress::Intended;
                }
                // What is sent is made from what was just read, after the intent.
                Next::Put => {
                    state.etag.clone_from(&seen.facts.etag);
                    self.still_ours().await?;
                    match self.change(&seen, target).await {
                        Ok(after) => {
                            self.confirm(&after, target)?;
                            let certainty =
                                certainty.unwrap_or_else(|| how_certain(&state.in_use, &seen));
                            let etag = after.facts.etag;
                            self.settled_as(target, etag.as_deref(), certainty).await?;
                            state.etag = etag;
                            return Ok(ControlFlow::Continue(StepOutcome::Done));
                        }
                        Err(error) => match self.after_failure(&error, began, &mut tries).await {
                            Some(sent) => (progress, outcome) = (sent, Some(error)),
                            None => return Err(self.explain(error, state).await),
                        },
                    }
                }
            }
        }
    }

    /// How a change that did not succeed is gone on with. `None`: not at all.
    async fn after_failure(
        &self,
        error: &Error,
        began: Instant,
        tries: &mut u32,
    ) -> Option<Progress> {
        // A role assignment takes minutes to reach the vault.
        if is_key_permission_error(error) && began.elapsed() < self.timing.role_propagation {
            self.reporter.message(
                "The identity may not use the key yet; a new role assignment takes minutes: trying again",
            );
            sleep(self.timing.operation_poll_longest).await;
            return Some(Progress::Refused);
        }
        let is_unknown = error.kind() == ErrorKind::Conflict
            || matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Throttled);
        if !is_unknown || *tries >= TRIES {
            return None;
        }
        *tries += 1;
        sleep(self.timing.pause(*tries)).await;
        Some(Progress::Sent)
    }

    /// The target with the key version that the operation made.
    pub(super) fn resolved(target: &KmsChange, state: &RunState) -> KmsChange {
        match target {
            KmsChange::On { key_id, network_mode, key_vault_id } => KmsChange::On {
                key_id: state.key(key_id),
                network_mode: *network_mode,
                key_vault_id: key_vault_id.clone(),
            },
            KmsChange::Off => KmsChange::Off,
        }
    }

    /// Whether this run still is the one writer.
    pub(super) async fn still_ours(&self) -> Result<()> {
        match &self.recording {
            Some(recording) => recording.recorder.check().await,
            None => Ok(()),
        }
    }

    async fn change(&self, cluster: &ManagedCluster, target: &KmsChange) -> Result<ManagedCluster> {
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
        settled(self.azure, self.cluster, self.timing, self.reporter).await
    }

    /// Azure said Succeeded: does the cluster say so too?
    fn confirm(&self, after: &ManagedCluster, target: &KmsChange) -> Result<()> {
        if after.facts.is_succeeded() && has_profile(&after.facts, target) {
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

    /// What is recorded of the cluster's keys.
    pub(super) fn ledger(&self) -> Option<&Ledger> {
        let found = self.recording.as_ref()?.found.as_ref()?;
        Some(&found.reconciled.record.ledger)
    }

    /// Adds the state that the cluster is in now, and the rollback.
    async fn explain(&self, error: Error, state: &RunState) -> Error {
        if error.kind() != ErrorKind::OperationFailed || state.is_off {
            return error;
        }
        let now = match self.azure.cluster(self.cluster).await {
            Ok(now) => {
                format!("the cluster's provisioning state is {}", now.facts.provisioning_state)
            }
            Err(_) => "the cluster's state could not be read".to_owned(),
        };
        let rollback = match &self.before {
            Some(KmsChange::On { key_id, .. }) => {
                format!("the key before was {key_id}: rotate to it rolls back")
            }
            Some(KmsChange::Off) => "KMS was off before: disable rolls back".to_owned(),
            None => "call the same verb again".to_owned(),
        };
        error.with_context(&format!("{now}; {rollback}"))
    }
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
            return Err(Error::new(
                ErrorKind::Conflict,
                format!("{busy} for too long; run this again when it is settled"),
            ));
        }
        reporter.message(format!("Waiting: {busy}"));
        sleep(timing.operation_poll_first).await;
    }
}

fn look(seen: &ManagedCluster, target: &KmsChange) -> Look {
    let facts = &seen.facts;
    Look {
        etag: facts.etag.clone(),
        busy: facts.busy().is_some(),
        succeeded: facts.is_succeeded(),
        has_target: has_profile(facts, target),
        configured: expected_now(facts).ok(),
    }
}

/// A change from what was configured, in force and written with leaves exactly two keys.
fn how_certain(in_use: &InUse, before: &ManagedCluster) -> Certainty {
    let InUse::Heard(keys) = in_use else { return Certainty::InUse };
    let configured = expected_now(&before.facts).ok();
    let is_certain = keys.len() == 1 && configured.as_ref() == keys.first();
    if is_certain && before.facts.is_succeeded() { Certainty::Seen } else { Certainty::InUse }
}

pub(super) fn changed() -> ControlFlow<String, StepOutcome> {
    let why = "the cluster was changed by somebody else since it was looked at";
    ControlFlow::Break(why.to_owned())
}

/// The plan is made again because of what Azure says.
pub(super) fn changed_by(error: &Error) -> ControlFlow<String, StepOutcome> {
    ControlFlow::Break(error.to_string())
}

/// Whether the cluster's profile is the target.
fn has_profile(cluster: &ClusterFacts, target: &KmsChange) -> bool {
    let on = cluster.kms_on();
    match target {
        KmsChange::Off => on.is_none(),
        KmsChange::On { key_id, network_mode, key_vault_id } => {
            let target = KmsConfiguration {
                key_id: key_id.clone(),
                network_mode: *network_mode,
                key_vault_id: key_vault_id.clone(),
            };
            on.is_some_and(|profile| profile.is(&target))
        }
    }
}
