//! A request, read completely and taken apart once.

use bytes::Bytes;
use http::{HeaderMap, Method, Uri, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::Value;

use super::Answer;

/// A request whose body has arrived.
pub(crate) struct Request {
    pub(crate) method: Method,
    /// Host that the client meant, in lower case, without port.
    pub(crate) host: String,
    /// Path as sent.
    pub(crate) path: String,
    /// Decoded path segments as sent.
    pub(crate) segments: Vec<String>,
    query: Vec<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
}

impl Request {
    /// Reads a request to its end.
    pub(crate) async fn read(request: http::Request<Incoming>) -> Result<Self, hyper::Error> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Self::new(parts.method, &parts.uri, parts.headers, body))
    }

    fn new(method: Method, uri: &Uri, headers: HeaderMap, body: Bytes) -> Self {
        let authority = headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok())
            .or_else(|| uri.authority().map(http::uri::Authority::as_str))
            .unwrap_or_default();
        let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
        let segments =
            uri.path().split('/').filter(|segment| !segment.is_empty()).map(decode).collect();
        let query = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
            .into_owned()
            .collect();
        Self {
            method,
            host: host.to_ascii_lowercase(),
            path: uri.path().to_owned(),
            segments,
            query,
            headers,
            body,
        }
    }

    /// Path segments in lower case: Azure's paths are case-insensitive.
    pub(crate) fn lower_segments(&self) -> Vec<String> {
        self.segments.iter().map(|segment| segment.to_ascii_lowercase()).collect()
    }

    /// A path segment as the client wrote it.
    pub(crate) fn as_sent<'a>(&'a self, segment: &'a str) -> &'a str {
        let sent = self.segments.iter().find(|sent| sent.eq_ignore_ascii_case(segment));
        sent.map_or(segment, String::as_str)
    }

    /// The query with one parameter set.
    pub(crate) fn query_with(&self, name: &str, value: &str) -> String {
        let others = self.query.iter().filter(|(key, _)| !key.eq_ignore_ascii_case(name));
        url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(others)
            .append_pair(name, value)
            .finish()
    }

    /// A query parameter; names are case-insensitive.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// A header's text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The bearer token.
    pub(crate) fn bearer(&self) -> Option<&str> {
        let value = self.header("authorization")?;
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }

    /// The body as a form.
    pub(crate) fn form(&self) -> Vec<(String, String)> {
        url::form_urlencoded::parse(&self.body).into_owned().collect()
    }

    /// The body as JSON; null when there is none or it is no JSON.
    pub(crate) fn json_or_null(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The body, which must be a JSON object.
    pub(crate) fn json(&self) -> Result<Value, Answer> {
        match serde_json::from_slice(&self.body) {
            Ok(value @ Value::Object(_)) => Ok(value),
            _ => Err(Answer::error(
                400,
                "InvalidRequestContent",
                "The request content was invalid and could not be deserialized.",
            )),
        }
    }
}

fn decode(segment: &str) -> String {
    let bytes = segment.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while index < bytes.len() {
        let escaped = (bytes[index] == b'%')
            .then(|| segment.get(index + 1..index + 3))
            .flatten()
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        if let Some(byte) = escaped {
            decoded.push(byte);
            index += 3;
        } else {
            decoded.push(bytes[index]);
            index += 1;
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_taken_apart_case_insensitively() {
        let mut headers = HeaderMap::new();
        headers.insert("host", "KV-1.vault.azure.net:443".parse().unwrap());
        headers.insert("authorization", "bearer abc".parse().unwrap());
        let uri = "/Keys/a%2Fb//c?API-Version=7.4&$filter=atScope()".parse().unwrap();
        let request = Request::new(Method::GET, &uri, headers, Bytes::new());
        assert_eq!(request.host, "kv-1.vault.azure.net");
        assert_eq!(request.segments, ["Keys", "a/b", "c"]);
        assert_eq!(request.query("api-version"), Some("7.4"));
        assert_eq!(request.query("$filter"), Some("atScope()"));
        assert_eq!(request.bearer(), Some("abc"));
    }
}
