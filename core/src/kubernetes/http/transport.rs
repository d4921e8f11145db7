//! Sending requests to the API server.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use http_body_util::Full;
use tokio::time::{Instant, timeout_at};

use super::{
    access::Destination,
    credential::{TokenCache, TokenSource},
    error::SendError,
    pool::Pool,
    request::Request,
    response::{Body, Response, Streaming, date, retry_after},
    session::{Session, Sessions},
    status::denial,
};
use crate::{
    error::{Error, ErrorKind, Result},
    options::Timing,
};

const CONNECTIONS: usize = 16;
const USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("aks-kms/", env!("CARGO_PKG_VERSION")));

/// One API server address and the right to speak to it. Clones share their connections.
#[derive(Clone)]
pub(crate) struct KubernetesApi {
    target: Arc<Target>,
    pool: Arc<Pool>,
}

struct Target {
    sessions: Sessions,
    token: Option<TokenCache>,
    host: String,
    host_header: HeaderValue,
    base_path: String,
    timing: Timing,
    requests: AtomicU64,
    many_headers: Arc<AtomicBool>,
}

/// Which generation of each credential a request carried.
struct CredentialGeneration {
    session: u64,
    token: Option<u64>,
}

impl KubernetesApi {
    /// Prepares to speak; sends nothing yet. May run the credential plugin of a kubeconfig.
    ///
    /// With a token source, its tokens are sent; it takes precedence over the configuration's.
    pub(crate) async fn new(
        destination: Destination,
        token_source: Option<Arc<dyn TokenSource>>,
        timing: &Timing,
    ) -> Result<Self> {
        let url = destination.config.cluster_url.clone();
        let host = url.host().unwrap_or_default().to_owned();
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.clone(),
        };
        let host_header = HeaderValue::try_from(authority).map_err(|_| {
            Error::new(
                ErrorKind::InvalidInput,
                "the API server's address is not a usable URL; pass one such as https://<host>:443",
            )
        })?;
        let target = Target {
            sessions: Sessions::new(destination).await?,
            token: token_source.map(TokenCache::new),
            host,
            host_header,
            base_path: url.path().trim_end_matches('/').to_owned(),
            timing: timing.clone(),
            requests: AtomicU64::new(0),
            many_headers: Arc::default(),
        };
        let pool = Pool::new(CONNECTIONS, &target.many_headers);
        Ok(Self { target: Arc::new(target), pool })
    }

    /// The same API server with connections of its own, at most `connections` at a time.
    pub(crate) fn with_connections(&self, connections: usize) -> Self {
        Self {
            target: Arc::clone(&self.target),
            pool: Pool::new(connections, &self.target.many_headers),
        }
    }

    /// The same address over one new connection: all its requests, one after the other, reach the
    /// same API server process. When that connection ends, further requests fail.
    pub(crate) fn fresh(&self) -> Self {
        Self { target: Arc::clone(&self.target), pool: Pool::pinned(&self.target.many_headers) }
    }

    /// Host of the API server.
    pub(crate) fn host(&self) -> &str {
        &self.target.host
    }

    pub(in crate::kubernetes) fn timing(&self) -> &Timing {
        &self.target.timing
    }

    /// Requests sent so far, by this and all that share its target.
    pub(crate) fn requests_sent(&self) -> u64 {
        self.target.requests.load(Ordering::Relaxed)
    }

    /// Sends and reads the response. Any HTTP status is a response. Nothing is sent twice, except
    /// once more with a new credential after a 401.
    pub(crate) async fn send(&self, request: &Request) -> Result<Response, SendError> {
        let (streaming, stamp) = self.attempt(request).await?;
        let response = streaming.into_response().await?;
        let refused = response.status == StatusCode::UNAUTHORIZED.as_u16();
        // A webhook's 401 is about the object, not about the credential.
        if !refused
            || denial(&response).is_some()
            || !self.target.invalidate(&stamp).await.map_err(SendError::Credential)?
        {
            return Ok(response);
        }
        self.attempt(request).await?.0.into_response().await
    }

    /// Sends, and leaves the response's body to be read.
    pub(crate) async fn stream(&self, request: &Request) -> Result<Streaming, SendError> {
        let (streaming, stamp) = self.attempt(request).await?;
        let refused = streaming.status == StatusCode::UNAUTHORIZED.as_u16();
        if !refused || !self.target.invalidate(&stamp).await.map_err(SendError::Credential)? {
            return Ok(streaming);
        }
        // Read to its end, so that its connection can be used again. Its content is of no use.
        let _ = streaming.into_response().await;
        Ok(self.attempt(request).await?.0)
    }

    async fn attempt(
        &self,
        request: &Request,
    ) -> Result<(Streaming, CredentialGeneration), SendError> {
        let mut checkout = self.pool.checkout().await?;
        let (session, headers, stamp) =
            self.target.authorize().await.map_err(SendError::Credential)?;
        let limit = request.timeout.unwrap_or(self.target.timing.kubernetes_request);
        let deadline = Instant::now() + limit;
        let message = self.target.build_request(request, headers)?;
        self.target.requests.fetch_add(1, Ordering::Relaxed);
        let response = timeout_at(deadline, checkout.send(&session, message))
            .await
            .map_err(|_| SendError::Timeout)??;
        let (parts, incoming) = response.into_parts();
        let status = parts.status.as_u16();
        tracing::trace!(method = %request.method, path = request.path_and_query, status, "answered");
        let date = date(&parts.headers);
        let ceiling = self.target.timing.retry_after_longest;
        let retry_after = retry_after(&parts.headers).map(|wait| wait.min(ceiling));
        let body = Body { incoming, checkout: Some(checkout), pause: limit };
        Ok((Streaming { status, retry_after, date, body, deadline }, stamp))
    }
}

impl Target {
    async fn authorize(&self) -> Result<(Arc<Session>, HeaderMap, CredentialGeneration)> {
        let session = self.sessions.current().await;
        let mut headers = session.headers().await?;
        let mut stamp = CredentialGeneration { session: session.generation, token: None };
        if let Some(token) = &self.token {
            let (header, generation) = token.header().await?;
            headers.insert(header::AUTHORIZATION, header);
            stamp.token = Some(generation);
        }
        Ok((session, headers, stamp))
    }

    /// Gives up a credential that was refused. False: there is no other.
    async fn invalidate(&self, stamp: &CredentialGeneration) -> Result<bool> {
        match (&self.token, stamp.token) {
            (Some(token), Some(generation)) => {
                token.invalidate(generation).await;
                Ok(true)
            }
            _ => self.sessions.invalidate(stamp.session).await,
        }
    }

    fn build_request(
        &self,
        request: &Request,
        mut headers: HeaderMap,
    ) -> Result<http::Request<Full<Bytes>>, SendError> {
        let uri = Uri::try_from(format!("{}{}", self.base_path, request.path_and_query))
            .map_err(|_| SendError::Connection("the request's path is malformed".to_owned()))?;
        headers.insert(header::HOST, self.host_header.clone());
        headers.insert(header::USER_AGENT, USER_AGENT);
        headers.insert(header::ACCEPT, request.accept.header());
        let mut content = Bytes::new();
        if let Some((content_type, body)) = &request.body {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
            content = body.clone();
        }
        let mut message = http::Request::new(Full::new(content));
        *message.method_mut() = request.method.clone();
        *message.uri_mut() = uri;
        *message.headers_mut() = headers;
        Ok(message)
    }
}

#[cfg(test)]
mod tests;
