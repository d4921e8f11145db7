//! An answer, and Azure's shapes of an error.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use serde_json::{Value, json};

/// What a request gets.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// A response.
    Reply {
        /// HTTP status.
        status: u16,
        /// Headers besides those of the content.
        headers: Vec<(&'static str, String)>,
        /// JSON body; null: none.
        body: Value,
    },
    /// A gateway's page, which is not JSON.
    Gateway {
        /// HTTP status.
        status: u16,
        /// `Retry-After` in seconds.
        retry_after: Option<u64>,
    },
    /// The connection ends without a response.
    Dropped,
    /// An answer that comes late.
    Delayed {
        /// The answer.
        answer: Box<Answer>,
        /// How late.
        delay: Duration,
    },
}

impl Answer {
    /// 200 with a body.
    pub(crate) fn ok(body: Value) -> Self {
        Self::status(200, body)
    }

    /// Any status with a body.
    pub(crate) fn status(status: u16, body: Value) -> Self {
        Self::Reply { status, headers: Vec::new(), body }
    }

    /// 200 with a page of a list.
    pub(crate) fn list(values: impl IntoIterator<Item = Value>) -> Self {
        Self::ok(json!({ "value": Value::from_iter(values) }))
    }

    /// An error in the nested shape, which most of Azure uses.
    pub(crate) fn error(status: u16, code: &str, message: &str) -> Self {
        Self::status(status, json!({ "error": { "code": code, "message": message } }))
    }

    /// An error in the flat shape, which the AKS resource provider uses.
    pub(crate) fn flat_error(status: u16, code: &str, message: &str) -> Self {
        Self::status(
            status,
            json!({ "code": code, "details": null, "message": message, "subcode": "" }),
        )
    }

    /// The same with a header.
    pub(crate) fn with_header(self, name: &'static str, value: impl Into<String>) -> Self {
        match self {
            Self::Reply { status, mut headers, body } => {
                headers.push((name, value.into()));
                Self::Reply { status, headers, body }
            }
            Self::Delayed { answer, delay } => {
                Self::Delayed { answer: Box::new(answer.with_header(name, value)), delay }
            }
            other @ (Self::Gateway { .. } | Self::Dropped) => other,
        }
    }

    /// The same, so much later.
    pub(crate) fn delayed(self, delay: Duration) -> Self {
        if delay.is_zero() { self } else { Self::Delayed { answer: Box::new(self), delay } }
    }

    /// Waits as long as the answer is late.
    pub(crate) async fn when_due(self) -> Self {
        let mut due = self;
        while let Self::Delayed { answer, delay } = due {
            tokio::time::sleep(delay).await;
            due = *answer;
        }
        due
    }

    /// The response to send; `None`: drop the connection.
    pub(crate) fn into_response(self) -> Option<Response<Full<Bytes>>> {
        let (status, headers, content_type, body) = match self {
            Self::Reply { status, headers, body: Value::Null } => {
                (status, headers, None, Bytes::new())
            }
            Self::Reply { status, headers, body } => {
                (status, headers, Some("application/json; charset=utf-8"), body.to_string().into())
            }
            Self::Gateway { status, retry_after } => {
                let headers =
                    retry_after.map(|seconds| ("retry-after", seconds.to_string())).into_iter();
                let page = Bytes::from_static(b"<html><body><h1>Bad Gateway</h1></body></html>");
                (status, headers.collect(), Some("text/html"), page)
            }
            Self::Dropped => return None,
            Self::Delayed { answer, .. } => return answer.into_response(),
        };
        let mut response = Response::new(Full::new(body));
        *response.status_mut() =
            StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let map = response.headers_mut();
        if let Some(content_type) = content_type {
            map.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        for (name, value) in headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                map.insert(HeaderName::from_static(name), value);
            }
        }
        Some(response)
    }
}
