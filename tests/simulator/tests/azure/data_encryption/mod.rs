//! KMS data encryption: what Resource Manager takes, refuses and shows of it.

mod api_versions;
mod bodies;
mod creation;
mod features;
mod given;
mod operations;
mod refusals;
mod vault;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Client, code};

const PERMISSION: &str = "AzureKeyVaultKmsValidateIdentityPermissionCustomerError";
/// The profile by which KMS data encryption is turned on.
const PROFILE: &str = "kubernetesResourceObjectEncryptionProfile";

/// `securityProfile` for keys of the platform.
fn platform() -> Value {
    json!({ PROFILE: { "infrastructureEncryption": "Enabled" } })
}

/// The same where a customer's key was in use.
fn platform_after_a_key() -> Value {
    json!({ "azureKeyVaultKms": { "enabled": false }, PROFILE: { "infrastructureEncryption": "Enabled" } })
}

/// `securityProfile` for the customer's key of a case, in this network mode.
fn customer(client: &Client, mode: &str) -> Value {
    json!({
        "azureKeyVaultKms": {
            "enabled": true,
            "keyId": client.key_url(),
            "keyVaultNetworkAccess": mode,
            "keyVaultResourceId": client.case.key_vault_id,
        },
        PROFILE: { "infrastructureEncryption": "Enabled" },
    })
}

/// The cluster's document with this `securityProfile`.
async fn with(client: &Client, security: &Value) -> Value {
    let mut document = client.cluster().await;
    document["properties"]["securityProfile"] = security.clone();
    document
}

/// Asks for this `securityProfile`: the answer, which must be 200, and the last body of the operation.
async fn put(client: &Client, security: &Value) -> (Value, Value) {
    let document = with(client, security).await;
    let response = client.arm_with(Method::PUT, &client.cluster_path(), &[], Some(&document)).await;
    let poll = response.headers().get("azure-asyncoperation").cloned();
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    assert_eq!(status, 200, "{body}");
    (body, client.wait(poll.unwrap().to_str().unwrap()).await)
}

/// Asks for this `securityProfile`, which must succeed.
async fn set(client: &Client, security: &Value) {
    let (_, ended) = put(client, security).await;
    assert_eq!(ended["status"], "Succeeded", "{ended}");
}

/// Asks for this `securityProfile`, which must be refused at once: with which message.
async fn refused(client: &Client, security: &Value) -> String {
    let document = with(client, security).await;
    let (status, body) = client.arm(Method::PUT, &client.cluster_path(), Some(&document)).await;
    assert_eq!((status, code(&body)), (400, "BadRequest"), "{security}: {body}");
    body["message"].as_str().unwrap().to_owned()
}

/// What the cluster's document says of its security.
async fn shown(client: &Client) -> Value {
    client.cluster().await["properties"]["securityProfile"].clone()
}
