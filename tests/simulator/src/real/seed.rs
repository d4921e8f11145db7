//! The secrets of a case: what to make, and with which key.

use serde_json::{Value, json};

use super::{client::Client, seal::random};
use crate::{
    backend::{BackendSpec, KeyRef, KmsVersion},
    given::SpecialKind,
};

/// A secret that a case has.
#[derive(Clone, Debug)]
pub(super) struct Seed {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) kind: Option<SpecialKind>,
    /// The key that it is to be under; `None`: plaintext.
    pub(super) under: Option<KeyRef>,
}

/// A type with as many letters as `kubernetes.io/tls`, for which there is no validation.
const TYPE_WITHOUT_VALIDATION: &str = "kubernetes.io/tlz";
/// A type whose secrets must have `tls.crt` and `tls.key`.
const TYPE_WITH_VALIDATION: &str = "kubernetes.io/tls";
const FINALIZER: &str = "aks-kms-simulator/hold";
/// The API server refuses more than 1 MiB.
const LARGE: usize = 1_000_000;

/// The secrets of a case.
pub(super) fn seeds(spec: &BackendSpec) -> Result<Vec<Seed>, String> {
    let secrets = &spec.given.secrets;
    let others = under(spec, secrets.under.as_deref())?;
    let mut seeds = Vec::with_capacity(secrets.namespaces * secrets.each + secrets.special.len());
    for namespace in 1..=secrets.namespaces {
        for number in 1..=secrets.each {
            seeds.push(Seed {
                namespace: format!("team-{namespace}"),
                name: format!("secret-{number}"),
                kind: None,
                under: others.clone(),
            });
        }
    }
    for special in &secrets.special {
        let (namespace, name) = special
            .name
            .split_once('/')
            .ok_or_else(|| format!("{} is not namespace/name", special.name))?;
        let under = match &special.under {
            Some(key) => under(spec, Some(key))?,
            None => others.clone(),
        };
        let (namespace, name) = (namespace.to_owned(), name.to_owned());
        seeds.push(Seed { namespace, name, kind: Some(special.kind), under });
    }
    Ok(seeds)
}

/// `plaintext`, a key id, or as the cluster writes now.
fn under(spec: &BackendSpec, under: Option<&str>) -> Result<Option<KeyRef>, String> {
    match under {
        None => Ok(spec.config.current.clone()),
        Some("plaintext") => Ok(None),
        Some("platform") => {
            let key = spec.config.keys().find(|key| key.is_platform());
            key.map(|key| Some(key.clone())).ok_or_else(|| "the platform has no key".to_owned())
        }
        Some(key_id) if key_id.starts_with("https://") => {
            let known = spec.config.keys().find(|key| key.key_id == key_id);
            let kms_version =
                spec.config.current.as_ref().map_or(KmsVersion::V2, |key| key.kms_version);
            let key = KeyRef { key_id: key_id.to_owned(), kms_version };
            Ok(Some(known.cloned().unwrap_or(key)))
        }
        Some(other) => Err(format!("a secret cannot be under {other}")),
    }
}

impl Seed {
    /// Its key in etcd.
    pub(super) fn path_in_etcd(&self) -> String {
        format!("{}{}/{}", super::stored::SECRETS, self.namespace, self.name)
    }

    /// Its path in the API.
    pub(super) fn path(&self) -> String {
        format!("/api/v1/namespaces/{}/secrets/{}", self.namespace, self.name)
    }

    /// Makes it through the API.
    pub(super) async fn create(&self, client: &Client) -> Result<(), String> {
        let path = format!("/api/v1/namespaces/{}/secrets", self.namespace);
        client.create(&path, self.object()?).await?;
        if self.kind == Some(SpecialKind::Terminating) {
            client.delete(&self.path()).await?;
        }
        Ok(())
    }

    fn object(&self) -> Result<Value, String> {
        let base64 = |bytes: &[u8]| {
            base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes)
        };
        let mut object = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"namespace": self.namespace, "name": self.name},
            "type": "Opaque",
            "data": {"value": base64(&random::<48>()?)},
        });
        match self.kind {
            Some(SpecialKind::Immutable) => object["immutable"] = json!(true),
            Some(SpecialKind::Invalid) => object["type"] = json!(TYPE_WITHOUT_VALIDATION),
            Some(SpecialKind::Large) => {
                let mut value = vec![0; LARGE];
                aws_lc_rs::rand::fill(&mut value).map_err(|_| "no random bytes".to_owned())?;
                object["data"]["value"] = json!(base64(&value));
            }
            Some(SpecialKind::Terminating) => object["metadata"]["finalizers"] = json!([FINALIZER]),
            Some(SpecialKind::Applied) => {
                let applied = object.to_string();
                object["metadata"]["annotations"] =
                    json!({"kubectl.kubernetes.io/last-applied-configuration": applied});
            }
            Some(SpecialKind::Canary) => {
                object["metadata"]["labels"] = json!({"app.kubernetes.io/managed-by": "aks-kms"});
                object["type"] = json!("aks-kms/canary");
            }
            Some(
                SpecialKind::Denied
                | SpecialKind::Unreadable
                | SpecialKind::WebhookDown
                | SpecialKind::Orphan,
            )
            | None => {}
        }
        Ok(object)
    }
}

/// The bytes of an invalid secret in plaintext, made from those of a valid one.
pub(super) fn invalidate(mut plaintext: Vec<u8>) -> Result<Vec<u8>, String> {
    let valid = TYPE_WITHOUT_VALIDATION.as_bytes();
    let at = plaintext
        .windows(valid.len())
        .position(|window| window == valid)
        .ok_or_else(|| "its type is not where it should be in etcd".to_owned())?;
    plaintext[at..at + valid.len()].copy_from_slice(TYPE_WITH_VALIDATION.as_bytes());
    Ok(plaintext)
}
