//! What the simulator and its administration share: the region, and its cases.

use std::sync::Arc;

use serde_json::json;
use sha2::{Digest, Sha256};

use super::Error;
use crate::{
    backend::{GroundTruth, KubernetesBackend},
    backends::BackendFactory,
    bearer::Bearer,
    case::Case,
    clock::TimeScale,
    cluster::kubernetes::Kubernetes,
    entra::{FEDERATED_AUDIENCE, FEDERATED_SUBJECT},
    given::{Faults, Given},
    maker::Maker,
    names::{Names, vault_host},
    region::Region,
    throttle::Throttles,
    tls::Authority,
    world::World,
};

/// What the simulator and its administration share.
pub(crate) struct Shared {
    pub(super) region: Arc<Region>,
    pub(super) authority: Arc<Authority>,
    pub(super) scale: TimeScale,
    pub(super) proxy: String,
    /// Where managed identities are served.
    pub(super) identities: String,
    pub(super) admin: String,
    pub(crate) admin_token: Bearer,
    pub(super) factory: BackendFactory,
}

impl Shared {
    pub(crate) async fn put_case(&self, given: Given) -> Result<Case, Error> {
        let names = Names::new(&self.region.tenant);
        let throttles = Arc::new(Throttles::new(given.throttle.clone(), self.scale));
        let given =
            serde_json::to_value(&given).map_err(|error| Error::Given(error.to_string()))?;
        let world = self.maker().world(given, names, throttles).map_err(Error::Given)?;
        Maker::start(&world).await.map_err(Error::Backend)?;
        self.region.insert(world.clone());
        Ok(self.describe(&world))
    }

    pub(super) fn maker(&self) -> Maker {
        let kubernetes = Kubernetes {
            factory: self.factory.clone(),
            authority: self.authority.clone(),
            tokens: self.region.tokens.clone(),
        };
        Maker { scale: self.scale, kubernetes }
    }

    pub(super) fn describe(&self, world: &World) -> Case {
        let names = &world.names;
        let cluster = world.cluster();
        let endpoint = cluster.backend().map(|backend| backend.endpoint());
        Case {
            id: names.case.clone(),
            subscription_id: names.subscription.clone(),
            cluster_id: names.cluster_id(),
            key_ids: world.key_ids.clone(),
            key_vault_id: names.vault_id(&names.vault),
            other_key_ids: world.other_key_ids.clone(),
            other_key_vault_id: names.vault_id(&names.other_vault),
            identity_id: names.identity_id(),
            principal_id: cluster.principal(),
            tenant_id: names.tenant.clone(),
            client_id: names.client.clone(),
            client_secret: names.client_secret.clone(),
            user_name: names.user.clone(),
            user_password: names.user_password.clone(),
            identity_endpoint: format!("{}/msi/token", self.identities),
            identity_header: names.identity_header.clone(),
            metadata_endpoint: format!("{}/{}", self.identities, names.identity_header),
            arm: self.region.arm().to_owned(),
            authority: self.region.arm().to_owned(),
            ca: self.authority.ca_pem().to_owned(),
            proxy: self.proxy.clone(),
            admin: self.admin.clone(),
            admin_token: self.admin_token.text().to_owned(),
            kubernetes: endpoint.map(|endpoint| endpoint.server).unwrap_or_default(),
        }
    }

    pub(crate) fn assertion(&self, case: &str, subject: Option<&str>) -> Result<String, Error> {
        const LIFETIME: i64 = 3600;
        let now = self.world(case)?.faults.now().unix_timestamp();
        Ok(self.region.tokens.sign(&json!({
            "iss": self.region.federation(),
            "sub": subject.unwrap_or(FEDERATED_SUBJECT),
            "aud": FEDERATED_AUDIENCE,
            "iat": now,
            "nbf": now,
            "exp": now + LIFETIME,
        })))
    }

    pub(crate) fn world(&self, case: &str) -> Result<Arc<World>, Error> {
        self.region.world(case).ok_or_else(|| Error::NotFound(format!("case {case}")))
    }

    pub(crate) fn delete_case(&self, case: &str) -> Result<(), Error> {
        let was_there = self.region.remove(case);
        if was_there { Ok(()) } else { Err(Error::NotFound(format!("case {case}"))) }
    }

    /// The Kubernetes of a case's cluster, where it has started.
    pub(super) fn backend(&self, case: &str) -> Result<Arc<dyn KubernetesBackend>, Error> {
        let world = self.world(case)?;
        world.cluster().backend().ok_or_else(|| Error::NotFound("Kubernetes".to_owned()))
    }

    /// The Kubernetes of a case's cluster, which is started if that is to come yet.
    pub(super) async fn started(&self, case: &str) -> Result<Arc<dyn KubernetesBackend>, Error> {
        if let Some((fleet, index)) = self.region.member(|fleet| fleet.index_of(case)) {
            fleet.start(index).await.map_err(Error::Backend)?;
        }
        self.backend(case)
    }

    /// Under what the secrets of a cluster are; absent: of the case's own.
    pub(crate) async fn secrets(
        &self,
        case: &str,
        cluster: Option<&str>,
    ) -> Result<GroundTruth, Error> {
        let world = self.world(case)?;
        let backend = match cluster {
            None => self.started(case).await?,
            Some(name) => world
                .clusters()
                .iter()
                .find(|cluster| cluster.names.name.eq_ignore_ascii_case(name))
                .and_then(|cluster| cluster.backend())
                .ok_or_else(|| Error::NotFound(format!("cluster {name}")))?,
        };
        let truth = backend.ground_truth().await.map_err(Error::Backend)?;
        Ok(GroundTruth { violations: world.closed_vaults.seen(), ..named(truth, &world) })
    }

    pub(crate) async fn set_faults(&self, case: &str, faults: Faults) -> Result<(), Error> {
        let world = self.world(case)?;
        world.faults.replace(&faults);
        for backend in world.clusters().iter().filter_map(|cluster| cluster.backend()) {
            backend.set_faults(faults.clone()).await.map_err(Error::Backend)?;
        }
        Ok(())
    }
}

/// Names the keys that were made after the cluster was, and those of the platform: a plugin's key id is the
/// digest of the key's own.
fn named(mut truth: GroundTruth, world: &World) -> GroundTruth {
    let mut ids: Vec<String> = Vec::new();
    for cluster in world.clusters() {
        let keys = &cluster.state().platform_keys;
        ids.extend(keys.iter().map(|key| key.key.key_id.clone()));
    }
    for vault in world.vaults().values() {
        let host = vault_host(&vault.name);
        for key in vault.keys.values() {
            for version in &key.versions {
                // A key is stored under its name in lower case and used under its own.
                ids.push(format!("https://{host}/keys/{}/{}", key.name, version.version));
            }
        }
    }
    for id in ids {
        let digest = Sha256::digest(&id)
            .iter()
            .fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
        for counts in [&mut truth.by_key, &mut truth.own] {
            if let Some(count) = counts.remove(&digest) {
                *counts.entry(id.clone()).or_default() += count;
            }
        }
    }
    truth
}
