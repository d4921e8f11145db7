//! `list_clusters`, which is a function: it needs no manager.

use std::{path::PathBuf, sync::Arc, time::Duration};

use aks_kms::{
    ClusterList, Error, ListClustersOptions, Subscriptions, Timing,
    azure_core::credentials::TokenCredential,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    access::certificates,
    arguments::{options, required},
    describe::{Generators, Verb, describe},
    verbs::json,
};

const NAME: &str = "list_clusters";

#[derive(Deserialize, JsonSchema)]
struct Given {
    /// Ids of the subscriptions. Default: all that the credential sees.
    subscriptions: Option<Vec<String>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct ListOptions {
    /// The Azure cloud: `public`, `us-government`, `china`, or the https address of a Resource Manager. Default:
    /// public.
    cloud: Option<String>,
    /// A file of certificate authorities in PEM, trusted for Azure on top of the platform's. Default: none.
    ca_bundle: Option<PathBuf>,
    /// The api-version of managed clusters. Default: the newest stable one that is known.
    api_version: Option<String>,
    /// Ask Resource Graph first, which can be minutes behind; else every subscription is asked itself. Default: true.
    resource_graph: bool,
    /// Time limit of the whole call, in seconds. Default: 5 minutes.
    timeout: f64,
}

impl Default for ListOptions {
    fn default() -> Self {
        let ListClustersOptions { resource_graph, timeout, .. } = ListClustersOptions::default();
        Self {
            cloud: None,
            ca_bundle: None,
            api_version: None,
            resource_graph,
            timeout: timeout.as_secs_f64(),
        }
    }
}

/// Lists clusters with the state of their KMS; gives the list as JSON. `timing` is for tests.
///
/// # Errors
/// Those of `list_clusters`, and `invalid_input` for arguments that are unknown or malformed.
pub async fn list_clusters(
    credential: Arc<dyn TokenCredential>,
    mut arguments: Map<String, Value>,
    timing: Option<Timing>,
) -> Result<String, Error> {
    let given: Given = required(&mut arguments, &["subscriptions"])?;
    let asked: ListOptions = options(arguments)?;
    let subscriptions = given.subscriptions.map_or(Subscriptions::All, Subscriptions::Ids);
    let defaults = ListClustersOptions::default();
    let timeout = Duration::try_from_secs_f64(asked.timeout)
        .map_err(|_| Error::invalid_input("timeout is no number of seconds"))?;
    let options = ListClustersOptions {
        credential: Some(credential),
        cloud: asked.cloud.map_or(Ok(defaults.cloud), |cloud| cloud.parse())?,
        ca_bundle: asked.ca_bundle.as_deref().map(certificates).transpose()?,
        api_version: asked.api_version,
        resource_graph: asked.resource_graph,
        timeout,
        timing: timing.unwrap_or(defaults.timing),
        transport: None,
    };
    json(&aks_kms::list_clusters(subscriptions, options).await?)
}

/// The function, as the schema describes it.
pub(crate) fn function(generators: &mut Generators) -> Verb {
    let about = [
        "Lists the clusters of some subscriptions, or of all that the credential sees, with the state of their KMS.",
        "",
        "What could not be read is named in `unreadable`. Resource Graph is asked first; each subscription that it shows \
         no cluster of is asked itself.",
    ];
    describe::<Given, ListOptions, ClusterList>(generators, NAME, false, &about, &["subscriptions"])
}
