//! Managed clusters: documents, preconditions, operations, what AKS does to API servers.

use aks_kms_simulator::{
    backend::{EncryptionConfig, KeyRef, KmsVersion},
    writes::Write,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{AKS, Fixture, code, with_kms};

fn config(current: Option<&String>, previous: Option<&String>) -> EncryptionConfig {
    let key = |key_id: Option<&String>| {
        key_id.map(|key_id| KeyRef { key_id: key_id.clone(), kms_version: KmsVersion::V2 })
    };
    EncryptionConfig {
        current: key(current),
        previous: key(previous),
        ..EncryptionConfig::default()
    }
}

#[tokio::test]
async fn enabling_rotating_and_disabling_give_the_api_servers_two_keys() {
    let fixture = Fixture::start().await;
    let (client, backend) = fixture.case(json!({})).await;
    let keys = client.case.key_ids.clone();
    let before = client.cluster().await;
    for key in &keys {
        let ended = client.put_cluster(&with_kms(client.cluster().await, key)).await;
        assert_eq!(ended["status"], "Succeeded", "{ended}");
    }
    let mut document = client.cluster().await;
    assert_eq!(document["properties"]["provisioningState"], "Succeeded");
    assert_ne!(document["eTag"], before["eTag"]);
    document["tags"] = json!({ "changed": "only this" });
    client.put_cluster(&document).await;
    let mut document = client.cluster().await;
    document["properties"]["securityProfile"]["azureKeyVaultKms"] = json!({ "enabled": false });
    client.put_cluster(&document).await;

    let expected = vec![
        (config(Some(&keys[0]), None), None),
        (config(Some(&keys[1]), Some(&keys[0])), None),
        (config(None, Some(&keys[1])), None),
    ];
    assert_eq!(*backend.applied.lock().unwrap(), expected);
    let writes = fixture.simulator.writes(&client.case.id).unwrap();
    assert_eq!(writes.len(), 4, "every PUT and nothing else is a write");
    assert!(matches!(&writes[0], Write::Request { target: "arm", method, path, body, .. }
        if method == "PUT" && *path == client.case.cluster_id
            && body["properties"]["securityProfile"]["azureKeyVaultKms"]["keyId"] == keys[0].as_str()));
}

#[tokio::test]
async fn a_put_replaces_but_keeps_what_is_the_services() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({})).await;
    let stored = client.cluster().await;
    let mut document = stored.clone();
    document["properties"]["newerThanAnyClient"] = json!({ "kept": true });
    document["properties"]["fqdn"] = json!("forged.example");
    document["properties"]["currentKubernetesVersion"] = json!("1.99.0");
    document["properties"].as_object_mut().unwrap().remove("metricsProfile");
    for identity in
        document["identity"]["userAssignedIdentities"].as_object_mut().unwrap().values_mut()
    {
        *identity = json!({});
    }
    client.put_cluster(&document).await;
    let after = client.cluster().await;
    assert_eq!(after["properties"]["newerThanAnyClient"], json!({ "kept": true }));
    assert_eq!(after["properties"]["metricsProfile"], Value::Null, "left out is removed");
    for path in ["/properties/fqdn", "/properties/currentKubernetesVersion", "/identity"] {
        assert_eq!(after.pointer(path), stored.pointer(path), "{path}");
    }
}

