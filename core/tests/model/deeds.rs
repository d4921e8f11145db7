//! What others do to a cluster.

use crate::{
    cluster::{Cluster, NAMESPACES},
    others,
    sequence::{Change, Deed},
    tamper,
};

/// Does it, at any time. What alone could lose a secret, or what cannot be done now, is left.
pub(crate) async fn perform(cluster: &Cluster, deed: Deed) -> Result<(), String> {
    let done = dispatch(cluster, deed).await?;
    let name = format!("{deed:?}");
    let name = name.split(['(', ' ']).next().unwrap_or_default();
    cluster.note(format!("others: {name} {}", if done { "done" } else { "left" }));
    Ok(())
}

/// Whether it was done.
async fn dispatch(cluster: &Cluster, deed: Deed) -> Result<bool, String> {
    match deed {
        Deed::SetKey(number) => return others::set(cluster, Change::To(number)).await,
        Deed::TurnOff => return others::set(cluster, Change::ToOff).await,
        Deed::DropProfile => return others::set(cluster, Change::ToNoProfile).await,
        Deed::FailToSet { change, ended, applied_to } => {
            return others::fail(cluster, change, ended, applied_to).await;
        }
        Deed::ThereAndBack(number, write) => {
            return others::there_and_back(cluster, number, write).await;
        }
        Deed::Tag => cluster.tag(cluster.writes()),
        Deed::Write(number) => write(cluster, number).await,
        Deed::Delete(number) => {
            let (namespace, name) = secret(number);
            return Ok(cluster.kubectl.delete(&namespace, &name).await);
        }
        Deed::SaveRecord => {
            let record = cluster.kubectl.record().await;
            *cluster.backup.lock().unwrap() = record;
        }
        Deed::RestoreRecord => {
            let backup = cluster.backup.lock().unwrap().clone();
            let Some(record) = backup else { return Ok(false) };
            return Ok(cluster.kubectl.try_restore_record(&record).await);
        }
        Deed::LoseRecord => cluster.kubectl.forget_record().await,
        Deed::ForgeRecord(forgery) => return Ok(tamper::forge_record(cluster, forgery).await),
        Deed::Orphan => return Ok(tamper::orphan(cluster).await),
        Deed::DeleteOrphans => return Ok(tamper::delete_orphans(cluster).await),
        Deed::LeaveCanary => return Ok(tamper::leave_canary(cluster).await),
        Deed::TakeCanarysName => return Ok(tamper::take_canarys_name(cluster).await),
        Deed::RemoveLease(number) => return Ok(tamper::remove_lease(cluster, number).await),
        Deed::ForgeLease { renewed } => return Ok(tamper::forge_lease(cluster, renewed).await),
        Deed::Compact => cluster.compact(),
        Deed::Restart => cluster.restart().await,
    }
    Ok(true)
}

/// Makes a secret, or changes it.
pub(crate) async fn write(cluster: &Cluster, number: usize) {
    let (namespace, name) = secret(number);
    if !cluster.kubectl.create(&namespace, &name, "x").await {
        cluster.kubectl.update(&namespace, &name, "y").await;
    }
}

fn secret(number: usize) -> (String, String) {
    (format!("team-{}", number % NAMESPACES + 1), format!("secret-{number}"))
}
