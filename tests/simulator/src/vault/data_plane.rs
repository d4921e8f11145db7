//! The data plane of a vault: `https://<vault>.vault.azure.net/keys/…`.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{
    Key, KeyAction, KeyVersion, Refusal, Vault,
    access::{authorise, usable},
    key::now,
};
use crate::{
    entra::VAULT_AUDIENCE,
    http::{Answer, Outcome, Request},
    names::vault_host,
    region::Region,
    world::World,
};

/// What the data plane knows, newest first.
const API_VERSIONS: [&str; 15] = [
    "2025-07-01",
    "2025-06-01-preview",
    "7.6",
    "7.6-preview.2",
    "7.6-preview.1",
    "7.5",
    "7.5-preview.1",
    "7.4",
    "7.4-preview.1",
    "7.3",
    "7.3-preview",
    "7.2",
    "7.1",
    "7.0",
    "2016-10-01",
];

/// Answers a request to a vault's host.
pub(crate) async fn serve(region: &Region, request: &Request) -> Outcome {
    let world = region
        .world_of_vault(&request.host)
        .ok_or_else(|| Refusal::vault_not_found(&request.host))?;
    authenticate(region, &world, request)?;
    let method = request.method.as_str();
    let segments: Vec<&str> = request.segments.iter().map(String::as_str).collect();
    let is_key_operation = matches!(segments.as_slice(), ["keys", _, _, "encrypt" | "decrypt"]);
    if method != "GET" && !is_key_operation {
        world.recorder.azure("vault", request);
    }
    if let Some(fault) = world.faults.answer(method, &request.path) {
        return Err(fault);
    }
    check_version(request)?;
    let call = Call { world: &world, request };
    match (method, segments.as_slice()) {
        ("GET", ["keys", name]) => call
            .key(name, KeyAction::Read, |vault, key| Ok(bundle(vault, name, newest(key, name)?))),
        ("GET", ["keys", name, "versions"]) => call.key(name, KeyAction::Read, |vault, key| {
            Ok(Answer::list(key.versions.iter().map(|version| item(vault, name, version))))
        }),
        ("GET", ["keys", name, version]) => call.key(name, KeyAction::Read, |vault, _| {
            Ok(bundle(vault, name, vault.version(name, version)?))
        }),
        ("POST", ["keys", name, "create"]) => call.create(name),
        ("POST", ["keys", name, "rotate"]) => call.rotate(name),
        ("PATCH", ["keys", name, version]) => call.update(name, version),
        ("DELETE", ["keys", name]) => call.delete(name),
        ("GET", ["deletedkeys", name]) => call.deleted(name),
        ("POST", ["deletedkeys", name, "recover"]) => call.recover(name),
        ("POST", ["keys", name, version, "encrypt"]) => {
            call.operate(name, version, KeyAction::Encrypt).await
        }
        ("POST", ["keys", name, version, "decrypt"]) => {
            call.operate(name, version, KeyAction::Decrypt).await
        }
        _ => Err(Answer::error(404, "NotFound", "There is nothing at this path of a vault.")),
    }
}

/// The vault's challenge tells clients where to get a token, and for what.
fn authenticate(region: &Region, world: &World, request: &Request) -> Result<(), Answer> {
    let token = request.bearer();
    let claims = token.map(|token| region.tokens.check(token, VAULT_AUDIENCE));
    let message = match claims {
        Some(Ok(claims)) if world.names.is_caller(&claims.oid) => return Ok(()),
        Some(Ok(_)) => "AKV10032: Invalid issuer.".to_owned(),
        Some(Err(rejection)) => format!("AKV10022: {rejection}"),
        None => "AKV10000: Request is missing a Bearer or PoP token.".to_owned(),
    };
    let tenant = world
        .with_vault_at(&request.host, |vault| vault.properties()["tenantId"].clone())
        .unwrap_or_default();
    let challenge = format!(
        "Bearer authorization=\"{}/{}\", resource=\"{VAULT_AUDIENCE}\"",
        region.arm(),
        tenant.as_str().unwrap_or_default(),
    );
    Err(Answer::error(401, "Unauthorized", &message).with_header("www-authenticate", challenge))
}

