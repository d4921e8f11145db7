//! What AKS does to secrets after it changed the key of KMS data encryption, and how it notices newer
//! versions of a customer's key.

use std::{
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use super::{
    Cluster,
    data_encryption::{self, Experience},
    switch,
};
use crate::{
    backend::{EncryptionConfig, KeyRef},
    given::Wiring,
    vault::KeyAction,
    world::World,
};

/// Secrets are rewritten in so many parts.
const PARTS: usize = 10;
/// An API server that goes on running notices its plugin's new key within a minute.
const NOTICE_SECONDS: f64 = 70.0;
/// Whatever the scale, there is no busy loop.
const SHORTEST: Duration = Duration::from_millis(10);

/// Begins to rewrite the secrets under the present key.
pub(super) fn begin(world: &Arc<World>, cluster: &Arc<Cluster>) {
    cluster.state().rewrites += 1;
    let (world, cluster) = (Arc::downgrade(world), Arc::downgrade(cluster));
    tokio::spawn(async move { run(world, cluster).await });
}

/// The same, to its end.
pub(super) async fn finish(world: &Arc<World>, cluster: &Arc<Cluster>) {
    cluster.state().rewrites += 1;
    run(Arc::downgrade(world), Arc::downgrade(cluster)).await;
}

/// Holds nothing while it waits: a case can end.
async fn run(world: Weak<World>, cluster: Weak<Cluster>) {
    rewrite_all(&world, &cluster).await;
    if let Some(cluster) = cluster.upgrade() {
        cluster.state().rewrites -= 1;
    }
}

/// `None`: the case has ended, or the key has changed since.
async fn rewrite_all(world: &Weak<World>, cluster: &Weak<Cluster>) -> Option<()> {
    let (key, notice, pause) = {
        let (world, cluster) = (world.upgrade()?, cluster.upgrade()?);
        let hot = world.given.cluster.wiring == Wiring::OneProvider;
        let seconds = world.given.data_encryption.rewrite_seconds;
        let key = cluster.state().rolled_out.current.clone()?;
        let notice = world.scale.seconds(if hot { NOTICE_SECONDS } else { 0.0 });
        #[expect(clippy::cast_precision_loss, reason = "it is a small number")]
        let pause = world.scale.seconds(seconds / PARTS as f64);
        (key, notice, pause)
    };
    tokio::time::sleep(notice).await;
    for part in 0..PARTS {
        tokio::time::sleep(pause).await;
        let cluster = cluster.upgrade()?;
        if cluster.state().rolled_out.current.as_ref() != Some(&key) {
            return None;
        }
        let backend = cluster.backend()?;
        if let Err(error) = backend.rewrite_secrets(part, PARTS).await {
            tracing::warn!(%error, "AKS could not rewrite secrets");
        }
    }
    let (world, cluster) = (world.upgrade()?, cluster.upgrade()?);
    drop_old_providers(&world, &cluster).await;
    Some(())
}

/// Takes away the providers that nothing is under any more.
async fn drop_old_providers(world: &World, cluster: &Cluster) {
    let _turn = cluster.encryption.lock().await;
    let Some(backend) = cluster.backend() else { return };
    let Ok(in_use) = backend.keys_in_use().await else { return };
    let (before, uniform) = {
        let state = cluster.state();
        (state.rolled_out.clone(), state.uniform)
    };
    let config = switch::settled(&before, &world.given.data_encryption, &in_use);
    if config != before && uniform {
        give(cluster, config).await;
    }
}

/// Gives the API servers a configuration besides any operation.
async fn give(cluster: &Cluster, config: EncryptionConfig) {
    let Some(backend) = cluster.backend() else { return };
    match backend.apply(config.clone(), None).await {
        Ok(()) => cluster.state().note_rolled_out(config, true),
        Err(error) => tracing::warn!(%error, "AKS could not change the API servers"),
    }
}

/// Looks for newer versions of the customer's key from now on, if nobody does yet.
pub(crate) fn watch(world: &Arc<World>, cluster: &Arc<Cluster>) {
    {
        let mut state = cluster.state();
        state.looked_at = Some(Instant::now());
        if state.watched || Experience::of(&state.document) != Experience::Customer {
            return;
        }
        state.watched = true;
    }
    let interval = world.scale.seconds(world.given.data_encryption.look_seconds).max(SHORTEST);
    let (world, cluster) = (Arc::downgrade(world), Arc::downgrade(cluster));
    tokio::spawn(async move { while look_when_due(&world, &cluster, interval).await.is_some() {} });
}

/// The same after a change that gave the API servers nothing new: a cluster may be set to a customer's key
/// again that they never lost. Where somebody looks, the next look stays when it was due.
pub(crate) fn keep_watching(world: &Arc<World>, cluster: &Arc<Cluster>) {
    if !cluster.state().watched {
        watch(world, cluster);
    }
}

/// `None`: there is nothing to look for any more.
async fn look_when_due(
    world: &Weak<World>,
    cluster: &Weak<Cluster>,
    interval: Duration,
) -> Option<()> {
    let due = {
        let cluster = cluster.upgrade()?;
        let mut state = cluster.state();
        if Experience::of(&state.document) != Experience::Customer {
            state.watched = false;
            return None;
        }
        state.looked_at? + interval
    };
    let now = Instant::now();
    if due > now {
        tokio::time::sleep(due - now).await;
        return Some(());
    }
    look(&world.upgrade()?, &cluster.upgrade()?).await;
    Some(())
}

/// Looks once, and takes up the newest version of the customer's key if it can be used. Nobody knows what
/// becomes of one that cannot: here the one in use stays.
pub(crate) async fn look(world: &Arc<World>, cluster: &Arc<Cluster>) {
    cluster.state().looked_at = Some(Instant::now());
    if cluster.state().is_stopped() {
        return;
    }
    let turn = cluster.encryption.lock().await;
    let (document, before) = {
        let state = cluster.state();
        (state.document.clone(), state.rolled_out.clone())
    };
    let current =
        before.current.as_ref().filter(|key| key.is_data_encryption() && !key.is_platform());
    let Some(current) = current.filter(|_| Experience::of(&document) == Experience::Customer)
    else {
        return;
    };
    let Ok(newest) = data_encryption::newest(world, current.source()) else { return };
    let private = super::kms::Profile::of(&document).private();
    let usable = [KeyAction::Encrypt, KeyAction::Decrypt]
        .into_iter()
        .all(|action| world.data_encryption_key(cluster, &newest.key_id, action, private).is_ok());
    if newest == *current || !usable {
        return;
    }
    let Ok(config) = switch::to(world, cluster, newest).await else { return };
    give(cluster, config).await;
    drop(turn);
    begin(world, cluster);
}

/// The platform takes another key of its own.
pub(crate) async fn rotate_platform_key(world: &Arc<World>, cluster: &Arc<Cluster>) {
    let turn = cluster.encryption.lock().await;
    let is_platform = cluster.state().rolled_out.current.as_ref().is_some_and(KeyRef::is_platform);
    if !is_platform {
        return;
    }
    let key = cluster.state().new_platform_key();
    let Ok(config) = switch::to(world, cluster, key).await else { return };
    give(cluster, config).await;
    drop(turn);
    begin(world, cluster);
}
