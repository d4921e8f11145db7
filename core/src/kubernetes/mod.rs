//! The Kubernetes API: access, transport, value-free forms, metrics, and what is observed of it.

mod access;
mod admission;
mod call;
mod canary;
mod connector;
mod credential;
mod etcd_identity;
mod identity_leases;
mod lease;
mod metrics;
mod namespace;
mod observe;
mod paths;
mod pool;
mod record_store;
mod seal;
mod session;
mod status;
mod table;
#[cfg(test)]
mod test_server;
mod transport;
mod watch;

pub use access::KubernetesAccess;
pub(crate) use access::{ClusterEndpoint, Destination};
pub(crate) use canary::{CANARY, CANARY_TYPE, canary_object};
pub(crate) use credential::{BearerToken, TokenSource};
pub(crate) use etcd_identity::{EtcdIdentity, etcd_identity};
pub(crate) use identity_leases::{IdentityLease, identity_leases};
pub(crate) use lease::{LeaseHeld, LeaseStore, LeaseWrite};
pub(crate) use metrics::{ServerMetrics, scrape};
pub(crate) use namespace::namespace_exists;
pub(crate) use observe::{Needs, ObserveScope, observe};
pub(crate) use paths::{
    all_secrets_path, namespaces_path, secret_path, secrets_path, value_free_list, with_query,
};
pub(crate) use record_store::{RecordStore, Stored, Written};
pub(crate) use seal::{Read, SealStore};
pub(crate) use status::{Status, denial, describe, is_html, is_no_response};
pub(crate) use table::{object_resource_version, parse_page};
#[cfg(test)]
pub(crate) use test_server::silent_api;
pub(crate) use transport::{Accept, Body, KubernetesApi, Request, Response, SendError};
pub(crate) use watch::{WatchEvent, WatchParser};
