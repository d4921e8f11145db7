//! The cryptography behind a key version: real RSA and real elliptic curves.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rsa::{
        KeyPair as RsaKeyPair, KeySize, OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepAlgorithm,
        OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PrivateDecryptingKey,
    },
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P256K1_SHA256_FIXED_SIGNING,
        ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair,
        EcdsaSigningAlgorithm, KeyPair,
    },
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::entra::public_numbers;

/// Kind and strength of a key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum KeySpec {
    Rsa { hsm: bool, size: RsaSize },
    Ec { hsm: bool, curve: Curve },
}

/// Length of an RSA modulus.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum RsaSize {
    Bits2048,
    Bits3072,
    Bits4096,
}

/// An elliptic curve.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Curve {
    P256,
    P256K,
    P384,
    P521,
}

impl KeySpec {
    /// Reads `kty` with its size or curve, which have defaults; the name of the property that is
    /// wrong otherwise.
    pub(crate) fn parse(
        kind: &str,
        size: Option<u64>,
        curve: Option<&str>,
    ) -> Result<Self, &'static str> {
        let hsm = kind.ends_with("-HSM");
        match kind {
            "RSA" | "RSA-HSM" => {
                let size = match size {
                    None | Some(2048) => RsaSize::Bits2048,
                    Some(3072) => RsaSize::Bits3072,
                    Some(4096) => RsaSize::Bits4096,
                    Some(_) => return Err("key_size"),
                };
                Ok(Self::Rsa { hsm, size })
            }
            "EC" | "EC-HSM" => {
                let curve = match curve {
                    None | Some("P-256") => Curve::P256,
                    Some("P-256K") => Curve::P256K,
                    Some("P-384") => Curve::P384,
                    Some("P-521") => Curve::P521,
                    Some(_) => return Err("crv"),
                };
                Ok(Self::Ec { hsm, curve })
            }
            _ => Err("kty"),
        }
    }

    /// `kty`.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Rsa { hsm: false, .. } => "RSA",
            Self::Rsa { hsm: true, .. } => "RSA-HSM",
            Self::Ec { hsm: false, .. } => "EC",
            Self::Ec { hsm: true, .. } => "EC-HSM",
        }
    }

    /// Whether the key is RSA, whatever protects it.
    pub(crate) fn is_rsa(self) -> bool {
        matches!(self, Self::Rsa { .. })
    }

    /// What a key of this kind can do, and does unless the request says otherwise.
    pub(crate) fn operations(self) -> &'static [&'static str] {
        match self {
            Self::Rsa { .. } => &["encrypt", "decrypt", "sign", "verify", "wrapKey", "unwrapKey"],
            Self::Ec { .. } => &["sign", "verify"],
        }
    }
}

impl RsaSize {
    /// In bits.
    pub(crate) fn bits(self) -> u32 {
        match self {
            Self::Bits2048 => 2048,
            Self::Bits3072 => 3072,
            Self::Bits4096 => 4096,
        }
    }

    fn key_size(self) -> KeySize {
        match self {
            Self::Bits2048 => KeySize::Rsa2048,
            Self::Bits3072 => KeySize::Rsa3072,
            Self::Bits4096 => KeySize::Rsa4096,
        }
    }
}

impl Curve {
    /// `crv`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P256K => "P-256K",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
        }
    }

    fn signing(self) -> &'static EcdsaSigningAlgorithm {
        match self {
            Self::P256 => &ECDSA_P256_SHA256_FIXED_SIGNING,
            Self::P256K => &ECDSA_P256K1_SHA256_FIXED_SIGNING,
            Self::P384 => &ECDSA_P384_SHA384_FIXED_SIGNING,
            Self::P521 => &ECDSA_P521_SHA512_FIXED_SIGNING,
        }
    }
}

/// How a value is encrypted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Padding {
    Oaep,
    Oaep256,
}

impl Padding {
    /// Reads `alg`.
    pub(crate) fn parse(algorithm: &str) -> Option<Self> {
        match algorithm {
            "RSA-OAEP" => Some(Self::Oaep),
            "RSA-OAEP-256" => Some(Self::Oaep256),
            _ => None,
        }
    }

    fn oaep(self) -> &'static OaepAlgorithm {
        match self {
            Self::Oaep => &OAEP_SHA1_MGF1SHA1,
            Self::Oaep256 => &OAEP_SHA256_MGF1SHA256,
        }
    }
}

/// A private key, generated when it is first used: most cases never use theirs.
#[derive(Clone)]
pub(crate) struct KeyMaterial {
    spec: KeySpec,
    pair: Arc<OnceLock<Option<Pair>>>,
}

enum Pair {
    Rsa { encrypting: OaepPublicEncryptingKey, decrypting: OaepPrivateDecryptingKey, public: Value },
    Ec { public: Value },
}

impl fmt::Debug for KeyMaterial {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("KeyMaterial").field("spec", &self.spec).finish_non_exhaustive()
    }
}

