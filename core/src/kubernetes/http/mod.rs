//! Requests to the API server: how it is reached, with which credential, over which connections, and
//! what its responses say.

pub(super) mod access;
pub(super) mod call;
pub(super) mod connector;
pub(super) mod credential;
pub(super) mod error;
#[cfg(test)]
mod fuzz_tests;
pub(super) mod paths;
pub(super) mod pool;
pub(super) mod request;
pub(super) mod response;
pub(super) mod session;
pub(super) mod status;
#[cfg(test)]
pub(super) mod test_server;
pub(super) mod transport;
pub(super) mod undecryptable;
