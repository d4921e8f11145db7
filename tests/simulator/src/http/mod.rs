//! The HTTP side: requests and answers as values, the names of listeners, the TLS listener, the CONNECT proxy.

pub(crate) mod answer;
pub(crate) mod host;
pub(crate) mod listener;
pub(crate) mod proxy;
pub(crate) mod request;

pub(crate) use answer::Answer;
pub(crate) use request::Request;

/// An answer, or the refusal that takes its place.
pub(crate) type Outcome = Result<Answer, Answer>;
