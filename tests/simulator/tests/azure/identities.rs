//! Identities, the roles that they are given, and when those take effect.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Client, Fixture, code, with_kms};

const IDENTITY: &str = "2024-11-30";
const ROLES: &str = "2022-04-01";
const CRYPTO_USER: &str = "12338af0-0e69-4776-bea7-57ae8d297424";

fn identity_path(client: &Client, name: &str) -> String {
    let own = client.case.identity_id.rsplit_once('/').unwrap().0;
    format!("{own}/{name}?api-version={IDENTITY}")
}

fn assignment_path(scope: &str, guid: &str) -> String {
    format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{guid}?api-version={ROLES}")
}

fn assignment(client: &Client, role: &str, principal: &str) -> Value {
    let subscription = client.subscription();
    json!({ "properties": {
        "roleDefinitionId":
            format!("{subscription}/providers/Microsoft.Authorization/roleDefinitions/{role}"),
        "principalId": principal,
        "principalType": "ServicePrincipal",
    }})
}

async fn create_identity(client: &Client, name: &str) -> Value {
    let body = json!({ "location": "eastus" });
    let (status, identity) =
        client.arm(Method::PUT, &identity_path(client, name), Some(&body)).await;
    assert_eq!(status, 201, "{identity}");
    identity
}

fn guid(number: u32) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

#[tokio::test]
async fn identities_are_made_listed_changed_and_deleted() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({})).await;
    let made = create_identity(&client, "Fresh").await;
    assert_eq!(made["name"], "Fresh");
    assert_eq!(made["properties"]["tenantId"], client.case.tenant_id);
    assert_ne!(made["properties"]["principalId"], client.case.principal_id);
    assert_eq!(client.get(&identity_path(&client, "fresh")).await, made);
    let tags = json!({ "location": "eastus", "tags": { "a": "b" } });
    let (status, again) =
        client.arm(Method::PUT, &identity_path(&client, "fresh"), Some(&tags)).await;
    assert_eq!(status, 200);
    assert_eq!(again["properties"], made["properties"], "it is the same identity");
    for scope in
        [client.subscription(), client.case.identity_id.split("/providers").next().unwrap()]
    {
        let list = client
            .get(&format!(
                "{scope}/providers/Microsoft.ManagedIdentity/userAssignedIdentities?api-version={IDENTITY}"
            ))
            .await;
        assert_eq!(list["value"].as_array().unwrap().len(), 2, "{scope}");
    }
    let credential = identity_path(&client, "fresh/federatedIdentityCredentials/workload");
    let body = json!({ "properties": {
        "issuer": "https://issuer", "subject": "system:serviceaccount:a:b", "audiences": ["x"],
    }});
    assert_eq!(client.arm(Method::PUT, &credential, Some(&body)).await.0, 201);
    assert_eq!(client.get(&credential).await["properties"], body["properties"]);
    let list = client.get(&identity_path(&client, "fresh/federatedIdentityCredentials")).await;
    assert_eq!(list["value"][0]["name"], "workload");
    assert_eq!(client.arm(Method::PUT, &credential, Some(&json!({}))).await.0, 400);
    assert_eq!(client.arm(Method::DELETE, &credential, None).await.0, 200);
    assert_eq!(client.arm(Method::GET, &credential, None).await.0, 404);
    assert_eq!(client.arm(Method::DELETE, &identity_path(&client, "fresh"), None).await.0, 200);
    assert_eq!(client.arm(Method::DELETE, &identity_path(&client, "fresh"), None).await.0, 204);
    let (status, body) = client.arm(Method::GET, &identity_path(&client, "fresh"), None).await;
    assert_eq!((status, code(&body)), (404, "ResourceNotFound"));
}

#[tokio::test]
async fn a_role_is_seen_at_once_and_grants_something_only_later() {
    let fixture = Fixture::start().await;
    let given = json!({ "faults": { "role_propagation_seconds": 0.5 } });
    let (client, backend) = fixture.case(given).await;
    let identity = create_identity(&client, "later").await;
    let principal = identity["properties"]["principalId"].as_str().unwrap();
    let id = identity["id"].as_str().unwrap();
    let mut document = with_kms(client.cluster().await, &client.case.key_ids[0]);
    document["identity"] = json!({ "type": "UserAssigned", "userAssignedIdentities": { id: {} } });
    let path = assignment_path(&client.case.key_vault_id, &guid(1));
    let body = assignment(&client, CRYPTO_USER, principal);
    let (status, made) = client.arm(Method::PUT, &path, Some(&body)).await;
    assert_eq!(status, 201, "{made}");
    assert_eq!(made["properties"]["scope"], client.case.key_vault_id);
    let list = assignment_path(&client.case.key_vault_id, "");
    let list = list.replace("/?", "?") + &format!("&$filter=assignedTo('{principal}')");
    assert_eq!(client.get(&list).await["value"][0]["name"], guid(1));
    let ended = client.put_cluster(&document).await;
    assert_eq!(code(&ended), "AzureKeyVaultKmsValidateIdentityPermissionCustomerError");
    tokio::time::sleep(Duration::from_millis(600)).await;
    let ended = client.put_cluster(&document).await;
    assert_eq!(ended["status"], "Succeeded", "{ended}");
    backend.vault.usable(&client.case.key_ids[0]).await.unwrap();

    assert_eq!(client.arm(Method::DELETE, &path, None).await.0, 200);
    let refusal = backend.vault.usable(&client.case.key_ids[0]).await.unwrap_err();
    assert_eq!(refusal.code, "ForbiddenByRbac", "a role that is taken away is gone at once");
    assert_eq!(client.arm(Method::DELETE, &path, None).await.0, 204);
    let (status, body) = client.arm(Method::GET, &path, None).await;
    assert_eq!((status, code(&body)), (404, "RoleAssignmentNotFound"));
}

