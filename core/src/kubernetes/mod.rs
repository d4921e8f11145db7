//! The Kubernetes API: access, transport, value-free forms, metrics, and what is observed of it.

mod http;
mod objects;
mod observe;
mod right;
mod tables;

pub use http::access::KubernetesAccess;
pub(crate) use http::access::{ClusterEndpoint, Destination};
pub(crate) use http::credential::{BearerToken, TokenSource};
pub(crate) use http::paths::{
    all_secrets_path, namespaces_path, secret_path, secrets_path, value_free_list, with_query,
};
pub(crate) use http::status::{Status, denial, describe, is_html, is_no_response, is_untrusted};
#[cfg(test)]
pub(crate) use http::test_server::{api_that_says, silent_api};
pub(crate) use http::undecryptable::{UndecryptableList, is_not_transformed};
pub(crate) use http::{
    error::SendError,
    request::{Accept, Request},
    response::{Body, Response},
    transport::KubernetesApi,
};
pub(crate) use objects::canary::{CANARY, CANARY_TYPE, canary_object};
pub(crate) use objects::etcd_identity::{EtcdIdentity, etcd_identity};
pub(crate) use objects::identity_leases::{IdentityLease, identity_leases};
pub(crate) use objects::lease::{LeaseHeld, LeaseStore, LeaseWrite};
pub(crate) use objects::namespace::namespace_exists;
pub(crate) use objects::record_store::{RecordStore, Stored, Written};
pub(crate) use objects::seal::{Read, SealStore};
pub(crate) use observe::{Needs, ObserveScope, observe};
#[cfg(test)]
pub(crate) use right::{KubernetesRight, Place};
pub(crate) use tables::metrics::{ServerMetrics, scrape};
pub(crate) use tables::table::{TablePage, object_resource_version, parse_page};
pub(crate) use tables::watch::{WatchEvent, WatchParser};
