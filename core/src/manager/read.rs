//! The verbs that only read.

use super::{
    Inner, KmsManager,
    session::{AtTimeLimit, Session, status_of, status_with},
};
use crate::{
    error::{Error, ErrorKind, Result, api_server_unreachable},
    ids::{ExpectedKey, KeyId, Verb},
    kubernetes::{Needs, ObserveScope},
    ledger::{Entry, Fit, Reconciled},
    observe::{DataEncryptionScope, KeyToObserve, Observation},
    options::{ReencryptOptions, StatusOptions, VerifySecretsOptions},
    plan::Plan,
    reencrypt::{LedgerProof, inconclusive},
    report::{KmsStatus, OperationReport, SecretTotal, Step, StepKind, StepOutcome},
    rules::{self, RuleContext},
    verbs,
};

impl KmsManager {
    /// Proves, without writing, that no secret is under another key than the one in use.
    ///
    /// It compares every secret with the proof that an earlier operation recorded. Without such a
    /// proof it cannot tell; [`reencrypt_secrets`](Self::reencrypt_secrets), which writes nothing
    /// to secrets that are under the key already, can. Nor can it tell below Kubernetes 1.34, whose API
    /// servers do not list versions without values.
    ///
    /// ```no_run
    /// # async fn example(manager: aks_kms::KmsManager) -> aks_kms::Result<()> {
    /// use aks_kms::VerifySecretsOptions;
    ///
    /// let report = manager.verify_secrets(VerifySecretsOptions::default()).await?;
    /// assert!(report.is_proven());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`reencrypt_incomplete`](crate::ErrorKind::ReencryptIncomplete) when it cannot tell or a
    /// secret is not proven, and those of Azure and the network.
    pub async fn verify_secrets(&self, options: VerifySecretsOptions) -> Result<OperationReport> {
        Box::pin(verify_secrets(&self.0, options)).await
    }

    /// Reads the present state, and says what is wrong or will be.
    ///
    /// ```no_run
    /// # async fn example(manager: aks_kms::KmsManager) -> aks_kms::Result<()> {
    /// use aks_kms::StatusOptions;
    ///
    /// let status = manager.status(StatusOptions::default()).await?;
    /// for finding in &status.findings {
    ///     println!("{finding}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of Azure and the network, and [`timeout`](crate::ErrorKind::Timeout) after two
    /// minutes. An API server that cannot be reached is a finding.
    pub async fn status(&self, options: StatusOptions) -> Result<KmsStatus> {
        let work = Box::pin(status(&self.0, options));
        self.0.reading(Verb::Status, work).await
    }
}

/// The present state, and what is wrong or will be.
pub(super) async fn status(inner: &Inner, options: StatusOptions) -> Result<KmsStatus> {
    let seen = inner.look(options.secrets).await?.observed;
    let mut status = status_of(&seen);
    status.findings = verbs::status(&seen, options.when_older_than);
    status.key_versions_seen = seen.versions_written_with();
    if options.secrets {
        let total = seen.kubernetes.known().and_then(|facts| facts.secrets.known());
        status.secrets = total.map(|&total| SecretTotal { total });
    }
    Ok(status)
}

/// Compares every secret with the recorded proof.
pub(super) async fn verify_secrets(
    inner: &Inner,
    options: VerifySecretsOptions,
) -> Result<OperationReport> {
    let run = &options.run();
    let reencrypt =
        ReencryptOptions { namespaces: options.namespaces.clone(), ..ReencryptOptions::default() };
    let problems = rules::option_problems(Verb::VerifySecrets, run, Some(&reencrypt));
    if !problems.is_empty() {
        return Err(rules::invalid_input(Vec::new(), problems));
    }
    let session = Session::new(inner, Verb::VerifySecrets, run);
    let work = Box::pin(verify(&session, &options, &reencrypt));
    let outcome = session.in_time(run.timeout, AtTimeLimit::Unchanged, work).await;
    session.end(outcome)
}

