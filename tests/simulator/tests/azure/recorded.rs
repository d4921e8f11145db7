//! What recorded traffic of AKS's clients shows, and documentation does not.

use std::{collections::BTreeSet, time::Duration};

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    common::AKS,
    support::{Client, Fixture, code, with_kms},
};

/// Long enough to look often.
const SECONDS: f64 = 8.0;

fn etag(document: &Value) -> String {
    document["eTag"].as_str().unwrap().to_owned()
}

/// A cluster on which an operation goes on, and where to poll.
async fn busy(fixture: &Fixture) -> (Client, Value, String) {
    let (client, _) = fixture.case(json!({ "faults": { "operation_seconds": SECONDS } })).await;
    let document = with_kms(client.cluster().await, &client.case.key_ids[0]);
    let poll = begin(&client, &document).await;
    (client, document, poll)
}

async fn begin(client: &Client, document: &Value) -> String {
    let response = client.arm_with(Method::PUT, &client.cluster_path(), &[], Some(document)).await;
    assert_eq!(response.status(), 200);
    assert!(response.headers().get("retry-after").is_none());
    response.headers()["azure-asyncoperation"].to_str().unwrap().to_owned()
}

fn path<'a>(client: &Client, url: &'a str) -> &'a str {
    url.strip_prefix(client.case.arm.as_str()).unwrap()
}

#[tokio::test]
async fn the_answer_to_a_put_has_the_etag_of_before_which_the_cluster_has_no_more() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({ "faults": { "operation_seconds": SECONDS } })).await;
    let before = client.cluster().await;
    let wanted = with_kms(before.clone(), &client.case.key_ids[0]);
    let (status, answer) = client.arm(Method::PUT, &client.cluster_path(), Some(&wanted)).await;
    assert_eq!((status, etag(&answer)), (200, etag(&before)));
    assert_ne!(etag(&client.cluster().await), etag(&before));
}

#[tokio::test]
async fn nearly_every_look_at_a_busy_cluster_shows_another_etag_and_none_at_one_at_rest() {
    let fixture = Fixture::start().await;
    let (client, _, poll) = busy(&fixture).await;
    let group = client.case.cluster_id.split("/providers/").next().unwrap();
    let list =
        format!("{group}/providers/Microsoft.ContainerService/managedClusters?api-version={AKS}");
    let mut seen = BTreeSet::new();
    for look in 0..16 {
        let document = if look % 2 == 0 {
            client.cluster().await
        } else {
            client.get(&list).await["value"][0].clone()
        };
        assert_eq!(document["properties"]["provisioningState"], "Updating");
        seen.insert(etag(&document));
    }
    assert!((12..16).contains(&seen.len()), "{} eTags in 16 looks", seen.len());
    let its_pool = format!("{}/agentPools/nodepool1?api-version={AKS}", client.case.cluster_id);
    assert_eq!(
        client.get(&its_pool).await["properties"]["eTag"],
        client.get(&its_pool).await["properties"]["eTag"]
    );

    client.wait(&poll).await;
    let at_rest = client.cluster().await;
    assert!(!seen.contains(&etag(&at_rest)));
    for _ in 0..8 {
        assert_eq!(client.cluster().await, at_rest);
    }
}

#[tokio::test]
async fn an_operation_on_a_pool_leaves_the_clusters_etag_alone() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({ "faults": { "operation_seconds": SECONDS } })).await;
    let before = client.cluster().await;
    let path = format!("{}/agentPools/nodepool1?api-version={AKS}", client.case.cluster_id);
    let (status, _) =
        client.arm(Method::PUT, &path, Some(&json!({ "properties": { "count": 4 } }))).await;
    assert_eq!(status, 200);
    for _ in 0..4 {
        assert_eq!(etag(&client.cluster().await), etag(&before));
    }
}

