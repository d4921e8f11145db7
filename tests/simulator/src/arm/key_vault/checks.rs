//! What Key Vault accepts as a vault's name and properties.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::{
    http::Answer,
    vault::{Vault, network::Range},
};

/// Most access policies that a vault can have.
const MOST_POLICIES: usize = 1024;

/// Permissions that a policy can give on keys.
const KEY_PERMISSIONS: [&str; 21] = [
    "all",
    "backup",
    "create",
    "decrypt",
    "delete",
    "encrypt",
    "get",
    "getrotationpolicy",
    "import",
    "list",
    "purge",
    "recover",
    "release",
    "restore",
    "rotate",
    "setrotationpolicy",
    "sign",
    "unwrapkey",
    "update",
    "verify",
    "wrapkey",
];

/// The refusal of a request whose content is wrong.
pub(super) fn bad_request(message: &str) -> Answer {
    Answer::error(400, "BadRequest", message)
}

fn invalid(path: &str) -> Answer {
    bad_request(&format!("Invalid value found at {path}"))
}

/// Why a name is no vault's.
pub(super) fn name(name: &str) -> Result<(), String> {
    let bytes = name.as_bytes();
    let fits = (3..=24).contains(&bytes.len())
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
        && bytes.first().is_some_and(u8::is_ascii_alphabetic)
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
        && !name.contains("--");
    if fits {
        return Ok(());
    }
    Err(format!(
        "The vault name '{name}' is invalid. A vault's name must be between 3-24 alphanumeric \
         characters. The name must begin with a letter, end with a letter or digit, and not \
         contain consecutive hyphens."
    ))
}

/// Checks the properties of a request and brings them into the form in which the vault keeps them.
/// `vault` is the one there is.
pub(super) fn properties(
    properties: &mut Map<String, Value>,
    vault: Option<&Vault>,
) -> Result<(), Answer> {
    // These are the service's to say, or no property of a vault.
    for name in [
        "vaultUri",
        "provisioningState",
        "privateEndpointConnections",
        "hsmPoolResourceId",
        "createMode",
    ] {
        properties.remove(name);
    }
    properties.retain(|_, value| !value.is_null());
    for name in [
        "enableRbacAuthorization",
        "enableSoftDelete",
        "enablePurgeProtection",
        "enabledForDeployment",
        "enabledForDiskEncryption",
        "enabledForTemplateDeployment",
    ] {
        if properties.get(name).is_some_and(|value| !value.is_boolean()) {
            return Err(invalid(&format!("properties.{name}")));
        }
    }
    irreversible(properties, vault)?;
    if let Some(tenant) = properties.get("tenantId") {
        guid(tenant, "properties.tenantId")?;
    }
    if let Some(sku) = properties.get("sku") {
        let known =
            one_of(&sku["family"], &["A"]) && one_of(&sku["name"], &["standard", "premium"]);
        if !known {
            return Err(invalid("properties.sku"));
        }
    }
    if let Some(access) = properties.get("publicNetworkAccess")
        && !one_of(access, &["Enabled", "Disabled", "SecuredByPerimeter"])
    {
        return Err(invalid("properties.publicNetworkAccess"));
    }
    if let Some(rules) = properties.get_mut("networkAcls") {
        network_rules(rules)?;
    }
    if let Some(policies) = properties.get("accessPolicies") {
        access_policies(policies)?;
    }
    Ok(())
}

fn irreversible(properties: &Map<String, Value>, vault: Option<&Vault>) -> Result<(), Answer> {
    let off = |name: &str| properties.get(name).is_some_and(|value| *value == false);
    if off("enablePurgeProtection") {
        return Err(bad_request(
            "The property \"enablePurgeProtection\" cannot be set to false. Enabling the purge \
             protection for a vault is an irreversible action.",
        ));
    }
    if off("enableSoftDelete") {
        return Err(bad_request(
            "The property \"enableSoftDelete\" cannot be set to false. Enabling the 'soft delete' \
             functionality is an irreversible action.",
        ));
    }
    if let Some(days) = properties.get("softDeleteRetentionInDays") {
        if !days.as_i64().is_some_and(|days| (7..=90).contains(&days)) {
            return Err(invalid("properties.softDeleteRetentionInDays"));
        }
        if vault.is_some_and(|vault| vault.properties()["softDeleteRetentionInDays"] != *days) {
            return Err(bad_request(
                "The property \"softDeleteRetentionInDays\" has been set already and it can't be \
                 modified.",
            ));
        }
    }
    Ok(())
}

