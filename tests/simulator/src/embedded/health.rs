//! Whether an API server process is ready.

use http::{Response, StatusCode};

use super::{
    body::{self, Body},
    cluster::Cluster,
    process::Process,
};

/// `/readyz`.
pub(super) async fn ready(cluster: &Cluster, process: &Process) -> Response<Body> {
    let mut checks = vec![
        ("ping", true),
        ("etcd", true),
        ("informer-sync", process.synced(&cluster.store.seals()).await),
    ];
    if process.transformers.kms().next().is_some() {
        checks.push(("kms-providers", process.check_plugins().await.is_ok()));
    }
    if checks.iter().all(|(_, well)| *well) {
        return body::text("ok".to_owned());
    }
    let mut text: String = checks
        .into_iter()
        .map(|(name, well)| {
            if well {
                format!("[+]{name} ok\n")
            } else {
                format!("[-]{name} failed: reason withheld\n")
            }
        })
        .collect();
    text.push_str("readyz check failed\n");
    failed(text)
}

/// `/readyz/kms-providers`, which makes the process ask its plugins.
pub(super) async fn kms_providers(process: &Process) -> Response<Body> {
    if process.transformers.kms().next().is_none() {
        return body::no_such_page();
    }
    match process.check_plugins().await {
        Ok(()) => body::text("ok".to_owned()),
        Err(error) => failed(format!("internal server error: {error}\n")),
    }
}

fn failed(text: String) -> Response<Body> {
    let mut response = body::text(text);
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}
