//! The step that opens or closes a vault: when it is closed, and opened again, [`closing`] decides.
//!
//! [`closing`]: super::closing

use std::ops::ControlFlow;

use tokio::time::{Instant, sleep};

use super::{
    RunState, Runner,
    closing::{Look, Next, Progress, next},
    set_kms::changed,
};
use crate::{
    error::{Error, ErrorKind, Result},
    model::{Finding, Intent, KmsProfile, NetworkMode, StepOutcome, VaultId},
    rules,
};

impl Runner<'_> {
    /// Ensures that the vault's public network access is enabled.
    pub(super) async fn open_vault(&self, id: &VaultId) -> Result<StepOutcome> {
        if self.azure.read_vault(id).await?.public_network_access {
            return Ok(StepOutcome::AlreadyDone);
        }
        self.still_ours().await?;
        self.azure.set_vault_public_access(id, true).await?;
        if self.azure.read_vault(id).await?.public_network_access {
            return Ok(StepOutcome::Done);
        }
        Err(Error::new(
            ErrorKind::Conflict,
            format!("public network access of key vault {id} was enabled, and is disabled again"),
        ))
    }

    /// Ensures that the vault's public network access is disabled, and that KMS works without it:
    /// what [`closing`](super::closing) decides.
    pub(super) async fn close_vault(
        &self,
        id: &VaultId,
        state: &mut RunState,
    ) -> Result<ControlFlow<String, StepOutcome>> {
        let deadline = Instant::now() + self.timing.private_endpoint;
        let mut progress = Progress::Begun;
        loop {
            let seen = self.look_at(id, state).await;
            let is_ours = state.closed.as_ref() == Some(id);
            let (look, unconnected) = match seen {
                // Whether it may stay closed cannot be told.
                Err(error) if progress == Progress::Closed => {
                    return Err(self.closed_in_vain(id, error, is_ours).await);
                }
                seen => seen?,
            };
            match next(progress, look) {
                Next::Replan => return Ok(changed()),
                Next::Refuse => {
                    let error = self.not_in_private_use(id);
                    return Err(if is_ours { self.opened_again(id, error).await } else { error });
                }
                Next::NotConnected => {
                    let error = not_connected(id, "is closed", unconnected);
                    return Err(self.closed_in_vain(id, error, is_ours).await);
                }
                Next::AwaitConnection => self.await_connection(id, unconnected, deadline).await?,
                Next::Record => {
                    if let Some(recording) = &self.recording {
                        recording.recorder.closes_vault(id).await?;
                    }
                    progress = Progress::Recorded;
                }
                Next::Close => {
                    self.still_ours().await?;
                    state.closed = Some(id.clone());
                    self.azure.set_vault_public_access(id, false).await?;
                    progress = Progress::Closed;
                }
                Next::CheckKms => {
                    if let Err(error) = self.kms_stays_healthy().await {
                        return Err(self.closed_in_vain(id, error, is_ours).await);
                    }
                    let closed = progress == Progress::Closed;
                    let outcome = if closed { StepOutcome::Done } else { StepOutcome::AlreadyDone };
                    return Ok(ControlFlow::Continue(outcome));
                }
            }
        }
    }

    /// What the rules need to know, and what is wrong with the connection, if anything.
    async fn look_at(&self, id: &VaultId, state: &RunState) -> Result<(Look, Option<Finding>)> {
        let vault = self.azure.read_vault(id).await?;
        let cluster = self.settled().await?.facts;
        let reaches = |profile: &KmsProfile| {
            profile.network_mode == Some(NetworkMode::Private)
                && profile.key_vault_id.as_deref().and_then(|id| VaultId::parse(id).ok()).as_ref()
                    == Some(id)
        };
        let unconnected = rules::private_endpoint_not_approved(&vault, &cluster);
        let look = Look {
            in_private_use: cluster.kms_on().is_some_and(reaches),
            unchanged: cluster.etag == state.etag,
            open: vault.public_network_access,
            connected: unconnected.is_none(),
        };
        Ok((look, unconnected))
    }

    /// KMS does not work with the vault closed, or that cannot be told: the error, after the vault
    /// was opened again where that is to be.
    async fn closed_in_vain(&self, id: &VaultId, error: Error, is_ours: bool) -> Error {
        if is_ours {
            return self.opened_again(id, error).await;
        }
        error.with_context(&format!(
            "public network access of key vault {id} is disabled; where the API servers need it: {}",
            how_to_open(id)
        ))
    }

    /// The vault that an earlier run of this operation closed: only the one of the key in use is
    /// opened again, whatever the record says.
    pub(super) fn closed_before(&self) -> Option<VaultId> {
        let operation = &self.recording.as_ref()?.operation;
        let in_use = self.key_in_use.as_ref()?;
        operation.closed_vault.clone().filter(|id| {
            matches!(operation.intent, Intent::ChangeNetworkMode(_))
                && id.name().eq_ignore_ascii_case(in_use.vault_name())
        })
    }

    /// Opens the vault again if KMS turned out not to work since it was closed.
    pub(super) async fn undo_closing(&self, error: Error, state: &RunState) -> Error {
        let Some(id) = &state.closed else { return error };
        let is_kms = matches!(
            error.kind(),
            ErrorKind::KmsUnavailable | ErrorKind::Unavailable | ErrorKind::Timeout
        );
        if is_kms { self.opened_again(id, error).await } else { error }
    }

    fn not_in_private_use(&self, id: &VaultId) -> Error {
        Error::new(
            ErrorKind::Conflict,
            format!(
                "cluster {} does not reach key vault {id} in private mode any more; somebody else changed it",
                self.cluster
            ),
        )
    }

    /// Waits a moment for an approved private endpoint connection.
    async fn await_connection(
        &self,
        id: &VaultId,
        unconnected: Option<Finding>,
        deadline: Instant,
    ) -> Result<()> {
        if Instant::now() >= deadline {
            return Err(not_connected(id, "was not closed", unconnected));
        }
        if let Some(finding) = unconnected {
            self.reporter.message(format!("Waiting: {}", finding.message));
        }
        sleep(self.timing.operation_poll_first).await;
        Ok(())
    }

    async fn kms_stays_healthy(&self) -> Result<()> {
        match &self.engine {
            Some(engine) => engine.kms_stays_healthy().await,
            None => Ok(()),
        }
    }

    /// Opens the vault again, whoever holds the Lease: a cluster that cannot reach its key is worse
    /// than an open vault.
    async fn opened_again(&self, id: &VaultId, error: Error) -> Error {
        match self.reopen(id).await {
            Ok(false) => error,
            Ok(true) => error.with_context(&format!("key vault {id} was opened again")),
            Err(why) => error.with_context(&format!(
                "key vault {id} could not be opened again ({why}); do it: {}",
                how_to_open(id)
            )),
        }
    }

    /// Whether it had to be opened.
    async fn reopen(&self, id: &VaultId) -> Result<bool> {
        if self.azure.read_vault(id).await?.public_network_access {
            return Ok(false);
        }
        self.azure.set_vault_public_access(id, true).await?;
        Ok(true)
    }
}

fn not_connected(id: &VaultId, state: &str, finding: Option<Finding>) -> Error {
    let why =
        finding.as_ref().map_or_else(String::new, |Finding { rule, message, remedy, .. }| {
            format!("[{rule}] {message}. {remedy} ")
        });
    Error::new(
        ErrorKind::PreflightFailed,
        format!("key vault {id} {state}: {why}Then run this again"),
    )
    .with_findings(finding.into_iter().collect())
}

fn how_to_open(id: &VaultId) -> String {
    format!("az keyvault update --name {} --public-network-access Enabled", id.name())
}
