//! What others do to the KMS profile of a cluster. Nobody does what alone would lose a secret: then
//! every loss is the library's doing.

use std::time::{Duration, Instant};

use aks_kms_simulator::backend::EncryptionConfig;
use serde_json::{Value, json};

use crate::{
    cluster::{Cluster, under},
    common::SCALE,
    faults,
    sequence::{After, Change, Ended},
};

/// An API server asks its plugin for its key once a minute; until then it writes with the old one.
const NOTICE_SECONDS: f64 = 65.0;

/// Whether something was done.
type Done = Result<bool, String>;

/// A change that succeeds.
pub(crate) async fn set(cluster: &Cluster, change: Change) -> Done {
    let Some(profile) = profile(cluster, change) else { return Ok(false) };
    if !cluster.is_at_rest() || !is_harmless(cluster, key(cluster, change)).await? {
        return Ok(false);
    }
    asked(cluster, change, &profile, None).await
}

/// A change that does not.
pub(crate) async fn fail(
    cluster: &Cluster,
    change: Change,
    ended: Ended,
    applied_to: Option<usize>,
) -> Done {
    let Some(profile) = profile(cluster, change) else { return Ok(false) };
    if !cluster.is_at_rest() {
        return Ok(false);
    }
    // Where no API server gets anything, nothing can be lost by it.
    if applied_to.is_some() && !is_harmless(cluster, key(cluster, change)).await? {
        return Ok(false);
    }
    asked(cluster, change, &profile, Some(faults::operation(ended, After::Nothing, applied_to)))
        .await
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
        crate::deeds::write(cluster, secret).await;
    }
    let back = set(cluster, Change::To(before)).await?;
    cluster.note(format!("others: there and {}", if back { "back" } else { "not back" }));
    Ok(true)
}

/// Sends it for the cluster as it was seen, and waits for the end.
async fn asked(cluster: &Cluster, change: Change, profile: &Value, ends: Option<Value>) -> Done {
    let expected = match &ends {
        None => "Succeeded",
        Some(ends) => ends["status"].as_str().unwrap_or_default(),
    };
    let accepted = cluster.ask_for_kms(profile, ends.as_ref());
    if !accepted {
        return Ok(false);
    }
    if let Change::To(number) = change {
        cluster.is_asked_for(number);
    }
    let ended = cluster.idle().await?;
    // Whoever comes next may have begun something by then.
    if ends.is_none() && ended != expected && cluster.spares_servers() {
        cluster.note(format!("others: ended as {ended}"));
    }
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

/// The profile of a key in the mode that the cluster has.
pub(crate) fn profile_of(cluster: &Cluster, key: Option<&str>) -> Value {
    let Some(key) = key else { return json!({"enabled": false}) };
    let (access, vault) =
        if cluster.is_private() { ("Private", cluster.vault_of(key)) } else { ("Public", "") };
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

/// Whether every secret can be read after a change to this key, by the rule of the two keys, and
/// whatever is being written. The change must be asked for with the eTag that the cluster has now:
/// [`Cluster::look`] has taken it before anything was read.
async fn is_harmless(cluster: &Cluster, key: Option<&str>) -> Result<bool, String> {
    if !cluster.spares_servers() {
        return Ok(false);
    }
    notice(cluster).await;
    cluster.look();
    let (now, uniform) = cluster.rolled_out();
    if !uniform || !cluster.is_at_rest() || !has_noticed(cluster) {
        return Ok(false);
    }
    Ok(loses_nothing(cluster, &now, key).await)
}

/// Whether the API servers could read every secret after a change from `now` to this key.
pub(crate) async fn loses_nothing(
    cluster: &Cluster,
    now: &EncryptionConfig,
    key: Option<&str>,
) -> bool {
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
