//! Routes of `Microsoft.ContainerService`.

use super::{Named, Parts, Target, named};
use crate::arm::versions::Provider;

type Found = Option<(&'static str, Target)>;

pub(super) fn route(method: &str, group: Option<&str>, path: &[&str]) -> Option<Parts> {
    let (action, target) = match (method, group, path) {
        ("GET", None, ["locations", _, "operations", id]) => (
            "Microsoft.ContainerService/locations/operations/read",
            Target::Operation((*id).to_owned()),
        ),
        ("GET", None, ["locations", _, "operationresults", id]) => (
            "Microsoft.ContainerService/locations/operationresults/read",
            Target::OperationResult((*id).to_owned()),
        ),
        ("GET", None, ["locations", _, "kubernetesversions"]) => (
            "Microsoft.ContainerService/locations/kubernetesversions/read",
            Target::KubernetesVersions,
        ),
        ("GET", group, ["managedclusters"]) => (
            "Microsoft.ContainerService/managedClusters/read",
            Target::Clusters(group.map(str::to_owned)),
        ),
        (method, Some(group), ["managedclusters", name, rest @ ..]) => {
            let cluster = named(group, name);
            match rest {
                [] => cluster_itself(method, cluster)?,
                ["agentpools", rest @ ..] => agent_pools(method, cluster, rest)?,
                rest if method == "POST" => cluster_action(cluster, rest)?,
                rest if method == "GET" => cluster_part(cluster, rest)?,
                _ => return None,
            }
        }
        _ => return None,
    };
    Some((Provider::ContainerService, action, target))
}

fn cluster_itself(method: &str, cluster: Named) -> Found {
    let write = "Microsoft.ContainerService/managedClusters/write";
    match method {
        "GET" => {
            Some(("Microsoft.ContainerService/managedClusters/read", Target::Cluster(cluster)))
        }
        "PUT" => Some((write, Target::PutCluster(cluster))),
        "PATCH" => Some((write, Target::PatchCluster(cluster))),
        "DELETE" => Some((
            "Microsoft.ContainerService/managedClusters/delete",
            Target::DeleteCluster(cluster),
        )),
        _ => None,
    }
}

fn cluster_action(cluster: Named, path: &[&str]) -> Found {
    let [action] = path else {
        return None;
    };
    match *action {
        "listclusterusercredential" => Some((
            "Microsoft.ContainerService/managedClusters/listClusterUserCredential/action",
            Target::Credential { cluster, admin: false },
        )),
        "listclusteradmincredential" => Some((
            "Microsoft.ContainerService/managedClusters/listClusterAdminCredential/action",
            Target::Credential { cluster, admin: true },
        )),
        "stop" => Some((
            "Microsoft.ContainerService/managedClusters/stop/action",
            Target::StopCluster(cluster),
        )),
        "start" => Some((
            "Microsoft.ContainerService/managedClusters/start/action",
            Target::StartCluster(cluster),
        )),
        "abort" => Some((
            "Microsoft.ContainerService/managedClusters/abort/action",
            Target::AbortCluster(cluster),
        )),
        "runcommand" => Some((
            "Microsoft.ContainerService/managedClusters/runCommand/action",
            Target::RunCommand(cluster),
        )),
        _ => None,
    }
}

fn cluster_part(cluster: Named, path: &[&str]) -> Found {
    match path {
        ["upgradeprofiles", "default"] => Some((
            "Microsoft.ContainerService/managedClusters/upgradeProfiles/read",
            Target::UpgradeProfile(cluster),
        )),
        ["availableagentpoolversions"] => Some((
            "Microsoft.ContainerService/managedClusters/availableAgentPoolVersions/read",
            Target::AgentPoolVersions(cluster),
        )),
        ["commandresults", id] => Some((
            "Microsoft.ContainerService/managedClusters/commandResults/read",
            Target::CommandResult(cluster, (*id).to_owned()),
        )),
        _ => None,
    }
}

fn agent_pools(method: &str, cluster: Named, path: &[&str]) -> Found {
    let read = "Microsoft.ContainerService/managedClusters/agentPools/read";
    match (method, path) {
        ("GET", []) => Some((read, Target::AgentPools(cluster))),
        ("GET", [pool]) => Some((read, Target::AgentPool(cluster, (*pool).to_owned()))),
        ("PUT", [pool]) => Some((
            "Microsoft.ContainerService/managedClusters/agentPools/write",
            Target::PutAgentPool(cluster, (*pool).to_owned()),
        )),
        ("DELETE", [pool]) => Some((
            "Microsoft.ContainerService/managedClusters/agentPools/delete",
            Target::DeleteAgentPool(cluster, (*pool).to_owned()),
        )),
        ("GET", [pool, "upgradeprofiles", "default"]) => Some((
            "Microsoft.ContainerService/managedClusters/agentPools/upgradeProfiles/read",
            Target::AgentPoolUpgradeProfile(cluster, (*pool).to_owned()),
        )),
        _ => None,
    }
}
