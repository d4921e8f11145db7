use std::collections::BTreeSet;

use azure_core::http::Method;
use serde_json::{Value, json};

use super::*;
use crate::{
    azure::{FakeAzure, Reply, cluster_json, json_reply},
    report::Experience,
};

const A: &str = "aaaaaaaa-0000-4000-8000-00000000000a";
const B: &str = "bbbbbbbb-0000-4000-8000-00000000000b";
const GRAPH: &str = "/providers/Microsoft.ResourceGraph/resources?";
const IN_A: &str = "/subscriptions/aaaaaaaa-0000-4000-8000-00000000000a/providers/";
const IN_B: &str = "/subscriptions/bbbbbbbb-0000-4000-8000-00000000000b/providers/";
const KEY: &str = "https://shop.vault.azure.net/keys/etcd/0123456789abcdef0123456789abcdef";

fn id(subscription: &str, name: &str) -> String {
    format!(
        "/subscriptions/{subscription}/resourceGroups/shop/providers/Microsoft.ContainerService/managedClusters/{name}"
    )
}

/// A row of Resource Graph.
fn row(subscription: &str, name: &str, security: &Value) -> Value {
    json!({
        "id": id(subscription, name), "location": "westeurope", "state": "Succeeded", "current": "1.34.3",
        "requested": "1.34", "nodes": "MC_shop", "security": security,
    })
}

fn found(rows: &[Value]) -> Reply {
    json_reply(200, json!({"data": rows, "resultTruncated": "false"}))
}

/// What a subscription says of its own clusters.
fn own(subscription: &str, names: &[&str]) -> Reply {
    let cluster = |name: &&str| {
        let mut cluster = cluster_json();
        cluster["id"] = json!(id(subscription, name));
        cluster
    };
    json_reply(200, json!({"value": names.iter().map(cluster).collect::<Vec<_>>()}))
}

fn denied() -> Reply {
    let message = "The client 'x' does not have authorization to perform action \
                   'Microsoft.ContainerService/managedClusters/read' over scope '/subscriptions/b'.";
    json_reply(403, json!({"error": {"code": "AuthorizationFailed", "message": message}}))
}

async fn listed(fake: &FakeAzure, ids: &[&str]) -> Result<ClusterList> {
    list(&fake.client(), ids.into(), true).await
}

fn names(list: &ClusterList) -> Vec<&str> {
    list.iter().map(|cluster| cluster.name.as_str()).collect()
}

#[tokio::test]
async fn arguments_are_checked_before_anything_is_asked() {
    let options = || ListClustersOptions::default();
    for (ids, named) in [
        (vec![], "subscriptions is an empty list"),
        (vec!["shop"], "subscriptions is \"shop\", which is not the id of a subscription"),
        (vec![A, B, &A.to_uppercase()], "twice"),
        (vec![A], "credential is missing"),
    ] {
        let error = list_clusters(ids.clone(), options()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains(named), "{ids:?}: {error}");
    }
}

#[tokio::test]
async fn one_search_is_enough_where_it_shows_every_subscription() {
    let kms = |profile: Value| json!({"azureKeyVaultKms": profile});
    let mut customer =
        kms(json!({"enabled": true, "keyId": KEY, "keyVaultNetworkAccess": "Private"}));
    customer["kubernetesResourceObjectEncryptionProfile"] =
        json!({"infrastructureEncryption": "Enabled"});
    let mut platform = customer.clone();
    platform["azureKeyVaultKms"] = json!({"enabled": false});
    let fake = FakeAzure::default();
    let pages = [
        json_reply(
            200,
            json!({
                "data": [
                    row(A, "on", &kms(json!({"enabled": true, "keyId": KEY}))),
                    row(A, "off", &Value::Null),
                    // Pages may overlap while clusters come and go.
                    row(A, "OFF", &Value::Null),
                ],
                "resultTruncated": "true", "$skipToken": "next",
            }),
        ),
        found(&[row(B, "customer", &customer), row(B, "platform", &platform)]),
    ];
    fake.on(Method::Post, GRAPH, pages);
    let list = listed(&fake, &[A, B]).await.unwrap();
    assert!(list.is_complete());
    assert_eq!(names(&list).len(), 4);
    let seen = |name: &str| list.iter().find(|cluster| cluster.name == name).unwrap();
    let on = seen("on");
    assert_eq!(on.key_id.as_ref().unwrap().as_str(), KEY);
    assert!(on.enabled && on.experience == Some(Experience::KeyVault));
    assert_eq!(on.kubernetes_version.to_string(), "1.34.3");
    assert_eq!(seen("customer").experience, Some(Experience::CustomerManaged));
    assert_eq!(seen("platform").experience, Some(Experience::PlatformManaged));
    let seen = fake.seen();
    assert_eq!(seen.len(), 2, "a request for each page, and no other");
    assert_eq!(seen[0].body["subscriptions"], json!([A, B]));
    assert_eq!(seen[1].body["options"]["$skipToken"], "next");
    assert_eq!(seen[1].body["subscriptions"], json!([A, B]));
}

