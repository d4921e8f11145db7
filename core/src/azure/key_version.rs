//! Versions of a key: listed, and one made, once for each operation.

use azure_core::http::Method;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use tokio::time::sleep;
use url::Url;

use super::{
    action::AzureAction,
    call::{Call, CallTarget},
    client::Azure,
    error::unreadable,
    key::moment,
    pages::next_link,
    vault::API_VERSION,
};
use crate::{
    error::{Error, ErrorKind, Result},
    facts::KeyVersion,
    ids::{ClusterId, KeyId, VaultId},
};

const LIST: AzureAction = AzureAction::ReadKeyInVault;
const CREATE: AzureAction = AzureAction::CreateKeyVersion;
/// The tag of a version that names the operation that it was made for.
const OPERATION_TAG: &str = "aks-kms-operation";
/// How many times a version is asked for again that the vault was too busy to make.
const THROTTLED: u32 = 6;

impl Azure {
    /// Every version of a key, the newest first: through Resource Manager, which needs no way into the vault, else
    /// from the vault itself.
    pub(crate) async fn versions_of_key(
        &self,
        key_id: &KeyId,
        key_vault_id: Option<&VaultId>,
        cluster: &ClusterId,
    ) -> Result<Vec<KeyVersion>> {
        if let Ok(vault) = self.vault_id(key_id, key_vault_id, cluster).await {
            let path = format!("{vault}/keys/{}/versions", key_id.name());
            let what = format!("list the versions of key {key_id} by Resource Manager");
            let call = Call::get(path, API_VERSION, what, AzureAction::ReadKeyVersion);
            if let Ok(versions) = self.list(call).await {
                return Ok(newest_first(versions.iter().filter_map(from_resource).collect()));
            }
        }
        self.key_versions(key_id).await
    }

    /// The versions of a key, the newest first. Asks the vault itself: only it can make one.
    pub(crate) async fn key_versions(&self, key_id: &KeyId) -> Result<Vec<KeyVersion>> {
        let what = format!("list the versions of key {} in its vault", key_id.without_version());
        let path = format!("/keys/{}/versions", key_id.name());
        let target = CallTarget::Vault { host: key_id.host().to_owned(), path: path.clone() };
        let first = Call::new(Method::Get, target, what, LIST);
        let turn = |call: Call, page: &Value| {
            let Some(next) = next_link(page) else { return Ok(None) };
            match continuation(next, key_id, &path) {
                Some(query) => Ok(Some(Call { query, ..call })),
                None => Err(unreadable(&call.what, "its next page is not one of the list")),
            }
        };
        let pages = self.pages(first, "value", turn).await?;
        Ok(newest_first(pages.iter().filter_map(version).collect()))
    }

    /// Makes a new version of the key, like the version given, unless this operation made one
    /// before. A request whose outcome is not known is never sent again: the tag tells.
    pub(crate) async fn create_key_version(
        &self,
        key_id: &KeyId,
        operation: &str,
        now: OffsetDateTime,
    ) -> Result<KeyId> {
        if let Some(made) = self.find_version_of_operation(key_id, operation).await? {
            return Ok(made);
        }
        let mut tries = 0;
        loop {
            let error = match self.create(key_id, operation, now).await {
                Err(error) if error.is_retryable() => error,
                made => return made,
            };
            if let Some(made) = self.find_version_of_operation(key_id, operation).await? {
                return Ok(made);
            }
            // What is throttled had no effect.
            if error.kind() != ErrorKind::Throttled || tries == THROTTLED {
                return Err(error);
            }
            tries += 1;
            sleep(self.timing.pause(tries)).await;
        }
    }

    async fn find_version_of_operation(
        &self,
        key_id: &KeyId,
        operation: &str,
    ) -> Result<Option<KeyId>> {
        let mut versions = self.key_versions(key_id).await?.into_iter();
        let made = versions.find(|version| version.operation.as_deref() == Some(operation));
        Ok(made.map(|version| version.key_id))
    }

