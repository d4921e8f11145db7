//! Clusters that have it from the start.

use reqwest::Method;
use serde_json::{Value, json};

use super::{PERMISSION, PROFILE, customer, platform};
use crate::support::{AKS, Client, Fixture, code};

fn new_cluster(client: &Client, security: Option<&Value>, version: &str) -> Value {
    let identity = &client.case.identity_id;
    let mut body = json!({
        "location": "eastus",
        "identity": { "type": "UserAssigned", "userAssignedIdentities": { identity: {} } },
        "properties": {
            "kubernetesVersion": version,
            "agentPoolProfiles": [{ "name": "nodepool1", "mode": "System", "count": 3 }],
        },
    });
    if let Some(security) = security {
        body["properties"]["securityProfile"] = security.clone();
    }
    body
}

fn path(client: &Client, name: &str) -> String {
    let own = client.case.cluster_id.rsplit_once('/').unwrap().0;
    format!("{own}/{name}?api-version={AKS}")
}

async fn create(client: &Client, name: &str, body: &Value) -> Value {
    let response = client.arm_with(Method::PUT, &path(client, name), &[], Some(body)).await;
    let poll = response.headers().get("azure-asyncoperation").cloned();
    let status = response.status().as_u16();
    let answer: Value = response.json().await.unwrap();
    assert_eq!(status, 201, "{answer}");
    assert_eq!(answer["properties"]["provisioningState"], "Creating");
    client.wait(poll.unwrap().to_str().unwrap()).await
}

#[tokio::test]
async fn a_cluster_is_created_with_either_kind_of_key() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({})).await;
    let mut alone = customer(&client, "Public");
    alone.as_object_mut().unwrap().remove(PROFILE);
    for (name, security) in [
        ("platform", platform()),
        ("public", customer(&client, "Public")),
        ("private", customer(&client, "Private")),
        ("alone", alone),
    ] {
        let ended = create(&client, name, &new_cluster(&client, Some(&security), "1.33.3")).await;
        assert_eq!(ended["status"], "Succeeded", "{name}: {ended}");
        let made = client.get(&path(&client, name)).await;
        assert_eq!(made["properties"]["securityProfile"], security, "{name}");
        let current = fixture.last_backend().spec_config.current.clone().unwrap();
        if name == "platform" {
            assert!(current.is_platform());
        } else {
            assert_eq!(current.key_id, client.case.key_ids[1], "{name}");
        }
    }
}

#[tokio::test]
async fn creation_refuses_what_an_update_refuses() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({})).await;
    let mut without_vault = customer(&client, "Public");
    without_vault["azureKeyVaultKms"]["keyVaultResourceId"] = json!("");
    for (security, version) in
        [(platform(), "1.32.7"), (customer(&client, "Public"), "1.32.7"), (without_vault, "1.34.3")]
    {
        let body = new_cluster(&client, Some(&security), version);
        let (status, answer) = client.arm(Method::PUT, &path(&client, "new"), Some(&body)).await;
        assert_eq!((status, code(&answer)), (400, "BadRequest"), "{security}");
    }
    let mut versioned = customer(&client, "Public");
    versioned["azureKeyVaultKms"]["keyId"] = json!(client.case.key_ids[1]);
    let system = json!({ "type": "SystemAssigned" });
    for (security, identity) in [
        (versioned, None),
        (customer(&client, "Private"), Some(system)),
        (platform(), Some(Value::Null)),
    ] {
        let mut body = new_cluster(&client, Some(&security), "1.34.3");
        if let Some(identity) = identity {
            body["identity"] = identity;
            body["properties"]["servicePrincipalProfile"] =
                json!({ "clientId": "c", "secret": "s" });
        }
        let (status, answer) = client.arm(Method::PUT, &path(&client, "new"), Some(&body)).await;
        assert_eq!((status, code(&answer)), (400, "BadRequest"), "{security}");
    }
    // In private mode the identity looks for versions through Resource Manager, and is a trusted service.
    for given in [
        json!({ "access": { "private_link_role": false } }),
        json!({ "vault": { "firewall": true, "trusted_services": false } }),
    ] {
        let (client, _) = fixture.case(given.clone()).await;
        let body = new_cluster(&client, Some(&customer(&client, "Private")), "1.34.3");
        let ended = create(&client, "new", &body).await;
        assert_eq!((&ended["status"], code(&ended)), (&json!("Failed"), PERMISSION), "{given}");
    }
    let (client, _) = fixture.case(json!({ "access": { "role": null } })).await;
    let body = new_cluster(&client, Some(&customer(&client, "Public")), "1.34.3");
    let ended = create(&client, "new", &body).await;
    assert_eq!((&ended["status"], code(&ended)), (&json!("Failed"), PERMISSION));
}

#[tokio::test]
async fn where_it_is_the_default_a_new_cluster_has_the_platforms_keys() {
    let fixture = Fixture::start().await;
    let given = json!({ "data_encryption": { "by_default": true } });
    let (client, _) = fixture.case(given).await;
    for (version, has) in [("1.33.3", true), ("1.32.7", false)] {
        let name = format!("new-{}", &version[2..4]);
        let ended = create(&client, &name, &new_cluster(&client, None, version)).await;
        assert_eq!(ended["status"], "Succeeded", "{ended}");
        let made = client.get(&path(&client, &name)).await;
        let security = &made["properties"]["securityProfile"];
        assert_eq!(security[PROFILE] == platform()[PROFILE], has, "{version}: {security}");
        let current = fixture.last_backend().spec_config.current.clone();
        assert_eq!(current.is_some_and(|key| key.is_platform()), has, "{version}");
    }
    let (client, _) = fixture.case(json!({})).await;
    create(&client, "new", &new_cluster(&client, None, "1.34.3")).await;
    let made = client.get(&path(&client, "new")).await;
    assert_eq!(made["properties"]["securityProfile"][PROFILE], json!(null), "not everywhere");
}
