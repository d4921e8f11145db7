//! Watches and streaming lists.

use aks_kms_simulator::backend::KubernetesBackend;
use serde_json::{Value, json};

use crate::world::{Api, TABLE, World, v2};

const SECRETS: &str = "/api/v1/namespaces/team-1/secrets";

const STREAM: &str = "/api/v1/namespaces/team-1/secrets?watch=true&sendInitialEvents=true\
                      &resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true\
                      &includeObject=None&timeoutSeconds=60";

struct Events {
    response: reqwest::Response,
    buffer: Vec<u8>,
}

impl Events {
    async fn open(api: &Api, path: &str) -> Self {
        let response =
            api.request(reqwest::Method::GET, path).header("accept", TABLE).send().await.unwrap();
        assert_eq!(response.status(), 200);
        Self { response, buffer: Vec::new() }
    }

    /// The next event; `None`: the stream has ended.
    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                return Some(serde_json::from_slice(&line).unwrap());
            }
            self.buffer.extend(self.response.chunk().await.unwrap()?);
        }
    }
}

/// Name and resource version of the secret that an event is about.
fn told(event: &Value) -> (String, u64) {
    let table = &event["object"];
    let name = table["rows"][0]["cells"][0].as_str().unwrap().to_owned();
    (name, table["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap())
}

#[tokio::test]
async fn a_streaming_list_tells_every_secret_with_its_version_then_a_bookmark_then_what_happens() {
    let given = json!({"secrets": {
        "namespaces": 1,
        "each": 3,
        "special": [{"name": "team-1/secret-9", "kind": "applied"}],
    }});
    let world = World::new(given, v2(1, 0), 0.001);
    let (api, other) = (world.client(), world.client());
    let value = api.json(&format!("{SECRETS}/secret-9")).await["data"]["password"].clone();
    let mut events = Events::open(&api, STREAM).await;
    for (index, number) in [1, 2, 3, 9].into_iter().enumerate() {
        let event = events.next().await.unwrap();
        assert_eq!(event["type"], "ADDED");
        let name = format!("secret-{number}");
        assert_eq!(told(&event), (name.clone(), world.version_of("team-1", &name)));
        assert_eq!(event["object"]["rows"][0]["object"], Value::Null);
        // the columns are described once
        assert_eq!(event["object"]["columnDefinitions"].is_array(), index == 0);
        assert!(!event.to_string().contains(value.as_str().unwrap()));
    }
    let bookmark = events.next().await.unwrap();
    assert_eq!(bookmark["type"], "BOOKMARK");
    let annotations = &bookmark["object"]["rows"][0]["object"]["metadata"]["annotations"];
    assert_eq!(annotations["k8s.io/initial-events-end"], "true");

    let rewritten = other.patch("team-1", "secret-2", r#"{"data": {"a": "eA=="}}"#).await;
    assert_eq!(rewritten.status(), 200);
    let event = events.next().await.unwrap();
    assert_eq!(event["type"], "MODIFIED");
    assert_eq!(told(&event), ("secret-2".to_owned(), world.version_of("team-1", "secret-2")));
    other.request(reqwest::Method::DELETE, &format!("{SECRETS}/secret-3")).send().await.unwrap();
    assert_eq!(events.next().await.unwrap()["type"], "DELETED");
    world.api.add_secrets("team-2", 1..=1, None).await.unwrap();
    world.api.add_secrets("team-1", 7..=7, None).await.unwrap();
    assert_eq!(told(&events.next().await.unwrap()).0, "secret-7");
}

#[tokio::test]
async fn a_streaming_list_breaks_off_once_for_each_namespace() {
    let given = json!({
        "secrets": {"namespaces": 1, "each": 5},
        "faults": {"streaming_breaks_after": 2},
    });
    let world = World::new(given, v2(1, 0), 0.001);
    let api = world.client();
    let mut events = Events::open(&api, STREAM).await;
    let mut seen = 0;
    while events.next().await.is_some() {
        seen += 1;
    }
    assert_eq!(seen, 2);
    let mut events = Events::open(&api, STREAM).await;
    for _ in 0..5 {
        assert_eq!(events.next().await.unwrap()["type"], "ADDED");
    }
    assert_eq!(events.next().await.unwrap()["type"], "BOOKMARK");
}

/// As kube-apiserver 1.32.10 and 1.33.6 answer, too.
#[tokio::test]
async fn servers_without_streaming_lists_refuse_them() {
    let (off, no_table) = (422, 406);
    for (version, fault, status, words) in [
        ("1.28.5", false, off, "sendInitialEvents is forbidden"),
        ("1.31.4", false, off, "sendInitialEvents is forbidden"),
        ("1.32.10", false, no_table, "only the following media types are accepted"),
        ("1.33.6", false, off, "sendInitialEvents is forbidden"),
        ("1.34.3", true, off, "sendInitialEvents is forbidden"),
    ] {
        let given = json!({
            "cluster": {"kubernetes_version": version}, "faults": {"no_streaming_list": fault},
        });
        let world = World::new(given, v2(1, 0), 0.001);
        let response = world.client().table(STREAM).await;
        assert_eq!(response.status(), status, "{version}");
        assert!(response.text().await.unwrap().contains(words), "{version}");
        // an ordinary watch is served as a table by all of them
        let watch = format!("{SECRETS}?watch=true&includeObject=None&timeoutSeconds=60");
        Events::open(&world.client(), &watch).await;
    }
}

#[tokio::test]
async fn a_streaming_list_may_not_mark_its_end() {
    let given = json!({
        "secrets": {"namespaces": 1, "each": 2}, "faults": {"streaming_end_unmarked": true},
    });
    let world = World::new(given, v2(1, 0), 0.001);
    let mut events = Events::open(&world.client(), STREAM).await;
    for _ in 0..2 {
        assert_eq!(events.next().await.unwrap()["type"], "ADDED");
    }
    let bookmark = events.next().await.unwrap();
    assert_eq!(bookmark["type"], "BOOKMARK");
    assert_eq!(bookmark["object"]["rows"][0]["object"], Value::Null);
}

#[tokio::test]
async fn a_streaming_list_of_a_revision_that_is_still_to_come_is_an_error() {
    let world = World::new(json!({}), v2(1, 0), 0.001);
    let api = world.client();
    let mut events = Events::open(&api, &format!("{STREAM}&resourceVersion=99999")).await;
    let event = events.next().await.unwrap();
    assert_eq!((&event["type"], &event["object"]["code"]), (&json!("ERROR"), &json!(504)));
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn a_slow_reader_is_cut_off_when_much_is_written() {
    let world = World::new(json!({"secrets": {"namespaces": 1, "each": 1}}), v2(1, 0), 0.001);
    let api = world.client();
    let mut events = Events::open(&api, STREAM).await;
    assert_eq!(events.next().await.unwrap()["type"], "ADDED");
    assert_eq!(events.next().await.unwrap()["type"], "BOOKMARK");
    // all at once: nobody could read that fast
    world.api.add_secrets("team-1", 2..=5_000, None).await.unwrap();
    let mut seen = 0;
    while events.next().await.is_some() {
        seen += 1;
    }
    assert!(seen < 4_999, "{seen}");
}

#[tokio::test]
async fn a_restart_ends_the_watches_of_its_server() {
    let world = World::new(json!({}), v2(1, 0), 0.001);
    let api = world.client();
    let mut events = Events::open(&api, STREAM).await;
    world.api.restart_api_servers().await.unwrap();
    let mut last = None;
    while let Some(event) = events.next().await {
        last = Some(event);
    }
    assert_eq!(last.unwrap()["type"], "BOOKMARK");
}
