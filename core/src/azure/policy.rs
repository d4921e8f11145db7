//! The pipeline's policies: who gets which token, when a request is sent again, who is asking.

#![expect(
    elided_lifetimes_in_paths,
    reason = "azure_core declares these traits with elided lifetimes, which async_trait makes part of the signature"
)]

use std::sync::Arc;

use async_trait::async_trait;
use azure_core::{
    credentials::{TokenCredential, TokenRequestOptions},
    error::ErrorKind,
    http::{
        Context, Request, StatusCode,
        headers::{Headers, RETRY_AFTER, USER_AGENT, WWW_AUTHENTICATE},
        policies::{
            Policy, PolicyResult, RetryHeaders, RetryPolicy,
            auth::{Authorizer, BearerTokenAuthorizationPolicy, OnChallenge},
        },
    },
    time::Duration,
};

use super::{
    challenge::Challenge,
    cloud::{Audience, CloudEndpoints},
};
use crate::options::Timing;

/// Puts the right token on a request, or refuses to send it.
///
/// Every request with a token passes here, so no token leaves for a host that
/// [`CloudEndpoints::audience_of`] does not know.
#[derive(Debug)]
pub(super) struct TokenPolicy {
    endpoints: CloudEndpoints,
    resource_manager: BearerTokenAuthorizationPolicy,
    key_vault: BearerTokenAuthorizationPolicy,
}

impl TokenPolicy {
    pub(super) fn new(credential: &Arc<dyn TokenCredential>, endpoints: CloudEndpoints) -> Self {
        let bearer = |scope: String| {
            let renewal = Renewal { scope: scope.clone(), endpoints: endpoints.clone() };
            BearerTokenAuthorizationPolicy::new(Arc::clone(credential), [scope])
                .with_on_challenge(Arc::new(renewal))
        };
        Self {
            resource_manager: bearer(endpoints.resource_manager_scope.clone()),
            key_vault: bearer(endpoints.key_vault_scope()),
            endpoints,
        }
    }
}

#[async_trait]
impl Policy for TokenPolicy {
    async fn send(
        &self,
        context: &Context,
        request: &mut Request,
        next: &[Arc<dyn Policy>],
    ) -> PolicyResult {
        match self.endpoints.audience_of(request.url()) {
            Some(Audience::ResourceManager) => {
                self.resource_manager.send(context, request, next).await
            }
            Some(Audience::KeyVault) => self.key_vault.send(context, request, next).await,
            None => Err(azure_core::Error::with_message(
                ErrorKind::Other,
                format!(
                    "no token is sent to {}, which is no host of the chosen cloud",
                    request.url().host_str().unwrap_or("a URL without a host")
                ),
            )),
        }
    }
}

/// A rejected token is replaced once by a fresh one of the same scope, whatever the challenge
/// asks for: a service must not choose where tokens come from or what they are good for.
#[derive(Debug)]
struct Renewal {
    scope: String,
    endpoints: CloudEndpoints,
}

#[async_trait]
impl OnChallenge for Renewal {
    async fn on_challenge(
        &self,
        _context: &Context,
        request: &mut Request,
        authorizer: &dyn Authorizer,
        headers: &Headers,
    ) -> azure_core::Result<()> {
        let authorization = headers
            .get_optional_str(&WWW_AUTHENTICATE)
            .and_then(Challenge::parse)
            .map(|challenge| challenge.authorization);
        match authorization {
            Some(authorization) if !self.endpoints.is_authority(&authorization) => {
                Err(azure_core::Error::with_message(
                    ErrorKind::Credential,
                    format!(
                        "the service wants a token of {}, which is not the authority of the chosen cloud",
                        authorization.host_str().unwrap_or("a URL without a host")
                    ),
                ))
            }
            _ => {
                authorizer.authorize(request, &[&self.scope], TokenRequestOptions::default()).await
            }
        }
    }
}

/// Exponential backoff between the tries of one request.
///
/// `azure_core`'s own adds up to a quarter of a second whatever the scale, and never waits less
/// than a second at the longest, which tests on a fast simulator would feel.
#[derive(Debug)]
pub(super) struct Backoff {
    timing: Timing,
    retries: u32,
    headers: RetryHeaders,
}

impl Backoff {
    pub(super) fn new(timing: &Timing, retries: u32) -> Self {
        Self {
            timing: timing.clone(),
            retries,
            headers: RetryHeaders { retry_headers: vec![RETRY_AFTER] },
        }
    }
}

#[async_trait]
impl RetryPolicy for Backoff {
    fn is_expired(&self, _since_start: Duration, retries: u32) -> bool {
        retries >= self.retries
    }

    fn retry_headers(&self) -> Option<&RetryHeaders> {
        Some(&self.headers)
    }

    /// Empty is the policy's own list: 408, 429, 500, 502, 503 and 504.
    fn retry_status_codes(&self) -> &[StatusCode] {
        &[]
    }

    fn sleep_duration(&self, retries: u32) -> Duration {
        self.timing.pause(retries).try_into().unwrap_or(Duration::ZERO)
    }

    /// `azure_core` waits as long as a response says, even for ever.
    async fn wait(&self, retries: u32, retry_after: Option<Duration>) {
        let asked = retry_after.map(|asked| asked.try_into().unwrap_or(std::time::Duration::ZERO));
        let asked = asked.unwrap_or_default().min(self.timing.retry_after_longest);
        tokio::time::sleep(asked.max(self.timing.pause(retries))).await;
    }
}

/// Names this crate as the one that asks.
///
/// The pipeline's own policy puts `azsdk-rust-` before the name, which only the Azure SDK may use.
#[derive(Debug)]
pub(super) struct UserAgent;

#[async_trait]
impl Policy for UserAgent {
    async fn send(
        &self,
        context: &Context,
        request: &mut Request,
        next: &[Arc<dyn Policy>],
    ) -> PolicyResult {
        request.insert_header(USER_AGENT, concat!("aks-kms/", env!("CARGO_PKG_VERSION")));
        next[0].send(context, request, &next[1..]).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_are_bounded() {
        let backoff = Backoff::new(&Timing::default(), 6);
        assert!(!backoff.is_expired(Duration::ZERO, 5));
        assert!(backoff.is_expired(Duration::ZERO, 6));
    }
}
