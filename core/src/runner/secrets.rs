//! The steps that concern secrets.

use std::ops::ControlFlow;

use super::{
    RunState, Runner,
    change::{InUse, candidates},
    set_kms::changed,
};
use crate::{
    catalogue::{Level, RuleId},
    error::{Error, ErrorKind, Result},
    model::{Evidence, ExpectedKey, Finding, KmsChange, Purpose, ReencryptReport, StepOutcome},
    reencrypt::{Engine, Pass},
    rules,
};

impl Runner<'_> {
    pub(super) async fn wait_for_key(
        &self,
        purpose: Purpose,
        expected: &ExpectedKey,
        later: Option<&KmsChange>,
        state: &mut RunState,
    ) -> Result<ControlFlow<String, StepOutcome>> {
        let engine = self.engine()?;
        match engine.converge(purpose, expected, state.before_change.take()).await {
            Ok(pass) => {
                state.pass = Some(pass);
                Ok(ControlFlow::Continue(StepOutcome::Done))
            }
            Err(error) if purpose == Purpose::Gate && error.kind() == ErrorKind::KmsUnavailable => {
                self.write_with_target(expected, later, error, state).await
            }
            Err(error) => Err(error),
        }
    }

    /// The API servers do not come to write with what the cluster is configured with. If that is
    /// because they write with the target, the change goes back to what they have. If they cannot
    /// write at all, it may be a rollback that the record vouches for.
    async fn write_with_target(
        &self,
        configured: &ExpectedKey,
        later: Option<&KmsChange>,
        error: Error,
        state: &mut RunState,
    ) -> Result<ControlFlow<String, StepOutcome>> {
        let target = later.map(|later| Self::resolved(later, state).expected());
        let Some(target) = target.filter(|target| target != configured) else { return Err(error) };
        let candidates = [configured.clone(), target.clone()];
        match self.engine()?.converge_in_use(Purpose::Gate, &candidates).await {
            Ok(pass) if pass.keys() == [target.clone()] => {
                state.pass = Some(pass);
                Ok(ControlFlow::Continue(StepOutcome::Done))
            }
            Err(now)
                if now.kind() == ErrorKind::KmsUnavailable && self.may_roll_back_to(&target) =>
            {
                state.in_use = InUse::Vouched;
                Ok(ControlFlow::Continue(StepOutcome::Skipped))
            }
            _ => Err(error),
        }
    }

    fn may_roll_back_to(&self, target: &ExpectedKey) -> bool {
        let found = self.recording.as_ref().and_then(|recording| recording.found.as_ref());
        found.is_some_and(|found| found.reconciled.is_rollback_to(target))
    }

    /// Finds what the API servers write with, where the cluster's configuration does not tell.
    pub(super) async fn find_key_in_use(
        &self,
        purpose: Purpose,
        later: Option<&KmsChange>,
        state: &mut RunState,
    ) -> Result<ControlFlow<String, StepOutcome>> {
        let now = self.settled().await?;
        if now.facts.etag != state.etag {
            return Ok(changed());
        }
        let later = later.map(|later| Self::resolved(later, state).expected());
        let candidates = candidates(&now.facts, later, self.before.as_ref(), self.ledger());
        let is_known = self.ledger().is_some_and(|ledger| ledger.current.is_some());
        if self.engine()?.is_kms_v1() && !is_known {
            return Err(self.unnamed());
        }
        let pass = self.engine()?.converge_in_use(purpose, &candidates).await?;
        state.pass = Some(pass);
        Ok(ControlFlow::Continue(StepOutcome::Done))
    }

    pub(super) async fn reencrypt_secrets(&self, state: &mut RunState) -> Result<()> {
        self.engine()?.rewrite(pass(state)?).await
    }

    /// Verifies, and stops the plan unless nothing is left: no later step runs then. A pass during
    /// which somebody changed the cluster proves nothing.
    pub(super) async fn verify_secrets(
        &self,
        purpose: Purpose,
        state: &mut RunState,
    ) -> Result<ControlFlow<String, StepOutcome>> {
        let verified = self.engine()?.verify(pass(state)?).await;
        let Some(pass) = state.pass.take() else { return Err(no_pass()) };
        state.before_change = pass.writes_with();
        let expected = pass.expected().clone();
        let hash_seen = pass.key_id_hash_seen();
        let given_up = |name: &str| self.give_up_secrets.iter().any(|given| given == name);
        let mut report = pass.report(&given_up);
        let within = pass.is_settled_within(&given_up) || report.evidence == Evidence::Weak;
        let now = self.azure.cluster(self.cluster).await?.facts;
        let unchanged = now.etag.is_some() && now.etag == state.etag && now.busy().is_none();
        report.complete &= unchanged && verified.is_ok();
        self.log.pass(report.clone());
        if !unchanged {
            return Ok(changed());
        }
        verified?;
        state.in_use = InUse::Heard(pass.keys().to_vec());
        self.prove(&expected, &report, hash_seen, state.etag.as_deref()).await;
        self.judge(purpose, state.key_change_follows, &report)?;
        if purpose == Purpose::Rewrite && pass.keys().len() > 1 {
            return Err(self.two_keys(pass.keys()));
        }
        if !within && (purpose == Purpose::Gate || state.key_change_follows) {
            return Err(self.incomplete(purpose, &["secrets that were not listed".to_owned()]));
        }
        Ok(ControlFlow::Continue(StepOutcome::Done))
    }

    fn judge(
        &self,
        purpose: Purpose,
        key_change_follows: bool,
        report: &ReencryptReport,
    ) -> Result<()> {
        let left: Vec<String> = report
            .blocked
            .iter()
            .map(|secret| format!("{}/{}", secret.namespace, secret.name))
            .filter(|name| !report.given_up.contains(name))
            .collect();
        if !left.is_empty() {
            return Err(self.incomplete(purpose, &left));
        }
        if report.evidence != Evidence::Weak {
            return Ok(());
        }
        let v1 = report.key_id.is_some() && self.engine()?.is_kms_v1();
        let unproven = if v1 {
            rules::unproven_on_kms_v1(self.cluster)
        } else {
            let why = self.engine()?.doubt();
            let why = why.unwrap_or_else(|| "nothing could be seen".to_owned());
            let message =
                format!("which key the API servers write with is not proven, so nothing is: {why}");
            Finding::violated(RuleId::KeyInUseUnproven, self.cluster, message)
        };
        if (purpose == Purpose::Gate || key_change_follows)
            && !self.allows(RuleId::KeyInUseUnproven)
        {
            return Err(Error::new(
                ErrorKind::PreflightFailed,
                format!(
                    "the key in use of {} could not be proven before changing it: {unproven}",
                    self.cluster
                ),
            )
            .with_findings(vec![unproven]));
        }
        self.log.finding(unproven.at(Level::Warn, false));
        Ok(())
    }

    /// A change left API servers on different keys, and nothing follows that sets them to one.
    fn two_keys(&self, keys: &[ExpectedKey]) -> Error {
        let named: Vec<String> = keys.iter().map(ToString::to_string).collect();
        Error::new(
            ErrorKind::KmsUnavailable,
            format!(
                "the API servers of {} write with two keys, because a change reached some of them only: {}; every secret \
                 is under one of these; call `rotate` (or `enable`, or `disable`) with the one that is wanted",
                self.cluster,
                named.join(" and ")
            ),
        )
    }

    /// KMS v1 names no keys. Of a cluster whose last change did not succeed, only a record of
    /// before it can tell which keys come into question.
    fn unnamed(&self) -> Error {
        let finding = Finding::violated(
            RuleId::KeyInUseUnproven,
            self.cluster,
            "the last change of the cluster did not succeed, nothing is recorded of before it, and the metrics of KMS v1 \
             name no keys: the API servers may write with the key that was set before",
        )
        .at(Level::Block, false);
        Error::new(
            ErrorKind::PreflightFailed,
            format!(
                "which key the API servers write with cannot be told: [{}] {}; make its last change succeed (`az aks \
                 update`, with the key that it had before if the key was changed), then run this again",
                finding.rule, finding.message
            ),
        )
        .with_findings(vec![finding])
    }

    /// Some secrets could not be rewritten.
    fn incomplete(&self, purpose: Purpose, left: &[String]) -> Error {
        const NAMED: usize = 5;
        let mut names = left.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
        if left.len() > NAMED {
            names = format!("{names} and {} more", left.len() - NAMED);
        }
        let message = format!(
            "secrets of {} could not be rewritten: {names}; the report has the reason of each; fix them and run \
             this again, or name all of them in give_up_secrets",
            self.cluster
        );
        if purpose != Purpose::Gate {
            return Error::new(ErrorKind::ReencryptIncomplete, message);
        }
        let finding = Finding::violated(
            RuleId::PreviousKeyStillNeeded,
            self.cluster,
            format!("not proven to be under the key in use: {names}"),
        );
        Error::new(
            ErrorKind::ReencryptIncomplete,
            format!("{message} [{}] {}", finding.rule, finding.remedy),
        )
        .with_findings(vec![finding])
    }

    fn engine(&self) -> Result<&Engine> {
        self.engine.as_ref().ok_or_else(|| {
            Error::new(
                ErrorKind::Unavailable,
                format!("the API server of {} cannot be reached from here", self.cluster),
            )
        })
    }
}

fn pass(state: &mut RunState) -> Result<&mut Pass> {
    state.pass.as_mut().ok_or_else(no_pass)
}

fn no_pass() -> Error {
    Error::new(ErrorKind::Unexpected, "a plan that rewrites secrets must first wait for the key")
}
