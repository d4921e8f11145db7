//! Clusters of which a case says no more than that they are there: rows of lists.

use serde_json::{Value, json};

use crate::{
    cluster::{data_encryption::PROFILE, kms_profile},
    given::{OtherCluster, OtherSubscription},
    names::LOCATION,
    world::World,
};

/// Those of the case's own subscription.
pub(super) fn of_case(world: &World) -> Vec<Value> {
    let clusters = &world.given.other_clusters;
    clusters.iter().map(|cluster| document(world, &world.names.subscription, cluster)).collect()
}

/// Those of another subscription.
pub(super) fn of(world: &World, subscription: &OtherSubscription) -> Vec<Value> {
    let clusters = &subscription.clusters;
    clusters.iter().map(|cluster| document(world, &subscription.id, cluster)).collect()
}

fn document(world: &World, subscription: &str, cluster: &OtherCluster) -> Value {
    let OtherCluster { name, kubernetes_version, provisioning_state, .. } = cluster;
    let group = &world.names.group;
    let mut security = json!({});
    if let Some(kms) = &cluster.kms {
        security["azureKeyVaultKms"] = kms_profile(kms, &world.names);
    }
    if cluster.infrastructure_encryption {
        security[PROFILE] = json!({ "infrastructureEncryption": "Enabled" });
    }
    json!({
        "id": format!(
            "/subscriptions/{subscription}/resourcegroups/{group}/providers/\
             Microsoft.ContainerService/managedClusters/{name}"
        ),
        "name": name,
        "type": "Microsoft.ContainerService/ManagedClusters",
        "location": LOCATION,
        "properties": {
            "provisioningState": provisioning_state,
            "powerState": { "code": "Running" },
            "kubernetesVersion": kubernetes_version,
            "currentKubernetesVersion": kubernetes_version,
            "nodeResourceGroup": format!("MC_{group}_{name}_{LOCATION}"),
            "securityProfile": security,
        },
    })
}
