//! What is done to keys.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{
    documents::{
        bundle, deleted_bundle, deleted_item, key_id, key_item, rotation_policy, version_item,
    },
    pages::page,
};
use crate::{
    http::{Answer, Outcome, Request},
    vault::{
        Key, KeyAction, KeyVersion, Refusal, RotationPolicy, User, Vault,
        access::{authorise, usable},
        key::{KeyChange, now},
        material::{KeySpec, Padding},
    },
    world::World,
    writes::Use,
};

/// A request of the vault's caller.
pub(super) struct Call<'a> {
    pub(super) world: &'a Arc<World>,
    pub(super) request: &'a Request,
    /// Object id of the caller.
    pub(super) caller: &'a str,
}

impl Call<'_> {
    /// Calls `answer` with the vault, if the caller may do this with keys of this name.
    fn vault(
        &self,
        name: &str,
        action: KeyAction,
        answer: impl FnOnce(&mut Vault) -> Outcome,
    ) -> Outcome {
        self.world.with_vault_at_mut(&self.request.host, |vault| {
            self.authorise(vault, name, action)?;
            answer(vault)
        })?
    }

    /// Refuses what the caller may not do, and notes what it may.
    fn authorise(&self, vault: &Vault, name: &str, action: KeyAction) -> Result<(), Refusal> {
        let rights = &self.world.rights();
        authorise(vault, User::Caller { object: self.caller, rights }, name, action)?;
        self.world.recorder.used(Use::DataAction(action.data_action().to_owned()));
        Ok(())
    }

    /// The body, which must be a JSON object.
    fn body(&self) -> Result<Value, Refusal> {
        let body = self.request.json_or_null();
        let message = "The request body is missing or is not a JSON object.";
        if body.is_object() { Ok(body) } else { Err(Refusal::bad_parameter(message)) }
    }

    pub(super) fn get(&self, name: &str, version: Option<&str>) -> Outcome {
        self.vault(name, KeyAction::Get, |vault| answer(vault, name, version))
    }

    pub(super) fn list(&self) -> Outcome {
        self.vault("", KeyAction::List, |vault| {
            let keys = vault.keys.values().filter(|key| key.deleted.is_none());
            let items: Vec<Value> = keys.filter_map(|key| key_item(vault, key)).collect();
            page(self.request, &items)
        })
    }

    pub(super) fn versions(&self, name: &str) -> Outcome {
        self.vault(name, KeyAction::List, |vault| {
            let key = vault.key(name)?;
            let versions = key.versions.iter();
            let items: Vec<Value> =
                versions.map(|version| version_item(vault, key, version)).collect();
            page(self.request, &items)
        })
    }

    pub(super) fn rotation_policy(&self, name: &str) -> Outcome {
        self.vault(name, KeyAction::GetRotationPolicy, |vault| {
            Ok(Answer::ok(rotation_policy(vault, vault.key(name)?)))
        })
    }

    pub(super) fn set_rotation_policy(&self, name: &str) -> Outcome {
        let policy = RotationPolicy::parse(&self.body()?).map_err(Refusal::bad_property)?;
        self.vault(name, KeyAction::SetRotationPolicy, |vault| {
            vault.key(name)?;
            if let Some(key) = vault.keys.get_mut(&name.to_ascii_lowercase()) {
                key.rotation_policy = policy;
            }
            Ok(Answer::ok(rotation_policy(vault, vault.key(name)?)))
        })
    }

    pub(super) fn create(&self, name: &str) -> Outcome {
        let body = self.body()?;
        check_name(name)?;
        let (version, change) = new_version(&body)?;
        self.vault(name, KeyAction::Create, |vault| {
            let mut version = version;
            version.update(change);
            vault.add_version(name, version)?;
            answer(vault, name, None)
        })
    }

    /// A new version like the newest one, but with its own life.
    pub(super) fn rotate(&self, name: &str) -> Outcome {
        self.vault(name, KeyAction::Rotate, |vault| {
            let key = vault.key(name)?;
            let (newest, life) = (key.version(None)?, key.rotation_policy.life());
            let mut version = KeyVersion::new(newest.spec, now());
            version.operations.clone_from(&newest.operations);
            version.tags = newest.tags.clone();
            version.expires = life.map(|life| version.created + life);
            vault.add_version(name, version)?;
            answer(vault, name, None)
        })
    }

    pub(super) fn update(&self, name: &str, version: Option<&str>) -> Outcome {
        let body = self.body()?;
        self.vault(name, KeyAction::Update, |vault| {
            vault.update_version(name, version, &body)?;
            answer(vault, name, version)
        })
    }

    pub(super) fn delete(&self, name: &str) -> Outcome {
        self.vault(name, KeyAction::Delete, |vault| {
            vault.key(name)?;
            set_deleted(vault, name, Some(now()));
            deleted(vault, name)
        })
    }

    pub(super) fn list_deleted(&self) -> Outcome {
        self.vault("", KeyAction::List, |vault| {
            let keys = vault.keys.values().filter(|key| key.deleted.is_some());
            let items: Vec<Value> = keys.filter_map(|key| deleted_item(vault, key)).collect();
            page(self.request, &items)
        })
    }

    pub(super) fn get_deleted(&self, name: &str) -> Outcome {
        self.vault(name, KeyAction::Get, |vault| deleted(vault, name))
    }

    pub(super) fn recover(&self, name: &str) -> Outcome {
        self.vault(name, KeyAction::Recover, |vault| {
            vault.deleted_key(name)?;
            set_deleted(vault, name, None);
            answer(vault, name, None)
        })
    }

    pub(super) fn purge(&self, name: &str) -> Outcome {
        self.vault(name, KeyAction::Purge, |vault| {
            vault.deleted_key(name)?;
            if vault.recovery().purge_protection {
                let message = "Operation \"purge\" is not allowed because purge protection is \
                               enabled for this vault. Key Vault service will automatically purge \
                               it after the retention period has passed.";
                return Err(Refusal::forbidden("ForbiddenByPolicy", message).into());
            }
            vault.keys.remove(&name.to_ascii_lowercase());
            Ok(Answer::status(204, Value::Null))
        })
    }

    pub(super) async fn operate(
        &self,
        name: &str,
        version: Option<&str>,
        action: KeyAction,
    ) -> Outcome {
        let body = self.body()?;
        let padding = body["alg"].as_str().and_then(Padding::parse);
        let padding = padding.ok_or_else(|| Refusal::bad_property("alg"))?;
        // Some clients pad.
        let value = body["value"].as_str().map(|value| value.trim_end_matches('='));
        let value = value.and_then(|value| URL_SAFE_NO_PAD.decode(value).ok());
        let value = value.ok_or_else(|| Refusal::bad_property("value"))?;
        let (kid, material) = self.world.with_vault_at(&self.request.host, |vault| {
            self.authorise(vault, name, action)?;
            let key = vault.key(name)?;
            let version = key.version(version)?;
            usable(version, action)?;
            Ok::<_, Refusal>((key_id(vault, key, version), version.material.clone()))
        })??;
        let output = tokio::task::spawn_blocking(move || match action {
            KeyAction::Encrypt | KeyAction::Wrap => material.encrypt(padding, &value),
            _ => material.decrypt(padding, &value),
        });
        let output = output.await.ok().flatten();
        let output = output.ok_or_else(|| {
            Refusal::bad_parameter("The key operation failed: the value does not fit the key.")
        })?;
        Ok(Answer::ok(json!({ "kid": kid, "value": URL_SAFE_NO_PAD.encode(output) })))
    }
}

