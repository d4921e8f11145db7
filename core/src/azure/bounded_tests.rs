use std::{
    pin::Pin,
    task::{self, Poll},
};

use azure_core::http::{HttpClient, Method, Transport, headers::Headers};
use futures::Stream;
use serde_json::json;
use tokio::time::{Duration, Instant, Sleep, sleep};

use super::*;
use crate::{
    azure::{
        Azure, AzureConfig, Cloud,
        call::Call,
        testing::{FakeAzure, cluster_id, json_reply},
    },
    error::ErrorKind as Kind,
};

/// Sends this again and again, with a pause.
#[derive(Debug)]
struct Endless {
    part: Bytes,
    pause: Option<Duration>,
}

struct Parts {
    part: Bytes,
    pause: Option<Pin<Box<Sleep>>>,
    every: Duration,
}

impl Stream for Parts {
    type Item = azure_core::Result<Bytes>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut task::Context<'_>,
    ) -> Poll<Option<Self::Item>> {
        if let Some(pause) = &mut self.pause {
            if pause.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            self.pause = Some(Box::pin(sleep(self.every)));
        }
        Poll::Ready(Some(Ok(self.part.clone())))
    }
}

#[async_trait]
impl HttpClient for Endless {
    async fn execute_request(&self, _: &Request) -> azure_core::Result<AsyncRawResponse> {
        let parts = Parts {
            part: self.part.clone(),
            pause: self.pause.map(|pause| Box::pin(sleep(pause))),
            every: self.pause.unwrap_or_default(),
        };
        Ok(AsyncRawResponse::new(200.into(), Headers::new(), Box::pin(parts)))
    }
}

fn client(config: AzureConfig) -> Azure {
    Azure::new(config).unwrap()
}

fn endless(part: &'static [u8], pause: Option<Duration>) -> Azure {
    let sender = Endless { part: Bytes::from_static(part), pause };
    client(AzureConfig {
        transport: Some(Transport::new(Arc::new(sender))),
        ..FakeAzure::default().config(Cloud::Public)
    })
}

#[tokio::test(start_paused = true)]
async fn a_response_without_end_is_not_kept() {
    let azure = endless(b"                                                                ", None);
    let error = azure.cluster(&cluster_id()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unexpected);
    assert!(error.to_string().contains("longer than 16 MiB"), "{error}");
    assert!(!error.is_retryable());
}

#[tokio::test(start_paused = true)]
async fn a_response_of_a_byte_a_second_ends_in_time() {
    let began = Instant::now();
    let azure = endless(b" ", Some(Duration::from_secs(1)));
    let error = azure.cluster(&cluster_id()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    assert!(error.to_string().contains("no whole response within 120 s"), "{error}");
    // seven tries, with their pauses
    assert!(began.elapsed() < 8 * AZURE_REQUEST, "{:?}", began.elapsed());
}

/// Gives no token.
#[derive(Debug)]
struct Silent;

#[async_trait]
impl TokenCredential for Silent {
    async fn get_token(
        &self,
        _: &[&str],
        _: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_credential_that_gives_nothing_is_not_waited_for_for_ever() {
    let config = FakeAzure::default().config(Cloud::Public);
    let azure = client(AzureConfig { credential: Some(Arc::new(Silent)), ..config });
    for error in [
        azure.cluster(&cluster_id()).await.map(drop).unwrap_err(),
        azure.entra_token().await.map(drop).unwrap_err(),
    ] {
        assert_eq!(error.kind(), Kind::Unauthenticated);
        assert!(error.to_string().contains("gave nothing within 300 s"), "{error}");
    }
}

#[tokio::test]
async fn a_list_of_endless_pages_ends() {
    let fake = FakeAzure::default();
    let page = |at: usize| {
        let next = format!("https://management.azure.com/things?page={at}");
        json_reply(200, json!({"value": [1], "nextLink": next}))
    };
    fake.on(Method::Get, "/things?", (0..2_000).map(page));
    let call = Call::get("/things", "1", "list things", None);
    let error = fake.client().list(call).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unexpected);
    assert!(error.to_string().contains("more than 1000 pages"), "{error}");
}

#[tokio::test]
async fn a_search_of_endless_pages_ends() {
    let fake = FakeAzure::default();
    let page = |at: usize| {
        let token = (at < 1_200).then(|| format!("page-{at}"));
        json_reply(200, json!({"data": [], "$skipToken": token}))
    };
    fake.on(Method::Post, "/providers/Microsoft.ResourceGraph/resources?", (0..=1_200).map(page));
    let error = fake.client().kms_users().await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unexpected);
    assert!(error.to_string().contains("more than 1000 pages"), "{error}");
}

#[tokio::test]
async fn a_list_of_a_vault_of_endless_pages_ends() {
    let fake = FakeAzure::default();
    let page = |at: usize| {
        let next = format!("https://shop.vault.azure.net/keys/etcd/versions?$skiptoken={at}");
        json_reply(200, json!({"value": [], "nextLink": (at < 1_200).then_some(next)}))
    };
    fake.on(Method::Get, "/keys/etcd/versions?", (0..=1_200).map(page));
    let key = crate::ids::KeyId::parse(
        "https://shop.vault.azure.net/keys/etcd/4f1c2b3a4d5e6f708192a3b4c5d6e7f8",
    );
    let error = fake.client().key_versions(&key.unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unexpected);
    assert!(error.to_string().contains("more than 1000 pages"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn no_response_says_for_how_long_to_wait_beyond_a_minute() {
    for asked in ["86400", "9223372036854775807", "-5", "Fri, 31 Dec 9999 23:59:59 GMT", "x"] {
        let fake = FakeAzure::default();
        let throttled = json_reply(429, json!({})).with("retry-after", asked);
        fake.on(Method::Get, "/managedClusters/prod?", [throttled]);
        let began = Instant::now();
        let error = fake.client().cluster(&cluster_id()).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Throttled, "{asked}");
        assert!(began.elapsed() <= Duration::from_secs(361), "{asked}: {:?}", began.elapsed());
    }
}

#[tokio::test]
async fn nothing_is_asked_of_a_host_outside_the_cloud() {
    let fake = FakeAzure::default();
    let key = crate::ids::KeyId::parse(
        "https://shop.vault.azure.cn/keys/etcd/4f1c2b3a4d5e6f708192a3b4c5d6e7f8",
    );
    let error = fake.client().key_versions(&key.unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::InvalidInput);
    assert!(error.to_string().contains("no host of the chosen cloud"), "{error}");
    assert!(fake.seen().is_empty() && fake.scopes().is_empty());
}
