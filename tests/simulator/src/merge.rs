//! JSON merge patches.

use serde_json::Value;

/// Applies a JSON merge patch (RFC 7396).
pub(crate) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Value::Object(target) = target else {
        return;
    };
    for (name, value) in patch {
        if value.is_null() {
            target.remove(name);
        } else {
            merge(target.entry(name).or_insert(Value::Null), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_merge_patch_merges_objects_replaces_the_rest_and_removes_nulls() {
        let mut target = json!({ "a": { "b": 1, "c": 2 }, "d": [1, 2] });
        merge(&mut target, &json!({ "a": { "b": null, "e": 3 }, "d": [3] }));
        assert_eq!(target, json!({ "a": { "c": 2, "e": 3 }, "d": [3] }));
    }
}
