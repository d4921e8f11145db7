//! `Microsoft.KeyVault/vaults/keys`: keys through the management plane.

use serde_json::{Value, json};

use super::{route::Named, vaults::with_vault};
use crate::{
    http::{Answer, Outcome},
    names::{LOCATION, vault_host},
    vault::{Key, KeyVersion, Refusal, Vault},
    world::World,
};

const KIND: &str = "Microsoft.KeyVault/vaults/keys";

/// The newest version of a key.
pub(super) fn get(world: &World, vault: &Named, key: &str) -> Outcome {
    with_vault(world, vault, |vault| {
        let found = find(vault, key)?;
        let newest = found.versions.last().ok_or_else(|| Refusal::key_not_found(key))?;
        Ok(Answer::ok(document(vault, key, newest, &Shape::Key)))
    })
}

/// All versions of a key, without what only a single version's answer has.
pub(super) fn versions(world: &World, vault: &Named, key: &str) -> Outcome {
    with_vault(world, vault, |vault| {
        let versions = &find(vault, key)?.versions;
        let document = |version| document(vault, key, version, &Shape::Listed);
        Ok(Answer::list(versions.iter().map(document)))
    })
}

/// One version of a key.
pub(super) fn version(world: &World, vault: &Named, key: &str, version: &str) -> Outcome {
    with_vault(world, vault, |vault| {
        let version = vault.version(key, version)?;
        Ok(Answer::ok(document(vault, key, version, &Shape::Version)))
    })
}

fn find<'a>(vault: &'a Vault, key: &str) -> Result<&'a Key, Answer> {
    vault.key(key).ok_or_else(|| Refusal::key_not_found(key).into())
}

/// What is asked for.
enum Shape {
    Key,
    Version,
    Listed,
}

fn document(vault: &Vault, key: &str, version: &KeyVersion, shape: &Shape) -> Value {
    let id = format!("{}/keys/{key}", vault.id());
    let uri = format!("https://{}/keys/{key}", vault_host(&vault.name));
    let mut properties = json!({
        "attributes": version.attributes(vault.purge_protection()),
        "keyUri": uri,
        "keyUriWithVersion": format!("{uri}/{}", version.version),
    });
    if !matches!(shape, Shape::Listed) {
        properties["kty"] = json!(version.kind);
        properties["keyOps"] = json!(version.operations);
        if version.is_rsa() {
            properties["keySize"] = json!(version.size);
        } else {
            properties["curveName"] = json!("P-256");
        }
    }
    let (id, name, kind) = match shape {
        Shape::Key => (id, key, KIND.to_owned()),
        Shape::Version | Shape::Listed => (
            format!("{id}/versions/{}", version.version),
            version.version.as_str(),
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
