//! What the service does when a change is forced past the rules, and what becomes of the cluster.

use std::{sync::Arc, time::Duration};

use crate::{
    change::{Change, Mode},
    common::az::{Answer, Az},
    region::Region,
    shape::Shape,
};

/// An operation that has not ended by then hangs: others take milliseconds.
const PATIENCE: Duration = Duration::from_secs(4);

/// What came of a change.
#[derive(Clone, Debug)]
pub(crate) struct Aftermath {
    pub(crate) answer: Answer,
    /// Secrets that no API server can read any more, once each has restarted.
    pub(crate) lost: usize,
    /// Whether every API server would be ready without the change, once each has restarted.
    pub(crate) was_ready: bool,
    /// Whether every API server is ready, once each has restarted.
    pub(crate) is_ready: bool,
}

/// Sends what az sends for the change; `None`: nothing.
pub(crate) async fn force(region: &Arc<Region>, shape: &Shape) -> Option<Aftermath> {
    let world = region.world(shape).await;
    let unreadable = world.unreadable().await;
    let az = Az::login(&world.case).await;
    let now = az.show().await["properties"]["securityProfile"]["azureKeyVaultKms"].clone();
    let mut answer = Answer::Accepted;
    let profiles = shape.change.profiles(&world.case, &now);
    if profiles.is_empty() {
        return None;
    }
    for profile in profiles {
        answer = az.try_kms(&profile, PATIENCE).await;
        if answer != Answer::Accepted {
            break;
        }
    }
    if shape.change == Change::NetworkMode(Mode::Private) && answer == Answer::Accepted {
        world.close_vault_in_use();
    }
    world.restart().await;
    let lost = world.unreadable().await.saturating_sub(unreadable);
    let is_ready = world.is_ready().await;
    let was_ready = is_ready || survives_restart(region, shape).await;
    Some(Aftermath { answer, lost, was_ready, is_ready })
}

/// Whether the API servers of a world are ready after a restart.
pub(crate) async fn survives_restart(region: &Arc<Region>, shape: &Shape) -> bool {
    let world = region.world(shape).await;
    world.restart().await;
    world.is_ready().await
}
