//! Role assignments, role definitions, and what the caller may not do.

use aks_kms_simulator::writes::Use;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{AKS, Client, Fixture, code};

async fn roles(client: &Client, scope: &str, filter: &str) -> Vec<Value> {
    let filter = filter.replace(' ', "%20");
    let path = format!(
        "{scope}/providers/Microsoft.Authorization/roleAssignments?api-version=2022-04-01&$filter={filter}"
    );
    client.get(&path).await["value"].as_array().unwrap().clone()
}

#[tokio::test]
async fn assignments_are_inherited_downwards_and_through_groups() {
    let fixture = Fixture::start().await;
    let given = json!({ "access": {
        "scope": "resource-group", "through_group": true, "private_link_role": false,
    }});
    let (client, _) = fixture.case(given).await;
    let vault = client.case.key_vault_id.clone();
    let group = vault.split("/providers").next().unwrap();
    let subscription = vault.split("/resourceGroups").next().unwrap();
    let principal = &client.case.principal_id;
    let assigned = format!("atScope() and assignedTo('{principal}')");
    let found = roles(&client, &vault, &assigned).await;
    assert_eq!(found.len(), 1, "a group's role at the resource group counts at the vault");
    assert_eq!(found[0]["properties"]["scope"], group);
    assert_eq!(found[0]["properties"]["principalType"], "Group");
    let key = format!("{vault}/keys/etcd");
    assert_eq!(roles(&client, &key, &assigned).await.len(), 1);
    assert_eq!(roles(&client, subscription, &assigned).await.len(), 0, "not upwards");
    let below = format!("assignedTo('{principal}')");
    assert_eq!(roles(&client, subscription, &below).await.len(), 1, "without atScope(): below too");
    let itself = format!("principalId eq '{principal}'");
    assert_eq!(roles(&client, &vault, &itself).await.len(), 0, "the identity itself has none");

    let id = found[0]["properties"]["roleDefinitionId"].as_str().unwrap();
    let role = client.get(&format!("{id}?api-version=2022-04-01")).await;
    assert_eq!(role["properties"]["roleName"], "Key Vault Crypto User");
    let actions = role["properties"]["permissions"][0]["dataActions"].as_array().unwrap();
    assert!(actions.contains(&json!("Microsoft.KeyVault/vaults/keys/encrypt/action")));
}

#[tokio::test]
async fn an_action_that_the_caller_lacks_is_named_in_the_refusal() {
    let fixture = Fixture::start().await;
    let lacks = [
        "Microsoft.ContainerService/managedClusters/write",
        "Microsoft.ContainerService/managedClusters/listClusterUserCredential/action",
        "Microsoft.KeyVault/vaults/read",
        "Microsoft.ResourceGraph/resources/read",
    ];
    let (client, _) = fixture.case(json!({ "access": { "caller_lacks": lacks } })).await;
    let cluster = client.case.cluster_id.clone();
    let document = client.cluster().await;
    for ((method, path, version, body), action) in [
        (Method::PUT, cluster.clone(), AKS, Some(&document)),
        (Method::POST, format!("{cluster}/listClusterUserCredential"), AKS, None),
        (Method::GET, client.case.key_vault_id.clone(), "2026-05-15", None),
        (
            Method::POST,
            "/providers/Microsoft.ResourceGraph/resources".to_owned(),
            "2024-04-01",
            None,
        ),
    ]
    .into_iter()
    .zip(lacks)
    {
        let (status, body) =
            client.arm(method, &format!("{path}?api-version={version}"), body).await;
        assert_eq!((status, code(&body)), (403, "AuthorizationFailed"), "{action}");
        assert!(body["error"]["message"].as_str().unwrap().contains(action), "{body}");
    }
}

#[tokio::test]
async fn assigning_the_identity_and_joining_a_subnet_are_rights_of_their_own() {
    let fixture = Fixture::start().await;
    for action in [
        "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action",
        "Microsoft.Network/virtualNetworks/subnets/join/action",
    ] {
        let given = json!({
            "cluster": { "subnet": true },
            "access": { "caller_lacks": [action] },
        });
        let (client, _) = fixture.case(given).await;
        let document = client.cluster().await;
        let (status, body) = client.arm(Method::PUT, &client.cluster_path(), Some(&document)).await;
        assert_eq!((status, code(&body)), (403, "LinkedAuthorizationFailed"));
        assert!(body["error"]["message"].as_str().unwrap().contains(action), "{body}");
    }
}

#[tokio::test]
async fn a_custom_role_grants_what_it_names_and_nothing_else() {
    let fixture = Fixture::start().await;
    let vault = "Microsoft.KeyVault/vaults/read";
    let given = json!({ "access": { "caller_role": { "actions": [vault, "Microsoft.ContainerService/*/read"] } } });
    let (client, _) = fixture.case(given).await;
    let (vault_id, version) = (client.case.key_vault_id.clone(), "?api-version=2026-05-15");
    assert_eq!(client.arm(Method::GET, &format!("{vault_id}{version}"), None).await.0, 200);
    let keys = format!("{vault_id}/keys{version}");
    assert_eq!(code(&client.arm(Method::GET, &keys, None).await.1), "AuthorizationFailed");
    client.cluster().await;
    let uses = fixture.simulator.uses(&client.case.id).unwrap();
    let expected = [vault, "Microsoft.ContainerService/managedClusters/read"];
    assert_eq!(
        uses,
        expected.map(|action| Use::Action(action.to_owned())).into(),
        "what was refused is no use"
    );
}

#[tokio::test]
async fn another_cases_subscription_is_out_of_reach_and_unknown_things_are_not_found() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({})).await;
    let (other, _) = fixture.case(json!({})).await;
    let version = format!("?api-version={AKS}");
    let cluster = &client.case.cluster_id;
    for (path, status, expected) in [
        (other.case.cluster_id.clone(), 403, "AuthorizationFailed"),
        (format!("/subscriptions/none{}", &cluster[51..]), 404, "SubscriptionNotFound"),
        (format!("{cluster}x"), 404, "ResourceNotFound"),
        (cluster.replace("/rg-", "/other-"), 404, "ResourceGroupNotFound"),
        (format!("{cluster}/unheard"), 404, "InvalidResourceType"),
    ] {
        let (seen, body) = client.arm(Method::GET, &format!("{path}{version}"), None).await;
        assert_eq!((seen, code(&body)), (status, expected), "{path}");
    }
    let (status, body) =
        client.arm(Method::GET, &format!("{cluster}?api-version=2099-01-01"), None).await;
    assert_eq!((status, code(&body)), (400, "InvalidApiVersionParameter"));
    assert!(body["error"]["message"].as_str().unwrap().contains(AKS), "{body}");
    let upper = cluster.to_uppercase();
    assert_eq!(client.arm(Method::GET, &format!("{upper}{version}"), None).await.0, 200);
}
