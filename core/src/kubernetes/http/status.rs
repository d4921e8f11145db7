//! Responses that are not what was asked for: Kubernetes `Status` objects, and pages of proxies.

use serde::Deserialize;

use super::{error::SendError, response::Response};
use crate::{
    error::{Error, ErrorKind},
    kubernetes::objects::admission::Denial,
    text::{LONGEST_NAME, one_line},
};

/// The service code of errors that somebody between here and the API server is the cause of.
const IN_BETWEEN: &str = "NotFromApiServer";
/// The code of a connection to somebody whose certificate is not the API server's.
const UNTRUSTED: &str = "CertificateNotTrusted";

/// The longest message that is repeated, in characters.
const LONGEST_STATUS: usize = 1024;

/// A Kubernetes `Status`: why a request failed.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Status {
    kind: String,
    pub(crate) message: String,
    /// In one word, such as `Expired`.
    pub(crate) reason: String,
    pub(crate) code: u16,
    pub(crate) details: Details,
    metadata: Metadata,
    /// Admission says it, not the API server: the message is ours then.
    #[serde(skip)]
    pub(crate) denial: Option<Denial>,
}

/// What a refusal is about.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(default)]
pub(crate) struct Details {
    pub(crate) kind: String,
    pub(crate) name: String,
    causes: Vec<Cause>,
}

#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(default)]
struct Cause {
    field: String,
}

#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(default)]
struct Metadata {
    #[serde(rename = "continue")]
    continue_token: String,
}

impl Details {
    /// The fields that its causes are about; for what could not be read, keys in etcd.
    pub(super) fn fields(&self) -> impl Iterator<Item = &str> {
        self.causes.iter().map(|cause| cause.field.as_str())
    }
}

impl Status {
    /// `None`: the body is no `Status`.
    pub(crate) fn parse(body: &[u8]) -> Option<Self> {
        serde_json::from_slice::<Self>(body).ok()?.checked()
    }

    /// `None`: this was read from an object of another kind.
    pub(in crate::kubernetes) fn checked(mut self) -> Option<Self> {
        self.denial = Denial::read(&self.message);
        self.message = match &self.denial {
            Some(denial) => denial.describe(self.code),
            None => one_line(&self.message, LONGEST_STATUS),
        };
        self.reason = one_line(&self.reason, LONGEST_NAME);
        (self.kind == "Status").then_some(self)
    }

    /// The API server's own word that there is no such object.
    pub(crate) fn says_gone(&self, kind: &str, name: &str) -> bool {
        self.denial.is_none()
            && self.reason == "NotFound"
            && self.details.kind == kind
            && self.details.name == name
    }

    /// The API server's own word that this field may not be changed like that.
    pub(crate) fn refuses_field(&self, field: &str) -> bool {
        self.denial.is_none()
            && self.reason == "Invalid"
            && self.details.fields().any(|about| about == field)
    }

    /// Where an expired list can go on.
    pub(crate) fn continue_token(&self) -> Option<&str> {
        Some(self.metadata.continue_token.as_str()).filter(|token| !token.is_empty())
    }
}

/// What a response says, in words: a `Status` message, never any other part of a body.
pub(crate) fn describe(response: &Response) -> String {
    match Status::parse(&response.body) {
        Some(status) if !status.message.is_empty() => status.message,
        _ if is_html(response) => {
            format!("HTTP {} with a web page, as a proxy or gateway gives", response.status)
        }
        _ => format!("HTTP {}", response.status),
    }
}

/// Whether a response is a web page: by something in between, never by an API server.
pub(crate) fn is_html(response: &Response) -> bool {
    response.body.trim_ascii_start().first() == Some(&b'<')
}

/// Whether a response is about the object of the request, in admission's words: it says nothing of
/// the API server, of its load or of our credential.
pub(crate) fn denial(response: &Response) -> Option<Denial> {
    Status::parse(&response.body)?.denial
}

