//! [`list_clusters`]: the clusters of some subscriptions, and what KMS they have.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::Arc,
    time::Duration,
};

use azure_core::{credentials::TokenCredential, http::Transport};
use futures::{StreamExt, stream};

use crate::{
    azure::{Azure, AzureConfig, Cloud, ListedCluster, UnknownCluster},
    error::{Error, ErrorKind, Result},
    ids::{ClusterId, ParseError},
    options::Timing,
    report::{ClusterList, ClusterSummary, UnreadableResource},
};

/// So many subscriptions are asked at once.
const AT_A_TIME: usize = 32;
/// How long it may take, where nothing else is asked for.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(300);

/// Which subscriptions are looked into.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Subscriptions {
    /// Every one that the credential sees.
    All,
    /// Those with these ids.
    Ids(Vec<String>),
}

impl Subscriptions {
    /// Refuses ids that are none, or too many.
    pub(crate) fn check(&self) -> Result<()> {
        match self {
            Self::All => Ok(()),
            Self::Ids(ids) => check(ids),
        }
    }
}

impl<T: Into<String>> From<Vec<T>> for Subscriptions {
    fn from(ids: Vec<T>) -> Self {
        Self::Ids(ids.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<String>, const N: usize> From<[T; N]> for Subscriptions {
    fn from(ids: [T; N]) -> Self {
        Self::Ids(ids.into_iter().map(Into::into).collect())
    }
}

impl<T: AsRef<str>> From<&[T]> for Subscriptions {
    fn from(ids: &[T]) -> Self {
        Self::Ids(ids.iter().map(|id| id.as_ref().to_owned()).collect())
    }
}

/// Options of [`list_clusters`].
#[derive(Clone)]
pub struct ListClustersOptions {
    /// What gets tokens for Azure. Required.
    pub credential: Option<Arc<dyn TokenCredential>>,
    /// The Azure cloud. Default: public.
    pub cloud: Cloud,
    /// Certificate authorities in PEM, trusted for Azure on top of the platform's. Default: none.
    pub ca_bundle: Option<Vec<u8>>,
    /// The api-version of managed clusters. Default: the newest stable one that this crate knows.
    pub api_version: Option<String>,
    /// Sends requests to Azure another way, as with any Azure SDK client. Replaces `ca_bundle`. Default: none.
    pub transport: Option<Transport>,
    /// Ask Resource Graph first, which answers for a thousand subscriptions at a time, but can be minutes behind,
    /// and may not yet show what the newest api-version added. `false`: every subscription is asked itself.
    /// Default: true.
    pub resource_graph: bool,
    /// Time limit of the whole call. Default: 5 minutes.
    pub timeout: Duration,
    /// Every wait of the crate: for tests.
    #[doc(hidden)]
    pub timing: Timing,
}

impl Default for ListClustersOptions {
    fn default() -> Self {
        Self {
            credential: None,
            cloud: Cloud::Public,
            ca_bundle: None,
            api_version: None,
            transport: None,
            resource_graph: true,
            timeout: TIMEOUT,
            timing: Timing::default(),
        }
    }
}

impl fmt::Debug for ListClustersOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListClustersOptions")
            .field("credential", &self.credential.is_some())
            .field("cloud", &self.cloud)
            .field("api_version", &self.api_version)
            .field("resource_graph", &self.resource_graph)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// Lists the clusters of some subscriptions, or of all that the credential sees, with the state of their KMS.
///
/// It replaces this, in each subscription:
/// `az aks list --query "[].{Name:name, KmsEnabled:securityProfile.azureKeyVaultKms.enabled, …}" --output table`.
///
/// Resource Graph is asked first. Each subscription that it shows no cluster of is asked itself, so that one without
/// clusters can be told from one that may not be read. Where Resource Graph cannot be used, all are; 32 at a time.
///
/// What could not be read is named in [`ClusterList::unreadable`]. A credential that may read single resource groups
/// gets the clusters of these, and nothing tells of the others; and a cluster whose change Resource Graph does not know
/// yet is shown as it was. [`KmsManager::status`](crate::KmsManager::status) asks the cluster itself.
///
/// ```no_run
/// # use std::sync::Arc;
/// # use aks_kms::azure_core::credentials::TokenCredential;
/// # async fn example(credential: Arc<dyn TokenCredential>) -> aks_kms::Result<()> {
/// use aks_kms::{ListClustersOptions, list_clusters};
///
/// let options = ListClustersOptions { credential: Some(credential), ..Default::default() };
/// let list = list_clusters(["8ecadfc9-d1a3-4ea4-b844-0d9f87e4d7c8"], options).await?;
/// print!("{list}");
/// for cluster in list.iter().filter(|cluster| !cluster.enabled) {
///     println!("{} has no KMS", cluster.id);
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// [`invalid_input`](ErrorKind::InvalidInput) for a list that is empty or has an id that is malformed or there twice,
/// and for a missing credential; where no subscription at all can be read, what keeps the first one from it, such as
/// [`forbidden`](ErrorKind::Forbidden) or [`not_found`](ErrorKind::NotFound); [`not_found`](ErrorKind::NotFound) where
/// the credential sees none; [`unauthenticated`](ErrorKind::Unauthenticated); [`timeout`](ErrorKind::Timeout).
pub async fn list_clusters(
    subscriptions: impl Into<Subscriptions> + Send,
    options: ListClustersOptions,
) -> Result<ClusterList> {
    let subscriptions = subscriptions.into();
    subscriptions.check()?;
    let azure = Azure::new(AzureConfig {
        cloud: options.cloud,
        credential: options.credential,
        transport: options.transport,
        ca_bundle: options.ca_bundle,
        api_version: options.api_version,
        timing: options.timing,
    })?;
    list_in_time(&azure, subscriptions, options.resource_graph, options.timeout).await
}

/// Lists the clusters of subscriptions that were checked.
pub(crate) async fn list_in_time(
    azure: &Azure,
    subscriptions: Subscriptions,
    graph: bool,
    limit: Duration,
) -> Result<ClusterList> {
    let work = Box::pin(list(azure, subscriptions, graph));
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
        let message = format!(
            "could not list the clusters within the time limit of {:.0} s; ask for fewer subscriptions at a time, or \
             raise timeout",
            limit.as_secs_f64()
        );
        Err(Error::new(ErrorKind::Timeout, message))
    })
}

/// Refuses ids that are none, or too many.
fn check(ids: &[String]) -> Result<()> {
    if ids.is_empty() {
        let message = "subscriptions is an empty list; pass the ids that `az account list --query [].id` prints, or \
                       ask for all that the credential sees";
        return Err(Error::new(ErrorKind::InvalidInput, message));
    }
    let mut seen = HashSet::new();
    for id in ids {
        if id.len() != 36 || uuid::Uuid::try_parse(id).is_err() {
            let hint = "`az account list --query [].id` prints them";
            let error = ParseError::new("subscriptions", id, "the id of a subscription", hint);
            return Err(error.into());
        }
        if !seen.insert(id.to_ascii_lowercase()) {
            let message = format!("subscriptions has {id} twice; pass each subscription once");
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
    }
    Ok(())
}

async fn list(azure: &Azure, subscriptions: Subscriptions, graph: bool) -> Result<ClusterList> {
    let ids = match subscriptions {
        Subscriptions::Ids(ids) => ids,
        Subscriptions::All => azure.subscriptions().await?,
    };
    if ids.is_empty() {
        let message = "the credential sees no subscription; give it the role Reader in those that are to be listed";
        return Err(Error::new(ErrorKind::NotFound, message));
    }
    let mut gathered = Gathered::default();
    if graph {
        match azure.search_clusters(&ids).await {
            Ok(rows) => gathered.add_searched(rows, &ids),
            Err(error) if error.kind() == ErrorKind::Unauthenticated => return Err(error),
            Err(error) => tracing::info!(%error, "each subscription is asked itself"),
        }
    }
    let left = ids.iter().filter(|id| !gathered.has_seen(id));
    let ask = left.map(|id| async move { (id, azure.clusters_of(id).await) });
    let mut answers = stream::iter(ask.collect::<Vec<_>>()).buffered(AT_A_TIME);
    let mut refusals = Vec::new();
    while let Some((id, answer)) = answers.next().await {
        match answer {
            Ok(rows) => gathered.add(rows),
            Err(error) if error.kind() == ErrorKind::Unauthenticated => return Err(error),
            Err(error) => refusals.push((id, error)),
        }
    }
    if refusals.len() < ids.len() {
        return Ok(gathered.finished(refusals));
    }
    let mut errors = refusals.into_iter().map(|(_, error)| error);
    let first = errors.next().unwrap_or_else(|| Error::internal("no subscription was asked"));
    Err(match errors.len() {
        0 => first,
        others => {
            first.with_context(&format!("nor could the {others} other subscriptions be read"))
        }
    })
}

/// What the answers say, so far.
#[derive(Default)]
struct Gathered {
    clusters: HashMap<ClusterId, ClusterSummary>,
    unknown: Vec<UnknownCluster>,
    /// Subscriptions that Resource Graph shows clusters of, in lower case.
    seen: HashSet<String>,
}

impl Gathered {
    fn has_seen(&self, id: &str) -> bool {
        self.seen.contains(&id.to_ascii_lowercase())
    }

    /// Adds what Resource Graph shows. A subscription with a row that is not understood counts as not seen.
    fn add_searched(&mut self, rows: Vec<ListedCluster>, asked: &[String]) {
        let asked: HashSet<String> = asked.iter().map(|id| id.to_ascii_lowercase()).collect();
        let mut unclear = HashSet::new();
        let mut known = Vec::new();
        for row in rows {
            match row {
                ListedCluster::Known(facts) => known.push(facts.summary()),
                ListedCluster::Unknown(cluster) => match cluster.subscription_id() {
                    Some(id) => drop(unclear.insert(id)),
                    None => return,
                },
            }
        }
        for cluster in known {
            let id = cluster.id.subscription_id().to_ascii_lowercase();
            if asked.contains(&id) && !unclear.contains(&id) {
                self.seen.insert(id);
                self.clusters.insert(cluster.id.clone(), cluster);
            }
        }
    }

    /// Adds what a subscription itself says.
    fn add(&mut self, rows: Vec<ListedCluster>) {
        for row in rows {
            match row {
                ListedCluster::Known(facts) => {
                    let cluster = facts.summary();
                    self.clusters.insert(cluster.id.clone(), cluster);
                }
                ListedCluster::Unknown(cluster) => self.unknown.push(cluster),
            }
        }
    }

    fn finished(self, refusals: Vec<(&String, Error)>) -> ClusterList {
        let mut clusters: Vec<ClusterSummary> = self.clusters.into_values().collect();
        clusters.sort_by_cached_key(|cluster| cluster.id.to_string().to_lowercase());
        let subscriptions = refusals.into_iter().map(|(id, error)| {
            let resource = format!("/subscriptions/{id}");
            UnreadableResource::new(resource, error.code(), error.to_string())
        });
        let unknown = self.unknown.into_iter().map(|cluster| {
            let code = ErrorKind::Unexpected.code();
            let message = format!("the response is not understood: {}", cluster.problem);
            UnreadableResource::new(cluster.id, code, message)
        });
        ClusterList { clusters, unreadable: subscriptions.chain(unknown).collect() }
    }
}

#[cfg(test)]
#[path = "list_clusters_tests.rs"]
mod tests;
