//! A request, read.

use bytes::Bytes;
use http::{HeaderMap, Method, header};
use serde_json::Value;

use super::{authz::Caller, forms::Form, status::ApiError};

/// The parameters of a query.
#[derive(Clone, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn parse(query: &str) -> Self {
        Self(url::form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    /// A parameter that is given and not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name)?;
        (!found.1.is_empty()).then_some(&*found.1)
    }

    /// A parameter that is on.
    pub(super) fn on(&self, name: &str) -> bool {
        matches!(self.get(name), Some("true" | "1"))
    }

    /// A number.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>, ApiError> {
        let parse = |text: &str| {
            text.parse().map_err(|_| {
                ApiError::bad_request(format!("invalid value {text:?} of parameter {name}"))
            })
        };
        self.get(name).map(parse).transpose()
    }
}

/// A request, read and authenticated.
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) query: Query,
    pub(super) form: Form,
    content_type: String,
    pub(super) body: Bytes,
    pub(super) caller: Caller,
}

impl Call {
    pub(super) fn new(
        method: Method,
        query: &str,
        headers: &HeaderMap,
        body: Bytes,
        caller: Caller,
    ) -> Result<Self, ApiError> {
        let text = |name: header::HeaderName| {
            headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
        };
        let query = Query::parse(query);
        let form = Form::negotiate(text(header::ACCEPT), query.get("includeObject"))?;
        let content_type = text(header::CONTENT_TYPE).to_owned();
        Ok(Self { method, query, form, content_type, body, caller })
    }

    /// Whether nothing may be stored.
    pub(super) fn dry_run(&self) -> bool {
        self.query.get("dryRun") == Some("All")
    }

    /// The body, which must be a JSON object.
    pub(super) fn json(&self) -> Result<Value, ApiError> {
        let refused = |why: &str| ApiError::bad_request(format!("couldn't get object: {why}"));
        match serde_json::from_slice(&self.body) {
            Ok(object @ Value::Object(_)) => Ok(object),
            Ok(_) => Err(refused("the body is not an object")),
            Err(error) => Err(refused(&error.to_string())),
        }
    }

    /// The body as a merge patch. `None`: an empty one.
    pub(super) fn merge_patch(&self) -> Result<Option<Value>, ApiError> {
        let kind = self.content_type.split(';').next().unwrap_or_default().trim();
        let known = ["application/merge-patch+json", "application/strategic-merge-patch+json"];
        if !known.contains(&kind) {
            return Err(ApiError::unsupported_media_type());
        }
        if self.body.trim_ascii() == b"{}" {
            return Ok(None);
        }
        self.json().map(Some)
    }
}

/// Merges a patch into a value, as RFC 7386 says.
pub(super) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Value::Object(target) = target else { return };
    for (name, value) in patch {
        if value.is_null() {
            target.remove(name);
        } else {
            merge(target.entry(name.as_str()).or_insert(Value::Null), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_merge_patch_adds_replaces_and_removes() {
        let mut target = json!({"a": 1, "b": {"c": 2, "d": 3}, "e": [1, 2]});
        merge(&mut target, &json!({"a": null, "b": {"c": 4, "f": {"g": null}}, "e": [3]}));
        assert_eq!(target, json!({"b": {"c": 4, "d": 3, "f": {}}, "e": [3]}));
    }
}
