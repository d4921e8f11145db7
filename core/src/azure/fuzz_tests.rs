//! What Azure, a vault or whoever stands in between answers, met by the client's own calls: bodies of
//! errors, challenges, endpoints of a cloud, and lists that need not end.

use azure_core::http::StatusCode;
use serde_json::{Value, json};
use time::macros::datetime;

use super::{
    Azure, Cloud, ListedCluster, ManagedCluster,
    call::Response,
    challenge::Challenge,
    cloud::CloudEndpoints,
    error::{LONGEST_PART, ServiceError},
    refusal::refused,
    testing::{FakeAzure, Reply, SUBSCRIPTION, cluster_id, cluster_json},
};
use crate::{
    facts::{Fact, Lookup, VaultRole},
    ids::{KeyId, VaultId},
    testing::{Seen, Target},
    text::LONGEST_NAME,
};

const KEY: &str = "https://shop.vault.azure.net/keys/etcd/0123456789abcdef0123456789abcdef";
const PRINCIPAL: &str = "aaaaaaaa-0000-4000-8000-000000000001";

fn documents(values: &[Value]) -> Vec<Vec<u8>> {
    values.iter().map(|value| value.to_string().into_bytes()).collect()
}

fn vault_id() -> VaultId {
    VaultId::parse(&format!(
        "/subscriptions/{SUBSCRIPTION}/resourceGroups/keys/providers/Microsoft.KeyVault/vaults/shop"
    ))
    .unwrap()
}

fn key_id() -> KeyId {
    KeyId::parse(KEY).unwrap()
}

/// A call of a client whose every request is answered with this.
fn call<T>(body: &[u8], call: impl AsyncFnOnce(&Azure) -> T) -> T {
    let fake = FakeAzure::default();
    fake.always(&Reply::Response { status: 200, headers: Vec::new(), body: body.to_vec() });
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().unwrap();
    let outcome = runtime.block_on(async { call(&fake.client()).await });
    assert!(fake.seen().len() <= 40, "{} requests for one answer", fake.seen().len());
    outcome
}

fn fact<T>(fact: Fact<T>) -> Seen {
    match fact {
        Fact::Known(_) => Seen::Read,
        Fact::Unknown(why) => Seen::Refused(why),
    }
}

#[test]
fn fuzz_error_bodies() {
    let code = "AzureKeyVaultKmsValidateIdentityPermissionCustomerError";
    let action = "The client 'x' does not have authorization to perform action 'Microsoft.A/b/read' over scope";
    let target = Target {
        name: "error bodies",
        documents: documents(&[
            json!({"error": {"code": "OperationNotAllowed", "message": "busy"}}),
            json!({"code": "BadRequest", "message": "no", "subcode": "KeyNotThere", "details": [{"code": code}]}),
            json!({"error": {"code": "Forbidden", "message": "m", "innererror": {"code": "KeyDisabled"}}}),
            json!({"error": {"code": "BadRequest", "details": [{"code": code, "innererror": {"code": "KeyExpired"}}]}}),
            json!({"error": {"code": "AuthorizationFailed", "message": action}}),
            json!({"error": {"code": "MissingSubscriptionRegistration", "message": "not registered to use namespace 'Microsoft.A'."}}),
        ]),
        read: 25,
        hidden: &[],
    };
    target.run(|input| {
        let service = ServiceError::parse(input);
        for (text, longest) in [
            (&service.code, 20_000),
            (&service.inner_code, LONGEST_NAME),
            (&service.missing_action, LONGEST_NAME),
            (&service.provider, LONGEST_NAME),
            (&service.message, LONGEST_PART),
        ] {
            let length = text.as_ref().map_or(0, |text| text.chars().count());
            assert!(length <= longest + 1, "{text:?}");
        }
        for status in [0, 200, 302, 400, 401, 403, 404, 409, 412, 429, 500, 504, 999] {
            for writes in [false, true] {
                let error = refused("read X", "Some/read", writes, status, &service);
                let shown = format!("{error} {:?}", error.service_code());
                assert!(!shown.contains(char::is_control), "{shown:?}");
                assert!(shown.chars().count() < 2_000, "{shown}");
            }
        }
        let is_read = service.code.is_some();
        let error = service.ended("update X", "Failed");
        if is_read { Seen::Read } else { Seen::Refused(format!("{error} {error:?}")) }
    });
}

