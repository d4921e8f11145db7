//! Keys, their versions and the attributes of those.

use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Refusal, RotationPolicy,
    material::{KeyMaterial, KeySpec},
};

/// A key with its versions, oldest first.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    /// As it was written when the key was made.
    pub(crate) name: String,
    /// When it was deleted, in seconds since the epoch; such a key can be recovered.
    pub(crate) deleted: Option<i64>,
    pub(crate) versions: Vec<KeyVersion>,
    pub(crate) rotation_policy: RotationPolicy,
}

impl Key {
    /// A key that nobody gave a rotation policy.
    pub(crate) fn new(name: &str, versions: Vec<KeyVersion>) -> Self {
        let rotation_policy = RotationPolicy::default();
        Self { name: name.to_owned(), deleted: None, versions, rotation_policy }
    }

    /// A version, or the newest one.
    pub(crate) fn version(&self, version: Option<&str>) -> Result<&KeyVersion, Refusal> {
        let found = match version {
            Some(version) => self.versions.iter().find(|candidate| candidate.version == version),
            None => self.versions.last(),
        };
        found.ok_or_else(|| Refusal::key_not_found(&self.name))
    }
}

/// A version of a key.
#[derive(Clone, Debug)]
pub(crate) struct KeyVersion {
    pub(crate) version: String,
    pub(crate) spec: KeySpec,
    pub(crate) operations: Vec<String>,
    pub(crate) enabled: bool,
    pub(crate) expires: Option<i64>,
    pub(crate) not_before: Option<i64>,
    pub(crate) created: i64,
    pub(crate) updated: i64,
    pub(crate) tags: Value,
    pub(crate) material: KeyMaterial,
}

impl KeyVersion {
    /// A new, enabled version that does everything a key of its kind can.
    pub(crate) fn new(spec: KeySpec, created: i64) -> Self {
        Self {
            version: Uuid::new_v4().simple().to_string(),
            spec,
            operations: spec.operations().iter().map(|name| (*name).to_owned()).collect(),
            enabled: true,
            expires: None,
            not_before: None,
            created,
            updated: created,
            tags: json!({}),
            material: KeyMaterial::new(spec),
        }
    }

    /// `attributes` as both planes answer them.
    pub(crate) fn attributes(&self, recovery: &Recovery) -> Value {
        let mut attributes = json!({
            "enabled": self.enabled,
            "created": self.created,
            "updated": self.updated,
            "recoveryLevel": recovery.level(),
            "exportable": false,
        });
        for (name, time) in [("exp", self.expires), ("nbf", self.not_before)] {
            if let Some(time) = time {
                attributes[name] = json!(time);
            }
        }
        attributes
    }

    /// Takes over what a request wants changed.
    pub(crate) fn update(&mut self, change: KeyChange) {
        self.enabled = change.enabled.unwrap_or(self.enabled);
        change.expires.apply(&mut self.expires);
        change.not_before.apply(&mut self.not_before);
        if let Some(operations) = change.operations {
            self.operations = operations;
        }
        if let Some(tags) = change.tags {
            self.tags = tags;
        }
        self.updated = now();
    }
}

/// How a vault keeps what was deleted from it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recovery {
    pub(crate) days: i64,
    pub(crate) purge_protection: bool,
}

impl Recovery {
    fn level(&self) -> &'static str {
        match (self.days < 90, self.purge_protection) {
            (false, false) => "Recoverable+Purgeable",
            (false, true) => "Recoverable",
            (true, false) => "CustomizedRecoverable+Purgeable",
            (true, true) => "CustomizedRecoverable",
        }
    }
}

/// What a request wants done to a time.
#[derive(Clone, Copy, Debug)]
enum TimeChange {
    Keep,
    Remove,
    Set(i64),
}

impl TimeChange {
    /// Reads a time among the attributes; `None`: it is no time.
    fn parse(attributes: &Value, name: &str) -> Option<Self> {
        match attributes.get(name) {
            None => Some(Self::Keep),
            Some(Value::Null) => Some(Self::Remove),
            Some(time) => time.as_i64().filter(|time| *time >= 0).map(Self::Set),
        }
    }

