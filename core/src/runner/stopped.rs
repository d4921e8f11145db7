//! Why a run ends with an error, in words.

use super::{RunData, Runner, vault::not_connected};
use crate::{
    catalogue::{Level, RuleId},
    error::{Error, ErrorKind},
    ids::{ExpectedKey, VaultId},
    operation::{OperationState, Stop, change::InUse},
    report::{Finding, KmsChange, Purpose, StepKind},
};

impl Runner<'_> {
    pub(super) async fn stopped(
        &self,
        why: &Stop,
        state: &OperationState,
        data: &mut RunData,
    ) -> Error {
        let failure = data.error.take();
        let failed =
            || failure.unwrap_or_else(|| Error::internal("a step failed without an error"));
        match why {
            Stop::Failed => match state.step().map(|step| &step.kind) {
                Some(StepKind::SetKms { .. } | StepKind::Settle) => {
                    self.explain(failed(), state).await
                }
                _ => failed(),
            },
            Stop::MayLose { configured } => self.may_lose(&state.in_use, configured.as_ref()),
            Stop::UnknownAccess(key) => self.unknown_access(key),
            Stop::Unnamed => self.unnamed(&failed()),
            Stop::Incomplete { purpose, left } => self.incomplete(*purpose, left),
            Stop::Unproven => self.unproven(data.unproven.take()),
            Stop::TwoKeys(keys) => self.two_keys(keys),
            Stop::NotInPrivateUse { vault, reopen } => {
                let error = self.not_in_private_use(vault);
                if *reopen { self.opened_again(vault, error).await } else { error }
            }
            Stop::NotConnected { vault, reopen } => {
                let error = not_connected(vault, "is closed", data.unconnected.take());
                self.closed_in_vain(vault, error, *reopen).await
            }
            Stop::Unhealthy { vault, reopen } => {
                self.closed_in_vain(vault, failed(), *reopen).await
            }
        }
    }

    /// Adds the state that the cluster is in now, and the rollback.
    async fn explain(&self, error: Error, state: &OperationState) -> Error {
        let has_failed = error.kind() == ErrorKind::OperationFailed;
        if state.is_off || !(has_failed || state.context.off_and_on) {
            return error;
        }
        let now = match self.azure.cluster(self.cluster).await {
            Ok(now) => now.facts,
            Err(_) if has_failed => {
                return error.with_context("the cluster's state could not be read");
            }
            Err(_) => return error,
        };
        let is_off = now.kms_on().is_none();
        if state.context.off_and_on && is_off {
            self.half_way.kms_is_off(true, state.before.as_ref());
        }
        if !has_failed {
            return error;
        }
        if now.is_succeeded() && now.configured().ok() == state.before {
            return error.with_context("the cluster is configured as before");
        }
        let rollback = match &state.before {
            _ if now.has_data_encryption() => {
                "there is no documented way back from data encryption: `set_data_encryption` with \
                 data-encryption-retry in allow asks for the change again"
                    .to_owned()
            }
            // Azure calls KMS off, whatever the API servers do, and rotates no key then.
            Some(KmsChange::On(before)) if is_off => {
                let abandon = if self.recording.is_some() { "abandon, then " } else { "" };
                format!(
                    "the key before was {} ({} access): {abandon}enable with it rolls back",
                    before.key_id, before.network_mode
                )
            }
            Some(KmsChange::On(before)) => {
                format!("the key before was {}: rotate to it rolls back", before.key_id)
            }
            Some(KmsChange::Off) => "KMS was off before: disable rolls back".to_owned(),
            Some(KmsChange::CustomerManaged(_) | KmsChange::PlatformManaged) | None => {
                "call the same verb again".to_owned()
            }
        };
        error.with_context(&format!(
            "the cluster's provisioning state is {}; {rollback}",
            now.provisioning_state
        ))
    }

    fn unknown_access(&self, key: &ExpectedKey) -> Error {
        let message = format!(
            "the API servers of {} write with {key}, and how its vault is reached is not known; call rotate with \
             this key, network_mode and key_vault_id",
            self.cluster
        );
        Error::new(ErrorKind::Conflict, message)
    }

    /// The change would take the key away that the API servers write with.
    fn may_lose(&self, in_use: &InUse, configured: Option<&ExpectedKey>) -> Error {
        let keys: &[ExpectedKey] = match in_use {
            InUse::Heard(keys) => keys,
            InUse::NotHeard | InUse::Vouched => &[],
        };
        let named: Vec<String> = keys.iter().map(ToString::to_string).collect();
        let is_data_encryption = configured.is_some_and(ExpectedKey::is_data_encryption);
        let configured =
            configured.map_or_else(|| "a key that cannot be named".to_owned(), ToString::to_string);
        let (what, remedy) = match keys {
            [] => ("something that was not heard".to_owned(), "run this again".to_owned()),
            _ if is_data_encryption => (
                named.join(" and "),
                "call `set_data_encryption` with what is configured and data-encryption-retry in allow"
                    .to_owned(),
            ),
            [ExpectedKey::Plaintext] => (named.join(" and "), "call `disable` first".to_owned()),
            [ExpectedKey::Key(key_id)] => {
                (named.join(" and "), format!("call `rotate` with {key_id} first"))
            }
            _ => (
                named.join(" and "),
                "call `rotate` with the one of them that is not configured".to_owned(),
            ),
        };
        let message = format!(
            "the API servers write with {what}, and the cluster is configured with {configured}"
        );
        let finding = Finding::violated(RuleId::PreviousKeyStillNeeded, self.cluster, message);
        let message = format!(
            "the key of {} was not changed, because secrets could be lost: {}; {remedy}, which proves every secret \
             under it",
            self.cluster, finding.message
        );
        Error::new(ErrorKind::PreflightFailed, message).with_findings(vec![finding])
    }

    fn unproven(&self, finding: Option<Finding>) -> Error {
        let why = finding.as_ref().map(ToString::to_string).unwrap_or_default();
        let message = format!(
            "the key in use of {} could not be proven before changing it: {why}",
            self.cluster
        );
        Error::new(ErrorKind::PreflightFailed, message).with_findings(finding.into_iter().collect())
    }

    /// A change left API servers on different keys, and nothing follows that sets them to one.
    fn two_keys(&self, keys: &[ExpectedKey]) -> Error {
        let named: Vec<String> = keys.iter().map(ToString::to_string).collect();
        let remedy = if keys.iter().any(ExpectedKey::is_data_encryption) {
            "call `set_data_encryption` with the one that is configured and data-encryption-retry in allow"
        } else {
            "call `rotate` (or `enable`, or `disable`) with the one that is wanted"
        };
        let message = format!(
            "the API servers of {} write with two keys, because a change reached some of them only: {}; every secret \
             is under one of these; {remedy}",
            self.cluster,
            named.join(" and ")
        );
        Error::new(ErrorKind::KmsUnavailable, message)
    }

    /// KMS v1 names no keys. Of a cluster whose last change did not succeed, only a record can tell
    /// which keys come into question, if nobody has changed the cluster since.
    fn unnamed(&self, seen: &Error) -> Error {
        let message = "the last change of the cluster did not succeed, whether another key was set before it is \
                       not known, and the metrics of KMS v1 name no keys: the API servers may write with a \
                       key that was set before";
        let finding = Finding::violated(RuleId::KeyInUseUnproven, self.cluster, message);
        let finding = finding.at(Level::Block, false);
        let message = format!(
            "which key the API servers write with cannot be told: [{}] {}; make its last change succeed (`az aks \
             update`, with the key that it had before if the key was changed), then run this again",
            finding.rule, finding.message
        );
        let error = Error::new(ErrorKind::PreflightFailed, message).with_findings(vec![finding]);
        error.with_context(&format!("what was seen: {seen}"))
    }

    /// Some secrets could not be rewritten.
    fn incomplete(&self, purpose: Purpose, left: &[String]) -> Error {
        const NAMED: usize = 5;
        let first = left.iter().take(NAMED).map(|name| match self.log.why_blocked(name) {
            Some(why) => format!("{name} ({why})"),
            None => name.clone(),
        });
        let mut names = first.collect::<Vec<_>>().join(", ");
        if left.len() > NAMED {
            names = format!("{names} and {} more", left.len() - NAMED);
        }
        if purpose != Purpose::Gate {
            let message = format!(
                "secrets of {} could not be rewritten: {names}; correct what is in their way and run this again, or \
                 name all of them in give_up_secrets, which can make them unreadable",
                self.cluster
            );
            return Error::new(ErrorKind::ReencryptIncomplete, message);
        }
        let why = format!("secrets are not proven to be under the key in use: {names}");
        let finding = Finding::violated(RuleId::PreviousKeyStillNeeded, self.cluster, why);
        let message = format!("the key of {} was not changed: {}", self.cluster, finding.told());
        Error::new(ErrorKind::ReencryptIncomplete, message).with_findings(vec![finding])
    }

    fn not_in_private_use(&self, id: &VaultId) -> Error {
        let message = format!(
            "cluster {} does not reach key vault {id} in private mode any more, because somebody else changed it; run this again",
            self.cluster
        );
        Error::new(ErrorKind::Conflict, message)
    }
}