/// A version of a key, or its newest one.
fn answer(vault: &Vault, name: &str, version: Option<&str>) -> Outcome {
    let key = vault.key(name)?;
    Ok(Answer::ok(bundle(vault, key, key.version(version)?)))
}

fn deleted(vault: &Vault, name: &str) -> Outcome {
    let document = deleted_bundle(vault, vault.deleted_key(name)?);
    Ok(Answer::ok(document.ok_or_else(|| Refusal::key_not_found(name))?))
}

fn set_deleted(vault: &mut Vault, name: &str, deleted: Option<i64>) {
    if let Some(Key { deleted: now, .. }) = vault.keys.get_mut(&name.to_ascii_lowercase()) {
        *now = deleted;
    }
}

fn check_name(name: &str) -> Result<(), Refusal> {
    let fits = (1..=127).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if fits {
        return Ok(());
    }
    Err(Refusal::bad_parameter(&format!("The request URI contains an invalid name: {name}")))
}

/// The version that a request wants made, and what it is to be like.
fn new_version(body: &Value) -> Result<(KeyVersion, KeyChange), Refusal> {
    let kind = body["kty"].as_str().ok_or_else(|| Refusal::bad_property("kty"))?;
    let size = match &body["key_size"] {
        Value::Null => None,
        size => Some(size.as_u64().ok_or_else(|| Refusal::bad_property("key_size"))?),
    };
    let curve = match &body["crv"] {
        Value::Null => None,
        curve => Some(curve.as_str().ok_or_else(|| Refusal::bad_property("crv"))?),
    };
    let spec = KeySpec::parse(kind, size, curve).map_err(Refusal::bad_property)?;
    let change = KeyChange::parse(body, spec).map_err(Refusal::bad_property)?;
    Ok((KeyVersion::new(spec, now()), change))
}
