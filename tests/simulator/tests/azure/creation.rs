//! Clusters that are created, listed in pages and deleted.

use aks_kms_simulator::{
    Given, Options, Simulator,
    backend::{EncryptionConfig, KeyRef, KmsVersion},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{AKS, Client, Fixture, code, with_kms};

/// What `az aks create` sends, as far as it matters here.
fn new_cluster(client: &Client) -> Value {
    let identity = &client.case.identity_id;
    json!({
        "location": "eastus",
        "identity": { "type": "UserAssigned", "userAssignedIdentities": { identity: {} } },
        "properties": {
            "kubernetesVersion": "",
            "dnsPrefix": "made-here",
            "agentPoolProfiles": [{ "name": "nodepool1", "mode": "System", "count": 3 }],
            "securityProfile": { "azureKeyVaultKms": {
                "enabled": true,
                "keyId": client.case.key_ids[0],
                "keyVaultNetworkAccess": "Public",
                "keyVaultResourceId": "",
            }},
        },
    })
}

fn path(client: &Client, name: &str) -> String {
    let own = client.case.cluster_id.rsplit_once('/').unwrap().0;
    format!("{own}/{name}?api-version={AKS}")
}

async fn create(client: &Client, name: &str, body: &Value) -> (Value, Value) {
    let response = client.arm_with(Method::PUT, &path(client, name), &[], Some(body)).await;
    let poll = response.headers().get("azure-asyncoperation").cloned();
    assert_eq!(response.status(), 201, "{:?}", response.text().await);
    let document: Value = response.json().await.unwrap();
    assert_eq!(document["properties"]["provisioningState"], "Creating");
    (document, client.wait(poll.unwrap().to_str().unwrap()).await)
}

#[tokio::test]
async fn a_cluster_is_created_with_kms_and_gets_its_defaults() {
    let fixture = Fixture::start().await;
    let (client, first) = fixture.case(json!({})).await;
    let before = client.cluster().await;
    let (_, ended) = create(&client, "Made-Here", &new_cluster(&client)).await;
    assert_eq!(ended["status"], "Succeeded", "{ended}");
    let made = client.get(&path(&client, "made-here")).await;
    let properties = &made["properties"];
    assert_eq!(made["name"], "Made-Here");
    assert_eq!(properties["provisioningState"], "Succeeded");
    assert_eq!(properties["currentKubernetesVersion"], "1.34.7");
    assert_eq!(properties["maxAgentPools"], 100);
    let node_group = properties["nodeResourceGroup"].as_str().unwrap();
    assert!(node_group.starts_with("MC_rg-") && node_group.ends_with("_Made-Here_eastus"));
    assert!(properties["fqdn"].as_str().unwrap().starts_with("made-here-"));
    assert_ne!(properties["fqdn"], before["properties"]["fqdn"]);
    let kubelet = &properties["identityProfile"]["kubeletidentity"];
    assert!(kubelet["objectId"].is_string() && kubelet["resourceId"].is_string());
    let nodes = &properties["agentPoolProfiles"][0];
    assert_eq!(
        (&nodes["maxPods"], &nodes["provisioningState"]),
        (&json!(110), &json!("Succeeded"))
    );
    let identities = made["identity"]["userAssignedIdentities"].as_object().unwrap();
    let identity = identities.values().next().unwrap();
    assert_eq!(identity["principalId"], client.case.principal_id);

    let backend = fixture.last_backend();
    let current = KeyRef { key_id: client.case.key_ids[0].clone(), kms_version: KmsVersion::V2 };
    assert_eq!(
        backend.spec_config,
        EncryptionConfig { current: Some(current), ..EncryptionConfig::default() },
        "its API servers start with the key"
    );
    backend.vault.usable(&client.case.key_ids[0]).await.unwrap();
    assert_eq!(client.cluster().await, before, "the other cluster is as it was");
    assert!(first.applied.lock().unwrap().is_empty());
    let truth = fixture.simulator.secrets_of(&client.case.id, "made-here").await.unwrap();
    assert_eq!(truth.total, 7);
    let rotated = {
        let mut document = made.clone();
        document["properties"]["securityProfile"]["azureKeyVaultKms"]["keyId"] =
            json!(client.case.key_ids[1]);
        document
    };
    let response =
        client.arm_with(Method::PUT, &path(&client, "made-here"), &[], Some(&rotated)).await;
    let poll = response.headers()["azure-asyncoperation"].to_str().unwrap().to_owned();
    assert_eq!(client.wait(&poll).await["status"], "Succeeded");
    assert_eq!(backend.applied.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_creation_that_fails_is_mended_by_the_next_put() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({ "key": { "enabled": false } })).await;
    let (_, ended) = create(&client, "broken", &new_cluster(&client)).await;
    assert_eq!(
        (&ended["status"], code(&ended)),
        (&json!("Failed"), "AzureKeyVaultKmsValidateIdentityPermissionCustomerError")
    );
    let failed = client.get(&path(&client, "broken")).await;
    assert_eq!(failed["properties"]["provisioningState"], "Failed");
    let credential = path(&client, "broken/listClusterUserCredential");
    let (status, body) = client.arm(Method::POST, &credential, None).await;
    assert_eq!((status, code(&body)), (400, "BadRequest"), "it has no API server");
    let enabled = json!({ "attributes": { "enabled": true } });
    fixture.simulator.patch_key(&client.case.id, &client.case.key_ids[0], &enabled).unwrap();
    let response = client.arm_with(Method::PUT, &path(&client, "broken"), &[], Some(&failed)).await;
    assert_eq!(response.status(), 200);
    let poll = response.headers()["azure-asyncoperation"].to_str().unwrap().to_owned();
    assert_eq!(client.wait(&poll).await["status"], "Succeeded");
    assert_eq!(client.arm(Method::POST, &credential, None).await.0, 200);
}

#[tokio::test]
async fn creations_that_make_no_sense_are_refused() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({})).await;
    let body = new_cluster(&client);
    let with = |pointer: &str, value: Value| {
        let mut body = body.clone();
        *body.pointer_mut(pointer).unwrap() = value;
        body
    };
    let pools = "/properties/agentPoolProfiles";
    let kms = "/properties/securityProfile/azureKeyVaultKms";
    for (name, body, status, expected) in [
        ("new", with("/location", Value::Null), 400, "LocationRequired"),
        ("new", with("/location", json!("mars")), 400, "LocationNotAvailableForResourceType"),
        ("new", with("/properties", json!("none")), 400, "InvalidParameter"),
        ("new", with(pools, json!([])), 400, "InvalidParameter"),
        ("new", with(pools, json!(["nodepool1"])), 400, "InvalidParameter"),
        ("new", with(pools, json!([{ "name": "Bad", "mode": "System" }])), 400, "InvalidParameter"),
        ("new", with(pools, json!([{ "name": "a", "mode": "User" }])), 400, "InvalidParameter"),
        ("new", with("/identity", Value::Null), 400, "InvalidParameter"),
        ("new", with("/identity", json!({ "type": "SystemAssigned" })), 400, "BadRequest"),
        ("new", with("/identity/userAssignedIdentities", json!({ "/x": {} })), 400, "BadRequest"),
        ("-new", body.clone(), 400, "InvalidParameter"),
        (
            "new",
            with("/properties/kubernetesVersion", json!("1.99.0")),
            400,
            "K8sVersionNotSupported",
        ),
        (
            "new",
            with("/properties/kubernetesVersion", json!("1.20")),
            400,
            "K8sVersionNotSupported",
        ),
        ("new", with(&format!("{kms}/keyId"), json!("")), 400, "BadRequest"),
    ] {
        let (seen, answer) = client.arm(Method::PUT, &path(&client, name), Some(&body)).await;
        assert_eq!((seen, code(&answer)), (status, expected), "{body}");
    }
    let elsewhere = path(&client, "new").replace("/rg-", "/other-");
    let (status, answer) = client.arm(Method::PUT, &elsewhere, Some(&body)).await;
    assert_eq!((status, code(&answer)), (404, "ResourceGroupNotFound"));
    let match_any = [("if-match", "*")];
    let response =
        client.arm_with(Method::PUT, &path(&client, "new"), &match_any, Some(&body)).await;
    assert_eq!(response.status(), 412, "there is nothing to match");
    assert_eq!(client.arm(Method::GET, &path(&client, "new"), None).await.0, 404);
}

