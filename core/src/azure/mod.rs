//! Azure: managed clusters, vaults, keys and access, over Resource Manager and the vaults.
//!
//! What is guaranteed here, for every request:
//! - Tokens go to the cloud's Resource Manager and to hosts under its vault suffix, by https, and
//!   nowhere else ([`cloud`] decides, [`policy`] obeys). Redirects are not followed, next pages and
//!   poll addresses are taken verbatim and only on Resource Manager's host, a challenge's
//!   `authorization` is compared and never asked.
//! - Retries are bounded: 408, 429 (as long as `Retry-After` says), 500, 502, 503, 504 and dropped
//!   connections, with exponential pauses. Every request that is retried may be sent twice without
//!   harm: it reads, or opens a vault. What changes a cluster, makes a version of a key or closes a
//!   vault is sent once; whoever sends it again looks first.
//! - What a subscription, or a vault, has said is too much, nobody asks there before it may be asked again, and then
//!   not all at once ([`throttle`]).
//! - Errors say what failed and which permission was missing; never a token, a kubeconfig, a
//!   response's body or a signed address.
//! - Facts that could not be read are [`Fact::Unknown`](crate::facts::Fact) with the reason; they
//!   are never guessed.
//!
//! Everything takes `&self`; independent reads may run at once.

mod access;
mod action;
mod bounded;
mod call;
mod challenge;
mod client;
mod cloud;
mod credential;
mod error;
mod feature;
#[cfg(test)]
mod fuzz_tests;
mod identity;
mod key;
mod key_version;
mod kms_users;
mod known_vaults;
mod managed_cluster;
mod no_response;
mod pages;
mod policy;
mod refusal;
mod resource_graph;
mod role_assignment;
mod role_definition;
#[cfg(test)]
pub(crate) use refusal::tests::of_a_change as refusal;
#[cfg(test)]
mod simulator_tests;
#[cfg(test)]
mod testing;
#[cfg(test)]
pub(crate) use testing::{FakeAzure, Reply, cluster_id, cluster_json, json_reply};
mod throttle;
mod vault;
pub(crate) use vault::API_VERSION as KEY_VAULT_API_VERSION;
mod vault_creation;

#[cfg(test)]
pub(crate) use action::{AzureAction, Plane};
pub(crate) use client::Azure;
pub use client::AzureConfig;
pub use cloud::Cloud;
pub(crate) use credential::ClusterRole;
pub(crate) use error::{is_etag_mismatch, is_key_permission_error};
pub(crate) use feature::DATA_ENCRYPTION_PREVIEW;
pub(crate) use managed_cluster::is_not_followed;
pub(crate) use managed_cluster::{
    Ended, ListedCluster, ManagedCluster, NewCluster, Operation, UnknownCluster, UpgradeTarget,
};
pub(crate) use vault_creation::NewVault;
