//! The life of a vault through the management plane.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Client, Fixture, KEY_VAULT, code};

/// Paths of the things of a case's vault.
struct Paths<'a>(&'a Client);

impl Paths<'_> {
    fn vault(&self, rest: &str) -> String {
        format!("{}{rest}?api-version={KEY_VAULT}", self.0.case.key_vault_id)
    }

    fn provider(&self, rest: &str) -> String {
        let subscription = self.0.case.key_vault_id.split("/resourceGroups").next().unwrap();
        format!("{subscription}/providers/Microsoft.KeyVault/{rest}?api-version={KEY_VAULT}")
    }

    fn deleted(&self, rest: &str) -> String {
        self.provider(&format!("locations/eastus/deletedVaults/{}{rest}", self.0.vault_name()))
    }

    /// A vault that is not there yet.
    fn another(&self, name: &str) -> String {
        let id = &self.0.case.key_vault_id;
        let group = id.rsplit_once('/').unwrap().0;
        format!("{group}/{name}-{}?api-version={KEY_VAULT}", &self.0.case.id)
    }

    fn body(&self, properties: Value) -> Value {
        let mut body = json!({ "location": "eastus", "properties": {
            "tenantId": self.0.case.tenant_id, "sku": { "family": "A", "name": "standard" },
        }});
        let Value::Object(properties) = properties else { unreachable!() };
        body["properties"].as_object_mut().unwrap().extend(properties);
        body
    }
}

#[tokio::test]
async fn a_deleted_vault_can_be_recovered_with_its_keys_but_not_made_again() {
    let fixture = Fixture::start().await;
    let (client, backend) = fixture.case(json!({})).await;
    let paths = Paths(&client);
    let key_id = &client.case.key_ids[0];
    let before = client.get(&paths.vault("")).await;

    assert_eq!(client.arm(Method::DELETE, &paths.vault(""), None).await.0, 200);
    assert_eq!(client.arm(Method::DELETE, &paths.vault(""), None).await.0, 204);
    assert_eq!(client.arm(Method::GET, &paths.vault(""), None).await.0, 404);
    assert_eq!(backend.vault.usable(key_id).await.unwrap_err().code, "VaultNotFound");
    let proxied = client.http.get(format!("{key_id}?api-version=7.4")).send().await;
    assert!(proxied.is_err(), "the name of a deleted vault does not resolve");
    let deleted = client.get(&paths.deleted("")).await;
    assert_eq!(deleted["properties"]["vaultId"], client.case.key_vault_id);
    assert_eq!(deleted["properties"]["purgeProtectionEnabled"], true);
    let date = deleted["properties"]["deletionDate"].as_str().unwrap();
    assert!(date < deleted["properties"]["scheduledPurgeDate"].as_str().unwrap());
    let list = client.get(&paths.provider("deletedVaults")).await;
    assert_eq!(list["value"], json!([deleted]));

    let body = paths.body(json!({}));
    let (status, refusal) = client.arm(Method::PUT, &paths.vault(""), Some(&body)).await;
    assert_eq!((status, code(&refusal)), (409, "ConflictError"));
    let (status, refusal) = client.arm(Method::POST, &paths.deleted("/purge"), None).await;
    assert_eq!((status, code(&refusal)), (405, "MethodNotAllowed"), "purge protection");

    let recover = json!({ "location": "eastus", "properties": { "createMode": "recover" } });
    let (status, recovered) = client.arm(Method::PUT, &paths.vault(""), Some(&recover)).await;
    assert_eq!((status, &recovered), (200, &before));
    // Its keys are back, the roles that were given at it are not.
    assert_eq!(client.vault(Method::GET, key_id, None).await.0, 200);
    assert_eq!(backend.vault.usable(key_id).await.unwrap_err().code, "ForbiddenByRbac");
    assert_eq!(client.arm(Method::GET, &paths.deleted(""), None).await.0, 404);
}

#[tokio::test]
async fn a_purged_vault_is_gone_for_good_and_its_name_free() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({ "vault": { "purge_protection": false } })).await;
    let paths = Paths(&client);
    let name = client.vault_name().to_owned();
    let available = async || {
        let body = json!({ "name": name, "type": "Microsoft.KeyVault/vaults" });
        let path = paths.provider("checkNameAvailability");
        client.arm(Method::POST, &path, Some(&body)).await.1
    };
    assert_eq!(available().await["reason"], "AlreadyExists");
    client.arm(Method::DELETE, &paths.vault(""), None).await;
    assert_eq!(available().await["nameAvailable"], false, "its name is still taken");
    let response = client.arm_with(Method::POST, &paths.deleted("/purge"), &[], None).await;
    assert_eq!(response.status(), 202);
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    let over = location.strip_prefix(&client.case.arm).unwrap();
    assert_eq!(client.arm(Method::GET, over, None).await.0, 200);
    assert_eq!(client.arm(Method::POST, &paths.deleted("/purge"), None).await.0, 404);
    assert_eq!(available().await, json!({ "nameAvailable": true }));
    let recover = paths.body(json!({ "createMode": "recover" }));
    let (status, refusal) = client.arm(Method::PUT, &paths.vault(""), Some(&recover)).await;
    assert_eq!((status, code(&refusal)), (404, "DeletedVaultNotFound"));
    let body = paths.body(json!({}));
    assert_eq!(client.arm(Method::PUT, &paths.vault(""), Some(&body)).await.0, 201);
    let (status, refusal) = client.arm(Method::GET, &paths.vault("/keys/etcd"), None).await;
    assert_eq!((status, code(&refusal)), (404, "KeyNotFound"), "the new vault has no keys");
}