    async fn create(&self, key_id: &KeyId, operation: &str, now: OffsetDateTime) -> Result<KeyId> {
        let key = key_id.without_version();
        let what = format!("read key {key_id} from its vault");
        let version = key_id.version().map(|version| format!("/{version}"));
        let path = format!("/keys/{}{}", key_id.name(), version.unwrap_or_default());
        let target = CallTarget::Vault { host: key_id.host().to_owned(), path };
        let model = self.send(&Call::new(Method::Get, target, what.clone(), LIST)).await?;
        let body = create_body_from(&model.json(&what)?, operation, now)
            .ok_or_else(|| unreadable(&what, "it has no kty, n or key_ops"))?;

        let what = format!("make a new version of key {key}");
        let path = format!("/keys/{}/create", key_id.name());
        let target = CallTarget::VaultOnce { host: key_id.host().to_owned(), path };
        let call = Call { body: Some(body), ..Call::new(Method::Post, target, what, CREATE) };
        let made = self.send(&call).await?.json(&call.what)?;
        let kid = made.pointer("/key/kid").and_then(Value::as_str);
        kid.and_then(|kid| KeyId::parse(kid).ok())
            .filter(|made| made.without_version() == key && made.version().is_some())
            .ok_or_else(|| {
                let message =
                    format!("a version of {key} was made, but its vault does not name it; call rotate with the id of the newest one");
                Error::new(ErrorKind::Unexpected, message)
            })
    }
}

fn newest_first(mut versions: Vec<KeyVersion>) -> Vec<KeyVersion> {
    versions.sort_by_key(|version| std::cmp::Reverse(version.created));
    versions
}

/// A version in a list of the vault.
fn version(item: &Value) -> Option<KeyVersion> {
    let operation = item["tags"][OPERATION_TAG].as_str();
    version_of(item.get("kid")?.as_str()?, &item["attributes"], operation)
}

/// A version in a list of Resource Manager.
fn from_resource(version: &Value) -> Option<KeyVersion> {
    let id = version.pointer("/properties/keyUriWithVersion")?.as_str()?;
    let operation = version["tags"][OPERATION_TAG].as_str();
    version_of(id, &version["properties"]["attributes"], operation)
        .filter(|version| version.key_id.version().is_some())
}

fn version_of(id: &str, attributes: &Value, operation: Option<&str>) -> Option<KeyVersion> {
    Some(KeyVersion {
        key_id: KeyId::parse(id).ok()?,
        created: moment(attributes, "created"),
        // What says nothing of it is enabled: that is how versions are made.
        enabled: attributes["enabled"].as_bool().unwrap_or(true),
        expires: moment(attributes, "exp"),
        not_before: moment(attributes, "nbf"),
        operation: operation.map(str::to_owned),
    })
}

/// The body that makes a version like this one: same type, size and permitted operations, its
/// tags, and, where it expires, as long a life.
fn create_body_from(bundle: &Value, operation: &str, now: OffsetDateTime) -> Option<Value> {
    let key = bundle.get("key")?;
    let kind = key.get("kty")?.as_str()?;
    let mut body = json!({"kty": kind, "key_ops": key.get("key_ops")?});
    if let Some(modulus) = key.get("n").and_then(Value::as_str) {
        // base64url without padding: six bits a character
        body["key_size"] = (modulus.trim_end_matches('=').len() * 6 / 8 * 8).into();
    }
    let mut tags: Map<String, Value> =
        bundle.get("tags").and_then(Value::as_object).cloned().unwrap_or_default();
    tags.insert(OPERATION_TAG.to_owned(), operation.into());
    body["tags"] = tags.into();
    let attributes = bundle.get("attributes")?;
    let seconds = |name: &str| attributes.get(name).and_then(Value::as_i64);
    body["attributes"] = json!({"enabled": true});
    if let (Some(expires), Some(created)) = (seconds("exp"), seconds("created")) {
        let life = expires.saturating_sub(created).max(0);
        let ends = now.unix_timestamp().saturating_add(life);
        // A life that leaves the calendar is none that has an end.
        if OffsetDateTime::from_unix_timestamp(ends).is_ok() {
            body["attributes"]["exp"] = ends.into();
        }
    }
    Some(body)
}

