//! Routes of `Microsoft.ContainerService`.

use super::{Parts, Target, named};
use crate::arm::versions::Provider;

pub(super) fn route(method: &str, group: Option<&str>, path: &[&str]) -> Option<Parts> {
    let (action, target) = match (method, group, path) {
        ("GET", None, ["locations", _, "operations", id]) => (
            "Microsoft.ContainerService/locations/operations/read",
            Target::Operation((*id).to_owned()),
        ),
        ("GET", group, ["managedclusters"]) => (
            "Microsoft.ContainerService/managedClusters/read",
            Target::Clusters(group.map(str::to_owned)),
        ),
        (method, Some(group), ["managedclusters", name, rest @ ..]) => {
            let cluster = named(group, name);
            match (method, rest) {
                ("GET", []) => {
                    ("Microsoft.ContainerService/managedClusters/read", Target::Cluster(cluster))
                }
                ("PUT", []) => (
                    "Microsoft.ContainerService/managedClusters/write",
                    Target::PutCluster(cluster),
                ),
                ("POST", ["listclusterusercredential"]) => (
                    "Microsoft.ContainerService/managedClusters/listClusterUserCredential/action",
                    Target::Credential { cluster, admin: false },
                ),
                ("POST", ["listclusteradmincredential"]) => (
                    "Microsoft.ContainerService/managedClusters/listClusterAdminCredential/action",
                    Target::Credential { cluster, admin: true },
                ),
                ("GET", ["upgradeprofiles", "default"]) => (
                    "Microsoft.ContainerService/managedClusters/upgradeProfiles/read",
                    Target::UpgradeProfile(cluster),
                ),
                ("GET", ["agentpools"]) => (
                    "Microsoft.ContainerService/managedClusters/agentPools/read",
                    Target::AgentPools(cluster),
                ),
                ("GET", ["agentpools", pool]) => (
                    "Microsoft.ContainerService/managedClusters/agentPools/read",
                    Target::AgentPool(cluster, (*pool).to_owned()),
                ),
                _ => return None,
            }
        }
        _ => return None,
    };
    Some((Provider::ContainerService, action, target))
}
