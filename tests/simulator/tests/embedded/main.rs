//! The embedded Kubernetes API, asked over TLS, behaves as kube-apiserver does.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]

mod access;
mod admission;
mod comings;
mod convergence;
mod lists;
mod namespaces;
mod objects;
mod staleness;
mod streams;
mod world;
