//! What others do to the KMS profile of a cluster. Nobody does what alone would lose a secret: then
//! every loss is the library's doing.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use aks_kms_simulator::backend::{EncryptionConfig, KeyRef};
use serde_json::{Value, json};

use crate::{
    cluster::{Cluster, under},
    common::{NOTICE_SECONDS, SCALE},
    faults,
    sequence::{After, Change, Ended},
};

/// Whether something was done.
type Done = Result<bool, String>;

/// A change that succeeds.
pub(crate) async fn set(cluster: &Cluster, change: Change) -> Done {
    let Some(profile) = profile(cluster, change) else { return Ok(false) };
    let Some(etag) = harmless(cluster, key(cluster, change)).await else { return Ok(false) };
    let done = asked(cluster, change, &profile, Some(&etag), None).await;
    if let (Ok(true), Change::To(number)) = (&done, change) {
        *cluster.set_by_others.lock().unwrap() = Some(number);
    }
    done
}

/// A change that does not.
pub(crate) async fn fail(
    cluster: &Cluster,
    change: Change,
    ended: Ended,
    applied_to: Option<usize>,
) -> Done {
    let Some(profile) = profile(cluster, change) else { return Ok(false) };
    // Where no API server gets anything, nothing can be lost by it.
    let etag = match applied_to {
        None => cluster.etag(),
        Some(_) => harmless(cluster, key(cluster, change)).await,
    };
    let Some(etag) = etag else { return Ok(false) };
    let ends = faults::operation(ended, After::Nothing, applied_to);
    let done = asked(cluster, change, &profile, Some(&etag), Some(&ends)).await;
    if done == Ok(true) {
        cluster.others_failed.store(true, Ordering::Relaxed);
    }
    done
}

/// Another key, and the one of before again.
pub(crate) async fn there_and_back(cluster: &Cluster, number: usize, write: Option<usize>) -> Done {
    let Some(before) = cluster.configured().and_then(|key| cluster.number_of(&key)) else {
        return Ok(false);
    };
    if before == number || !set(cluster, Change::To(number)).await? {
        return Ok(false);
    }
    if let Some(secret) = write {
        crate::external_actions::write(cluster, secret).await;
    }
    let back = set(cluster, Change::To(before)).await?;
    cluster.note(format!("others: there and {}", if back { "back" } else { "not back" }));
    Ok(true)
}

/// The cluster is sent without the profile of data encryption, which it has.
pub(crate) async fn forget_data_encryption(cluster: &Cluster, disabled: bool) -> Done {
    if !cluster.is_set_to_data_encryption() || harmless(cluster, None).await.is_none() {
        return Ok(false);
    }
    if !cluster.drop_data_encryption(disabled) {
        return Ok(false);
    }
    cluster.idle().await?;
    Ok(true)
}

/// Sends it for the cluster as it was seen, and waits for the end.
async fn asked(
    cluster: &Cluster,
    change: Change,
    profile: &Value,
    etag: Option<&str>,
    ends: Option<&Value>,
) -> Done {
    if !cluster.ask_for_kms(profile, etag, ends) {
        return Ok(false);
    }
    if let Change::To(number) = change {
        cluster.is_asked_for(number);
    }
    cluster.idle().await?;
    Ok(true)
}

/// What others would ask for; `None`: Azure would refuse it.
fn profile(cluster: &Cluster, change: Change) -> Option<Value> {
    let number = match change {
        Change::To(number) => number,
        Change::ToOff => return Some(json!({"enabled": false})),
        Change::ToNoProfile => return Some(Value::Null),
    };
    let key = cluster.key(number);
    let possible = cluster.is_private() || cluster.is_open(key);
    possible.then(|| profile_of(cluster, Some(key)))
}

/// The profile of a key in the mode that the cluster has; a vault that is closed is reached privately,
/// also where a change that failed has dropped the mode.
pub(crate) fn profile_of(cluster: &Cluster, key: Option<&str>) -> Value {
    let Some(key) = key else { return json!({"enabled": false}) };
    let is_private = cluster.is_private() || !cluster.is_open(key);
    let (access, vault) =
        if is_private { ("Private", cluster.vault_of(key)) } else { ("Public", "") };
    json!({
        "enabled": true,
        "keyId": key,
        "keyVaultNetworkAccess": access,
        "keyVaultResourceId": vault,
    })
}

fn key(cluster: &Cluster, change: Change) -> Option<&str> {
    match change {
        Change::To(number) => Some(cluster.key(number)),
        Change::ToOff | Change::ToNoProfile => None,
    }
}

/// The eTag for which a change to this key loses nothing, by the rule of the two keys and whatever
/// is being written; `None`: it could. It is taken before anything is read.
async fn harmless(cluster: &Cluster, key: Option<&str>) -> Option<String> {
    if !cluster.spares_servers() {
        return None;
    }
    notice(cluster).await;
    let etag = cluster.etag();
    let (now, uniform) = cluster.rolled_out();
    if !uniform || !cluster.is_terminal_state() || !has_noticed(cluster) {
        return None;
    }
    if loses_nothing(cluster, &now, key).await { etag } else { None }
}

/// Whether the API servers could read every secret after a change from `now` to this key.
pub(crate) async fn loses_nothing(
    cluster: &Cluster,
    now: &EncryptionConfig,
    key: Option<&str>,
) -> bool {
    // AKS reads with what it had as long as a secret is under it.
    if now.current.as_ref().is_some_and(KeyRef::is_data_encryption) {
        return true;
    }
    let truth = cluster.truth().await;
    let kept: usize = left(now, key).iter().map(|key| under(&truth, key)).sum();
    truth.plaintext + kept == truth.total
}

/// Waits until every API server writes with what it was last given.
async fn notice(cluster: &Cluster) {
    let Some(at) = cluster.rolled_out_at() else { return };
    let noticed = at + Duration::from_secs_f64(NOTICE_SECONDS * SCALE);
    tokio::time::sleep(noticed.saturating_duration_since(Instant::now())).await;
}

fn has_noticed(cluster: &Cluster) -> bool {
    cluster
        .rolled_out_at()
        .is_none_or(|at| at.elapsed() >= Duration::from_secs_f64(NOTICE_SECONDS * SCALE))
}

/// The keys that API servers have after a change to this one.
fn left(now: &EncryptionConfig, key: Option<&str>) -> Vec<String> {
    let current = now.current.as_ref().map(|key| key.key_id.clone());
    let previous = now.previous.as_ref().map(|key| key.key_id.clone());
    if current.as_deref() == key {
        return current.into_iter().chain(previous).collect();
    }
    current.or(previous).into_iter().chain(key.map(str::to_owned)).collect()
}
