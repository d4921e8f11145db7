//! Access tokens: JSON Web Tokens signed with RS256.

use std::{
    fmt,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        KeyPair, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey,
    },
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::public_numbers;

const KEY_ID: &str = "aks-kms-simulator";
const DEFAULT_LIFETIME: u64 = 3600;

/// What a token says.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Claims {
    pub(crate) aud: String,
    pub(crate) iss: String,
    pub(crate) tid: String,
    pub(crate) oid: String,
    pub(crate) sub: String,
    pub(crate) appid: String,
    pub(crate) iat: u64,
    pub(crate) nbf: u64,
    pub(crate) exp: u64,
    pub(crate) ver: String,
}

/// Why a token does not count.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Rejection {
    #[error("The access token is invalid.")]
    Invalid,
    #[error("The access token expiry UTC time is earlier than current UTC time.")]
    Expired,
    #[error("The access token has been obtained for wrong audience or resource.")]
    WrongAudience,
}

/// Signs and checks tokens.
pub(crate) struct TokenIssuer {
    // Generating an RSA key takes a noticeable time, so it waits for the first token.
    key: OnceLock<RsaKeyPair>,
    lifetime: AtomicU64,
}

impl Default for TokenIssuer {
    fn default() -> Self {
        Self { key: OnceLock::new(), lifetime: AtomicU64::new(DEFAULT_LIFETIME) }
    }
}

impl fmt::Debug for TokenIssuer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("TokenIssuer").finish_non_exhaustive()
    }
}

impl TokenIssuer {
    /// Seconds that tokens issued from now on are valid for.
    pub(crate) fn set_lifetime(&self, seconds: u64) {
        self.lifetime.store(seconds, Ordering::Relaxed);
    }

    /// Seconds that tokens are valid for.
    pub(crate) fn lifetime(&self) -> u64 {
        self.lifetime.load(Ordering::Relaxed)
    }

    /// A token for an application's service principal.
    pub(crate) fn issue(
        &self,
        issuer: &str,
        audience: &str,
        tenant: &str,
        client: &str,
        object: &str,
    ) -> String {
        let now = now();
        let claims = Claims {
            aud: audience.to_owned(),
            iss: issuer.to_owned(),
            tid: tenant.to_owned(),
            oid: object.to_owned(),
            sub: object.to_owned(),
            appid: client.to_owned(),
            iat: now,
            nbf: now,
            exp: now + self.lifetime(),
            ver: "1.0".to_owned(),
        };
        self.sign(&json!(claims))
    }

    /// Any claims as a signed token.
    pub(super) fn sign(&self, claims: &Value) -> String {
        let header = json!({ "typ": "JWT", "alg": "RS256", "kid": KEY_ID });
        let signed = format!("{}.{}", encode(&header), encode(claims));
        let key = self.key();
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .expect("a signature buffer of the modulus' length suffices");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// The claims of a token that this issuer signed for `audience` and that is valid now.
    pub(crate) fn check(&self, token: &str, audience: &str) -> Result<Claims, Rejection> {
        let (signed, signature) = token.rsplit_once('.').ok_or(Rejection::Invalid)?;
        let (_, claims) = signed.split_once('.').ok_or(Rejection::Invalid)?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| Rejection::Invalid)?;
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, self.key().public_key().as_ref())
            .verify(signed.as_bytes(), &signature)
            .map_err(|_| Rejection::Invalid)?;
        let claims: Claims = URL_SAFE_NO_PAD
            .decode(claims)
            .ok()
            .and_then(|claims| serde_json::from_slice(&claims).ok())
            .ok_or(Rejection::Invalid)?;
        if claims.exp <= now() {
            return Err(Rejection::Expired);
        }
        if claims.aud.trim_end_matches('/') != audience.trim_end_matches('/') {
            return Err(Rejection::WrongAudience);
        }
        Ok(claims)
    }

    /// The public key as a JSON Web Key Set.
    pub(crate) fn key_set(&self) -> Value {
        let keys: Vec<Value> = public_numbers(self.key().public_key().as_ref())
            .map(|(n, e)| json!({ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": KEY_ID, "n": n, "e": e }))
            .into_iter()
            .collect();
        json!({ "keys": keys })
    }

    fn key(&self) -> &RsaKeyPair {
        self.key.get_or_init(|| {
            RsaKeyPair::generate(KeySize::Rsa2048)
                .expect("generating an RSA key needs only entropy")
        })
    }
}

fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// Seconds since 1970, as tokens tell the time.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_counts_for_its_audience_until_it_expires_and_only_as_signed() {
        let issuer = TokenIssuer::default();
        let token = issuer.issue("iss", "https://vault.azure.net", "t", "c", "o");
        assert_eq!(issuer.check(&token, "https://vault.azure.net/").unwrap().oid, "o");
        assert_eq!(issuer.check(&token, "other").unwrap_err(), Rejection::WrongAudience);
        let forged = TokenIssuer::default().issue("iss", "https://vault.azure.net", "t", "c", "o");
        assert_eq!(
            issuer.check(&forged, "https://vault.azure.net").unwrap_err(),
            Rejection::Invalid
        );
        issuer.set_lifetime(0);
        let expired = issuer.issue("iss", "a", "t", "c", "o");
        assert_eq!(issuer.check(&expired, "a").unwrap_err(), Rejection::Expired);
    }
}