/// The query of the next page, if it is one of the same vault and list.
fn continuation(next: &str, key_id: &KeyId, path: &str) -> Option<Vec<(&'static str, String)>> {
    let url = Url::parse(next).ok()?;
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let host = format!("{}{port}", url.host_str()?);
    let known = |name: &str| match name {
        "$skiptoken" => Some("$skiptoken"),
        "maxresults" => Some("maxresults"),
        _ => None,
    };
    let query: Vec<_> = url
        .query_pairs()
        .filter_map(|(name, value)| Some((known(&name)?, value.into_owned())))
        .collect();
    (url.scheme() == "https"
        && host.eq_ignore_ascii_case(key_id.host())
        && url.path().eq_ignore_ascii_case(path)
        && query.iter().any(|(name, _)| *name == "$skiptoken"))
    .then_some(query)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::azure::testing::{FakeAzure, Reply, cluster_id, json_reply};

    const KEY: &str = "https://shop.vault.azure.net/keys/etcd/0123456789abcdef0123456789abcdef";
    const MADE: &str = "https://shop.vault.azure.net/keys/etcd/fedcba9876543210fedcba9876543210";
    const VERSIONS: &str = "shop.vault.azure.net/keys/etcd/versions?";
    const READ: &str = "shop.vault.azure.net/keys/etcd/0123456789abcdef0123456789abcdef?";
    const CREATE: &str = "shop.vault.azure.net/keys/etcd/create?";

    fn list(made: bool) -> Reply {
        let mut value = vec![json!({"kid": KEY, "attributes": {"created": 1}})];
        if made {
            value.push(
                json!({"kid": MADE, "attributes": {"created": 2}, "tags": {OPERATION_TAG: "op"}}),
            );
        }
        json_reply(200, json!({"value": value, "nextLink": null}))
    }

    fn bundle() -> Reply {
        json_reply(
            200,
            json!({
                "key": {"kid": KEY, "kty": "RSA", "key_ops": ["encrypt", "decrypt"], "n": "A".repeat(342), "e": "AQAB"},
                "attributes": {"enabled": true, "created": 1_000, "exp": 87_400},
                "tags": {"team": "shop"},
            }),
        )
    }

    async fn make(fake: &FakeAzure) -> Result<KeyId> {
        let now = datetime!(2027-01-15 08:00 UTC);
        fake.client().create_key_version(&KeyId::parse(KEY).unwrap(), "op", now).await
    }

    fn posts(fake: &FakeAzure) -> usize {
        fake.seen().iter().filter(|request| request.method == Method::Post).count()
    }

    #[tokio::test]
    async fn versions_are_listed_with_their_state_by_resource_manager_or_else_by_the_vault() {
        let vault = VaultId::parse(
            "/subscriptions/8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8/resourceGroups/keys/providers/Microsoft.KeyVault/vaults/shop",
        )
        .unwrap();
        let listed = json!({"value": [
            {"properties": {"keyUriWithVersion": KEY, "attributes": {"enabled": false, "created": 1, "exp": 7}}},
            {"properties": {"keyUriWithVersion": MADE, "attributes": {"created": 2, "nbf": 3}}},
            {"properties": {"keyUri": "https://shop.vault.azure.net/keys/etcd"}},
        ]});
        let in_vault = json!({"value": [
            {"kid": KEY, "attributes": {"enabled": false, "created": 1, "exp": 7}},
            {"kid": MADE, "attributes": {"enabled": true, "created": 2, "nbf": 3}},
        ]});
        let denied = || json_reply(403, json!({"error": {"code": "Forbidden"}}));
        for (management, data) in
            [(json_reply(200, listed), denied()), (denied(), json_reply(200, in_vault))]
        {
            let fake = FakeAzure::default();
            fake.on(Method::Get, "/vaults/shop/keys/etcd/versions?", [management]);
            fake.on(Method::Get, VERSIONS, [data]);
            let (key, cluster) = (KeyId::parse(KEY).unwrap(), cluster_id());
            let versions =
                fake.client().versions_of_key(&key, Some(&vault), &cluster).await.unwrap();
            let at = |seconds| OffsetDateTime::from_unix_timestamp(seconds).ok();
            let seen = versions
                .iter()
                .map(|it| (it.key_id.as_str(), it.enabled, it.expires, it.not_before));
            assert_eq!(
                seen.collect::<Vec<_>>(),
                [(MADE, true, None, at(3)), (KEY, false, at(7), None)]
            );
        }
    }

    #[tokio::test]
    async fn a_version_is_made_like_the_one_in_use_and_names_its_operation() {
        let fake = FakeAzure::default();
        fake.on(Method::Get, VERSIONS, [list(false)]);
        fake.on(Method::Get, READ, [bundle()]);
        fake.on(Method::Post, CREATE, [json_reply(200, json!({"key": {"kid": MADE}}))]);
        assert_eq!(make(&fake).await.unwrap().as_str(), MADE);
        let body = fake.seen().last().unwrap().body.clone();
        let expected = json!({
            "kty": "RSA", "key_ops": ["encrypt", "decrypt"], "key_size": 2048,
            "tags": {"team": "shop", OPERATION_TAG: "op"},
            "attributes": {"enabled": true, "exp": datetime!(2027-01-16 08:00 UTC).unix_timestamp()},
        });
        assert_eq!(body, expected);
    }

    #[tokio::test]
    async fn one_that_was_made_before_is_used() {
        let fake = FakeAzure::default();
        fake.on(Method::Get, VERSIONS, [list(true)]);
        assert_eq!(make(&fake).await.unwrap().as_str(), MADE);
        assert_eq!(posts(&fake), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_answer_is_looked_up_and_not_asked_for_again() {
        let fake = FakeAzure::default();
        fake.on(Method::Get, VERSIONS, [list(false), list(true)]);
        fake.on(Method::Get, READ, [bundle()]);
        fake.on(
            Method::Post,
            CREATE,
            [json_reply(503, json!({"error": {"code": "ServiceUnavailable"}}))],
        );
        assert_eq!(make(&fake).await.unwrap().as_str(), MADE);
        assert_eq!(posts(&fake), 1);
    }

    #[tokio::test]
    async fn a_life_that_no_calendar_has_is_not_asked_for() {
        for (created, expires) in
            [(0, i64::MAX), (i64::MIN, i64::MAX), (i64::MIN, 1), (i64::MAX, i64::MIN)]
        {
            let bundle = json!({
                "key": {"kid": KEY, "kty": "RSA", "key_ops": ["encrypt"]},
                "attributes": {"created": created, "exp": expires},
            });
            let fake = FakeAzure::default();
            fake.on(Method::Get, VERSIONS, [list(false)]);
            fake.on(Method::Get, READ, [json_reply(200, bundle)]);
            fake.on(Method::Post, CREATE, [json_reply(200, json!({"key": {"kid": MADE}}))]);
            assert_eq!(make(&fake).await.unwrap().as_str(), MADE, "{created} {expires}");
            let seen = fake.seen();
            let attributes = &seen.last().unwrap().body["attributes"];
            let has_end = attributes.get("exp").is_some();
            assert_eq!(has_end, expires < created, "{attributes}");
        }
    }

    #[test]
    fn a_next_page_stays_in_its_list() {
        let key = KeyId::parse(KEY).unwrap();
        let path = "/keys/etcd/versions";
        let next = "https://shop.vault.azure.net:443/keys/etcd/versions?api-version=7.4&$skiptoken=x&maxresults=25";
        assert!(continuation(next, &key, path).is_some());
        for foreign in [
            "https://other.vault.azure.net/keys/etcd/versions?$skiptoken=x",
            "https://shop.vault.azure.net/secrets?$skiptoken=x",
            "http://shop.vault.azure.net/keys/etcd/versions?$skiptoken=x",
            "https://shop.vault.azure.net/keys/etcd/versions",
        ] {
            assert!(continuation(foreign, &key, path).is_none(), "{foreign}");
        }
    }
}
