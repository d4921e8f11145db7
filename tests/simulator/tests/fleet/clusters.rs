//! Lists over subscriptions, and clusters that know nothing of each other.

use aks_kms_simulator::{FleetCluster, Options, Simulator, requests::RequestCounts, writes::Write};
use reqwest::Method;
use serde_json::{Value, json};

use crate::caller::{AKS, Caller, KEY_VAULT};

async fn fleet(given: Value) -> (Simulator, Caller) {
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let fleet = simulator.put_fleet(&serde_json::from_value(given).unwrap()).unwrap();
    (simulator, Caller::sign_in(fleet).await)
}

/// Twelve clusters in three subscriptions, four of which are not like the others.
fn mixed() -> Value {
    json!({
        "subscriptions": 3,
        "clusters": 12,
        "given": { "cluster": { "kms": { "key": "{{key.1}}" } }, "faults": { "page_size": 3 } },
        "some": [
            { "name": "v1", "clusters": [0], "given": {
                "cluster": { "kubernetes_version": "1.26.6", "kms": { "key": "{{key.1}}" } } } },
            { "name": "none", "clusters": [5] },
            { "name": "private", "clusters": [6], "given": {
                "cluster": {
                    "private_cluster": true, "vnet_integration": true,
                    "kms": { "key": "{{key.1}}", "network_mode": "private" },
                },
                "vault": { "public_access": false },
            } },
            { "name": "failed", "clusters": [11], "given": { "cluster": {
                "kms": { "key": "{{key.1}}" },
                "failed_change": { "key": "{{key.2}}" },
            } } },
        ],
    })
}

fn vault(cluster: &FleetCluster) -> String {
    format!("kv-{}", cluster.case)
}

