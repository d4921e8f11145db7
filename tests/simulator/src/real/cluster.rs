//! What a cluster has besides secrets: namespaces, a node, a tunnel to it.

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};

use super::client::Client;
use crate::{
    backend::BackendSpec,
    cluster::earlier::{CLUSTER_UID, RECORD, SYSTEM},
};

const PATIENCE: Duration = Duration::from_secs(20);
const NODE: &str = "aks-nodepool1-10000000-vmss000000";

/// Makes it.
pub(super) async fn furnish(
    client: &Client,
    spec: &BackendSpec,
    namespaces: &[String],
) -> Result<(), String> {
    for namespace in namespaces {
        client.create("/api/v1/namespaces", json!({"metadata": {"name": namespace}})).await?;
    }
    let BackendSpec { subscription_id, node_resource_group, .. } = spec;
    let provider_id = format!(
        "azure:///subscriptions/{subscription_id}/resourceGroups/{node_resource_group}/providers/\
         Microsoft.Compute/virtualMachineScaleSets/aks-nodepool1-10000000-vmss/virtualMachines/0"
    );
    let node = json!({"metadata": {"name": NODE}, "spec": {"providerID": provider_id}});
    client.create("/api/v1/nodes", node).await?;
    if spec.given.cluster.konnectivity {
        tunnel(client).await?;
    }
    Ok(())
}

/// Makes the library's record.
pub(super) async fn record(client: &Client, record: &str) -> Result<(), String> {
    let uid = client.uid(&format!("/api/v1/namespaces/{SYSTEM}")).await?;
    let map = json!({
        "metadata": {"name": RECORD},
        "data": {"state.json": record.replace(CLUSTER_UID, &uid)},
    });
    client.create(&format!("/api/v1/namespaces/{SYSTEM}/configmaps"), map).await
}

/// A pod whose name says what it is.
async fn tunnel(client: &Client) -> Result<(), String> {
    let started = Instant::now();
    // The API server makes this namespace itself, soon after its start.
    while client.status("/api/v1/namespaces/kube-system").await? != 200 {
        if started.elapsed() > PATIENCE {
            return Err("there is no namespace kube-system".to_owned());
        }
        sleep(Duration::from_millis(50)).await;
    }
    let name = "konnectivity-agent-7d9f8b6c5-x2x4l";
    let pod = json!({
        "metadata": {"name": name, "labels": {"app": "konnectivity-agent"}},
        "spec": {"nodeName": NODE, "containers": [{"name": "konnectivity-agent", "image": "konnectivity-agent"}]},
    });
    let pods = "/api/v1/namespaces/kube-system/pods";
    client.create(pods, pod).await?;
    client.merge(&format!("{pods}/{name}/status"), json!({"status": {"phase": "Running"}})).await
}