async fn verify(
    session: &Session<'_>,
    options: &VerifySecretsOptions,
    reencrypt: &ReencryptOptions,
) -> Result<()> {
    let Session { inner, log, .. } = session;
    let scope = ObserveScope {
        namespaces: options.namespaces.as_deref(),
        needs: Needs::Status,
        count_secrets: true,
        ..inner.scope_to_look(true)
    };
    let none = DataEncryptionScope::default();
    let seen = inner.observe(|cluster, _| KeyToObserve::in_use(cluster), (scope, none)).await?;
    let Observation { observed, kubernetes, found } = seen;
    rules::namespaces_exist(&observed)?;
    log.seen(status_with(&observed.cluster, observed.recorded()));
    let step = Step::new(StepKind::VerifySecrets);
    let context = RuleContext::of(Verb::VerifySecrets, &observed, &[], reencrypt);
    let plan = Plan { findings: rules::judge(&context), steps: vec![step.clone()] };
    log.planned(&plan);
    if options.dry_run {
        return Ok(());
    }
    if let Some(refusal) = rules::refusal(&session.what(), &plan.findings, &options.allow, &[]) {
        return Err(refusal);
    }
    let found = match found {
        Some(found) => found?,
        None => return Err(inconclusive("this manager was made without a journal")),
    };
    let (Some(api), Some(facts)) = (kubernetes, observed.kubernetes.known()) else {
        return Err(api_server_unreachable(&inner.cluster));
    };
    let expected = observed.cluster.expected()?;
    let proof = recorded_proof(&found.reconciled, &expected)?;
    let recorded = Some(&found.reconciled);
    let engine = session.engine(api, Some(facts), &observed.cluster, recorded, reencrypt.clone());
    let began = tokio::time::Instant::now();
    let mut report = engine.verify_against_record(&expected, proof).await?;
    let now = inner.access.azure.cluster(&inner.cluster).await?.facts;
    let is_as_before = now.etag.is_some() && now.etag == observed.cluster.etag;
    let unchanged = is_as_before && now.busy().is_none();
    report.complete &= unchanged;
    log.step(&step, StepOutcome::Done, began.elapsed().as_secs_f64());
    log.pass(report.clone());
    if !unchanged {
        log.seen(status_with(&now, None));
        let message = format!(
            "somebody else changed cluster {} while its secrets were compared, so nothing is proven; run this again",
            inner.cluster
        );
        return Err(Error::new(ErrorKind::Conflict, message));
    }
    let named = report.blocked.len();
    if report.complete {
        log.seen(status_with(&observed.cluster, Some(&found.reconciled)));
        return Ok(());
    }
    if named > report.given_up.len() {
        let message = format!(
            "{named} secrets of {} are not proven to be under the key in use; reencrypt_secrets proves them, and \
             writes nothing to those that are",
            inner.cluster
        );
        return Err(Error::new(ErrorKind::ReencryptIncomplete, message));
    }
    Ok(())
}

/// Of a key that AKS moves on by itself: what the API servers counted it under when it was proven.
fn proven_hash(entry: &Entry) -> Option<String> {
    let computed = || entry.key_id.as_ref().map(KeyId::metrics_hash);
    entry.key().is_data_encryption().then(|| entry.key_id_hash_seen.clone().or_else(computed))?
}

/// The proof that the record holds of this key, which the cluster is set to.
fn recorded_proof(found: &Reconciled, key: &ExpectedKey) -> Result<LedgerProof> {
    let why = match found.fit {
        Fit::Unrelated => Some("there is no record of this cluster"),
        Fit::Superseded => Some("somebody else changed the key since the record was written"),
        Fit::Unbroken | Fit::Changed => None,
    };
    if let Some(why) = why {
        return Err(inconclusive(why));
    }
    // A change that failed, or that nobody saw end, leaves another key in use.
    let current = found.record.ledger.current.as_ref().filter(|entry| entry.is(key));
    current
        .and_then(|entry| {
            Some(LedgerProof {
                watermark: entry.watermark.as_ref()?.parse().ok()?,
                evidence: entry.evidence?,
                given_up: entry.given_up.clone(),
                unbroken: found.fit == Fit::Unbroken,
                hash: proven_hash(entry),
            })
        })
        .ok_or_else(|| inconclusive("no proof of the key in use is recorded"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ids::KeyId,
        rules::testing::{KEY_1, KEY_2, entry, proven, recorded},
    };

    #[test]
    fn a_proof_of_another_key_than_the_cluster_is_set_to_proves_nothing() {
        let key = |key_id| ExpectedKey::Key(KeyId::parse(key_id).unwrap());
        let found = recorded(proven(entry(KEY_1)), None, &[]);
        assert_eq!(recorded_proof(&found, &key(KEY_1)).unwrap().watermark, 1000);
        for other in [key(KEY_2), ExpectedKey::Plaintext] {
            let error = recorded_proof(&found, &other).unwrap_err();
            assert_eq!(error.code(), "reencrypt_incomplete");
        }
    }
}
