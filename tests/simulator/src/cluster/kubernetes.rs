//! Starting the Kubernetes of a cluster.

use std::sync::Arc;

use crate::{
    backend::BackendSpec,
    backends::BackendFactory,
    cluster::{Cluster, rewrite},
    entra::{AKS_SERVER_APPLICATION, Claims, TokenIssuer},
    given::{Given, Secrets},
    tls::Authority,
    vault::identity::IdentityVault,
    world::World,
};

/// What it takes to start the Kubernetes of a cluster.
#[derive(Clone)]
pub(crate) struct Kubernetes {
    pub(crate) factory: BackendFactory,
    pub(crate) authority: Arc<Authority>,
    pub(crate) tokens: Arc<TokenIssuer>,
}

impl Kubernetes {
    /// Starts that of the cluster that a case starts with.
    pub(crate) async fn start_given(&self, world: &Arc<World>) -> Result<(), String> {
        let cluster = world.cluster();
        self.start(world, &cluster, world.given.clone()).await?;
        rewrite::watch(world, &cluster);
        Ok(())
    }

    /// Starts that of a cluster which was created since: as the case's, but without secrets.
    pub(crate) async fn start_created(
        &self,
        world: &Arc<World>,
        cluster: &Arc<Cluster>,
    ) -> Result<(), String> {
        let mut given = world.given.clone();
        given.secrets = Secrets { namespaces: 0, each: 0, under: None, special: Vec::new() };
        given.faults = world.faults.all();
        given.access = (*world.rights()).clone();
        {
            let mut state = cluster.state();
            let version = state.property("currentKubernetesVersion").to_owned();
            given.cluster.kubernetes_version = version;
            given.cluster.node_pools = vec!["Succeeded".to_owned(); state.agent_pools().len()];
        }
        self.start(world, cluster, given).await
    }

    async fn start(
        &self,
        world: &Arc<World>,
        cluster: &Arc<Cluster>,
        given: Given,
    ) -> Result<(), String> {
        let tokens = self.tokens.clone();
        let (names, weak) = (world.names.clone(), Arc::downgrade(world));
        let spec = BackendSpec {
            given,
            config: cluster.state().rolled_out.clone(),
            key_ids: [world.key_ids.clone(), world.other_key_ids.clone()].concat(),
            node_resource_group: cluster.names.node_group.clone(),
            subscription_id: world.names.subscription.clone(),
            recorder: world.recorder.clone(),
            vault: Arc::new(IdentityVault {
                world: Arc::downgrade(world),
                cluster: Arc::downgrade(cluster),
                data_encryption: false,
            }),
            entra: Arc::new(move |token| {
                let now = weak.upgrade().map(|world| world.faults.now().unix_timestamp());
                tokens.read::<Claims>(token).zip(now).is_some_and(|(claims, now)| {
                    claims.check(AKS_SERVER_APPLICATION, now).is_ok()
                        && names.is_caller(&claims.oid)
                })
            }),
            authority: self.authority.clone(),
            scale: world.scale,
        };
        let backend = (self.factory)(spec).await?;
        if cluster.state().is_stopped() {
            backend.set_running(false).await?;
        }
        cluster.set_backend(backend);
        Ok(())
    }
}
