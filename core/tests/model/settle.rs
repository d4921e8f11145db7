//! Once nothing goes wrong any more, what was begun is finished, and the cluster is as if nothing had
//! ever gone wrong.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use aks_kms::{Error, ErrorKind, KmsStatus, OperationReport, RuleId, StatusOptions};

use crate::{
    check,
    cluster::Cluster,
    common::SCALE,
    data_encryption::is_of,
    others,
    run::call,
    sequence::{Denied, Verb},
    tamper,
};

/// Whoever is not done by then never will be.
const PATIENCE: Duration = Duration::from_secs(120);
/// So often a conflict may come before it is one that only `abandon` resolves.
const CONFLICTS: usize = 3;
/// API servers that were behind have noticed.
const NOTICE_SECONDS: f64 = 65.0;

pub(crate) async fn settle(cluster: &Cluster) -> Result<(), String> {
    cluster.heal().await;
    cluster.enable_versions();
    tamper::clean(cluster).await;
    if cluster.idle().await? == "Succeeded" {
        // Azure called it a success, whether or not some API servers were left behind.
        reconcile(cluster).await?;
    }
    tokio::time::sleep(Duration::from_secs_f64(NOTICE_SECONDS * SCALE)).await;
    let began = Instant::now();
    resume(cluster, began).await?;
    // A change that failed, and was abandoned or forgotten.
    reconcile(cluster).await?;
    if cluster.has_data_encryption() {
        cluster.rewritten().await?;
        // The hash of a key that nobody can name is learned first.
        rewrite(cluster, began).await?;
    }
    rewrite(cluster, began).await?;
    check::cluster(cluster).await?;
    is_as_uninterrupted(cluster).await
}

/// Somebody asks again for what the cluster is set to, where a change failed or API servers were left
/// behind; or, if that would lose a secret, for what the API servers have.
async fn reconcile(cluster: &Cluster) -> Result<(), String> {
    let (has, uniform) = cluster.rolled_out();
    if cluster.idle().await? == "Succeeded" && uniform {
        return Ok(());
    }
    if cluster.is_set_to_data_encryption() {
        let asked = cluster.ask_again();
        let state = cluster.idle().await?;
        return if asked && state == "Succeeded" {
            Ok(())
        } else {
            Err(format!("data encryption is asked for again ({asked}), and it ends as {state}"))
        };
    }
    let wanted = cluster.configured();
    let profile = if others::loses_nothing(cluster, &has, wanted.as_deref()).await {
        cluster.profile()
    } else {
        others::profile_of(cluster, has.current.as_ref().map(|key| key.key_id.as_str()))
    };
    if !cluster.ask_for_kms(&profile, None, None) {
        return Err(format!("nobody may ask for {profile}"));
    }
    match cluster.idle().await? {
        state if state == "Succeeded" => Ok(()),
        state => Err(format!("asked again for what the cluster is set to, it ends as {state}")),
    }
}

