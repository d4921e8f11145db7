//! The identity Leases that API server processes renew.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{
    error::Result,
    kubernetes::http::{
        paths::leases_path,
        request::{Accept, Request},
        transport::KubernetesApi,
    },
};

/// The Lease of one API server process; it may have died.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct IdentityLease {
    pub(crate) name: String,
    /// The process: `<name>_<uuid>`, another one for each.
    pub(crate) holder: String,
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
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    renew_time: String,
    holder_identity: String,
}

impl Item {
    /// Whether it is an API server's. The label says so; as somebody can remove it, so does a
    /// name that API servers give their Leases, held by a process of that name.
    fn is_identity(&self) -> bool {
        let name = &self.metadata.name;
        let label = self.metadata.labels.get("apiserver.kubernetes.io/identity");
        let named = name.starts_with("apiserver-") || name.starts_with("kube-apiserver-");
        let held = self.spec.holder_identity.strip_prefix(name.as_str());
        label.is_some_and(|component| component == "kube-apiserver")
            || (named && held.is_some_and(|rest| rest.starts_with('_')))
    }
}

/// Lists the identity Leases of the API servers, by name.
pub(crate) async fn identity_leases(api: &KubernetesApi) -> Result<Vec<IdentityLease>> {
    let path = leases_path("kube-system");
    let doing = "list the API servers' identity leases in namespace kube-system";
    Ok(of_api_servers(api.read(&Request::get(path, Accept::Json), doing).await?))
}

fn of_api_servers(list: List) -> Vec<IdentityLease> {
    let mut leases: Vec<_> = list
        .items
        .into_iter()
        .filter(Item::is_identity)
        .map(|item| IdentityLease {
            name: item.metadata.name,
            holder: item.spec.holder_identity,
            renew_time: item.spec.renew_time,
        })
        .collect();
    leases.sort_by(|one, other| one.name.cmp(&other.name));
    leases
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        kubernetes::http::test_server::{TestServer, respond},
        testing::{Seen, Target},
    };

    #[test]
    fn fuzz_identity_leases() {
        let labelled = r#"{"kind":"LeaseList","items":[{"metadata":{"name":"apiserver-a","labels":{"apiserver.kubernetes.io/identity":"kube-apiserver"}},"spec":{"renewTime":"2026-11-24T08:10:13.727014Z"}},{"metadata":{"name":"other"}}]}"#;
        let named = r#"{"items":[{"metadata":{"name":"apiserver-c"},"spec":{"holderIdentity":"apiserver-c_3"}}]}"#;
        let documents = [labelled, named].map(Vec::from).to_vec();
        let target = Target { name: "identity leases", documents, read: 12, hidden: &[] };
        target.run(|input| {
            let list = serde_json::from_slice::<List>(input).map_err(|_| "not a list of leases");
            let leases = list.map(of_api_servers);
            if let Ok(leases) = &leases {
                assert!(leases.is_sorted_by(|one, other| one.name <= other.name));
            }
            Seen::of(leases)
        });
    }

    #[tokio::test]
    async fn leases_are_listed_by_name() {
        let server = TestServer::start(|_| {
            let list = r#"{"kind":"LeaseList","items":[
                {"metadata":{"name":"apiserver-b","labels":{"apiserver.kubernetes.io/identity":"kube-apiserver"}},
                 "spec":{"renewTime":"2026-11-24T08:10:13.727014Z","holderIdentity":"apiserver-b_2"}},
                {"metadata":{"name":"apiserver-a","labels":{"apiserver.kubernetes.io/identity":"kube-apiserver"}},"spec":{}},
                {"metadata":{"name":"apiserver-c"},"spec":{"holderIdentity":"apiserver-c_3"}},
                {"metadata":{"name":"apiserver-network-proxy"},"spec":{"holderIdentity":"node-1_4"}},
                {"metadata":{"name":"other","labels":{"apiserver.kubernetes.io/identity":"sample-apiserver"}},"spec":{}},
                {"metadata":{"name":"kube-scheduler"},"spec":{"holderIdentity":"kube-scheduler_5"}}]}"#;
            respond(200, list)
        })
        .await;
        let leases = identity_leases(&server.api().await).await.unwrap();
        let found: Vec<_> = leases
            .iter()
            .map(|lease| (lease.name.as_str(), lease.holder.as_str(), lease.renew_time.as_str()))
            .collect();
        let expected = [
            ("apiserver-a", "", ""),
            ("apiserver-b", "apiserver-b_2", "2026-11-24T08:10:13.727014Z"),
            ("apiserver-c", "apiserver-c_3", ""),
        ];
        assert_eq!(found, expected);
        assert_eq!(
            server.asked()[0].path,
            "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"
        );
    }
}
