//! What api-versions that do not know the profile show of it and do to it.

use reqwest::Method;
use serde_json::{Value, json};

use super::{PROFILE, customer, platform, platform_after_a_key, shown};
use crate::support::{Client, Fixture, code};

const OLDER: &str = "2026-06-01";
const KNOWING: [&str; 6] = [
    "2026-07-01",
    "2026-08-01",
    "2026-07-02-preview",
    "2026-08-02-preview",
    "2025-06-02-preview",
    "2025-09-02-preview",
];

fn path(client: &Client, version: &str) -> String {
    format!("{}?api-version={version}", client.case.cluster_id)
}

/// A PUT in an api-version, and its answer.
async fn put(client: &Client, version: &str, document: &Value) -> (u16, Value) {
    let path = path(client, version);
    let headers = [("akshttpcustomfeatures", "Microsoft.ContainerService/KMSPMKPreview")];
    let response = client.arm_with(Method::PUT, &path, &headers, Some(document)).await;
    let poll = response.headers().get("azure-asyncoperation").cloned();
    let status = response.status().as_u16();
    let body = response.json().await.unwrap();
    if let Some(poll) = poll {
        let ended = client.wait(poll.to_str().unwrap()).await;
        assert_eq!(ended["status"], "Succeeded", "{ended}");
    }
    (status, body)
}

fn by_platform(without_profile: &str) -> Value {
    json!({
        "cluster": { "infrastructure_encryption": true },
        "data_encryption": { "without_profile": without_profile },
    })
}

#[tokio::test]
async fn only_those_that_know_the_profile_show_it() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(by_platform("kept")).await;
    for version in KNOWING {
        let document = client.get(&path(&client, version)).await;
        assert_eq!(document["properties"]["securityProfile"], platform(), "{version}");
    }
    for version in [OLDER, "2025-10-01", "2024-02-01"] {
        let document = client.get(&path(&client, version)).await;
        assert_eq!(document["properties"]["securityProfile"], json!({}), "{version}");
        let own = client.case.cluster_id.rsplit_once('/').unwrap().0;
        let list = client.get(&format!("{own}?api-version={version}")).await;
        assert_eq!(list["value"][0]["properties"]["securityProfile"], json!({}), "{version}");
    }
}

#[tokio::test]
async fn a_put_in_an_older_one_keeps_the_profile() {
    let fixture = Fixture::start().await;
    let (client, backend) = fixture.case(by_platform("kept")).await;
    let document = client.get(&path(&client, OLDER)).await;
    let (status, answer) = put(&client, OLDER, &document).await;
    assert_eq!((status, &answer["properties"]["securityProfile"]), (200, &json!({})));
    assert_eq!(shown(&client).await, platform());
    // Nor can it be said there.
    let mut document = client.get(&path(&client, OLDER)).await;
    document["properties"]["securityProfile"][PROFILE] =
        json!({ "infrastructureEncryption": "Disabled" });
    put(&client, OLDER, &document).await;
    assert_eq!(shown(&client).await, platform());
    assert!(backend.applied.lock().unwrap().is_empty());
}

#[tokio::test]
async fn as_a_setting_a_put_in_an_older_one_loses_the_profile_and_no_key() {
    let fixture = Fixture::start().await;
    let (client, backend) = fixture.case(by_platform("dropped")).await;
    let document = client.get(&path(&client, OLDER)).await;
    assert_eq!(put(&client, OLDER, &document).await.0, 200);
    assert_eq!(shown(&client).await, json!({}));
    assert!(backend.applied.lock().unwrap().is_empty(), "the API servers go on encrypting");
    // The service remembers: legacy KMS is refused, and the profile can be set again.
    let mut legacy = client.cluster().await;
    legacy["properties"]["securityProfile"]["azureKeyVaultKms"] = json!({
        "enabled": true, "keyId": client.case.key_ids[0],
        "keyVaultNetworkAccess": "Public", "keyVaultResourceId": "",
    });
    assert_eq!(put(&client, "2026-08-01", &legacy).await.0, 400);
    let mut again = client.cluster().await;
    again["properties"]["securityProfile"] = platform();
    assert_eq!(put(&client, "2026-08-01", &again).await.0, 200);
    assert_eq!(shown(&client).await, platform());
}

