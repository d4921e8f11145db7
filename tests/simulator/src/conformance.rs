//! Conformance cases: what the library does in a given world, told once in JSON and run by every
//! language's own runner.
//!
//! `tests/conformance/schema.json` is generated from these types.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{given::Given, writes::Write};

/// A case.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// A sentence that says what is expected.
    pub name: String,
    /// The world it starts from.
    #[serde(default)]
    pub given: Given,
    /// Calls made before it, whatever came of them: their writes do not count.
    #[serde(default)]
    pub earlier: Vec<When>,
    /// The call.
    pub when: When,
    /// What must come of it.
    pub then: Then,
}

/// A call of the library.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct When {
    /// The verb: a method of `KmsManager`.
    pub operation: String,
    /// Its arguments and options by name, `key_id` among them.
    #[serde(default)]
    pub options: Map<String, Value>,
    /// Name of the cluster, in the resource group of the given one; absent: the given one.
    #[serde(default)]
    pub cluster: Option<String>,
    /// How the cluster's Kubernetes API is reached: `cluster-user` (default) or `cluster-admin`.
    #[serde(default)]
    pub kubernetes: Option<String>,
}

/// What must come of a call: a report or an error, and exactly these writes.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Then {
    /// What the call gave, as JSON with `snake_case` keys: everything named here must be there.
    /// Lists match when they have the same length and each entry matches.
    #[serde(default)]
    pub report: Option<Value>,
    /// The error.
    #[serde(default)]
    pub error: Option<ExpectedError>,
    /// Rules that must be among the findings of the report or error, with their state and level.
    #[serde(default)]
    pub findings: Vec<Value>,
    /// Rules that must not be among the findings of the report or error: they hold.
    #[serde(default)]
    pub holds: Vec<String>,
    /// The writes, exactly and in order. Bodies match when everything named is there.
    pub writes: Vec<ExpectedWrite>,
    /// What the store holds afterwards, as far as named.
    #[serde(default)]
    pub secrets: Option<Value>,
}

/// An error that must come.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedError {
    /// Its code, such as `preflight_failed`.
    pub code: String,
    /// The rules that refuse, exactly, in any order.
    #[serde(default)]
    pub rules: Vec<String>,
    /// The service's code.
    #[serde(default)]
    pub service_code: Option<String>,
    /// What the error's own report must have, as with `report`.
    #[serde(default)]
    pub report: Option<Value>,
}

/// A write that must have been seen.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(untagged)]
pub enum ExpectedWrite {
    /// So many secret patches in a row.
    PatchSecrets {
        /// How many.
        patch_secrets: u64,
    },
    /// Any other write.
    Request {
        /// `arm`, `vault` or `kubernetes`.
        target: String,
        /// HTTP method.
        method: String,
        /// A part of the path.
        path: String,
        /// What the body must have.
        #[serde(default)]
        body: Option<Value>,
    },
}

/// Where `actual` lacks something that `expected` names; `None`: nothing is missing.
#[must_use]
pub fn mismatch(expected: &Value, actual: &Value) -> Option<String> {
    differs("$", expected, actual)
}

fn differs(at: &str, expected: &Value, actual: &Value) -> Option<String> {
    match (expected, actual) {
        (Value::Object(expected), Value::Object(actual)) => {
            expected.iter().find_map(|(key, value)| match actual.get(key) {
                Some(found) => differs(&format!("{at}.{key}"), value, found),
                None if value.is_null() => None,
                None => Some(format!("{at}.{key} is missing")),
            })
        }
        (Value::Array(expected), Value::Array(actual)) => {
            if expected.len() != actual.len() {
                return Some(format!(
                    "{at} has {} entries instead of {}: {}",
                    actual.len(),
                    expected.len(),
                    Value::Array(actual.clone())
                ));
            }
            expected.iter().zip(actual).enumerate().find_map(|(index, (expected, actual))| {
                differs(&format!("{at}[{index}]"), expected, actual)
            })
        }
        _ if expected == actual => None,
        _ => Some(format!("{at} is {actual} instead of {expected}")),
    }
}

/// Where the writes that were seen are not those expected; `None`: they are.
#[must_use]
pub fn writes_mismatch(expected: &[ExpectedWrite], actual: &[Write]) -> Option<String> {
    let shown = || serde_json::to_string(actual).unwrap_or_default();
    if expected.len() != actual.len() {
        return Some(format!("{} writes instead of {}: {}", actual.len(), expected.len(), shown()));
    }
    expected.iter().zip(actual).enumerate().find_map(|(index, pair)| {
        let matches = match pair {
            (
                ExpectedWrite::PatchSecrets { patch_secrets: expected },
                Write::PatchSecrets { patch_secrets: actual },
            ) => expected == actual,
            (
                ExpectedWrite::Request { target, method, path, body },
                Write::Request {
                    target: seen_target,
                    method: seen_method,
                    path: seen_path,
                    body: seen_body,
                    ..
                },
            ) => {
                target == seen_target
                    && method == seen_method
                    && seen_path.contains(path.as_str())
                    && body.as_ref().is_none_or(|body| mismatch(body, seen_body).is_none())
            }
            _ => false,
        };
        (!matches).then(|| format!("write {index} is not the one expected: {}", shown()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_subset_matches_and_a_difference_is_named() {
        let actual = json!({"a": 1, "b": [{"c": 2, "d": 3}]});
        assert_eq!(mismatch(&json!({"b": [{"c": 2}]}), &actual), None);
        assert_eq!(mismatch(&json!({"gone": null}), &actual), None);
        assert_eq!(
            mismatch(&json!({"b": [{"c": 4}]}), &actual).unwrap(),
            "$.b[0].c is 2 instead of 4"
        );
        assert!(mismatch(&json!({"b": []}), &actual).is_some(), "lists have a length");
        assert!(mismatch(&json!({"e": 1}), &actual).is_some());
    }

    #[test]
    fn the_schema_file_is_the_one_of_these_types() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../conformance/schema.json");
        let schema = schemars::schema_for!(Case);
        let now = format!("{}\n", serde_json::to_string_pretty(&schema).unwrap());
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, &now).unwrap();
        }
        let file = std::fs::read_to_string(path).unwrap_or_default();
        assert!(file == now, "run `UPDATE_DOCS=1 cargo test` to write {path} again");
    }
}