#[tokio::test]
async fn an_etag_that_is_not_the_present_one_is_refused() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({})).await;
    let document = client.cluster().await;
    let etag = document["eTag"].as_str().unwrap().to_owned();
    fixture
        .simulator
        .patch_cluster(&client.case.id, &json!({ "tags": { "by": "another" } }))
        .unwrap();
    let path = client.cluster_path();
    for headers in [("if-match", etag.as_str()), ("if-none-match", "*")] {
        let response = client.arm_with(Method::PUT, &path, &[headers], Some(&document)).await;
        assert_eq!(response.status(), 412);
        assert_eq!(code(&response.json().await.unwrap()), "EtagMismatch");
    }
    let fresh = client.cluster().await;
    let etag = fresh["eTag"].as_str().unwrap();
    let response = client.arm_with(Method::PUT, &path, &[("if-match", etag)], Some(&fresh)).await;
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn the_etag_changes_all_the_time_while_an_operation_works() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({"faults": {"operation_seconds": 20}})).await;
    let before = client.cluster().await;
    let path = client.cluster_path();
    let wanted = with_kms(before.clone(), &client.case.key_ids[0]);
    let etag = |document: &Value| document["eTag"].as_str().unwrap().to_owned();
    let old = etag(&before);
    let accepted = client.arm_with(Method::PUT, &path, &[("if-match", &old)], Some(&wanted)).await;
    assert_eq!(accepted.status(), 200);
    let answer: Value = accepted.json().await.unwrap();
    assert_eq!(answer["properties"]["provisioningState"], "Updating");
    assert_eq!(etag(&answer), old, "the answer still has the old one");
    let mut seen = vec![old.clone()];
    let (mut refused, mut taken) = (0, false);
    loop {
        let now = client.cluster().await;
        if seen.last() != Some(&etag(&now)) {
            assert!(!seen.contains(&etag(&now)), "none comes back");
            seen.push(etag(&now));
        }
        if now["properties"]["provisioningState"] == "Succeeded" {
            break;
        }
        // whatever it names, a second change is refused
        for named in [Some(&old), seen.last(), None] {
            // one that is taken, because the first has ended, begins another operation
            if taken {
                break;
            }
            let headers = named.map(|named| ("if-match", named.as_str()));
            let headers: Vec<_> = headers.into_iter().collect();
            let second = client.arm_with(Method::PUT, &path, &headers, Some(&wanted)).await;
            let (status, body) = (second.status(), second.json::<Value>().await.unwrap());
            if status == 409 {
                assert!(["OperationNotAllowed", "EtagMismatch"].contains(&code(&body)), "{body}");
                refused += 1;
            }
            taken = status == 200;
        }
    }
    assert!(seen.len() >= 3 && refused > 0, "{seen:?}, {refused} refused");
    let late = client.arm_with(Method::PUT, &path, &[("if-match", &old)], Some(&wanted)).await;
    assert_eq!(late.status(), 412);
    tokio::time::sleep(std::time::Duration::from_millis(30)).await;
    assert_eq!(seen.last(), Some(&etag(&client.cluster().await)), "at rest it stays");
}

#[tokio::test]
async fn scaling_an_agent_pool_changes_only_the_pools_etag() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({})).await;
    let path = format!("{}/agentPools/nodepool1?api-version={AKS}", client.case.cluster_id);
    let (cluster, pool) = (client.cluster().await, client.get(&path).await);
    fixture.simulator.scale_agent_pool(&client.case.id, "nodepool1", 5).unwrap();
    assert_eq!(client.cluster().await["eTag"], cluster["eTag"]);
    let after = client.get(&path).await;
    assert_eq!(after["properties"]["count"], 5);
    assert_ne!(after["properties"]["eTag"], pool["properties"]["eTag"]);
}

#[tokio::test]
async fn operations_end_as_the_case_says_and_only_one_runs_at_a_time() {
    let fixture = Fixture::start().await;
    let (client, backend) = fixture
        .case(json!({ "faults": {
            "operation_seconds": 0.1,
            "operations": [
                { "status": "Succeeded", "code": "NotLatestOperation", "message": "newer" },
                { "status": "Failed", "code": "QuotaExceeded", "message": "no", "flat": true, "applied_to": [1] },
                { "status": "Canceled" },
            ],
        }}))
        .await;
    let keys = client.case.key_ids.clone();
    let document = with_kms(client.cluster().await, &keys[0]);
    let path = client.cluster_path();
    let response = client.arm_with(Method::PUT, &path, &[], Some(&document)).await;
    let poll = response.headers()["azure-asyncoperation"].to_str().unwrap().to_owned();
    let (status, body) = client.arm(Method::PUT, &path, Some(&document)).await;
    assert_eq!((status, code(&body)), (409, "OperationNotAllowed"));
    let rebuilt = poll[client.case.arm.len()..].split('?').next().unwrap();
    let (status, _) =
        client.arm(Method::GET, &format!("{rebuilt}?api-version=2016-03-30"), None).await;
    assert_eq!(status, 404, "a poll URL without its signature is not honoured");
    let (_, running) = client.arm(Method::GET, &poll[client.case.arm.len()..], None).await;
    assert_eq!(running["status"], "InProgress");
    assert_eq!(code(&running), "NotLatestOperation");
    assert!(running["endTime"].is_string());
    let ended = client.wait(&poll).await;
    assert_eq!((&ended["status"], code(&ended)), (&json!("Succeeded"), "NotLatestOperation"));

    let ended = client.put_cluster(&with_kms(client.cluster().await, &keys[1])).await;
    assert_eq!((&ended["status"], code(&ended)), (&json!("Failed"), "QuotaExceeded"));
    assert_eq!(ended["error"], Value::Null, "the flat shape");
    let state = client.cluster().await["properties"]["provisioningState"].clone();
    assert_eq!(state, "Failed");
    let ended = client.put_cluster(&with_kms(client.cluster().await, &keys[1])).await;
    assert_eq!(ended["status"], "Canceled");
    let ended = client.put_cluster(&with_kms(client.cluster().await, &keys[1])).await;
    assert_eq!(ended["status"], "Succeeded");
    let rotated = config(Some(&keys[1]), Some(&keys[0]));
    assert_eq!(
        *backend.applied.lock().unwrap(),
        [(config(Some(&keys[0]), None), None), (rotated.clone(), Some(vec![1])), (rotated, None),],
        "what went half-way is finished by the next operation that succeeds"
    );
}

