//! A small cluster that is looked at.

mod facts;
mod permissions;

use std::collections::BTreeSet;

use http::{Method, Response};
use serde_json::{Value, json};

use super::*;
use crate::kubernetes::http::test_server::{Asked, TestBody, TestServer, respond};

/// A small cluster: two namespaces with three secrets and a canary.
#[derive(Clone, Default)]
struct Cluster {
    /// Rights that the reviews deny, as "verb resource" or "verb resource namespace".
    denied_rights: BTreeSet<&'static str>,
    /// Paths, without query, that respond 403.
    forbidden: BTreeSet<&'static str>,
    /// What dry-run patches respond.
    patch_status: Option<u16>,
    canary_status: Option<u16>,
    no_remaining_counts: bool,
    /// What `/readyz` says.
    not_ready: Option<&'static str>,
    /// What lists of secrets respond with 500.
    secrets_fail: Option<&'static str>,
}

const SYSTEM: &[&str] = &["a", CANARY, "b"];
const TEAM: &[&str] = &["c"];

impl Cluster {
    fn response(&self, asked: &Asked) -> Response<TestBody> {
        let (path, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
        if self.forbidden.contains(path) {
            let status = json!({"kind": "Status", "message": format!("{path} is forbidden"), "reason": "Forbidden", "code": 403});
            return respond(403, status.to_string());
        }
        if asked.method == Method::PATCH {
            assert!(query.contains("dryRun=All"), "a real write: {query}");
            assert!(query.contains("includeObject=None"));
            assert_eq!(asked.body, "{}");
            return match self.patch_status {
                None => respond(200, table(&["x"], 1, None, None)),
                Some(code) => respond(code, no(code)),
            };
        }
        if asked.method == Method::POST && path.ends_with("/secrets") {
            assert!(query.contains("dryRun=All"), "a real write: {query}");
            assert!(query.contains("includeObject=None"));
            assert_eq!(path, "/api/v1/namespaces/kube-system/secrets");
            let code = self.canary_status.unwrap_or(201);
            return if code == 201 { respond(201, "{}") } else { respond(code, no(code)) };
        }
        if path.starts_with("/api/v1/") && path != "/api/v1/nodes" {
            assert!(query.contains("includeObject=None"), "content asked for: {}", asked.path);
        }
        if let Some(said) = self.secrets_fail.filter(|_| path.ends_with("/secrets")) {
            let status =
                json!({"kind": "Status", "message": said, "reason": "InternalError", "code": 500});
            return respond(500, status.to_string());
        }
        match path {
            "/api/v1/nodes" => respond(200, nodes().to_string()),
            "/api/v1/namespaces" => respond(200, table(&["kube-system", "team"], 9, None, None)),
            "/api/v1/namespaces/kube-system/pods" => {
                respond(200, table(&["coredns-1", "konnectivity-agent-7f"], 9, None, None))
            }
            "/api/v1/secrets" => self.page(&[SYSTEM, TEAM].concat(), query),
            "/api/v1/namespaces/kube-system/secrets" => self.page(SYSTEM, query),
            "/api/v1/namespaces/team/secrets" => self.page(TEAM, query),
            "/api/v1/namespaces/gone/secrets" => self.page(&[], query),
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews" => self.review(&asked.body),
            "/readyz" => match self.not_ready {
                Some(said) => respond(500, said.to_owned()),
                None => respond(200, "ok".to_owned()),
            },
            "/metrics" => respond(
                200,
                "apiserver_resource_objects{group=\"\",resource=\"secrets\"} 4\napiserver_resource_size_estimate_bytes{group=\"\",resource=\"secrets\"} 8000\nprocess_start_time_seconds 1.7e+09\n",
            ),
            other => panic!("unexpected request: {other}"),
        }
    }

    fn page(&self, names: &[&str], query: &str) -> Response<TestBody> {
        if query.contains("fieldSelector=metadata.name%3Daks-kms-canary") {
            let found: Vec<_> = names.iter().copied().filter(|name| *name == CANARY).collect();
            return respond(200, table(&found, 9, None, None));
        }
        let parameter = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name));
        let start: usize = parameter("continue=").map_or(0, |token| token.parse().unwrap());
        let limit: usize = parameter("limit=").unwrap().parse().unwrap();
        let end = names.len().min(start + limit);
        let remaining = names.len() - end;
        let token = (remaining > 0).then(|| end.to_string());
        let shown = (remaining > 0 && !self.no_remaining_counts).then_some(remaining);
        respond(200, table(&names[start..end], 9, token, shown))
    }

    fn review(&self, body: &[u8]) -> Response<TestBody> {
        let mut review: Value = serde_json::from_slice(body).unwrap();
        let spec = &review["spec"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let resource = &spec["resourceAttributes"];
        let asked = if resource.is_null() {
            let path = &spec["nonResourceAttributes"];
            format!("{} {}", text(&path["verb"]), text(&path["path"]))
        } else {
            let asked = format!(
                "{} {} {}",
                text(&resource["verb"]),
                text(&resource["resource"]),
                text(&resource["namespace"])
            );
            asked.trim_end().to_owned()
        };
        review["status"] = json!({"allowed": !self.denied_rights.contains(asked.as_str())});
        respond(201, review.to_string())
    }
}

/// A refusal by admission; by the API server itself if it is not a matter of the object.
fn no(code: u16) -> String {
    let message = if code == 503 {
        "the server is not ready"
    } else {
        "admission webhook \"a\" denied the request: hunter2"
    };
    json!({"kind": "Status", "message": message, "code": code}).to_string()
}

fn table(names: &[&str], version: u64, token: Option<String>, remaining: Option<usize>) -> String {
    let rows: Vec<_> = names
        .iter()
        .map(|name| json!({"cells": [name, "Opaque", 1, "5d"], "object": null}))
        .collect();
    json!({
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": version.to_string(), "continue": token.unwrap_or_default(), "remainingItemCount": remaining},
        "columnDefinitions": [{"name": "Name"}, {"name": "Type"}, {"name": "Data"}, {"name": "Age"}],
        "rows": rows,
    })
    .to_string()
}

fn nodes() -> Value {
    let node = |group: &str| json!({"metadata": {"name": "n"}, "spec": {"providerID": format!("azure:///subscriptions/s/resourceGroups/{group}/providers/Microsoft.Compute/virtualMachineScaleSets/v/virtualMachines/0")}});
    json!({"kind": "NodeList", "items": [node("mc_one"), node("MC_one"), {"metadata": {}, "spec": {}}, node("mc_two")]})
}

const REWRITE: ObserveScope<'_> = ObserveScope {
    namespaces: None,
    needs: Needs::Rewrite,
    state_namespace: "kube-system",
    dry_run_patches: true,
    count_secrets: true,
    journal: false,
    closes_vault: false,
};

async fn look(cluster: Cluster, scope: ObserveScope<'_>) -> (KubernetesFacts, Vec<Asked>) {
    let server = TestServer::start(move |asked| cluster.response(asked)).await;
    match Box::pin(observe(&server.api().await, scope)).await {
        Ok(facts) => (facts, server.asked()),
        Err(why) => panic!("{why}"),
    }
}
