//! A managed cluster: its document, its KMS profile and its operations.

pub(crate) mod agent_pools;
pub(crate) mod create;
pub(crate) mod data_encryption;
mod defaults;
mod document;
pub(crate) mod earlier;
mod forgotten;
mod initial;
pub(crate) mod kms;
pub(crate) mod kubernetes;
pub(crate) mod lifecycle;
pub(crate) mod operation;
mod reconcile;
pub(crate) mod rewrite;
mod signature;
mod state;
mod switch;
pub(crate) mod unsaid;
pub(crate) mod update;
pub(crate) mod version;

pub(crate) use document::{kms_profile, new_etag};
pub(crate) use state::{Cluster, ManagedCluster};
