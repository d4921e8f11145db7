//! Requests to the API server and their answers.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use time::{OffsetDateTime, format_description::well_known::Rfc2822};
use tokio::time::{Instant, timeout, timeout_at};

use super::{
    access::Destination,
    credential::{TokenCache, TokenSource},
    pool::{Checkout, Pool, connection_error},
    session::{Session, Sessions},
    status::denial,
};
use crate::{
    error::{Error, ErrorKind, Result},
    model::Timing,
};

/// The longest response that is read whole.
const LONGEST_ANSWER: usize = 32 * 1024 * 1024;
const CONNECTIONS: usize = 16;
const USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("aks-kms/", env!("CARGO_PKG_VERSION")));

/// The form that a response is wanted in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Accept {
    /// The object itself.
    Json,
    /// A table: with `includeObject=None` it holds nothing of an object but its printed columns.
    Table,
    /// Plain text, for metrics and health.
    Text,
}

impl Accept {
    const fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Json => "application/json",
            Self::Table => "application/json;as=Table;g=meta.k8s.io;v=v1",
            Self::Text => "text/plain, */*;q=0.5",
        })
    }
}

/// A request to the API server.
#[derive(Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    /// Below the API server's address, starting with a slash, percent-encoded.
    pub(crate) path_and_query: String,
    pub(crate) accept: Accept,
    /// Content type and content.
    pub(crate) body: Option<(&'static str, Bytes)>,
    /// Time limit: from sending to the response's end, or for a stream to its beginning and between
    /// its parts. `None`: [`Timing::kubernetes_request`].
    pub(crate) timeout: Option<Duration>,
}

impl Request {
    pub(crate) fn get(path_and_query: impl Into<String>, accept: Accept) -> Self {
        Self {
            method: Method::GET,
            path_and_query: path_and_query.into(),
            accept,
            body: None,
            timeout: None,
        }
    }

    pub(crate) fn post(path_and_query: impl Into<String>, accept: Accept, json: Bytes) -> Self {
        Self {
            method: Method::POST,
            body: Some(("application/json", json)),
            ..Self::get(path_and_query, accept)
        }
    }

    pub(crate) fn put(path_and_query: impl Into<String>, accept: Accept, json: Bytes) -> Self {
        Self { method: Method::PUT, ..Self::post(path_and_query, accept, json) }
    }

    pub(crate) fn merge_patch(
        path_and_query: impl Into<String>,
        accept: Accept,
        json: Bytes,
    ) -> Self {
        Self {
            method: Method::PATCH,
            body: Some(("application/merge-patch+json", json)),
            ..Self::get(path_and_query, accept)
        }
    }

    /// Deletes an object that is at this resource version, and no other.
    pub(crate) fn delete_at(path_and_query: impl Into<String>, resource_version: u64) -> Self {
        let options = format!(r#"{{"preconditions":{{"resourceVersion":"{resource_version}"}}}}"#);
        Self {
            method: Method::DELETE,
            ..Self::post(path_and_query, Accept::Json, Bytes::from(options))
        }
    }
}

/// A response, whatever its HTTP status.
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Bytes,
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("retry_after", &self.retry_after)
            .field("body_length", &self.body.len())
            .finish()
    }
}

/// Why there is no response. What became of the request is not known, unless it is
/// [`Credential`](Self::Credential).
#[derive(Debug)]
pub(crate) enum SendError {
    /// No response in time.
    Timeout,
    /// No connection, or it broke off.
    Connection(String),
    /// No credential could be obtained: nothing was sent.
    Credential(Error),
    /// The response is longer than what is read whole.
    TooLarge,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout => f.write_str("no response in time"),
            Self::Connection(why) => f.write_str(why),
            Self::Credential(error) => error.fmt(f),
            Self::TooLarge => f.write_str("the response is too long"),
        }
    }
}

impl std::error::Error for SendError {}

/// A response whose body is still to be read.
pub(crate) struct Streaming {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Duration>,
    /// The server's clock when it responded, in seconds since 1970.
    pub(crate) date: Option<f64>,
    pub(crate) body: Body,
    deadline: Instant,
}

impl Streaming {
    /// Reads the body whole.
    pub(crate) async fn into_response(mut self) -> Result<Response, SendError> {
        let body = timeout_at(self.deadline, self.body.collect())
            .await
            .map_err(|_| SendError::Timeout)??;
        Ok(Response { status: self.status, retry_after: self.retry_after, body })
    }
}

/// The body of a response. Dropped before its end, it closes its connection.
pub(crate) struct Body {
    incoming: Incoming,
    checkout: Option<Checkout>,
    pause: Duration,
}

impl Body {
    /// The next part; `None` at the end.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, SendError> {
        loop {
            let frame = timeout(self.pause, self.incoming.frame()).await;
            match frame.map_err(|_| SendError::Timeout)? {
                Some(Ok(frame)) => {
                    // What is not data is trailers.
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
                Some(Err(error)) => return Err(connection_error(&error)),
                None => {
                    if let Some(checkout) = self.checkout.take() {
                        checkout.finish();
                    }
                    return Ok(None);
                }
            }
        }
    }

    async fn collect(&mut self) -> Result<Bytes, SendError> {
        let mut whole = BytesMut::new();
        while let Some(chunk) = self.chunk().await? {
            if whole.len() + chunk.len() > LONGEST_ANSWER {
                return Err(SendError::TooLarge);
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }
}

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
            Error::new(ErrorKind::InvalidInput, "the API server's address is not a usable URL")
        })?;
        let target = Target {
            sessions: Sessions::new(destination).await?,
            token: token_source.map(TokenCache::new),
            host,
            host_header,
            base_path: url.path().trim_end_matches('/').to_owned(),
            timing: timing.clone(),
            requests: AtomicU64::new(0),
        };
        Ok(Self { target: Arc::new(target), pool: Pool::new(CONNECTIONS) })
    }

    /// The same API server with connections of its own, at most `connections` at a time.
    pub(crate) fn with_connections(&self, connections: usize) -> Self {
        Self { target: Arc::clone(&self.target), pool: Pool::new(connections) }
    }

    /// The same address over one new connection: all its requests, one after the other, reach the
    /// same API server process. When that connection ends, further requests fail.
    pub(crate) fn fresh(&self) -> Self {
        Self { target: Arc::clone(&self.target), pool: Pool::pinned() }
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

/// The API server gives seconds, never a date.
fn date(headers: &HeaderMap) -> Option<f64> {
    let text = headers.get(header::DATE)?.to_str().ok()?;
    let time = OffsetDateTime::parse(text, &Rfc2822).ok()?;
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are far below 2^52")]
    Some(time.unix_timestamp() as f64)
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests;
