//! What AKS demands of a cluster with KMS: its identity, its vault's mode, its other encryption.

use aks_kms_simulator::backend::KmsVersion;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Client, Fixture, code, with_kms};

const PERMISSION: &str = "AzureKeyVaultKmsValidateIdentityPermissionCustomerError";

fn private(client: &Client, document: Value) -> Value {
    let mut document = with_kms(document, &client.case.key_ids[0]);
    let profile = &mut document["properties"]["securityProfile"]["azureKeyVaultKms"];
    profile["keyVaultNetworkAccess"] = json!("Private");
    profile["keyVaultResourceId"] = json!(client.case.key_vault_id);
    document
}

async fn refused(client: &Client, document: &Value) -> String {
    let (status, body) = client.arm(Method::PUT, &client.cluster_path(), Some(document)).await;
    assert_eq!((status, code(&body)), (400, "BadRequest"), "{body}");
    body["message"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn only_a_user_assigned_identity_will_do() {
    let fixture = Fixture::start().await;
    for identity in ["system-assigned", "service-principal"] {
        let (client, _) = fixture.case(json!({ "cluster": { "identity": identity } })).await;
        let document = with_kms(client.cluster().await, &client.case.key_ids[0]);
        assert!(refused(&client, &document).await.contains("user-assigned"), "{identity}");
    }
    let (client, _) = fixture.case(json!({ "cluster": { "identity": "system-assigned" } })).await;
    let mut document = with_kms(client.cluster().await, &client.case.key_ids[0]);
    let identity = client.case.identity_id.clone();
    document["identity"] =
        json!({ "type": "UserAssigned", "userAssignedIdentities": { identity: {} } });
    let ended = client.put_cluster(&document).await;
    assert_eq!(code(&ended), PERMISSION, "the role was the other identity's");
}

#[tokio::test]
async fn a_private_vault_takes_integration_the_right_to_connect_and_its_own_id() {
    let fixture = Fixture::start().await;
    let given = json!({
        "cluster": { "vnet_integration": true }, "access": { "private_link_role": false },
    });
    let (client, _) = fixture.case(given).await;
    let document = private(&client, client.cluster().await);
    assert_eq!(code(&client.put_cluster(&document).await), PERMISSION);

    let (client, _) = fixture.case(json!({ "cluster": { "vnet_integration": true } })).await;
    let mut document = private(&client, client.cluster().await);
    let profile = &mut document["properties"]["securityProfile"]["azureKeyVaultKms"];
    profile["keyVaultResourceId"] = json!(format!("{}x", client.case.key_vault_id));
    assert!(refused(&client, &document).await.contains("is not the key's vault"));
    profile_of(&mut document)["keyVaultResourceId"] = json!(client.case.cluster_id);
    assert!(refused(&client, &document).await.contains("is not the key's vault"));

    let old = json!({ "cluster": { "kubernetes_version": "1.30.3" } });
    let (client, backend) = fixture.case(old).await;
    let document = private(&client, client.cluster().await);
    assert_eq!(client.put_cluster(&document).await["status"], "Succeeded", "before 1.31");
    let closed = json!({ "properties": { "publicNetworkAccess": "Disabled" } });
    fixture.simulator.patch_vault(&client.case.id, client.vault_name(), &closed).unwrap();
    backend.vault.usable(&client.case.key_ids[0]).await.unwrap();
}

fn profile_of(document: &mut Value) -> &mut Value {
    &mut document["properties"]["securityProfile"]["azureKeyVaultKms"]
}

#[tokio::test]
async fn the_mode_changes_with_the_vault_or_while_kms_is_off() {
    let fixture = Fixture::start().await;
    let given = json!({ "cluster": { "vnet_integration": true, "kms": { "key": "{{key.1}}" } } });
    let (client, _) = fixture.case(given).await;
    let document = private(&client, client.cluster().await);
    assert!(refused(&client, &document).await.contains("Disable KMS first"));
    let mut off = client.cluster().await;
    *profile_of(&mut off) = json!({ "enabled": false });
    assert_eq!(client.put_cluster(&off).await["status"], "Succeeded");
    assert_eq!(client.put_cluster(&document).await["status"], "Succeeded");
    let profile = profile_of(&mut client.cluster().await).clone();
    assert_eq!(profile["keyVaultNetworkAccess"], "Private");

    // A key in another vault, in the other mode: directly.
    let vault = format!("b{}", client.vault_name());
    let id = client.case.key_vault_id.replace(client.vault_name(), &vault);
    let body = json!({ "location": "eastus", "properties": {
        "tenantId": client.case.tenant_id,
        "sku": { "family": "A", "name": "standard" },
        "enableRbacAuthorization": true,
    }});
    let path = format!("{id}?api-version=2026-05-15");
    assert_eq!(client.arm(Method::PUT, &path, Some(&body)).await.0, 201);
    let role = json!({ "properties": {
        "roleDefinitionId": "/providers/Microsoft.Authorization/roleDefinitions/\
                             12338af0-0e69-4776-bea7-57ae8d297424",
        "principalId": client.case.principal_id,
    }});
    let path = format!(
        "{id}/providers/Microsoft.Authorization/roleAssignments/\
         00000000-0000-4000-8000-000000000001?api-version=2022-04-01"
    );
    assert_eq!(client.arm(Method::PUT, &path, Some(&role)).await.0, 201);
    let url = format!("https://{vault}.vault.azure.net/keys/other/create");
    let (_, key) = client.vault(Method::POST, &url, Some(&json!({ "kty": "RSA" }))).await;
    let key = key["key"]["kid"].as_str().unwrap();
    let ended = client.put_cluster(&with_kms(client.cluster().await, key)).await;
    assert_eq!(ended["status"], "Succeeded", "{ended}");
}

#[tokio::test]
async fn the_newer_experience_and_kms_exclude_each_other() {
    let fixture = Fixture::start().await;
    let given = json!({ "cluster": { "infrastructure_encryption": true } });
    let (client, _) = fixture.case(given).await;
    let document = with_kms(client.cluster().await, &client.case.key_ids[0]);
    assert!(refused(&client, &document).await.contains("infrastructureEncryption"));
}

#[tokio::test]
async fn kubernetes_before_1_27_gets_the_first_version_of_kms() {
    let fixture = Fixture::start().await;
    let given = json!({ "cluster": { "kubernetes_version": "1.26.3" } });
    let (client, backend) = fixture.case(given).await;
    let document = with_kms(client.cluster().await, &client.case.key_ids[0]);
    assert_eq!(client.put_cluster(&document).await["status"], "Succeeded");
    let applied = backend.applied.lock().unwrap();
    assert_eq!(applied[0].0.current.as_ref().unwrap().kms_version, KmsVersion::V1);
}
