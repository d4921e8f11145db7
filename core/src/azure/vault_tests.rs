use super::*;
use crate::azure::testing::{FakeAzure, Reply, SUBSCRIPTION, cluster_id, json_reply, text_reply};

const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";

fn vault_id() -> VaultId {
    VaultId::parse(&format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/keys/providers/Microsoft.KeyVault/vaults/Shop"
    ))
    .unwrap()
}

fn key_id() -> KeyId {
    KeyId::parse("https://shop.vault.azure.net/keys/etcd/0123456789abcdef0123456789abcdef").unwrap()
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
        (json_reply(404, json!({"error": {"code": "SubscriptionNotFound"}})), Lookup::NotFound),
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

#[tokio::test(start_paused = true)]
async fn vaults_that_were_looked_for_together_need_no_search_of_their_own_for_ten_minutes() {
    let found = json_reply(200, json!({"data": [{"id": vault_id().to_string()}, {"id": "x"}]}));
    let fake = nowhere(found, denied(), denied(), Reply::Unreachable);
    fake.on(
        Method::Get,
        "/resourceGroups/keys/providers/Microsoft.KeyVault/vaults/Shop",
        [json_reply(200, vault_json())],
    );
    let client = fake.client();
    client.look_for_vaults().await.unwrap();
    let searches = || fake.seen().iter().filter(|seen| seen.method == Method::Post).count();
    for (later, expected) in [(0, 1), (599, 1), (2, 2)] {
        tokio::time::sleep(std::time::Duration::from_secs(later)).await;
        let fact = client.vault(&key_id(), None, &cluster_id()).await;
        assert_eq!(fact.known().and_then(Lookup::found).unwrap().id, vault_id());
        assert_eq!(searches(), expected, "{later}");
    }
}

/// Where the vault was before it was moved, or deleted and made anew.
fn former() -> VaultId {
    VaultId::parse(&format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/former/providers/Microsoft.KeyVault/vaults/shop"
    ))
    .unwrap()
}

fn found(id: &VaultId) -> Reply {
    json_reply(200, json!({"data": [{"id": id.to_string()}]}))
}

fn absent() -> Reply {
    json_reply(404, json!({"error": {"code": "ResourceNotFound"}}))
}

/// An Azure where the vault is not where it was.
fn moved(
    graph: impl IntoIterator<Item = Reply>,
    list: Reply,
    deleted: Reply,
    host: Reply,
) -> FakeAzure {
    let fake = nowhere(empty_graph(), list, deleted, host);
    fake.on(Method::Post, "https://management.azure.com/providers/Microsoft.ResourceGraph/", graph);
    fake.on(
        Method::Get,
        "/resourceGroups/former/providers/Microsoft.KeyVault/vaults/shop",
        [absent()],
    );
    fake.on(
        Method::Get,
        "/resourceGroups/keys/providers/Microsoft.KeyVault/vaults/Shop",
        [json_reply(200, vault_json())],
    );
    fake
}

#[tokio::test]
async fn a_vault_that_is_not_where_it_was_known_to_be_is_looked_for_again_and_remembered() {
    let graph = [found(&former()), found(&vault_id())];
    let fake = moved(graph, empty(), empty(), challenge());
    let client = fake.client();
    client.look_for_vaults().await.unwrap();
    for _ in 0..2 {
        let fact = client.vault(&key_id(), None, &cluster_id()).await;
        assert_eq!(fact.known().and_then(Lookup::found).unwrap().id, vault_id());
    }
    let asked = |part: &str| fake.seen().iter().filter(|it| it.url.path().contains(part)).count();
    assert_eq!((asked("/former/"), asked("ResourceGraph")), (1, 2), "the next one knows");
}

#[tokio::test]
async fn where_resource_graph_lags_behind_the_subscription_itself_says_where_a_vault_is() {
    let list = json_reply(200, json!({"value": [{"id": former().to_string()}, vault_json()]}));
    let fake = moved([found(&former())], list, empty(), challenge());
    let fact = by_name(&fake).await;
    assert_eq!(fact.known().and_then(Lookup::found).unwrap().id, vault_id());
}

#[tokio::test(start_paused = true)]
async fn a_vault_that_is_not_where_it_was_is_not_called_gone_while_its_host_responds() {
    let fake = moved([found(&former())], empty(), empty(), challenge());
    assert!(reason(&by_name(&fake).await).contains(&format!("exists in tenant {TENANT}")));
    let fake = moved([found(&former())], empty(), empty(), Reply::Unreachable);
    assert_eq!(by_name(&fake).await, Fact::Known(Lookup::NotFound));
    let recoverable = json_reply(200, json!({"value": [{"name": "shop"}]}));
    let fake = moved([found(&former())], empty(), recoverable, Reply::Unreachable);
    assert_eq!(by_name(&fake).await, Fact::Known(Lookup::SoftDeleted));
    let fake = moved([found(&former())], empty(), denied(), Reply::Unreachable);
    assert!(reason(&by_name(&fake).await).contains("deletedVaults/read"));
}

#[tokio::test]
async fn a_vault_that_may_not_be_read_where_it_was_is_looked_for_again() {
    for (again, is_found) in [(found(&vault_id()), true), (found(&former()), false)] {
        let fake = moved([found(&former()), again], empty(), empty(), challenge());
        fake.on(
            Method::Get,
            "/resourceGroups/former/providers/Microsoft.KeyVault/vaults/shop?",
            [denied()],
        );
        let fact = by_name(&fake).await;
        if is_found {
            assert_eq!(fact.known().and_then(Lookup::found).unwrap().id, vault_id());
        } else {
            assert!(reason(&fact).contains("Microsoft.KeyVault/vaults/read"), "{fact:?}");
        }
    }
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
    fake.on(Method::Get, "/page2?token=a%2Bb", [json_reply(200, json!({"value": [vault_json()]}))]);
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
        ["does not respond", "Microsoft.ResourceGraph", "vaults/read", "deletedVaults/read"]
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

/// What a change of the vault's public access comes to, and how often it is sent.
async fn set_access(
    enabled: bool,
    replies: impl IntoIterator<Item = Reply>,
) -> (Result<()>, usize) {
    let fake = FakeAzure::default();
    fake.on(Method::Patch, "/vaults/Shop?", replies);
    let outcome = fake.client().set_vault_public_access(&vault_id(), enabled).await;
    (outcome, fake.seen().len())
}

#[tokio::test(start_paused = true)]
async fn a_vault_is_closed_by_one_request_and_opened_by_as_many_as_it_takes() {
    let done = || json_reply(200, vault_json());
    for trouble in [text_reply(503, ""), text_reply(429, ""), text_reply(409, ""), Reply::Dropped] {
        let (closed, sent) = set_access(false, [trouble.clone(), done()]).await;
        assert!(closed.unwrap_err().is_retryable(), "{trouble:?}");
        assert_eq!(sent, 1, "{trouble:?}: whoever sends it again looks first");
        let (opened, sent) = set_access(true, [trouble.clone(), done()]).await;
        assert!(opened.is_ok() && sent == 2, "{trouble:?}: {sent}");
    }
}
