//! Access tokens: JSON Web Tokens signed with RS256.

use std::{
    fmt,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        KeyPair, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey,
    },
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::public_numbers;

const KEY_ID: &str = "aks-kms-simulator";
const DEFAULT_LIFETIME: u64 = 3600;
/// How many seconds a clock may be behind.
const CLOCK_SKEW: i64 = 300;

/// What a token says.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Claims {
    pub(crate) aud: String,
    pub(crate) iss: String,
    pub(crate) tid: String,
    pub(crate) oid: String,
    pub(crate) sub: String,
    pub(crate) appid: String,
    pub(crate) iat: i64,
    pub(crate) nbf: i64,
    pub(crate) exp: i64,
    pub(crate) ver: String,
}

impl Claims {
    /// Whether the token is for `audience` and valid at this time.
    pub(crate) fn check(&self, audience: &str, now: i64) -> Result<(), Rejection> {
        if self.exp <= now {
            return Err(Rejection::Expired);
        }
        if self.nbf > now + CLOCK_SKEW {
            return Err(Rejection::NotYetValid);
        }
        if self.aud.trim_end_matches('/') != audience.trim_end_matches('/') {
            return Err(Rejection::WrongAudience);
        }
        Ok(())
    }
}

/// Who a token is for and who issues it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Holder<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) tenant: &'a str,
    /// Application id.
    pub(crate) client: &'a str,
    /// Object id of the service principal.
    pub(crate) object: &'a str,
}

/// Why a token does not count.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Rejection {
    #[error("The access token is invalid.")]
    Invalid,
    #[error("The access token expiry UTC time is earlier than current UTC time.")]
    Expired,
    #[error("The access token is not valid yet.")]
    NotYetValid,
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

    /// A token for a service principal, from what its issuer takes for now.
    pub(crate) fn issue(&self, holder: &Holder<'_>, audience: &str, now: i64) -> String {
        let Holder { issuer, tenant, client, object } = *holder;
        self.sign(&json!(Claims {
            aud: audience.to_owned(),
            iss: issuer.to_owned(),
            tid: tenant.to_owned(),
            oid: object.to_owned(),
            sub: object.to_owned(),
            appid: client.to_owned(),
            iat: now,
            nbf: now,
            exp: now.saturating_add_unsigned(self.lifetime()),
            ver: "1.0".to_owned(),
        }))
    }

    /// A JSON Web Token with these claims.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        let header = json!({ "typ": "JWT", "alg": "RS256", "kid": KEY_ID });
        let signed = format!("{}.{}", encode(&header), encode(claims));
        let key = self.key();
        let mut signature = vec![0; key.public_modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
            .expect("a signature buffer of the modulus' length suffices");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// The claims of a token that this issuer signed.
    pub(crate) fn read<C: DeserializeOwned>(&self, token: &str) -> Option<C> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (_, claims) = signed.split_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, self.key().public_key().as_ref())
            .verify(signed.as_bytes(), &signature)
            .ok()?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_counts_for_its_audience_until_it_expires_and_only_as_signed() {
        let holder = Holder { issuer: "iss", tenant: "t", client: "c", object: "o" };
        let vaults = "https://vault.azure.net";
        let issuer = TokenIssuer::default();
        let token = issuer.issue(&holder, vaults, 1000);
        let check = |token: &str, audience: &str, now| {
            issuer.read::<Claims>(token).ok_or(Rejection::Invalid)?.check(audience, now)
        };
        assert_eq!(check(&token, "https://vault.azure.net/", 1000), Ok(()));
        assert_eq!(check(&token, "other", 1000), Err(Rejection::WrongAudience));
        assert_eq!(check(&token, vaults, 4600), Err(Rejection::Expired));
        assert_eq!(check(&token, vaults, 600), Err(Rejection::NotYetValid));
        let forged = TokenIssuer::default().issue(&holder, vaults, 1000);
        assert_eq!(check(&forged, vaults, 1000), Err(Rejection::Invalid));
    }
}
