//! Keys: read through Resource Manager first, from the vault itself second.
//!
//! Resource Manager needs no network path to the vault and no rights inside it. Only the vault
//! knows whether a key that is gone can be recovered.

use azure_core::http::Method;
use serde_json::Value;
use time::OffsetDateTime;

use super::{
    action::AzureAction,
    call::{Call, CallTarget},
    client::Azure,
    error::unreadable,
    vault::API_VERSION,
};
use crate::{
    error::{ErrorKind, Result},
    facts::{Fact, KeyFacts, Lookup},
    ids::{KeyId, VaultId},
    text::{LONGEST_NAME, one_line},
};

impl Azure {
    /// Reads a key version, or the newest one where the id has none.
    pub(crate) async fn key(
        &self,
        key_id: &KeyId,
        vault: Option<&VaultId>,
    ) -> Fact<Lookup<KeyFacts>> {
        let mut obstacles = Vec::new();
        if let Some(vault) = vault {
            match self.key_of_resource(key_id, vault).await {
                Ok(facts) => return Fact::Known(Lookup::Found(facts)),
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    return Fact::Known(self.deleted_or_missing(key_id).await);
                }
                Err(error) => obstacles.push(error.to_string()),
            }
        }
        match self.key_of_vault(key_id).await {
            Ok(facts) => Fact::Known(Lookup::Found(facts)),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Fact::Known(self.deleted_or_missing(key_id).await)
            }
            Err(error) => {
                obstacles.push(error.to_string());
                Fact::Unknown(obstacles.join("; "))
            }
        }
    }

    pub(super) async fn key_of_resource(
        &self,
        key_id: &KeyId,
        vault: &VaultId,
    ) -> Result<KeyFacts> {
        let (version, action) = match key_id.version() {
            Some(version) => (format!("/versions/{version}"), AzureAction::ReadKeyVersion),
            None => (String::new(), AzureAction::ReadKey),
        };
        let path = format!("{vault}/keys/{}{version}", key_id.name());
        let what = format!("read key {key_id} by Resource Manager");
        let call = Call::get(path, API_VERSION, what, action);
        from_resource(&call.what, &self.send(&call).await?.json(&call.what)?)
    }

    async fn key_of_vault(&self, key_id: &KeyId) -> Result<KeyFacts> {
        let version = key_id.version().map(|version| format!("/{version}"));
        let path = format!("/keys/{}{}", key_id.name(), version.unwrap_or_default());
        let call = vault_call(key_id, path, format!("read key {key_id} from its vault"));
        let key = self.send(&call).await?.json(&call.what)?;
        from_vault(&key).ok_or_else(|| unreadable(&call.what, "it has no attributes, kty or kid"))
    }

    /// What a key is that is not there: recoverable, if the vault can be asked and says so.
    async fn deleted_or_missing(&self, key_id: &KeyId) -> Lookup<KeyFacts> {
        let path = format!("/deletedkeys/{}", key_id.name());
        let call = vault_call(key_id, path, format!("read deleted key {key_id} from its vault"));
        match self.send(&call).await {
            Ok(_) => Lookup::SoftDeleted,
            Err(_) => Lookup::NotFound,
        }
    }
}

fn vault_call(key_id: &KeyId, path: String, what: String) -> Call {
    let target = CallTarget::Vault { host: key_id.host().to_owned(), path };
    Call::new(Method::Get, target, what, AzureAction::ReadKeyInVault)
}

/// `properties` of `Microsoft.KeyVault/vaults/keys[/versions]`.
pub(super) fn from_resource(what: &str, key: &Value) -> Result<KeyFacts> {
    let read = || {
        let properties = key.get("properties")?;
        let id = properties.get("keyUriWithVersion").or_else(|| properties.get("keyUri"))?;
        let attributes = properties.get("attributes")?;
        let facts = facts(id, properties.get("kty")?, properties.get("keyOps"), attributes)?;
        // A key without a policy shows none.
        let expiry = properties.pointer("/rotationPolicy/attributes/expiryTime");
        let expiry = expiry.and_then(Value::as_str).filter(|expiry| !expiry.is_empty());
        let expiry = expiry.map(|expiry| one_line(expiry, LONGEST_NAME));
        Some(KeyFacts { rotation_expiry: Fact::Known(expiry), ..facts })
    };
    read().ok_or_else(|| unreadable(what, "it has no attributes, kty or keyUriWithVersion"))
}

