//! What must hold, whatever happened.

use aks_kms::{
    Error, ErrorKind, KeyId, KeyLedger, OperationReport, Purpose, ReencryptReport, StatusOptions,
};

use crate::{
    cluster::{CANARY, Cluster, DENIED, under},
    sequence::{Denied, Verb},
};

/// A note in the ledger that a key may be needed although that cannot be seen.
const CAUTION: &str = "Others changed the cluster since the last rotation";

/// After every step: nothing is lost, no vault was closed too early, no key is set that nobody asked
/// for, what is somebody's is left alone, and no key is called removable that is needed.
pub(crate) async fn cluster(cluster: &Cluster) -> Result<(), String> {
    nothing_is_lost(cluster).await?;
    everything_was_asked_for(cluster)?;
    match cluster.manager().status(StatusOptions::default()).await {
        Ok(status) => match status.ledger {
            Some(ledger) => removable(cluster, &ledger).await,
            None => Ok(()),
        },
        Err(error) => is_documented(cluster, &error),
    }
}

/// Whatever the record says, it asks for nothing.
fn everything_was_asked_for(cluster: &Cluster) -> Result<(), String> {
    if let Some(key) = cluster.configured().filter(|key| !cluster.was_asked_for(key)) {
        return Err(format!("the cluster is set to {key}, which nobody asked for"));
    }
    let taken = *cluster.canarys_name_taken.lock().unwrap();
    if taken && !cluster.is_stored("kube-system", CANARY) {
        return Err("the secret of somebody's that has the canary's name is gone".to_owned());
    }
    Ok(())
}

async fn nothing_is_lost(cluster: &Cluster) -> Result<(), String> {
    let truth = cluster.truth().await;
    let given_up = usize::from(cluster.denied == Denied::GivenUp);
    if truth.unreadable > given_up {
        return Err(format!("secrets are lost: {truth:?}, {:?}", cluster.rolled_out()));
    }
    // A secret that is given up may be under a key of any time.
    let is_given_up =
        |violation: &&String| given_up > 0 && violation.contains("while a secret needed");
    match truth.violations.iter().find(|violation| !is_given_up(violation)) {
        Some(violation) => Err(violation.clone()),
        None => Ok(()),
    }
}

async fn removable(cluster: &Cluster, ledger: &KeyLedger) -> Result<(), String> {
    let entries = [&ledger.current, &ledger.pending, &ledger.previous];
    let entries = entries.into_iter().flatten().chain(&ledger.retired);
    let entries: Vec<_> = entries.filter(|entry| entry.removable).collect();
    if entries.is_empty() {
        return Ok(());
    }
    let truth = cluster.truth().await;
    let (config, _) = cluster.rolled_out();
    for entry in entries {
        let Some(key) = entry.key_id.as_ref().map(KeyId::as_str) else { continue };
        let secrets = under(&truth, key);
        let given_up = usize::from(entry.reason.contains(DENIED));
        if secrets > given_up {
            return Err(format!("{key} is called removable, with {secrets} secrets under it"));
        }
        let has = |configured: &Option<aks_kms_simulator::backend::KeyRef>| {
            configured.as_ref().is_some_and(|it| it.key_id == key)
        };
        if has(&config.current) {
            return Err(format!("{key} is called removable, and API servers write with it"));
        }
        // With data encryption AKS looks after what it reads with: what no secret is under goes.
        if cluster.has_data_encryption() {
            continue;
        }
        // That somebody set it for a while cannot be seen; the ledger says so.
        if has(&config.previous) && !entry.reason.contains(CAUTION) {
            return Err(format!("{key} is called removable, and API servers read with it"));
        }
    }
    Ok(())
}

/// After a verb: its error is one that a caller can act on, a refusal wrote nothing, and what it
/// calls complete is true. `writes_before`: how many writes there were, if nobody else writes.
pub(crate) async fn outcome(
    cluster: &Cluster,
    verb: Verb,
    writes_before: Option<usize>,
    outcome: &Result<OperationReport, Error>,
) -> Result<(), String> {
    let name = format!("{verb:?}");
    let name = name.split('(').next().unwrap_or_default();
    let came = outcome.as_ref().map_or_else(Error::code, |_| "ok");
    cluster.note(format!("{name}: {came}"));
    let wrote = writes_before.is_some_and(|before| cluster.writes() > before);
    match outcome {
        Ok(report) => {
            if verb.only_reads() && wrote {
                return Err(format!("{verb:?} wrote something"));
            }
            if verb.key().is_some() && !report.dry_run {
                *cluster.set_by_others.lock().unwrap() = None;
            }
            match report.reencryption.last() {
                Some(pass) => proven(cluster, pass).await,
                None => Ok(()),
            }
        }
        Err(error) => {
            is_documented(cluster, error)?;
            let begun = error.report().is_some_and(|report| !report.steps.is_empty());
            let refused = error.kind() == ErrorKind::PreflightFailed && !begun;
            if (refused || verb.only_reads()) && wrote {
                return Err(format!("{verb:?} was refused after it wrote something: {error:?}"));
            }
            Ok(())
        }
    }
}

/// What a pass calls complete is true.
async fn proven(cluster: &Cluster, pass: &ReencryptReport) -> Result<(), String> {
    // what a gate proved was of the time before the change
    if !pass.complete || pass.purpose == Purpose::Gate {
        return Ok(());
    }
    let truth = cluster.truth().await;
    let there = cluster.under_proven(&truth, pass.key_id.as_deref());
    if there + pass.given_up.len() >= truth.total {
        return Ok(());
    }
    Err(format!("{:?} of {:?} is called complete: {truth:?}", pass.purpose, pass.key_id))
}

/// The error's kind is one that these sequences can lead to.
pub(crate) fn is_documented(cluster: &Cluster, error: &Error) -> Result<(), String> {
    match error.kind() {
        ErrorKind::Unauthenticated if cluster.expires_credentials() => Ok(()),
        ErrorKind::PreflightFailed
        | ErrorKind::Conflict
        | ErrorKind::OperationFailed
        | ErrorKind::ReencryptIncomplete
        | ErrorKind::KmsUnavailable
        | ErrorKind::Throttled
        | ErrorKind::Timeout
        | ErrorKind::Unavailable => Ok(()),
        _ => Err(format!("an error of a kind that nothing here leads to: {error:?}")),
    }
}
