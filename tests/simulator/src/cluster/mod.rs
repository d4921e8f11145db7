//! A managed cluster: its document, its KMS profile and its operations.

mod document;
pub(crate) mod kms;
pub(crate) mod operation;
mod state;
pub(crate) mod update;
pub(crate) mod version;

pub(crate) use document::new_etag;
pub(crate) use state::ManagedCluster;
