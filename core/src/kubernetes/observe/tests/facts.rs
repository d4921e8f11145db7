//! What the cluster is, and what it says where it cannot be asked.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::{
    facts::Unreadable,
    testing::{Seen, Target},
};

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
async fn secrets_that_cannot_be_decrypted_show() {
    const LOST: &str = "Internal error occurred: unable to transform key \"/registry/secrets/team/c\": no key with key id \"a\" is configured";
    // since Kubernetes 1.37
    const NEWER: &str = "failed to read one or more secrets from the storage: StorageError: corrupt object, Code: 7, Key: /registry/secrets/team/c, ResourceVersion: 0, AdditionalErrorMsg: data from the storage is not transformable revision=0: no matching prefix found";
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
    let newer = Cluster { secrets_fail: Some(NEWER), ..Cluster::default() };
    assert_eq!(seen(newer, true).await, Some(Unreadable::Secret(NEWER.to_owned())));
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

/// Lists of pods, namespaces and secrets, each of which goes on and on.
#[tokio::test]
async fn lists_of_endless_pages_end() {
    for endless in ["/api/v1/namespaces/kube-system/pods", "/api/v1/namespaces", "/api/v1/secrets"]
    {
        let (cluster, pages) = (Cluster::default(), AtomicUsize::new(0));
        let server = TestServer::start(move |asked| {
            let path = asked.path.split('?').next().unwrap();
            if path != endless {
                return cluster.response(asked);
            }
            let page = pages.fetch_add(1, Ordering::Relaxed);
            let token = (page < 1_200).then(|| page.to_string());
            respond(200, table(&["a"], 9, token, None))
        })
        .await;
        let facts = Box::pin(observe(&server.api().await, REWRITE)).await.unwrap();
        let why = match endless {
            "/api/v1/secrets" => facts.secrets.get().unwrap_err(),
            "/api/v1/namespaces" => facts.denied_patches.get().unwrap_err(),
            _ => facts.konnectivity.get().unwrap_err(),
        };
        assert!(why.contains("more than 1000 pages"), "{endless}: {why}");
    }
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
async fn an_api_server_that_is_not_there_is_unknown() {
    let server = TestServer::start(|_| respond(200, "{}")).await;
    let api = server.api().await;
    drop(server);
    let why = Box::pin(observe(&api, REWRITE)).await.unwrap_err().to_string();
    assert!(why.contains("127.0.0.1") && why.contains("refused"), "{why}");
}

#[tokio::test]
async fn a_proxys_web_page_is_no_kubernetes() {
    for status in [200, 403, 502] {
        let server = TestServer::start(move |_| respond(status, "<html>very-secret</html>")).await;
        match Box::pin(observe(&server.api().await, REWRITE)).await {
            Err(why) => assert!(!why.to_string().contains("very-secret"), "{why}"),
            Ok(facts) => panic!("{status}: {facts:?}"),
        }
    }
}

#[tokio::test]
async fn a_refused_credential_is_unknown() {
    let server =
        TestServer::start(|_| respond(401, r#"{"kind":"Status","message":"Unauthorized"}"#)).await;
    let why = Box::pin(observe(&server.api().await, REWRITE)).await.unwrap_err().to_string();
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
    let server = TestServer::start(move |asked| cluster.response(asked)).await;
    let api = server.api().await;
    let observed = tokio::spawn(async move { Box::pin(observe(&api, REWRITE)).await });
    assert!(observed.await.unwrap().is_ok());
}

#[tokio::test]
async fn a_list_that_never_ends_is_not_read_for_ever() {
    for remaining in [None, Some(u64::MAX)] {
        let server = TestServer::start(move |asked| {
            assert!(!asked.path.is_empty());
            let page = json!({
                "kind": "Table",
                "metadata": {"resourceVersion": "1", "continue": "again", "remainingItemCount": remaining},
                "columnDefinitions": [{"name": "Name"}],
                "rows": [{"cells": ["a"]}, {"cells": ["b"]}],
            });
            respond(200, page.to_string())
        })
        .await;
        let api = server.api().await;
        let looks = async {
            let secrets = secrets::count(&api, REWRITE).await;
            let konnectivity = konnectivity(&api).await;
            let first = secrets::first_of_namespaces(&api, REWRITE).await;
            let denied = secrets::denied_patches(&api, REWRITE, &Fact::Known(vec![]), first).await;
            (secrets, konnectivity, denied)
        };
        let looks = tokio::time::timeout(std::time::Duration::from_secs(20), looks).await;
        let (secrets, konnectivity, denied) = looks.expect("it goes on for ever");
        match remaining {
            // What is told is believed as far as it can be counted.
            Some(_) => assert_eq!(secrets, Fact::Known(u64::MAX)),
            None => assert!(secrets.known().is_none(), "{secrets:?}"),
        }
        assert!(konnectivity.is_err() && denied.is_err());
    }
}

#[test]
fn fuzz_nodes() {
    let target = Target {
        name: "nodes",
        documents: vec![nodes().to_string().into_bytes()],
        read: 25,
        hidden: &[],
    };
    target.run(|input| {
        let groups = serde_json::from_slice::<Nodes>(input).map(resource_groups);
        for group in groups.iter().flatten() {
            assert_eq!(group.matches('/').count(), 4, "{group}");
        }
        Seen::of(groups.map_err(|_| "not a list of nodes"))
    });
}
