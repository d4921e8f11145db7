//! Where clusters are made in tests.

use aks_kms::{ClusterId, KmsManager};
use serde_json::Value;

use crate::common::{self, world::World};

/// A place where there is no cluster yet.
pub(crate) struct Place {
    pub(crate) world: World,
    pub(crate) id: ClusterId,
}

impl Place {
    pub(crate) async fn new(given: Value) -> Self {
        let world = World::embedded("one-provider", given).await;
        let here = ClusterId::parse(&world.case.cluster_id).unwrap();
        let id =
            ClusterId::new(here.subscription_id(), here.resource_group(), "brand-new").unwrap();
        Self { world, id }
    }

    pub(crate) fn manager(&self) -> KmsManager {
        common::builder_of(&self.world.case, self.id.clone()).build().unwrap()
    }

    /// Requests that make or change a cluster.
    pub(crate) fn puts(&self) -> Vec<Value> {
        let writes = self.world.simulator.writes(&self.world.case.id).unwrap();
        let writes = serde_json::to_value(writes).unwrap();
        let is_put = |write: &&Value| {
            write["method"] == "PUT"
                && write["path"].as_str().is_some_and(|path| path.contains("/managedClusters/"))
        };
        writes.as_array().unwrap().iter().filter(is_put).cloned().collect()
    }
}