fn check_version(request: &Request) -> Result<(), Answer> {
    let Some(version) = request.query("api-version").filter(|version| !version.is_empty()) else {
        return Err(Refusal::bad_parameter("api-version must be specified").into());
    };
    if API_VERSIONS.contains(&version) {
        return Ok(());
    }
    let message = format!(
        "The specified version ({version}) is not recognized. Consider using the latest supported \
         version ({}).",
        API_VERSIONS[0]
    );
    Err(Refusal::bad_parameter(&message).into())
}

/// A request of the vault's caller.
struct Call<'a> {
    world: &'a Arc<World>,
    request: &'a Request,
}

impl Call<'_> {
    /// Calls `answer` with the vault, if the caller may do this with keys of this name.
    fn vault(
        &self,
        name: &str,
        action: KeyAction,
        answer: impl FnOnce(&mut Vault) -> Outcome,
    ) -> Outcome {
        let host = &self.request.host;
        self.world.with_vault_at_mut(host, |vault| {
            authorise(vault, self.world.caller(), name, action)?;
            answer(vault)
        })?
    }

    /// The same with a key that is there.
    fn key(
        &self,
        name: &str,
        action: KeyAction,
        answer: impl FnOnce(&Vault, &Key) -> Outcome,
    ) -> Outcome {
        self.vault(name, action, |vault| {
            let key = vault.key(name).ok_or_else(|| Refusal::key_not_found(name))?;
            answer(vault, key)
        })
    }

    fn create(&self, name: &str) -> Outcome {
        let body = self.request.json()?;
        let kind = body["kty"].as_str().unwrap_or_default();
        if !matches!(kind, "RSA" | "RSA-HSM" | "EC" | "EC-HSM") {
            return Err(Refusal::bad_parameter("Property kty is invalid.").into());
        }
        let size = body["key_size"].as_u64().unwrap_or(2048);
        let size = match size {
            2048 | 3072 | 4096 => u32::try_from(size).unwrap_or_default(),
            _ => return Err(Refusal::bad_parameter("Property key_size is invalid.").into()),
        };
        let default = ["encrypt", "decrypt", "sign", "verify", "wrapKey", "unwrapKey"];
        self.vault(name, KeyAction::Create, |vault| {
            let operations = default.map(str::to_owned).to_vec();
            let mut version = KeyVersion::new(kind, size, operations, now());
            version.update(&body);
            add_version(vault, name, version)
        })
    }

    /// A new version like the newest one, but with its own life.
    fn rotate(&self, name: &str) -> Outcome {
        self.vault(name, KeyAction::Rotate, |vault| {
            let key = vault.key(name).ok_or_else(|| Refusal::key_not_found(name))?;
            let newest = newest(key, name)?;
            let mut version =
                KeyVersion::new(&newest.kind, newest.size, newest.operations.clone(), now());
            version.tags = newest.tags.clone();
            add_version(vault, name, version)
        })
    }

    fn update(&self, name: &str, version: &str) -> Outcome {
        let body = self.request.json()?;
        self.vault(name, KeyAction::Update, |vault| {
            vault.update_version(name, version, &body)?;
            Ok(bundle(vault, name, vault.version(name, version)?))
        })
    }

    fn delete(&self, name: &str) -> Outcome {
        self.vault(name, KeyAction::Delete, |vault| {
            vault.key(name).ok_or_else(|| Refusal::key_not_found(name))?;
            if let Some(key) = vault.keys.get_mut(name) {
                key.soft_deleted = true;
            }
            deleted_bundle(vault, name)
        })
    }

    fn deleted(&self, name: &str) -> Outcome {
        self.vault(name, KeyAction::Read, |vault| deleted_bundle(vault, name))
    }

    fn recover(&self, name: &str) -> Outcome {
        self.vault(name, KeyAction::Recover, |vault| {
            let key = vault.keys.get_mut(name).filter(|key| key.soft_deleted);
            let key = key.ok_or_else(|| Refusal::key_not_found(name))?;
            key.soft_deleted = false;
            let key = vault.key(name).ok_or_else(|| Refusal::key_not_found(name))?;
            Ok(bundle(vault, name, newest(key, name)?))
        })
    }

    async fn operate(&self, name: &str, version: &str, action: KeyAction) -> Outcome {
        let body = self.request.json()?;
        if body["alg"] != "RSA-OAEP-256" {
            return Err(Refusal::bad_parameter("Property alg is not supported.").into());
        }
        let value = body["value"].as_str().and_then(|value| URL_SAFE_NO_PAD.decode(value).ok());
        let value = value.ok_or_else(|| Refusal::bad_parameter("Property value is invalid."))?;
        let host = &self.request.host;
        let (kid, material) = self.world.with_vault_at(host, |vault| {
            authorise(vault, self.world.caller(), name, action)?;
            let version = vault.version(name, version)?;
            usable(version, action)?;
            Ok::<_, Refusal>((key_id(vault, name, version), version.material.clone()))
        })??;
        let output = tokio::task::spawn_blocking(move || match action {
            KeyAction::Encrypt => material.encrypt(&value),
            _ => material.decrypt(&value),
        });
        let output = output.await.ok().flatten();
        let output = output.ok_or_else(|| {
            Refusal::bad_parameter("The key operation failed: the value does not fit the key.")
        })?;
        Ok(Answer::ok(json!({ "kid": kid, "value": URL_SAFE_NO_PAD.encode(output) })))
    }
}

