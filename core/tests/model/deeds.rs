//! What others do to a cluster. Nobody does what alone would lose a secret: then every loss is the
//! library's doing.

use std::time::Duration;

use aks_kms_simulator::backend::EncryptionConfig;
use serde_json::{Value, json};

use crate::{
    cluster::{Cluster, NAMESPACES, under},
    common::SCALE,
    sequence::Deed,
};

/// An API server asks its plugin for its key once a minute; until then it writes with the old one.
const NOTICE_SECONDS: f64 = 65.0;

/// Does it, or leaves it if it alone could lose a secret.
pub(crate) async fn perform(cluster: &Cluster, deed: Deed) -> Result<(), String> {
    match deed {
        Deed::SetKey(number) => {
            let key = cluster.key(number).to_owned();
            let private = cluster.is_private();
            if !private && !cluster.is_open(&key) {
                return Ok(());
            }
            let (access, vault) =
                if private { ("Private", cluster.vault_of(&key)) } else { ("Public", "") };
            let profile = json!({
                "enabled": true,
                "keyId": key,
                "keyVaultNetworkAccess": access,
                "keyVaultResourceId": vault,
            });
            set(cluster, Some(&key), profile).await
        }
        Deed::TurnOff => set(cluster, None, json!({"enabled": false})).await,
        Deed::DropProfile => set(cluster, None, Value::Null).await,
        Deed::RestoreRecord => {
            let backup = cluster.backup.lock().unwrap().clone();
            if let Some(record) = backup.filter(|_| cluster.troubles.is_none()) {
                cluster.kubectl.restore_record(&record).await;
            }
            Ok(())
        }
        harmless => {
            perform_meanwhile(cluster, harmless).await;
            Ok(())
        }
    }
}

/// Does what can be done at any time.
pub(crate) async fn perform_meanwhile(cluster: &Cluster, deed: Deed) {
    let namespace = |number: usize| format!("team-{}", number % NAMESPACES + 1);
    match deed {
        Deed::Tag => cluster.tag(cluster.writes()),
        Deed::Write(number) => {
            let (namespace, name) = (namespace(number), format!("secret-{number}"));
            if !cluster.kubectl.create(&namespace, &name, "x").await {
                cluster.kubectl.update(&namespace, &name, "y").await;
            }
        }
        Deed::Delete(number) => {
            cluster.kubectl.delete(&namespace(number), &format!("secret-{number}")).await;
        }
        Deed::SaveRecord => {
            let record = cluster.kubectl.record().await;
            *cluster.backup.lock().unwrap() = record;
        }
        Deed::LoseRecord => cluster.kubectl.forget_record().await,
        Deed::Compact => cluster.compact(),
        Deed::Restart => cluster.restart().await,
        Deed::SetKey(_) | Deed::TurnOff | Deed::DropProfile | Deed::RestoreRecord => {}
    }
}

/// Sets the KMS profile, if every secret can be read afterwards.
async fn set(cluster: &Cluster, key: Option<&str>, profile: Value) -> Result<(), String> {
    if !cluster.troubles.is_none() || cluster.idle().await? != "Succeeded" {
        return Ok(());
    }
    let (now, uniform) = cluster.rolled_out();
    if !uniform {
        return Ok(());
    }
    tokio::time::sleep(Duration::from_secs_f64(NOTICE_SECONDS * SCALE)).await;
    let truth = cluster.truth().await;
    let kept: usize = left(&now, key).iter().map(|key| under(&truth, key)).sum();
    if truth.plaintext + kept != truth.total {
        return Ok(());
    }
    let (status, answer) = cluster.az.ask_for_kms(profile).await;
    cluster.note(format!("az: {status}"));
    if status.is_success() {
        let ended = cluster.idle().await?;
        if ended != "Succeeded" {
            return Err(format!("what az asked for ended as {ended}"));
        }
    } else if status.is_server_error() {
        return Err(format!("az was answered {status}: {answer}"));
    }
    Ok(())
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
