//! The step that opens or closes a vault.
//!
//! A vault that is closed while an API server still needs the public way to it takes the cluster
//! down. So it is closed last, looked at again afterwards, and opened again when that shows any
//! trouble.

use std::ops::ControlFlow;

use tokio::time::{Instant, sleep};

use super::{RunState, Runner, set_kms::changed};
use crate::{
    error::{Error, ErrorKind, Result},
    model::{Finding, Intent, KmsProfile, NetworkMode, StepOutcome, VaultFacts, VaultId},
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

    /// Ensures that the vault's public network access is disabled, and that KMS works without it.
    pub(super) async fn close_vault(
        &self,
        id: &VaultId,
        state: &mut RunState,
    ) -> Result<ControlFlow<String, StepOutcome>> {
        let vault = self.azure.read_vault(id).await?;
        if self.in_private_use(id).await? != state.etag {
            return Ok(changed());
        }
        if !vault.public_network_access {
            return self.is_closed(&vault, state).await.map(ControlFlow::Continue);
        }
        self.connected(id).await?;
        if let Some(recording) = &self.recording {
            recording.recorder.closes_vault(id).await?;
        }
        self.still_ours().await?;
        state.closed = Some(id.clone());
        self.azure.set_vault_public_access(id, false).await?;
        if let Err(error) = self.works_closed(id).await {
            return Err(self.opened_again(id, error).await);
        }
        Ok(ControlFlow::Continue(StepOutcome::Done))
    }

    /// The vault is closed: by somebody, or by an earlier run of this operation, which perhaps died
    /// before it saw whether KMS works. What this operation closed is opened again if it does not.
    async fn is_closed(&self, vault: &VaultFacts, state: &RunState) -> Result<StepOutcome> {
        let id = &vault.id;
        let cluster = self.azure.cluster(self.cluster).await?.facts;
        let works = match rules::private_endpoint_not_approved(vault, &cluster) {
            Some(finding) => Err(not_connected(id, "is closed", finding)),
            None => self.works_closed(id).await,
        };
        match works {
            Ok(()) => Ok(StepOutcome::AlreadyDone),
            Err(error) if state.closed.as_ref() == Some(id) => {
                Err(self.opened_again(id, error).await)
            }
            Err(error) => Err(error.with_context(&format!(
                "public network access of key vault {id} is disabled; where the API servers need it: \
                 {}",
                how_to_open(id)
            ))),
        }
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

    /// Whether the cluster reaches this very vault in private mode; its eTag.
    async fn in_private_use(&self, id: &VaultId) -> Result<Option<String>> {
        let cluster = self.settled().await?;
        let reaches = |profile: &KmsProfile| {
            profile.network_mode == Some(NetworkMode::Private)
                && profile.key_vault_id.as_deref().and_then(|id| VaultId::parse(id).ok()).as_ref()
                    == Some(id)
        };
        if cluster.facts.kms_on().is_some_and(reaches) {
            return Ok(cluster.facts.etag);
        }
        Err(Error::new(
            ErrorKind::Conflict,
            format!(
                "cluster {} does not reach key vault {id} in private mode any more; somebody else changed it",
                self.cluster
            ),
        ))
    }

    /// Waits until an approved private endpoint connection leads to the vault from the cluster's
    /// nodes' resource group: AKS makes it, and somebody may have to approve it.
    async fn connected(&self, id: &VaultId) -> Result<()> {
        let deadline = Instant::now() + self.timing.private_endpoint;
        let cluster = self.azure.cluster(self.cluster).await?.facts;
        loop {
            let vault = self.azure.read_vault(id).await?;
            let Some(finding) = rules::private_endpoint_not_approved(&vault, &cluster) else {
                return Ok(());
            };
            if Instant::now() >= deadline {
                return Err(not_connected(id, "was not closed", finding));
            }
            self.reporter.message(format!("Waiting: {}", finding.message));
            sleep(self.timing.operation_poll_first).await;
        }
    }

    /// Whether KMS works with the vault closed.
    async fn works_closed(&self, id: &VaultId) -> Result<()> {
        self.in_private_use(id).await?;
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

fn not_connected(id: &VaultId, state: &str, finding: Finding) -> Error {
    Error::new(
        ErrorKind::PreflightFailed,
        format!(
            "key vault {id} {state}: [{}] {}. {} Then run this again",
            finding.rule, finding.message, finding.remedy
        ),
    )
    .with_findings(vec![finding])
}

fn how_to_open(id: &VaultId) -> String {
    format!("az keyvault update --name {} --public-network-access Enabled", id.name())
}