#[tokio::test]
async fn a_status_on_the_way_is_free_text() {
    let fixture = Fixture::start().await;
    let (client, _, poll) = busy(&fixture).await;
    let mut seen = Vec::new();
    let last = loop {
        let response = client.arm_with(Method::GET, path(&client, &poll), &[], None).await;
        assert_eq!(response.status(), 200);
        assert!(response.headers().get("retry-after").is_none(), "there is none");
        let body: Value = response.json().await.unwrap();
        let status = body["status"].as_str().unwrap().to_owned();
        if ["Succeeded", "Failed", "Canceled"].contains(&status.as_str()) {
            break body;
        }
        assert!(body["error"].is_null() && body["endTime"].is_null());
        if seen.last() != Some(&status) {
            seen.push(status);
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    };
    assert_eq!(
        seen,
        [
            "InProgress",
            "ProvisioningControlPlane",
            "ReconcilingAddons",
            "CreatingAgentPools: 1/3 nodes completed",
        ]
    );
    assert_eq!(last["status"], "Succeeded");
    assert!(last["endTime"].is_string());
}

#[tokio::test]
async fn a_poll_address_is_long_and_signed_as_a_whole() {
    let fixture = Fixture::start().await;
    let (client, _, poll) = busy(&fixture).await;
    assert!((3400..=3800).contains(&poll.len()), "{}", poll.len());
    let (place, query) = path(&client, &poll).split_once('?').unwrap();
    let parts: Vec<&str> = query.split('&').collect();
    assert_eq!(parts.len(), 5, "api-version, t, c, s, h");
    for left_out in 1..parts.len() {
        let mut without = parts.clone();
        let part = without.remove(left_out);
        let without = format!("{place}?{}", without.join("&"));
        assert_eq!(client.arm(Method::GET, &without, None).await.0, 404, "without {part:.2}");
        let mut changed = parts.clone();
        let another = format!("{}0", &part[..part.len() - 1]);
        let another = if another == part { format!("{part}0") } else { another };
        changed[left_out] = &another;
        let changed = format!("{place}?{}", changed.join("&"));
        assert_eq!(client.arm(Method::GET, &changed, None).await.0, 404, "with another {part:.2}");
    }
    let results = format!("{}?{query}", place.replace("/operations/", "/operationresults/"));
    assert_eq!(client.arm(Method::GET, &results, None).await.0, 202);
    assert_eq!(client.arm(Method::GET, path(&client, &poll), None).await.0, 200, "as it was given");
}

#[tokio::test]
async fn a_second_put_meets_409_with_a_code_for_each_reason() {
    let fixture = Fixture::start().await;
    let (client, document, _) = busy(&fixture).await;
    let put = async |named: Option<&str>| {
        let headers: Vec<_> = named.into_iter().map(|named| ("if-match", named)).collect();
        let path = client.cluster_path();
        let response = client.arm_with(Method::PUT, &path, &headers, Some(&document)).await;
        (response.status().as_u16(), response.json::<Value>().await.unwrap())
    };
    let (status, refusal) = put(None).await;
    assert_eq!((status, code(&refusal)), (409, "OperationNotAllowed"));
    let message = refusal["message"].as_str().unwrap();
    assert!(message.contains("Another operation (Updating) is in progress"), "{message}");
    let (status, refusal) = put(Some(&etag(&document))).await;
    assert_eq!((status, code(&refusal)), (409, "EtagMismatch"));
}

#[tokio::test]
async fn an_operation_that_had_a_successor_succeeded_with_an_error() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({})).await;
    let document = client.cluster().await;
    let first = begin(&client, &document).await;
    let ended = client.wait(&first).await;
    assert_eq!((&ended["status"], &ended["error"]), (&json!("Succeeded"), &Value::Null));
    let second = begin(&client, &document).await;
    client.wait(&second).await;
    let ended = client.wait(&first).await;
    assert_eq!((&ended["status"], code(&ended)), (&json!("Succeeded"), "NotLatestOperation"));
    assert_eq!(client.wait(&second).await["error"], Value::Null);
}

#[tokio::test]
async fn a_pool_runs_or_is_stopped_as_the_put_says() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({})).await;
    let mut document = client.cluster().await;
    let pools = "/properties/agentPoolProfiles/0/powerState";
    let power = |document: &Value| document.pointer(pools).unwrap()["code"].clone();
    assert_eq!(power(&document), "Running");
    *document.pointer_mut(pools).unwrap() = json!({ "code": "Stopped" });
    client.put_cluster(&document).await;
    let stopped = client.cluster().await;
    assert_eq!(power(&stopped), "Stopped");
    // as clients do, which send back what they read
    client.put_cluster(&with_kms(stopped.clone(), &client.case.key_ids[0])).await;
    assert_eq!(power(&client.cluster().await), "Stopped");
    let mut silent = client.cluster().await;
    silent["properties"]["agentPoolProfiles"][0].as_object_mut().unwrap().remove("powerState");
    client.put_cluster(&silent).await;
    assert_eq!(power(&client.cluster().await), "Running", "nobody said that it is stopped");
}

#[tokio::test]
async fn a_document_that_is_put_back_as_it_was_read_is_accepted() {
    let fixture = Fixture::start().await;
    let (client, _) = fixture.case(json!({ "cluster": { "kms": { "key": "{{key.1}}" } } })).await;
    let mut before = client.cluster().await;
    client.put_cluster(&before).await;
    let mut after = client.cluster().await;
    for document in [&mut before, &mut after] {
        document["eTag"].take();
    }
    assert_eq!(after, before);
}
