//! The identity Leases that API server processes renew.

use serde::Deserialize;

use super::{
    paths::with_query,
    transport::{Accept, KubernetesApi, Request},
};
use crate::error::Result;

/// The Lease of one API server process; it may have died.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct IdentityLease {
    pub(crate) name: String,
    /// As written by the API server's clock: only good for seeing that it changed.
    pub(crate) renew_time: String,
}

#[derive(Deserialize)]
struct List {
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    metadata: Metadata,
    #[serde(default)]
    spec: Spec,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    renew_time: String,
}

/// Lists the identity Leases of the API servers, by name.
pub(crate) async fn identity_leases(api: &KubernetesApi) -> Result<Vec<IdentityLease>> {
    let path = with_query(
        "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases",
        &[("labelSelector", "apiserver.kubernetes.io/identity=kube-apiserver")],
    );
    let doing = "list the API servers' identity leases in namespace kube-system";
    let list: List = api.read(&Request::get(path, Accept::Json), doing).await?;
    let mut leases: Vec<_> = list
        .items
        .into_iter()
        .map(|item| IdentityLease { name: item.metadata.name, renew_time: item.spec.renew_time })
        .collect();
    leases.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(leases)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::test_server::{TestServer, respond};

    #[tokio::test]
    async fn leases_are_listed_by_name() {
        let server = TestServer::start(|_| {
            let list = r#"{"kind":"LeaseList","items":[
                {"metadata":{"name":"apiserver-b"},"spec":{"renewTime":"2026-11-24T08:10:13.727014Z"}},
                {"metadata":{"name":"apiserver-a"},"spec":{}}]}"#;
            respond(200, list)
        })
        .await;
        let leases = identity_leases(&server.api().await).await.unwrap();
        let found: Vec<_> =
            leases.iter().map(|lease| (lease.name.as_str(), lease.renew_time.as_str())).collect();
        assert_eq!(found, [("apiserver-a", ""), ("apiserver-b", "2026-11-24T08:10:13.727014Z")]);
        assert_eq!(
            server.asked()[0].path,
            "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases?labelSelector=\
             apiserver.kubernetes.io%2Fidentity%3Dkube-apiserver"
        );
    }
}