/// Finishes what is recorded; drops what somebody else's change has made impossible.
async fn resume(cluster: &Cluster, began: Instant) -> Result<(), String> {
    let mut conflicts = 0;
    loop {
        // An API server that was not ready may have refused it before.
        tamper::delete_orphans(cluster).await;
        let before = status(cluster).await?;
        // The seal lies under the key, too: what is recorded cannot be told yet.
        if let Some(finding) =
            before.findings.iter().find(|finding| finding.rule == RuleId::RecordUnreadable)
        {
            if began.elapsed() >= PATIENCE {
                return Err(format!("the record never comes back: {finding:?}"));
            }
            // Where a change of others left API servers behind, one cannot read what another writes.
            if cluster.others_failed.swap(false, Ordering::Relaxed) {
                reconcile(cluster).await?;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        }
        let Some(operation) = before.operation_in_progress else { return Ok(()) };
        let had = cluster.configured().filter(|_| before.provisioning_state == "Succeeded");
        match performed(cluster, Verb::Resume).await? {
            Ok(_) => {
                let set = cluster.configured();
                // Whoever changes the mode names no key: the one that the cluster has will do, the
                // one in use, where others have gone back to it, and the one that others have set.
                let in_use = before.ledger.and_then(|ledger| ledger.current);
                let theirs = *cluster.set_by_others.lock().unwrap();
                let is_set = |key_id: &str| set.as_deref() == Some(key_id);
                let keeps = operation.operation == aks_kms::Verb::ChangeNetworkMode
                    && (had.is_some() && had == set
                        || in_use
                            .and_then(|entry| entry.key_id)
                            .is_some_and(|key_id| is_set(key_id.as_str()))
                        || theirs.is_some_and(|number| is_set(cluster.key(number))));
                if let Some(target) = &operation.target_key_id
                    && !set.as_deref().is_some_and(|key| is_of(target.as_str(), key))
                    && !keeps
                {
                    return Err(format!("resumed {operation:?}, and the key is {set:?}"));
                }
            }
            Err(error) if error.kind() == ErrorKind::Conflict && conflicts < CONFLICTS => {
                conflicts += 1;
                patience(began, &error)?;
            }
            Err(error)
                if matches!(error.kind(), ErrorKind::Conflict | ErrorKind::PreflightFailed) =>
            {
                abandon(cluster, began).await?;
            }
            // What others left half-way, they finish: no gate can be passed before, and with KMS v1
            // API servers may not be able to read what another one writes.
            Err(error)
                if (error.is_retryable() || is_incomplete(&error))
                    && cluster.others_failed.swap(false, Ordering::Relaxed) =>
            {
                patience(began, &error)?;
                reconcile(cluster).await?;
            }
            Err(error) if error.is_retryable() => patience(began, &error)?,
            Err(error) if cluster.denied == Denied::Kept && is_incomplete(&error) => {
                abandon(cluster, began).await?;
            }
            Err(error) => {
                let why = blocked(&error);
                return Err(format!("{operation:?} cannot be resumed: {error:?}: {why:?}"));
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn abandon(cluster: &Cluster, began: Instant) -> Result<(), String> {
    match performed(cluster, Verb::Abandon).await? {
        Ok(_) => Ok(()),
        Err(error) => patience(began, &error),
    }
}

fn is_incomplete(error: &Error) -> bool {
    error.kind() == ErrorKind::ReencryptIncomplete
}

/// Why secrets could not be rewritten.
fn blocked(error: &Error) -> Vec<String> {
    let Some(pass) = error.report().and_then(|report| report.reencryption.last()) else {
        return Vec::new();
    };
    pass.blocked.iter().map(|secret| format!("{:?}: {}", secret.reason, secret.message)).collect()
}

/// All secrets come under the key in use.
async fn rewrite(cluster: &Cluster, began: Instant) -> Result<(), String> {
    loop {
        tamper::delete_orphans(cluster).await;
        match performed(cluster, Verb::ReencryptSecrets).await? {
            Ok(_) => return Ok(()),
            Err(error) if error.is_retryable() => patience(began, &error)?,
            Err(error) if cluster.denied == Denied::Kept && is_incomplete(&error) => return Ok(()),
            Err(error) => {
                let why = blocked(&error);
                return Err(format!("secrets cannot be rewritten: {error:?}: {why:?}"));
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn patience(began: Instant, error: &Error) -> Result<(), String> {
    if began.elapsed() < PATIENCE {
        return Ok(());
    }
    Err(format!("never settles: {error:?}"))
}

async fn performed(
    cluster: &Cluster,
    verb: Verb,
) -> Result<Result<OperationReport, Error>, String> {
    let writes = Some(cluster.writes());
    let outcome = call(cluster, &cluster.manager(), verb, None).await;
    check::outcome(cluster, verb, writes, &outcome).await?;
    Ok(outcome)
}

async fn status(cluster: &Cluster) -> Result<KmsStatus, String> {
    let status = cluster.manager().status(StatusOptions::default()).await;
    status.map_err(|error| format!("status with nothing wrong: {error:?}"))
}

async fn is_as_uninterrupted(cluster: &Cluster) -> Result<(), String> {
    // What cannot be rewritten is never finished: it is told each time, and kept.
    if cluster.denied == Denied::Kept {
        return Ok(());
    }
    let status = status(cluster).await?;
    let truth = cluster.truth().await;
    let key = cluster.configured();
    let seen = format!("{truth:?}, set to {key:?}, {:?}", status.ledger);
    if let Some(operation) = status.operation_in_progress {
        return Err(format!("still recorded: {operation:?}"));
    }
    let there = cluster.under_configured(&truth);
    // The metrics of KMS v1 name no keys, so that nothing there is ever proven.
    let v1 = status.kms_version == Some(aks_kms::KmsVersion::V1);
    let given_up = usize::from(cluster.denied == Denied::GivenUp);
    if there + given_up < truth.total && !v1 {
        return Err(format!("not every secret is under the key in use: {seen}"));
    }
    let Some(ledger) = status.ledger.filter(|_| !v1) else { return Ok(()) };
    if key.is_none() && !cluster.is_set_to_data_encryption() {
        return Ok(());
    }
    let current = ledger.current.filter(|entry| cluster.is_configured(entry));
    if current.is_none_or(|entry| entry.proven_at.is_none()) {
        return Err(format!("the key in use is not proven: {seen}"));
    }
    Ok(())
}
