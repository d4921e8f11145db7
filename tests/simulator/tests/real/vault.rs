//! A vault with RSA keys in memory.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard},
};

use aks_kms_simulator::backend::{VaultCrypto, VaultRefusal};
use async_trait::async_trait;
use aws_lc_rs::{
    encoding::AsDer,
    rsa::{
        KeySize, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, OaepPublicEncryptingKey,
        PrivateDecryptingKey,
    },
};

/// Makes a key when it is first asked for.
#[derive(Default)]
pub(crate) struct MemoryVault {
    keys: Mutex<HashMap<String, PrivateDecryptingKey>>,
    disabled: Mutex<Vec<String>>,
}

impl MemoryVault {
    /// From now on the key is refused, or no longer.
    pub(crate) fn set_disabled(&self, key_id: &str, disabled: bool) {
        let mut all = self.disabled.lock().unwrap();
        all.retain(|other| other != key_id);
        if disabled {
            all.push(key_id.to_owned());
        }
    }

    fn key(
        &self,
        key_id: &str,
    ) -> Result<MutexGuard<'_, HashMap<String, PrivateDecryptingKey>>, VaultRefusal> {
        if self.disabled.lock().unwrap().iter().any(|disabled| disabled == key_id) {
            let message = "Operation encrypt is not permitted on this key.".to_owned();
            return Err(VaultRefusal { code: "KeyDisabled".to_owned(), message });
        }
        let mut keys = self.keys.lock().unwrap();
        keys.entry(key_id.to_owned())
            .or_insert_with(|| PrivateDecryptingKey::generate(KeySize::Rsa2048).unwrap());
        Ok(keys)
    }
}

#[async_trait]
impl VaultCrypto for MemoryVault {
    async fn encrypt(&self, key_id: &str, plaintext: &[u8]) -> Result<Vec<u8>, VaultRefusal> {
        let keys = self.key(key_id)?;
        let key = OaepPublicEncryptingKey::new(keys[key_id].public_key()).unwrap();
        let mut output = vec![0; key.ciphertext_size()];
        let ciphertext =
            key.encrypt(&OAEP_SHA256_MGF1SHA256, plaintext, &mut output, None).unwrap();
        Ok(ciphertext.to_vec())
    }

    async fn decrypt(&self, key_id: &str, ciphertext: &[u8]) -> Result<Vec<u8>, VaultRefusal> {
        let keys = self.key(key_id)?;
        let pkcs8 = keys[key_id].as_der().unwrap();
        let key = PrivateDecryptingKey::from_pkcs8(pkcs8.as_ref()).unwrap();
        let key = OaepPrivateDecryptingKey::new(key).unwrap();
        let mut output = vec![0; key.min_output_size()];
        match key.decrypt(&OAEP_SHA256_MGF1SHA256, ciphertext, &mut output, None) {
            Ok(plaintext) => Ok(plaintext.to_vec()),
            Err(_) => Err(VaultRefusal {
                code: "BadParameter".to_owned(),
                message: "The parameter is incorrect.".to_owned(),
            }),
        }
    }

    async fn usable(&self, key_id: &str) -> Result<(), VaultRefusal> {
        self.key(key_id).map(drop)
    }

    async fn can_decrypt(&self, key_id: &str) -> Result<(), VaultRefusal> {
        self.key(key_id).map(drop)
    }
}