impl KeyMaterial {
    pub(crate) fn new(spec: KeySpec) -> Self {
        Self { spec, pair: Arc::default() }
    }

    /// RSA encryption.
    pub(crate) fn encrypt(&self, padding: Padding, plaintext: &[u8]) -> Option<Vec<u8>> {
        let Pair::Rsa { encrypting, .. } = self.pair()? else {
            return None;
        };
        let mut output = vec![0; encrypting.ciphertext_size()];
        let written = encrypting.encrypt(padding.oaep(), plaintext, &mut output, None).ok()?.len();
        output.truncate(written);
        Some(output)
    }

    /// RSA decryption.
    pub(crate) fn decrypt(&self, padding: Padding, ciphertext: &[u8]) -> Option<Vec<u8>> {
        let Pair::Rsa { decrypting, .. } = self.pair()? else {
            return None;
        };
        let mut output = vec![0; decrypting.min_output_size()];
        let written = decrypting.decrypt(padding.oaep(), ciphertext, &mut output, None).ok()?.len();
        output.truncate(written);
        Some(output)
    }

    /// The public key as a JSON Web Key has it: modulus and exponent, or curve and point.
    pub(crate) fn public(&self) -> Value {
        match self.pair() {
            Some(Pair::Rsa { public, .. } | Pair::Ec { public }) => public.clone(),
            None => json!({}),
        }
    }

    fn pair(&self) -> Option<&Pair> {
        let generate = || match self.spec {
            KeySpec::Rsa { size, .. } => rsa_pair(size),
            KeySpec::Ec { curve, .. } => ec_pair(curve),
        };
        self.pair.get_or_init(generate).as_ref()
    }
}

fn rsa_pair(size: RsaSize) -> Option<Pair> {
    let private = PrivateDecryptingKey::generate(size.key_size()).ok()?;
    let der: Pkcs8V1Der<'static> = private.as_der().ok()?;
    let pair = RsaKeyPair::from_pkcs8(der.as_ref()).ok()?;
    let (n, e) = public_numbers(pair.public_key().as_ref())?;
    Some(Pair::Rsa {
        encrypting: OaepPublicEncryptingKey::new(private.public_key()).ok()?,
        decrypting: OaepPrivateDecryptingKey::new(private).ok()?,
        public: json!({ "n": n, "e": e }),
    })
}

/// The private half is of no use to anybody here: KMS does not sign.
fn ec_pair(curve: Curve) -> Option<Pair> {
    let pair = EcdsaKeyPair::generate(curve.signing()).ok()?;
    // An uncompressed point: 4, x, y.
    let (_, point) = pair.public_key().as_ref().split_first()?;
    let (x, y) = point.split_at(point.len() / 2);
    let encode = |coordinate| URL_SAFE_NO_PAD.encode(coordinate);
    Some(Pair::Ec { public: json!({ "crv": curve.name(), "x": encode(x), "y": encode(y) }) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_key_cannot_read_what_another_wrote() {
        let spec = KeySpec::parse("RSA", None, None).unwrap();
        let (first, second) = (KeyMaterial::new(spec), KeyMaterial::new(spec));
        let ciphertext = first.encrypt(Padding::Oaep256, b"data key").unwrap();
        assert_eq!(first.decrypt(Padding::Oaep256, &ciphertext).as_deref(), Some(&b"data key"[..]));
        assert_eq!(first.decrypt(Padding::Oaep, &ciphertext), None);
        assert_eq!(second.decrypt(Padding::Oaep256, &ciphertext), None);
        assert_eq!(first.public()["e"], "AQAB");
    }

    #[test]
    fn a_key_is_as_long_as_it_says_and_a_point_lies_on_its_curve() {
        for (size, bytes) in [(2048, 256), (3072, 384), (4096, 512)] {
            let spec = KeySpec::parse("RSA-HSM", Some(size), None).unwrap();
            let ciphertext = KeyMaterial::new(spec).encrypt(Padding::Oaep256, b"x").unwrap();
            assert_eq!(ciphertext.len(), bytes);
        }
        for (curve, bytes) in [("P-256", 32), ("P-256K", 32), ("P-384", 48), ("P-521", 66)] {
            let spec = KeySpec::parse("EC", None, Some(curve)).unwrap();
            let public = KeyMaterial::new(spec).public();
            let x = URL_SAFE_NO_PAD.decode(public["x"].as_str().unwrap()).unwrap();
            assert_eq!((&public["crv"], x.len()), (&json!(curve), bytes));
            assert_eq!(KeyMaterial::new(spec).encrypt(Padding::Oaep256, b"x"), None);
        }
    }

    #[test]
    fn a_wrong_kind_size_or_curve_is_named() {
        for (kind, size, curve, wrong) in [
            ("oct", None, None, "kty"),
            ("rsa", None, None, "kty"),
            ("RSA", Some(1024), None, "key_size"),
            ("EC", None, Some("P-255"), "crv"),
        ] {
            assert_eq!(KeySpec::parse(kind, size, curve), Err(wrong));
        }
    }
}
