//! Requests to the API server.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method};

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
    pub(super) const fn header(self) -> HeaderValue {
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
