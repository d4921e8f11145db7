//! Key vaults: finding the one that a key id names, and reading it.
//!
//! A key id names only the vault's host. Its resource is found by the id that the caller gives,
//! else by Resource Graph, else among the vaults of the cluster's subscription. Failing all that,
//! the vault's host is asked without a token: its challenge tells that it exists, and in which
//! tenant.

use azure_core::http::{Method, headers::WWW_AUTHENTICATE};
use serde_json::{Value, json};

use super::{
    challenge::Challenge,
    client::{Azure, Call, Target},
    error::unreadable,
};
use crate::{
    error::{ErrorKind, Result},
    model::{AccessPolicy, ClusterId, Fact, KeyId, Lookup, VaultFacts, VaultId},
};

/// Of Key Vault's management plane.
pub(super) const API_VERSION: &str = "2026-05-15";
const RESOURCE_GRAPH_API_VERSION: &str = "2024-04-01";

const READ: &str = "Microsoft.KeyVault/vaults/read";
const READ_DELETED: &str = "Microsoft.KeyVault/deletedVaults/read";
const SEARCH: &str = "Microsoft.ResourceGraph/resources/read";

/// What a vault's host says to whoever asks without a token.
enum Presence {
    /// It answers as a vault does; the tenant, if the cloud's own authority is named.
    There { tenant_id: Option<String> },
    /// There is no such host, or nothing that answers as a vault does.
    NoAnswer,
}

impl Azure {
    /// Finds and reads the vault of a key: by `key_vault_id` where given, else by the name in the
    /// key id.
    pub(crate) async fn vault(
        &self,
        key_id: &KeyId,
        key_vault_id: Option<&VaultId>,
        cluster: &ClusterId,
    ) -> Fact<Lookup<VaultFacts>> {
        match key_vault_id {
            Some(id) => self.vault_by_id(id).await,
            None => self.vault_by_name(key_id, cluster).await,
        }
    }

