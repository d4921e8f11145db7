//! How a case describes a cluster that has it, and what lists show of it.

use aks_kms_simulator::backend::KmsVersion;
use reqwest::Method;
use serde_json::{Value, json};

use super::{PROFILE, customer, platform, platform_after_a_key, shown};
use crate::support::{Client, Fixture};

async fn case(given: Value) -> (Fixture, Client) {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(given).await;
    (fixture, client)
}

#[tokio::test]
async fn the_platforms_keys() {
    let (fixture, client) = case(json!({ "cluster": { "infrastructure_encryption": true } })).await;
    assert_eq!(shown(&client).await, platform());
    let current = fixture.last_backend().spec_config.current.clone().unwrap();
    assert!(current.is_platform() && current.kms_version == KmsVersion::V2Plus);
    let after =
        json!({ "cluster": { "infrastructure_encryption": true, "kms": { "enabled": false } } });
    let (_fixture, client) = case(after).await;
    assert_eq!(shown(&client).await, platform_after_a_key());
}

#[tokio::test]
async fn a_customers_key() {
    for (word, mode) in [("public", "Public"), ("private", "Private")] {
        let given = json!({ "cluster": {
            "infrastructure_encryption": true, "kms": { "key": "{{key}}", "network_mode": word },
        }});
        let (fixture, client) = case(given).await;
        assert_eq!(shown(&client).await, customer(&client, mode));
        let config = fixture.last_backend().spec_config.clone();
        let keys = &client.case.key_ids;
        assert_eq!(config.current.unwrap().key_id, keys[1], "the newest version");
        assert_eq!(config.previous.unwrap().key_id, keys[0], "the older one can be read with");
        let path = format!("{}?api-version=2026-05-15", client.case.key_vault_id);
        let vault = client.get(&path).await;
        assert_eq!(vault["properties"]["privateEndpointConnections"], json!([]), "{mode}");
    }
}

#[tokio::test]
async fn the_version_in_use_the_keys_before_it_and_either_sign_alone() {
    let given = json!({
        "cluster": { "kms": { "key": "{{key}}", "in_use": "{{key.3}}" } }, "key": { "versions": 5 },
    });
    let (fixture, client) = case(given).await;
    assert!(shown(&client).await[PROFILE].is_null());
    let config = fixture.last_backend().spec_config.clone();
    let keys = &client.case.key_ids;
    assert_eq!(config.current.unwrap().key_id, keys[2]);
    assert_eq!(config.previous.unwrap().key_id, keys[1]);
    assert_eq!(config.retained.len(), 1);
    assert_eq!(config.retained[0].key_id, keys[0]);

    let given = json!({
        "cluster": { "infrastructure_encryption": true, "kms": { "key": "{{key}}", "previous": "platform" } },
        "data_encryption": { "readable_versions": "current-and-previous" },
    });
    let (fixture, _client) = case(given).await;
    let config = fixture.last_backend().spec_config.clone();
    assert!(config.previous.unwrap().is_platform());
    assert!(config.retained.is_empty());

    let given = json!({
        "cluster": {
            "infrastructure_encryption": true, "kms": { "enabled": false, "previous": "{{key.1}}" },
        },
    });
    let (fixture, client) = case(given).await;
    let previous = fixture.last_backend().spec_config.previous.clone().unwrap();
    assert_eq!(
        (previous.key_id, previous.kms_version),
        (client.case.key_ids[0].clone(), KmsVersion::V2)
    );
}

#[tokio::test]
async fn resource_graph_and_lists_show_both_profiles() {
    let given = json!({
        "cluster": { "infrastructure_encryption": true, "kms": { "key": "{{key}}" } },
        "other_clusters": [
            { "name": "other-platform", "infrastructure_encryption": true },
            { "name": "other-key", "kms": { "key": "{{key}}" } },
        ],
    });
    let (_fixture, client) = case(given).await;
    let query = json!({ "query": "Resources | where type =~ 'microsoft.containerservice/managedclusters' \
                                   | project name, properties, security = properties.securityProfile" });
    let path = "/providers/Microsoft.ResourceGraph/resources?api-version=2024-04-01";
    let (status, answer) = client.arm(Method::POST, path, Some(&query)).await;
    assert_eq!(status, 200, "{answer}");
    let rows = answer["data"].as_array().unwrap();
    let security = |name: &str| {
        let row = rows.iter().find(|row| row["name"].as_str().unwrap().starts_with(name)).unwrap();
        row["security"].clone()
    };
    assert_eq!(security("aks-"), customer(&client, "Public"));
    assert_eq!(security("other-platform"), platform());
    assert_eq!(security("other-key")["azureKeyVaultKms"]["keyId"], client.key_url());
}

#[tokio::test]
async fn placeholders_of_keys_without_a_version_and_what_makes_no_sense() {
    let given = json!({ "other_vault": {}, "cluster": { "kms": { "key": "{{other_key}}" } } });
    let (fixture, client) = case(given).await;
    let kms = shown(&client).await["azureKeyVaultKms"].clone();
    let other = client.case.other_key_ids[0].rsplit_once('/').unwrap().0;
    assert_eq!(
        (&kms["keyId"], &kms["keyVaultResourceId"]),
        (&json!(other), &json!(client.case.other_key_vault_id))
    );
    let wrong = json!({ "cluster": { "kms": { "key": "{{key}}", "in_use": "{{key.9}}" } } });
    let given = serde_json::from_value(wrong).unwrap();
    assert!(fixture.simulator.put_case(given).await.is_err());
    let none = json!({
        "cluster": { "infrastructure_encryption": true, "kms": { "key": "{{key}}" } },
        "key": { "versions": 0 },
    });
    let given = serde_json::from_value(none).unwrap();
    assert!(fixture.simulator.put_case(given).await.is_err());
}
