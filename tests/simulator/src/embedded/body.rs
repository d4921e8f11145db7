//! Response bodies.

use std::convert::Infallible;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use serde::Serialize;

/// A response body: whole, or a stream of events.
pub(super) type Body = UnsyncBoxBody<Bytes, Infallible>;

/// A body that is known as a whole.
pub(super) fn full(bytes: Bytes) -> Body {
    Full::new(bytes).boxed_unsync()
}

/// 200 with JSON.
pub(super) fn json(value: &impl Serialize) -> Response<Body> {
    // the types given here have string keys only, so serialising them cannot fail
    let bytes = serde_json::to_vec(value).unwrap_or_default();
    with_type(Bytes::from(bytes), "application/json")
}

/// 200 with text.
pub(super) fn text(text: String) -> Response<Body> {
    with_type(Bytes::from(text), "text/plain; charset=utf-8")
}

/// 404 for a path that is no resource.
pub(super) fn no_such_page() -> Response<Body> {
    let mut response = text("404 page not found\n".to_owned());
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

/// What a proxy answers with.
pub(super) fn web_page(status: u16) -> Response<Body> {
    let page = "<!DOCTYPE html><html><body><h1>Something is wrong</h1></body></html>";
    let mut response = with_type(Bytes::from_static(page.as_bytes()), "text/html");
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    response
}

fn with_type(bytes: Bytes, content_type: &'static str) -> Response<Body> {
    let mut response = Response::new(full(bytes));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
