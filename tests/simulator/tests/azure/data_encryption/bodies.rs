//! The bodies by which it is turned on and switched, as az sends them.

use aks_kms_simulator::backend::{EncryptionConfig, KeyRef, KmsVersion};
use serde_json::{Value, json};

use super::{PROFILE, customer, platform, platform_after_a_key, put, set, shown};
use crate::support::{Client, Fixture};

fn legacy() -> Value {
    json!({ "cluster": { "kms": { "key": "{{key.1}}" } } })
}

fn by_platform() -> Value {
    json!({ "cluster": { "infrastructure_encryption": true } })
}

fn by_customer() -> Value {
    json!({ "cluster": { "infrastructure_encryption": true, "kms": { "key": "{{key}}" } } })
}

fn is_platform(key: Option<&KeyRef>) -> bool {
    key.is_some_and(|key| key.kms_version == KmsVersion::V2Plus && key.is_platform())
}

fn is_version(key: Option<&KeyRef>, id: &str) -> bool {
    key.is_some_and(|key| key.kms_version == KmsVersion::V2Plus && key.key_id == id)
}

/// Puts a body on a cluster as given: what the API servers have afterwards.
async fn given_then(
    given: Value,
    body: impl Fn(&Client) -> Value,
) -> (Fixture, Client, EncryptionConfig) {
    let fixture = Fixture::start().await;
    let (client, backend) = fixture.case(given).await;
    let sent = body(&client);
    let (answer, ended) = put(&client, &sent).await;
    assert_eq!(answer["properties"]["securityProfile"], sent, "answered with what was sent");
    assert_eq!(ended["status"], "Succeeded", "{ended}");
    assert_eq!(shown(&client).await, sent, "and shown afterwards");
    let (config, whom) = backend.applied.lock().unwrap().last().unwrap().clone();
    assert_eq!(whom, None);
    (fixture, client, config)
}

#[tokio::test]
async fn b1_from_nothing_to_the_platforms_keys() {
    let (_fixture, _, config) = given_then(json!({}), |_| platform()).await;
    assert!(is_platform(config.current.as_ref()), "{config:?}");
    assert_eq!((config.previous, config.retained), (None, vec![]));
}

#[tokio::test]
async fn b1_where_an_older_kms_left_its_disabled_profile() {
    let given = json!({ "cluster": { "kms": { "key": "{{key.1}}", "enabled": false } } });
    let (_fixture, client, config) = given_then(given, |_| platform_after_a_key()).await;
    assert!(is_platform(config.current.as_ref()));
    assert_eq!(config.previous.unwrap().key_id, client.case.key_ids[0], "still read with");
}

#[tokio::test]
async fn b2_from_nothing_to_a_customers_key() {
    let (_fixture, client, config) =
        given_then(json!({}), |client| customer(client, "Public")).await;
    assert!(is_version(config.current.as_ref(), &client.case.key_ids[1]), "the newest version");
    assert_eq!(config.previous, None);
}

#[tokio::test]
async fn b2_and_b3_from_the_platforms_keys_to_a_customers() {
    for mode in ["Public", "Private"] {
        let (_fixture, client, config) =
            given_then(by_platform(), |client| customer(client, mode)).await;
        assert!(is_version(config.current.as_ref(), &client.case.key_ids[1]), "{mode}");
        assert!(is_platform(config.previous.as_ref()), "the platform's is still read with");
    }
}

#[tokio::test]
async fn b4_from_a_customers_key_to_the_platforms() {
    let (_fixture, client, config) = given_then(by_customer(), |_| platform_after_a_key()).await;
    assert!(is_platform(config.current.as_ref()));
    assert!(is_version(config.previous.as_ref(), &client.case.key_ids[1]));
}

#[tokio::test]
async fn b4_from_legacy_kms_to_the_platforms_keys() {
    let (_fixture, client, config) = given_then(legacy(), |_| platform_after_a_key()).await;
    assert!(is_platform(config.current.as_ref()));
    let previous = config.previous.unwrap();
    assert_eq!(
        (previous.key_id, previous.kms_version),
        (client.case.key_ids[0].clone(), KmsVersion::V2)
    );
}

#[tokio::test]
async fn b5_from_legacy_kms_as_the_page_does_it_with_the_versioned_id() {
    let body = |client: &Client| {
        json!({
            "azureKeyVaultKms": {
                "enabled": true,
                "keyId": client.case.key_ids[0],
                "keyVaultNetworkAccess": "Public",
                "keyVaultResourceId": "",
            },
            PROFILE: { "infrastructureEncryption": "Enabled" },
        })
    };
    let (_fixture, client, config) = given_then(legacy(), body).await;
    assert!(is_version(config.current.as_ref(), &client.case.key_ids[1]), "{config:?}");
    assert_eq!(config.previous.unwrap().kms_version, KmsVersion::V2);
    // As it was read, it can be sent again.
    set(&client, &body(&client)).await;
}

#[tokio::test]
async fn b6_from_legacy_kms_with_the_same_keys_versionless_id() {
    let (_fixture, client, config) =
        given_then(legacy(), |client| customer(client, "Public")).await;
    assert!(is_version(config.current.as_ref(), &client.case.key_ids[1]));
    let previous = config.previous.unwrap();
    assert_eq!(
        (previous.key_id, previous.kms_version),
        (client.case.key_ids[0].clone(), KmsVersion::V2)
    );
}

#[tokio::test]
async fn a_key_id_without_a_version_is_enough_of_a_sign() {
    let body = |client: &Client| {
        let mut body = customer(client, "Public");
        body.as_object_mut().unwrap().remove(PROFILE);
        body
    };
    let (_fixture, client, config) = given_then(json!({}), body).await;
    assert!(is_version(config.current.as_ref(), &client.case.key_ids[1]));
    // The platform's keys are asked for with the other sign.
    set(&client, &platform_after_a_key()).await;
}

#[tokio::test]
async fn another_put_leaves_it_as_it_is() {
    for given in [by_platform(), by_customer()] {
        let fixture = Fixture::start().await;
        let (client, backend) = fixture.case(given).await;
        let before = shown(&client).await;
        let mut document = client.cluster().await;
        document["properties"]["metricsProfile"] = json!({ "costAnalysis": { "enabled": true } });
        assert_eq!(client.put_cluster(&document).await["status"], "Succeeded");
        assert_eq!(shown(&client).await, before);
        assert_eq!(backend.applied.lock().unwrap().len(), 0, "its API servers keep what they have");
    }
}

#[tokio::test]
async fn other_fields_of_the_security_profile_are_kept_as_sent() {
    let body = |client: &Client| {
        let mut body = customer(client, "Public");
        body["workloadIdentity"] = json!({ "enabled": true });
        body["defender"] = json!({ "securityMonitoring": { "enabled": false } });
        body
    };
    given_then(json!({}), body).await;
}