#[tokio::test]
async fn as_a_setting_a_put_that_cannot_carry_the_profile_is_refused() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(by_platform("refused")).await;
    let document = client.get(&path(&client, OLDER)).await;
    let (status, answer) = put(&client, OLDER, &document).await;
    assert_eq!((status, code(&answer)), (400, "BadRequest"), "{answer}");
    let mut document = client.cluster().await;
    document["properties"].as_object_mut().unwrap().remove("securityProfile");
    assert_eq!(put(&client, "2026-08-01", &document).await.0, 400);
    // A cluster that is not encrypted so is nobody's concern.
    let (client, _) =
        fixture.case(json!({ "data_encryption": { "without_profile": "refused" } })).await;
    let document = client.get(&path(&client, OLDER)).await;
    assert_eq!(put(&client, OLDER, &document).await.0, 200);
}

#[tokio::test]
async fn a_put_without_any_security_profile_keeps_it_too() {
    let fixture = Fixture::start().await;
    let customers = json!({
        "cluster": { "infrastructure_encryption": true, "kms": { "key": "{{key}}" } },
    });
    for given in [by_platform("kept"), customers] {
        let (client, backend) = fixture.case(given).await;
        let before = shown(&client).await;
        for version in ["2026-08-01", OLDER] {
            let mut document = client.cluster().await;
            document["properties"].as_object_mut().unwrap().remove("securityProfile");
            assert_eq!(put(&client, version, &document).await.0, 200, "{version}");
            assert_eq!(shown(&client).await, before, "{version}");
        }
        assert!(backend.applied.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn terraform_turns_it_on_by_the_key_id_alone_in_an_older_one() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({})).await;
    let mut document = client.get(&path(&client, "2025-10-01")).await;
    let kms = customer(&client, "Public")["azureKeyVaultKms"].clone();
    document["properties"]["securityProfile"]["azureKeyVaultKms"] = kms.clone();
    assert_eq!(put(&client, "2025-10-01", &document).await.0, 200);
    assert_eq!(shown(&client).await, json!({ "azureKeyVaultKms": kms }));
    let (config, _) = fixture.simulator.rolled_out(&client.case.id).unwrap();
    assert_eq!(config.current.unwrap().key_id, client.case.key_ids[1]);
}

#[tokio::test]
async fn another_tool_that_turns_kms_off_gets_the_platforms_keys() {
    let fixture = Fixture::start().await;
    for version in ["2026-08-01", OLDER] {
        let given = json!({ "cluster": { "infrastructure_encryption": true, "kms": { "key": "{{key}}" } } });
        let (client, _) = fixture.case(given).await;
        let mut document = client.get(&path(&client, version)).await;
        document["properties"]["securityProfile"]["azureKeyVaultKms"] = json!({ "enabled": false });
        assert_eq!(put(&client, version, &document).await.0, 200, "{version}");
        assert_eq!(shown(&client).await, platform_after_a_key(), "{version}");
        let (config, _) = fixture.simulator.rolled_out(&client.case.id).unwrap();
        assert!(config.current.unwrap().is_platform());
    }
}

#[tokio::test]
async fn az_turns_each_on_in_a_preview_with_the_header_of_the_feature() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({})).await;
    for body in [
        platform(),
        customer(&client, "Public"),
        customer(&client, "Public"),
        platform_after_a_key(),
    ] {
        let mut document = client.get(&path(&client, "2026-08-02-preview")).await;
        document["properties"]["securityProfile"] = body.clone();
        let (status, answer) = put(&client, "2026-08-02-preview", &document).await;
        assert_eq!((status, &answer["properties"]["securityProfile"]), (200, &body));
        assert_eq!(shown(&client).await, body);
    }
}
