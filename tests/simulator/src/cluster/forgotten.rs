//! A key change that would lose secrets, and hangs instead: the first API server that no longer has
//! their key never gets ready, so that the others are never reached.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use super::{
    Cluster,
    operation::{Ended, pause},
    switch,
};
use crate::{given::ForgottenSecrets, world::World};

/// The time between two looks, before the time scale.
const LOOK_SECONDS: f64 = 1.0;
/// Whatever the scale, there is no busy loop.
const SHORTEST_LOOK: Duration = Duration::from_millis(10);

/// Waits while the key change that the document asks for would lose secrets, where the case wants
/// that. `None`: the case has ended in the meantime.
pub(super) async fn wait(
    mut world: Arc<World>,
    mut cluster: Arc<Cluster>,
    abort: &CancellationToken,
) -> Option<(Arc<World>, Arc<Cluster>, Ended)> {
    if world.given.cluster.forgotten_secrets != ForgottenSecrets::Hang {
        return Some((world, cluster, Ok(())));
    }
    let look = world.scale.seconds(LOOK_SECONDS).max(SHORTEST_LOOK);
    while would_lose(&world, &cluster).await {
        // What waits for ever must not keep a case alive that has ended.
        let weak = (Arc::downgrade(&world), Arc::downgrade(&cluster));
        drop((world, cluster));
        let paused = pause(look, abort).await;
        (world, cluster) = (weak.0.upgrade()?, weak.1.upgrade()?);
        if paused.is_err() {
            return Some((world, cluster, paused));
        }
    }
    Some((world, cluster, Ok(())))
}

/// Whether secrets are under a key that the API servers would no longer have.
async fn would_lose(world: &World, cluster: &Cluster) -> bool {
    let Ok(config) = switch::next(world, cluster).await else {
        return false;
    };
    if config == cluster.state().rolled_out {
        return false;
    }
    let Some(backend) = cluster.backend() else {
        return false;
    };
    let Ok(truth) = backend.ground_truth().await else {
        return false;
    };
    truth.by_key.keys().any(|id| {
        // A key that is not among those of the case is named as its plugin names it.
        !config.keys().any(|key| key.key_id == *id || key.plugin_key_id() == *id)
    })
}
