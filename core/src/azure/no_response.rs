//! Why there is no token, or no response: in the words of whoever knows, with what to do.

use std::error::Error as StdError;

use azure_core::error::ErrorKind as CoreErrorKind;

use super::error::{LONGEST_PART, unreadable};
use crate::{
    error::{Error, ErrorKind},
    text::one_line,
};

/// The error of a credential that gave no token: in the words of whoever refused it. Its kind is the same
/// whatever the cause: that nobody signs us in must never look like an API server that is down, which a
/// rollback without a gate rests on.
pub(super) fn no_token(what: &str, error: &azure_core::Error) -> Error {
    let cause = Cause::of(error);
    let passes = !is_untrusted(&cause) && is_passing(error);
    let remedy = if is_untrusted(&cause) {
        UNTRUSTED_BY_CREDENTIAL
    } else if passes {
        "check the network and try again"
    } else {
        "sign in and try again"
    };
    let message = format!("could not {what}: no token could be obtained: {cause}; {remedy}");
    let error = Error::new(ErrorKind::Unauthenticated, message).with_source(cause);
    if passes { error.passing() } else { error }
}

const UNTRUSTED_BY_CREDENTIAL: &str = "the credential does not trust that certificate: name its CA in the environment variable \
                                       SSL_CERT_FILE";
const UNTRUSTED: &str =
    "that certificate is not trusted: pass its CA as ca_bundle, or name it in SSL_CERT_FILE";

/// Whether a certificate was not accepted.
fn is_untrusted(cause: &Cause) -> bool {
    ["invalid peer certificate", "UnknownIssuer", "certificate verify failed"]
        .iter()
        .any(|words| cause.0.contains(words))
}

/// An error and what it came of.
fn chain(error: &azure_core::Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    let first: &(dyn StdError + 'static) = error;
    std::iter::successors(Some(first), |&error| error.source())
}

/// Whether the service that signs in was not reached, or failed: later it may do.
fn is_passing(error: &azure_core::Error) -> bool {
    let mut errors = chain(error).filter_map(|error| error.downcast_ref::<azure_core::Error>());
    errors.any(|error| match error.kind() {
        CoreErrorKind::Io | CoreErrorKind::Connection => true,
        CoreErrorKind::HttpResponse { status, .. } => {
            let status = u16::from(*status);
            status == 429 || status >= 500
        }
        _ => false,
    })
}

/// The error of a request that got no response.
pub(super) fn no_response(what: &str, error: &azure_core::Error) -> Error {
    let cause = Cause::of(error);
    let (kind, sentence) = match error.kind() {
        CoreErrorKind::Credential => return no_token(what, error),
        CoreErrorKind::Io | CoreErrorKind::Connection => {
            let remedy =
                if is_untrusted(&cause) { UNTRUSTED } else { "check the network and try again" };
            (
                ErrorKind::Unavailable,
                format!("could not {what}: Azure could not be reached: {cause}; {remedy}"),
            )
        }
        CoreErrorKind::DataConversion => {
            return unreadable(what, &cause.to_string());
        }
        _ => (
            ErrorKind::Unexpected,
            format!("could not {what}: the request could not be sent: {cause}"),
        ),
    };
    Error::new(kind, sentence).with_source(cause)
}

/// What `azure_core` puts before an error that it does not try again: it says nothing of the cause.
const NOT_RETRIED: &str = "non-transport error occurred which will not be retried";

/// Why a request got no response, as text.
///
/// The original is not kept: its `Debug` may hold requests and signed addresses.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Cause(String);

impl Cause {
    fn of(error: &azure_core::Error) -> Self {
        let mut messages: Vec<String> = Vec::new();
        for error in chain(error) {
            // reqwest puts the whole address into its message, a poll address's signature included.
            let message =
                if error.is::<reqwest::Error>() { String::new() } else { error.to_string() };
            let message = without_tokens(&one_line(&message, LONGEST_PART));
            let says_nothing = message.is_empty() || message == NOT_RETRIED;
            if !(says_nothing || messages.iter().any(|said| said.contains(&message))) {
                messages.push(message);
            }
        }
        Self(messages.join(": "))
    }
}

/// The text without what looks like a token (a JWT): a credential's own words are those of a tool, and may
/// quote what it read.
fn without_tokens(text: &str) -> String {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    let mut shown = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("eyJ") {
        shown.push_str(&rest[..at]);
        shown.push('…');
        rest = rest[at..].trim_start_matches(is_part);
    }
    shown + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_was_not_given_is_told_with_why_and_what_to_do() {
        let because = |kind, inner: &'static str| {
            let inner = azure_core::Error::with_message(kind, inner);
            azure_core::Error::with_error(CoreErrorKind::Credential, inner, "it failed")
        };
        for (error, words, passes) in [
            (
                because(CoreErrorKind::Credential, "AADSTS7000215: Invalid client secret"),
                "obtained: it failed: AADSTS7000215: Invalid client secret; sign in",
                false,
            ),
            (
                because(CoreErrorKind::Connection, "tcp connect error"),
                "tcp connect error; check the network",
                true,
            ),
            (
                because(CoreErrorKind::Connection, "invalid peer certificate: UnknownIssuer"),
                "SSL_CERT_FILE",
                false,
            ),
        ] {
            let error = no_response("read X", &error.with_context(NOT_RETRIED));
            assert!(!error.to_string().contains(NOT_RETRIED), "{error}");
            // never as if the API server were down
            assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error}");
            assert!(error.to_string().contains(words), "{error}");
            assert_eq!(error.is_retryable(), passes, "{error}");
        }
    }

    #[tokio::test]
    async fn an_unreachable_service_leaves_no_address_in_the_error() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let failure = client.get(format!("http://127.0.0.1:{port}/poll?s=signature")).send().await;
        let error = azure_core::Error::with_error(
            CoreErrorKind::Connection,
            failure.unwrap_err(),
            "failed to execute `reqwest` request",
        );
        let error = no_response("read X", &error);
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        let source = error.source().unwrap();
        for text in
            [format!("{error}"), format!("{error:?}"), format!("{source}"), format!("{source:?}")]
        {
            assert!(!text.contains("signature"), "{text}");
        }
        assert!(source.to_string().contains("refused"), "{source}");
    }

    #[test]
    fn a_token_that_a_tool_quotes_is_not_shown() {
        let quoted = "invalid type: string \"eyJ0eXAiOiJKV1Qi.needle-1_2.x\", expected u64; Bearer eyJneedle";
        let error = azure_core::Error::with_message(CoreErrorKind::Credential, quoted);
        let error = no_token("read X", &error);
        let shown = format!("{error} {error:?} {}", error.source().unwrap());
        assert!(!shown.contains("needle"), "{shown}");
        assert!(shown.contains("string \"…\", expected u64; Bearer …"), "{shown}");
    }
}
