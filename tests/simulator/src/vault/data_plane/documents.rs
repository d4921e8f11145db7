//! Keys as the data plane answers them.

use serde_json::{Value, json};

use crate::{
    names::vault_host,
    vault::{Key, KeyVersion, Vault},
};

const DAY: i64 = 24 * 3600;

/// A version's id.
pub(super) fn key_id(vault: &Vault, key: &Key, version: &KeyVersion) -> String {
    format!("{}/{}", versionless_id(vault, key), version.version)
}

fn versionless_id(vault: &Vault, key: &Key) -> String {
    format!("https://{}/keys/{}", vault_host(&vault.name), key.name)
}

/// A version's public part and attributes.
pub(super) fn bundle(vault: &Vault, key: &Key, version: &KeyVersion) -> Value {
    let mut document = json!({
        "kid": key_id(vault, key, version),
        "kty": version.spec.kind(),
        "key_ops": version.operations,
    });
    if let (Some(document), Value::Object(public)) =
        (document.as_object_mut(), version.material.public())
    {
        document.extend(public);
    }
    json!({
        "key": document,
        "attributes": version.attributes(&vault.recovery()),
        "tags": version.tags,
    })
}

/// A version as the list of versions has it.
pub(super) fn version_item(vault: &Vault, key: &Key, version: &KeyVersion) -> Value {
    item(vault, version, &key_id(vault, key, version))
}

/// A key as the list of keys has it: its newest version, whose id is left out.
pub(super) fn key_item(vault: &Vault, key: &Key) -> Option<Value> {
    Some(item(vault, key.versions.last()?, &versionless_id(vault, key)))
}

fn item(vault: &Vault, version: &KeyVersion, id: &str) -> Value {
    json!({
        "kid": id,
        "attributes": version.attributes(&vault.recovery()),
        "tags": version.tags,
    })
}

/// A deleted key, with the public part of its newest version.
pub(super) fn deleted_bundle(vault: &Vault, key: &Key) -> Option<Value> {
    let mut document = bundle(vault, key, key.versions.last()?);
    add_deletion(&mut document, vault, key);
    Some(document)
}

/// A deleted key as the list of deleted keys has it.
pub(super) fn deleted_item(vault: &Vault, key: &Key) -> Option<Value> {
    let mut document = key_item(vault, key)?;
    add_deletion(&mut document, vault, key);
    Some(document)
}

fn add_deletion(document: &mut Value, vault: &Vault, key: &Key) {
    let deleted = key.deleted.unwrap_or_default();
    let host = vault_host(&vault.name);
    document["recoveryId"] = json!(format!("https://{host}/deletedkeys/{}", key.name));
    document["deletedDate"] = json!(deleted);
    document["scheduledPurgeDate"] = json!(deleted + vault.recovery().days * DAY);
}

/// The rotation policy of a key.
pub(super) fn rotation_policy(vault: &Vault, key: &Key) -> Value {
    json!({
        "id": format!("{}/rotationpolicy", versionless_id(vault, key)),
        "lifetimeActions": key.rotation_policy.actions,
        "attributes": key.rotation_policy.attributes(),
    })
}