/// Checks `networkAcls`, and writes every address as a range.
fn network_rules(rules: &mut Value) -> Result<(), Answer> {
    let path = "properties.networkAcls";
    if !rules.is_object() {
        return Err(invalid(path));
    }
    for (name, known) in
        [("defaultAction", ["Allow", "Deny"]), ("bypass", ["AzureServices", "None"])]
    {
        if !rules[name].is_null() && !one_of(&rules[name], &known) {
            return Err(invalid(&format!("{path}.{name}")));
        }
    }
    for name in ["ipRules", "virtualNetworkRules"] {
        if rules[name].is_null() {
            rules[name] = json!([]);
        }
    }
    let addresses = rules["ipRules"].as_array_mut();
    for (index, rule) in
        addresses.ok_or_else(|| invalid(&format!("{path}.ipRules")))?.iter_mut().enumerate()
    {
        let range = rule["value"].as_str().and_then(Range::parse);
        let range = range.ok_or_else(|| invalid(&format!("{path}.ipRules[{index}].value")))?;
        *rule = json!({ "value": range.to_string() });
    }
    let networks = rules["virtualNetworkRules"].as_array();
    let mut networks = networks.into_iter().flatten();
    if !rules["virtualNetworkRules"].is_array() || !networks.all(|rule| rule["id"].is_string()) {
        return Err(invalid(&format!("{path}.virtualNetworkRules")));
    }
    Ok(())
}

/// Checks `accessPolicies`.
pub(super) fn access_policies(policies: &Value) -> Result<&Vec<Value>, Answer> {
    let path = "properties.accessPolicies";
    let all = policies.as_array().filter(|policies| policies.len() <= MOST_POLICIES);
    let all = all.ok_or_else(|| invalid(path))?;
    for (index, policy) in all.iter().enumerate() {
        let path = format!("{path}[{index}]");
        guid(&policy["tenantId"], &format!("{path}.tenantId"))?;
        guid(&policy["objectId"], &format!("{path}.objectId"))?;
        if !policy["permissions"].is_object() {
            return Err(invalid(&format!("{path}.permissions")));
        }
        let keys = &policy["permissions"]["keys"];
        let known = keys.is_null()
            || keys
                .as_array()
                .is_some_and(|keys| keys.iter().all(|key| one_of(key, &KEY_PERMISSIONS)));
        if !known {
            return Err(invalid(&format!("{path}.permissions.keys")));
        }
    }
    Ok(all)
}

fn guid(value: &Value, path: &str) -> Result<(), Answer> {
    let is_guid = value.as_str().is_some_and(|text| Uuid::parse_str(text).is_ok());
    if is_guid { Ok(()) } else { Err(invalid(path)) }
}

fn one_of(value: &Value, known: &[&str]) -> bool {
    value.as_str().is_some_and(|value| known.iter().any(|known| known.eq_ignore_ascii_case(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_vaults_are_checked_as_azure_checks_them() {
        for good in ["abc", "KeyVault-1", "a23456789012345678901234"] {
            assert!(name(good).is_ok(), "{good}");
        }
        for bad in
            ["ab", "1abc", "-abc", "abc-", "a--b", "a_b", "ä-vault", "a234567890123456789012345"]
        {
            assert!(name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_wrong_property_is_named() {
        let policy = |objects: &str, keys: Value| {
            json!({ "accessPolicies": [{
                "tenantId": Uuid::nil(), "objectId": objects, "permissions": { "keys": keys },
            }] })
        };
        let nil = Uuid::nil().to_string();
        for (wanted, wrong) in [
            (json!({ "enableRbacAuthorization": "yes" }), "properties.enableRbacAuthorization"),
            (json!({ "enablePurgeProtection": false }), "enablePurgeProtection"),
            (json!({ "enableSoftDelete": false }), "enableSoftDelete"),
            (json!({ "softDeleteRetentionInDays": 6 }), "softDeleteRetentionInDays"),
            (json!({ "tenantId": "me" }), "properties.tenantId"),
            (json!({ "sku": { "family": "A", "name": "free" } }), "properties.sku"),
            (json!({ "publicNetworkAccess": true }), "properties.publicNetworkAccess"),
            (json!({ "networkAcls": [] }), "properties.networkAcls"),
            (json!({ "networkAcls": { "defaultAction": "Maybe" } }), "networkAcls.defaultAction"),
            (json!({ "networkAcls": { "ipRules": [{ "value": "x" }] } }), "ipRules[0].value"),
            (json!({ "networkAcls": { "virtualNetworkRules": [1] } }), "virtualNetworkRules"),
            (policy("me", json!([])), "accessPolicies[0].objectId"),
            (policy(&nil, json!(["fly"])), "accessPolicies[0].permissions.keys"),
            (json!({ "accessPolicies": {} }), "properties.accessPolicies"),
        ] {
            let Value::Object(mut map) = wanted.clone() else { unreachable!() };
            let Answer::Reply { status, body, .. } = properties(&mut map, None).unwrap_err() else {
                panic!("an error has a body");
            };
            let message = body["error"]["message"].as_str().unwrap();
            assert!(status == 400 && message.contains(wrong), "{wanted}: {message}");
        }
    }
}
