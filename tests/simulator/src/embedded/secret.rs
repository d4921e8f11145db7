//! A Secret as the store holds it, and its JSON forms.

use serde_json::{Map, Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

use super::status::ApiError;

/// The annotation in which `kubectl apply` keeps the whole object.
pub(super) const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The sum of a Secret's values may be this large.
const MAX_BYTES: usize = 1024 * 1024;

/// A Secret without its name, which is its key in the store. Small: a store holds a million.
#[derive(Clone, Eq, PartialEq)]
pub(super) struct Secret {
    pub(super) uid: Uuid,
    /// Unix seconds.
    pub(super) created: i64,
    /// Number of entries in `data`.
    pub(super) entries: u32,
    /// The JSON text of `data`.
    pub(super) data: Box<str>,
    /// What most Secrets do not have.
    pub(super) rest: Option<Box<Rest>>,
}

/// The rarer fields.
#[derive(Clone, Default, Eq, PartialEq)]
pub(super) struct Rest {
    pub(super) labels: Map<String, Value>,
    pub(super) annotations: Map<String, Value>,
    pub(super) finalizers: Vec<String>,
    /// Unix seconds.
    pub(super) deletion: Option<i64>,
    pub(super) owner_references: Vec<Value>,
    /// `type`, unless Opaque.
    pub(super) kind: Option<String>,
    pub(super) immutable: bool,
}

impl Secret {
    /// `type`.
    pub(super) fn kind(&self) -> &str {
        self.rest.as_ref().and_then(|rest| rest.kind.as_deref()).unwrap_or("Opaque")
    }

    /// `immutable`.
    pub(super) fn immutable(&self) -> bool {
        self.rest.as_ref().is_some_and(|rest| rest.immutable)
    }

    /// Whether it was deleted and only finalizers keep it.
    pub(super) fn terminating(&self) -> bool {
        self.rest.as_ref().is_some_and(|rest| rest.deletion.is_some())
    }

    /// Whether a finalizer is left.
    pub(super) fn finalizers(&self) -> bool {
        self.rest.as_ref().is_some_and(|rest| !rest.finalizers.is_empty())
    }

    /// The value of a label.
    pub(super) fn label(&self, name: &str) -> Option<&str> {
        self.rest.as_ref()?.labels.get(name)?.as_str()
    }

    /// About how many bytes etcd holds for it.
    pub(super) fn stored_bytes(&self, name: &str) -> usize {
        let rest = self.rest.as_ref().map_or(0, |rest| {
            let annotations = rest
                .annotations
                .iter()
                .map(|(key, value)| key.len() + value.as_str().map_or(0, str::len));
            annotations.sum::<usize>() + 64
        });
        name.len() + self.data.len() + rest + 200
    }

    /// `metadata`.
    pub(super) fn metadata(&self, namespace: &str, name: &str, revision: u64) -> Value {
        let mut metadata = json!({
            "name": name,
            "namespace": namespace,
            "uid": self.uid.to_string(),
            "resourceVersion": revision.to_string(),
            "creationTimestamp": timestamp(self.created),
        });
        if let Some(rest) = &self.rest {
            if !rest.labels.is_empty() {
                metadata["labels"] = Value::Object(rest.labels.clone());
            }
            if !rest.annotations.is_empty() {
                metadata["annotations"] = Value::Object(rest.annotations.clone());
            }
            if !rest.finalizers.is_empty() {
                metadata["finalizers"] = json!(rest.finalizers);
            }
            if !rest.owner_references.is_empty() {
                metadata["ownerReferences"] = json!(rest.owner_references);
            }
            if let Some(deletion) = rest.deletion {
                metadata["deletionTimestamp"] = json!(timestamp(deletion));
                metadata["deletionGracePeriodSeconds"] = json!(0);
            }
        }
        metadata
    }

    /// The whole object.
    pub(super) fn object(&self, namespace: &str, name: &str, revision: u64) -> Value {
        let mut object = json!({
            "kind": "Secret",
            "apiVersion": "v1",
            "metadata": self.metadata(namespace, name, revision),
            "type": self.kind(),
        });
        let data = self.data();
        if !data.is_empty() {
            object["data"] = Value::Object(data);
        }
        if self.immutable() {
            object["immutable"] = json!(true);
        }
        object
    }

    /// `PartialObjectMetadata`.
    pub(super) fn partial(&self, namespace: &str, name: &str, revision: u64) -> Value {
        json!({
            "kind": "PartialObjectMetadata",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": self.metadata(namespace, name, revision),
        })
    }

    fn data(&self) -> Map<String, Value> {
        // this text was made by this module
        serde_json::from_str(&self.data).unwrap_or_default()
    }

    /// The Secret that a client's object describes. What only the server sets is taken from
    /// `before`, or made.
    pub(super) fn from_object(
        object: &Value,
        name: &str,
        before: Option<&Self>,
    ) -> Result<Self, ApiError> {
        let data = client_data(object, name)?;
        let kind = object["type"].as_str().unwrap_or("Opaque");
        let invalid = |message: &str| Err(ApiError::invalid("Secret", name, message));
        if kind == "kubernetes.io/tls" && !data.contains_key("tls.crt") {
            return invalid("data[tls.crt]: Required value");
        }
        let text: Box<str> = if data.is_empty() {
            Box::default()
        } else {
            Value::Object(data.clone()).to_string().into_boxed_str()
        };
        if text.len() * 3 / 4 > MAX_BYTES {
            return invalid("data: Too long: may not be more than 1048576 bytes");
        }
        let immutable = object["immutable"].as_bool().unwrap_or_default();
        if let Some(before) = before {
            if before.kind() != kind {
                return invalid("type: Invalid value: field is immutable");
            }
            if before.immutable() && before.data() != data {
                return invalid("data: Forbidden: field is immutable when `immutable` is set");
            }
            if before.immutable() && !immutable {
                return invalid("immutable: Forbidden: field is immutable when `immutable` is set");
            }
        }
        let metadata = &object["metadata"];
        let map = |field: &str| metadata[field].as_object().cloned().unwrap_or_default();
        let finalizers = metadata["finalizers"].as_array().into_iter().flatten();
        let rest = Rest {
            labels: map("labels"),
            annotations: map("annotations"),
            finalizers: finalizers.filter_map(|it| it.as_str().map(str::to_owned)).collect(),
            deletion: before.and_then(|before| before.rest.as_ref()).and_then(|rest| rest.deletion),
            owner_references: metadata["ownerReferences"].as_array().cloned().unwrap_or_default(),
            kind: (kind != "Opaque").then(|| kind.to_owned()),
            immutable,
        };
        Ok(Self {
            uid: before.map_or_else(Uuid::new_v4, |before| before.uid),
            created: before.map_or_else(
                || OffsetDateTime::now_utc().unix_timestamp(),
                |before| before.created,
            ),
            entries: u32::try_from(data.len()).unwrap_or(u32::MAX),
            data: text,
            rest: (rest != Rest::default()).then(|| Box::new(rest)),
        })
    }

    /// The same Secret with its rarer fields edited.
    pub(super) fn with_rest(&self, edit: impl FnOnce(&mut Rest)) -> Self {
        let mut secret = self.clone();
        let mut rest = secret.rest.take().map(|rest| *rest).unwrap_or_default();
        edit(&mut rest);
        secret.rest = (rest != Rest::default()).then(|| Box::new(rest));
        secret
    }
}

/// `data`, with `stringData` merged in.
fn client_data(object: &Value, name: &str) -> Result<Map<String, Value>, ApiError> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let mut data = object["data"].as_object().cloned().unwrap_or_default();
    for value in data.values_mut() {
        match value {
            Value::Null => *value = json!(""),
            Value::String(text) if STANDARD.decode(&*text).is_ok() => {}
            _ => {
                return Err(ApiError::invalid(
                    "Secret",
                    name,
                    "data: Invalid value: illegal base64",
                ));
            }
        }
    }
    for (entry, value) in object["stringData"].as_object().into_iter().flatten() {
        let text = value.as_str().unwrap_or_default();
        data.insert(entry.clone(), json!(STANDARD.encode(text)));
    }
    Ok(data)
}

/// RFC 3339 with whole seconds, as Kubernetes writes times.
pub(super) fn timestamp(seconds: i64) -> String {
    OffsetDateTime::from_unix_timestamp(seconds)
        .ok()
        .and_then(|time| time.format(&Rfc3339).ok())
        .unwrap_or_default()
}
