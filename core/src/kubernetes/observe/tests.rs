use std::collections::BTreeSet;

use http::{Method, Response};
use serde_json::{Value, json};

use super::*;
use crate::{
    kubernetes::test_server::{Asked, TestBody, TestServer, respond},
    model::{DeniedPatch, Permission, Unreadable},
};

/// A small cluster: two namespaces with three secrets and a canary.
#[derive(Clone, Default)]
struct Cluster {
    /// Rights that the reviews deny, as "verb resource" or "verb resource namespace".
    denied_rights: BTreeSet<&'static str>,
    /// Paths, without query, that answer 403.
    forbidden: BTreeSet<&'static str>,
    /// What dry-run patches answer.
    patch_status: Option<u16>,
    canary_status: Option<u16>,
    no_remaining_counts: bool,
    /// What `/readyz` says.
    not_ready: Option<&'static str>,
    /// What lists of secrets answer with 500.
    secrets_fail: Option<&'static str>,
}

const SYSTEM: &[&str] = &["a", CANARY, "b"];
const TEAM: &[&str] = &["c"];

impl Cluster {
    fn answer(&self, asked: &Asked) -> Response<TestBody> {
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
};

async fn look(cluster: Cluster, scope: ObserveScope<'_>) -> (KubernetesFacts, Vec<Asked>) {
    let server = TestServer::start(move |asked| cluster.answer(asked)).await;
    match observe(&server.api().await, scope).await {
        Ok(facts) => (facts, server.asked()),
        Err(why) => panic!("{why}"),
    }
}

fn right(verb: &str, resource: &str, namespace: Option<&str>) -> Permission {
    Permission {
        verb: verb.to_owned(),
        resource: resource.to_owned(),
        namespace: namespace.map(ToOwned::to_owned),
    }
}

fn group_id(name: &str) -> String {
    format!("/subscriptions/s/resourceGroups/{name}")
}

#[tokio::test]
async fn everything_is_seen_where_everything_is_allowed() {
    let (facts, asked) = look(Cluster::default(), REWRITE).await;
    assert_eq!(facts.host, "127.0.0.1");
    assert_eq!(
        facts.node_resource_groups,
        Fact::Known(vec![group_id("mc_one"), group_id("mc_two")])
    );
    assert_eq!(facts.konnectivity, Fact::Known(true));
    assert_eq!(facts.missing_permissions, Fact::Known(vec![]));
    assert_eq!(facts.metrics, Fact::Known(true));
    assert_eq!(facts.secrets, Fact::Known(3));
    assert_eq!(facts.mean_secret_bytes, Some(2000));
    assert_eq!(facts.denied_patches, Fact::Known(vec![]));
    let writes = asked.iter().filter(|asked| asked.method != Method::GET);
    let writes: BTreeSet<_> = writes.map(|asked| asked.path.split('?').next().unwrap()).collect();
    let expected = [
        "/api/v1/namespaces/kube-system/secrets",
        "/api/v1/namespaces/kube-system/secrets/a",
        "/api/v1/namespaces/team/secrets/c",
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
    ];
    assert_eq!(writes.into_iter().collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn a_status_reads_only_and_asks_for_the_rights_to_read() {
    let cluster = Cluster {
        denied_rights: ["get /metrics", "list leases kube-system"].into(),
        ..Cluster::default()
    };
    let scope = ObserveScope {
        needs: Needs::Status,
        dry_run_patches: false,
        count_secrets: false,
        ..REWRITE
    };
    let (facts, asked) = look(cluster, scope).await;
    let missing =
        vec![right("list", "leases", Some("kube-system")), right("get", "/metrics", None)];
    assert_eq!(facts.missing_permissions, Fact::Known(missing));
    assert_eq!(facts.secrets, Fact::Unknown("not asked for".to_owned()));
    assert!(
        asked.iter().all(|asked| asked.method == Method::GET || asked.path.contains("selfsubject"))
    );
    assert!(!asked.iter().any(|asked| asked.path.contains("/secrets")));
}

#[tokio::test]
async fn secrets_that_cannot_be_decrypted_show() {
    const LOST: &str = "Internal error occurred: unable to transform key \"/registry/secrets/team/c\": no key with key id \"a\" is configured";
    const NOT_READY: &str =
        "[+]ping ok\n[-]informer-sync failed: reason withheld\nreadyz check failed";
    let scope = |count_secrets| ObserveScope {
        needs: Needs::Status,
        dry_run_patches: false,
        count_secrets,
        ..REWRITE
    };
    let seen = async |cluster: Cluster, count_secrets| {
        look(cluster, scope(count_secrets)).await.0.unreadable
    };
    let lost = Cluster { secrets_fail: Some(LOST), ..Cluster::default() };
    assert_eq!(seen(lost.clone(), true).await, Some(Unreadable::Secret(LOST.to_owned())));
    assert_eq!(seen(lost, false).await, None, "secrets are listed only when asked to");
    let unwell = Cluster { secrets_fail: Some("etcdserver: no leader"), ..Cluster::default() };
    assert_eq!(seen(unwell, true).await, None);
    let not_ready = Cluster { not_ready: Some(NOT_READY), ..Cluster::default() };
    assert_eq!(seen(not_ready, false).await, Some(Unreadable::NotReady));
    let other =
        Cluster { not_ready: Some("[-]etcd failed: reason withheld"), ..Cluster::default() };
    assert_eq!(seen(other, false).await, None);
    assert_eq!(seen(Cluster::default(), true).await, None);
}

#[tokio::test]
async fn who_rewrites_needs_to_see_which_api_servers_there_are() {
    let cluster =
        Cluster { denied_rights: ["list leases kube-system"].into(), ..Cluster::default() };
    let (facts, _) = look(cluster, REWRITE).await;
    let missing = vec![right("list", "leases", Some("kube-system"))];
    assert_eq!(facts.missing_permissions, Fact::Known(missing));
}

#[tokio::test]
async fn rights_that_a_rewrite_needs_are_named_when_missing() {
    let cluster = Cluster {
        denied_rights: ["patch secrets", "list namespaces", "create secrets kube-system"].into(),
        ..Cluster::default()
    };
    let (facts, _) = look(cluster, REWRITE).await;
    let missing = vec![
        right("create", "secrets", Some("kube-system")),
        right("list", "namespaces", None),
        right("patch", "secrets", None),
    ];
    assert_eq!(facts.missing_permissions, Fact::Known(missing));
    assert_eq!(facts.denied_patches, Fact::Unknown("patch on secrets is not allowed".to_owned()));
}

/// Nobody shall grant the right to read every secret for the sake of one.
#[tokio::test]
async fn the_right_to_read_the_seal_is_one_to_read_nothing_else() {
    let cluster =
        Cluster { denied_rights: ["get secrets kube-system"].into(), ..Cluster::default() };
    for needs in [Needs::Status, Needs::Rewrite] {
        let (facts, _) =
            look(cluster.clone(), ObserveScope { needs, journal: true, ..REWRITE }).await;
        let missing = vec![right("get", "secrets/aks-kms-seal", Some("kube-system"))];
        assert_eq!(facts.missing_permissions, Fact::Known(missing), "{needs:?}");
    }
}

#[tokio::test]
async fn rights_in_the_given_namespaces_are_enough_for_these() {
    let cluster = Cluster {
        denied_rights: ["list secrets", "patch secrets", "patch secrets team", "list namespaces"]
            .into(),
        forbidden: ["/api/v1/secrets", "/api/v1/namespaces"].into(),
        ..Cluster::default()
    };
    let namespaces = ["kube-system".to_owned(), "team".to_owned()];
    let scope = ObserveScope { namespaces: Some(&namespaces), ..REWRITE };
    let (facts, _) = look(cluster, scope).await;
    assert_eq!(
        facts.missing_permissions,
        Fact::Known(vec![right("patch", "secrets", Some("team"))])
    );
    assert_eq!(facts.secrets, Fact::Known(3));
}

#[tokio::test]
async fn a_canary_that_may_not_be_patched_does_not_keep_admission_from_being_asked() {
    let cluster =
        Cluster { denied_rights: ["patch secrets kube-system"].into(), ..Cluster::default() };
    let (facts, _) = look(cluster, REWRITE).await;
    let missing = vec![right("patch", "secrets", Some("kube-system"))];
    assert_eq!(facts.missing_permissions, Fact::Known(missing));
    assert_eq!(facts.denied_patches, Fact::Known(vec![]));
}

#[tokio::test]
async fn a_right_that_is_missing_twice_is_named_once() {
    let cluster = Cluster {
        denied_rights: ["patch secrets", "patch secrets kube-system"].into(),
        ..Cluster::default()
    };
    let namespaces = ["kube-system".to_owned()];
    let scope = ObserveScope { namespaces: Some(&namespaces), ..REWRITE };
    let missing = vec![right("patch", "secrets", Some("kube-system"))];
    assert_eq!(look(cluster, scope).await.0.missing_permissions, Fact::Known(missing));
}

#[tokio::test]
async fn only_the_given_namespaces_are_counted() {
    let namespaces = ["team".to_owned(), "gone".to_owned()];
    let scope = ObserveScope { namespaces: Some(&namespaces), ..REWRITE };
    assert_eq!(look(Cluster::default(), scope).await.0.secrets, Fact::Known(1));
}

#[tokio::test]
async fn secrets_are_counted_by_pages_where_the_server_does_not_tell_how_many_are_left() {
    let cluster = Cluster { no_remaining_counts: true, ..Cluster::default() };
    assert_eq!(look(cluster, REWRITE).await.0.secrets, Fact::Known(3));
}

#[tokio::test]
async fn a_forbidden_fact_is_unknown_and_names_the_right() {
    let cluster = Cluster {
        forbidden: ["/api/v1/nodes", "/api/v1/namespaces/kube-system/pods", "/metrics"].into(),
        ..Cluster::default()
    };
    let (facts, _) = look(cluster, REWRITE).await;
    let Fact::Unknown(why) = &facts.node_resource_groups else { panic!() };
    assert!(why.contains("list nodes"), "{why}");
    let Fact::Unknown(why) = &facts.konnectivity else { panic!() };
    assert!(why.contains("list pods"), "{why}");
    assert_eq!(facts.metrics, Fact::Known(false));
}

#[tokio::test]
async fn what_admission_denies_is_named() {
    let cluster = Cluster { patch_status: Some(403), ..Cluster::default() };
    let (facts, _) = look(cluster, REWRITE).await;
    let denied = |secret: &str| DeniedPatch {
        secret: secret.to_owned(),
        message: "admission webhook \"a\" denied the request with code 403".to_owned(),
    };
    assert_eq!(facts.denied_patches, Fact::Known(vec![denied("kube-system/a"), denied("team/c")]));
}

#[tokio::test]
async fn a_canary_that_admission_denies_is_told() {
    for (status, denied) in [(201, false), (409, true), (403, true), (429, true), (500, true)] {
        let cluster = Cluster { canary_status: Some(status), ..Cluster::default() };
        let (facts, _) = look(cluster, REWRITE).await;
        let expected = denied.then(|| DeniedPatch {
            secret: "kube-system/aks-kms-canary".to_owned(),
            message: format!("admission webhook \"a\" denied the request with code {status}"),
        });
        assert_eq!(facts.denied_canary, Fact::Known(expected));
        assert_eq!(facts.denied_patches, Fact::Known(vec![]));
    }
    let cluster = Cluster { canary_status: Some(503), ..Cluster::default() };
    assert!(matches!(look(cluster, REWRITE).await.0.denied_canary, Fact::Unknown(_)));
}

#[tokio::test]
async fn an_admission_that_could_not_be_asked_is_unknown() {
    let cluster = Cluster { patch_status: Some(503), ..Cluster::default() };
    let (facts, _) = look(cluster, REWRITE).await;
    assert!(matches!(facts.denied_patches, Fact::Unknown(_)));
}

#[tokio::test]
async fn an_api_server_that_is_not_there_is_unknown() {
    let server = TestServer::start(|_| respond(200, "{}")).await;
    let api = server.api().await;
    drop(server);
    let why = observe(&api, REWRITE).await.unwrap_err().to_string();
    assert!(why.contains("127.0.0.1") && why.contains("refused"), "{why}");
}

#[tokio::test]
async fn a_proxys_web_page_is_no_kubernetes() {
    for status in [200, 403, 502] {
        let server = TestServer::start(move |_| respond(status, "<html>very-secret</html>")).await;
        match observe(&server.api().await, REWRITE).await {
            Err(why) => assert!(!why.to_string().contains("very-secret"), "{why}"),
            Ok(facts) => panic!("{status}: {facts:?}"),
        }
    }
}

#[tokio::test]
async fn a_refused_credential_is_unknown() {
    let server =
        TestServer::start(|_| respond(401, r#"{"kind":"Status","message":"Unauthorized"}"#)).await;
    let why = observe(&server.api().await, REWRITE).await.unwrap_err().to_string();
    assert!(why.contains("credential"), "{why}");
}

#[test]
fn the_resource_group_is_found_in_a_provider_id() {
    let cases = [
        (
            "azure:///subscriptions/s/resourceGroups/mc_a/providers/x",
            Some("/subscriptions/s/resourceGroups/mc_a"),
        ),
        (
            "azure:///subscriptions/s/resourcegroups/mc_a/providers/x",
            Some("/subscriptions/s/resourceGroups/mc_a"),
        ),
        ("azure:///subscriptions/s/resourceGroups/", None),
        ("aws:///eu-west-1/i-1", None),
        ("", None),
    ];
    for (provider_id, group) in cases {
        assert_eq!(resource_group(provider_id).as_deref(), group, "{provider_id}");
    }
}

#[tokio::test]
async fn observing_can_be_done_on_any_thread() {
    let cluster = Cluster::default();
    let server = TestServer::start(move |asked| cluster.answer(asked)).await;
    let api = server.api().await;
    let observed = tokio::spawn(async move { observe(&api, REWRITE).await });
    assert!(observed.await.unwrap().is_ok());
}
