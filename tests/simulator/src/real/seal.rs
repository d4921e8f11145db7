//! Writes a Secret into etcd as an API server with KMS v2 would: for objects that today's
//! validation would not let through any more.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    error::Unspecified,
    hkdf::{HKDF_SHA256, Prk},
    rand,
};
use prost::Message;

use super::proto::kms_v2::EncryptedObject;
use crate::backend::{KeyRef, VaultCrypto};

/// Bytes of a seed, and of what a data key is derived from it with.
const SEED: usize = 32;
/// `HKDF_SHA256_XNONCE_AES_GCM_SEED`: each object has a data key of its own, derived from a seed.
const SEEDED: i32 = 1;

/// The bytes of an object under a key; `path` is its key in etcd.
pub(super) async fn seal(
    vault: &dyn VaultCrypto,
    key: &KeyRef,
    provider: &str,
    path: &str,
    object: &[u8],
) -> Result<Vec<u8>, String> {
    let seed = random::<SEED>()?;
    let encrypted_seed =
        vault.encrypt(&key.key_id, &seed).await.map_err(|refusal| refusal.to_string())?;
    let encrypted = encrypt(&seed, path, object).map_err(|_| "cannot encrypt".to_owned())?;
    Ok(stored(provider, key.plugin_key_id(), encrypted, encrypted_seed))
}

/// The bytes of an object under a key that nobody has.
pub(super) fn unreadable(provider: &str) -> Result<Vec<u8>, String> {
    let key_id =
        random::<SEED>()?.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    Ok(stored(provider, key_id, random::<256>()?.to_vec(), random::<256>()?.to_vec()))
}

fn stored(provider: &str, key_id: String, data: Vec<u8>, seed: Vec<u8>) -> Vec<u8> {
    let object = EncryptedObject {
        encrypted_data: data,
        key_id,
        encrypted_dek_source: seed,
        encrypted_dek_source_type: SEEDED,
        ..EncryptedObject::default()
    };
    [format!("k8s:enc:kms:v2:{provider}:").as_bytes(), &object.encode_to_vec()].concat()
}

fn encrypt(seed: &[u8], path: &str, object: &[u8]) -> Result<Vec<u8>, Unspecified> {
    let mut info = [0; SEED];
    rand::fill(&mut info)?;
    let mut nonce = [0; NONCE_LEN];
    rand::fill(&mut nonce)?;
    let info_parts: [&[u8]; 1] = [&info];
    let seed = Prk::new_less_safe(HKDF_SHA256, seed);
    let data_key = LessSafeKey::new(UnboundKey::from(seed.expand(&info_parts, &AES_256_GCM)?));
    let mut ciphertext = object.to_vec();
    data_key.seal_in_place_append_tag(
        Nonce::assume_unique_for_key(nonce),
        Aad::from(path.as_bytes()),
        &mut ciphertext,
    )?;
    Ok([info.as_slice(), &nonce, &ciphertext].concat())
}

/// Random bytes.
pub(super) fn random<const N: usize>() -> Result<[u8; N], String> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| "no random bytes".to_owned())?;
    Ok(bytes)
}