#[test]
fn fuzz_challenges() {
    let given = [
        r#"Bearer authorization="https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47", resource="https://vault.azure.net""#,
        "bearer resource=x, Authorization=https://login.example",
    ];
    let target = Target {
        name: "challenges",
        documents: given.map(Vec::from).to_vec(),
        read: 25,
        hidden: &[],
    };
    let endpoints = Cloud::Public.endpoints().unwrap();
    target.run(|input| {
        let challenge = Challenge::parse(&String::from_utf8_lossy(input));
        if let Some(challenge) = &challenge {
            assert!(challenge.tenant_id().is_none_or(|tenant| !tenant.contains(char::is_control)));
            if endpoints.is_authority(&challenge.authorization) {
                let host = challenge.authorization.host_str();
                assert_eq!(host, Some("login.microsoftonline.com"));
            }
        }
        Seen::found(challenge)
    });
}

#[test]
fn fuzz_cloud_endpoints() {
    let manager = url::Url::parse("https://management.shop.example/").unwrap();
    let target = Target {
        name: "endpoints of a cloud",
        documents: documents(&[json!({
            "authentication": {"audiences": ["https://management.shop.example/"], "loginEndpoint": "https://login.shop.example/"},
            "suffixes": {"keyVaultDns": ".vault.shop.example"},
        })]),
        read: 10,
        hidden: &[],
    };
    target.run(|input| {
        let Ok(metadata) = serde_json::from_slice(input) else { return Seen::found::<()>(None) };
        let endpoints = CloudEndpoints::from_metadata(&manager, &metadata);
        if let Ok(endpoints) = &endpoints {
            let next = String::from_utf8_lossy(input);
            for address in [&*next, "https://management.azure.com/next"] {
                assert!(endpoints.continuation(address).is_err(), "{address}");
            }
            assert!(!endpoints.key_vault_suffix.contains(['/', '@', ':', '?', '#', ' ']));
            assert!(!endpoints.resource_manager_scope.contains("azure.com"));
        }
        Seen::of(endpoints)
    });
}

#[test]
fn fuzz_lists() {
    let target = Target {
        name: "lists",
        documents: documents(&[
            json!({"value": [{"name": "a"}, {"name": "b"}, {"id": 7}]}),
            json!({"value": [], "nextLink": null}),
        ]),
        read: 25,
        hidden: &[],
    };
    target.run(|input| Seen::of(call(input, async |azure| azure.vault_keys(&vault_id()).await)));
}

#[test]
fn fuzz_users_of_vaults() {
    let target = Target {
        name: "clusters with KMS",
        documents: documents(&[json!({"resultTruncated": "false", "data": [
            {"id": "/subscriptions/s/a", "kms": {"enabled": true, "keyId": KEY, "keyVaultNetworkAccess": "Public"},
             "identity": {"userAssignedIdentities": {"/identities/one": {"principalId": PRINCIPAL}}}},
            {"id": "/c", "kms": {"enabled": false}},
        ]})]),
        read: 35,
        hidden: &[],
    };
    target.run(|input| Seen::of(call(input, async |azure| azure.kms_users().await)));
}

#[test]
fn fuzz_upgrades() {
    let upgrades = json!([
        {"kubernetesVersion": "1.34.1"}, {"kubernetesVersion": "1.35.0", "isPreview": true},
    ]);
    let target = Target {
        name: "upgrades",
        documents: documents(&[
            json!({"properties": {"controlPlaneProfile": {"kubernetesVersion": "1.33.3", "upgrades": upgrades}}}),
        ]),
        read: 35,
        hidden: &[],
    };
    target.run(|input| Seen::of(call(input, async |azure| azure.upgrades(&cluster_id()).await)));
}

