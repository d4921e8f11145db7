//! What is known of a cluster's Kubernetes API before anything is done: read-only.

mod permissions;
mod readable;
mod secrets;

use futures::{join, try_join};
use serde::Deserialize;

use super::{
    http::{
        paths::{value_free_list, with_query},
        request::{Accept, Request},
        status::{no_list, not_kubernetes},
        transport::KubernetesApi,
    },
    objects::{canary::CANARY, namespace::missing_namespaces},
    tables::{
        metrics::{ServerMetrics, scrape},
        table::{TablePage, parse_page},
    },
};
use crate::{
    error::{ErrorKind, Result},
    facts::{Fact, KubernetesFacts},
    limits::PageCount,
};

/// Enough nodes to see which resource groups they are in.
const NODES: &str = "50";
const PAGE: u32 = 500;
const METRICS_ATTEMPTS: u32 = 4;
/// How many requests are under way at a time where there is one for each right or namespace: all that are usual.
const AT_A_TIME: usize = 24;

/// What a verb is going to need.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Needs {
    /// To look.
    Status,
    /// To rewrite secrets.
    Rewrite,
}

/// What is looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ObserveScope<'a> {
    /// Only these namespaces; `None`: the whole cluster.
    pub(crate) namespaces: Option<&'a [String]>,
    pub(crate) needs: Needs,
    /// Where state and canary are kept.
    pub(crate) state_namespace: &'a str,
    /// Ask admission whether it would let secrets be patched.
    pub(crate) dry_run_patches: bool,
    pub(crate) count_secrets: bool,
    /// Keep a record in the cluster.
    pub(crate) journal: bool,
    /// A vault may be closed, and the health of KMS is watched afterwards.
    pub(crate) closes_vault: bool,
}

/// Looks at the Kubernetes API.
///
/// # Errors
/// It cannot be reached, or it does not let us in.
pub(crate) async fn observe(
    api: &KubernetesApi,
    scope: ObserveScope<'_>,
) -> Result<KubernetesFacts> {
    // The nodes tell whether anybody is there: where nobody is, the rest is dropped.
    let nodes = async {
        match node_resource_groups(api).await {
            Err(error) if !matches!(error.kind(), ErrorKind::Forbidden | ErrorKind::NotFound) => {
                Err(error)
            }
            nodes => Ok(Fact::from(nodes)),
        }
    };
    let rest = async {
        let (missing, konnectivity, metrics, secrets, unreadable, missing_namespaces, first) = join!(
            permissions::missing(api, scope),
            konnectivity(api),
            metrics(api),
            secrets::count(api, scope),
            readable::unreadable(api, scope),
            missing_namespaces(api, scope.namespaces.unwrap_or_default()),
            secrets::first_of_namespaces(api, scope),
        );
        let missing_permissions = Fact::from(missing);
        let (denied_patches, denied_canary) = join!(
            secrets::denied_patches(api, scope, &missing_permissions, first),
            secrets::denied_canary(api, scope, &missing_permissions),
        );
        let mean_secret_bytes = metrics.as_ref().ok().and_then(ServerMetrics::mean_secret_bytes);
        let host = api.host().to_owned();
        let written_hashes = Fact::from(metrics.as_ref().map(written_hashes));
        Ok(move |node_resource_groups| KubernetesFacts {
            host,
            node_resource_groups,
            missing_namespaces,
            konnectivity: Fact::from(konnectivity),
            missing_permissions,
            metrics: readable(&metrics),
            written_hashes,
            secrets,
            mean_secret_bytes,
            unreadable,
            denied_patches: denied_patches.into(),
            denied_canary: denied_canary.into(),
        })
    };
    let (node_resource_groups, facts) = try_join!(nodes, rest)?;
    Ok(facts(node_resource_groups))
}

/// The metrics of some API server. One that is restarting is asked again.
async fn metrics(api: &KubernetesApi) -> Result<ServerMetrics> {
    for tries in 1..METRICS_ATTEMPTS {
        match scrape(api).await {
            Err(error) if error.is_retryable() => {
                tokio::time::sleep(api.timing().pause(tries)).await;
            }
            outcome => return outcome,
        }
    }
    scrape(api).await
}

