//! The verbs that only read.

use std::{future::Future, time::Duration};

use super::{
    Inner,
    perform::{known_keys, reported, status_with},
};
use crate::{
    error::{Error, ErrorKind, Result},
    kubernetes::{Needs, ObserveScope},
    ledger::{Fit, Reconciled},
    model::{
        ClusterId, ExpectedKey, KmsStatus, KubernetesVersion, OperationReport, Purpose,
        ReencryptOptions, SecretTotal, StatusOptions, Step, StepKind, StepOutcome, Verb,
        VerifySecretsOptions,
    },
    observe::{KeyToObserve, Observation},
    plan::{Plan, expected_now},
    progress::Reporter,
    reencrypt::{Engine, EngineConfig, LedgerProof},
    rules,
    runner::RunLog,
    verbs,
};

/// How long a verb may take that only reads and has no time limit of its own.
pub(super) const READING: Duration = Duration::from_secs(120);

/// The work, unless it takes longer than reading ever should.
pub(super) async fn in_time<T>(
    cluster: &ClusterId,
    verb: Verb,
    limit: Duration,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
        Err(Error::new(
            ErrorKind::Timeout,
            format!(
                "{verb} of {cluster} did not end within {} s, the time limit of what only reads: Azure or the API server \
                 does not respond in time; nothing was changed, call it again",
                limit.as_secs()
            ),
        ))
    })
}

/// The present state, and what is wrong or will be.
pub(super) async fn status(inner: &Inner, options: StatusOptions) -> Result<KmsStatus> {
    let seen = inner
        .observe(|cluster, _| KeyToObserve::in_use(cluster), inner.scope_to_look(options.secrets))
        .await?
        .observed;
    let mut status = status_with(&seen.cluster, seen.recorded());
    status.findings = verbs::status(&seen);
    if options.secrets {
        status.secrets = seen
            .kubernetes
            .known()
            .and_then(|facts| facts.secrets.known())
            .map(|&total| SecretTotal { total });
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
    let reporter = Reporter::new(Verb::VerifySecrets, run.on_progress.clone());
    let log =
        RunLog::new(Verb::VerifySecrets, inner.cluster.clone(), run.dry_run, run.allow.clone());
    let work = Box::pin(verify(inner, &options, &reencrypt, &reporter, &log));
    let outcome = tokio::time::timeout(run.timeout, work).await.unwrap_or_else(|_| {
        Err(Error::new(
            ErrorKind::Timeout,
            format!("verify_secrets of {} did not end within its time limit", inner.cluster),
        ))
    });
    match &outcome {
        Ok(()) => reporter.finish("Done"),
        Err(error) => reporter.finish(error.to_string()),
    }
    reported(outcome, &log)
}

async fn verify(
    inner: &Inner,
    options: &VerifySecretsOptions,
    reencrypt: &ReencryptOptions,
    reporter: &Reporter,
    log: &RunLog,
) -> Result<()> {
    let scope = ObserveScope {
        namespaces: options.namespaces.as_deref(),
        needs: Needs::Status,
        count_secrets: true,
        ..inner.scope_to_look(true)
    };
    let seen = inner.observe(|cluster, _| KeyToObserve::in_use(cluster), scope).await?;
    let Observation { observed, kubernetes, found } = seen;
    log.seen(status_with(&observed.cluster, observed.recorded()));
    let step = Step::new(StepKind::VerifySecrets { purpose: Purpose::Verify });
    let plan = Plan {
        findings: rules::judge(&rules::RuleContext {
            verb: Verb::VerifySecrets,
            observed: &observed,
            target: None,
            gate: false,
            rewrites: false,
            reencrypt,
        }),
        steps: vec![step.clone()],
    };
    log.planned(&plan);
    if options.dry_run {
        return Ok(());
    }
    if let Some(refusal) = rules::refusal(&plan.findings, &options.allow, &[]) {
        return Err(refusal);
    }
    let found = match found {
        Some(found) => found?,
        None => return Err(inconclusive("this manager was made without a journal")),
    };
    let (Some(api), Some(facts)) = (kubernetes, observed.kubernetes.known()) else {
        return Err(Error::new(
            ErrorKind::Unavailable,
            format!("the API server of {} cannot be reached from here", inner.cluster),
        ));
    };
    let expected = expected_now(&observed.cluster)?;
    let proof = recorded_proof(&found.reconciled, &expected)?;
    let engine = Engine::new(EngineConfig {
        api,
        timing: inner.timing.clone(),
        options: reencrypt.clone(),
        state_namespace: inner.journal.namespace().to_owned(),
        metrics: facts.metrics.known() != Some(&false),
        total: facts.secrets.known().copied(),
        reporter: reporter.clone(),
        known_key_id_hashes: found.reconciled.record.hashes_seen(),
        known_keys: known_keys(&observed.cluster, Some(&found.reconciled)),
        settled: observed.cluster.is_succeeded(),
        kms_v1: observed.cluster.kubernetes_version < KubernetesVersion::KMS_V2,
    });
    let began = tokio::time::Instant::now();
    let report = engine.verify_against_record(&expected, proof).await?;
    log.step(&step, StepOutcome::Done, began.elapsed().as_secs_f64());
    log.pass(report.clone());
    let named = report.blocked.len();
    if report.complete {
        log.seen(status_with(&observed.cluster, Some(&found.reconciled)));
        return Ok(());
    }
    if named > report.given_up.len() {
        return Err(Error::new(
            ErrorKind::ReencryptIncomplete,
            format!(
                "{named} secrets of {} are not proven to be under the key in use; reencrypt_secrets proves them, and \
                 writes nothing to those that are",
                inner.cluster
            ),
        ));
    }
    Ok(())
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
            })
        })
        .ok_or_else(|| inconclusive("no proof of the key in use is recorded"))
}

fn inconclusive(why: &str) -> Error {
    Error::new(
        ErrorKind::ReencryptIncomplete,
        format!(
            "whether every secret is under the key in use cannot be told without writing: {why}; reencrypt_secrets, which \
             writes nothing to secrets that are under the key already, can tell"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::KeyId,
        rules::testing::{CLUSTER, KEY_1, KEY_2, entry, proven, recorded},
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

    #[tokio::test(start_paused = true)]
    async fn what_does_not_answer_ends_with_an_error_that_names_the_limit() {
        let cluster = ClusterId::parse(CLUSTER).unwrap();
        let never = std::future::pending::<Result<()>>();
        let error = in_time(&cluster, Verb::Status, READING, never).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert!(error.to_string().contains("status of"), "{error}");
        assert!(error.to_string().contains("120 s"), "{error}");
        let soon = async { Ok(1) };
        assert_eq!(in_time(&cluster, Verb::Status, READING, soon).await.unwrap(), 1);
    }
}