#[test]
fn fuzz_access() {
    let document = json!({
        "value": [{"properties": {"scope": vault_id().to_string(), "principalId": PRINCIPAL, "condition": null,
            "roleDefinitionId": "/providers/Microsoft.Authorization/roleDefinitions/12338af0"}}],
        "properties": {"tenantId": "t", "principalId": PRINCIPAL, "roleName": "Key Vault Crypto User",
            "permissions": [{"actions": ["*"], "notActions": [], "dataActions": ["a"], "notDataActions": ["x"]}]},
    });
    let target = Target {
        name: "identities, assignments and roles",
        documents: documents(&[document]),
        read: 25,
        hidden: &[],
    };
    let vault =
        async |azure: &Azure| Fact::from(azure.read_vault(&vault_id()).await.map(Lookup::Found));
    target.run(|input| {
        let mut cluster = ManagedCluster::parse(&cluster_id(), cluster_json()).unwrap().facts;
        let of_cluster = call(input, async |azure| {
            let vault = vault(azure).await;
            azure.access(&cluster, &vault, "etcd").await
        });
        cluster.identities[0].principal_id = None;
        let of_identity = call(input, async |azure| {
            let vault = vault(azure).await;
            azure.access(&cluster, &vault, "etcd").await
        });
        if of_identity.roles.known().is_some() {
            assert_eq!(of_cluster.roles, of_identity.roles);
        }
        fact(of_cluster.roles)
    });
}

#[test]
fn fuzz_cluster_lists() {
    let mut cluster = cluster_json();
    cluster["properties"]["securityProfile"] = json!({
        "azureKeyVaultKms": {"enabled": true, "keyId": KEY, "keyVaultNetworkAccess": "Private"},
        "kubernetesResourceObjectEncryptionProfile": {"infrastructureEncryption": "Enabled"},
    });
    let properties = &cluster["properties"];
    let row = json!({
        "id": cluster["id"], "location": "westeurope", "state": "Succeeded", "current": "1.34.3", "requested": "1.34",
        "nodes": "MC_shop", "security": properties["securityProfile"],
    });
    let subscription = json!({"subscriptionId": SUBSCRIPTION, "state": "Enabled"});
    let target = Target {
        name: "lists of clusters",
        documents: documents(&[
            json!({"data": [row], "resultTruncated": "false", "value": [cluster, subscription]}),
        ]),
        read: 35,
        hidden: &[],
    };
    target.run(|input| {
        let subscriptions = call(input, async |azure| azure.subscriptions().await);
        for id in subscriptions.into_iter().flatten() {
            assert!(uuid::Uuid::try_parse(&id).is_ok(), "{id:?} becomes a part of an address");
        }
        let ids = [SUBSCRIPTION.to_owned()];
        let searched = call(input, async |azure| azure.search_clusters(&ids).await);
        let listed = call(input, async |azure| azure.clusters_of(SUBSCRIPTION).await);
        for cluster in searched.iter().flatten().chain(listed.iter().flatten()) {
            let shown = match cluster {
                ListedCluster::Known(facts) => serde_json::to_string(&facts.summary()).unwrap(),
                ListedCluster::Unknown(cluster) => format!("{} {}", cluster.id, cluster.problem),
            };
            assert!(!shown.contains(char::is_control), "{shown:?}");
        }
        Seen::of(searched.and(listed))
    });
}

#[test]
fn fuzz_vaults() {
    let properties = json!({
        "tenantId": "t", "enableRbacAuthorization": false, "enableSoftDelete": true, "enablePurgeProtection": null,
        "accessPolicies": [{"objectId": "o", "permissions": {"keys": ["Encrypt", "decrypt"]}}],
        "networkAcls": {"defaultAction": "Deny"}, "publicNetworkAccess": "Disabled",
        "privateEndpointConnections": [{"id": "/a/b", "properties": {
            "privateEndpoint": {"id": "/e"}, "privateLinkServiceConnectionState": {"status": "Pending"}}}],
    });
    let id = vault_id().to_string();
    let target = Target {
        name: "vaults",
        documents: documents(&[json!({
            "id": id, "name": "shop", "properties": properties, "data": [{"id": id}], "value": [{"id": id, "name": "shop"}],
        })]),
        read: 35,
        hidden: &[],
    };
    target.run(|input| {
        let _ = call(input, async |azure| azure.vault(&key_id(), None, &cluster_id()).await);
        fact(call(input, async |azure| {
            azure.vault(&key_id(), Some(&vault_id()), &cluster_id()).await
        }))
    });
}

