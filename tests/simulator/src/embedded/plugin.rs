//! The KMS plugin beside an API server: at most two keys of the vault, or versions of one and keys of the platform.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use super::transform::Key;
use crate::backend::{VaultCrypto, VaultRefusal};

/// A plugin. It outlives API server processes; its keys can be replaced while it runs.
pub(super) struct Plugin {
    /// The current key first.
    keys: Mutex<Vec<Arc<Key>>>,
    /// It is healthy while it can use so many of them.
    needed: usize,
    vault: Arc<dyn VaultCrypto>,
    /// Set while the plugin answers nothing.
    down: Arc<AtomicBool>,
}

impl Plugin {
    pub(super) fn new(
        keys: Vec<Arc<Key>>,
        needed: usize,
        vault: Arc<dyn VaultCrypto>,
        down: Arc<AtomicBool>,
    ) -> Arc<Self> {
        Arc::new(Self { keys: Mutex::new(keys), needed, vault, down })
    }

    /// The keys, the current one first.
    pub(super) fn keys(&self) -> Vec<Arc<Key>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Gives it other keys.
    pub(super) fn replace_keys(&self, keys: Vec<Arc<Key>>) {
        *self.keys.lock().unwrap_or_else(PoisonError::into_inner) = keys;
    }

    /// The key that it encrypts with, if the keys that it needs can be used.
    pub(super) async fn status(&self) -> Result<Arc<Key>, String> {
        self.answering()?;
        let keys = self.keys();
        for key in keys.iter().take(self.needed) {
            self.usable(key).await?;
        }
        keys.into_iter().next().ok_or_else(|| "the plugin has no key".to_owned())
    }

    /// Decrypts a data key that was encrypted with `key`.
    pub(super) async fn decrypt(&self, key: &Arc<Key>) -> Result<(), String> {
        self.answering()?;
        if !self.keys().contains(key) {
            return Err(format!(
                "rpc error: code = Internal desc = failed to decrypt, unknown key {}",
                key.plugin_key_id
            ));
        }
        self.vault.can_decrypt(&key.key_id).await.map_err(|refusal| refused(&refusal))
    }

    /// Encrypts a data key: with which key.
    pub(super) async fn encrypt(&self) -> Result<Arc<Key>, String> {
        self.answering()?;
        let key =
            self.keys().into_iter().next().ok_or_else(|| "the plugin has no key".to_owned())?;
        self.usable(&key).await?;
        Ok(key)
    }

    fn answering(&self) -> Result<(), String> {
        if self.down.load(Ordering::Relaxed) {
            return Err(
                "rpc error: code = Unavailable desc = connection error: connection refused"
                    .to_owned(),
            );
        }
        Ok(())
    }

    async fn usable(&self, key: &Key) -> Result<(), String> {
        self.vault.usable(&key.key_id).await.map_err(|refusal| refused(&refusal))
    }
}

fn refused(refusal: &VaultRefusal) -> String {
    format!("rpc error: code = Internal desc = {refusal}")
}
