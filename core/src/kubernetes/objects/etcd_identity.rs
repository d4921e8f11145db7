//! What tells one etcd from another, and how far it has come.

use serde::Deserialize;

use crate::{
    error::Result,
    kubernetes::{
        http::{
            paths::{leases_path, secrets_path},
            request::{Accept, Request},
            transport::KubernetesApi,
        },
        observe::list_page,
    },
};

/// An etcd, and how far it has come.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct EtcdIdentity {
    /// Of namespace `kube-system`.
    pub(crate) uid: String,
    /// The newest resource version.
    pub(crate) resource_version: u64,
}

/// Reads the marks. `namespace`: where state is kept, so that there are rights in it.
pub(crate) async fn etcd_identity(api: &KubernetesApi, namespace: &str) -> Result<EtcdIdentity> {
    let (uid, resource_version) =
        futures::future::try_join(uid(api), resource_version(api, namespace)).await?;
    Ok(EtcdIdentity { uid, resource_version })
}

async fn uid(api: &KubernetesApi) -> Result<String> {
    #[derive(Deserialize)]
    struct Namespace {
        metadata: Metadata,
    }
    #[derive(Deserialize)]
    struct Metadata {
        uid: String,
    }

    let request = Request::get("/api/v1/namespaces/kube-system", Accept::Json);
    let namespace: Namespace = api.read(&request, "read namespace kube-system").await?;
    Ok(namespace.metadata.uid)
}

/// Any list tells it. Leases cannot become unreadable; where they may not be listed, secrets may.
async fn resource_version(api: &KubernetesApi, namespace: &str) -> Result<u64> {
    let doing = format!("list leases in namespace {namespace}");
    let first = match list_page(api, &leases_path(namespace), 1, None, &doing).await {
        Ok(page) => return Ok(page.resource_version),
        Err(error) => error,
    };
    let doing = format!("list secrets in namespace {namespace}");
    let page = list_page(api, &secrets_path(namespace), 1, None, &doing).await;
    let page =
        page.map_err(|error| error.with_context(&format!("nor could leases be listed: {first}")))?;
    Ok(page.resource_version)
}
