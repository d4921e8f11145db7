//! `Microsoft.KeyVault/vaults/keys`: keys through the management plane.

use serde_json::{Value, json};

use super::{checks::bad_request, vaults::with_vault_mut as with_vault};
use crate::{
    arm::{Call, route::Named},
    http::{Answer, Outcome},
    names::{LOCATION, vault_host},
    vault::{
        Key, KeyVersion, Vault,
        key::{KeyChange, now},
        material::KeySpec,
    },
    world::World,
};

const KIND: &str = "Microsoft.KeyVault/vaults/keys";

/// All keys, without what only a single key's answer has.
pub(super) fn list(world: &World, vault: &Named) -> Outcome {
    with_vault(world, vault, |vault| {
        let keys = vault.keys.values().filter(|key| key.deleted.is_none());
        let documents = keys
            .filter_map(|key| Some(document(vault, key, key.versions.last()?, &Shape::ListedKey)));
        Ok(Answer::list(documents))
    })
}

/// The newest version of a key.
pub(super) fn get(world: &World, vault: &Named, key: &str) -> Outcome {
    with_vault(world, vault, |vault| answer(vault, key))
}

fn answer(vault: &Vault, key: &str) -> Outcome {
    let key = vault.key(key)?;
    Ok(Answer::ok(document(vault, key, key.version(None)?, &Shape::Key)))
}

/// Makes a key that does not exist; one that does stays as it is.
pub(super) fn put(call: &Call<'_>, vault: &Named, key: &str) -> Outcome {
    let body = call.request.json()?;
    // As the client wrote it.
    let name = call.request.segments.last().map_or(key, String::as_str);
    with_vault(call.world, vault, |vault| {
        if vault.key(name).is_err() {
            vault.add_version(name, new_version(&body)?)?;
        }
        answer(vault, name)
    })
}

fn new_version(body: &Value) -> Result<KeyVersion, Answer> {
    let properties = &body["properties"];
    let wrong = |name: &str| bad_request(&format!("Invalid value found at properties.{name}"));
    let kind = properties["kty"].as_str().ok_or_else(|| wrong("kty"))?;
    let size = match &properties["keySize"] {
        Value::Null => None,
        size => Some(size.as_u64().ok_or_else(|| wrong("keySize"))?),
    };
    let curve = match &properties["curveName"] {
        Value::Null => None,
        curve => Some(curve.as_str().ok_or_else(|| wrong("curveName"))?),
    };
    let spec = KeySpec::parse(kind, size, curve).map_err(wrong)?;
    let change = json!({
        "attributes": properties["attributes"],
        "key_ops": properties["keyOps"],
        "tags": body["tags"],
    });
    let change = KeyChange::parse(&change, spec).map_err(wrong)?;
    let mut version = KeyVersion::new(spec, now());
    version.update(change);
    Ok(version)
}

/// All versions of a key, without what only a single version's answer has.
pub(super) fn versions(world: &World, vault: &Named, key: &str) -> Outcome {
    with_vault(world, vault, |vault| {
        let key = vault.key(key)?;
        let document = |version| document(vault, key, version, &Shape::ListedVersion);
        Ok(Answer::list(key.versions.iter().map(document)))
    })
}

/// One version of a key.
pub(super) fn version(world: &World, vault: &Named, key: &str, version: &str) -> Outcome {
    with_vault(world, vault, |vault| {
        let key = vault.key(key)?;
        Ok(Answer::ok(document(vault, key, key.version(Some(version))?, &Shape::Version)))
    })
}

/// What is asked for.
enum Shape {
    Key,
    Version,
    ListedKey,
    ListedVersion,
}

fn document(vault: &Vault, key: &Key, version: &KeyVersion, shape: &Shape) -> Value {
    let name = &key.name;
    let id = format!("{}/keys/{name}", vault.id());
    let uri = format!("https://{}/keys/{name}", vault_host(&vault.name));
    let mut properties = json!({
        "attributes": version.attributes(&vault.recovery()),
        "keyUri": uri,
        "keyUriWithVersion": format!("{uri}/{}", version.version),
    });
    if matches!(shape, Shape::Key | Shape::Version) {
        properties["kty"] = json!(version.spec.kind());
        properties["keyOps"] = json!(version.operations);
        match version.spec {
            KeySpec::Rsa { size, .. } => properties["keySize"] = json!(size.bits()),
            KeySpec::Ec { curve, .. } => properties["curveName"] = json!(curve.name()),
        }
        if key.rotation_policy.is_set() {
            properties["rotationPolicy"] = json!({
                "lifetimeActions": key.rotation_policy.actions,
                "attributes": key.rotation_policy.attributes(),
            });
        }
    }
    let (id, name, kind) = match shape {
        Shape::Key | Shape::ListedKey => (id, name, KIND.to_owned()),
        Shape::Version | Shape::ListedVersion => (
            format!("{id}/versions/{}", version.version),
            &version.version,
            format!("{KIND}/versions"),
        ),
    };
    json!({
        "id": id,
        "name": name,
        "type": kind,
        "location": LOCATION,
        "tags": version.tags,
        "properties": properties,
    })
}