#[tokio::test]
async fn a_vault_is_made_as_asked_under_the_name_as_written() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({})).await;
    let paths = Paths(&client);
    let body = paths.body(json!({ "enableRbacAuthorization": false, "accessPolicies": [] }));
    let (status, made) = client.arm(Method::PUT, &paths.another("MyVault"), Some(&body)).await;
    assert_eq!(status, 201, "{made}");
    assert_eq!(made["name"], format!("MyVault-{}", client.case.id));
    let host = format!("https://myvault-{}.vault.azure.net/", client.case.id);
    assert_eq!(made["properties"]["vaultUri"], host);
    assert_eq!(made["properties"]["enableRbacAuthorization"], false);
    assert!(made["properties"].get("createMode").is_none());

    // What is left out depends on the api-version.
    for (name, version, expected) in [("old", "2023-07-01", false), ("new", "2026-02-01", true)] {
        let path = paths.another(name).replace(KEY_VAULT, version);
        let (_, made) = client.arm(Method::PUT, &path, Some(&paths.body(json!({})))).await;
        assert_eq!(made["properties"]["enableRbacAuthorization"], expected, "{version}");
    }
    // A PUT changes what it names, and so does a PATCH.
    let closed = paths.body(json!({ "publicNetworkAccess": "Disabled" }));
    let (_, put) = client.arm(Method::PUT, &paths.vault(""), Some(&closed)).await;
    assert_eq!(put["properties"]["publicNetworkAccess"], "Disabled");
    assert_eq!(put["properties"]["enablePurgeProtection"], true);
    let change = json!({ "tags": { "a": "b" }, "properties": { "publicNetworkAccess": "enabled" }});
    let (_, patched) = client.arm(Method::PATCH, &paths.vault(""), Some(&change)).await;
    assert_eq!(patched["tags"], json!({ "a": "b" }));
    assert_eq!(client.vault(Method::GET, &client.key_url(), None).await.0, 200, "it is open again");
}

#[tokio::test]
async fn wrong_vaults_are_refused() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({})).await;
    let (other, _) = fixture.case(json!({})).await;
    let paths = Paths(&client);
    let vault = paths.vault("");
    let taken = vault.replace(client.vault_name(), other.vault_name());
    let vault_of = |name: &str| vault.replace(client.vault_name(), name);
    let mut nowhere = paths.body(json!({}));
    nowhere["location"].take();
    let no_sku = json!({ "location": "eastus", "properties": {} });
    let put = |properties| paths.body(properties);
    for (path, body, status, expected) in [
        (taken, put(json!({})), 409, "VaultAlreadyExists"),
        (vault_of("a--b"), put(json!({})), 400, "VaultNameNotValid"),
        (vault_of("new"), nowhere, 400, "LocationRequired"),
        (vault_of("new"), no_sku, 400, "BadRequest"),
        (vault_of("new"), put(json!({ "createMode": "again" })), 400, "BadRequest"),
        (vault_of("new"), put(json!({ "enablePurgeProtection": false })), 400, "BadRequest"),
        (vault.clone(), put(json!({ "softDeleteRetentionInDays": 30 })), 400, "BadRequest"),
        (vault.clone(), put(json!({ "networkAcls": { "bypass": "All" } })), 400, "BadRequest"),
        (vault.clone(), json!([]), 400, "InvalidRequestContent"),
        (vault.replace("/rg-", "/other-"), put(json!({})), 404, "ResourceGroupNotFound"),
    ] {
        let (seen, refusal) = client.arm(Method::PUT, &path, Some(&body)).await;
        assert_eq!((seen, code(&refusal)), (status, expected), "{path} {body}: {refusal}");
    }
}

