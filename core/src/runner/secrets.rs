//! The steps that concern secrets.

use super::{Carried, Runner};
use crate::{
    catalogue::{Level, RuleId},
    error::{Error, ErrorKind, Result},
    model::{Evidence, ExpectedKey, Finding, Purpose, ReencryptReport},
    reencrypt::{Engine, Pass},
    rules,
};

impl Runner<'_> {
    pub(super) async fn wait_for_key(
        &self,
        purpose: Purpose,
        expected: &ExpectedKey,
        carried: &mut Carried,
    ) -> Result<()> {
        let engine = self.engine()?;
        let pass = engine.converge(purpose, expected, carried.before_change.take()).await?;
        carried.pass = Some(pass);
        Ok(())
    }

    pub(super) async fn reencrypt_secrets(&self, carried: &mut Carried) -> Result<()> {
        self.engine()?.rewrite(pass(carried)?).await
    }

    /// Verifies, and stops the plan unless nothing is left: no later step runs then.
    pub(super) async fn verify_secrets(
        &self,
        purpose: Purpose,
        carried: &mut Carried,
    ) -> Result<()> {
        let verified = self.engine()?.verify(pass(carried)?).await;
        let Some(pass) = carried.pass.take() else { return Err(no_pass()) };
        carried.before_change = pass.writes_with();
        let expected = pass.expected().clone();
        let hash_seen = pass.key_id_hash_seen();
        let report = pass.report(&|name| self.give_up_secrets.iter().any(|given| given == name));
        self.log.pass(report.clone());
        verified?;
        self.prove(&expected, &report, hash_seen, carried.etag.as_deref()).await;
        self.judge(purpose, carried.guards, &report)
    }

    fn judge(&self, purpose: Purpose, guards: bool, report: &ReencryptReport) -> Result<()> {
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
        if (purpose == Purpose::Gate || guards) && !self.allows(RuleId::KeyInUseUnproven) {
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

    /// Some secrets could not be rewritten.
    fn incomplete(&self, purpose: Purpose, left: &[String]) -> Error {
        const NAMED: usize = 5;
        let mut names = left.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
        if left.len() > NAMED {
            names = format!("{names} and {} more", left.len() - NAMED);
        }
        let message = format!(
            "secrets of {} could not be rewritten: {names}; the report has the reason of each; mend them and run \
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

fn pass(carried: &mut Carried) -> Result<&mut Pass> {
    carried.pass.as_mut().ok_or_else(no_pass)
}

fn no_pass() -> Error {
    Error::new(ErrorKind::Unexpected, "a plan that rewrites secrets must first wait for the key")
}
