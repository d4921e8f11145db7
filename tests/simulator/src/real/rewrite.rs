//! How AKS rewrites secrets: by an empty patch through an API server, subject to admission.

use futures::{StreamExt, stream};
use reqwest::Method;
use serde_json::json;

use super::{client::Client, etcd::Etcd, store};

/// So many secrets are rewritten at once.
const CONCURRENCY: usize = 8;

/// Rewrites the `part`-th of `of` parts of the secrets, through all API servers in turn.
pub(super) async fn part(
    etcd: &Etcd,
    clients: &[Client],
    part: usize,
    of: usize,
) -> Result<(), String> {
    if clients.is_empty() {
        return Err("no API server runs".to_owned());
    }
    let secrets = store::secrets(etcd).await?;
    let these = secrets.into_iter().enumerate().filter(|(number, _)| number % of == part);
    // made before they are streamed: a future that a stream's closure makes is not `Send` enough
    let patches: Vec<_> = these
        .map(|(number, secret)| {
            let client = clients[number % clients.len()].clone();
            let path = format!("/api/v1/namespaces/{}/secrets/{}", secret.namespace, secret.name);
            async move {
                let nothing = ("application/merge-patch+json", json!({}));
                let answer = client.request(Method::PATCH, &path, Some(nothing)).await;
                let status = answer.map(|answer| answer.status);
                if status != Ok(200) {
                    tracing::debug!(path, ?status, "a secret could not be rewritten");
                }
            }
        })
        .collect();
    stream::iter(patches).buffer_unordered(CONCURRENCY).for_each(|()| async {}).await;
    Ok(())
}