#[tokio::test]
async fn a_subscription_that_the_search_does_not_show_is_asked_itself() {
    let fake = FakeAzure::default();
    fake.on(Method::Post, GRAPH, [found(&[row(A, "one", &Value::Null)])]);
    fake.on(Method::Get, IN_B, [own(B, &["two"])]);
    let list = listed(&fake, &[B, A]).await.unwrap();
    assert_eq!(names(&list), ["one", "two"]);
    assert!(list.is_complete());

    let fake = FakeAzure::default();
    fake.on(Method::Post, GRAPH, [found(&[row(A, "one", &Value::Null)])]);
    fake.on(Method::Get, IN_B, [denied()]);
    let list = listed(&fake, &[B, A]).await.unwrap();
    assert_eq!(names(&list), ["one"]);
    let [unreadable] = list.unreadable.as_slice() else { panic!("{list:?}") };
    assert_eq!(
        (unreadable.resource.as_str(), unreadable.code.as_str()),
        (&*format!("/subscriptions/{B}"), "forbidden")
    );
    assert!(
        unreadable.message.contains("Microsoft.ContainerService/managedClusters/read"),
        "{unreadable}"
    );
}

#[tokio::test(start_paused = true)]
async fn each_subscription_is_asked_where_the_search_fails() {
    for refusal in [
        denied(),
        json_reply(404, json!({})),
        json_reply(429, json!({})),
        json_reply(200, json!({})),
    ] {
        let fake = FakeAzure::default();
        fake.on(Method::Post, GRAPH, [refusal]);
        fake.on(Method::Get, IN_A, [own(A, &["one"])]);
        fake.on(Method::Get, IN_B, [own(B, &["two", "three"])]);
        assert_eq!(names(&listed(&fake, &[B, A]).await.unwrap()), ["one", "three", "two"]);
    }
}

#[tokio::test(start_paused = true)]
async fn where_nothing_can_be_read_it_is_an_error() {
    let fake = FakeAzure::default();
    fake.on(Method::Post, GRAPH, [found(&[])]);
    fake.on(Method::Get, "/subscriptions/", [denied()]);
    let error = listed(&fake, &[A]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert!(error.to_string().contains(A), "{error}");
    let error = listed(&fake, &[A, B]).await.unwrap_err();
    assert!(error.to_string().contains("nor could the 1 other"), "{error}");

    let fake = FakeAzure::default();
    fake.on(Method::Post, GRAPH, [json_reply(401, json!({}))]);
    let error = listed(&fake, &[A, B]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn all_that_the_credential_sees_can_be_asked_for() {
    let fake = FakeAzure::default();
    let subscriptions = json!([
        {"subscriptionId": A, "state": "Enabled"},
        {"subscriptionId": "cccccccc-0000-4000-8000-00000000000c", "state": "Deleted"},
        {"subscriptionId": "not an id"},
    ]);
    fake.on(Method::Get, "/subscriptions?", [json_reply(200, json!({"value": subscriptions}))]);
    fake.on(Method::Post, GRAPH, [found(&[row(A, "one", &Value::Null)])]);
    let all = list(&fake.client(), Subscriptions::All, true).await.unwrap();
    assert_eq!(names(&all), ["one"]);

    let fake = FakeAzure::default();
    fake.on(Method::Get, "/subscriptions?", [json_reply(200, json!({"value": []}))]);
    let error = list(&fake.client(), Subscriptions::All, true).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_row_that_is_not_understood_is_read_again_or_named() {
    let mut broken = row(A, "broken", &Value::Null);
    broken["nodes"] = Value::Null;
    let fake = FakeAzure::default();
    fake.on(Method::Post, GRAPH, [found(&[row(A, "one", &Value::Null), broken.clone()])]);
    fake.on(Method::Get, IN_A, [own(A, &["one", "broken"])]);
    let list = listed(&fake, &[A]).await.unwrap();
    assert_eq!(names(&list), ["broken", "one"]);
    assert!(list.is_complete());

    let mut cluster = cluster_json();
    cluster["id"] = json!(id(A, "broken"));
    cluster["properties"]["provisioningState"] = Value::Null;
    let fake = FakeAzure::default();
    broken["id"] = Value::Null;
    fake.on(Method::Post, GRAPH, [found(&[row(A, "one", &Value::Null), broken])]);
    fake.on(Method::Get, IN_A, [json_reply(200, json!({"value": [cluster]}))]);
    let list = listed(&fake, &[A]).await.unwrap();
    assert_eq!(names(&list), Vec::<&str>::new());
    let [unreadable] = list.unreadable.as_slice() else { panic!("{list:?}") };
    assert_eq!(
        (unreadable.resource.as_str(), unreadable.code.as_str()),
        (&*id(A, "broken"), "unexpected")
    );
    assert!(unreadable.message.contains("provisioningState"), "{unreadable}");
}

#[tokio::test]
async fn many_subscriptions_are_searched_a_thousand_at_a_time() {
    let ids: Vec<String> =
        (0..2_500).map(|at| format!("{at:08x}-0000-4000-8000-000000000000")).collect();
    let rows = |ids: &[String]| {
        found(&ids.iter().map(|id| row(id, "one", &Value::Null)).collect::<Vec<_>>())
    };
    let fake = FakeAzure::default();
    fake.on(Method::Post, GRAPH, ids.chunks(1_000).map(rows).collect::<Vec<_>>());
    let list = list(&fake.client(), ids.clone().into(), true).await.unwrap();
    assert_eq!(list.clusters.len(), 2_500);
    let seen = fake.seen();
    assert_eq!(seen.len(), 3);
    let asked: BTreeSet<&str> = seen
        .iter()
        .flat_map(|request| request.body["subscriptions"].as_array().unwrap())
        .map(|id| id.as_str().unwrap())
        .collect();
    assert_eq!(asked.len(), 2_500);
}