    async fn vault_by_id(&self, id: &VaultId) -> Fact<Lookup<VaultFacts>> {
        let call = Call::get(id.to_string(), API_VERSION, format!("read key vault {id}"), READ);
        let answer = match self.send(&call).await {
            Ok(answer) => answer,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return match self.is_deleted(id.subscription_id(), id.name()).await {
                    Ok(true) => Fact::Known(Lookup::SoftDeleted),
                    Ok(false) => Fact::Known(Lookup::NotFound),
                    Err(error) => Fact::Unknown(format!(
                        "key vault {id} is not there, and whether it can be recovered is not known: {error}"
                    )),
                };
            }
            Err(error) => return Fact::Unknown(error.to_string()),
        };
        match answer.json(&call.what).and_then(|vault| parse(id, &vault)) {
            Ok(facts) => Fact::Known(Lookup::Found(facts)),
            Err(error) => Fact::Unknown(error.to_string()),
        }
    }

    async fn vault_by_name(&self, key_id: &KeyId, cluster: &ClusterId) -> Fact<Lookup<VaultFacts>> {
        let name = key_id.vault_name();
        let mut obstacles = Vec::new();
        match self.search_resource_graph(name).await {
            Ok(Some(id)) => return self.vault_by_id(&id).await,
            Ok(None) => {}
            Err(error) => obstacles.push(error.to_string()),
        }
        match self.search_subscription(cluster.subscription_id(), name).await {
            Ok(Some(id)) => return self.vault_by_id(&id).await,
            Ok(None) => {}
            Err(error) => obstacles.push(error.to_string()),
        }
        match self.is_deleted(cluster.subscription_id(), name).await {
            Ok(true) => return Fact::Known(Lookup::SoftDeleted),
            Ok(false) => {}
            Err(error) => obstacles.push(error.to_string()),
        }
        let presence = self.presence(key_id).await;
        if matches!(presence, Presence::NoAnswer) && obstacles.is_empty() {
            return Fact::Known(Lookup::NotFound);
        }
        let seen = match presence {
            Presence::There { tenant_id: Some(tenant) } => {
                format!("{} exists in tenant {tenant}", key_id.host())
            }
            Presence::There { tenant_id: None } => format!("{} exists", key_id.host()),
            Presence::NoAnswer => format!("{} does not answer from here", key_id.host()),
        };
        let mut reason = format!(
            "{seen}, but the resource of key vault {name} was not found; pass key_vault_id, or the \
             right to read it ({READ})"
        );
        for obstacle in obstacles {
            reason.push_str("; ");
            reason.push_str(&obstacle);
        }
        Fact::Unknown(reason)
    }

    /// Asks for the vault in every subscription that the credential can read.
    async fn search_resource_graph(&self, name: &str) -> Result<Option<VaultId>> {
        let target = Target::Management {
            path: "/providers/Microsoft.ResourceGraph/resources".to_owned(),
            api_version: RESOURCE_GRAPH_API_VERSION.to_owned(),
        };
        // A vault's name in a key id is letters, digits and hyphens: it cannot end the literal.
        let query = format!(
            "resources | where type =~ 'microsoft.keyvault/vaults' and name =~ '{name}' | project id"
        );
        let call = Call {
            body: Some(json!({ "query": query, "options": { "resultFormat": "objectArray" } })),
            ..Call::new(
                Method::Post,
                target,
                format!("search for key vault {name} by Resource Graph"),
                SEARCH,
            )
        };
        let found = self.send(&call).await?.json(&call.what)?;
        let rows = found.get("data").and_then(Value::as_array);
        Ok(rows.into_iter().flatten().find_map(|row| vault_id_named(row, name)))
    }

    async fn search_subscription(
        &self,
        subscription_id: &str,
        name: &str,
    ) -> Result<Option<VaultId>> {
        let call = Call::get(
            format!("/subscriptions/{subscription_id}/providers/Microsoft.KeyVault/vaults"),
            API_VERSION,
            format!("list the key vaults of subscription {subscription_id}"),
            READ,
        );
        let vaults = self.list(call).await?;
        Ok(vaults.iter().find_map(|vault| vault_id_named(vault, name)))
    }

    async fn is_deleted(&self, subscription_id: &str, name: &str) -> Result<bool> {
        let call = Call::get(
            format!("/subscriptions/{subscription_id}/providers/Microsoft.KeyVault/deletedVaults"),
            API_VERSION,
            format!("list the deleted key vaults of subscription {subscription_id}"),
            READ_DELETED,
        );
        let deleted = self.list(call).await?;
        Ok(deleted.iter().any(|vault| {
            vault
                .get("name")
                .and_then(Value::as_str)
                .is_some_and(|it| it.eq_ignore_ascii_case(name))
        }))
    }

    async fn presence(&self, key_id: &KeyId) -> Presence {
        let target = Target::Challenge {
            host: key_id.host().to_owned(),
            path: format!("/keys/{}", key_id.name()),
        };
        let what = format!("ask whether {} exists", key_id.host());
        let call = Call::new(Method::Get, target, what, "none");
        let (Ok(answer), Ok(endpoints)) = (self.ask(&call).await, self.endpoints().await) else {
            return Presence::NoAnswer;
        };
        match answer.status {
            401 | 403 => Presence::There {
                tenant_id: answer
                    .headers
                    .get_optional_str(&WWW_AUTHENTICATE)
                    .and_then(Challenge::parse)
                    .filter(|challenge| endpoints.is_authority(&challenge.authorization))
                    .and_then(|challenge| challenge.tenant_id().map(str::to_owned)),
            },
            _ => Presence::NoAnswer,
        }
    }
}

fn vault_id_named(resource: &Value, name: &str) -> Option<VaultId> {
    let id = VaultId::parse(resource.get("id")?.as_str()?).ok()?;
    id.name().eq_ignore_ascii_case(name).then_some(id)
}

fn parse(id: &VaultId, vault: &Value) -> Result<VaultFacts> {
    let text = |pointer: &str| vault.pointer(pointer).and_then(Value::as_str);
    let flag = |pointer: &str| vault.pointer(pointer).and_then(Value::as_bool);
    let Some(tenant_id) = text("/properties/tenantId") else {
        return Err(unreadable(&format!("read key vault {id}"), "properties.tenantId is missing"));
    };
    let policies = vault.pointer("/properties/accessPolicies").and_then(Value::as_array);
    Ok(VaultFacts {
        id: id.clone(),
        tenant_id: tenant_id.to_owned(),
        rbac: flag("/properties/enableRbacAuthorization").unwrap_or(false),
        access_policies: policies.into_iter().flatten().filter_map(access_policy).collect(),
        public_network_access: !text("/properties/publicNetworkAccess")
            .is_some_and(|access| access.eq_ignore_ascii_case("Disabled")),
        firewall: text("/properties/networkAcls/defaultAction")
            .is_some_and(|action| action.eq_ignore_ascii_case("Deny")),
        // On unless it was turned off when that was still possible.
        soft_delete: flag("/properties/enableSoftDelete").unwrap_or(true),
        purge_protection: flag("/properties/enablePurgeProtection").unwrap_or(false),
    })
}

