//! Lists of clusters on the simulator: many of them, and what stands in the way.

use std::collections::BTreeSet;

use aks_kms::{ErrorKind, KmsManager, ListClustersOptions, StatusOptions, list_clusters};
use serde_json::{Value, json};

use crate::common;

fn id(number: usize) -> String {
    format!("{number:08x}-0000-4000-8000-000000000000")
}

/// Subscriptions with 25 clusters each, of which every other one has KMS; the last has none.
fn given(subscriptions: usize) -> Value {
    let subscriptions = (0..subscriptions).map(|number| {
        let count = if number + 1 == subscriptions { 0 } else { 25 };
        let clusters = (0..count).map(|cluster| {
            let name = format!("aks-{number}-{cluster}");
            json!({"name": name, "kms": {"key": "{{key.1}}", "enabled": cluster % 2 == 0}})
        });
        json!({"id": id(number), "clusters": clusters.collect::<Vec<_>>()})
    });
    json!({"other_subscriptions": subscriptions.collect::<Vec<_>>()})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_clusters_are_the_same_by_either_way() {
    let simulator = common::simulator().await;
    let case = simulator.put_case(serde_json::from_value(given(41)).unwrap()).await.unwrap();
    let ids: Vec<String> = (0..41).map(id).collect();
    let searched = list_clusters(ids.as_slice(), common::list_options(&case)).await.unwrap();
    let options = ListClustersOptions { resource_graph: false, ..common::list_options(&case) };
    let listed = list_clusters(ids, options).await.unwrap();
    assert_eq!(searched, listed);
    assert!(searched.is_complete());
    assert_eq!(searched.clusters.len(), 1_000);
    assert_eq!(searched.iter().filter(|cluster| cluster.enabled).count(), 40 * 13);
    let distinct: BTreeSet<String> =
        searched.iter().map(|cluster| cluster.id.to_string()).collect();
    assert_eq!(distinct.len(), 1_000);
    assert_eq!(searched.to_string().lines().count(), 1_002, "a line each, and two above");
}

/// What the list says of a cluster is what its status says.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_is_the_status_of_its_cluster() {
    let simulator = common::simulator().await;
    for cluster in [
        json!({}),
        json!({"kms": {"key": "{{key.1}}"}}),
        json!({"kms": {"key": "{{key.1}}", "network_mode": "private"}, "vnet_integration": true}),
        json!({"kms": {"key": "{{key.1}}"}, "kubernetes_version": "1.26.3"}),
        json!({"kms": {"key": "{{key.1}}"}, "infrastructure_encryption": true}),
        json!({"infrastructure_encryption": true, "provisioning_state": "Failed"}),
    ] {
        let given = serde_json::from_value(json!({"cluster": cluster})).unwrap();
        let case = simulator.put_case(given).await.unwrap();
        for resource_graph in [true, false] {
            let options = ListClustersOptions { resource_graph, ..common::list_options(&case) };
            let list = list_clusters([case.subscription_id.as_str()], options).await.unwrap();
            let [row] = list.clusters.as_slice() else { panic!("{list}") };
            let manager: KmsManager = common::manager(&case);
            let status = manager.status(StatusOptions::default()).await.unwrap();
            let mut row = serde_json::to_value(row).unwrap();
            let status = serde_json::to_value(status).unwrap();
            assert_eq!(row["id"], status["cluster"]);
            for name in ["id", "name", "resource_group"] {
                row.as_object_mut().unwrap().remove(name);
            }
            for (name, value) in row.as_object().unwrap() {
                assert_eq!(*value, status[name], "{name} of {cluster}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_takes_too_long_says_so() {
    let simulator = common::simulator().await;
    let given = json!({"faults": {"azure": [{"path": "/", "status": 503}]}});
    let case = simulator.put_case(serde_json::from_value(given).unwrap()).await.unwrap();
    let timeout = std::time::Duration::from_millis(1);
    let options = ListClustersOptions { timeout, ..common::list_options(&case) };
    let error = list_clusters([case.subscription_id.as_str()], options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert!(error.to_string().contains("raise timeout"), "{error}");
}