#[tokio::test]
async fn aks_refuses_profiles_that_make_no_sense() {
    let fixture = Fixture::start().await;
    let (client, backend) = fixture.case(json!({})).await;
    let key = client.case.key_ids[0].clone();
    let document = with_kms(client.cluster().await, &key);
    let vault = client.case.key_vault_id.clone();
    let versionless = client.key_url();
    let cases: [(&str, Value); 7] = [
        ("no key", json!({ "keyId": null })),
        ("no version", json!({ "keyId": versionless })),
        ("http", json!({ "keyId": key.replace("https", "http") })),
        ("no mode", json!({ "keyVaultNetworkAccess": null })),
        ("public with vault", json!({ "keyVaultResourceId": vault })),
        ("private without vault", json!({ "keyVaultNetworkAccess": "Private" })),
        (
            "private without VNet integration",
            json!({ "keyVaultNetworkAccess": "Private", "keyVaultResourceId": vault }),
        ),
    ];
    for (name, change) in cases {
        let mut document = document.clone();
        let profile = &mut document["properties"]["securityProfile"]["azureKeyVaultKms"];
        profile.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let (status, body) = client.arm(Method::PUT, &client.cluster_path(), Some(&document)).await;
        assert_eq!((status, code(&body)), (400, "BadRequest"), "{name}: {body}");
    }
    assert!(backend.applied.lock().unwrap().is_empty());
    assert_eq!(client.cluster().await["properties"]["provisioningState"], "Succeeded");
}

#[tokio::test]
async fn what_is_wrong_with_vault_key_or_rights_fails_the_operation() {
    let fixture = Fixture::start().await;
    for given in [
        json!({ "access": { "role": null } }),
        json!({ "access": { "role": "Key Vault Crypto Service Encryption User" } }),
        json!({ "vault": { "authorization": "access-policy" }, "access": { "policy": ["encrypt"] } }),
        json!({ "vault": { "firewall": true } }),
        json!({ "vault": { "public_access": false } }),
        json!({ "vault": { "other_tenant": true } }),
        json!({ "vault": { "exists": false } }),
        json!({ "vault": { "soft_deleted": true } }),
        json!({ "key": { "exists": false } }),
        json!({ "key": { "soft_deleted": true } }),
        json!({ "key": { "enabled": false } }),
        json!({ "key": { "expires_in_days": -1 } }),
        json!({ "key": { "not_before_in_days": 1 } }),
        json!({ "key": { "kind": "EC" } }),
        json!({ "key": { "operations": ["encrypt"] } }),
    ] {
        let (client, backend) = fixture.case(given.clone()).await;
        let document = with_kms(client.cluster().await, &client.case.key_ids[0]);
        let ended = client.put_cluster(&document).await;
        assert_eq!(
            (&ended["status"], code(&ended)),
            (&json!("Failed"), "AzureKeyVaultKmsValidateIdentityPermissionCustomerError"),
            "{given}"
        );
        assert!(backend.applied.lock().unwrap().is_empty(), "{given}");
    }
    for given in [
        json!({ "access": { "through_group": true, "scope": "resource-group" } }),
        json!({ "access": { "scope": "key" } }),
        json!({ "vault": { "authorization": "access-policy" } }),
        json!({ "key": { "kind": "RSA-HSM", "expires_in_days": 1 } }),
    ] {
        let (client, _) = fixture.case(given.clone()).await;
        let document = with_kms(client.cluster().await, &client.case.key_ids[0]);
        let ended = client.put_cluster(&document).await;
        assert_eq!(ended["status"], "Succeeded", "{given}: {ended}");
    }
}

