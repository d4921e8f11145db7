//! What the cluster user may do: everything, less what a case takes away, or only what it gives.

use serde_json::{Value, json};

use super::client::Client;
use crate::given::{Access, KubernetesRight};

/// Name of the cluster user.
pub(super) const CLUSTER_USER: &str = "cluster-user";

const VERBS: [&str; 7] = ["get", "list", "watch", "create", "update", "patch", "delete"];
/// API group and plural of what the cluster user can get to when a right is missing.
const RESOURCES: [(&str, &str); 6] = [
    ("", "secrets"),
    ("", "namespaces"),
    ("", "nodes"),
    ("", "pods"),
    ("", "configmaps"),
    ("coordination.k8s.io", "leases"),
];
/// Paths that need a right. (Others, such as `/readyz`, are open to everybody.)
const PATHS: [&str; 2] = ["/metrics", "/readyz/kms-providers"];

/// RBAC can only give. So a missing right is a role with all the others, and one that is missing
/// in some namespaces is given in each of the others.
pub(super) async fn give(
    client: &Client,
    access: &Access,
    namespaces: &[String],
) -> Result<(), String> {
    let lacks = &access.kubernetes_lacks;
    if let Some(rights) = &access.kubernetes_role {
        if !lacks.is_empty() {
            return Err("kubernetes_role already says what the cluster user lacks".to_owned());
        }
        return give_only(client, rights).await;
    }
    if lacks.is_empty() {
        return bind(client, "cluster-admin", None).await;
    }
    let rights = Rights::without(lacks)?;
    role(client, "aks-kms-simulator-everywhere", rights.everywhere).await?;
    bind(client, "aks-kms-simulator-everywhere", None).await?;
    for namespace in namespaces {
        let rules: Vec<Value> = rights
            .somewhere
            .iter()
            .filter(|right| !right.not_in.contains(&namespace.as_str()))
            .map(|right| resource_rule(right.group, right.resource, right.verb))
            .collect();
        if !rules.is_empty() {
            let name = format!("aks-kms-simulator-in-{namespace}");
            role(client, &name, rules).await?;
            bind(client, &name, Some(namespace)).await?;
        }
    }
    Ok(())
}

/// Gives the cluster user these rights, and no others.
async fn give_only(client: &Client, rights: &[KubernetesRight]) -> Result<(), String> {
    for (number, right) in rights.iter().enumerate() {
        let name = format!("aks-kms-simulator-right-{number}");
        role(client, &name, vec![only(right)]).await?;
        bind(client, &name, right.namespace.as_ref()).await?;
    }
    Ok(())
}

/// The rule of one right.
fn only(right: &KubernetesRight) -> Value {
    if right.resource.starts_with('/') {
        return json!({"nonResourceURLs": [right.resource], "verbs": [right.verb]});
    }
    let group = if right.resource == "leases" { "coordination.k8s.io" } else { "" };
    let mut rule = resource_rule(group, &right.resource, &right.verb);
    if let Some(name) = &right.name {
        rule["resourceNames"] = json!([name]);
    }
    rule
}

#[derive(Debug, Default)]
struct Rights<'a> {
    everywhere: Vec<Value>,
    somewhere: Vec<Somewhere<'a>>,
}

#[derive(Debug)]
struct Somewhere<'a> {
    group: &'static str,
    resource: &'static str,
    verb: &'static str,
    not_in: Vec<&'a str>,
}

impl<'a> Rights<'a> {
    fn without(lacks: &'a [KubernetesRight]) -> Result<Self, String> {
        let can_lack = |right: &&KubernetesRight| {
            PATHS.contains(&right.resource.as_str())
                || VERBS.contains(&right.verb.as_str())
                    && RESOURCES.iter().any(|(_, resource)| *resource == right.resource)
        };
        if let Some(unknown) = lacks.iter().find(|right| !can_lack(right)) {
            return Err(format!(
                "the cluster user has no right to {} {} that could be taken away",
                unknown.verb, unknown.resource
            ));
        }
        let mut rights = Self::default();
        for path in PATHS {
            if !lacks.iter().any(|right| right.resource == path) {
                rights.everywhere.push(json!({"nonResourceURLs": [path], "verbs": ["get"]}));
            }
        }
        for ((group, resource), verb) in
            RESOURCES.into_iter().flat_map(|resource| VERBS.map(|verb| (resource, verb)))
        {
            let missing: Vec<Option<&str>> = lacks
                .iter()
                .filter(|right| right.resource == resource && right.verb == verb)
                .map(|right| right.namespace.as_deref())
                .collect();
            if missing.is_empty() {
                rights.everywhere.push(resource_rule(group, resource, verb));
            } else if let Some(not_in) = missing.into_iter().collect() {
                rights.somewhere.push(Somewhere { group, resource, verb, not_in });
            }
        }
        Ok(rights)
    }
}

fn resource_rule(group: &str, resource: &str, verb: &str) -> Value {
    json!({"apiGroups": [group], "resources": [resource], "verbs": [verb]})
}

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";

async fn role(client: &Client, name: &str, rules: Vec<Value>) -> Result<(), String> {
    let role = json!({"metadata": {"name": name}, "rules": rules});
    client.create(&format!("{RBAC}/clusterroles"), role).await
}

async fn bind(client: &Client, role: &str, namespace: Option<&String>) -> Result<(), String> {
    let binding = json!({
        "metadata": {"name": format!("{CLUSTER_USER}-has-{role}")},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": CLUSTER_USER}],
    });
    let path = match namespace {
        Some(namespace) => format!("{RBAC}/namespaces/{namespace}/rolebindings"),
        None => format!("{RBAC}/clusterrolebindings"),
    };
    client.create(&path, binding).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn right(verb: &str, resource: &str, namespace: Option<&str>) -> KubernetesRight {
        KubernetesRight {
            verb: verb.to_owned(),
            resource: resource.to_owned(),
            namespace: namespace.map(str::to_owned),
            name: None,
        }
    }

    #[test]
    fn a_missing_right_leaves_the_others() {
        let lacks = [right("watch", "secrets", None), right("get", "/metrics", None)];
        let rights = Rights::without(&lacks).unwrap();
        assert_eq!(rights.everywhere.len(), VERBS.len() * RESOURCES.len() - 1 + PATHS.len() - 1);
        assert!(!rights.everywhere.contains(&resource_rule("", "secrets", "watch")));
        assert!(rights.everywhere.contains(&resource_rule("", "secrets", "patch")));
        assert!(rights.somewhere.is_empty());
    }

    #[test]
    fn a_right_that_is_missing_in_one_namespace_is_given_in_the_others() {
        let lacks = [right("list", "secrets", Some("team-2"))];
        let rights = Rights::without(&lacks).unwrap();
        assert!(!rights.everywhere.contains(&resource_rule("", "secrets", "list")));
        assert_eq!(rights.somewhere.len(), 1);
        assert_eq!(rights.somewhere[0].not_in, ["team-2"]);
    }

    #[test]
    fn an_unknown_right_is_refused() {
        assert!(Rights::without(&[right("list", "secrtes", None)]).is_err());
    }
}
