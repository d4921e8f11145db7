use azure_core::http::Method;
use serde_json::json;
use tokio::time::Instant;

use super::*;
use crate::{
    azure::{
        Azure,
        testing::{FakeAzure, Reply, json_reply},
    },
    error::ErrorKind,
};

const OTHER: &str = "11111111-2222-4333-8444-555555555555";

fn throttled(seconds: &str) -> Reply {
    json_reply(429, json!({"error": {"code": "TooManyRequests", "message": "m"}}))
        .with("retry-after", seconds)
}

fn of(method: Method, url: &str) -> Budget {
    Budget::of(&Url::parse(url).unwrap(), method, url.contains("vault.azure.net"))
}

#[test]
fn reads_and_writes_of_a_subscription_and_each_vault_are_counted_apart() {
    let arm = "https://management.azure.com/subscriptions";
    let read = of(Method::Get, &format!("{arm}/ABC/resourceGroups/a?api-version=1"));
    assert_eq!(read, of(Method::Get, &format!("{arm}/abc/providers/x")));
    assert_ne!(read, of(Method::Get, &format!("{arm}/def/resourceGroups/a")));
    let write = of(Method::Put, &format!("{arm}/abc/resourceGroups/a"));
    assert_ne!(read, write);
    assert_eq!(write, of(Method::Post, &format!("{arm}/abc/providers/x")));
    let graph = "https://management.azure.com/providers/Microsoft.ResourceGraph/resources";
    assert_ne!(of(Method::Post, graph), write);
    let vault = of(Method::Get, "https://shop.vault.azure.net/keys/etcd");
    assert_eq!(vault, of(Method::Post, "https://SHOP.vault.azure.net/keys/etcd/create"));
    assert_ne!(vault, of(Method::Get, "https://other.vault.azure.net/keys/etcd"));
}

/// So many reads at once: when each was sent.
async fn reads(azure: &Azure, fake: &FakeAzure, subscription: &str, count: usize) -> Vec<Duration> {
    let began = Instant::now();
    let before = fake.seen().len();
    let ask = (0..count).map(|_| azure.clusters_of(subscription));
    futures::future::join_all(ask).await;
    fake.seen()[before..].iter().map(|seen| seen.at - began).collect()
}

#[tokio::test(start_paused = true)]
async fn after_the_first_refusal_nobody_asks_there_before_its_time_nor_all_at_once() {
    let fake = FakeAzure::default();
    let page = json_reply(200, json!({"value": []}));
    fake.on(Method::Get, super::super::testing::SUBSCRIPTION, [throttled("17"), page.clone()]);
    fake.on(Method::Get, OTHER, [page]);
    let azure = fake.client();
    // Those that are under way with the refused one were sent before it was known.
    let first = reads(&azure, &fake, super::super::testing::SUBSCRIPTION, 1);
    let (first, meanwhile) = futures::join!(first, async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let later = reads(&azure, &fake, super::super::testing::SUBSCRIPTION, 40);
        later.await
    });
    assert!(first.len() + meanwhile.len() >= 41);
    let mut sent: Vec<Duration> = fake.seen().iter().map(|seen| seen.at.elapsed()).collect();
    sent.sort_unstable();
    sent.reverse();
    let after = |index: usize| sent[0].saturating_sub(sent[index]);
    assert!(after(1) >= Duration::from_secs(17), "{:?}", after(1));
    for index in 2..sent.len() {
        let apart = after(index).saturating_sub(after(index - 1));
        assert!(apart >= Duration::from_millis(40), "{index}: {apart:?}");
    }
    let others = reads(&azure, &fake, OTHER, 10).await;
    assert!(others.iter().all(Duration::is_zero), "another subscription: {others:?}");
}

#[tokio::test(start_paused = true)]
async fn refusals_of_requests_that_were_under_way_together_count_once() {
    let mut pace = Pace::new(Duration::from_millis(40), 0);
    for _ in 0..10 {
        pace.refused(0, Duration::from_secs(5));
    }
    assert_eq!((pace.refusals, pace.apart), (1, Duration::from_millis(160)));
    pace.refused(1, Duration::from_secs(5));
    assert_eq!((pace.refusals, pace.apart), (2, Duration::from_millis(320)));
    for refusals in 2..20 {
        pace.refused(refusals, Duration::ZERO);
    }
    assert_eq!(pace.apart, Duration::from_millis(2_560), "not ever further apart");
    for _ in 0..10 * ANSWERS {
        pace.answered();
    }
    assert_eq!(pace.apart, Duration::from_millis(40), "never closer than the budget allows");
    tokio::time::sleep(FORGOTTEN + Duration::from_secs(6)).await;
    assert!(pace.is_forgotten());
}