/// The key bundle of the vault's own API.
fn from_vault(bundle: &Value) -> Option<KeyFacts> {
    let key = bundle.get("key")?;
    facts(key.get("kid")?, key.get("kty")?, key.get("key_ops"), bundle.get("attributes")?)
}

fn facts(
    id: &Value,
    kind: &Value,
    operations: Option<&Value>,
    attributes: &Value,
) -> Option<KeyFacts> {
    let operations = operations.and_then(Value::as_array).into_iter().flatten();
    Some(KeyFacts {
        kid: id.as_str()?.to_owned(),
        kind: kind.as_str()?.to_owned(),
        operations: operations.filter_map(Value::as_str).map(str::to_owned).collect(),
        enabled: attributes.get("enabled")?.as_bool()?,
        created: moment(attributes, "created"),
        expires: moment(attributes, "exp"),
        not_before: moment(attributes, "nbf"),
        rotation_expiry: Fact::Unknown(
            "a vault does not show the rotation policy with the key, Resource Manager does (Microsoft.KeyVault/vaults/keys/read)"
                .to_owned(),
        ),
    })
}

/// A moment of an object's attributes, in seconds since 1970.
pub(super) fn moment(attributes: &Value, name: &str) -> Option<OffsetDateTime> {
    let seconds = attributes.get(name)?.as_i64()?;
    OffsetDateTime::from_unix_timestamp(seconds).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::macros::datetime;

    use super::*;
    use crate::azure::testing::{FakeAzure, Reply, SUBSCRIPTION, json_reply};

    const KID: &str = "https://shop.vault.azure.net/keys/etcd/0123456789abcdef0123456789abcdef";
    const MANAGEMENT: &str = "/vaults/shop/keys/etcd/versions/0123456789abcdef0123456789abcdef?";
    const DATA: &str = "shop.vault.azure.net/keys/etcd/0123456789abcdef0123456789abcdef?";
    const DELETED: &str = "shop.vault.azure.net/deletedkeys/etcd?";

    fn vault_id() -> VaultId {
        VaultId::parse(&format!(
            "/subscriptions/{SUBSCRIPTION}/resourceGroups/keys/providers/Microsoft.KeyVault/vaults/shop"
        ))
        .unwrap()
    }

    fn expected() -> KeyFacts {
        KeyFacts {
            kid: KID.to_owned(),
            kind: "RSA".to_owned(),
            operations: vec!["encrypt".to_owned(), "decrypt".to_owned()],
            enabled: true,
            created: Some(OffsetDateTime::UNIX_EPOCH + time::Duration::SECOND),
            expires: Some(datetime!(2027-01-15 08:00 UTC)),
            not_before: None,
            rotation_expiry: Fact::Known(None),
        }
    }

    fn management_key() -> Reply {
        json_reply(
            200,
            json!({"properties": {
                "attributes": {"enabled": true, "exp": 1_800_000_000, "created": 1},
                "kty": "RSA", "keyOps": ["encrypt", "decrypt"], "keySize": 2048,
                "keyUri": "https://shop.vault.azure.net/keys/etcd", "keyUriWithVersion": KID
            }}),
        )
    }

    fn data_key() -> Reply {
        json_reply(
            200,
            json!({
                "key": {"kid": KID, "kty": "RSA", "key_ops": ["encrypt", "decrypt"], "n": "x", "e": "AQAB"},
                "attributes": {"enabled": true, "exp": 1_800_000_000, "created": 1}
            }),
        )
    }

    fn denied(inner: &str) -> Reply {
        json_reply(
            403,
            json!({"error": {"code": "Forbidden", "message": "m", "innererror": {"code": inner}}}),
        )
    }

    fn deleted_or_missing() -> Reply {
        json_reply(404, json!({"error": {"code": "KeyNotFound"}}))
    }

    fn azure(management: Reply, data: Reply, deleted: Reply) -> FakeAzure {
        let fake = FakeAzure::default();
        fake.on(Method::Get, MANAGEMENT, [management]);
        fake.on(Method::Get, DATA, [data]);
        fake.on(Method::Get, DELETED, [deleted]);
        fake
    }

    async fn read(fake: &FakeAzure, vault: Option<&VaultId>) -> Fact<Lookup<KeyFacts>> {
        fake.client().key(&KeyId::parse(KID).unwrap(), vault).await
    }

    #[tokio::test]
    async fn resource_manager_is_asked_first_and_alone() {
        let fake = azure(management_key(), deleted_or_missing(), deleted_or_missing());
        assert_eq!(read(&fake, Some(&vault_id())).await, Fact::Known(Lookup::Found(expected())));
        assert_eq!(fake.seen().len(), 1);
        assert_eq!(fake.scopes(), ["https://management.azure.com/.default"]);
    }

    #[test]
    fn the_rotation_policy_is_read_where_it_ends_new_versions() {
        let rotation_expiry = |policy: Value| {
            from_resource("read", &json!({"properties": {
                "attributes": {"enabled": true}, "kty": "RSA", "keyUriWithVersion": KID, "rotationPolicy": policy,
            }}))
            .unwrap()
            .rotation_expiry
        };
        let expiry = json!({"attributes": {"expiryTime": "P90D"}, "lifetimeActions": []});
        assert_eq!(rotation_expiry(expiry), Fact::Known(Some("P90D".to_owned())));
        let only_rotates = json!({"attributes": {}, "lifetimeActions": [
            {"action": {"type": "rotate"}, "trigger": {"timeAfterCreate": "P60D"}},
        ]});
        assert_eq!(rotation_expiry(only_rotates), Fact::Known(None));
        assert_eq!(rotation_expiry(Value::Null), Fact::Known(None));
    }

    #[tokio::test]
    async fn the_vault_is_asked_where_resource_manager_refuses_or_the_resource_is_not_known() {
        let without_policy = |seen: Fact<Lookup<KeyFacts>>| {
            let Fact::Known(Lookup::Found(key)) = seen else { panic!("{seen:?}") };
            let why = key.rotation_expiry.get().unwrap_err();
            assert!(why.contains("Microsoft.KeyVault/vaults/keys/read"), "{why}");
            KeyFacts { rotation_expiry: Fact::Known(None), ..key }
        };
        let fake = azure(denied(""), data_key(), deleted_or_missing());
        assert_eq!(without_policy(read(&fake, Some(&vault_id())).await), expected());
        let fake = azure(management_key(), data_key(), deleted_or_missing());
        assert_eq!(without_policy(read(&fake, None).await), expected());
        assert_eq!(fake.scopes(), ["https://vault.azure.net/.default"]);
        let asked = &fake.seen()[0];
        assert_eq!(asked.url.query(), Some("api-version=2025-07-01"));
        assert_eq!(
            asked.header("authorization"),
            Some("Bearer token-1-for-https://vault.azure.net/.default")
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_that_is_gone_is_recoverable_or_not() {
        let vault = vault_id();
        for place in [Some(&vault), None] {
            let fake = azure(
                deleted_or_missing(),
                deleted_or_missing(),
                json_reply(200, json!({"recoveryId": "r"})),
            );
            assert_eq!(read(&fake, place).await, Fact::Known(Lookup::SoftDeleted));
            for deleted in [deleted_or_missing(), denied("ForbiddenByRbac"), Reply::Unreachable] {
                let fake = azure(deleted_or_missing(), deleted_or_missing(), deleted);
                assert_eq!(read(&fake, place).await, Fact::Known(Lookup::NotFound));
            }
        }
    }

    #[tokio::test]
    async fn what_keeps_both_from_answering_is_said() {
        let fake = azure(denied("x"), denied("ForbiddenByFirewall"), deleted_or_missing());
        let Fact::Unknown(reason) = read(&fake, Some(&vault_id())).await else { panic!("known") };
        for named in
            ["by Resource Manager", "from its vault", "vaults/keys/read", "ForbiddenByFirewall"]
        {
            assert!(reason.contains(named), "{reason}");
        }
    }

    #[tokio::test]
    async fn no_token_goes_to_a_host_outside_the_cloud() {
        let fake = FakeAzure::default();
        let foreign = KeyId::parse("https://shop.example.org/keys/etcd").unwrap();
        let Fact::Unknown(reason) = fake.client().key(&foreign, None).await else {
            panic!("known")
        };
        assert!(reason.contains("could not read key"), "{reason}");
        assert!(fake.seen().is_empty() && fake.scopes().is_empty());
    }
}