#[tokio::test]
async fn lists_come_in_pages_by_group_and_by_subscription() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({ "faults": { "page_size": 2 } })).await;
    let group = json!({ "location": "eastus" });
    let other = format!("{}/resourceGroups/other", client.subscription());
    client.arm(Method::PUT, &format!("{other}?api-version=2021-04-01"), Some(&group)).await;
    for name in ["one", "two"] {
        create(&client, name, &new_cluster(&client)).await;
    }
    let third = format!(
        "{other}/providers/Microsoft.ContainerService/managedClusters/three?api-version={AKS}"
    );
    assert_eq!(client.arm(Method::PUT, &third, Some(&new_cluster(&client))).await.0, 201);
    let all = async |path: String| {
        let (mut names, mut pages, mut next) = (Vec::new(), 0, path);
        loop {
            let page = client.get(&next).await;
            let values = page["value"].as_array().unwrap().iter();
            names.extend(values.map(|cluster| cluster["name"].as_str().unwrap().to_owned()));
            pages += 1;
            match page["nextLink"].as_str() {
                Some(link) => next = link.strip_prefix(&client.case.arm).unwrap().to_owned(),
                None => break (names, pages),
            }
        }
    };
    let clusters = "providers/Microsoft.ContainerService/managedClusters";
    let list = format!("{}/{clusters}?api-version={AKS}", client.subscription());
    let (names, pages) = all(list.clone()).await;
    assert_eq!((names.len(), pages), (4, 2), "{names:?}");
    assert_eq!(all(format!("{list}&$top=1")).await.1, 4, "$top goes before the setting");
    let (names, _) = all(format!("{other}/{clusters}?api-version={AKS}")).await;
    assert_eq!(names, ["three"]);
}

