//! What of a vault it depends on: who is let through, and how a key gets its next version.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Client, Fixture, code};

fn vault_path(client: &Client) -> String {
    format!("{}?api-version=2026-05-15", client.case.key_vault_id)
}

#[tokio::test]
async fn a_case_says_who_passes_the_vaults_firewall() {
    let fixture = Fixture::start().await;
    let acls = async |vault: Value| {
        let (client, _) = fixture.case(json!({ "vault": vault })).await;
        client.get(&vault_path(&client)).await["properties"].clone()
    };
    assert_eq!(acls(json!({})).await["networkAcls"]["bypass"], "AzureServices");
    let closed = acls(json!({ "trusted_services": false })).await;
    assert_eq!(closed["networkAcls"]["bypass"], "None");
    let perimeter = acls(json!({ "perimeter": true })).await;
    assert_eq!(perimeter["publicNetworkAccess"], "SecuredByPerimeter");
}

#[tokio::test]
async fn a_perimeter_lets_nobody_through_whom_it_does_not_name() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({ "vault": { "perimeter": true } })).await;
    let (status, answer) = client.vault(Method::GET, &client.key_url(), None).await;
    assert_eq!((status, code(&answer)), (403, "Forbidden"), "{answer}");
}

#[tokio::test]
async fn a_rotation_policy_is_kept_and_gives_new_versions_their_end() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({})).await;
    let url = format!("{}/rotationpolicy", client.key_url());
    let (status, policy) = client.vault(Method::GET, &url, None).await;
    assert_eq!((status, &policy["attributes"]["expiryTime"]), (200, &json!(null)));
    let wanted = json!({
        "lifetimeActions": [{ "trigger": { "timeAfterCreate": "P90D" }, "action": { "type": "Rotate" } }],
        "attributes": { "expiryTime": "P1Y2M10D" },
    });
    let (status, answer) = client.vault(Method::PUT, &url, Some(&wanted)).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["lifetimeActions"], wanted["lifetimeActions"]);
    assert_eq!(answer["attributes"]["expiryTime"], "P1Y2M10D");
    assert_eq!(client.vault(Method::GET, &url, None).await.1, answer);

    let rotate = format!("{}/rotate", client.key_url());
    let (status, version) = client.vault(Method::POST, &rotate, None).await;
    assert_eq!(status, 200, "{version}");
    let attributes = &version["attributes"];
    let life = attributes["exp"].as_i64().unwrap() - attributes["created"].as_i64().unwrap();
    assert_eq!(life / 86_400, 365 + 60 + 10);

    let path = format!("{}/keys/etcd?api-version=2026-05-15", client.case.key_vault_id);
    let key = client.get(&path).await;
    assert_eq!(key["properties"]["rotationPolicy"]["attributes"]["expiryTime"], "P1Y2M10D");

    for wrong in [
        json!({ "attributes": { "expiryTime": "soon" } }),
        json!({ "attributes": { "expiryTime": "P1D" } }),
        json!({ "lifetimeActions": [{ "action": { "type": "Dance" } }] }),
        json!({ "lifetimeActions": {} }),
    ] {
        let (status, answer) = client.vault(Method::PUT, &url, Some(&wrong)).await;
        assert_eq!((status, code(&answer)), (400, "BadParameter"), "{wrong}");
    }
}

#[tokio::test]
async fn a_rotation_policy_is_a_right_of_its_own_and_can_be_given() {
    let fixture = Fixture::start().await;
    let given = json!({
        "key": { "rotation_expiry_days": 90 },
        "access": { "caller_lacks": ["Microsoft.KeyVault/vaults/keyrotationpolicies/write"] },
    });
    let (client, _) = fixture.case(given).await;
    let url = format!("{}/rotationpolicy", client.key_url());
    let (_, policy) = client.vault(Method::GET, &url, None).await;
    assert_eq!(policy["attributes"]["expiryTime"], "P90D");
    let (status, answer) = client.vault(Method::PUT, &url, Some(&json!({}))).await;
    assert_eq!((status, code(&answer)), (403, "Forbidden"), "{answer}");
}
