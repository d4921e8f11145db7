//! The effects on secrets.

use super::{RunData, Runner};
use crate::{
    catalogue::Level,
    error::{Error, Result, api_server_unreachable},
    ids::{ExpectedKey, VaultId},
    ledger::Entry,
    operation::{OperationState, Outcome, Stage, Verdict},
    reencrypt::{Engine, Pass},
    report::{Evidence, Finding, KmsChange, Purpose, ReencryptReport},
    rules,
};

impl Runner<'_> {
    pub(super) async fn converge(
        &self,
        purpose: Purpose,
        expected: &ExpectedKey,
        data: &mut RunData,
    ) -> Result<Outcome> {
        self.learn_versions(std::slice::from_ref(expected), data).await;
        if *expected == ExpectedKey::Platform {
            // AKS may have moved on to a newer version of the key of before, which has a name.
            self.learn_versions(&self.customer_managed_before(), data).await;
        }
        let before_change = data.before_change.take();
        let pass = self.engine()?.converge(purpose, expected, before_change).await?;
        Ok(begun(pass, data))
    }

    /// AKS takes the version up in its own time.
    pub(super) async fn await_version(
        &self,
        expected: &ExpectedKey,
        data: &mut RunData,
    ) -> Result<Outcome> {
        let before_change = data.before_change.clone().or_else(|| self.written_by_record());
        if let Some(key_id) = expected.key_id() {
            let any = ExpectedKey::AnyVersion(key_id.without_version());
            self.learn_versions(std::slice::from_ref(&any), data).await;
        }
        let wait = self.engine()?.await_version(expected, before_change);
        let pass = self.waited.during(wait).await?;
        Ok(Outcome::Heard(pass.keys().to_vec()))
    }

    pub(super) async fn find_key_in_use(
        &self,
        purpose: Purpose,
        candidates: &[ExpectedKey],
        data: &mut RunData,
    ) -> Result<Outcome> {
        self.learn_versions(candidates, data).await;
        let pass = self.engine()?.converge_in_use(purpose, candidates).await?;
        Ok(begun(pass, data))
    }

    pub(super) async fn rewrite(&self, data: &mut RunData) -> Result<Outcome> {
        self.engine()?.rewrite(data.pass.as_mut().ok_or_else(no_pass)?).await?;
        Ok(Outcome::Done)
    }

    pub(super) async fn verify(&self, data: &mut RunData) -> Result<Outcome> {
        let pass = data.pass.as_mut().ok_or_else(no_pass)?;
        let verified = self.engine()?.verify(pass).await;
        let given_up = |name: &str| self.is_given_up(name);
        let report = pass.report(&given_up);
        let verdict = Verdict {
            keys: pass.keys().to_vec(),
            ended: verified.is_ok(),
            weak: report.evidence == Evidence::Weak,
            left: left(&report),
            within: pass.is_settled_within(&given_up),
        };
        data.error = verified.err();
        Ok(Outcome::Verified(verdict))
    }

    /// Reports the pass, and keeps its proof. A pass during which somebody changed the cluster proves
    /// nothing.
    pub(super) async fn conclude(
        &self,
        unchanged: bool,
        weak: bool,
        state: &OperationState,
        data: &mut RunData,
    ) -> Result<Outcome> {
        let pass = data.pass.take().ok_or_else(no_pass)?;
        data.before_change = pass.writes_with();
        let mut report = pass.report(&|name: &str| self.is_given_up(name));
        let ended = matches!(&state.stage, Stage::Verified(verdict) if verdict.ended);
        report.complete &= unchanged && ended;
        self.log.pass(report.clone());
        if unchanged && ended {
            let named = (pass.version().cloned(), pass.key_id_hash_seen());
            self.prove(pass.expected(), &report, named, state.etag.as_deref()).await;
        }
        if report.evidence == Evidence::Weak {
            let unproven = self.why_unproven(pass.expected(), &report)?;
            if weak {
                self.log.finding(unproven.clone().at(Level::Warn, false));
            }
            data.unproven = Some(unproven);
        }
        Ok(Outcome::Done)
    }

    /// The customer-managed keys that the cluster had.
    fn customer_managed_before(&self) -> Vec<ExpectedKey> {
        let recorded = self.recorded_entries().map(Entry::key);
        let mut keys: Vec<ExpectedKey> = Vec::new();
        for key in self.before.iter().map(KmsChange::expected).chain(recorded) {
            if matches!(key, ExpectedKey::AnyVersion(_)) && !keys.contains(&key) {
                keys.push(key);
            }
        }
        keys
    }

    /// The vault of a customer-managed key, which the cluster's profile names, or the record.
    fn vault_of(&self, key: &ExpectedKey, data: &RunData) -> Option<VaultId> {
        let now = data.cluster.as_ref().and_then(|read| read.facts.configured().ok());
        let set = now.iter().chain(&self.before).filter(|change| change.expected() == *key);
        let named = set.filter_map(KmsChange::on).find_map(|it| it.key_vault_id.clone());
        let mut recorded = self.recorded_entries().filter(|entry| entry.is(key));
        named.or_else(|| recorded.find_map(|entry| entry.key_vault_id.clone()))
    }

    fn recorded_entries(&self) -> impl Iterator<Item = &Entry> {
        let found = self.recording.as_ref().and_then(|recording| recording.found.as_ref());
        found.into_iter().flat_map(|found| found.reconciled.record.ledger.entries())
    }

    /// Where any version of a key may be in use, which versions there are. Without them it is not seen
    /// which one is.
    async fn learn_versions(&self, keys: &[ExpectedKey], data: &RunData) {
        for key in keys {
            let (ExpectedKey::AnyVersion(key_id), Some(engine)) = (key, &self.engine) else {
                continue;
            };
            let vault = self.vault_of(key, data);
            match self.azure.versions_of_key(key_id, vault.as_ref(), self.cluster).await {
                Ok(versions) => {
                    let ids = versions.into_iter().map(|version| version.key_id);
                    engine.know_versions(ids.collect(), key_id);
                }
                Err(error) => tracing::warn!(%error, "the versions of {key_id} cannot be listed"),
            }
        }
    }

    fn why_unproven(&self, expected: &ExpectedKey, report: &ReencryptReport) -> Result<Finding> {
        let engine = self.engine()?;
        if report.key_id.is_some() && engine.is_kms_v1() {
            return Ok(rules::unproven_on_kms_v1(self.cluster));
        }
        Ok(rules::key_in_use_not_seen(self.cluster, expected, engine.doubt()))
    }

    fn is_given_up(&self, name: &str) -> bool {
        self.give_up_secrets.iter().any(|given| given == name)
    }

    fn engine(&self) -> Result<&Engine> {
        self.engine.as_ref().ok_or_else(|| api_server_unreachable(self.cluster))
    }
}

/// What could not be rewritten and was not given up.
fn left(report: &ReencryptReport) -> Vec<String> {
    let blocked = report.blocked.iter();
    let names = blocked.map(|secret| format!("{}/{}", secret.namespace, secret.name));
    names.filter(|name| !report.given_up.contains(name)).collect()
}

fn begun(pass: Pass, data: &mut RunData) -> Outcome {
    let keys = pass.keys().to_vec();
    data.pass = Some(pass);
    Outcome::Heard(keys)
}

fn no_pass() -> Error {
    Error::internal("a plan that rewrites secrets must first wait for the key")
}
