//! The effects on a vault.

use tokio::time::sleep;

use super::{RunData, Runner};
use crate::{
    error::{Error, ErrorKind, Result},
    facts::{Fact, KmsProfile},
    ids::{NetworkMode, VaultId},
    operation::{Failure, OperationState, Outcome, closing::Look},
    options::Intent,
    report::Finding,
    rules,
};

impl Runner<'_> {
    /// Ensures that the vault's public network access is enabled.
    pub(super) async fn open_vault(&self, id: &VaultId) -> Result<Outcome> {
        if self.azure.read_vault(id).await?.public_network_access {
            return Ok(Outcome::AlreadyDone);
        }
        self.still_ours().await?;
        self.sent(self.azure.set_vault_public_access(id, true)).await?;
        if self.azure.read_vault(id).await?.public_network_access {
            return Ok(Outcome::Done);
        }
        let message = format!(
            "public network access of key vault {id} was enabled, and is disabled again; find out who or which policy disables it, then run this again"
        );
        Err(Error::new(ErrorKind::Conflict, message))
    }

    pub(super) async fn read_vault(
        &self,
        id: &VaultId,
        state: &OperationState,
        data: &mut RunData,
    ) -> Result<Outcome> {
        let vault = self.azure.read_vault(id).await?;
        let cluster = self.settled().await?.facts;
        let reaches = |profile: &KmsProfile| {
            profile.network_mode == Some(NetworkMode::Private) && profile.key_vault_id() == Some(id)
        };
        data.unconnected = rules::private_endpoint_not_approved(&vault, &cluster);
        Ok(Outcome::Vault(Look {
            in_private_use: cluster.kms_on().is_some_and(reaches),
            unchanged: cluster.etag == state.etag,
            open: vault.public_network_access,
            connected: data.unconnected.is_none(),
        }))
    }

    /// Closes the vault. Where what came of it is not known, everything is looked at again.
    pub(super) async fn close_vault(&self, id: &VaultId, data: &mut RunData) -> Result<Outcome> {
        self.in_no_other_public_use(id).await?;
        self.still_ours().await?;
        let _ = self.closed.set(id.clone());
        let Err(error) = self.sent(self.azure.set_vault_public_access(id, false)).await else {
            return Ok(Outcome::Done);
        };
        let is_unknown = data.retry.after_unknown(&error, self.timing).await;
        data.error = Some(error);
        Ok(Outcome::Failed(if is_unknown { Failure::NoOutcome } else { Failure::Other }))
    }

    /// The plan is an hour old: another cluster may use the vault in public mode by now.
    async fn in_no_other_public_use(&self, id: &VaultId) -> Result<()> {
        let others = Fact::from(self.azure.kms_users().await);
        let findings = rules::public_users(id, self.cluster, &others);
        let what = format!("closing key vault {id} for {}", self.cluster);
        rules::refusal(&what, &findings, self.allow, &self.log.done()).map_or(Ok(()), Err)
    }

    /// Waits a moment for an approved private endpoint connection.
    pub(super) async fn await_connection(
        &self,
        id: &VaultId,
        data: &mut RunData,
    ) -> Result<Outcome> {
        let unconnected = data.unconnected.take();
        if data.began.elapsed() >= self.timing.private_endpoint {
            return Err(not_connected(id, "was not closed", unconnected));
        }
        if let Some(finding) = unconnected {
            self.reporter.message(format!("Waiting: {}", finding.message));
        }
        sleep(self.timing.operation_poll_first).await;
        Ok(Outcome::Done)
    }

    pub(super) async fn check_kms(&self) -> Result<Outcome> {
        if let Some(engine) = &self.engine {
            engine.kms_stays_healthy().await?;
        }
        Ok(Outcome::Done)
    }

    /// KMS does not work with the vault closed, or that cannot be told: the error, after the vault
    /// was opened again where that is to be.
    pub(super) async fn closed_in_vain(&self, id: &VaultId, error: Error, is_ours: bool) -> Error {
        if is_ours {
            return self.opened_again(id, error).await;
        }
        error.with_context(&format!(
            "public network access of key vault {id} is disabled; where the API servers need it: {}",
            rules::how_to_open(id)
        ))
    }

    /// The vault that this call, or an earlier run of its operation, closed or was about to: of what
    /// the record says, only the one of the key in use is opened again.
    pub(super) fn closed_before(&self) -> Option<VaultId> {
        if let Some(closed) = self.closed.get() {
            return Some(closed.clone());
        }
        let operation = &self.recording.as_ref()?.operation;
        let in_use = self.key_in_use.as_ref()?;
        operation.closed_vault.clone().filter(|id| {
            matches!(operation.intent, Intent::ChangeNetworkMode(_))
                && id.name().eq_ignore_ascii_case(in_use.vault_name())
        })
    }

    /// Opens the vault again if KMS turned out not to work since it was closed.
    pub(super) async fn undo_closing(&self, error: Error) -> Error {
        let Some(id) = self.closed_before() else { return error };
        let is_kms = matches!(
            error.kind(),
            ErrorKind::KmsUnavailable | ErrorKind::Unavailable | ErrorKind::Timeout
        );
        if is_kms { self.opened_again(&id, error).await } else { error }
    }

    /// Opens the vault again, whoever holds the Lease: a cluster that cannot reach its key is worse
    /// than an open vault.
    pub(super) async fn opened_again(&self, id: &VaultId, error: Error) -> Error {
        match self.reopen(id).await {
            Ok(false) => error,
            Ok(true) => error.with_context(&format!("key vault {id} was opened again")),
            Err(why) => error.with_context(&format!(
                "key vault {id} could not be opened again ({why}); do it: {}",
                rules::how_to_open(id)
            )),
        }
    }

    /// Whether it had to be opened.
    async fn reopen(&self, id: &VaultId) -> Result<bool> {
        if self.azure.read_vault(id).await?.public_network_access {
            return Ok(false);
        }
        self.sent(self.azure.set_vault_public_access(id, true)).await?;
        Ok(true)
    }
}

pub(super) fn not_connected(id: &VaultId, state: &str, finding: Option<Finding>) -> Error {
    let why = finding.as_ref().map_or_else(String::new, |finding| finding.told() + " ");
    let message = format!("key vault {id} {state}: {why}Then run this again");
    Error::new(ErrorKind::PreflightFailed, message).with_findings(finding.into_iter().collect())
}
