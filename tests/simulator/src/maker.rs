//! How the world of a case comes to be: Azure first, then Kubernetes.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use crate::{
    case::Placeholders,
    clock::TimeScale,
    cluster::{earlier, kubernetes::Kubernetes},
    given::Given,
    names::Names,
    throttle::Throttles,
    world::{Vaults, World},
};

/// What worlds are made with.
#[derive(Clone)]
pub(crate) struct Maker {
    pub(crate) scale: TimeScale,
    pub(crate) kubernetes: Kubernetes,
}

impl Maker {
    /// A world with everything but its Kubernetes. `given`: the document of a [`Given`], with placeholders.
    pub(crate) fn world(
        &self,
        mut given: Value,
        names: Names,
        throttles: Arc<Throttles>,
    ) -> Result<Arc<World>, String> {
        let read = |given: &Value| -> Result<Given, String> {
            Given::deserialize(given).map_err(|error| error.to_string())
        };
        let vaults = Vaults::from_given(&read(&given)?, &names);
        let vault_id = names.vault_id(&names.vault);
        let other_vault_id = names.vault_id(&names.other_vault);
        let placeholders = Placeholders {
            key_ids: &vaults.key_ids,
            other_key_ids: &vaults.other_key_ids,
            vault: &vault_id,
            other_vault: &other_vault_id,
            identity: &names.identity_id(),
            principal: &names.identity_principal,
            subscription: &names.subscription,
            cluster: &names.cluster_id(),
        };
        placeholders.substitute(&mut given);
        let given = read(&given)?;
        let kubernetes = self.kubernetes.clone();
        let world = World::new(given, names, vaults, self.scale, kubernetes, throttles)?;
        earlier::document(&world);
        world.excuse_plugins();
        Ok(Arc::new(world))
    }

    /// Starts the Kubernetes of its cluster, with what happened there before.
    pub(crate) async fn start(world: &Arc<World>) -> Result<(), String> {
        world.kubernetes.start_given(world).await?;
        earlier::happen(world).await?;
        world.excuse_closed_vaults().await;
        Ok(())
    }
}