#[test]
fn fuzz_keys_and_their_versions() {
    let attributes =
        json!({"enabled": true, "exp": 1_800_000_000, "nbf": 1, "created": 1_700_000_000});
    let bundle =
        json!({"kid": KEY, "kty": "RSA", "key_ops": ["encrypt", "decrypt"], "n": "A".repeat(342)});
    let versions = json!([{"kid": KEY, "attributes": {"created": 2}, "tags": {"team": "shop"}}]);
    let target = Target {
        name: "keys and their versions",
        documents: documents(&[json!({
            "key": bundle, "attributes": attributes, "tags": {"team": "shop"}, "value": versions, "nextLink": null,
            "properties": {"attributes": attributes, "kty": "RSA", "keyOps": ["encrypt"], "keyUriWithVersion": KEY},
        })]),
        read: 30,
        hidden: &[],
    };
    target.run(|input| {
        let now = datetime!(2027-01-15 08:00 UTC);
        let made = call(input, async |azure| azure.create_key_version(&key_id(), "op", now).await);
        if let Ok(made) = &made {
            assert_eq!(made.without_version(), key_id().without_version());
        }
        let from_vault = call(input, async |azure| azure.key(&key_id(), None).await);
        let _ = call(input, async |azure| azure.key(&key_id(), Some(&vault_id())).await);
        match made {
            Ok(_) => fact(from_vault),
            Err(error) => Seen::Refused(format!("{error} {error:?}")),
        }
    });
}

#[test]
fn fuzz_what_is_made() {
    let attributes = json!({"enabled": true, "exp": 1_800_000_000});
    let role = "/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/12338af0";
    let document = json!({
        "location": "westeurope", "nameAvailable": false, "message": "It is in use.",
        "value": [{"properties": {"scope": "/subscriptions/s", "roleDefinitionId": role}}],
        "properties": {
            "tenantId": PRINCIPAL, "principalId": PRINCIPAL, "createdOn": "2026-11-29T12:00:00.1234567Z",
            "attributes": attributes, "kty": "RSA", "keyOps": ["encrypt"], "keyUriWithVersion": KEY,
            "roleName": "Key Vault Crypto User", "permissions": [],
        },
    });
    let target = Target {
        name: "identities, roles and keys that are made",
        documents: documents(&[document]),
        read: 20,
        hidden: &[],
    };
    let (vault, role) = (vault_id(), VaultRole::CryptoUser);
    target.run(|input| {
        let identity = cluster_id().identity_beside("own").unwrap();
        let found = call(input, async |azure| azure.find_identity(&identity).await);
        if let Ok(Some(found)) = &found {
            // they become parts of commands and of filter expressions
            assert!(uuid::Uuid::try_parse(&found.principal_id).is_ok());
        }
        let refusals = [
            Seen::of(found),
            Seen::of(call(input, async |azure| azure.group_location(SUBSCRIPTION, "shop").await)),
            Seen::of(call(input, async |azure| azure.vault_name_is_taken(&vault).await)),
            Seen::of(call(input, async |azure| azure.find_key(&vault, &key_id()).await)),
            Seen::of(call(input, async |azure| azure.grant_role(&vault, PRINCIPAL, role).await)),
            Seen::of(call(input, async |azure| azure.role_age(&vault, PRINCIPAL, role).await)),
            Seen::of(call(input, async |azure| azure.roles_held(SUBSCRIPTION, PRINCIPAL).await)),
        ];
        let refused = refusals.into_iter().find(|seen| matches!(seen, Seen::Refused(_)));
        refused.unwrap_or(Seen::Read)
    });
}

#[test]
fn fuzz_bodies() {
    let target = Target {
        name: "bodies",
        documents: documents(&[cluster_json(), json!([1, "very-secret", null])]),
        read: 40,
        hidden: &["very-secret"],
    };
    target.run(|input| {
        let status: StatusCode = 200.into();
        let headers = azure_core::http::headers::Headers::new();
        let response = Response { status: status.into(), headers, body: input.to_vec().into() };
        Seen::of(response.json("read X"))
    });
}
