//! What others do to a cluster.

use crate::{
    cluster::{Cluster, NAMESPACES},
    others,
    sequence::{Change, ExternalAction},
    tamper, trace,
};

/// Does it, at any time. What alone could lose a secret, or what cannot be done now, is left.
pub(crate) async fn perform(cluster: &Cluster, action: ExternalAction) -> Result<(), String> {
    trace::line(|| format!("others: {action:?} begins"));
    let done = dispatch(cluster, action).await?;
    trace::line(|| format!("others: {action:?} is {}", if done { "done" } else { "left" }));
    let name = format!("{action:?}");
    let name = name.split(['(', ' ']).next().unwrap_or_default();
    cluster.note(format!("others: {name} {}", if done { "done" } else { "left" }));
    Ok(())
}

/// Whether it was done.
async fn dispatch(cluster: &Cluster, action: ExternalAction) -> Result<bool, String> {
    match action {
        ExternalAction::SetKey(number) => return others::set(cluster, Change::To(number)).await,
        ExternalAction::TurnOff => return others::set(cluster, Change::ToOff).await,
        ExternalAction::DropProfile => return others::set(cluster, Change::ToNoProfile).await,
        ExternalAction::FailToSet { change, ended, applied_to } => {
            return others::fail(cluster, change, ended, applied_to).await;
        }
        ExternalAction::ThereAndBack(number, write) => {
            return others::there_and_back(cluster, number, write).await;
        }
        ExternalAction::Tag => cluster.tag(cluster.writes()),
        ExternalAction::Write(number) => write(cluster, number).await,
        ExternalAction::Delete(number) => {
            let (namespace, name) = secret(number);
            return Ok(cluster.kubectl.delete(&namespace, &name).await);
        }
        ExternalAction::SaveRecord => {
            let record = cluster.kubectl.record().await;
            *cluster.backup.lock().unwrap() = record;
        }
        ExternalAction::RestoreRecord => {
            let backup = cluster.backup.lock().unwrap().clone();
            let Some(record) = backup else { return Ok(false) };
            return Ok(cluster.kubectl.try_restore_record(&record).await);
        }
        ExternalAction::LoseRecord => cluster.kubectl.forget_record().await,
        ExternalAction::ForgeRecord(forgery) => {
            return Ok(tamper::forge_record(cluster, forgery).await);
        }
        ExternalAction::Orphan => return Ok(tamper::orphan(cluster).await),
        ExternalAction::DeleteOrphans => return Ok(tamper::delete_orphans(cluster).await),
        ExternalAction::LeaveCanary => return Ok(tamper::leave_canary(cluster).await),
        ExternalAction::TakeCanarysName => return Ok(tamper::take_canarys_name(cluster).await),
        ExternalAction::RemoveLease(number) => {
            return Ok(tamper::remove_lease(cluster, number).await);
        }
        ExternalAction::ForgeLease { renewed } => {
            return Ok(tamper::forge_lease(cluster, renewed).await);
        }
        ExternalAction::Compact => cluster.compact(),
        ExternalAction::Restart => cluster.restart().await,
        ExternalAction::NewVersion => return Ok(cluster.make_version().await),
        ExternalAction::TakeUp => cluster.look_for_key_versions().await,
        ExternalAction::RotatePlatformKey => cluster.rotate_platform_key().await,
        ExternalAction::DisableVersion(number) => {
            return Ok(cluster.disable_older_version(number).await);
        }
        ExternalAction::ForgetDataEncryption { disabled } => {
            return others::forget_data_encryption(cluster, disabled).await;
        }
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
