//! What Resource Manager and vaults say to who asks too much.

use std::time::Duration;

use aks_kms_simulator::{
    Options, Simulator,
    throttle::{Kind, Throttled},
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::caller::{AKS, Caller};

async fn fleet(throttle: Value) -> (Simulator, Caller) {
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let given = json!({ "subscriptions": 2, "clusters": 4, "given": { "throttle": throttle } });
    let fleet = simulator.put_fleet(&serde_json::from_value(given).unwrap()).unwrap();
    (simulator, Caller::sign_in(fleet).await)
}

fn of(simulator: &Simulator, caller: &Caller, scope: &str, kind: Kind) -> Throttled {
    let all = simulator.throttled(&caller.fleet.id).unwrap();
    let found = all.iter().find(|it| it.scope == scope && it.kind == kind);
    found.unwrap_or_else(|| panic!("{all:?}")).clone()
}

#[tokio::test]
async fn the_clusters_of_a_subscription_share_its_budget_and_too_early_requests_count() {
    let reads = json!({ "size": 3, "per_second": 0.4 });
    let (simulator, caller) =
        fleet(json!({ "reads": reads, "on_the_way_ms": 30, "retry_after": 3 })).await;
    let [first, second, elsewhere, _] = &caller.fleet.clusters[..] else { panic!() };
    let get =
        async |id: &str| caller.send(Method::GET, &format!("{id}?api-version={AKS}"), None).await;
    let remaining = "x-ms-ratelimit-remaining-subscription-reads";
    for (cluster, left) in [(first, "2"), (second, "1"), (first, "0")] {
        let response = get(&cluster.cluster_id).await;
        assert_eq!(
            (response.status().as_u16(), &response.headers()[remaining]),
            (200, &left.parse().unwrap())
        );
    }
    let refused = get(&second.cluster_id).await;
    assert_eq!(
        (refused.status().as_u16(), &refused.headers()["retry-after"]),
        (429, &"3".parse().unwrap())
    );
    assert_eq!(refused.headers()[remaining], "0");
    let body: Value = refused.json().await.unwrap();
    assert_eq!(body["error"]["code"], "SubscriptionRequestsThrottled");
    let message = body["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("'read' requests") && message.contains(&first.subscription_id),
        "{message}"
    );

    assert_eq!(get(&elsewhere.cluster_id).await.status(), 200, "another subscription");
    caller.credential(&first.cluster_id).await; // a write
    let scope = &first.subscription_id;
    assert_eq!(of(&simulator, &caller, scope, Kind::Reads).violations, 0);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(get(&first.cluster_id).await.status(), 429, "too early");
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(get(&first.cluster_id).await.status(), 200);
    let seen = of(&simulator, &caller, scope, Kind::Reads);
    assert_eq!((seen.requests, seen.refused, seen.violations), (6, 2, 1));
    let other = of(&simulator, &caller, &elsewhere.subscription_id, Kind::Reads);
    assert_eq!((other.requests, other.refused), (1, 0));
}

#[tokio::test]
async fn resource_graph_tenants_and_vaults_have_budgets_of_their_own() {
    let one = json!({ "size": 1, "per_second": 0.1 });
    let (simulator, caller) =
        fleet(json!({ "reads": one, "resource_graph": one, "vault": one, "retry_after": 7 })).await;
    let list = "/subscriptions?api-version=2022-12-01";
    let graph = "/providers/Microsoft.ResourceGraph/resources?api-version=2024-04-01";
    let query = json!({ "query": "Resources" });
    let vault = format!("kv-{}.vault.azure.net", caller.fleet.clusters[0].case);
    for expected in [200, 429] {
        let list = caller.send(Method::GET, list, None).await;
        let graph = caller.send(Method::POST, graph, Some(&query)).await;
        let keys = caller.vault(Method::GET, &format!("https://{vault}/keys")).await;
        for (response, code) in
            [(list, "TenantRequestsThrottled"), (graph, "RateLimiting"), (keys, "Throttled")]
        {
            assert_eq!(response.status(), expected);
            if expected == 429 {
                assert_eq!(response.headers()["retry-after"], "7");
                let body: Value = response.json().await.unwrap();
                assert_eq!(body["error"]["code"], code);
            }
        }
    }
    for (scope, kind) in
        [("", Kind::Reads), ("", Kind::ResourceGraph), (vault.as_str(), Kind::Vault)]
    {
        let seen = of(&simulator, &caller, scope, kind);
        assert_eq!((seen.requests, seen.refused), (2, 1));
    }
}

#[tokio::test]
async fn nothing_is_throttled_where_nobody_says_so() {
    let simulator = Simulator::start(Options::default()).await.unwrap();
    let case = simulator.put_case(serde_json::from_value(json!({})).unwrap()).await.unwrap();
    assert_eq!(simulator.throttled(&case.id).unwrap(), []);
    let given = json!({ "clusters": 1, "given": {} });
    let fleet = simulator.put_fleet(&serde_json::from_value(given).unwrap()).unwrap();
    let caller = Caller::sign_in(fleet).await;
    for _ in 0..300 {
        caller.cluster(&caller.fleet.clusters[0].cluster_id).await;
    }
    assert_eq!(simulator.throttled(&caller.fleet.id).unwrap(), []);
}
