//! The step that sets a cluster, after a change that did not succeed, to the key that its API servers
//! write with. Which one that is, and how its vault is reached, [`change`](super::change) decides.

use std::ops::ControlFlow;

use super::{
    RunState, Runner,
    change::{InUse, key_to_settle_on, profile_of},
    set_kms::changed,
};
use crate::{
    catalogue::RuleId,
    error::{Error, ErrorKind, Result},
    ledger::Certainty,
    model::{ClusterFacts, ExpectedKey, Fact, Finding, KmsChange, NetworkMode, StepOutcome},
    plan::expected_now,
};

impl Runner<'_> {
    /// Ensures that the cluster is set to the key that its API servers write with.
    pub(super) async fn settle(
        &self,
        later: Option<&KmsChange>,
        state: &mut RunState,
    ) -> Result<ControlFlow<String, StepOutcome>> {
        let now = self.settled().await?;
        if now.facts.etag != state.etag {
            return Ok(changed());
        }
        let configured = expected_now(&now.facts).ok();
        let Some(key) = key_to_settle_on(&state.in_use, configured.as_ref()).cloned() else {
            return Err(self.may_lose(&state.in_use, configured.as_ref()));
        };
        let target = self.profile_of(&key, &now.facts, later)?;
        self.may_reach(&target).await?;
        let outcome = self.ensure(&target, state, Some(Certainty::InUse)).await?;
        Ok(match outcome {
            // An API server may still be about to notice the key that was configured: what they
            // write with is to be heard again.
            ControlFlow::Continue(_) if configured.as_ref() != Some(&key) => {
                ControlFlow::Break(format!("the cluster is set back to {key}"))
            }
            outcome => outcome,
        })
    }

    /// A vault that is closed is not one to be reached over the public way: API servers that reach
    /// it over the private one would lose it.
    async fn may_reach(&self, target: &KmsChange) -> Result<()> {
        let KmsChange::On { key_id, network_mode: NetworkMode::Public, .. } = target else {
            return Ok(());
        };
        let seen = self.azure.vault(key_id, None, self.cluster).await;
        let Fact::Known(found) = seen else { return Ok(()) };
        let Some(vault) = found.found().filter(|vault| !vault.public_network_access) else {
            return Ok(());
        };
        let finding = Finding::violated(
            RuleId::VaultPublicAccessDisabled,
            &vault.id,
            format!(
                "the last change of cluster {} did not succeed and reaches {key_id} over the public way, and public \
                 network access of vault {} is disabled",
                self.cluster.name(),
                vault.id.name()
            ),
        );
        if !finding.refuses(self.allow) {
            return Ok(());
        }
        let message = format!("{}. {} Then run this again", finding.message, finding.remedy);
        Err(Error::new(ErrorKind::PreflightFailed, message).with_findings(vec![finding]))
    }

    /// The profile with a key that the cluster had.
    fn profile_of(
        &self,
        key: &ExpectedKey,
        now: &ClusterFacts,
        later: Option<&KmsChange>,
    ) -> Result<KmsChange> {
        profile_of(key, now, later, self.before.as_ref(), self.ledger()).ok_or_else(|| {
            Error::new(
                ErrorKind::Conflict,
                format!(
                    "the API servers of {} write with {key}, and how its vault is reached is not known; call rotate with \
                     this key, network_mode and key_vault_id",
                    self.cluster
                ),
            )
        })
    }

    /// The change would take the key away that the API servers write with.
    pub(super) fn may_lose(&self, in_use: &InUse, configured: Option<&ExpectedKey>) -> Error {
        let keys: &[ExpectedKey] = match in_use {
            InUse::Heard(keys) => keys,
            InUse::NotHeard | InUse::Vouched => &[],
        };
        let named: Vec<String> = keys.iter().map(ToString::to_string).collect();
        let configured =
            configured.map_or_else(|| "a key that cannot be named".to_owned(), ToString::to_string);
        let (what, remedy) = match keys {
            [ExpectedKey::Plaintext] => (named.join(" and "), "call `disable` first".to_owned()),
            [ExpectedKey::Key(key_id)] => {
                (named.join(" and "), format!("call `rotate` with {key_id} first"))
            }
            [] => ("something that was not heard".to_owned(), "run this again".to_owned()),
            _ => (
                named.join(" and "),
                "call `rotate` with the one of them that is not configured".to_owned(),
            ),
        };
        let finding = Finding::violated(
            RuleId::PreviousKeyStillNeeded,
            self.cluster,
            format!(
                "the API servers write with {what}, and the cluster is configured with {configured}"
            ),
        );
        Error::new(
            ErrorKind::PreflightFailed,
            format!(
                "the key of {} was not changed, because secrets could be lost: {}; {remedy}, which proves every secret \
                 under it",
                self.cluster, finding.message
            ),
        )
        .with_findings(vec![finding])
    }
}
