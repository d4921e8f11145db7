//! The vault as the KMS plugin of a cluster sees it: with the rights of the cluster's identity.

use std::sync::{Arc, Weak};

use async_trait::async_trait;

use super::{
    KeyAction, Refusal, User, Vault, Way,
    access::{authorise, usable},
    material::{KeyMaterial, Padding},
};
use crate::{
    backend::{VaultCrypto, VaultRefusal},
    cluster::Cluster,
    key_id::KeyId,
    world::World,
};

/// Key operations with the rights of a cluster's identity.
///
/// The world owns the cluster, that its Kubernetes and that this, so this must own neither.
pub(crate) struct IdentityVault {
    pub(crate) world: Weak<World>,
    pub(crate) cluster: Weak<Cluster>,
    /// As the plugin of KMS data encryption.
    pub(crate) data_encryption: bool,
}

#[async_trait]
impl VaultCrypto for IdentityVault {
    async fn encrypt(&self, key_id: &str, plaintext: &[u8]) -> Result<Vec<u8>, VaultRefusal> {
        let material = self.material(key_id, KeyAction::Encrypt)?;
        let plaintext = plaintext.to_vec();
        work(move || material.encrypt(Padding::Oaep256, &plaintext)).await
    }

    async fn decrypt(&self, key_id: &str, ciphertext: &[u8]) -> Result<Vec<u8>, VaultRefusal> {
        let material = self.material(key_id, KeyAction::Decrypt)?;
        let ciphertext = ciphertext.to_vec();
        work(move || material.decrypt(Padding::Oaep256, &ciphertext)).await
    }

    async fn usable(&self, key_id: &str) -> Result<(), VaultRefusal> {
        self.material(key_id, KeyAction::Encrypt)?;
        self.can_decrypt(key_id).await
    }

    async fn can_decrypt(&self, key_id: &str) -> Result<(), VaultRefusal> {
        self.material(key_id, KeyAction::Decrypt)?;
        Ok(())
    }

    fn of_data_encryption(&self) -> Option<Arc<dyn VaultCrypto>> {
        let Self { world, cluster, .. } = self;
        Some(Arc::new(Self {
            world: world.clone(),
            cluster: cluster.clone(),
            data_encryption: true,
        }))
    }
}

impl IdentityVault {
    fn material(&self, key_id: &str, action: KeyAction) -> Result<KeyMaterial, VaultRefusal> {
        let (world, cluster) =
            self.world.upgrade().zip(self.cluster.upgrade()).ok_or_else(|| VaultRefusal {
                code: "Gone".to_owned(),
                message: "The case has ended.".to_owned(),
            })?;
        world.check_plugins();
        if !self.data_encryption {
            return Ok(world.legacy_key(&cluster, key_id, action)?);
        }
        if let Some(material) = platform_key(&cluster, key_id) {
            return Ok(material);
        }
        let source = key_id.rsplit_once('/').map_or(key_id, |(source, _)| source);
        let private = cluster.state().customer_keys.get(source).copied().unwrap_or_default();
        Ok(world.data_encryption_key(&cluster, key_id, action, private)?)
    }
}

/// The platform's key with this id.
fn platform_key(cluster: &Cluster, key_id: &str) -> Option<KeyMaterial> {
    let state = cluster.state();
    let key = state.platform_keys.iter().find(|key| key.key.key_id == key_id);
    key.map(|key| key.material.clone())
}

/// RSA takes long enough to keep it off the runtime's own threads.
async fn work(
    operation: impl FnOnce() -> Option<Vec<u8>> + Send + 'static,
) -> Result<Vec<u8>, VaultRefusal> {
    let output = tokio::task::spawn_blocking(operation).await.ok().flatten();
    output.ok_or_else(|| Refusal::bad_parameter("The key operation failed.").into())
}

impl World {
    /// The key behind an id, if a cluster's identity may do this with it as legacy KMS reaches its vault.
    pub(crate) fn legacy_key(
        &self,
        cluster: &Cluster,
        key_id: &str,
        action: KeyAction,
    ) -> Result<KeyMaterial, Refusal> {
        let way = Way::Network { node_group: &cluster.names.node_group };
        self.identity_key(cluster, key_id, action, way)
    }

    /// The same as KMS data encryption reaches it. `private`: the mode that the cluster names.
    pub(crate) fn data_encryption_key(
        &self,
        cluster: &Cluster,
        key_id: &str,
        action: KeyAction,
        private: bool,
    ) -> Result<KeyMaterial, Refusal> {
        let way = if private { Way::TrustedService } else { Way::Internet };
        self.identity_key(cluster, key_id, action, way)
    }

    fn identity_key(
        &self,
        cluster: &Cluster,
        key_id: &str,
        action: KeyAction,
        way: Way<'_>,
    ) -> Result<KeyMaterial, Refusal> {
        let id = KeyId::parse(key_id)
            .ok_or_else(|| Refusal::bad_parameter("The key id is malformed."))?;
        let version = id
            .version
            .as_deref()
            .ok_or_else(|| Refusal::bad_parameter("The key id has no version."))?;
        self.with_vault_at(&id.host, |vault: &Vault| {
            let tenant = vault.properties()["tenantId"].as_str().unwrap_or_default();
            if !tenant.eq_ignore_ascii_case(&self.names.tenant) {
                return Err(Refusal::invalid_issuer(tenant));
            }
            self.as_identity(cluster, way, |user: User<'_>| {
                authorise(vault, user, &id.name, action)
            })?;
            let version = vault.key(&id.name)?.version(Some(version))?;
            usable(version, action)?;
            Ok(version.material.clone())
        })?
    }
}
