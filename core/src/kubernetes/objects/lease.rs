//! The Lease of whoever runs an operation: read and written, with nothing decided here.

use serde::Deserialize;
use serde_json::json;
use time::{OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};

use super::{namespace::no_namespace, record_store::STATE};
use crate::{
    error::{Result, optional},
    kubernetes::http::{
        paths::{lease_path, leases_path},
        request::{Accept, Request},
        response::Response,
        transport::KubernetesApi,
    },
};

/// `MicroTime` of the Kubernetes API.
const MICRO_TIME: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");

/// A Lease as it was read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct LeaseHeld {
    /// Empty: nobody holds it.
    pub(crate) holder: String,
    /// `renewTime` as written by the holder's clock: only good for seeing that it changed.
    pub(crate) renewed: String,
    resource_version: String,
    transitions: u64,
}

/// What became of writing a Lease.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum LeaseWrite {
    Held(LeaseHeld),
    /// Somebody else wrote it in between.
    Conflict,
}

/// Where the Lease is kept.
#[derive(Clone)]
pub(crate) struct LeaseStore {
    api: KubernetesApi,
    namespace: String,
}

impl LeaseStore {
    pub(crate) fn new(api: KubernetesApi, namespace: String) -> Self {
        Self { api, namespace }
    }

    /// The Lease. `None`: there is none yet.
    pub(crate) async fn read(&self) -> Result<Option<LeaseHeld>> {
        let doing = format!("read Lease {STATE} in namespace {}", self.namespace);
        let request = Request::get(lease_path(&self.namespace, STATE), Accept::Json);
        let response = optional(self.api.call(&request, &doing).await)?;
        let read = |it| parse(&it).ok_or_else(|| self.api.unexpected_response(&doing));
        response.map(read).transpose()
    }

    /// Takes, renews or, with an empty `holder`, gives back the Lease, over what was read.
    pub(crate) async fn write(
        &self,
        holder: &str,
        over: Option<&LeaseHeld>,
        seconds: u64,
    ) -> Result<LeaseWrite> {
        let doing = format!("write Lease {STATE} in namespace {}", self.namespace);
        let request = self.request(holder, over, seconds);
        let response = match self.api.ask(&request).await {
            Ok(response) => response,
            Err(error) => return Err(self.api.no_response(error, &doing)),
        };
        match response.status {
            200 | 201 => parse(&response)
                .map(LeaseWrite::Held)
                .ok_or_else(|| self.api.unexpected_response(&doing)),
            // A Lease that is not there yet can miss nothing but its namespace.
            404 if over.is_none() => Err(no_namespace(&self.namespace)),
            // Perhaps by our own request that got no response: a holder's name is used once.
            404 | 409 => Ok(match self.read().await? {
                Some(held) if held.holder == holder && !holder.is_empty() => LeaseWrite::Held(held),
                _ => LeaseWrite::Conflict,
            }),
            _ => Err(self.api.refused(&response, &doing)),
        }
    }

    fn request(&self, holder: &str, over: Option<&LeaseHeld>, seconds: u64) -> Request {
        let now = OffsetDateTime::now_utc().format(MICRO_TIME).unwrap_or_default();
        let transitions = over.map_or(0, |held| {
            let changes_hands = !holder.is_empty() && held.holder != holder;
            held.transitions.saturating_add(u64::from(changes_hands))
        });
        let mut body = json!({
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {
                "name": STATE,
                "namespace": self.namespace,
                "labels": {"app.kubernetes.io/managed-by": "aks-kms"},
            },
            "spec": {
                "holderIdentity": holder,
                "leaseDurationSeconds": seconds.max(1),
                "renewTime": now,
                "leaseTransitions": transitions,
            },
        });
        let Some(held) = over else {
            let path = format!("{}?fieldManager=aks-kms", leases_path(&self.namespace));
            return Request::post(path, Accept::Json, body.to_string().into());
        };
        body["metadata"]["resourceVersion"] = held.resource_version.as_str().into();
        let path = format!("{}?fieldManager=aks-kms", lease_path(&self.namespace, STATE));
        Request::put(path, Accept::Json, body.to_string().into())
    }
}

