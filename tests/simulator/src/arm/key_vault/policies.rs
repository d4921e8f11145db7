//! `accessPolicies/add`, `/replace` and `/remove`: a vault's access policies, one principal's at a
//! time.

use serde_json::{Value, json};

use super::{checks, vaults};
use crate::{
    arm::{Call, route::Named},
    http::{Answer, Outcome},
};

/// The kinds of things that a policy gives permissions on.
const KINDS: [&str; 4] = ["keys", "secrets", "certificates", "storage"];

/// Adds to, replaces or removes from the policies of the principals that the body names.
pub(super) fn put(call: &Call<'_>, named: &Named, kind: &str) -> Outcome {
    let body = call.request.json()?;
    let sent = checks::access_policies(&body["properties"]["accessPolicies"])?;
    vaults::with_vault_mut(call.world, named, |vault| {
        let id = vault.id().to_owned();
        let location = vault.document["location"].clone();
        let stored = &mut vault.document["properties"]["accessPolicies"];
        let mut policies = stored.as_array().cloned().unwrap_or_default();
        for policy in sent {
            apply(&mut policies, policy, kind);
        }
        *stored = json!(policies);
        Ok(Answer::ok(json!({
            "id": format!("{id}/accessPolicies/"),
            "type": "Microsoft.KeyVault/vaults/accessPolicies",
            "location": location,
            "properties": { "accessPolicies": policies },
        })))
    })
}

fn apply(policies: &mut Vec<Value>, sent: &Value, kind: &str) {
    let same = |policy: &Value, name: &str| {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_ascii_lowercase();
        text(&policy[name]) == text(&sent[name])
    };
    let found = policies.iter_mut().find(|policy| {
        ["objectId", "tenantId", "applicationId"].iter().all(|name| same(policy, name))
    });
    match (kind, found) {
        ("remove", None) => {}
        (_, None) => policies.push(sent.clone()),
        ("replace", Some(policy)) => *policy = sent.clone(),
        ("add", Some(policy)) => combine(policy, sent, true),
        (_, Some(policy)) => combine(policy, sent, false),
    }
    policies.retain(|policy| KINDS.iter().any(|kind| !permissions(policy, kind).is_empty()));
}

/// Adds the permissions of one policy to another, or takes them away.
fn combine(policy: &mut Value, change: &Value, add: bool) {
    for kind in KINDS {
        let (mut kept, changed) = (permissions(policy, kind), permissions(change, kind));
        let is_in = |permission: &String, list: &[String]| {
            list.iter().any(|other| other.eq_ignore_ascii_case(permission))
        };
        if add {
            let new: Vec<String> =
                changed.into_iter().filter(|permission| !is_in(permission, &kept)).collect();
            kept.extend(new);
        } else {
            kept.retain(|permission| !is_in(permission, &changed));
        }
        policy["permissions"][kind] = json!(kept);
    }
}

fn permissions(policy: &Value, kind: &str) -> Vec<String> {
    let list = policy["permissions"][kind].as_array();
    list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(object: &str, keys: &[&str]) -> Value {
        json!({ "tenantId": "t", "objectId": object, "permissions": { "keys": keys } })
    }

    #[test]
    fn policies_are_added_to_replaced_and_removed_from() {
        let mut policies = vec![policy("a", &["get"])];
        apply(&mut policies, &policy("A", &["Get", "encrypt"]), "add");
        assert_eq!(permissions(&policies[0], "keys"), ["get", "encrypt"]);
        apply(&mut policies, &policy("b", &["list"]), "add");
        apply(&mut policies, &policy("b", &["decrypt"]), "replace");
        assert_eq!(permissions(&policies[1], "keys"), ["decrypt"]);
        apply(&mut policies, &policy("a", &["encrypt"]), "remove");
        assert_eq!(permissions(&policies[0], "keys"), ["get"]);
        apply(&mut policies, &policy("a", &["get"]), "remove");
        assert_eq!(policies.len(), 1, "a policy without permissions is none");
        apply(&mut policies, &policy("c", &["get"]), "remove");
        assert_eq!(policies.len(), 1);
    }
}