#[tokio::test]
async fn access_policies_are_added_replaced_and_removed_and_are_what_counts() {
    let fixture = Fixture::start().await;
    let given =
        json!({ "vault": { "authorization": "access-policy" }, "access": { "policy": [] } });
    let (client, backend) = fixture.case(given).await;
    let paths = Paths(&client);
    let key_id = &client.case.key_ids[0];
    let put = async |kind: &str, keys: &[&str]| {
        let body = json!({ "properties": { "accessPolicies": [{
            "tenantId": client.case.tenant_id,
            "objectId": client.case.principal_id,
            "permissions": { "keys": keys },
        }]}});
        let path = paths.vault(&format!("/accessPolicies/{kind}"));
        let (status, answer) = client.arm(Method::PUT, &path, Some(&body)).await;
        assert_eq!(status, 200, "{answer}");
        let policies = answer["properties"]["accessPolicies"].as_array().unwrap().clone();
        policies.into_iter().find(|policy| policy["objectId"] == client.case.principal_id)
    };
    assert_eq!(backend.vault.usable(key_id).await.unwrap_err().code, "AccessDenied");
    put("add", &["encrypt"]).await;
    assert!(backend.vault.encrypt(key_id, b"x").await.is_ok());
    assert_eq!(backend.vault.usable(key_id).await.unwrap_err().code, "AccessDenied");
    let policy = put("add", &["Decrypt"]).await.unwrap();
    assert_eq!(policy["permissions"]["keys"], json!(["encrypt", "Decrypt"]));
    backend.vault.usable(key_id).await.unwrap();
    put("remove", &["decrypt"]).await;
    assert_eq!(backend.vault.usable(key_id).await.unwrap_err().code, "AccessDenied");
    put("replace", &["all"]).await;
    backend.vault.usable(key_id).await.unwrap();
    assert_eq!(put("remove", &["all"]).await, None);

    let path = paths.vault("/accessPolicies/add");
    let wrong = json!({ "properties": { "accessPolicies": [{ "objectId": "me" }] } });
    let (status, refusal) = client.arm(Method::PUT, &path, Some(&wrong)).await;
    assert_eq!((status, code(&refusal)), (400, "BadRequest"));
}

#[tokio::test]
async fn a_firewall_lets_the_addresses_through_that_it_lists() {
    let fixture = Fixture::start().await;
    let (client, backend) = fixture.case(json!({})).await;
    let paths = Paths(&client);
    let key_id = client.case.key_ids[0].clone();
    let rules = async |rules: Value| {
        let body = json!({ "properties": { "networkAcls": rules } });
        client.arm(Method::PATCH, &paths.vault(""), Some(&body)).await.1
    };
    rules(json!({ "defaultAction": "Deny" })).await;
    let (status, refusal) = client.vault(Method::GET, &key_id, None).await;
    assert_eq!(status, 403);
    assert_eq!(refusal["error"]["innererror"]["code"], "ForbiddenByFirewall");
    let message = refusal["error"]["message"].as_str().unwrap().to_owned();
    let address = message.rsplit_once("Client address: ").unwrap().1;
    let answer = rules(json!({ "defaultAction": "Deny", "ipRules": [{ "value": address }] })).await;
    let listed = json!([{ "value": format!("{address}/32") }]);
    assert_eq!(answer["properties"]["networkAcls"]["ipRules"], listed);
    assert_eq!(client.vault(Method::GET, &key_id, None).await.0, 200);
    let refused = backend.vault.usable(&key_id).await.unwrap_err();
    assert_eq!(refused.code, "ForbiddenByFirewall", "the cluster comes from elsewhere");
    rules(json!({ "defaultAction": "Deny", "ipRules": [{ "value": "0.0.0.0/0" }] })).await;
    backend.vault.usable(&key_id).await.unwrap();
}

#[tokio::test]
async fn keys_are_made_through_the_management_plane_once() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({})).await;
    let paths = Paths(&client);
    let path = paths.vault("/keys/MyKey");
    let body = json!({ "tags": { "a": "b" }, "properties": {
        "kty": "RSA", "keySize": 3072, "keyOps": ["encrypt", "decrypt"],
        "attributes": { "enabled": true, "exp": 4_102_444_800_u64 },
    }});
    let (status, made) = client.arm(Method::PUT, &path, Some(&body)).await;
    assert_eq!(status, 200, "{made}");
    assert_eq!(made["name"], "MyKey");
    assert_eq!(made["properties"]["keySize"], 3072);
    assert_eq!(made["properties"]["keyOps"], json!(["encrypt", "decrypt"]));
    assert_eq!(made["properties"]["attributes"]["exp"], 4_102_444_800_u64);
    let again = json!({ "properties": { "kty": "EC" } });
    assert_eq!(
        client.arm(Method::PUT, &path, Some(&again)).await.1,
        made,
        "never a second version"
    );
    let id = made["properties"]["keyUriWithVersion"].as_str().unwrap();
    let (_, bundle) = client.vault(Method::GET, id, None).await;
    assert_eq!((&bundle["key"]["kid"], &bundle["tags"]), (&json!(id), &json!({ "a": "b" })));
    let list = client.get(&paths.vault("/keys")).await;
    let names: Vec<&Value> =
        list["value"].as_array().unwrap().iter().map(|key| &key["name"]).collect();
    assert_eq!(names, ["etcd", "MyKey"]);
    for wrong in [
        json!({}),
        json!({ "properties": { "kty": "AES" } }),
        json!({ "properties": { "kty": "RSA", "keySize": "large" } }),
        json!({ "properties": { "kty": "EC", "curveName": 1 } }),
        json!({ "properties": { "kty": "RSA", "keyOps": ["fly"] } }),
    ] {
        let (status, refusal) =
            client.arm(Method::PUT, &paths.vault("/keys/another"), Some(&wrong)).await;
        assert_eq!((status, code(&refusal)), (400, "BadRequest"), "{wrong}");
    }
}