fn names(values: &[Value]) -> Vec<&str> {
    values.iter().map(|value| value["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn lists_have_all_clusters_of_all_subscriptions_in_pages() {
    let (simulator, caller) = fleet(mixed()).await;
    let fleet = &caller.fleet;
    let (subscriptions, _) = caller.list("/subscriptions?api-version=2022-12-01").await;
    let ids: Vec<&str> =
        subscriptions.iter().map(|entry| entry["subscriptionId"].as_str().unwrap()).collect();
    assert_eq!(ids, fleet.subscription_ids);

    let mut listed = Vec::new();
    for subscription in &fleet.subscription_ids {
        let path = format!(
            "/subscriptions/{subscription}/providers/Microsoft.ContainerService/managedClusters\
             ?api-version={AKS}"
        );
        let (clusters, pages) = caller.list(&path).await;
        assert_eq!((clusters.len(), pages), (4, 2));
        listed.extend(clusters);
    }
    let lower = |id: &str| id.to_ascii_lowercase();
    let ids: Vec<String> =
        listed.iter().map(|cluster| lower(cluster["id"].as_str().unwrap())).collect();
    let expected: Vec<String> =
        fleet.clusters.iter().map(|cluster| lower(&cluster.cluster_id)).collect();
    assert_eq!(ids, expected);
    let property = |index: usize, name: &str| listed[index]["properties"][name].clone();
    assert_eq!(property(0, "currentKubernetesVersion"), "1.26.6");
    assert!(property(5, "securityProfile")["azureKeyVaultKms"].is_null());
    assert_eq!(property(6, "apiServerAccessProfile")["enablePrivateCluster"], true);
    assert_eq!(property(11, "provisioningState"), "Failed");
    assert_eq!(property(1, "securityProfile")["azureKeyVaultKms"]["enabled"], true);

    let query =
        "Resources | where type =~ 'microsoft.containerservice/managedclusters' | order by id";
    let (rows, pages) = caller.query(query, 5).await;
    assert_eq!((rows.len(), pages), (12, 4), "the page size is that of the fleet");
    let wanted = vault(&fleet.clusters[7]);
    let query =
        format!("Resources | where type =~ 'microsoft.keyvault/vaults' and name =~ '{wanted}'");
    let (rows, _) = caller.query(&query, 100).await;
    assert_eq!(names(&rows), [wanted]);
    assert_eq!(rows[0]["subscriptionId"], fleet.clusters[7].subscription_id.as_str());

    let vaults = format!(
        "/subscriptions/{}/providers/Microsoft.KeyVault/vaults?api-version={KEY_VAULT}",
        fleet.subscription_ids[1]
    );
    let expected: Vec<String> = fleet.clusters[4..8].iter().map(vault).collect();
    assert_eq!(names(&caller.list(&vaults).await.0), expected);
    for cluster in &fleet.clusters {
        assert!(simulator.kubernetes(&cluster.case).is_err(), "nobody needs it yet");
    }
}

#[tokio::test]
async fn each_cluster_has_its_own_kubernetes_vault_writes_and_counts() {
    let (simulator, caller) = fleet(mixed()).await;
    let (one, other) = (&caller.fleet.clusters[4], &caller.fleet.clusters[7]);
    let credential = caller.credential(&one.cluster_id).await;
    assert_eq!(caller.secrets(&credential).await.unwrap()["items"].as_array().unwrap().len(), 10);
    assert!(simulator.kubernetes(&one.case).is_ok() && simulator.kubernetes(&other.case).is_err());

    let key = format!("https://{}.vault.azure.net/keys/etcd", vault(one));
    let rotated = caller.vault(Method::POST, &format!("{key}/rotate")).await;
    let rotated: Value = rotated.json().await.unwrap();
    let key_id = rotated["key"]["kid"].as_str().unwrap();
    let mut document = caller.cluster(&one.cluster_id).await;
    document["properties"]["securityProfile"]["azureKeyVaultKms"]["keyId"] = json!(key_id);
    let path = format!("{}?api-version={AKS}", one.cluster_id);
    let response = caller.send(Method::PUT, &path, Some(&document)).await;
    assert_eq!(response.status(), 200);
    let poll = response.headers()["azure-asyncoperation"].to_str().unwrap().to_owned();
    while caller.get(&poll).await["status"] != "Succeeded" {}
    let (config, _) = simulator.rolled_out(&one.case).unwrap();
    assert_eq!(config.current.unwrap().key_id, key_id);

    let writes = simulator.writes(&one.case).unwrap();
    let targets: Vec<&str> = writes
        .iter()
        .map(|write| match write {
            Write::Request { target, .. } => *target,
            Write::PatchSecrets { .. } => "patches",
        })
        .collect();
    assert_eq!(targets, ["vault", "arm"]);
    assert_eq!(simulator.writes(&other.case).unwrap(), []);
    let counts = simulator.request_counts(&one.case).unwrap();
    assert!(counts.arm >= 4 && counts.vault == 1 && counts.kubernetes == 1, "{counts:?}");
    assert_eq!(simulator.request_counts(&other.case).unwrap(), RequestCounts::default());
    assert!(simulator.request_counts(&caller.fleet.id).unwrap().entra >= 2);

    let truth = simulator.secrets(&other.case).await.unwrap();
    assert_eq!((truth.total, truth.by_key.len(), truth.unreadable), (10, 1, 0));
    let case = simulator.case(&other.case).await.unwrap();
    assert_eq!(truth.by_key[&case.key_ids[0]], 10);
    assert_eq!(
        (case.cluster_id, case.client_id),
        (other.cluster_id.clone(), caller.fleet.client_id)
    );
}

#[tokio::test]
async fn a_fleet_ends_with_all_that_it_has() {
    let (simulator, caller) = fleet(mixed()).await;
    let cluster = caller.fleet.clusters[3].clone();
    let credential = caller.credential(&cluster.cluster_id).await;
    simulator.delete_fleet(&caller.fleet.id).unwrap();
    assert!(simulator.delete_fleet(&caller.fleet.id).is_err());
    assert!(simulator.writes(&cluster.case).is_err());
    let path = format!("{}?api-version={AKS}", cluster.cluster_id);
    assert_eq!(
        caller.send(Method::GET, &path, None).await.status(),
        401,
        "nobody knows the caller"
    );
    while caller.secrets(&credential).await.is_ok() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_fleet_that_makes_no_sense_is_refused() {
    let simulator = Simulator::start(Options::default()).await.unwrap();
    for (given, reason) in [
        (json!({ "subscriptions": 2 }), "at least in each"),
        (json!({ "some": [{ "clusters": [1] }] }), "count from 0 to 0"),
        (
            json!({ "given": { "cluster": { "kubernetes_version": "one" } } }),
            "not a Kubernetes version",
        ),
    ] {
        let error = simulator.put_fleet(&serde_json::from_value(given).unwrap()).unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
    }
}
