//! A managed cluster: its document, its KMS profile and its operations.

pub(crate) mod agent_pools;
pub(crate) mod create;
mod defaults;
mod document;
pub(crate) mod earlier;
mod forgotten;
pub(crate) mod kms;
pub(crate) mod kubernetes;
pub(crate) mod lifecycle;
pub(crate) mod operation;
mod reconcile;
mod signature;
mod state;
pub(crate) mod update;
pub(crate) mod version;

pub(crate) use document::{kms_profile, new_etag};
pub(crate) use state::{Cluster, ManagedCluster};
