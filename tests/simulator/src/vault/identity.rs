//! The vault as the KMS plugin of a cluster sees it: with the rights of the cluster's identity.

use std::sync::Weak;

use async_trait::async_trait;

use super::{
    KeyAction, Refusal, User, Vault,
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
}

impl IdentityVault {
    fn material(&self, key_id: &str, action: KeyAction) -> Result<KeyMaterial, VaultRefusal> {
        let (world, cluster) =
            self.world.upgrade().zip(self.cluster.upgrade()).ok_or_else(|| VaultRefusal {
                code: "Gone".to_owned(),
                message: "The case has ended.".to_owned(),
            })?;
        world.check_plugins();
        Ok(world.identity_key(&cluster, key_id, action)?)
    }
}

/// RSA takes long enough to keep it off the runtime's own threads.
async fn work(
    operation: impl FnOnce() -> Option<Vec<u8>> + Send + 'static,
) -> Result<Vec<u8>, VaultRefusal> {
    let output = tokio::task::spawn_blocking(operation).await.ok().flatten();
    output.ok_or_else(|| Refusal::bad_parameter("The key operation failed.").into())
}

impl World {
    /// The key behind an id, if a cluster's identity may do this with it.
    pub(crate) fn identity_key(
        &self,
        cluster: &Cluster,
        key_id: &str,
        action: KeyAction,
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
            self.as_identity(cluster, |user: User<'_>| authorise(vault, user, &id.name, action))?;
            let version = vault.key(&id.name)?.version(Some(version))?;
            usable(version, action)?;
            Ok(version.material.clone())
        })?
    }
}