/// The error for a response that is not a success. `doing` completes "could not …".
pub(in crate::kubernetes) fn response_error(response: &Response, doing: &str, host: &str) -> Error {
    let said = describe(response);
    let (kind, advice) = match response.status {
        400..=599 if denial(response).is_some() => (ErrorKind::Forbidden, "let it allow this"),
        200..=299 => return not_kubernetes(doing, host),
        // An API server says no with a Status: this one is somebody else's.
        300..=499 if is_html(response) => return not_kubernetes(doing, host),
        401 => (ErrorKind::Unauthenticated, "the API server does not accept the credential"),
        403 => (ErrorKind::Forbidden, "grant this right"),
        404 => (ErrorKind::NotFound, "it does not exist"),
        409 => (ErrorKind::Conflict, "something else changed it"),
        429 => (ErrorKind::Throttled, "the API server is busy; try again later"),
        408 | 500..=599 => (ErrorKind::Unavailable, "the API server is unhealthy; try again later"),
        _ => (ErrorKind::Unexpected, "the API server does not accept this request"),
    };
    let error = Error::new(kind, format!("could not {doing} on {host}: {said}; {advice}"));
    if is_html(response) {
        return error.with_service_code(IN_BETWEEN);
    }
    match Status::parse(&response.body) {
        Some(status) if !status.reason.is_empty() => error.with_service_code(status.reason),
        _ => error,
    }
}

/// Whether nobody responded, or only a server that is not able to. A refusal is a response; so is a
/// web page of a proxy, or a certificate that is not the API server's.
pub(crate) fn is_no_response(error: &Error) -> bool {
    let is_down = matches!(
        error.kind(),
        ErrorKind::Unavailable | ErrorKind::Timeout | ErrorKind::KmsUnavailable
    );
    is_down && !matches!(error.service_code(), Some(IN_BETWEEN | UNTRUSTED))
}

/// Whether the certificate of whoever responded was not accepted.
pub(crate) fn is_untrusted(error: &Error) -> bool {
    error.service_code() == Some(UNTRUSTED)
}

/// The error for a success whose content is not what a Kubernetes API server gives.
pub(in crate::kubernetes) fn not_kubernetes(doing: &str, host: &str) -> Error {
    let message = format!(
        "could not {doing} on {host}: the response is not from a Kubernetes API server; look for a \
         proxy in between"
    );
    Error::new(ErrorKind::Unexpected, message)
}

/// The error for a list that is no list, in words.
pub(in crate::kubernetes) fn no_list(doing: &str, host: &str, why: &str) -> Error {
    Error::new(ErrorKind::Unexpected, format!("could not {doing} on {host}: {why}"))
}