#[tokio::test]
async fn a_deleted_identity_can_do_nothing_although_its_role_is_still_there() {
    let fixture = Fixture::start().await;
    let given = json!({ "cluster": { "kms": { "key": "{{key.1}}" } } });
    let (client, backend) = fixture.case(given).await;
    backend.vault.usable(&client.case.key_ids[0]).await.unwrap();
    let path = format!("{}?api-version={IDENTITY}", client.case.identity_id);
    assert_eq!(client.arm(Method::DELETE, &path, None).await.0, 200);
    assert!(backend.vault.usable(&client.case.key_ids[0]).await.is_err());
}

#[tokio::test]
async fn assignments_that_make_no_sense_are_refused() {
    let fixture = Fixture::start().await;
    let given = json!({ "faults": { "principal_propagation_seconds": 60.0 } });
    let (client, _) = fixture.case(given).await;
    let vault = client.case.key_vault_id.clone();
    let principal = client.case.principal_id.clone();
    let body = assignment(&client, "21090545-7ca7-4776-b22c-e363652d74d2", &principal);
    let (status, made) =
        client.arm(Method::PUT, &assignment_path(&vault, &guid(1)), Some(&body)).await;
    assert_eq!(status, 201, "{made}");
    let (status, again) =
        client.arm(Method::PUT, &assignment_path(&vault, &guid(1)), Some(&body)).await;
    assert_eq!((status, again), (200, made.clone()), "the same again changes nothing");
    assert_eq!(client.get(&assignment_path(&vault, &guid(1))).await, made);
    let with = |name: &str, value: Value| {
        let mut body = body.clone();
        body["properties"][name] = value;
        body
    };
    let nobody = with("principalId", json!(guid(9)));
    let mut untyped = nobody.clone();
    untyped["properties"].as_object_mut().unwrap().remove("principalType");
    let missing = format!("{vault}x");
    for (scope, name, body, status, expected) in [
        (&vault, guid(2), body.clone(), 409, "RoleAssignmentExists"),
        (&vault, guid(1), nobody.clone(), 400, "RoleAssignmentUpdateNotPermitted"),
        (&vault, "name".to_owned(), body.clone(), 400, "InvalidRoleAssignmentId"),
        (&vault, guid(3), json!({}), 400, "InvalidRequestContent"),
        (
            &vault,
            guid(3),
            with("roleDefinitionId", json!(guid(8))),
            404,
            "RoleDefinitionDoesNotExist",
        ),
        (&vault, guid(3), with("principalType", json!("Group")), 400, "UnmatchedPrincipalType"),
        (&vault, guid(3), untyped, 400, "PrincipalNotFound"),
        (&missing, guid(3), body.clone(), 404, "ResourceNotFound"),
    ] {
        let path = assignment_path(scope, &name);
        let (seen, answer) = client.arm(Method::PUT, &path, Some(&body)).await;
        assert_eq!((seen, code(&answer)), (status, expected), "{body}");
    }
    let (status, _) =
        client.arm(Method::PUT, &assignment_path(&vault, &guid(4)), Some(&nobody)).await;
    assert_eq!(status, 201, "whose type is named need not be known");

    let fresh = create_identity(&client, "fresh").await["properties"]["principalId"].clone();
    let mut body = with("principalId", fresh);
    let path = assignment_path(&vault, &guid(5));
    let typed = body["properties"].as_object_mut().unwrap().remove("principalType");
    let (status, answer) = client.arm(Method::PUT, &path, Some(&body)).await;
    assert_eq!((status, code(&answer)), (400, "PrincipalNotFound"), "not yet");
    body["properties"]["principalType"] = typed.unwrap();
    assert_eq!(client.arm(Method::PUT, &path, Some(&body)).await.0, 201);
}

#[tokio::test]
async fn role_definitions_are_found_by_name() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({})).await;
    let definitions = async |filter: &str| {
        let path = format!(
            "{}/providers/Microsoft.Authorization/roleDefinitions?api-version={ROLES}&$filter={}",
            client.case.key_vault_id,
            filter.replace(' ', "%20")
        );
        client.arm(Method::GET, &path, None).await
    };
    let (_, found) = definitions("roleName eq 'Key Vault Crypto User'").await;
    assert_eq!(found["value"][0]["name"], CRYPTO_USER);
    assert_eq!(found["value"].as_array().unwrap().len(), 1);
    let (_, none) = definitions("roleName eq 'No Such Role'").await;
    assert_eq!(none["value"], json!([]));
    let (_, all) = definitions("").await;
    assert!(all["value"].as_array().unwrap().len() >= 8);
    let (status, answer) = definitions("color eq 'red'").await;
    assert_eq!((status, code(&answer)), (400, "InvalidFilterInQueryString"));
}