/// The hashes of the keys under which writes were counted.
fn written_hashes(metrics: &ServerMetrics) -> Vec<String> {
    let written = metrics.to_storage_by_key_hash.iter().filter(|(_, count)| **count > 0);
    written.map(|(hash, _)| hash.clone()).collect()
}

fn readable(metrics: &Result<ServerMetrics>) -> Fact<bool> {
    match metrics {
        Ok(_) => Fact::Known(true),
        Err(error) => match error.kind() {
            ErrorKind::Forbidden | ErrorKind::Unauthenticated | ErrorKind::NotFound => {
                Fact::Known(false)
            }
            _ => Fact::Unknown(error.to_string()),
        },
    }
}

#[derive(Deserialize)]
struct Nodes {
    items: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    spec: NodeSpec,
}

#[derive(Deserialize)]
struct NodeSpec {
    #[serde(default, rename = "providerID")]
    provider_id: String,
}

async fn node_resource_groups(api: &KubernetesApi) -> Result<Vec<String>> {
    let path = with_query("/api/v1/nodes", &[("limit", NODES)]);
    Ok(resource_groups(api.read(&Request::get(path, Accept::Json), "list nodes").await?))
}

fn resource_groups(nodes: Nodes) -> Vec<String> {
    let mut groups: Vec<String> = Vec::new();
    for node in nodes.items {
        let Some(group) = resource_group(&node.spec.provider_id) else { continue };
        if !groups.iter().any(|known| known.eq_ignore_ascii_case(&group)) {
            groups.push(group);
        }
    }
    groups
}

/// The resource id of the group in `azure:///subscriptions/<id>/resourceGroups/<group>/providers/…`.
/// With the subscription, because clusters of one name in two subscriptions have groups of one name.
fn resource_group(provider_id: &str) -> Option<String> {
    let mut segments = provider_id.strip_prefix("azure:///")?.split('/');
    let [subscriptions, subscription, groups, group] = [(); 4].map(|()| segments.next());
    let fits = subscriptions?.eq_ignore_ascii_case("subscriptions")
        && groups?.eq_ignore_ascii_case("resourceGroups");
    let (subscription, group) = (subscription?, group?);
    (fits && !subscription.is_empty() && !group.is_empty())
        .then(|| format!("/subscriptions/{subscription}/resourceGroups/{group}"))
}

async fn konnectivity(api: &KubernetesApi) -> Result<bool> {
    let doing = "list pods in namespace kube-system";
    let mut found = false;
    each_page(api, "/api/v1/namespaces/kube-system/pods", None, doing, |page| {
        found = page.names.iter().any(|name| name.starts_with("konnectivity-agent-"));
        !found
    })
    .await?;
    Ok(found)
}

/// Reads a list page by page, from its beginning or behind a continue token, until `goes_on` has
/// enough.
async fn each_page(
    api: &KubernetesApi,
    path: &str,
    behind: Option<String>,
    doing: &str,
    mut goes_on: impl FnMut(&mut TablePage) -> bool,
) -> Result<()> {
    let (mut token, mut count) = (behind, PageCount::default());
    loop {
        let mut page = list_page(api, path, PAGE, token.as_deref(), doing).await?;
        count.one_more().map_err(|why| no_list(doing, api.host(), &why))?;
        if !goes_on(&mut page) || page.continue_token.is_none() {
            return Ok(());
        }
        token = page.continue_token;
    }
}

/// A page of a list, without anything of the objects' content.
pub(super) async fn list_page(
    api: &KubernetesApi,
    path: &str,
    limit: u32,
    continue_token: Option<&str>,
    doing: &str,
) -> Result<TablePage> {
    let path = value_free_list(path, limit, continue_token);
    let response = api.call(&Request::get(path, Accept::Table), doing).await?;
    let page = parse_page(&response.body).map_err(|_| not_kubernetes(doing, api.host()))?;
    // A next page that is the page itself would be read for ever.
    if page.continue_token.is_some() && page.continue_token.as_deref() == continue_token {
        return Err(not_kubernetes(doing, api.host()));
    }
    Ok(page)
}

#[cfg(test)]
mod tests;