    fn apply(self, time: &mut Option<i64>) {
        match self {
            Self::Keep => {}
            Self::Remove => *time = None,
            Self::Set(new) => *time = Some(new),
        }
    }
}

/// What a request wants changed in a version.
#[derive(Clone, Debug)]
pub(crate) struct KeyChange {
    enabled: Option<bool>,
    expires: TimeChange,
    not_before: TimeChange,
    operations: Option<Vec<String>>,
    tags: Option<Value>,
}

impl KeyChange {
    /// Reads `attributes`, `key_ops` and `tags` of a request for a key of this kind; the name of the
    /// property that is wrong otherwise.
    pub(crate) fn parse(request: &Value, spec: KeySpec) -> Result<Self, &'static str> {
        let attributes = &request["attributes"];
        if !attributes.is_null() && !attributes.is_object() {
            return Err("attributes");
        }
        let change = Self {
            enabled: match &attributes["enabled"] {
                Value::Null => None,
                Value::Bool(enabled) => Some(*enabled),
                _ => return Err("attributes.enabled"),
            },
            expires: TimeChange::parse(attributes, "exp").ok_or("attributes.exp")?,
            not_before: TimeChange::parse(attributes, "nbf").ok_or("attributes.nbf")?,
            operations: match &request["key_ops"] {
                Value::Null => None,
                Value::Array(sent) => Some(operations(sent, spec).ok_or("key_ops")?),
                _ => return Err("key_ops"),
            },
            tags: match &request["tags"] {
                Value::Null => None,
                Value::Object(tags) if tags.values().all(Value::is_string) => Some(json!(tags)),
                _ => return Err("tags"),
            },
        };
        match (change.not_before, change.expires) {
            (TimeChange::Set(not_before), TimeChange::Set(expires)) if expires <= not_before => {
                Err("attributes.exp")
            }
            _ => Ok(change),
        }
    }
}

/// Operations that a key of this kind can do; `None`: something else is among them.
fn operations(sent: &[Value], spec: KeySpec) -> Option<Vec<String>> {
    let known = |operation: &Value| {
        let operation = operation.as_str()?;
        spec.operations().contains(&operation).then(|| operation.to_owned())
    };
    sent.iter().map(known).collect()
}

/// Seconds since the epoch.
pub(crate) fn now() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> KeySpec {
        KeySpec::parse("RSA", None, None).unwrap()
    }

    #[test]
    fn a_change_changes_what_it_names_and_null_takes_a_time_away() {
        let mut version = KeyVersion::new(spec(), 0);
        let mut update = |change| version.update(KeyChange::parse(&change, spec()).unwrap());
        update(json!({ "attributes": { "exp": 9, "nbf": 1 }, "tags": { "a": "b" } }));
        update(json!({ "attributes": { "enabled": false, "nbf": null }, "key_ops": ["encrypt"] }));
        assert_eq!((version.expires, version.not_before, version.enabled), (Some(9), None, false));
        assert_eq!(version.operations, ["encrypt"]);
        assert_eq!(version.tags, json!({ "a": "b" }));
    }

    #[test]
    fn what_is_wrong_with_a_change_is_named() {
        for (change, wrong) in [
            (json!({ "attributes": [] }), "attributes"),
            (json!({ "attributes": { "enabled": "no" } }), "attributes.enabled"),
            (json!({ "attributes": { "exp": "soon" } }), "attributes.exp"),
            (json!({ "attributes": { "exp": 1, "nbf": 2 } }), "attributes.exp"),
            (json!({ "attributes": { "nbf": -1 } }), "attributes.nbf"),
            (json!({ "key_ops": ["fly"] }), "key_ops"),
            (json!({ "key_ops": "encrypt" }), "key_ops"),
            (json!({ "tags": { "a": 1 } }), "tags"),
        ] {
            assert_eq!(KeyChange::parse(&change, spec()).unwrap_err(), wrong, "{change}");
        }
    }
}
