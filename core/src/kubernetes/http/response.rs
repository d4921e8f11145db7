//! Responses of the API server, read whole or part by part.

use std::{fmt, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use time::{OffsetDateTime, format_description::well_known::Rfc2822};
use tokio::time::{Instant, timeout, timeout_at};

use super::{
    error::{SendError, connection_error},
    pool::Checkout,
};
use crate::limits::LONGEST_RESPONSE;

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

/// A response whose body is still to be read.
pub(crate) struct Streaming {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Duration>,
    /// The server's clock when it responded, in seconds since 1970.
    pub(crate) date: Option<f64>,
    pub(crate) body: Body,
    pub(super) deadline: Instant,
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
    pub(super) incoming: Incoming,
    pub(super) checkout: Option<Checkout>,
    /// Between two parts at most.
    pub(super) pause: Duration,
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
        let (mut parts, mut length) = (Vec::new(), 0);
        while let Some(chunk) = self.chunk().await? {
            length += chunk.len();
            if length > LONGEST_RESPONSE {
                return Err(SendError::TooLarge);
            }
            parts.push(chunk);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { parts.concat().into() })
    }
}

/// The API server gives seconds, never a date.
pub(super) fn date(headers: &HeaderMap) -> Option<f64> {
    let text = headers.get(header::DATE)?.to_str().ok()?;
    let time = OffsetDateTime::parse(text, &Rfc2822).ok()?;
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are far below 2^52")]
    Some(time.unix_timestamp() as f64)
}

pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}
