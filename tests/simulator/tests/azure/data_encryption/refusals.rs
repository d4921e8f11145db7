//! What is refused at once.

use serde_json::{Value, json};

use super::{PROFILE, customer, platform, platform_after_a_key, refused, set};
use crate::support::{Client, Fixture};

/// A case, and the simulator that it lives as long as.
async fn case(given: Value) -> (Fixture, Client) {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(given).await;
    (fixture, client)
}

fn on() -> [Value; 2] {
    [
        json!({ "cluster": { "infrastructure_encryption": true } }),
        json!({ "cluster": { "infrastructure_encryption": true, "kms": { "key": "{{key}}" } } }),
    ]
}

/// The key's first version, as legacy KMS names it.
fn versioned(client: &Client, enabled: bool) -> Value {
    let mut body = json!({ "azureKeyVaultKms": {
        "enabled": true,
        "keyId": client.case.key_ids[0],
        "keyVaultNetworkAccess": "Public",
        "keyVaultResourceId": "",
    }});
    if enabled {
        body[PROFILE] = json!({ "infrastructureEncryption": "Enabled" });
    }
    body
}

#[tokio::test]
async fn it_takes_kubernetes_1_33() {
    for (version, takes) in [("1.32.7", false), ("1.33.3", true)] {
        let (_fixture, client) =
            case(json!({ "cluster": { "kubernetes_version": version } })).await;
        let mut versionless = customer(&client, "Public");
        versionless.as_object_mut().unwrap().remove(PROFILE);
        for body in [platform(), customer(&client, "Public"), versionless] {
            if takes {
                set(&client, &body).await;
                break;
            }
            assert!(refused(&client, &body).await.contains("1.33"), "{body}");
        }
    }
}

#[tokio::test]
async fn the_first_version_of_kms_must_be_left_before() {
    let given =
        json!({ "cluster": { "kubernetes_version": "1.26.7", "kms": { "key": "{{key.1}}" } } });
    let (_fixture, client) = case(given).await;
    for body in [platform_after_a_key(), customer(&client, "Public"), versioned(&client, true)] {
        refused(&client, &body).await;
    }
}

#[tokio::test]
async fn the_platforms_keys_take_a_managed_identity_and_a_customers_a_user_assigned_one() {
    let (_fixture, client) = case(json!({ "cluster": { "identity": "system-assigned" } })).await;
    assert!(refused(&client, &customer(&client, "Public")).await.contains("user-assigned"));
    set(&client, &platform()).await;
    let (_fixture, client) = case(json!({ "cluster": { "identity": "service-principal" } })).await;
    assert!(refused(&client, &platform()).await.contains("managed identity"));
    assert!(refused(&client, &customer(&client, "Public")).await.contains("user-assigned"));
}

#[tokio::test]
async fn a_customers_key_takes_the_id_of_its_vault_in_both_modes() {
    let (_fixture, client) = case(json!({})).await;
    for mode in ["Public", "Private"] {
        for id in [json!(""), json!(null), json!(client.case.cluster_id), json!("/x")] {
            let mut body = customer(&client, mode);
            body["azureKeyVaultKms"]["keyVaultResourceId"] = id;
            assert!(refused(&client, &body).await.contains("keyVaultResourceId"), "{body}");
        }
    }
    let mut body = customer(&client, "Public");
    body["azureKeyVaultKms"]["keyVaultNetworkAccess"] = json!("Somehow");
    assert!(refused(&client, &body).await.contains("keyVaultNetworkAccess"));
    let mut body = customer(&client, "Public");
    body["azureKeyVaultKms"]["keyId"] = json!("https://elsewhere.example/secrets/x");
    assert!(refused(&client, &body).await.contains("keyId"));
    let mut body = customer(&client, "Public");
    body["azureKeyVaultKms"].as_object_mut().unwrap().remove("keyId");
    assert!(refused(&client, &body).await.contains("keyId"));
}

#[tokio::test]
async fn it_cannot_be_turned_off() {
    for given in on() {
        let (_fixture, client) = case(given.clone()).await;
        let off = json!({ "azureKeyVaultKms": { "enabled": false } });
        let disabled = json!({
            "azureKeyVaultKms": { "enabled": false }, PROFILE: { "infrastructureEncryption": "Disabled" },
        });
        for body in [json!({}), off, disabled, json!({ PROFILE: {} })] {
            assert!(refused(&client, &body).await.contains("can't be disabled"), "{given} {body}");
        }
    }
}

#[tokio::test]
async fn there_is_no_way_back_to_a_key_that_is_named_with_its_version() {
    for given in on() {
        let (_fixture, client) = case(given).await;
        for enabled in [true, false] {
            let message = refused(&client, &versioned(&client, enabled)).await;
            assert!(
                message.contains("keyId") || message.contains("can't be disabled"),
                "{message}"
            );
        }
    }
}

#[tokio::test]
async fn a_cluster_that_is_customer_by_its_key_id_alone_cannot_leave_either() {
    let (_fixture, client) = case(json!({ "cluster": { "kms": { "key": "{{key}}" } } })).await;
    refused(&client, &json!({})).await;
    refused(&client, &json!({ "azureKeyVaultKms": { "enabled": false } })).await;
    refused(&client, &versioned(&client, false)).await;
    refused(&client, &versioned(&client, true)).await;
}

#[tokio::test]
async fn words_that_are_none_are_refused_and_disabled_is_nothing_where_it_is_off() {
    let (fixture, client) = case(json!({})).await;
    let body = json!({ PROFILE: { "infrastructureEncryption": "Perhaps" } });
    assert!(refused(&client, &body).await.contains("infrastructureEncryption"));
    set(&client, &json!({ PROFILE: { "infrastructureEncryption": "Disabled" } })).await;
    let (config, _) = fixture.simulator.rolled_out(&client.case.id).unwrap();
    assert_eq!(config.current, None);
}