/// A service that names a time without end, or none.
#[tokio::test(start_paused = true)]
async fn a_time_without_an_end_is_not_obeyed() {
    for (asked, longest) in [("86400", 61), ("soon", 2)] {
        let fake = FakeAzure::default();
        let page = json_reply(200, json!({"value": []}));
        fake.on(Method::Get, "", [throttled(asked), page]);
        let began = Instant::now();
        fake.client().clusters_of(OTHER).await.unwrap();
        assert!(began.elapsed() < Duration::from_secs(longest), "{asked}: {:?}", began.elapsed());
    }
}

/// How long a client waits that is told so.
async fn waits(headers: &[(&'static str, &str)]) -> Duration {
    let fake = FakeAzure::default();
    let mut refusal = json_reply(429, json!({"error": {"code": "RateLimiting", "message": "m"}}));
    for (name, value) in headers {
        refusal = refusal.with(name, *value);
    }
    fake.on(Method::Get, "", [refusal, json_reply(200, json!({"value": []}))]);
    let began = Instant::now();
    fake.client().clusters_of(OTHER).await.unwrap();
    began.elapsed()
}

#[tokio::test(start_paused = true)]
async fn a_time_is_read_in_each_form_that_services_give_it_in() {
    const SENT: (&str, &str) = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
    let until = |seconds: &'static str| ("retry-after", seconds);
    for (headers, seconds) in [
        (vec![until("17")], 17),
        (vec![SENT, until("Sun, 06 Nov 1994 08:49:57 GMT")], 20),
        (vec![SENT, until("Sun, 06 Nov 1994 08:49:00 GMT")], 0),
        (vec![until("Sun, 06 Nov 1994 08:49:57 GMT")], 0),
        (vec![("x-ms-user-quota-resets-after", "00:00:05")], 5),
        (vec![("x-ms-user-quota-resets-after", "00:01:05")], 60),
        (vec![until("3"), ("x-ms-user-quota-resets-after", "00:00:05")], 3),
        (vec![until("0")], 0),
        (vec![until("99999999999999999999"), ("x-ms-user-quota-resets-after", "5")], 0),
    ] {
        let waited = waits(&headers).await;
        let (least, most) = (Duration::from_secs(seconds), Duration::from_secs(seconds + 1));
        assert!((least..most).contains(&waited), "{headers:?}: {waited:?}");
    }
}

/// A request that was sent before refusals were forgotten, and is refused after that.
#[tokio::test(start_paused = true)]
async fn a_refusal_after_the_earlier_ones_were_forgotten_counts() {
    let budgets = Budgets::new(&Timing::default());
    let budget = of(Method::Get, "https://management.azure.com/subscriptions/a");
    let refusal = || AsyncRawResponse::from_bytes(429.into(), Headers::new(), "");
    budgets.answered(budget.clone(), 0, &refusal());
    tokio::time::sleep(FORGOTTEN).await;
    let sent = budgets.turn(&budget).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(budgets.turn(&budget).await, 0, "forgotten");
    budgets.answered(budget.clone(), sent, &refusal());
    budgets.turn(&budget).await;
    let first = Instant::now();
    budgets.turn(&budget).await;
    assert_eq!(first.elapsed(), Duration::from_millis(160), "one by one");
}

#[tokio::test(start_paused = true)]
async fn what_is_forgotten_takes_no_memory() {
    let budgets = Budgets::new(&Timing::default());
    for number in 0..100 {
        let url = format!("https://management.azure.com/subscriptions/{number}");
        let refusal = AsyncRawResponse::from_bytes(429.into(), Headers::new(), "");
        budgets.answered(of(Method::Get, &url), 0, &refusal);
        tokio::time::sleep(FORGOTTEN / 10).await;
    }
    assert!(budgets.spent.lock().unwrap().len() < 12);
}

#[tokio::test(start_paused = true)]
async fn who_is_always_refused_gives_up() {
    let fake = FakeAzure::default();
    fake.on(Method::Get, "", [throttled("1")]);
    let error = fake.client().clusters_of(OTHER).await.map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Throttled);
}