fn parse(response: &Response) -> Option<LeaseHeld> {
    #[derive(Deserialize)]
    struct Lease {
        metadata: Metadata,
        #[serde(default)]
        spec: Spec,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Metadata {
        resource_version: String,
    }
    #[derive(Default, Deserialize)]
    #[serde(default, rename_all = "camelCase")]
    struct Spec {
        holder_identity: String,
        renew_time: String,
        lease_transitions: u64,
    }

    let lease: Lease = serde_json::from_slice(&response.body).ok()?;
    Some(LeaseHeld {
        holder: lease.spec.holder_identity,
        renewed: lease.spec.renew_time,
        resource_version: lease.metadata.resource_version,
        transitions: lease.spec.lease_transitions,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        kubernetes::http::test_server::{Asked, TestServer, respond, silent_api},
        testing::{Seen, Target},
    };

    fn text(asked: &Asked) -> String {
        String::from_utf8(asked.body.to_vec()).unwrap()
    }

    fn lease(holder: &str, version: &str) -> String {
        json!({"kind": "Lease", "metadata": {"name": STATE, "resourceVersion": version},
               "spec": {"holderIdentity": holder, "leaseTransitions": 3}})
        .to_string()
    }

    fn response(body: &[u8]) -> Response {
        Response { status: 200, retry_after: None, body: body.to_vec().into() }
    }

    #[tokio::test]
    async fn a_lease_that_changed_hands_as_often_as_can_be_counted_is_taken() {
        let body = json!({"metadata": {"resourceVersion": "1"},
                          "spec": {"holderIdentity": "b", "leaseTransitions": u64::MAX}});
        let held = parse(&response(body.to_string().as_bytes())).unwrap();
        let store = LeaseStore::new(silent_api().await, "kube-system".to_owned());
        let request = format!("{:?}", store.request("c", Some(&held), 15).body.unwrap().1);
        assert!(request.contains(&u64::MAX.to_string()), "{request}");
    }

    #[tokio::test]
    async fn fuzz_leases() {
        let documents = [lease("b", "8"), lease("", "9")].map(String::into_bytes).to_vec();
        let target = Target { name: "leases", documents, read: 20, hidden: &[] };
        let store = LeaseStore::new(silent_api().await, "kube-system".to_owned());
        target.run(|input| {
            let held = parse(&response(input));
            if let Some(held) = &held {
                let over = store.request("c", Some(held), 15);
                let sent = parse(&response(&over.body.unwrap().1)).unwrap();
                assert_eq!(sent.resource_version, held.resource_version);
                assert!(sent.holder == "c" && sent.transitions >= held.transitions);
            }
            Seen::found(held)
        });
    }

    #[tokio::test]
    async fn taking_over_counts_and_renewing_does_not() {
        let server = TestServer::start(|_| respond(200, lease("b", "8"))).await;
        let store = LeaseStore::new(server.api().await, "kube-system".to_owned());
        let read = store.read().await.unwrap().unwrap();
        store.write("c", Some(&read), 15).await.unwrap();
        store.write("b", Some(&read), 15).await.unwrap();
        let asked = server.asked();
        assert!(text(&asked[1]).contains(r#""leaseTransitions":4"#), "{}", text(&asked[1]));
        assert!(text(&asked[2]).contains(r#""leaseTransitions":3"#), "{}", text(&asked[2]));
        assert!(text(&asked[1]).contains(r#""resourceVersion":"8""#), "{}", text(&asked[1]));
    }

    #[tokio::test]
    async fn a_lost_race_is_a_conflict() {
        let server = TestServer::start(|asked| match asked.method.as_str() {
            "GET" => respond(200, lease("somebody", "9")),
            _ => respond(409, r#"{"kind":"Status","code":409}"#),
        })
        .await;
        let store = LeaseStore::new(server.api().await, "kube-system".to_owned());
        assert_eq!(store.write("me", None, 15).await.unwrap(), LeaseWrite::Conflict);
    }

    #[tokio::test]
    async fn a_namespace_that_does_not_exist_is_told() {
        let server = TestServer::start(|_| respond(404, r#"{"kind":"Status","code":404}"#)).await;
        let store = LeaseStore::new(server.api().await, "state".to_owned());
        let error = store.write("me", None, 15).await.unwrap_err();
        assert!(error.to_string().contains("kubectl create namespace state"), "{error}");
    }
}
