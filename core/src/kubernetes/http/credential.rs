//! Bearer tokens of an Azure credential: fetched once for everyone, renewed before they expire.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use http::HeaderValue;
use time::{Duration, OffsetDateTime};
use tokio::sync::Mutex;

use crate::error::{Error, ErrorKind, Result};

/// A token is renewed this long before it expires, or half-way if it lives shorter.
const RENEWAL_MARGIN: Duration = Duration::minutes(5);
/// While a token is still good, a failed renewal is not tried again for this long.
const RENEWAL_PAUSE: Duration = Duration::seconds(30);

/// A bearer token for the API server.
pub(crate) struct BearerToken {
    pub(crate) secret: String,
    pub(crate) expires_on: OffsetDateTime,
}

impl fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BearerToken").field("expires_on", &self.expires_on).finish_non_exhaustive()
    }
}

/// Gives bearer tokens for the API server.
#[async_trait]
pub(crate) trait TokenSource: Send + Sync {
    /// A token that is good now. Called again before it expires, and once after the API server
    /// refused it.
    async fn token(&self) -> Result<BearerToken>;
}

/// The token in use.
pub(super) struct TokenCache {
    source: Arc<dyn TokenSource>,
    /// Locked while a token is fetched: one fetch serves everybody who waits.
    current: Mutex<Current>,
}

#[derive(Default)]
struct Current {
    generation: u64,
    token: Option<Cached>,
}

struct Cached {
    header: HeaderValue,
    renew_at: OffsetDateTime,
    expires_on: OffsetDateTime,
}

impl TokenCache {
    pub(super) fn new(source: Arc<dyn TokenSource>) -> Self {
        Self { source, current: Mutex::default() }
    }

    /// The `authorization` header, and which generation of it this is.
    pub(super) async fn header(&self) -> Result<(HeaderValue, u64)> {
        let mut current = self.current.lock().await;
        let now = OffsetDateTime::now_utc();
        let generation = current.generation;
        if let Some(cached) = &mut current.token {
            if now < cached.renew_at {
                return Ok((cached.header.clone(), generation));
            }
            if now < cached.expires_on {
                cached.renew_at = now + RENEWAL_PAUSE;
                let header = cached.header.clone();
                return match self.fetch(now).await {
                    Ok(fetched) => Ok(current.replace(fetched)),
                    Err(error) => {
                        tracing::warn!(%error, "the token for the API server could not be renewed yet");
                        Ok((header, generation))
                    }
                };
            }
        }
        Ok(current.replace(self.fetch(now).await?))
    }

    /// Forgets the token if it is still of this generation: somebody may have renewed it already.
    pub(super) async fn invalidate(&self, generation: u64) {
        let mut current = self.current.lock().await;
        if current.generation == generation {
            current.token = None;
        }
    }

    async fn fetch(&self, now: OffsetDateTime) -> Result<Cached> {
        let token = self.source.token().await?;
        let mut header =
            HeaderValue::try_from(format!("Bearer {}", token.secret)).map_err(|_| {
                let message = "the credential gave a token that cannot be sent to the API server";
                Error::new(ErrorKind::Unauthenticated, message)
            })?;
        header.set_sensitive(true);
        let margin = ((token.expires_on - now) / 2_i32).min(RENEWAL_MARGIN);
        Ok(Cached { header, renew_at: token.expires_on - margin, expires_on: token.expires_on })
    }
}

impl Current {
    fn replace(&mut self, cached: Cached) -> (HeaderValue, u64) {
        self.generation += 1;
        let header = cached.header.clone();
        self.token = Some(cached);
        (header, self.generation)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use futures::future::join_all;

    use super::*;

    /// Counts the tokens that it gave; each lives `life`.
    struct Counting {
        given: AtomicU64,
        life: Duration,
        fails_after: u64,
    }

    impl Counting {
        fn new(life: Duration, fails_after: u64) -> Arc<Self> {
            Arc::new(Self { given: AtomicU64::new(0), life, fails_after })
        }
    }

    #[async_trait]
    impl TokenSource for Counting {
        async fn token(&self) -> Result<BearerToken> {
            tokio::task::yield_now().await;
            let given = self.given.fetch_add(1, Ordering::Relaxed) + 1;
            if given > self.fails_after {
                return Err(Error::new(ErrorKind::Unavailable, "Entra ID is away"));
            }
            let expires_on = OffsetDateTime::now_utc() + self.life;
            Ok(BearerToken { secret: format!("token-{given}"), expires_on })
        }
    }

    const HOUR: Duration = Duration::HOUR;

    #[tokio::test]
    async fn one_fetch_serves_everybody_who_waits() {
        let source = Counting::new(HOUR, u64::MAX);
        let cache = TokenCache::new(source.clone());
        let headers = join_all((0..50).map(|_| cache.header())).await;
        assert!(headers.into_iter().all(|header| header.unwrap().0 == "Bearer token-1"));
        assert_eq!(source.given.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_refused_token_is_replaced_once() {
        let source = Counting::new(HOUR, u64::MAX);
        let cache = TokenCache::new(source.clone());
        let (_, generation) = cache.header().await.unwrap();
        join_all((0..10).map(async |_| {
            cache.invalidate(generation).await;
            cache.header().await.unwrap();
        }))
        .await;
        assert_eq!(source.given.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn an_expired_token_is_replaced() {
        let source = Counting::new(Duration::ZERO, u64::MAX);
        let cache = TokenCache::new(source);
        cache.header().await.unwrap();
        assert_eq!(cache.header().await.unwrap().0, "Bearer token-2");
    }

    #[tokio::test]
    async fn a_token_that_cannot_be_renewed_early_serves_until_it_expires() {
        let source = Counting::new(HOUR, 1);
        let cache = TokenCache::new(source.clone());
        cache.header().await.unwrap();
        cache.current.lock().await.token.as_mut().unwrap().renew_at = OffsetDateTime::UNIX_EPOCH;
        assert_eq!(cache.header().await.unwrap().0, "Bearer token-1");
        assert_eq!(cache.header().await.unwrap().0, "Bearer token-1");
        assert_eq!(source.given.load(Ordering::Relaxed), 2, "the pause was not kept");
    }

    #[test]
    fn debug_never_shows_the_token() {
        let token = BearerToken {
            secret: "very-secret".to_owned(),
            expires_on: OffsetDateTime::UNIX_EPOCH,
        };
        assert!(!format!("{token:?}").contains("very-secret"));
    }
}