fn newest<'a>(key: &'a Key, name: &str) -> Result<&'a KeyVersion, Refusal> {
    key.versions.last().ok_or_else(|| Refusal::key_not_found(name))
}

fn add_version(vault: &mut Vault, name: &str, mut version: KeyVersion) -> Outcome {
    let key = vault.keys.entry(name.to_owned()).or_default();
    if key.soft_deleted {
        let message = "Key is currently in a deleted but recoverable state, and its name cannot \
                       be reused; in this state, the key can only be recovered or purged.";
        return Err(Refusal::conflict("ObjectIsDeletedButRecoverable", message).into());
    }
    // Versions made within one second are still told apart by age.
    let youngest = key.versions.last().map_or(i64::MIN, |youngest| youngest.created + 1);
    version.created = version.created.max(youngest);
    let id = version.version.clone();
    key.versions.push(version);
    Ok(bundle(vault, name, vault.version(name, &id)?))
}

fn key_id(vault: &Vault, name: &str, version: &KeyVersion) -> String {
    format!("https://{}/keys/{name}/{}", vault_host(&vault.name), version.version)
}

/// A version's public part and attributes.
fn bundle(vault: &Vault, name: &str, version: &KeyVersion) -> Answer {
    Answer::ok(bundle_document(vault, name, version))
}

fn bundle_document(vault: &Vault, name: &str, version: &KeyVersion) -> Value {
    let mut key = json!({
        "kid": key_id(vault, name, version),
        "kty": version.kind,
        "key_ops": version.operations,
    });
    if version.is_rsa() {
        if let Some((n, e)) = version.material.public_numbers() {
            key["n"] = json!(n);
            key["e"] = json!(e);
        }
    } else {
        key["crv"] = json!("P-256");
    }
    json!({
        "key": key,
        "attributes": version.attributes(vault.purge_protection()),
        "tags": version.tags,
    })
}

/// A version as lists have it.
fn item(vault: &Vault, name: &str, version: &KeyVersion) -> Value {
    json!({
        "kid": key_id(vault, name, version),
        "attributes": version.attributes(vault.purge_protection()),
        "tags": version.tags,
    })
}

fn deleted_bundle(vault: &Vault, name: &str) -> Outcome {
    let key = vault.keys.get(name).filter(|key| key.soft_deleted);
    let version = key.and_then(|key| key.versions.last());
    let Some(version) = version else {
        return Err(Refusal::key_not_found(name).into());
    };
    let mut document = bundle_document(vault, name, version);
    let days = vault.properties()["softDeleteRetentionInDays"].as_i64().unwrap_or(90);
    let host = vault_host(&vault.name);
    document["recoveryId"] = json!(format!("https://{host}/deletedkeys/{name}"));
    document["deletedDate"] = json!(version.updated);
    document["scheduledPurgeDate"] = json!(version.updated + days * 24 * 3600);
    Ok(Answer::ok(document))
}
