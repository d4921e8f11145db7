//! PUT of a cluster that does not exist yet.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    Cluster, agent_pools,
    data_encryption::{self, Experience, PROFILE},
    defaults, kms,
    operation::{self, Operation, Work},
    update::{Preconditions, check_etag, identity},
    version::Version,
};
use crate::{arm::check_location, backend::EncryptionConfig, http::Answer, world::World};

/// Accepts the PUT and starts its operation.
pub(crate) fn create(
    world: &Arc<World>,
    group: &str,
    name: &str,
    mut body: Value,
    preconditions: Preconditions<'_>,
) -> Result<(Value, Operation), Answer> {
    check_etag(None, preconditions)?;
    check_body(&body, name)?;
    let names = world.names.another_cluster(group, name);
    identity(world, &names, &mut body)?;
    defaults::complete(&mut body, &names);
    check_node_group(&body)?;
    let version = body["properties"]["kubernetesVersion"].as_str().and_then(Version::parse);
    if !version.is_some_and(Version::is_offered) {
        let message = "The Kubernetes version is not supported in this region. Please use \
                       [az aks get-versions] to get the supported version list in this region.";
        return Err(Answer::flat_error(400, "K8sVersionNotSupported", message));
    }
    if world.given.data_encryption.by_default
        && version.is_some_and(|version| version.at_least(data_encryption::FIRST_MINOR))
        && Experience::of(&body) == Experience::Off
    {
        body["properties"]["securityProfile"][PROFILE] =
            json!({ "infrastructureEncryption": "Enabled" });
    }
    data_encryption::check(&Value::Null, &body, false, &EncryptionConfig::default())
        .map_err(|message| Answer::flat_error(400, "BadRequest", message))?;
    kms::complete(&mut body);
    body["properties"]["provisioningState"] = json!("Creating");
    for pool in body["properties"]["agentPoolProfiles"].as_array_mut().into_iter().flatten() {
        pool["provisioningState"] = json!("Creating");
    }
    let node_group = world.names.group_document(&names.node_group, &json!({}));
    world.groups().insert(names.node_group.to_ascii_lowercase(), node_group);
    let cluster = Arc::new(Cluster::new(names, body));
    let document = cluster.document();
    world.insert_cluster(cluster.clone());
    Ok((document, operation::start(world, &cluster, Work::Reconcile)))
}

/// The group that AKS makes for the nodes has a name like any other, made of group, cluster and region.
fn check_node_group(body: &Value) -> Result<(), Answer> {
    const LONGEST: usize = 80;
    let name = body["properties"]["nodeResourceGroup"].as_str().unwrap_or_default();
    let length = name.chars().count();
    if length <= LONGEST {
        return Ok(());
    }
    let message = format!(
        "The length of the node resource group name is too long. The maximum length is {LONGEST} and the \
         length of the value provided is {length}. Please see https://aka.ms/aks-naming-rules for more details."
    );
    Err(Answer::flat_error(400, "InvalidParameter", &message))
}

fn check_body(body: &Value, name: &str) -> Result<(), Answer> {
    check_location(body, "Microsoft.ContainerService/managedClusters")?;
    let edge = |character: Option<char>| character.is_some_and(char::is_alphanumeric);
    let inner = |character: char| character.is_ascii_alphanumeric() || "-_".contains(character);
    if name.len() > 63
        || !edge(name.chars().next())
        || !edge(name.chars().last())
        || !name.chars().all(inner)
    {
        let message = format!("The managed cluster name '{name}' is invalid.");
        return Err(Answer::flat_error(400, "InvalidParameter", &message));
    }
    if !body["properties"].is_object() {
        let message = "The properties of the managed cluster are required.";
        return Err(Answer::flat_error(400, "InvalidParameter", message));
    }
    let pools = body["properties"]["agentPoolProfiles"].as_array();
    let mut pools = pools.into_iter().flatten();
    if !pools.clone().all(|pool| pool["name"].as_str().is_some_and(agent_pools::is_name)) {
        let message = "Every agent pool must have a valid name.";
        return Err(Answer::flat_error(400, "InvalidParameter", message));
    }
    let has_system_pool = pools.any(|pool| pool["mode"] == "System");
    if !has_system_pool {
        let message = "Must define at least one system pool.";
        return Err(Answer::flat_error(400, "InvalidParameter", message));
    }
    let has_principal = body["identity"]["type"].is_string()
        || body["properties"]["servicePrincipalProfile"]["clientId"].is_string();
    if !has_principal {
        let message = "Provisioning of resource(s) for container service failed: either an \
                       identity or a service principal is required.";
        return Err(Answer::flat_error(400, "InvalidParameter", message));
    }
    Ok(())
}
