//! What the operation finds out of key, vault and rights, and how it goes.

use reqwest::Method;
use serde_json::{Value, json};

use super::{PERMISSION, customer, platform, put, set, shown, with};
use crate::support::{Fixture, code};

async fn fails(given: Value, mode: &str) {
    let fixture = Fixture::start().await;
    let (client, backend) = fixture.case(given.clone()).await;
    let (_, ended) = put(&client, &customer(&client, mode)).await;
    assert_eq!((&ended["status"], code(&ended)), (&json!("Failed"), PERMISSION), "{given} {mode}");
    assert!(backend.applied.lock().unwrap().is_empty(), "the API servers are told nothing");
    assert_eq!(client.cluster().await["properties"]["provisioningState"], "Failed");
    set(&client, &platform()).await;
}

#[tokio::test]
async fn the_catch_all_error_tells_of_a_key_that_is_of_no_use() {
    for key in [
        json!({ "exceptions": [{ "version": 2, "enabled": false }] }),
        json!({ "exceptions": [{ "version": 2, "expires_in_days": -1 }] }),
        json!({ "exceptions": [{ "version": 2, "not_before_in_days": 1 }] }),
        json!({ "exists": false }),
        json!({ "soft_deleted": true }),
    ] {
        fails(json!({ "key": key }), "Public").await;
    }
    let older = json!({ "key": { "exceptions": [{ "version": 1, "enabled": false }] } });
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(older).await;
    set(&client, &customer(&client, "Public")).await;
}

#[tokio::test]
async fn the_catch_all_error_tells_of_rights_that_are_missing() {
    for role in
        [json!(null), json!("Key Vault Crypto Service Encryption User"), json!("Key Vault Reader")]
    {
        fails(json!({ "access": { "role": role } }), "Public").await;
    }
    let policy = json!({ "vault": { "authorization": "access-policy" }, "access": { "policy": ["encrypt"] } });
    fails(policy, "Public").await;
    // Who looks at the vault through the trusted-services way is read from its control plane.
    fails(json!({ "access": { "private_link_role": false } }), "Private").await;
}

#[tokio::test]
async fn the_catch_all_error_tells_of_a_vault_that_is_closed() {
    for vault in
        [json!({ "firewall": true }), json!({ "public_access": false }), json!({ "exists": false })]
    {
        fails(json!({ "vault": vault }), "Public").await;
    }
    for vault in [
        json!({ "firewall": true, "trusted_services": false }),
        json!({ "public_access": false, "trusted_services": false }),
        json!({ "perimeter": true }),
        json!({ "other_tenant": true }),
    ] {
        fails(json!({ "vault": vault }), "Private").await;
    }
}

#[tokio::test]
async fn a_private_vault_is_reached_as_a_trusted_service_and_by_nothing_else() {
    for vault in [json!({ "firewall": true }), json!({ "public_access": false }), json!({})] {
        let fixture = Fixture::start().await;
        let (client, backend) = fixture.case(json!({ "vault": vault })).await;
        set(&client, &customer(&client, "Private")).await;
        let path = format!("{}?api-version=2026-05-15", client.case.key_vault_id);
        let document = client.get(&path).await;
        let endpoints = &document["properties"]["privateEndpointConnections"];
        assert_eq!(endpoints, &json!([]), "no private endpoint");
        let plugin = backend.vault.of_data_encryption().unwrap();
        let key = &client.case.key_ids[1];
        plugin.usable(key).await.unwrap();
        let sealed = plugin.encrypt(key, b"a data key").await.unwrap();
        assert_eq!(plugin.decrypt(key, &sealed).await.unwrap(), b"a data key");

        let closed = json!({ "properties": {
            "publicNetworkAccess": "Disabled", "networkAcls": { "bypass": "None" },
        }});
        fixture.simulator.patch_vault(&client.case.id, client.vault_name(), &closed).unwrap();
        let refusal = plugin.usable(key).await.unwrap_err();
        assert!(refusal.code.starts_with("Forbidden"), "{refusal}");
        let violations = fixture.simulator.secrets(&client.case.id).await.unwrap().violations;
        assert!(violations.iter().any(|seen| seen.contains(key.as_str())), "{violations:?}");
    }
}

#[tokio::test]
async fn the_platforms_keys_are_usable_whatever_becomes_of_the_vault() {
    let fixture = Fixture::start().await;
    let (client, backend) = fixture.case(json!({ "vault": { "exists": false } })).await;
    set(&client, &platform()).await;
    let key = backend.applied.lock().unwrap()[0].0.current.clone().unwrap();
    let plugin = backend.vault.of_data_encryption().unwrap();
    let sealed = plugin.encrypt(&key.key_id, b"a data key").await.unwrap();
    assert_eq!(plugin.decrypt(&key.key_id, &sealed).await.unwrap(), b"a data key");
    assert!(plugin.decrypt(&format!("{}0", key.key_id), &sealed).await.is_err(), "none other");
}

#[tokio::test]
async fn its_status_goes_through_phases() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({ "faults": { "operation_seconds": 2 } })).await;
    let document = with(&client, &platform()).await;
    let response = client.arm_with(Method::PUT, &client.cluster_path(), &[], Some(&document)).await;
    let poll = response.headers()["azure-asyncoperation"].to_str().unwrap().to_owned();
    let path = poll.strip_prefix(client.case.arm.as_str()).unwrap();
    let mut seen: Vec<String> = Vec::new();
    loop {
        let before = client.cluster().await["properties"]["provisioningState"].clone();
        let status = client.get(path).await["status"].as_str().unwrap().to_owned();
        if seen.last() != Some(&status) {
            seen.push(status);
        }
        if seen.last().unwrap() == "Succeeded" {
            break;
        }
        assert_eq!(before, "Updating");
    }
    assert!(seen.contains(&"ProvisioningControlPlane".to_owned()), "{seen:?}");
    assert_eq!(shown(&client).await, platform());
}

/// What a client that is stopped in the middle finds.
#[tokio::test]
async fn an_operation_that_fails_leaves_the_document_and_not_the_key() {
    let fixture = Fixture::start().await;
    let given = json!({
        "cluster": { "kms": { "key": "{{key.1}}" } },
        "faults": { "operations": [{ "status": "Failed", "code": "InternalServerError" }] },
    });
    let (client, _) = fixture.case(given).await;
    let (_, ended) = put(&client, &customer(&client, "Public")).await;
    assert_eq!(ended["status"], "Failed");
    let (config, uniform) = fixture.simulator.rolled_out(&client.case.id).unwrap();
    assert_eq!((config.current.unwrap().key_id, uniform), (client.case.key_ids[0].clone(), true));
    assert_eq!(shown(&client).await, customer(&client, "Public"));
    // Nobody knows whether such a cluster could go back: here it is on as soon as its document says so.
    set(&client, &customer(&client, "Public")).await;
    let (config, _) = fixture.simulator.rolled_out(&client.case.id).unwrap();
    assert_eq!(config.current.unwrap().key_id, client.case.key_ids[1]);
}