fn access_policy(policy: &Value) -> Option<AccessPolicy> {
    let keys = policy.pointer("/permissions/keys").and_then(Value::as_array);
    Some(AccessPolicy {
        object_id: policy.get("objectId")?.as_str()?.to_owned(),
        keys: keys.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::azure::testing::{
        FakeAzure, Reply, SUBSCRIPTION, cluster_id, json_reply, text_reply,
    };

    const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";

    fn vault_id() -> VaultId {
        VaultId::parse(&format!(
            "/subscriptions/{SUBSCRIPTION}/resourceGroups/keys/providers/Microsoft.KeyVault/vaults/Shop"
        ))
        .unwrap()
    }

    fn key_id() -> KeyId {
        KeyId::parse("https://shop.vault.azure.net/keys/etcd/0123456789abcdef0123456789abcdef")
            .unwrap()
    }

    fn vault_json() -> Value {
        json!({
            "id": vault_id().to_string(), "name": "Shop", "location": "westeurope",
            "properties": { "tenantId": TENANT, "enableRbacAuthorization": true,
                            "enableSoftDelete": true, "enablePurgeProtection": true,
                            "accessPolicies": [], "publicNetworkAccess": "Enabled" }
        })
    }

    fn denied() -> Reply {
        json_reply(403, json!({"error": {"code": "AuthorizationFailed", "message": "no"}}))
    }

    fn empty() -> Reply {
        json_reply(200, json!({"value": []}))
    }

    fn challenge() -> Reply {
        text_reply(401, "").with(
            "www-authenticate",
            format!("Bearer authorization=\"https://login.microsoftonline.com/{TENANT}\", resource=\"https://vault.azure.net\""),
        )
    }

    /// An Azure where nothing is found by name.
    fn nowhere(graph: Reply, list: Reply, deleted: Reply, host: Reply) -> FakeAzure {
        let fake = FakeAzure::default();
        fake.on(Method::Post, "/providers/Microsoft.ResourceGraph/resources", [graph]);
        fake.on(Method::Get, "/providers/Microsoft.KeyVault/vaults?", [list]);
        fake.on(Method::Get, "/providers/Microsoft.KeyVault/deletedVaults?", [deleted]);
        fake.on(Method::Get, "https://shop.vault.azure.net/keys/etcd", [host]);
        fake
    }

    async fn by_name(fake: &FakeAzure) -> Fact<Lookup<VaultFacts>> {
        fake.client().vault(&key_id(), None, &cluster_id()).await
    }

    async fn by_id(fake: &FakeAzure) -> Fact<Lookup<VaultFacts>> {
        fake.client().vault(&key_id(), Some(&vault_id()), &cluster_id()).await
    }

    fn reason(fact: &Fact<Lookup<VaultFacts>>) -> &str {
        match fact {
            Fact::Unknown(reason) => reason,
            Fact::Known(known) => panic!("known: {known:?}"),
        }
    }

    #[tokio::test]
    async fn a_vault_is_read_by_its_id() {
        let fake = FakeAzure::default();
        let mut vault = vault_json();
        vault["properties"]["networkAcls"] = json!({"defaultAction": "deny"});
        vault["properties"]["publicNetworkAccess"] = json!("disabled");
        vault["properties"]["enableRbacAuthorization"] = Value::Null;
        vault["properties"]["accessPolicies"] = json!([{"tenantId": TENANT, "objectId": "o", "permissions": {"keys": ["Encrypt", "decrypt"]}}]);
        fake.on(Method::Get, "/vaults/Shop", [json_reply(200, vault)]);
        let facts = by_id(&fake).await.known().and_then(Lookup::found).cloned().unwrap();
        assert!(facts.firewall && !facts.public_network_access && !facts.rbac);
        assert!(facts.soft_delete && facts.purge_protection);
        assert_eq!(facts.tenant_id, TENANT);
        assert_eq!(
            facts.access_policies,
            [AccessPolicy {
                object_id: "o".to_owned(),
                keys: vec!["Encrypt".to_owned(), "decrypt".to_owned()]
            }]
        );
    }

    #[tokio::test]
    async fn a_vault_that_is_not_there_is_deleted_or_not_found() {
        for (deleted, expected) in [
            (empty(), Lookup::NotFound),
            (json_reply(200, json!({"value": [{"name": "SHOP"}]})), Lookup::SoftDeleted),
        ] {
            let fake = FakeAzure::default();
            fake.on(
                Method::Get,
                "/vaults/Shop",
                [json_reply(404, json!({"error": {"code": "ResourceNotFound"}}))],
            );
            fake.on(Method::Get, "/deletedVaults?", [deleted]);
            assert_eq!(by_id(&fake).await, Fact::Known(expected));
        }
    }

    #[tokio::test]
    async fn a_missing_permission_is_named() {
        let fake = FakeAzure::default();
        fake.on(Method::Get, "/vaults/Shop", [denied()]);
        assert!(reason(&by_id(&fake).await).contains("permission Microsoft.KeyVault/vaults/read"));

        let fake = FakeAzure::default();
        fake.on(Method::Get, "/vaults/Shop", [json_reply(404, json!({}))]);
        fake.on(Method::Get, "/deletedVaults?", [denied()]);
        assert!(reason(&by_id(&fake).await).contains("Microsoft.KeyVault/deletedVaults/read"));
    }

    #[tokio::test]
    async fn resource_graph_finds_a_vault_in_any_subscription() {
        let found = json_reply(200, json!({"data": [{"id": vault_id().to_string()}]}));
        let fake = nowhere(found, denied(), denied(), Reply::Unreachable);
        fake.on(
            Method::Get,
            "/resourceGroups/keys/providers/Microsoft.KeyVault/vaults/Shop",
            [json_reply(200, vault_json())],
        );
        let fact = by_name(&fake).await;
        assert_eq!(fact.known().and_then(Lookup::found).unwrap().id, vault_id());
        let search = &fake.seen()[0];
        assert!(search.body["query"].as_str().unwrap().contains("name =~ 'shop'"));
        assert_eq!(fake.seen().len(), 2);
    }

    #[tokio::test]
    async fn the_subscriptions_list_is_searched_page_by_page_where_resource_graph_is_denied() {
        let fake = nowhere(
            denied(),
            json_reply(
                200,
                json!({"value": [{"id": "x"}], "nextLink": "https://management.azure.com/page2?token=a%2Bb"}),
            ),
            denied(),
            Reply::Unreachable,
        );
        fake.on(
            Method::Get,
            "/page2?token=a%2Bb",
            [json_reply(200, json!({"value": [vault_json()]}))],
        );
        fake.on(Method::Get, "/vaults/Shop", [json_reply(200, vault_json())]);
        assert!(by_name(&fake).await.known().and_then(Lookup::found).is_some());
    }

    #[tokio::test]
    async fn a_next_page_elsewhere_gets_no_token() {
        let fake = nowhere(
            denied(),
            json_reply(200, json!({"value": [], "nextLink": "https://example.org/page2"})),
            empty(),
            challenge(),
        );
        assert!(reason(&by_name(&fake).await).contains("no token is sent there"));
        assert!(fake.seen().iter().all(|seen| seen.url.host_str() != Some("example.org")));
    }

    #[tokio::test]
    async fn a_deleted_vault_is_found_by_its_name() {
        let deleted = json_reply(200, json!({"value": [{"name": "shop"}]}));
        let fake = nowhere(empty_graph(), empty(), deleted, Reply::Unreachable);
        assert_eq!(by_name(&fake).await, Fact::Known(Lookup::SoftDeleted));
    }

    fn empty_graph() -> Reply {
        json_reply(200, json!({"data": []}))
    }

    #[tokio::test(start_paused = true)]
    async fn a_vault_that_no_search_finds_and_no_host_answers_for_does_not_exist() {
        let fake = nowhere(empty_graph(), empty(), empty(), Reply::Unreachable);
        assert_eq!(by_name(&fake).await, Fact::Known(Lookup::NotFound));
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_host_proves_nothing_where_searching_was_denied() {
        let fake = nowhere(denied(), denied(), denied(), Reply::Unreachable);
        let fact = by_name(&fake).await;
        let reason = reason(&fact);
        for named in
            ["does not answer", "Microsoft.ResourceGraph", "vaults/read", "deletedVaults/read"]
        {
            assert!(reason.contains(named), "{reason}");
        }
    }

    #[tokio::test]
    async fn the_challenge_tells_that_a_vault_exists_and_where_and_is_asked_without_a_token() {
        let fake = nowhere(empty_graph(), empty(), empty(), challenge());
        let fact = by_name(&fake).await;
        assert!(reason(&fact).contains(&format!("exists in tenant {TENANT}")), "{fact:?}");
        let seen = fake.seen();
        let asked = seen.iter().find(|seen| seen.url.host_str() == Some("shop.vault.azure.net"));
        assert_eq!(asked.unwrap().header("authorization"), None);
    }

    #[tokio::test]
    async fn a_challenge_of_another_authority_tells_no_tenant() {
        let foreign = text_reply(401, "")
            .with("www-authenticate", "Bearer authorization=\"https://login.example.org/evil\"");
        let fake = nowhere(empty_graph(), empty(), empty(), foreign);
        let fact = by_name(&fake).await;
        assert!(reason(&fact).contains("exists, but"), "{fact:?}");
        assert!(fake.seen().iter().all(|seen| seen.url.host_str() != Some("login.example.org")));
    }
}
