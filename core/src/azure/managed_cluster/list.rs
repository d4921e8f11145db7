//! Lists of managed clusters: of many subscriptions at once by Resource Graph, of one by itself.

use azure_core::http::Method;
use serde_json::{Value, json};

use super::facts::read_facts;
use crate::{
    azure::{
        action::AzureAction,
        call::{Call, CallTarget},
        client::Azure,
        resource_graph::GraphScope,
    },
    error::Result,
    facts::ClusterFacts,
    ids::ClusterId,
    text::{LONGEST_NAME, one_line},
};

/// Resource Graph looks into so many subscriptions at a time.
pub(super) const SUBSCRIPTIONS_OF_A_QUERY: usize = 1_000;
const SUBSCRIPTIONS_API_VERSION: &str = "2022-12-01";

/// The columns are what [`read_facts`] cannot do without, and what it makes a row of the list from: whole
/// documents of a thousand clusters would be too long for one response.
const QUERY: &str = "resources \
    | where type =~ 'microsoft.containerservice/managedclusters' \
    | project id, location, state = properties.provisioningState, \
    current = properties.currentKubernetesVersion, requested = properties.kubernetesVersion, \
    nodes = properties.nodeResourceGroup, security = properties.securityProfile \
    | order by id asc";

/// A row of a list.
#[derive(Debug)]
pub(crate) enum ListedCluster {
    Known(Box<ClusterFacts>),
    Unknown(UnknownCluster),
}

/// A row of which it cannot be told what the cluster is like.
#[derive(Debug)]
pub(crate) struct UnknownCluster {
    /// As it was given; empty where it was not.
    pub(crate) id: String,
    /// What is wrong with the row.
    pub(crate) problem: String,
}

impl UnknownCluster {
    /// The subscription that it is in, in lower case, if its id says so.
    pub(crate) fn subscription_id(&self) -> Option<String> {
        let (_, id) = self.id.split_once("/subscriptions/")?;
        id.split('/').next().filter(|id| !id.is_empty()).map(str::to_ascii_lowercase)
    }
}

impl Azure {
    /// The clusters that Resource Graph shows of these subscriptions, of which it takes so many at a
    /// time. It leaves out what the credential may not read without a word, and it can lag behind.
    pub(crate) async fn search_clusters(
        &self,
        subscriptions: &[String],
    ) -> Result<Vec<ListedCluster>> {
        let mut clusters = Vec::new();
        for some in subscriptions.chunks(SUBSCRIPTIONS_OF_A_QUERY) {
            let what = format!(
                "search for the managed clusters of {} subscriptions by Resource Graph",
                some.len()
            );
            let rows = self.resource_graph(&what, QUERY, GraphScope::Subscriptions(some)).await?;
            clusters.extend(rows.iter().map(|row| listed(&document(row))));
        }
        Ok(clusters)
    }

    /// The clusters of a subscription, asked of the subscription itself.
    pub(crate) async fn clusters_of(&self, subscription_id: &str) -> Result<Vec<ListedCluster>> {
        let target = CallTarget::Management {
            path: format!(
                "/subscriptions/{subscription_id}/providers/Microsoft.ContainerService/managedClusters"
            ),
            api_version: self.managed_clusters_api_version.clone(),
        };
        let what = format!("list the managed clusters of subscription {subscription_id}");
        let call = Call::new(Method::Get, target, what, AzureAction::ReadCluster);
        Ok(self.list(call).await?.iter().map(listed).collect())
    }

    /// The ids of the subscriptions that the credential sees.
    pub(crate) async fn subscriptions(&self) -> Result<Vec<String>> {
        let what = "list the subscriptions that the credential sees";
        let action = AzureAction::ReadSubscriptions;
        let call = Call::get("/subscriptions", SUBSCRIPTIONS_API_VERSION, what, action);
        let id = |subscription: &Value| {
            let id = subscription.get("subscriptionId")?.as_str()?;
            // Nothing can be read in a subscription that was deleted.
            (subscription["state"] != "Deleted" && uuid::Uuid::try_parse(id).is_ok())
                .then(|| id.to_owned())
        };
        Ok(self.list(call).await?.iter().filter_map(id).collect())
    }
}

/// A row of Resource Graph as the cluster's document has it.
fn document(row: &Value) -> Value {
    json!({
        "id": row["id"],
        "location": row["location"],
        "properties": {
            "provisioningState": row["state"],
            "currentKubernetesVersion": row["current"],
            "kubernetesVersion": row["requested"],
            "nodeResourceGroup": row["nodes"],
            "securityProfile": row["security"],
        },
    })
}

fn listed(cluster: &Value) -> ListedCluster {
    let given = one_line(cluster["id"].as_str().unwrap_or_default(), 3 * LONGEST_NAME);
    let read = ClusterId::parse(&given).map_err(|_| "id").and_then(|id| read_facts(&id, cluster));
    match read {
        Ok(facts) => ListedCluster::Known(Box::new(facts)),
        Err(field) => ListedCluster::Unknown(UnknownCluster {
            id: given,
            problem: format!("{field} is missing or malformed"),
        }),
    }
}