#[tokio::test]
async fn a_deleted_cluster_is_gone_with_all_that_was_made_for_it() {
    let fixture = Fixture::start().await;
    let given = json!({
        "cluster": { "vnet_integration": true, "kms": { "key": "{{key.1}}", "network_mode": "private" } },
        "faults": { "operation_seconds": 0.1 },
    });
    let (client, backend) = fixture.case(given).await;
    let document = client.cluster().await;
    let path = client.cluster_path();
    let response = client.arm_with(Method::DELETE, &path, &[("if-match", "other")], None).await;
    assert_eq!(response.status(), 412);
    let response = client.arm_with(Method::DELETE, &path, &[], None).await;
    assert_eq!(response.status(), 202);
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    let (poll, location) = (header("azure-asyncoperation"), header("location"));
    let result = location.strip_prefix(&client.case.arm).unwrap();
    assert_eq!(client.arm(Method::GET, result, None).await.0, 202, "it goes on");
    assert_eq!(client.cluster().await["properties"]["provisioningState"], "Deleting");
    let (status, body) = client.arm(Method::PUT, &path, Some(&document)).await;
    assert_eq!((status, code(&body)), (409, "OperationNotAllowed"));
    assert_eq!(client.wait(&poll).await["status"], "Succeeded");
    assert_eq!(client.arm(Method::GET, result, None).await.0, 204);
    let (status, body) = client.arm(Method::GET, &path, None).await;
    assert_eq!((status, code(&body)), (404, "ResourceNotFound"));
    assert_eq!(client.arm(Method::DELETE, &path, None).await.0, 204, "again");
    let vault = client.get(&format!("{}?api-version=2026-05-15", client.case.key_vault_id)).await;
    assert_eq!(vault["properties"]["privateEndpointConnections"], json!([]));
    let nodes = document["properties"]["nodeResourceGroup"].as_str().unwrap();
    let nodes = format!("{}/resourceGroups/{nodes}?api-version=2021-04-01", client.subscription());
    assert_eq!(client.arm(Method::GET, &nodes, None).await.0, 404);
    assert!(fixture.simulator.kubernetes(&client.case.id).is_err(), "its API servers are gone");
    drop(backend);
    let (_, ended) =
        create(&client, document["name"].as_str().unwrap(), &new_cluster(&client)).await;
    assert_eq!(ended["status"], "Succeeded", "the name is free again");
    assert!(fixture.simulator.kubernetes(&client.case.id).is_ok());
}