#[tokio::test]
async fn a_private_vault_gets_a_private_endpoint_and_its_mode_is_locked() {
    let fixture = Fixture::start().await;
    let (client, backend) = fixture.case(json!({ "cluster": { "vnet_integration": true } })).await;
    let key = &client.case.key_ids[0];
    let mut document = with_kms(client.cluster().await, key);
    document["properties"]["securityProfile"]["azureKeyVaultKms"]["keyVaultNetworkAccess"] =
        json!("Private");
    document["properties"]["securityProfile"]["azureKeyVaultKms"]["keyVaultResourceId"] =
        json!(client.case.key_vault_id);
    assert_eq!(client.put_cluster(&document).await["status"], "Succeeded");
    let path =
        format!("{}/privateEndpointConnections?api-version=2026-05-15", client.case.key_vault_id);
    let connections = client.get(&path).await;
    let state = &connections["value"][0]["properties"]["privateLinkServiceConnectionState"];
    assert_eq!(state["status"], "Approved");
    let closed = json!({ "properties": { "publicNetworkAccess": "Disabled" } });
    let vault = format!("{}?api-version=2026-05-15", client.case.key_vault_id);
    let (status, _) = client.arm(Method::PATCH, &vault, Some(&closed)).await;
    assert_eq!(status, 200);
    backend.vault.usable(key).await.unwrap();
    let (status, body) = client.vault(Method::GET, &client.key_url(), None).await;
    assert_eq!(status, 403);
    assert_eq!(body["error"]["innererror"]["code"], "ForbiddenByConnection");

    let public = with_kms(client.cluster().await, key);
    let (status, body) = client.arm(Method::PUT, &client.cluster_path(), Some(&public)).await;
    assert_eq!((status, code(&body)), (400, "BadRequest"));
}

#[tokio::test]
async fn upgrades_go_where_aks_offers_and_not_with_kms_v1() {
    let fixture = Fixture::start().await;
    let given = json!({ "cluster": {
        "kubernetes_version": "1.26.3", "kms": { "key": "{{key.1}}" },
    }});
    let (client, backend) = fixture.case(given).await;
    assert_eq!(backend.spec_config.current.as_ref().unwrap().kms_version, KmsVersion::V1);
    let path = format!("{}/upgradeProfiles/default?api-version={AKS}", client.case.cluster_id);
    let profile = client.get(&path).await;
    let offered = &profile["properties"]["controlPlaneProfile"]["upgrades"][1]["kubernetesVersion"];
    assert_eq!(offered, "1.27.3");

    let mut document = client.cluster().await;
    document["properties"]["kubernetesVersion"] = offered.clone();
    let (status, body) = client.arm(Method::PUT, &client.cluster_path(), Some(&document)).await;
    assert_eq!((status, code(&body)), (400, "BadRequest"));
    document["properties"]["securityProfile"]["azureKeyVaultKms"] = json!({ "enabled": false });
    document["properties"]["kubernetesVersion"] = json!("1.28.3");
    let (status, body) = client.arm(Method::PUT, &client.cluster_path(), Some(&document)).await;
    assert_eq!((status, code(&body)), (400, "K8sVersionNotSupported"));
    document["properties"]["kubernetesVersion"] = offered.clone();
    let response = client.arm_with(Method::PUT, &client.cluster_path(), &[], Some(&document)).await;
    let poll = response.headers()["azure-asyncoperation"].to_str().unwrap().to_owned();
    assert_eq!(client.wait(&poll).await["status"], "Succeeded");
    assert_eq!(client.cluster().await["properties"]["currentKubernetesVersion"], "1.27.3");
    assert_eq!(*backend.versions.lock().unwrap(), ["1.27.3"]);
}

#[tokio::test]
async fn credentials_are_kubeconfig_files() {
    let fixture = Fixture::start().await;
    let kubeconfig = async |given: Value, kind: &str| {
        let (client, _) = fixture.case(given).await;
        let path =
            format!("{}/listCluster{kind}Credential?api-version={AKS}", client.case.cluster_id);
        let (status, body) = client.arm(Method::POST, &path, None).await;
        let writes = fixture.simulator.writes(&client.case.id).unwrap();
        assert!(writes.is_empty(), "asking for credentials is no write");
        if status != 200 {
            return Err(code(&body).to_owned());
        }
        let value = body["kubeconfigs"][0]["value"].as_str().unwrap();
        Ok(String::from_utf8(STANDARD.decode(value).unwrap()).unwrap())
    };
    let user = kubeconfig(json!({}), "User").await.unwrap();
    assert!(user.contains("server: https://127.0.0.1:1\n") && user.contains("token: user-token\n"));
    let admin = kubeconfig(json!({}), "Admin").await.unwrap();
    assert!(admin.contains("token: admin-token\n"));
    let entra = kubeconfig(json!({ "cluster": { "entra": true } }), "User").await.unwrap();
    assert!(entra.contains("command: kubelogin\n") && !entra.contains("token: "));
    let refused = kubeconfig(json!({ "cluster": { "local_accounts": false } }), "Admin").await;
    assert_eq!(refused.unwrap_err(), "BadRequest");
}