/// The error for no response at all.
pub(in crate::kubernetes) fn send_error(error: SendError, doing: &str, host: &str) -> Error {
    let why = error.to_string();
    let (kind, advice) = match error {
        SendError::Credential(error) => return error,
        SendError::Timeout => (ErrorKind::Timeout, "; try again later"),
        SendError::Connection(_) if why.contains("certificate") => {
            (ErrorKind::Unavailable, "; its certificate is not trusted")
        }
        SendError::Connection(_) => {
            (ErrorKind::Unavailable, "; check that it can be reached from here")
        }
        SendError::TooLarge => (ErrorKind::Unexpected, ""),
    };
    let is_tls = kind == ErrorKind::Unavailable && why.contains("certificate");
    let error = Error::new(kind, format!("could not {doing} on {host}: {why}{advice}"));
    if is_tls { error.with_service_code(UNTRUSTED) } else { error }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, body: &str) -> Response {
        Response { status, retry_after: None, body: body.to_owned().into() }
    }

    const FORBIDDEN: &str = r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"secrets is forbidden: User \"a\" cannot list resource \"secrets\" in API group \"\" at the cluster scope","reason":"Forbidden","details":{"kind":"secrets"},"code":403}"#;
    const EXPIRED: &str = r#"{"kind":"Status","apiVersion":"v1","metadata":{"continue":"abc"},"status":"Failure","message":"The provided continue parameter is too old","reason":"Expired","code":410}"#;
    const INVALID: &str = r#"{"kind":"Status","metadata":{},"status":"Failure","message":"Secret \"a\" is invalid","reason":"Invalid","details":{"name":"a","kind":"Secret","causes":[{"reason":"FieldValueRequired","message":"Required value","field":"data[tls.crt]"}]},"code":422}"#;

    #[test]
    fn a_status_is_read() {
        let expired = Status::parse(EXPIRED.as_bytes()).unwrap();
        assert_eq!((expired.reason.as_str(), expired.code), ("Expired", 410));
        assert_eq!(expired.continue_token(), Some("abc"));
        let invalid = Status::parse(INVALID.as_bytes()).unwrap();
        assert_eq!(invalid.continue_token(), None);
    }

    #[test]
    fn what_is_no_status_is_not_taken_for_one() {
        for body in ["", "<html>", "[]", "{}", r#"{"kind":"Secret","data":{"a":"b"}}"#] {
            assert_eq!(Status::parse(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn each_http_status_has_its_kind_of_error() {
        let cases = [
            (401, ErrorKind::Unauthenticated),
            (403, ErrorKind::Forbidden),
            (404, ErrorKind::NotFound),
            (409, ErrorKind::Conflict),
            (429, ErrorKind::Throttled),
            (500, ErrorKind::Unavailable),
            (502, ErrorKind::Unavailable),
            (504, ErrorKind::Unavailable),
            (422, ErrorKind::Unexpected),
            (302, ErrorKind::Unexpected),
            (200, ErrorKind::Unexpected),
        ];
        for (status, kind) in cases {
            let error = response_error(&response(status, "{}"), "list secrets", "host");
            assert_eq!(error.kind(), kind, "{status}");
            assert!(error.to_string().contains("list secrets"), "{error}");
        }
    }

    #[test]
    fn a_missing_right_is_named() {
        let error = response_error(&response(403, FORBIDDEN), "list secrets", "host");
        assert!(error.to_string().contains("cannot list resource \"secrets\""), "{error}");
        assert_eq!(error.service_code(), Some("Forbidden"));
    }

    #[test]
    fn a_body_that_is_no_status_is_never_repeated() {
        for body in ["<html>very-secret</html>", r#"{"kind":"Secret","data":"very-secret"}"#] {
            for status in [200, 403, 502] {
                let error = response_error(&response(status, body), "list secrets", "host");
                assert!(!format!("{error:?}").contains("very-secret"), "{error:?}");
            }
        }
    }

    #[test]
    fn a_proxys_refusal_is_not_taken_for_the_api_servers() {
        for status in [302, 401, 403, 404, 407] {
            let error = response_error(&response(status, "<html></html>"), "list secrets", "host");
            assert_eq!(error.kind(), ErrorKind::Unexpected, "{status}");
            assert!(error.to_string().contains("proxy"), "{error}");
        }
    }

    #[test]
    fn a_web_page_is_told_as_such() {
        let said = describe(&response(502, "\n <!DOCTYPE html><html></html>"));
        assert_eq!(said, "HTTP 502 with a web page, as a proxy or gateway gives");
    }

    #[test]
    fn a_message_is_one_plain_line() {
        let body = format!(
            r#"{{"kind":"Status","reason":"a\u001b[2J","message":"no\r\n\u202e{}"}}"#,
            "é".repeat(2000)
        );
        let said = describe(&response(500, &body));
        assert_eq!(said.chars().count(), LONGEST_STATUS + 1);
        assert!(said.starts_with("no éé") && said.ends_with("é…"), "{said}");
        assert_eq!(Status::parse(body.as_bytes()).unwrap().reason, "a [2J");
    }

    #[test]
    fn a_message_is_on_one_line_and_hides_nothing() {
        let body = r#"{"kind":"Status","message":"a\nb\u001b[2J\u202ec"}"#;
        assert_eq!(describe(&response(500, body)), "a b [2Jc");
    }

    #[test]
    fn a_webhook_that_says_not_found_says_nothing_of_the_secret() {
        let body = r#"{"kind":"Status","message":"admission webhook \"a\" denied the request: no","reason":"NotFound","details":{"kind":"secrets","name":"b"},"code":404}"#;
        let status = Status::parse(body.as_bytes()).unwrap();
        assert!(!status.says_gone("secrets", "b"));
        let own =
            body.replace(r#"admission webhook \"a\" denied the request: no"#, "secrets not found");
        assert!(Status::parse(own.as_bytes()).unwrap().says_gone("secrets", "b"));
        assert!(!Status::parse(own.as_bytes()).unwrap().says_gone("secrets", "c"));
        assert_eq!(
            response_error(&response(401, body), "patch", "host").kind(),
            ErrorKind::Forbidden
        );
    }
}
