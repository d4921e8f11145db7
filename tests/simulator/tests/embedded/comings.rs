//! API server processes that come and go, and what others do to identity Leases.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use aks_kms_simulator::backend::KubernetesBackend;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{World, v2};

const SECRETS: &str = "/api/v1/namespaces/team-1/secrets";
const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases";

/// The numbers of the keys that six connections write new secrets with. A process that ends takes
/// its connections along, and one with an older configuration cannot read what others wrote.
async fn written(world: &World) -> BTreeSet<usize> {
    let mut keys = BTreeSet::new();
    for number in 1..=6 {
        let (name, client) = (format!("new-{number}"), world.client());
        let secret = json!({"metadata": {"name": name}});
        let made = client.request(Method::POST, SECRETS).json(&secret).send().await;
        if made.is_ok_and(|made| made.status() == 201) {
            keys.insert(world.key_of("team-1", &name));
        }
        let path = format!("{SECRETS}/{name}");
        // first over the connection that has made it, so that each server has its turn to make one
        let mut client = client;
        while world.api.stored("team-1", &name).is_some() {
            drop(client.request(Method::DELETE, &path).send().await);
            client = world.client();
        }
    }
    keys
}

async fn leases(world: &World) -> Vec<Value> {
    world.client().json(LEASES).await["items"].as_array().unwrap().clone()
}

fn faults(kind: &str, seconds: u32) -> aks_kms_simulator::given::Faults {
    let fault = json!({"server": 3, "kind": kind, "seconds": seconds});
    serde_json::from_value(json!({"api_servers": [fault]})).unwrap()
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < Duration::from_secs(10), "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn an_older_process_writes_with_the_key_before_and_ends_when_its_time_is_over() {
    for (kind, seen) in [("older", 3), ("older-on-first-host", 2)] {
        let given = json!({"secrets": {"namespaces": 1, "each": 1}});
        let world = World::new(given, v2(2, 1), 0.01);
        assert_eq!(written(&world).await, [2].into());
        world.api.set_faults(faults(kind, 60)).await.unwrap();
        assert_eq!(leases(&world).await.len(), seen, "{kind}");
        until("it takes connections", async || written(&world).await.contains(&1)).await;
        until("it ends", async || written(&world).await == [2].into()).await;
        let holders = leases(&world).await;
        let first = holders[0]["spec"]["renewTime"].clone();
        assert!(first.is_string(), "{kind}: {holders:?}");
    }
}

#[tokio::test]
async fn an_older_process_is_there_from_the_start_and_goes_with_the_next_configuration() {
    let given = json!({
        "secrets": {"namespaces": 1, "each": 1},
        "faults": {"api_servers": [{"server": 3, "kind": "older"}]},
    });
    let world = World::new(given, v2(2, 1), 0.001);
    assert!(written(&world).await.contains(&1));
    world.api.apply(v2(3, 2), None).await.unwrap();
    until("one secret comes under the new key", async || written(&world).await == [3].into()).await;
}

#[tokio::test]
async fn an_identity_lease_that_is_deleted_or_forged_is_put_right_at_the_next_renewal() {
    // ten seconds between two renewals are 200 ms
    let world = World::new(json!({}), v2(1, 0), 0.02);
    let name = leases(&world).await[0]["metadata"]["name"].as_str().unwrap().to_owned();
    let path = format!("{LEASES}/{name}");
    let deleted = world.client().request(Method::DELETE, &path).send().await.unwrap();
    assert_eq!(deleted.status(), 200);
    assert_eq!(world.client().get(&path).await.status(), 404);
    until("it is made again", async || leases(&world).await.len() == 2).await;

    let forged = json!({"spec": {"holderIdentity": "somebody else"}});
    let forge = world.client().request(Method::PATCH, &path);
    let forge = forge.header("content-type", "application/merge-patch+json");
    assert_eq!(forge.body(forged.to_string()).send().await.unwrap().status(), 200);
    let holder = async || world.client().json(&path).await["spec"]["holderIdentity"].clone();
    assert_eq!(holder().await, "somebody else");
    until("it is put right", async || holder().await != "somebody else").await;
}