#[tokio::test]
async fn a_vault_is_in_the_group_that_it_was_made_in() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({})).await;
    let other = format!("{}/resourceGroups/Other", client.subscription());
    let group = json!({ "location": "eastus" });
    client.arm(Method::PUT, &format!("{other}?api-version=2021-04-01"), Some(&group)).await;
    let name = format!("b{}", client.vault_name());
    let id = format!("{other}/providers/Microsoft.KeyVault/vaults/{name}");
    let body = json!({ "location": "eastus", "properties": {
        "tenantId": client.case.tenant_id, "sku": { "family": "A", "name": "standard" },
    }});
    let path = format!("{id}?api-version=2026-05-15");
    let (status, made) = client.arm(Method::PUT, &path, Some(&body)).await;
    assert_eq!((status, &made["id"]), (201, &json!(id)));
    let elsewhere = client.case.key_vault_id.replace(client.vault_name(), &name);
    let elsewhere = format!("{elsewhere}?api-version=2026-05-15");
    assert_eq!(client.arm(Method::GET, &elsewhere, None).await.0, 404);
    let (status, answer) = client.arm(Method::PUT, &elsewhere, Some(&body)).await;
    assert_eq!((status, code(&answer)), (409, "VaultAlreadyExists"));
    let list = format!("{other}/providers/Microsoft.KeyVault/vaults?api-version=2026-05-15");
    assert_eq!(client.get(&list).await["value"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_created_cluster_serves_kubernetes_until_it_is_deleted() {
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let case = simulator.put_case(Given::default()).await.unwrap();
    let client = Client::sign_in(case).await;
    create(&client, "fresh", &new_cluster(&client)).await;
    let credential = path(&client, "fresh/listClusterAdminCredential");
    let (_, body) = client.arm(Method::POST, &credential, None).await;
    let config = STANDARD.decode(body["kubeconfigs"][0]["value"].as_str().unwrap()).unwrap();
    let config = String::from_utf8(config).unwrap();
    let field = |name: &str| {
        let line = config.lines().find(|line| line.trim().starts_with(name)).unwrap();
        line.split_once(": ").unwrap().1.to_owned()
    };
    let url = format!("{}/api/v1/namespaces/default/secrets", field("server"));
    assert!(!url.starts_with(&client.case.kubernetes), "it is a server of its own");
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "first" },
        "data": { "value": "c2VjcmV0" },
    });
    let request = || client.http.post(&url).bearer_auth(field("token")).json(&secret);
    assert_eq!(request().send().await.unwrap().status(), 201);
    let truth = simulator.secrets_of(&client.case.id, "fresh").await.unwrap();
    let expected = [(client.case.key_ids[0].clone(), 1)].into();
    assert_eq!((truth.total, truth.by_key), (1, expected));
    let own = simulator.secrets(&client.case.id).await.unwrap();
    assert_eq!(own.plaintext, 10, "the case's own cluster is another");

    let response = client.arm_with(Method::DELETE, &path(&client, "fresh"), &[], None).await;
    let poll = response.headers()["azure-asyncoperation"].to_str().unwrap().to_owned();
    assert_eq!(client.wait(&poll).await["status"], "Succeeded");
    assert!(request().send().await.is_err(), "nobody listens there any more");
    assert!(simulator.secrets_of(&client.case.id, "fresh").await.is_err());
}

#[tokio::test]
async fn a_node_resource_group_has_a_name_of_80_characters_at_most() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({})).await;
    let body = new_cluster(&client);
    let group = client.case.cluster_id.split('/').nth(4).unwrap();
    let fits = 80 - format!("MC_{group}__eastus").len();
    create(&client, &"a".repeat(fits), &body).await;
    let longer = "b".repeat(fits + 1);
    let (status, answer) = client.arm(Method::PUT, &path(&client, &longer), Some(&body)).await;
    assert_eq!((status, code(&answer)), (400, "InvalidParameter"));
    let message = answer["message"].as_str().unwrap();
    assert!(
        message.contains("maximum length is 80") && message.contains("provided is 81"),
        "{message}"
    );
    assert_eq!(client.arm(Method::GET, &path(&client, &longer), None).await.0, 404);

    let mut named = body.clone();
    named["properties"]["nodeResourceGroup"] = json!("n".repeat(81));
    let (status, answer) = client.arm(Method::PUT, &path(&client, "short"), Some(&named)).await;
    assert_eq!((status, code(&answer)), (400, "InvalidParameter"));
    named["properties"]["nodeResourceGroup"] = json!("n".repeat(80));
    create(&client, &longer, &named).await;
}

#[tokio::test]
async fn a_kms_profile_is_taken_in_any_case_and_reads_back_as_azure_spells_it() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({})).await;
    let mut body = new_cluster(&client);
    let profile = "/properties/securityProfile/azureKeyVaultKms";
    *body.pointer_mut(profile).unwrap() = json!({
        "enabled": true, "keyId": client.case.key_ids[0], "keyVaultNetworkAccess": "public",
    });
    let (_, ended) = create(&client, "fresh", &body).await;
    assert_eq!(ended["status"], "Succeeded", "{ended}");
    let made = client.get(&path(&client, "fresh")).await;
    let made = made.pointer(profile).unwrap();
    assert_eq!(
        (&made["keyVaultNetworkAccess"], &made["keyVaultResourceId"]),
        (&json!("Public"), &json!(""))
    );

    let mut document = with_kms(client.cluster().await, &client.case.key_ids[0]);
    document.pointer_mut(profile).unwrap()["keyVaultNetworkAccess"] = json!("PUBLIC");
    assert_eq!(client.put_cluster(&document).await["status"], "Succeeded");
    let after = client.cluster().await;
    assert_eq!(after.pointer(profile).unwrap()["keyVaultNetworkAccess"], "Public");
}
